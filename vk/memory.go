//go:build cgo && (linux || darwin)

// Buffers, and the two ways to their contents: a mapping or a staging buffer.

package vk

import (
	"fmt"
	"unsafe"

	"gpubench/internal/backend"

	vulkan "github.com/vulkan-go/vulkan"
)

// buffer is a buffer with memory of its own.
type buffer struct {
	handle   vulkan.Buffer
	memory   vulkan.DeviceMemory
	size     uint64         // bytes
	mapped   unsafe.Pointer // nil when the host cannot see it
	coherent bool           // the mapping needs neither flush nor invalidate
}

// want is a kind of memory: properties that it has and that it has not.
type want struct{ has, hasNot vulkan.MemoryPropertyFlags }

// matrixMemory lists the kinds of memory for a matrix, the best first: mapped where
// memory is unified, then cached if the host reads it, and out of the host's sight
// elsewhere.
func (d *device) matrixMemory(hostReads bool) []want {
	switch {
	case !d.info.Unified || d.neverMap:
		// Memory that the host sees may be a small window into a discrete card's.
		return []want{{deviceLocal, hostVisible}, {has: deviceLocal}, {}}
	case hostReads:
		return []want{{has: deviceLocal | hostVisible | hostCached | hostCoherent}, {has: deviceLocal | hostVisible | hostCached}, {has: deviceLocal | hostVisible}}
	}
	return []want{{has: deviceLocal | hostVisible | hostCoherent}, {has: deviceLocal | hostVisible}}
}

// stagingMemory lists the kinds of memory for copies in both directions.
var stagingMemory = []want{{has: hostVisible | hostCached | hostCoherent}, {has: hostVisible | hostCached}, {has: hostVisible}}

// tokenMemory lists the kinds of memory for the token; Vulkan promises the last.
var tokenMemory = []want{{has: hostVisible | hostCached | hostCoherent}, {has: hostVisible | hostCoherent}}

const (
	copied     = vulkan.BufferUsageTransferDstBit | vulkan.BufferUsageTransferSrcBit
	matrixUse  = vulkan.BufferUsageStorageBufferBit | copied
	stagingUse = copied
)

// newBuffer makes a buffer in the first kind of memory that it can lie in, and
// maps it when that was asked for.
func (d *device) newBuffer(size uint64, usage vulkan.BufferUsageFlagBits, wants []want) (*buffer, error) {
	b := &buffer{size: size}
	if err := d.initBuffer(b, usage, wants); err != nil {
		d.free(b)
		return nil, err
	}
	return b, nil
}

func (d *device) initBuffer(b *buffer, usage vulkan.BufferUsageFlagBits, wants []want) error {
	info := vulkan.BufferCreateInfo{
		SType: vulkan.StructureTypeBufferCreateInfo,
		Size:  vulkan.DeviceSize(b.size),
		Usage: vulkan.BufferUsageFlags(usage),
	}
	defer info.Free()
	var handle vulkan.Buffer
	if res := vulkan.CreateBuffer(d.handle, &info, nil, &handle); res != vulkan.Success {
		return d.bufferFailure("vkCreateBuffer", res, b.size)
	}
	if handle == nil {
		return noHandle(d.info.ID, "vkCreateBuffer")
	}
	b.handle = handle
	var needs vulkan.MemoryRequirements
	vulkan.GetBufferMemoryRequirements(d.handle, handle, &needs)
	defer needs.Free()
	needs.Deref()
	if err := d.checkRequirements(uint64(needs.Size), b.size); err != nil {
		return err
	}
	index, w, ok := d.memoryType(needs.MemoryTypeBits, wants)
	if !ok {
		return backend.Errorf(backend.Failed, "%s: the driver has no memory for a buffer of usage %#x (types %#x)", d.info.ID, usage, needs.MemoryTypeBits)
	}
	allocInfo := vulkan.MemoryAllocateInfo{
		SType:           vulkan.StructureTypeMemoryAllocateInfo,
		AllocationSize:  needs.Size,
		MemoryTypeIndex: uint32(index),
	}
	defer allocInfo.Free()
	var memory vulkan.DeviceMemory
	if res := vulkan.AllocateMemory(d.handle, &allocInfo, nil, &memory); res != vulkan.Success {
		return d.bufferFailure("vkAllocateMemory", res, b.size)
	}
	if memory == nil {
		return noHandle(d.info.ID, "vkAllocateMemory")
	}
	b.memory = memory
	if res := vulkan.BindBufferMemory(d.handle, handle, memory, 0); res != vulkan.Success {
		return d.bufferFailure("vkBindBufferMemory", res, b.size)
	}
	if w.has&hostVisible != 0 {
		var mapped unsafe.Pointer
		if res := vulkan.MapMemory(d.handle, memory, 0, vulkan.DeviceSize(vulkan.WholeSize), 0, &mapped); res != vulkan.Success {
			return d.bufferFailure("vkMapMemory", res, b.size)
		}
		if err := d.checkMapping(mapped, b.size); err != nil {
			return err
		}
		b.mapped = mapped
		b.coherent = d.types[index].PropertyFlags&hostCoherent != 0
	}
	return nil
}

func (d *device) bufferFailure(call string, res vulkan.Result, size uint64) error {
	e := failure(d.info.ID, call, res)
	e.Text += fmt.Sprintf(" for %d bytes", size)
	return e
}

// memoryType returns the first type among bits that satisfies the first want
// that any of them satisfies.
func (p *physical) memoryType(bits uint32, wants []want) (index int, w want, ok bool) {
	for _, w := range wants {
		for i, t := range p.types {
			if bits>>i&1 != 0 && t.PropertyFlags&w.has == w.has && t.PropertyFlags&w.hasNot == 0 {
				return i, w, true
			}
		}
	}
	return 0, want{}, false
}

func (d *device) free(b *buffer) {
	if b == nil {
		return
	}
	vulkan.DestroyBuffer(d.handle, b.handle, nil)
	vulkan.FreeMemory(d.handle, b.memory, nil) // and the mapping with it
}

// write copies values into a matrix from an element on, by way of staging where it is not
// mapped.
func (d *device) write(to, staging *buffer, values []float32, first int, name string) error {
	if first < 0 || uint64(first+len(values))*4 > to.size {
		return backend.Errorf(backend.Failed, "%s: matrix %s has %d elements, and %d from %d on were given", d.info.ID, name, to.size/4, len(values), first)
	}
	if to.mapped != nil {
		copy(to.floats()[first:], values)
		return d.flushed(to)
	}
	for at := 0; at < len(values); {
		n := copy(staging.floats(), values[at:])
		if err := d.flushed(staging); err != nil {
			return err
		}
		err := d.transfer(func(commands vulkan.CommandBuffer) {
			d.copy(commands, staging.handle, 0, to.handle, uint64(first+at)*4, uint64(n)*4)
		})
		if err != nil {
			return err
		}
		at += n
	}
	return nil
}

// read copies the elements of a matrix from one on into values, by way of staging where it
// is not mapped.
func (d *device) read(from, staging *buffer, values []float32, first int) error {
	if err := d.checkRegion(from, first+len(values)); err != nil {
		return err
	}
	if from.mapped != nil {
		// Nothing to copy, but what the device wrote has to reach the host.
		if err := d.transfer(func(vulkan.CommandBuffer) {}); err != nil {
			return err
		}
		if err := d.invalidated(from); err != nil {
			return err
		}
		copy(values, from.floats()[first:])
		return nil
	}
	for at := 0; at < len(values); {
		n := min(len(values)-at, int(staging.size/4))
		err := d.transfer(func(commands vulkan.CommandBuffer) {
			d.copy(commands, from.handle, uint64(first+at)*4, staging.handle, 0, uint64(n)*4)
		})
		if err != nil {
			return err
		}
		if err := d.invalidated(staging); err != nil {
			return err
		}
		at += copy(values[at:], staging.floats()[:n])
	}
	return nil
}

// checkRegion returns an error when a batch does not fit into C's region.
func (d *device) checkRegion(c *buffer, n int) error {
	if uint64(n)*4 > c.size {
		return backend.Errorf(backend.Failed, "%s: the region of C has %d elements, and %d were asked for", d.info.ID, c.size/4, n)
	}
	return nil
}

// floats is the mapping of the buffer.
func (b *buffer) floats() []float32 { return unsafe.Slice((*float32)(b.mapped), b.size/4) }

// flushed makes what the host wrote into the mapping visible to the device.
func (d *device) flushed(b *buffer) error {
	if b.coherent {
		return nil
	}
	if res := d.flush(d.handle, b.memory); res != vulkan.Success {
		return failure(d.info.ID, "vkFlushMappedMemoryRanges", res)
	}
	return nil
}

// invalidated makes what the device wrote visible in the mapping.
func (d *device) invalidated(b *buffer) error {
	if b.coherent {
		return nil
	}
	if res := d.invalidate(d.handle, b.memory); res != vulkan.Success {
		return failure(d.info.ID, "vkInvalidateMappedMemoryRanges", res)
	}
	return nil
}
