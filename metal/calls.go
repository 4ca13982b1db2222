//go:build cgo && (darwin || gnustep)

// The rim: every call into driver.m.

package metal

/*
#cgo CFLAGS: -std=gnu11 -O2 -Wall -Wno-deprecated-declarations
#cgo darwin LDFLAGS: -framework Foundation -framework CoreFoundation -framework IOKit -framework Metal -framework MetalPerformanceShaders
#include "driver.h"
#include <stdlib.h>
*/
import "C"

import (
	"unsafe"

	"gpubench/internal/backend"
)

// object is a retained object of Objective-C, or nil.
type object unsafe.Pointer

func release(o object) { C.mtl_release(unsafe.Pointer(o)) }

// maxDevices are more than any Mac has.
const maxDevices = 16

func listDevices() []object {
	var list [maxDevices]unsafe.Pointer
	n := C.mtl_devices(&list[0], maxDevices)
	var out []object
	for _, d := range list[:min(n, maxDevices)] {
		out = append(out, object(d))
	}
	return out
}

// properties is what Metal and the registry say of a device.
type properties struct {
	name                                 string
	unified, mps                         bool
	appleFamily, macFamily, metalFamily  uint32 // 0 for none
	cores                                uint32 // 0 when unknown
	workingSet, maxBuffer, maxGroupBytes uint64 // bytes
	maxThreads                           [2]uint64
}

func describe(device object) properties {
	var i C.mtl_info
	C.mtl_describe(unsafe.Pointer(device), &i)
	return properties{
		name:    C.GoString(&i.name[0]),
		unified: i.unified != 0, mps: i.mps != 0,
		appleFamily: uint32(i.apple_family), macFamily: uint32(i.mac_family), metalFamily: uint32(i.metal_family),
		cores:      uint32(i.cores),
		workingSet: uint64(i.working_set), maxBuffer: uint64(i.max_buffer), maxGroupBytes: uint64(i.max_threadgroup_memory),
		maxThreads: [2]uint64{uint64(i.max_threads[0]), uint64(i.max_threads[1])},
	}
}

func newQueue(device object) object { return object(C.mtl_queue(unsafe.Pointer(device))) }

func newBuffer(device object, bytes uint64) object {
	return object(C.mtl_buffer(unsafe.Pointer(device), C.uint64_t(bytes)))
}

// elements are the first n elements of a buffer, as the host sees them.
func elements[T byte | uint16 | float32](buffer object, n int) []T {
	return unsafe.Slice((*T)(C.mtl_contents(unsafe.Pointer(buffer))), n)
}

func said(e *C.mtl_error) *description {
	return &description{C.GoString(&e.domain[0]), int64(e.code), C.GoString(&e.text[0])}
}

// newPipeline compiles a kernel; macros and values are equally long. most is how many
// threads a threadgroup of it may have.
func newPipeline(device object, text, entry string, macros []string, values []uint32) (pipeline object, most uint64, err *description) {
	ctext, centry := C.CString(text), C.CString(entry)
	defer C.free(unsafe.Pointer(ctext))
	defer C.free(unsafe.Pointer(centry))
	names := make([]*C.char, len(macros))
	for i, m := range macros {
		names[i] = C.CString(m)
		defer C.free(unsafe.Pointer(names[i]))
	}
	var cmost C.uint64_t
	var e C.mtl_error
	p := C.mtl_pipeline(unsafe.Pointer(device), ctext, centry, unsafe.SliceData(names), (*C.uint32_t)(unsafe.SliceData(values)), C.int(len(values)), &cmost, &e)
	if p == nil {
		return nil, 0, said(&e)
	}
	return object(p), uint64(cmost), nil
}

func newProduct(device object, p backend.Problem) object {
	size := [3]C.uint32_t{C.uint32_t(p.M), C.uint32_t(p.N), C.uint32_t(p.K)}
	return object(C.mtl_product(unsafe.Pointer(device), &size[0]))
}

// timing is what the clocks said: the host's in nanoseconds, the device's in seconds.
type timing struct {
	hostNS     uint64
	start, end float64
}

// run runs a batch of a pipeline, or of a product, and waits for it. The dispatch that is
// apart has its C at own. element is the size of an element in bytes.
func run(queue, pipeline object, isProduct bool, buffers [3]object, b backend.Batch, own int, size backend.Problem, element uint64, groups, threads [2]uint32) (timing, *description) {
	list := [3]unsafe.Pointer{unsafe.Pointer(buffers[0]), unsafe.Pointer(buffers[1]), unsafe.Pointer(buffers[2])}
	batch := C.mtl_batch{
		count: C.uint32_t(b.Dispatches), element: C.uint32_t(element),
		apart: C.uint32_t(uint32(b.Apart - 1)), own: C.uint64_t(element * uint64(own)), // the number -1 is of none
		offset: C.uint64_t(element * uint64(b.Others().At(0))), step: C.int64_t(int(element) * b.Step()),
		size:    [3]C.uint32_t{C.uint32_t(size.M), C.uint32_t(size.N), C.uint32_t(size.K)},
		groups:  [2]C.uint32_t{C.uint32_t(groups[0]), C.uint32_t(groups[1])},
		threads: [2]C.uint32_t{C.uint32_t(threads[0]), C.uint32_t(threads[1])},
	}
	var t C.mtl_timing
	var e C.mtl_error
	var failed C.int
	if isProduct {
		failed = C.mtl_multiply(unsafe.Pointer(queue), unsafe.Pointer(pipeline), &list[0], &batch, &t, &e)
	} else {
		failed = C.mtl_run(unsafe.Pointer(queue), unsafe.Pointer(pipeline), &list[0], &batch, &t, &e)
	}
	if failed != 0 {
		return timing{}, said(&e)
	}
	return timing{uint64(t.host_ns), float64(t.start), float64(t.end)}, nil
}
