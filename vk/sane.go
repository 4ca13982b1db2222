//go:build cgo && (linux || darwin)

// What a driver may not say. Whatever it says must become a sentence: a count beyond an
// array, or an address that is none, would otherwise end the process.

package vk

import (
	"fmt"
	"math"
	"strings"
	"unsafe"

	"gpubench/internal/backend"

	vulkan "github.com/vulkan-go/vulkan"
)

// Bounds of what is believed. The first two are Vulkan's own.
const (
	mostMemoryTypes = vulkan.MaxMemoryTypes
	mostMemoryHeaps = vulkan.MaxMemoryHeaps
	mostDevices     = 256
	mostExtensions  = 4096
	mostFamilies    = 32  // as many as driver.c asks for
	mostMajor       = 9   // of the API's version; a variant of Vulkan is none
	mostTick        = 1e6 // nanoseconds: no clock for batches of milliseconds
)

// nonsense collects what a driver says of a device that cannot be.
type nonsense []string

func (n *nonsense) claim(what string, got, most uint32) (believed uint32) {
	if got > most {
		*n = append(*n, fmt.Sprintf("%d %s, where %d are the most", got, what, most))
		return 0
	}
	return got
}

// unusable words it for the result document, empty for nothing.
func (n nonsense) unusable() string {
	if len(n) == 0 {
		return ""
	}
	return "its driver says what cannot be: " + strings.Join(n, "; ") + "; update the driver"
}

// checkVersion looks at an API's version: variant, major, minor and patch.
func (n *nonsense) checkVersion(api uint32) {
	if api>>29 != 0 || api>>22&0x7f > mostMajor {
		*n = append(*n, fmt.Sprintf("an API version of %#x", api))
	}
}

// tick is the period of timestamps in nanoseconds, 0 where what the driver says is none.
func tick(period float32) float64 {
	p := float64(period)
	if !(p > 0 && p <= mostTick) { // NaN is neither
		return 0
	}
	return p
}

// addMemory adds the size of a heap to a sum, which ends at the largest number.
func addMemory(sum, size uint64) uint64 {
	if sum+size < sum {
		return math.MaxUint64
	}
	return sum + size
}

// checkMapping returns an error for an address at which floats cannot lie.
func (d *device) checkMapping(at unsafe.Pointer, size uint64) error {
	switch {
	case at == nil:
		return &backend.Error{Kind: backend.Failed, Text: fmt.Sprintf("%s: vkMapMemory: it succeeded for %d bytes, but gave no address", d.info.ID, size), Remedy: "update the driver"}
	case uintptr(at)%unsafe.Alignof(float32(0)) != 0:
		return &backend.Error{Kind: backend.Failed, Text: fmt.Sprintf("%s: vkMapMemory: it gave the address %p for %d bytes, which is not aligned", d.info.ID, at, size), Remedy: "update the driver"}
	}
	return nil
}

// checkRequirements returns an error for memory in which a buffer cannot lie.
func (d *device) checkRequirements(needs, size uint64) error {
	if needs < size || needs-size > size+(1<<30) {
		return &backend.Error{Kind: backend.Failed, Text: fmt.Sprintf("%s: vkGetBufferMemoryRequirements: a buffer of %d bytes needs %d, says the driver, which cannot be", d.info.ID, size, needs), Remedy: "update the driver"}
	}
	return nil
}

// noHandle is the error for a call that succeeded and made nothing.
func noHandle(id, call string) error {
	return &backend.Error{Kind: backend.Failed, Text: id + ": " + call + ": it succeeded, but gave no handle", Remedy: "update the driver"}
}
