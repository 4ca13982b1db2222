//go:build cgo && linux

// The rim: the driver as Go calls it.

package cuda

/*
#cgo CFLAGS: -std=gnu11 -O2 -Wall
#cgo LDFLAGS: -ldl
#include "driver.h"
#include <stdlib.h>
*/
import "C"

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"unsafe"

	"gpubench/internal/backend"
	"gpubench/internal/dynlib"
)

// libraries are the names of the driver in the order in which they are tried: as the
// loader finds it, and where WSL has it.
var libraries = []string{"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"}

// driver is opened once and stays open: it has threads of its own.
var driver struct {
	sync.Mutex
	open bool
}

// open opens the driver and makes it ready.
func open() error {
	driver.Lock()
	defer driver.Unlock()
	if !driver.open {
		if err := openLibrary(); err != nil {
			return err
		}
		driver.open = true
	}
	if res := C.nv_init(0); res != success {
		return initFailure(int(res))
	}
	return nil
}

func openLibrary() error {
	for _, name := range libraries {
		cname := C.CString(name)
		var why [512]C.char
		code := C.nv_open(cname, &why[0], C.size_t(len(why)))
		C.free(unsafe.Pointer(cname))
		if code == 0 {
			return nil
		}
		if said := C.GoString(&why[0]); code != 1 || !dynlib.Missing(name, said) {
			return &backend.Error{Kind: backend.Absent, Text: fmt.Sprintf("cuda: %s cannot be used: %s", name, said),
				Remedy: "install NVIDIA's driver whole, in one version"}
		}
	}
	return &backend.Error{Kind: backend.Absent, Text: "cuda: libcuda.so.1 not found", Remedy: remedyDriver}
}

// resultName is a result as the driver writes it.
func resultName(res int) string {
	var text *C.char
	if C.nv_error_name(C.int(res), &text) != success || text == nil {
		return fmt.Sprintf("CUresult %d", res)
	}
	return C.GoString(text)
}

// version is the newest CUDA that the driver knows, as in 12040.
func version() (int, error) {
	var v C.int
	if res := C.nv_driver_version(&v); res != success {
		return 0, failure("cuda", "ask for the driver's version", "cuDriverGetVersion", int(res))
	}
	return int(v), nil
}

func deviceCount() (int, error) {
	var n C.int
	if res := C.nv_device_count(&n); res != success {
		return 0, failure("cuda", "count the devices", "cuDeviceGetCount", int(res))
	}
	return int(n), nil
}

// handle is a device of the driver.
type handle C.int

// deviceAt is the handle of a device by its number.
func deviceAt(number int) (handle, error) {
	var h C.int
	if res := C.nv_device_get(&h, C.int(number)); res != success {
		return 0, failure(fmt.Sprintf("cuda:%d", number), "find the device", "cuDeviceGet", int(res))
	}
	return handle(h), nil
}

// name is that of the device, empty when the driver does not tell.
func (h handle) name() string {
	var text [256]C.char
	if C.nv_device_name(&text[0], C.int(len(text)-1), C.int(h)) != success {
		return ""
	}
	return strings.TrimSpace(C.GoString(&text[0]))
}

// memory is that of the device in bytes, 0 when the driver does not tell.
func (h handle) memory() uint64 {
	var n C.size_t
	if C.nv_device_memory(&n, C.int(h)) != success {
		return 0
	}
	return uint64(n)
}

// uuid is that of the device or, where a part of a device is one, of the part, in
// hexadecimal; empty when the driver does not tell.
func (h handle) uuid() string {
	var id [16]C.uchar
	if C.nv_device_uuid_mig(&id[0], C.int(h)) != success && C.nv_device_uuid(&id[0], C.int(h)) != success {
		return ""
	}
	return hex.EncodeToString(C.GoBytes(unsafe.Pointer(&id), C.int(len(id))))
}

// attribute is one of a device, and whether the driver knows it.
func (h handle) attribute(a int) (int, bool) {
	var v C.int
	ok := C.nv_device_attribute(&v, C.int(a), C.int(h)) == success
	return int(v), ok
}

// pointers are the driver's objects of one device.
type pointers struct {
	device             handle
	context            unsafe.Pointer // of the calling thread
	stream, begin, end unsafe.Pointer
	shown              unsafe.Pointer // memory of the host for the witnesses of a batch
}

// init makes the device's context that of the calling thread, and what its batches
// need. What it made until an error, close frees.
func (p *pointers) init(id string) error {
	// What a call writes to is a variable of its own: cgo looks at all that lies around it.
	var context, stream unsafe.Pointer
	if res := C.nv_context_retain(&context, C.int(p.device)); res != success {
		return failure(id, "open the device", "cuDevicePrimaryCtxRetain", int(res))
	}
	p.context = context
	if res := C.nv_context_set(p.context); res != success {
		return failure(id, "open the device", "cuCtxSetCurrent", int(res))
	}
	// What other code gives to the stream 0 must not hold this one up.
	if res := C.nv_stream_create(&stream, C.NV_STREAM_NON_BLOCKING); res != success {
		return failure(id, "make a stream", "cuStreamCreate", int(res))
	}
	p.stream = stream
	for _, to := range []*unsafe.Pointer{&p.begin, &p.end} {
		var event unsafe.Pointer
		if res := C.nv_event_create(&event, 0); res != success {
			return failure(id, "make an event", "cuEventCreate", int(res))
		}
		*to = event
	}
	var shown unsafe.Pointer
	if res := C.nv_alloc_host(&shown, C.NV_WITNESSES*4); res != success {
		return failure(id, "allocate memory that the host and the device share", "cuMemAllocHost", int(res))
	}
	p.shown = shown
	return nil
}

// close frees what init made. What a lost device answers then says nothing new.
func (p *pointers) close() {
	for _, e := range []unsafe.Pointer{p.begin, p.end} {
		if e != nil {
			C.nv_event_destroy(e)
		}
	}
	if p.shown != nil {
		C.nv_free_host(p.shown)
	}
	if p.stream != nil {
		C.nv_stream_destroy(p.stream)
	}
	if p.context != nil {
		C.nv_context_set(nil)
		C.nv_context_release(C.int(p.device))
	}
	*p = pointers{}
}

// memory is memory of the device.
type memory struct {
	at    C.nv_ptr
	bytes uint64
}

func alloc(id, what string, bytes uint64) (memory, error) {
	var at C.nv_ptr
	if res := C.nv_alloc(&at, C.size_t(bytes)); res != success {
		return memory{}, failure(id, fmt.Sprintf("allocate %d bytes for %s", bytes, what), "cuMemAlloc", int(res))
	}
	return memory{at, bytes}, nil
}

func (m memory) free() {
	if m.at != 0 {
		C.nv_free(m.at)
	}
}

// finish waits for what was given to the stream by a call that gave res.
func (p *pointers) finish(id, doing, call string, res C.int) error {
	if res == success {
		call = "cuStreamSynchronize"
		res = C.nv_stream_synchronize(p.stream)
	}
	if res != success {
		return failure(id, doing, call, int(res))
	}
	return nil
}

// write copies values into memory from an element on.
func (p *pointers) write(id, what string, to memory, values []float32, first int) error {
	if err := to.check(id, what, first+len(values)); err != nil {
		return err
	}
	res := C.nv_to_device(to.at+C.nv_ptr(4*first), unsafe.Pointer(unsafe.SliceData(values)), C.size_t(4*len(values)), p.stream)
	return p.finish(id, "copy "+what+" to the device", "cuMemcpyHtoDAsync", res)
}

// read copies the elements of memory from one on into values.
func (p *pointers) read(id, what string, values []float32, from memory, first int) error {
	if err := from.check(id, what, first+len(values)); err != nil {
		return err
	}
	res := C.nv_to_host(unsafe.Pointer(unsafe.SliceData(values)), from.at+C.nv_ptr(4*first), C.size_t(4*len(values)), p.stream)
	return p.finish(id, "copy "+what+" from the device", "cuMemcpyDtoHAsync", res)
}

// fill sets the first n words of memory.
func (p *pointers) fill(id, what string, to memory, word uint32, n int) error {
	if err := to.check(id, what, n); err != nil {
		return err
	}
	return p.finish(id, "fill "+what, "cuMemsetD32Async", C.nv_set(to.at, C.uint(word), C.size_t(n), p.stream))
}

// check returns an error when memory does not have n elements.
func (m memory) check(id, what string, n int) error {
	if uint64(n)*4 > m.bytes {
		return backend.Errorf(backend.Failed, "%s: %s has %d elements, and %d were asked for", id, what, m.bytes/4, n)
	}
	return nil
}

// Attributes of a function (CUfunction_attribute).
const (
	functionMaxThreads    = 0
	functionLocalBytes    = 3
	functionRegisters     = 4
	functionDynamicShared = 8
)

// module is compiled PTX.
type module struct{ pointer, function unsafe.Pointer }

// load compiles a text for the device of the calling thread, and finds its entry.
func load(id, text, entry string) (module, error) {
	ctext, centry := C.CString(text), C.CString(entry)
	defer C.free(unsafe.Pointer(ctext))
	defer C.free(unsafe.Pointer(centry))
	log := make([]C.char, 8<<10)
	var loaded, function unsafe.Pointer
	if res := C.nv_load_ptx(&loaded, ctext, &log[0], C.size_t(len(log))); res != success {
		e := failure(id, "compile the kernel", "cuModuleLoadDataEx", int(res))
		if said := strings.Join(strings.Fields(C.GoString(&log[0])), " "); said != "" {
			e.Text += ": the driver's compiler says: " + said
		}
		return module{}, e
	}
	m := module{pointer: loaded}
	if res := C.nv_module_function(&function, loaded, centry); res != success {
		m.unload()
		return module{}, failure(id, "find the entry of the kernel", "cuModuleGetFunction", int(res))
	}
	m.function = function
	return m, nil
}

func (m module) unload() {
	if m.pointer != nil {
		C.nv_module_unload(m.pointer)
	}
}

// attribute is one of the compiled function.
func (m module) attribute(id string, a int) (int, error) {
	var v C.int
	if res := C.nv_function_get(&v, C.int(a), m.function); res != success {
		return 0, failure(id, "ask for the kernel's attributes", "cuFuncGetAttribute", int(res))
	}
	return int(v), nil
}

// allowShared lets a launch ask for so much memory of a workgroup.
func (m module) allowShared(id string, bytes uint32) error {
	if res := C.nv_function_set(m.function, functionDynamicShared, C.int(bytes)); res != success {
		return failure(id, fmt.Sprintf("ask for %d bytes of shared memory", bytes), "cuFuncSetAttribute", int(res))
	}
	return nil
}

// batch is a number of dispatches as the driver is given them.
type batch struct {
	order backend.Batch
	c     C.nv_batch
}

func (p *pointers) newBatch(a, b, c memory, problem backend.Problem, order backend.Batch) *batch {
	n := &batch{order: order}
	n.c.stream, n.c.begin, n.c.end = p.stream, p.begin, p.end
	n.c.count = C.uint32_t(order.Dispatches)
	n.c.a, n.c.b, n.c.c = a.at, b.at, c.at+C.nv_ptr(4*order.Others().At(0))
	n.c.step = C.int64_t(4 * order.Step())
	n.c.apart = n.c.count
	if order.Apart > 0 {
		n.c.apart, n.c.own = C.uint32_t(order.Apart-1), c.at+C.nv_ptr(4*problem.Place(order, order.Apart-1))
	}
	for i, w := range problem.Witnesses(order) {
		n.c.witness[i] = c.at + C.nv_ptr(4*w)
	}
	n.c.shown = (*C.uint32_t)(p.shown)
	n.c.m, n.c.n, n.c.k = C.uint32_t(problem.M), C.uint32_t(problem.N), C.uint32_t(problem.K)
	return n
}

// kernel makes a compiled kernel what runs.
func (n *batch) kernel(m module, groups, block [2]uint32, shared uint32) {
	n.c.function = m.function
	for i := range groups {
		n.c.grid[i], n.c.block[i] = C.uint32_t(groups[i]), C.uint32_t(block[i])
	}
	n.c.shared = C.uint32_t(shared)
}

// blas makes cuBLAS what runs.
func (n *batch) blas(h blasHandle) { n.c.blas = h.pointer }

// record makes a graph of the dispatches, so that they are submitted as one. An error is
// that of the driver or of cuBLAS.
func (n *batch) record(id string) error {
	o := C.nv_record(&n.c)
	return n.failure(id, "record a batch", o)
}

// submit runs the batch to its end.
func (n *batch) submit(id string) (backend.Timing, error) {
	o := C.nv_submit(&n.c)
	if err := n.failure(id, fmt.Sprintf("run %d dispatches", n.c.count), o); err != nil {
		return backend.Timing{}, err
	}
	if o.finished == 0 {
		return backend.Timing{}, &backend.Error{Kind: backend.WrongResult, Remedy: "update the driver",
			Text: id + ": the stream was said to be idle before the batch was finished, so its time means nothing"}
	}
	device := float64(o.device)
	t := backend.Timing{HostS: float64(o.ns) / 1e9, DeviceS: &device}
	for i, bits := range o.witness {
		t.Witness[i] = math.Float32frombits(uint32(bits))
	}
	return t, nil
}

func (n *batch) failure(id, doing string, o C.nv_outcome) error {
	switch {
	case o.result == 0:
		return nil
	case o.blas != 0:
		return blasFailure(id, doing, C.GoString(o.call), int(o.result))
	}
	return failure(id, doing, C.GoString(o.call), int(o.result))
}

func (n *batch) close() {
	if n.c.graph != nil {
		C.nv_graph_exec_destroy(n.c.graph)
		n.c.graph = nil
	}
}

// blasHandle is cuBLAS for one stream.
type blasHandle struct{ pointer unsafe.Pointer }

// openBLAS opens a library of cuBLAS and makes a handle with a math mode. missing says
// that there is no such library.
func (p *pointers) openBLAS(id, library string, mode int) (h blasHandle, version int, missing bool, err error) {
	cname := C.CString(library)
	defer C.free(unsafe.Pointer(cname))
	var why [512]C.char
	if code := C.nv_blas_open(cname, &why[0], C.size_t(len(why))); code != 0 {
		said := C.GoString(&why[0])
		return h, 0, code == 1 && dynlib.Missing(library, said), errors.New(said)
	}
	var v C.int
	var made unsafe.Pointer
	o := C.nv_blas_create(&made, p.stream, C.int(mode), &v)
	h = blasHandle{made}
	if o.result != 0 {
		h.close()
		return blasHandle{}, 0, false, blasFailure(id, "start "+library, C.GoString(o.call), int(o.result))
	}
	return h, int(v), false, nil
}

func (h blasHandle) close() { C.nv_blas_destroy(h.pointer) }
