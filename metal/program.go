//go:build cgo && (darwin || gnustep)

// A kernel built for one problem, and its batches.

package metal

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gpubench/internal/backend"
	"gpubench/internal/half"
	"gpubench/internal/shape"
)

// program implements backend.Program.
type program struct {
	device   *device
	problem  backend.Problem
	form     backend.Form
	lengths  [3]int // elements of A, B and the region of C
	groups   [2]uint32
	threads  [2]uint32
	pipeline object
	buffers  [3]object

	// Of the reference, whose product takes no matrix without elements: the smallest one,
	// on matrices of its own.
	smallest       object
	smallestMatrix object
}

// Build compiles a kernel and allocates A, B and C.
func (d *device) Build(kernel string, problem backend.Problem, spec backend.Specialization) (backend.Program, error) {
	p := &program{device: d, problem: problem}
	d.programs[p] = struct{}{}
	var err error
	if d.isReference() {
		err = p.initProduct(kernel, spec)
	} else {
		err = p.initKernel(kernel, spec)
	}
	if err == nil {
		err = p.initBuffers(kernel)
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *program) initKernel(kernel string, spec backend.Specialization) error {
	d := p.device
	k, err := d.kernel(kernel)
	if err != nil {
		return err
	}
	all := backend.Specialization{}
	var macros []string
	var values []uint32
	s := shape.New(kernel)
	for _, c := range k.constants {
		v, set := spec[c.name]
		if !set {
			v = c.defaultValue
		}
		all[c.name], *s.Fields()[c.name] = v, v
		macros, values = append(macros, c.macro), append(values, v)
	}
	for name := range spec {
		if _, known := all[name]; !known {
			return backend.Errorf(backend.Failed, "%s: the kernel has no specialization constant %q, only %s",
				d.info.ID, name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
	}
	if err := d.checkMatrices(kernel, p.problem); err != nil {
		return err
	}
	if err := d.checkShape(p.problem, s); err != nil {
		return err
	}
	x, y := shape.Groups(s, p.problem)
	p.groups = [2]uint32{uint32(x), uint32(y)}
	p.threads[0], p.threads[1] = s.Workgroup()
	p.form = backend.Form{Name: "msl", SPIRVSHA256: k.spirv, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(k.text))), Specialization: all}
	pipeline, most, failed := newPipeline(d.handle, k.text, k.entry, macros, values)
	if failed != nil {
		e := failure(d.info.ID, "compile the kernel "+kernel, *failed)
		e.Remedy = "update macOS; if it stays, please report it"
		return e
	}
	p.pipeline = pipeline
	if asked := uint64(p.threads[0]) * uint64(p.threads[1]); asked > most {
		return backend.Errorf(backend.Limit, "%s: %s: LX * LY is %d, and maxTotalThreadsPerThreadgroup of this kernel is %d", d.info.ID, s, asked, most)
	}
	return nil
}

func (p *program) initProduct(kernel string, spec backend.Specialization) error {
	d := p.device
	if _, err := d.Candidates(kernel, p.problem); err != nil {
		return err
	}
	if len(spec) > 0 {
		return backend.Errorf(backend.Unusable, "%s: a library has no specialization constants, and %v were given", d.info.ID, spec)
	}
	p.form = backend.Form{Name: "mps", Specialization: backend.Specialization{}}
	p.pipeline = newProduct(d.handle, p.problem)
	p.smallest = newProduct(d.handle, backend.Problem{M: 1, N: 1, K: 1})
	if p.pipeline == nil || p.smallest == nil {
		return failure(d.info.ID, "MPSMatrixMultiplication", description{text: "Metal Performance Shaders made none"})
	}
	size := d.elementBytes() * (backend.Stagger + 1)
	p.smallestMatrix = newBuffer(d.handle, size)
	if p.smallestMatrix == nil {
		return p.outOfMemory("the smallest matrix", size)
	}
	clear(elements[byte](p.smallestMatrix, int(size)))
	return nil
}

func (p *program) initBuffers(kernel string) error {
	for i, m := range p.problem.Matrices(kernel) {
		p.lengths[i] = bufferLen(kernel, p.problem, i)
		size := p.device.elementBytes() * uint64(p.lengths[i])
		if p.buffers[i] = newBuffer(p.device.handle, size); p.buffers[i] == nil {
			return p.outOfMemory("matrix "+m.Name, size)
		}
	}
	return nil
}

func (p *program) outOfMemory(what string, size uint64) error {
	return &backend.Error{Kind: backend.OutOfMemory, Text: fmt.Sprintf("%s: %s: no memory for %d bytes", p.device.info.ID, what, size),
		Remedy: "close what else uses memory or choose a smaller size"}
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
		if len(values) != p.lengths[i] {
			return backend.Errorf(backend.Failed, "%s: matrix %c has %d elements, and %d were given", p.device.info.ID, 'A'+i, p.lengths[i], len(values))
		}
		if err := p.Patch(i, 0, values); err != nil {
			return err
		}
	}
	return nil
}

// Patch replaces elements of A or B.
func (p *program) Patch(matrix, at int, values []float32) error {
	end := at + len(values)
	if at < 0 || end > p.lengths[matrix] {
		return backend.Errorf(backend.Failed, "%s: matrix %c has %d elements, and %d from %d on were given", p.device.info.ID, 'A'+matrix, p.lengths[matrix], len(values), at)
	}
	if p.device.elementBytes() == 4 {
		copy(elements[float32](p.buffers[matrix], end)[at:], values)
		return nil
	}
	to := elements[uint16](p.buffers[matrix], end)[at:]
	for j, v := range values {
		to[j] = half.From(v)
	}
	return nil
}

// checkRegion returns an error when the region of C has fewer than n elements.
func (p *program) checkRegion(n int) error {
	if n > p.lengths[2] {
		return backend.Errorf(backend.Failed, "%s: the region of C has %d elements, and %d were asked for", p.device.info.ID, p.lengths[2], n)
	}
	return nil
}

// Fill sets the first n elements of C's region to v. The processor does it: the memory is
// its own as well, and Metal fills with equal bytes only.
func (p *program) Fill(v float32, n int) error {
	if err := p.checkRegion(n); err != nil {
		return err
	}
	if p.device.elementBytes() == 4 {
		fill(elements[float32](p.buffers[2], n), v)
	} else {
		fill(elements[uint16](p.buffers[2], n), half.From(v))
	}
	return nil
}

func fill[T any](list []T, v T) {
	for i := range list {
		list[i] = v
	}
}

// Read copies elements of C's region from the device.
func (p *program) Read(c []float32, at int) error {
	end := at + len(c)
	if err := p.checkRegion(end); err != nil {
		return err
	}
	if p.device.elementBytes() == 4 {
		copy(c, elements[float32](p.buffers[2], end)[at:])
		return nil
	}
	for i, h := range elements[uint16](p.buffers[2], end)[at:] {
		c[i] = half.To(h)
	}
	return nil
}

// Run submits a batch in one command buffer and waits for it.
func (p *program) Run(b backend.Batch) (backend.Timing, error) {
	if err := b.Check(); err != nil {
		return backend.Timing{}, err
	}
	t, err := p.submit(p.pipeline, p.buffers, b, p.problem, p.groups)
	for i, at := range p.problem.Witnesses(b) {
		if err == nil { // the memory is the host's as well
			err = p.Read(t.Witness[i:i+1], at)
		}
	}
	return t, err
}

// Empty submits one threadgroup for matrices without elements and waits for it; of the
// reference, a product of single elements that are none of A, B and C.
func (p *program) Empty() (backend.Timing, error) {
	once := backend.Batch{Dispatches: 1}
	if p.device.isReference() {
		m := p.smallestMatrix
		return p.submit(p.smallest, [3]object{m, m, m}, once, backend.Problem{M: 1, N: 1, K: 1}, [2]uint32{})
	}
	return p.submit(p.pipeline, p.buffers, once, backend.Problem{}, [2]uint32{1, 1})
}

func (p *program) submit(pipeline object, buffers [3]object, b backend.Batch, size backend.Problem, groups [2]uint32) (backend.Timing, error) {
	d := p.device
	t, failed := run(d.queue, pipeline, d.isReference(), buffers, b, p.problem.Place(b, max(b.Apart-1, 0)), size, d.elementBytes(), groups, p.threads)
	if failed != nil {
		return backend.Timing{}, failure(d.info.ID, "run the command buffer", *failed)
	}
	out := backend.Timing{HostS: float64(t.hostNS) / 1e9}
	if t.end > t.start && t.start > 0 { // else the device did not tell
		s := t.end - t.start
		out.DeviceS = &s
	}
	return out, nil
}

// Close gives back everything that Build made.
func (p *program) Close() error {
	if _, open := p.device.programs[p]; !open {
		return nil
	}
	delete(p.device.programs, p)
	for _, o := range []object{p.pipeline, p.smallest, p.smallestMatrix, p.buffers[0], p.buffers[1], p.buffers[2]} {
		release(o)
	}
	return nil
}
