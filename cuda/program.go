//go:build cgo && linux

// A kernel built for one problem, and its batches.

package cuda

import (
	"errors"
	"maps"
	"math"

	"gpubench/internal/backend"
	"gpubench/internal/ptx"
)

// program implements backend.Program.
type program struct {
	device  *device
	problem backend.Problem
	form    backend.Form
	a, b, c memory // c is the whole region

	// A compiled kernel; with cuBLAS there is none.
	module module
	tile   tile
	shared uint32 // bytes that a launch asks for

	noGraphs              bool // the driver has none, or cannot record these dispatches
	ascending, descending *batch
}

// Candidates are the specializations worth trying for the problem, the likeliest first.
func (d *device) Candidates(kernel string, p backend.Problem) ([]backend.Specialization, error) {
	if d.blas != nil {
		if err := d.checkBLAS(kernel, p); err != nil {
			return nil, err
		}
		return []backend.Specialization{{}}, nil
	}
	k, err := d.kernel(kernel)
	if err != nil {
		return nil, err
	}
	if err := d.checkMatrices(kernel, p); err != nil {
		return nil, err
	}
	var out []backend.Specialization
	var last error
	for _, s := range k.candidates(p) {
		t, err := k.tile(s)
		if err == nil {
			err = d.check(p, t)
		}
		if err != nil {
			last = err
			continue
		}
		out = append(out, s)
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

// Build compiles a kernel and allocates A, B and C.
func (d *device) Build(kernel string, problem backend.Problem, s backend.Specialization) (backend.Program, error) {
	p := &program{device: d, problem: problem}
	d.programs[p] = struct{}{}
	err := p.init(kernel, s)
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *program) init(kernel string, s backend.Specialization) (err error) {
	d := p.device
	if d.blas != nil {
		err = p.initBLAS(kernel, s)
	} else {
		err = p.initKernel(kernel, s)
	}
	if err != nil {
		return err
	}
	m := p.problem.Matrices(kernel)
	for _, b := range []struct {
		to   *memory
		what string
		n    int
	}{{&p.a, "matrix A", m[0].Len()}, {&p.b, "matrix B", m[1].Len()}, {&p.c, "the region of C", p.problem.MaxRegion()}} {
		if *b.to, err = alloc(d.info.ID, b.what, 4*uint64(b.n)); err != nil {
			return err
		}
	}
	if d.blas == nil {
		return nil
	}
	// cuBLAS loads its kernels when they are first used, which is not to be timed, and
	// which a graph cannot record.
	for _, b := range []struct {
		in   memory
		what string
	}{{p.a, "matrix A"}, {p.b, "matrix B"}} {
		if err := d.fill(d.info.ID, b.what, b.in, 0, int(b.in.bytes/4)); err != nil {
			return err
		}
	}
	first := p.newBatch(backend.Batch{Dispatches: 1})
	_, err = first.submit(d.info.ID)
	return err
}

// initKernel translates and compiles a kernel.
func (p *program) initKernel(kernel string, s backend.Specialization) error {
	d := p.device
	id := d.info.ID
	k, err := d.kernel(kernel)
	if err != nil {
		return err
	}
	all, err := k.constants(id, s)
	if err != nil {
		return err
	}
	if p.tile, err = k.tile(all); err != nil {
		return backend.Errorf(backend.Limit, "%s: %v", id, err)
	}
	if err := d.checkMatrices(kernel, p.problem); err != nil {
		return err
	}
	if err := d.check(p.problem, p.tile); err != nil {
		return err
	}
	text, err := d.translate(k, all)
	if err != nil {
		return err
	}
	if len(text.Buffers) != 3 || text.PushBytes != 12 || text.WorkgroupSize != [3]uint32{p.tile.block[0], p.tile.block[1], 1} {
		return backend.Errorf(backend.Failed, "%s: the kernel has %d buffers, %d bytes of push constants and workgroups of %v, not what all kernels have", id, len(text.Buffers), text.PushBytes, text.WorkgroupSize)
	}
	p.form = backend.Form{Name: "ptx", SPIRVSHA256: k.sha256, SHA256: text.SHA256, Specialization: all}
	if p.module, err = load(id, text.Text, text.Name); err != nil {
		return err
	}
	if text.Dynamic {
		p.shared = text.SharedBytes
		if err := p.module.allowShared(id, p.shared); err != nil {
			return err
		}
	}
	// The compiler may have taken so many registers that a workgroup has no room. Asking
	// also loads the code, which a driver may put off until the first launch.
	most, err := p.module.attribute(id, functionMaxThreads)
	if err != nil {
		return err
	}
	if need := int(p.tile.block[0] * p.tile.block[1]); need > most {
		registers, _ := p.module.attribute(id, functionRegisters)
		return backend.Errorf(backend.Limit, "%s: a workgroup has %d invocations, and with the %d registers that each takes here, the device has room for %d", id, need, registers, most)
	}
	return nil
}

// translate makes PTX, with two copies of the workgroup memory where they fit.
func (d *device) translate(k *Kernel, s backend.Specialization) (*ptx.Kernel, error) {
	o := ptx.Options{Target: capability(d.info), MinBlocks: int(s[minBlocks])}
	name := d.sharedLimit()
	constants := maps.Clone(s)
	delete(constants, minBlocks)
	for {
		text, err := ptx.Translate(k.spirv, constants, o)
		if err != nil {
			return nil, &backend.Error{Kind: backend.Limit, Text: d.info.ID + ": translate the kernel", Err: err}
		}
		most := limit(d.info, name)
		switch {
		case uint64(text.SharedBytes) <= most:
			return text, nil
		case o.SingleBuffer:
			return nil, backend.Errorf(backend.Limit, "%s: the kernel needs %d bytes of shared memory, and %s%s is %d", d.info.ID, text.SharedBytes, limitPrefix, name, most)
		}
		o.SingleBuffer = true
	}
}

// Form says what was built.
func (p *program) Form() backend.Form {
	f := p.form
	f.Specialization = maps.Clone(f.Specialization)
	return f
}

// Load copies A and B to the device.
func (p *program) Load(a, b []float32) error {
	for i, values := range [][]float32{a, b} {
		if n := [2]memory{p.a, p.b}[i].bytes / 4; uint64(len(values)) != n {
			return backend.Errorf(backend.Failed, "%s: matrix %c has %d elements, and %d were given", p.device.info.ID, 'A'+i, n, len(values))
		}
	}
	return errors.Join(p.Patch(0, 0, a), p.Patch(1, 0, b))
}

// Patch replaces elements of A or B.
func (p *program) Patch(matrix, at int, values []float32) error {
	return p.device.write(p.device.info.ID, []string{"matrix A", "matrix B"}[matrix], []memory{p.a, p.b}[matrix], values, at)
}

// Fill sets the first n elements of C's region to v.
func (p *program) Fill(v float32, n int) error {
	return p.device.fill(p.device.info.ID, "the region of C", p.c, math.Float32bits(v), n)
}

// Read copies elements of C's region from the device.
func (p *program) Read(c []float32, at int) error {
	return p.device.read(p.device.info.ID, "the region of C", c, p.c, at)
}

// newBatch is a batch of this program, not yet recorded.
func (p *program) newBatch(order backend.Batch) *batch {
	d := p.device
	n := d.pointers.newBatch(p.a, p.b, p.c, p.problem, order)
	if d.blas != nil {
		n.blas(*d.blas)
		return n
	}
	g := p.tile.groups(p.problem)
	n.kernel(p.module, [2]uint32{uint32(g[0]), uint32(g[1])}, p.tile.block, p.shared)
	return n
}

// Run submits a batch and waits for it. What was recorded of either order stays, so that
// nothing is recorded again for the same batch. As in a command buffer of
// Vulkan, the dispatches are submitted as one; one alone is launched as it is.
func (p *program) Run(order backend.Batch) (backend.Timing, error) {
	if err := order.Check(); err != nil {
		return backend.Timing{}, err
	}
	slot := &p.ascending
	if order.Descending {
		slot = &p.descending
	}
	if *slot == nil || (*slot).order != order {
		if *slot != nil {
			(*slot).close()
		}
		*slot = p.newBatch(order)
		if order.Dispatches > 1 && !p.noGraphs {
			// Without a graph one launch after the other takes longer, and does the same. A
			// device that was lost says so then.
			p.noGraphs = (*slot).record(p.device.info.ID) != nil
		}
	}
	return (*slot).submit(p.device.info.ID)
}

// kindOf is the kind of an error of this package.
func kindOf(err error) backend.Kind {
	var e *backend.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return backend.Failed
}

// Empty launches one workgroup for matrices without elements and waits for it; cuBLAS is
// asked for a product without rows, for which it may launch nothing.
func (p *program) Empty() (backend.Timing, error) {
	n := p.newBatch(backend.Batch{Dispatches: 1})
	n.c.m = 0
	if p.device.blas == nil {
		n.c.n, n.c.k = 0, 0
		n.kernel(p.module, [2]uint32{1, 1}, p.tile.block, p.shared)
	}
	return n.submit(p.device.info.ID)
}

// Close frees everything that Build made.
func (p *program) Close() error {
	d := p.device
	if _, open := d.programs[p]; !open {
		return nil
	}
	delete(d.programs, p)
	for _, n := range []*batch{p.ascending, p.descending} {
		if n != nil {
			n.close()
		}
	}
	for _, m := range []memory{p.a, p.b, p.c} {
		m.free()
	}
	p.module.unload()
	return nil
}

// checkBLAS returns an error when cuBLAS cannot multiply these matrices so that the
// result can be checked.
func (d *device) checkBLAS(kernel string, p backend.Problem) error {
	if kernel != backend.KernelMatmul {
		return backend.Errorf(backend.Limit, "%s: a library multiplies matrices only and has no kernel %q", d.info.ID, kernel)
	}
	if d.info.Format() != "f32" && p.K < leastTF32 {
		return backend.Errorf(backend.Limit, "%s: k is %d, and below %d the integers of the exact input exceed the 2048 that TF32 holds exactly", d.info.ID, p.K, leastTF32)
	}
	return d.checkMatrices(kernel, p)
}

// leastTF32 is the least k whose exact input TF32 holds: the integers are at most
// the square root of 2^24/k.
const leastTF32 = 4

func (p *program) initBLAS(kernel string, s backend.Specialization) error {
	if len(s) > 0 {
		return backend.Errorf(backend.Unusable, "%s: a library has no specialization constants, and %v were given", p.device.info.ID, s)
	}
	p.form = backend.Form{Name: "cublas", Specialization: backend.Specialization{}}
	return p.device.checkBLAS(kernel, p.problem)
}
