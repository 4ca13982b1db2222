//go:build cgo && (linux || darwin)

// The rim: every call into driver.c.

package vk

/*
#cgo CFLAGS: -std=gnu11 -O2 -Wall
#cgo linux LDFLAGS: -ldl
#include "driver.h"
#include <stdlib.h>
*/
import "C"

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"sync"
	"unsafe"

	"gpubench/internal/backend"
	"gpubench/internal/dynlib"

	vulkan "github.com/vulkan-go/vulkan"
)

// loader is an opened Vulkan library. It stays open: vulkan-go's function
// pointers belong to the whole process.
type loader struct{ get C.gb_get_proc }

var loaded struct {
	sync.Mutex
	loader *loader
}

// refused is what is said of a library that is there and cannot be used.
type refused struct{ text string }

func (e *refused) Error() string { return e.text }

// openLoader opens the first of the libraries that can be used, or says why the first
// that is there cannot; or, where none is there, the first of all.
func openLoader(names []string) (*loader, error) {
	loaded.Lock()
	defer loaded.Unlock()
	var first, there error
	for _, name := range names {
		cname := C.CString(name)
		var why [512]C.char
		get := C.gb_open(cname, &why[0], C.size_t(len(why)))
		C.free(unsafe.Pointer(cname))
		if get == nil {
			said := C.GoString(&why[0])
			if there == nil && !dynlib.Missing(name, said) {
				there = &refused{name + ": " + said}
			}
			if first == nil {
				first = errors.New(said)
			}
			continue
		}
		// Init clears vulkan-go's function pointers, which an open device uses.
		if loaded.loader == nil || loaded.loader.get != get {
			vulkan.SetGetInstanceProcAddr(unsafe.Pointer(get))
			if err := vulkan.Init(); err != nil {
				return nil, err
			}
			loaded.loader = &loader{get}
		}
		return loaded.loader, nil
	}
	return nil, cmp.Or(there, first)
}

// version is the API version of the loader.
func (l *loader) version() uint32 { return uint32(C.gb_loader_version(l.get)) }

func (l *loader) hasInstanceExtension(name string) bool {
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	return C.gb_instance_extension(l.get, cname) != 0
}

func (l *loader) hasDeviceExtension(instance vulkan.Instance, physical vulkan.PhysicalDevice, name string) bool {
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	return C.gb_device_extension(l.get, unsafe.Pointer(instance), unsafe.Pointer(physical), cname) != 0
}

// extensions is how many a device has, says its driver.
func (l *loader) extensions(instance vulkan.Instance, physical vulkan.PhysicalDevice) uint32 {
	return uint32(C.gb_device_extensions(l.get, unsafe.Pointer(instance), unsafe.Pointer(physical)))
}

// computeFamily returns the queue family to use, -1 when none computes, how many bits
// of its timestamps count, and how many families there are, says the driver.
func (l *loader) computeFamily(instance vulkan.Instance, physical vulkan.PhysicalDevice) (family int, validBits, count uint32) {
	var bits, n C.uint32_t
	family = int(C.gb_compute_family(l.get, unsafe.Pointer(instance), unsafe.Pointer(physical), &bits, &n))
	return family, uint32(bits), uint32(n)
}

// properties is what Vulkan 1.1 and later say of a device.
type properties struct {
	driverID      uint32
	driverName    string
	driverInfo    string
	uuid          string // hexadecimal
	subgroupSize  uint32
	maxAllocation uint64 // bytes
	float16       bool
	storage16     bool
}

func (l *loader) describe(instance vulkan.Instance, physical vulkan.PhysicalDevice, api uint32) properties {
	var p C.gb_properties
	C.gb_describe(l.get, unsafe.Pointer(instance), unsafe.Pointer(physical), C.uint32_t(api), &p)
	return properties{
		driverID:      uint32(p.driver_id),
		driverName:    C.GoString(&p.driver_name[0]),
		driverInfo:    C.GoString(&p.driver_info[0]),
		uuid:          hex.EncodeToString(C.GoBytes(unsafe.Pointer(&p.uuid), C.int(len(p.uuid)))),
		subgroupSize:  uint32(p.subgroup_size),
		maxAllocation: uint64(p.max_allocation),
		float16:       p.float16 != 0,
		storage16:     p.storage16 != 0,
	}
}

// calls are the entry points of one device.
type calls struct{ c C.gb_calls }

// load finds the entry points, or names one that is missing.
func (l *loader) load(instance vulkan.Instance, device vulkan.Device) (*calls, error) {
	var c calls
	if missing := C.gb_load(l.get, unsafe.Pointer(instance), unsafe.Pointer(device), &c.c); missing != nil {
		return nil, fmt.Errorf("the driver has no %s", C.GoString(missing))
	}
	return &c, nil
}

// tokenSize is the size in bytes of the buffer for submit's token.
const tokenSize = C.GB_TOKEN_SIZE

// submit runs a command buffer to its end and returns the nanoseconds from the
// submit until the fence was seen with the witnesses as they were then, and whether its last
// command was done, or the call that failed and its result.
func (c *calls) submit(device vulkan.Device, queue vulkan.Queue, commands vulkan.CommandBuffer, fence vulkan.Fence, token unsafe.Pointer) (s submitted, finished bool, call string, res vulkan.Result) {
	t := C.gb_submit(&c.c, unsafe.Pointer(device), unsafe.Pointer(queue), unsafe.Pointer(commands), unsafe.Pointer(fence), (*C.uint32_t)(token))
	if t.result != 0 {
		return submitted{}, false, C.GoString(t.call), vulkan.Result(t.result)
	}
	s.seconds = float64(t.ns) / 1e9
	for i, bits := range t.witness {
		s.witness[i] = math.Float32frombits(uint32(bits))
	}
	return s, t.finished != 0, "", vulkan.Success
}

// submitted is what came of a command buffer.
type submitted struct {
	seconds float64
	witness [C.GB_WITNESSES]float32
}

// finished reports whether the last command of what was submitted is done.
func finished(token unsafe.Pointer) bool { return C.gb_finished((*C.uint32_t)(token)) != 0 }

// createPipeline makes the compute pipeline; ids and values are equally long.
func (c *calls) createPipeline(device vulkan.Device, module vulkan.ShaderModule, layout vulkan.PipelineLayout, ids, values []uint32) (vulkan.Pipeline, vulkan.Result) {
	var pipeline unsafe.Pointer
	res := C.gb_create_pipeline(&c.c, unsafe.Pointer(device), unsafe.Pointer(module), unsafe.Pointer(layout),
		(*C.uint32_t)(unsafe.SliceData(ids)), (*C.uint32_t)(unsafe.SliceData(values)), C.uint32_t(len(ids)), &pipeline)
	return vulkan.Pipeline(pipeline), vulkan.Result(res)
}

// bind points the set's bindings, from 0 on, at the buffers, and the last, dynamic one
// at that many bytes.
func (c *calls) bind(device vulkan.Device, set vulkan.DescriptorSet, bytes uint64, buffers ...vulkan.Buffer) {
	C.gb_bind(&c.c, unsafe.Pointer(device), unsafe.Pointer(set), (*unsafe.Pointer)(unsafe.Pointer(unsafe.SliceData(buffers))), C.uint32_t(len(buffers)), C.uint64_t(bytes))
}

func (c *calls) flush(device vulkan.Device, memory vulkan.DeviceMemory) vulkan.Result {
	return vulkan.Result(C.gb_flush(&c.c, unsafe.Pointer(device), unsafe.Pointer(memory)))
}

func (c *calls) invalidate(device vulkan.Device, memory vulkan.DeviceMemory) vulkan.Result {
	return vulkan.Result(C.gb_invalidate(&c.c, unsafe.Pointer(device), unsafe.Pointer(memory)))
}

// settle records a barrier: what the queue was given before is done and visible
// to dispatches, copies and the host.
func (c *calls) settle(commands vulkan.CommandBuffer) {
	C.gb_settle(&c.c, unsafe.Pointer(commands))
}

// dispatch records the dispatches of a batch, of x by y workgroups, each after the one
// before it has written, and each with its own place in C's region for the problem.
func (c *calls) dispatch(commands vulkan.CommandBuffer, layout vulkan.PipelineLayout, set vulkan.DescriptorSet, groups [2]uint32, p backend.Problem, b backend.Batch) {
	places := C.gb_places{count: C.uint32_t(b.Dispatches), first: C.uint32_t(4 * b.Others().At(0)), step: C.int32_t(4 * b.Step()), apart: math.MaxUint32}
	if b.Apart > 0 {
		places.apart, places.own = C.uint32_t(b.Apart-1), C.uint32_t(4*p.Place(b, b.Apart-1))
	}
	C.gb_dispatch(&c.c, unsafe.Pointer(commands), unsafe.Pointer(layout), unsafe.Pointer(set), C.uint32_t(groups[0]), C.uint32_t(groups[1]), &places)
}

// sign records the copies of the witnesses, elements of a buffer, and of the token, after
// all else. There are no witnesses of nil.
func (c *calls) sign(commands vulkan.CommandBuffer, token, from vulkan.Buffer, witnesses [3]int) {
	var at [C.GB_WITNESSES]C.uint64_t
	for i, w := range witnesses {
		at[i] = C.uint64_t(4 * w)
	}
	C.gb_sign(&c.c, unsafe.Pointer(commands), unsafe.Pointer(token), unsafe.Pointer(from), &at[0])
}

func (c *calls) copy(commands vulkan.CommandBuffer, from vulkan.Buffer, fromAt uint64, to vulkan.Buffer, toAt, size uint64) {
	C.gb_copy(&c.c, unsafe.Pointer(commands), unsafe.Pointer(from), C.uint64_t(fromAt), unsafe.Pointer(to), C.uint64_t(toAt), C.uint64_t(size))
}
