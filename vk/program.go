//go:build cgo && (linux || darwin)

// A kernel built for one problem, and its batches.

package vk

import (
	"maps"
	"math"
	"slices"
	"strings"
	"unsafe"

	"gpubench/internal/backend"
	"gpubench/internal/shape"

	vulkan "github.com/vulkan-go/vulkan"
)

// program implements backend.Program.
type program struct {
	device  *device
	kernel  *Kernel
	problem backend.Problem
	form    backend.Form
	groups  [2]uint32 // workgroups across and down

	a, b, c  *buffer // c is the whole region
	staging  *buffer // nil where the matrices are mapped
	sets     vulkan.DescriptorSetLayout
	setPool  vulkan.DescriptorPool
	set      vulkan.DescriptorSet
	layout   vulkan.PipelineLayout
	pipeline vulkan.Pipeline
	queries  vulkan.QueryPool // nil without timestamps

	ascending, descending, empty recorded
}

// recorded is a command buffer with a batch in it, or with none yet.
type recorded struct {
	commands vulkan.CommandBuffer
	batch    backend.Batch
}

// Build compiles a kernel and allocates A, B and C.
func (d *device) Build(kernel string, problem backend.Problem, spec backend.Specialization) (backend.Program, error) {
	k, err := d.kernel(kernel)
	if err != nil {
		return nil, err
	}
	all, ids, values, err := d.constants(k, spec)
	if err != nil {
		return nil, err
	}
	s := shape.New(kernel)
	for name, to := range s.Fields() {
		*to = all[name]
	}
	if err := d.checkMatrices(kernel, problem); err != nil {
		return nil, err
	}
	if err := d.checkShape(problem, s); err != nil {
		return nil, err
	}
	x, y := shape.Groups(s, problem)
	p := &program{
		device:  d,
		kernel:  k,
		problem: problem,
		form:    backend.Form{Name: "spirv", SPIRVSHA256: k.sha256, SHA256: k.sha256, Specialization: all},
		groups:  [2]uint32{uint32(x), uint32(y)},
	}
	d.programs[p] = struct{}{}
	if err := p.init(ids, values); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// constants completes spec with the kernel's defaults and returns it by name and
// as the pairs that a pipeline takes.
func (d *device) constants(k *Kernel, spec backend.Specialization) (all backend.Specialization, ids, values []uint32, err error) {
	all = backend.Specialization{}
	for _, c := range k.constants {
		v, set := spec[c.name]
		if !set {
			v = c.defaultValue
		}
		all[c.name] = v
		ids, values = append(ids, c.id), append(values, v)
	}
	for name := range spec {
		if _, known := all[name]; !known {
			return nil, nil, nil, backend.Errorf(backend.Failed, "%s: the kernel has no specialization constant %q, only %s",
				d.info.ID, name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
	}
	return all, ids, values, nil
}

func (p *program) init(ids, values []uint32) error {
	d, m := p.device, p.problem.Matrices(p.kernel.name)
	for _, b := range []struct {
		to    **buffer
		count int
		reads bool // by the host
	}{{&p.a, m[0].Len(), false}, {&p.b, m[1].Len(), false}, {&p.c, p.problem.MaxRegion(), true}} {
		buf, err := d.newBuffer(uint64(b.count)*4, matrixUse, d.matrixMemory(b.reads))
		if err != nil {
			return err
		}
		*b.to = buf
	}
	if p.a.mapped == nil || p.b.mapped == nil || p.c.mapped == nil {
		buf, err := d.newBuffer(min(d.stagingBytes, max(p.a.size, p.b.size, p.c.size)), stagingUse, stagingMemory)
		if err != nil {
			return err
		}
		p.staging = buf
	}
	if err := p.initPipeline(ids, values); err != nil {
		return err
	}
	if d.info.Timestamps {
		info := vulkan.QueryPoolCreateInfo{
			SType:      vulkan.StructureTypeQueryPoolCreateInfo,
			QueryType:  vulkan.QueryTypeTimestamp,
			QueryCount: 2,
		}
		defer info.Free()
		var queries vulkan.QueryPool
		if res := vulkan.CreateQueryPool(d.handle, &info, nil, &queries); res != vulkan.Success {
			return failure(d.info.ID, "vkCreateQueryPool", res)
		}
		p.queries = queries
	}
	for _, r := range []*recorded{&p.ascending, &p.descending, &p.empty} {
		commands, err := d.newCommands()
		if err != nil {
			return err
		}
		r.commands = commands
	}
	return nil
}

func (p *program) initPipeline(ids, values []uint32) error {
	d := p.device
	compute := vulkan.ShaderStageFlags(vulkan.ShaderStageComputeBit)

	var bindings []vulkan.DescriptorSetLayoutBinding
	for i, kind := range []vulkan.DescriptorType{vulkan.DescriptorTypeStorageBuffer, vulkan.DescriptorTypeStorageBuffer, vulkan.DescriptorTypeStorageBufferDynamic} {
		bindings = append(bindings, vulkan.DescriptorSetLayoutBinding{
			Binding:         uint32(i),
			DescriptorType:  kind,
			DescriptorCount: 1,
			StageFlags:      compute,
		})
	}
	setsInfo := vulkan.DescriptorSetLayoutCreateInfo{
		SType:        vulkan.StructureTypeDescriptorSetLayoutCreateInfo,
		BindingCount: 3,
		PBindings:    bindings,
	}
	defer setsInfo.Free()
	var sets vulkan.DescriptorSetLayout
	if res := vulkan.CreateDescriptorSetLayout(d.handle, &setsInfo, nil, &sets); res != vulkan.Success {
		return failure(d.info.ID, "vkCreateDescriptorSetLayout", res)
	}
	p.sets = sets

	poolInfo := vulkan.DescriptorPoolCreateInfo{
		SType:         vulkan.StructureTypeDescriptorPoolCreateInfo,
		MaxSets:       1,
		PoolSizeCount: 2,
		PPoolSizes: []vulkan.DescriptorPoolSize{
			{Type: vulkan.DescriptorTypeStorageBuffer, DescriptorCount: 2},
			{Type: vulkan.DescriptorTypeStorageBufferDynamic, DescriptorCount: 1},
		},
	}
	defer poolInfo.Free()
	var setPool vulkan.DescriptorPool
	if res := vulkan.CreateDescriptorPool(d.handle, &poolInfo, nil, &setPool); res != vulkan.Success {
		return failure(d.info.ID, "vkCreateDescriptorPool", res)
	}
	p.setPool = setPool

	setInfo := vulkan.DescriptorSetAllocateInfo{
		SType:              vulkan.StructureTypeDescriptorSetAllocateInfo,
		DescriptorPool:     setPool,
		DescriptorSetCount: 1,
		PSetLayouts:        []vulkan.DescriptorSetLayout{sets},
	}
	defer setInfo.Free()
	var set vulkan.DescriptorSet
	if res := vulkan.AllocateDescriptorSets(d.handle, &setInfo, &set); res != vulkan.Success {
		return failure(d.info.ID, "vkAllocateDescriptorSets", res)
	}
	p.set = set
	d.bind(d.handle, set, 4*uint64(p.problem.M)*uint64(p.problem.N), p.a.handle, p.b.handle, p.c.handle)

	layoutInfo := vulkan.PipelineLayoutCreateInfo{
		SType:                  vulkan.StructureTypePipelineLayoutCreateInfo,
		SetLayoutCount:         1,
		PSetLayouts:            []vulkan.DescriptorSetLayout{sets},
		PushConstantRangeCount: 1,
		PPushConstantRanges:    []vulkan.PushConstantRange{{StageFlags: compute, Size: 12}},
	}
	defer layoutInfo.Free()
	var layout vulkan.PipelineLayout
	if res := vulkan.CreatePipelineLayout(d.handle, &layoutInfo, nil, &layout); res != vulkan.Success {
		return failure(d.info.ID, "vkCreatePipelineLayout", res)
	}
	p.layout = layout

	words := make([]uint32, len(p.kernel.spirv)/4)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*4), p.kernel.spirv)
	moduleInfo := vulkan.ShaderModuleCreateInfo{
		SType:    vulkan.StructureTypeShaderModuleCreateInfo,
		CodeSize: uint(len(words) * 4),
		PCode:    words,
	}
	defer moduleInfo.Free()
	var module vulkan.ShaderModule
	if res := vulkan.CreateShaderModule(d.handle, &moduleInfo, nil, &module); res != vulkan.Success {
		return failure(d.info.ID, "vkCreateShaderModule", res)
	}
	defer vulkan.DestroyShaderModule(d.handle, module, nil)
	pipeline, res := d.createPipeline(d.handle, module, layout, ids, values)
	if res != vulkan.Success {
		return failure(d.info.ID, "vkCreateComputePipelines", res)
	}
	p.pipeline = pipeline
	return nil
}

// Form says what was built.
func (p *program) Form() backend.Form {
	f := p.form
	f.Specialization = maps.Clone(f.Specialization)
	return f
}

// Load copies A and B to the device.
func (p *program) Load(a, b []float32) error {
	matrices := p.problem.Matrices(p.kernel.name)
	for i, values := range [][]float32{a, b} {
		if m := matrices[i]; len(values) != m.Len() {
			return backend.Errorf(backend.Failed, "%s: matrix %s has %d elements, and %d were given", p.device.info.ID, m.Name, m.Len(), len(values))
		}
	}
	if err := p.Patch(0, 0, a); err != nil {
		return err
	}
	return p.Patch(1, 0, b)
}

// Patch replaces elements of A or B.
func (p *program) Patch(matrix, at int, values []float32) error {
	return p.device.write([]*buffer{p.a, p.b}[matrix], p.staging, values, at, string("AB"[matrix]))
}

// Fill sets the first n elements of C's region to v.
func (p *program) Fill(v float32, n int) error {
	if err := p.device.checkRegion(p.c, n); err != nil {
		return err
	}
	return p.device.transfer(func(commands vulkan.CommandBuffer) {
		vulkan.CmdFillBuffer(commands, p.c.handle, 0, vulkan.DeviceSize(4*n), math.Float32bits(v))
	})
}

// Read copies elements of C's region from the device.
func (p *program) Read(c []float32, at int) error { return p.device.read(p.c, p.staging, c, at) }

// Run submits a batch and waits for it. What was recorded of either order stays, so that
// nothing is recorded again for the same batch.
func (p *program) Run(b backend.Batch) (backend.Timing, error) {
	if err := b.Check(); err != nil {
		return backend.Timing{}, err
	}
	r := &p.ascending
	if b.Descending {
		r = &p.descending
	}
	return p.submit(r, b, p.problem, p.groups)
}

// Empty submits one workgroup for matrices without elements, and waits for it.
func (p *program) Empty() (backend.Timing, error) {
	return p.submit(&p.empty, backend.Batch{Dispatches: 1}, backend.Problem{}, [2]uint32{1, 1})
}

func (p *program) submit(r *recorded, b backend.Batch, size backend.Problem, groups [2]uint32) (backend.Timing, error) {
	d := p.device
	if r.batch != b {
		r.batch = backend.Batch{}
		if err := d.record(r.commands, p.c.handle, p.problem.Witnesses(b), func() { p.recordBatch(r.commands, b, size, groups) }); err != nil {
			return backend.Timing{}, err
		}
		r.batch = b
	}
	s, err := d.run(r.commands)
	if err != nil {
		return backend.Timing{}, err
	}
	device, err := p.deviceSeconds()
	return backend.Timing{HostS: s.seconds, DeviceS: device, Witness: s.witness}, err
}

// recordBatch records dispatches between two timestamps. There are only these two
// because some drivers take them where a command buffer begins and ends.
func (p *program) recordBatch(commands vulkan.CommandBuffer, b backend.Batch, size backend.Problem, groups [2]uint32) {
	vulkan.CmdBindPipeline(commands, vulkan.PipelineBindPointCompute, p.pipeline)
	push := [3]uint32{uint32(size.M), uint32(size.N), uint32(size.K)}
	vulkan.CmdPushConstants(commands, p.layout, vulkan.ShaderStageFlags(vulkan.ShaderStageComputeBit), 0, 12, unsafe.Pointer(&push))
	if p.queries != nil {
		vulkan.CmdResetQueryPool(commands, p.queries, 0, 2)
		vulkan.CmdWriteTimestamp(commands, vulkan.PipelineStageTopOfPipeBit, p.queries, 0)
	}
	p.device.dispatch(commands, p.layout, p.set, groups, p.problem, b)
	if p.queries != nil {
		vulkan.CmdWriteTimestamp(commands, vulkan.PipelineStageBottomOfPipeBit, p.queries, 1)
	}
}

// deviceSeconds is the time between the two timestamps as the driver gives it,
// or nil when it gives none.
func (p *program) deviceSeconds() (*float64, error) {
	if p.queries == nil {
		return nil, nil
	}
	d := p.device
	var ticks [2]uint64
	res := vulkan.GetQueryPoolResults(d.handle, p.queries, 0, 2, uint(unsafe.Sizeof(ticks)), unsafe.Pointer(&ticks), 8,
		vulkan.QueryResultFlags(vulkan.QueryResult64Bit))
	switch res {
	case vulkan.Success:
		s := tickSeconds(ticks[0], ticks[1], d.validBits, d.limits.TimestampPeriod)
		return &s, nil
	case vulkan.NotReady: // though the fence has signalled; waiting for it could hang
		return nil, nil
	}
	return nil, failure(d.info.ID, "vkGetQueryPoolResults", res)
}

// tickSeconds is the time from one timestamp to the next. Only the lowest
// validBits bits count, and they wrap round; a tick is period nanoseconds.
func tickSeconds(from, to uint64, validBits uint32, period float32) float64 {
	ticks := to - from
	if validBits < 64 {
		ticks &= 1<<validBits - 1
	}
	return float64(ticks) * float64(period) / 1e9
}

// Close frees everything that Build made.
func (p *program) Close() error {
	d := p.device
	if _, open := d.programs[p]; !open {
		return nil
	}
	delete(d.programs, p)
	vulkan.DeviceWaitIdle(d.handle) // a wait may have failed with work under way
	for _, r := range []recorded{p.ascending, p.descending, p.empty} {
		if r.commands != nil {
			vulkan.FreeCommandBuffers(d.handle, d.pool, 1, []vulkan.CommandBuffer{r.commands})
		}
	}
	vulkan.DestroyQueryPool(d.handle, p.queries, nil)
	vulkan.DestroyPipeline(d.handle, p.pipeline, nil)
	vulkan.DestroyPipelineLayout(d.handle, p.layout, nil)
	vulkan.DestroyDescriptorPool(d.handle, p.setPool, nil) // and the set with it
	vulkan.DestroyDescriptorSetLayout(d.handle, p.sets, nil)
	for _, b := range []*buffer{p.a, p.b, p.c, p.staging} {
		d.free(b)
	}
	return nil
}
