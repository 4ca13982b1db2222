//go:build cgo && (linux || darwin)

// An opened device: its queue, its command buffers and its memory.

package vk

import (
	"fmt"
	"maps"
	"math"
	"strings"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/shape"

	vulkan "github.com/vulkan-go/vulkan"
)

// device implements backend.Device. Its queue runs one command buffer at a time,
// each waited for by the one fence.
type device struct {
	*physical
	*calls
	kernels  []Kernel
	instance *instance
	handle   vulkan.Device
	queue    vulkan.Queue
	pool     vulkan.CommandPool
	once     vulkan.CommandBuffer // for transfers, recorded anew each time
	fence    vulkan.Fence
	token    *buffer // see calls.submit
	programs map[*program]struct{}

	neverMap     bool   // copy through a staging buffer even where memory is unified
	stagingBytes uint64 // bound of a staging buffer; larger matrices are copied piece by piece
}

// Open makes the device with this id ready.
func (b *Backend) Open(id string) (backend.Device, error) {
	d, err := b.open(id)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (b *Backend) open(id string) (*device, error) {
	in, err := newInstance(libraries())
	if err != nil {
		return nil, err
	}
	d := &device{instance: in, kernels: b.kernels, programs: map[*program]struct{}{}, stagingBytes: 64 << 20}
	if err := d.init(id); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *device) init(id string) error {
	all, err := d.instance.physicals()
	if err != nil {
		return err
	}
	var there []string
	for _, p := range all {
		if p.info.ID == id {
			d.physical = p
		}
		there = append(there, fmt.Sprintf("%s (%s)", p.info.ID, p.info.Name))
	}
	if d.physical == nil {
		return &backend.Error{
			Kind:   backend.NoDevice,
			Text:   fmt.Sprintf("vulkan: there is no device %q", id),
			Remedy: "choose one of " + strings.Join(there, ", "),
		}
	}
	if d.info.Unusable != "" {
		return &backend.Error{
			Kind:   backend.Unusable,
			Text:   fmt.Sprintf("%s: %s cannot run the kernel: %s", id, d.info.Name, d.info.Unusable),
			Remedy: "choose another device or update its driver",
		}
	}

	info := vulkan.DeviceCreateInfo{
		SType:                vulkan.StructureTypeDeviceCreateInfo,
		QueueCreateInfoCount: 1,
		PQueueCreateInfos: []vulkan.DeviceQueueCreateInfo{{
			SType:            vulkan.StructureTypeDeviceQueueCreateInfo,
			QueueFamilyIndex: uint32(d.family),
			QueueCount:       1,
			PQueuePriorities: []float32{1},
		}},
	}
	if d.portability { // a device that has it requires it
		info.PpEnabledExtensionNames = []string{"VK_KHR_portability_subset\x00"}
		info.EnabledExtensionCount = 1
	}
	defer info.Free()
	var handle vulkan.Device
	if res := vulkan.CreateDevice(d.physical.handle, &info, nil, &handle); res != vulkan.Success {
		return failure(id, "vkCreateDevice", res)
	}
	d.handle = handle
	if d.calls, err = d.instance.load(d.instance.handle, handle); err != nil {
		return &backend.Error{Kind: backend.Failed, Text: id, Remedy: "update the driver", Err: err}
	}
	var queue vulkan.Queue
	vulkan.GetDeviceQueue(handle, uint32(d.family), 0, &queue)
	d.queue = queue

	var pool vulkan.CommandPool
	poolInfo := vulkan.CommandPoolCreateInfo{
		SType:            vulkan.StructureTypeCommandPoolCreateInfo,
		Flags:            vulkan.CommandPoolCreateFlags(vulkan.CommandPoolCreateResetCommandBufferBit),
		QueueFamilyIndex: uint32(d.family),
	}
	defer poolInfo.Free()
	if res := vulkan.CreateCommandPool(handle, &poolInfo, nil, &pool); res != vulkan.Success {
		return failure(id, "vkCreateCommandPool", res)
	}
	d.pool = pool
	var fence vulkan.Fence
	fenceInfo := vulkan.FenceCreateInfo{SType: vulkan.StructureTypeFenceCreateInfo}
	defer fenceInfo.Free()
	if res := vulkan.CreateFence(handle, &fenceInfo, nil, &fence); res != vulkan.Success {
		return failure(id, "vkCreateFence", res)
	}
	d.fence = fence
	if d.token, err = d.newBuffer(tokenSize, stagingUse, tokenMemory); err != nil {
		return err
	}
	d.once, err = d.newCommands()
	return err
}

func (d *device) newCommands() (vulkan.CommandBuffer, error) {
	info := vulkan.CommandBufferAllocateInfo{
		SType:              vulkan.StructureTypeCommandBufferAllocateInfo,
		CommandPool:        d.pool,
		Level:              vulkan.CommandBufferLevelPrimary,
		CommandBufferCount: 1,
	}
	defer info.Free()
	var commands [1]vulkan.CommandBuffer
	if res := vulkan.AllocateCommandBuffers(d.handle, &info, commands[:]); res != vulkan.Success {
		return nil, failure(d.info.ID, "vkAllocateCommandBuffers", res)
	}
	return commands[0], nil
}

// record records commands anew, after a barrier behind which all earlier work is
// visible, and before the copies of the witnesses, elements of a buffer or none of nil, and of
// the token; what body wrote is then visible to the host.
func (d *device) record(commands vulkan.CommandBuffer, from vulkan.Buffer, witnesses [3]int, body func()) error {
	info := vulkan.CommandBufferBeginInfo{SType: vulkan.StructureTypeCommandBufferBeginInfo}
	defer info.Free()
	if res := vulkan.BeginCommandBuffer(commands, &info); res != vulkan.Success {
		return failure(d.info.ID, "vkBeginCommandBuffer", res)
	}
	d.settle(commands)
	body()
	d.sign(commands, d.token.handle, from, witnesses)
	if res := vulkan.EndCommandBuffer(commands); res != vulkan.Success {
		return failure(d.info.ID, "vkEndCommandBuffer", res)
	}
	return nil
}

// run submits recorded commands, waits for them and returns what came of them. A
// fence that signals before the last command is done is an error of kind WrongResult:
// neither the time nor what is read then would mean anything.
func (d *device) run(commands vulkan.CommandBuffer) (submitted, error) {
	s, done, call, res := d.submit(d.handle, d.queue, commands, d.fence, d.token.mapped)
	if res != vulkan.Success {
		return submitted{}, failure(d.info.ID, call, res)
	}
	if !done {
		e := backend.Errorf(backend.WrongResult, "%s: the fence signalled before the batch was finished, so its time means nothing", d.info.ID)
		if vulkan.DeviceWaitIdle(d.handle) == vulkan.Success && !finished(d.token.mapped) {
			e.Text = d.info.ID + ": the fence signalled, but the batch was dropped: its last command was never carried out"
		}
		e.Remedy = "update the driver"
		return submitted{}, e
	}
	return s, nil
}

// transfer records body and runs it.
func (d *device) transfer(body func(commands vulkan.CommandBuffer)) error {
	err := d.record(d.once, nil, [3]int{}, func() { body(d.once) })
	if err == nil {
		_, err = d.run(d.once)
	}
	return err
}

// Info is the device's entry in the result document.
func (d *device) Info() result.Device {
	info := d.info
	info.Limits = maps.Clone(info.Limits)
	return info
}

// Candidates are the specializations worth trying for the problem, the likeliest first.
func (d *device) Candidates(kernel string, p backend.Problem) ([]backend.Specialization, error) {
	if _, err := d.kernel(kernel); err != nil {
		return nil, err
	}
	if err := d.checkMatrices(kernel, p); err != nil {
		return nil, err
	}
	var out []backend.Specialization
	var last error
	for _, s := range shape.For(kernel, d.info.Class, p) {
		if last = d.checkShape(p, s); last == nil {
			out = append(out, shape.Specialization(s))
		}
	}
	if len(out) == 0 {
		return nil, last
	}
	return out, nil
}

// kernel is the kernel with this name.
func (d *device) kernel(name string) (*Kernel, error) {
	for i := range d.kernels {
		if d.kernels[i].name == name {
			return &d.kernels[i], nil
		}
	}
	return nil, backend.Errorf(backend.Limit, "%s: there is no module of the kernel %q", d.info.ID, name)
}

// checkMatrices returns an error when A, B or C exceeds what the device can
// address or hold.
func (d *device) checkMatrices(kernel string, p backend.Problem) error {
	id := d.info.ID
	if err := d.checkOffsets(); err != nil {
		return err
	}
	var total uint64
	for i, m := range p.Matrices(kernel) {
		if m.Rows < 1 || m.Cols < 1 {
			return backend.Errorf(backend.Limit, "%s: matrix %s is %d x %d: every dimension must be at least 1", id, m.Name, m.Rows, m.Cols)
		}
		// Beyond these the products below could overflow; the kernel's own
		// indices are 32 bits wide.
		if max(m.Rows, m.Cols) > 1<<31-1 || uint64(m.Rows)*uint64(m.Cols) > 1<<32-1 {
			return backend.Errorf(backend.Limit, "%s: matrix %s is %d x %d elements, and the kernel's 32-bit indices reach 4294967295", id, m.Name, m.Rows, m.Cols)
		}
		size := 4 * uint64(m.Len())
		if most := uint64(d.limits.MaxStorageBufferRange); size > most {
			return &backend.Error{
				Kind:   backend.Limit,
				Text:   fmt.Sprintf("%s: matrix %s needs %d bytes, and maxStorageBufferRange is %d", id, m.Name, size, most),
				Remedy: "choose a smaller size",
			}
		}
		if i == 2 { // the region of C is larger
			size = 4 * uint64(p.MaxRegion())
			if size > math.MaxUint32 {
				return &backend.Error{
					Kind:   backend.Limit,
					Text:   fmt.Sprintf("%s: matrix C and the places around it need %d bytes, and a dynamic offset reaches 4294967295", id, size),
					Remedy: "choose a smaller size",
				}
			}
		}
		if d.maxAlloc > 0 && size > d.maxAlloc {
			return &backend.Error{
				Kind:   backend.Limit,
				Text:   fmt.Sprintf("%s: matrix %s needs %d bytes, and maxMemoryAllocationSize is %d", id, m.Name, size, d.maxAlloc),
				Remedy: "choose a smaller size",
			}
		}
		total += size
	}
	var largest uint64
	for _, h := range d.heaps {
		if h.Flags&vulkan.MemoryHeapFlags(vulkan.MemoryHeapDeviceLocalBit) != 0 {
			largest = max(largest, uint64(h.Size))
		}
	}
	if total > largest {
		return &backend.Error{
			Kind:   backend.OutOfMemory,
			Text:   fmt.Sprintf("%s: the three matrices need %d bytes, and the largest heap of the device has %d", id, total, largest),
			Remedy: "choose a smaller size",
		}
	}
	return nil
}

// checkOffsets returns an error when the dispatches of a batch cannot each have a
// place of their own in C's region. Vulkan promises of every device that they can.
func (d *device) checkOffsets() error {
	if align := uint64(d.limits.MinStorageBufferOffsetAlignment); align == 0 || 4*backend.Stagger%align != 0 {
		return backend.Errorf(backend.Limit, "%s: the places of C are %d bytes apart, and minStorageBufferOffsetAlignment is %d", d.info.ID, 4*backend.Stagger, align)
	}
	if most := d.limits.MaxDescriptorSetStorageBuffersDynamic; most < 1 {
		return backend.Errorf(backend.Limit, "%s: the place of C needs 1 dynamic storage buffer, and maxDescriptorSetStorageBuffersDynamic is %d", d.info.ID, most)
	}
	return nil
}

// checkShape returns an error when the workgroup, or the number of workgroups that the
// problem takes, exceeds a limit.
func (d *device) checkShape(p backend.Problem, s shape.Shape) error {
	l := &d.limits
	if err := s.Valid(); err != nil {
		return &backend.Error{Kind: backend.Limit, Text: d.info.ID, Err: err}
	}
	lx, ly := s.Workgroup()
	x, y := shape.Groups(s, p)
	for _, c := range []struct {
		what  string
		asked uint64
		limit string
		most  uint32
	}{
		{"LX", uint64(lx), "maxComputeWorkGroupSize[0]", l.MaxComputeWorkGroupSize[0]},
		{"LY", uint64(ly), "maxComputeWorkGroupSize[1]", l.MaxComputeWorkGroupSize[1]},
		{"LX * LY", uint64(lx) * uint64(ly), "maxComputeWorkGroupInvocations", l.MaxComputeWorkGroupInvocations},
		{"the workgroup's memory in bytes", s.SharedBytes(), "maxComputeSharedMemorySize", l.MaxComputeSharedMemorySize},
		{"the number of workgroups across", x, "maxComputeWorkGroupCount[0]", l.MaxComputeWorkGroupCount[0]},
		{"the number of workgroups down", y, "maxComputeWorkGroupCount[1]", l.MaxComputeWorkGroupCount[1]},
	} {
		if c.asked > uint64(c.most) {
			return backend.Errorf(backend.Limit, "%s: %s: %s is %d, and %s is %d", d.info.ID, s, c.what, c.asked, c.limit, c.most)
		}
	}
	return nil
}

// Close closes what programs are still open, and the device.
func (d *device) Close() error {
	for p := range d.programs {
		p.Close()
	}
	if d.handle != nil {
		vulkan.DeviceWaitIdle(d.handle)
		d.free(d.token)
		vulkan.DestroyFence(d.handle, d.fence, nil)
		vulkan.DestroyCommandPool(d.handle, d.pool, nil) // and the command buffers with it
		vulkan.DestroyDevice(d.handle, nil)
		d.handle = nil
	}
	if d.instance != nil {
		d.instance.close()
		d.instance = nil
	}
	return nil
}
