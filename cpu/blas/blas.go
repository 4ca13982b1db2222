//go:build cgo && (linux || darwin)

// Package blas is the reference on the processor: the matrix product of the best BLAS
// that is installed, opened at run time. It shows what the processor can do, so that
// the kernel's rows on it can be believed. Where there is none it is absent with a
// reason; the slow BLAS that every system has never stands in for it.
package blas

/*
#include <stdlib.h>
#include "library.h"
*/
import "C"

import (
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"gpubench/internal/backend"
	"gpubench/internal/host"
	"gpubench/internal/result"
)

// New is the blas backend. Its devices are blas, all usable processors, and blas:N,
// N threads of them, which it does not list.
func New() backend.Backend { return blasBackend{} }

type blasBackend struct{}

func (blasBackend) Name() string { return "blas" }

func (b blasBackend) Devices() ([]result.Device, error) {
	d, err := b.Open("blas")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return []result.Device{d.Info()}, nil
}

// Open takes the calling goroutine's thread for the device until it is closed: BLIS
// and OpenMP keep the number of threads, and the threads themselves, by thread.
func (blasBackend) Open(id string) (backend.Device, error) {
	threads, err := parse(id)
	if err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	l, err := find(threads, candidates())
	if err == nil {
		err = l.try()
	}
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	l.lookMKL()
	_, memory := host.Machine()
	return &device{lib: l, info: result.Device{ID: id, Backend: "blas", Class: result.ClassCPU, Name: l.title(),
		Driver:      result.Driver{Name: l.name, Info: l.info, Version: l.version},
		MemoryBytes: memory, Unified: true, Threads: threads, Limits: map[string]uint64{},
		ProcessorISA: processorISA(), Steering: l.steering, Library: l.describe()}}, nil
}

// parse reads a device id.
func parse(id string) (threads int, err error) {
	usable := host.UsableCPUs()
	if id == "blas" {
		return usable, nil
	}
	number, ok := strings.CutPrefix(id, "blas:")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 1 || n > usable || strconv.Itoa(n) != number {
		remedy := "use blas or blas:1"
		if usable > 1 {
			remedy = fmt.Sprintf("use blas, or blas:1 to blas:%d for a number of threads", usable)
		}
		return 0, &backend.Error{Kind: backend.NoDevice, Text: fmt.Sprintf("blas: there is no device %q", id), Remedy: remedy}
	}
	return n, nil
}

// trySize makes a product that is large enough for every library to start its threads.
const trySize = 256

// try multiplies once. That starts the threads, and shows whether the library is what
// it says.
func (l *library) try() error {
	p, err := newProgram(l, backend.Problem{M: trySize, N: trySize, K: trySize})
	if err != nil {
		return err
	}
	defer p.Close()
	ones := make([]float32, trySize*trySize)
	for i := range ones {
		ones[i] = 1
	}
	p.Load(ones, ones)
	once := backend.Batch{Dispatches: 1}
	region := make([]float32, p.p.Region(once))
	p.Fill(float32(math.NaN()), len(region))
	p.Run(once)
	p.Read(region, 0)
	c := region[once.At(0):][:trySize*trySize]
	for i, x := range c {
		if x != trySize {
			return &backend.Error{Kind: backend.Absent, Text: fmt.Sprintf("blas: %s multiplies wrongly: C[%d,%d] is %v, should be %d", l.title(), i/trySize, i%trySize, x, trySize),
				Remedy: "install another library, or name one by " + Variable}
		}
	}
	return nil
}

type device struct {
	info result.Device
	lib  *library
}

func (d *device) Info() result.Device { return d.info }

func (d *device) Close() error {
	runtime.UnlockOSThread()
	return nil
}

// Candidates is one without constants: the library chooses for itself. It has no other
// kernel than the product.
func (d *device) Candidates(kernel string, p backend.Problem) ([]backend.Specialization, error) {
	if kernel != backend.KernelMatmul {
		return nil, backend.Errorf(backend.Limit, "blas: a library multiplies matrices only and has no kernel %q", kernel)
	}
	if max(p.M, p.N, p.K) > math.MaxInt32 {
		return nil, backend.Errorf(backend.Limit, "blas: %v has a dimension above the 2^31-1 that cblas_sgemm takes", p)
	}
	return []backend.Specialization{{}}, nil
}

func (d *device) Build(kernel string, p backend.Problem, s backend.Specialization) (backend.Program, error) {
	if _, err := d.Candidates(kernel, p); err != nil {
		return nil, err
	}
	if len(s) > 0 {
		return nil, backend.Errorf(backend.Unusable, "blas: a library has no specialization constants, and %v were given", s)
	}
	return newProgram(d.lib, p)
}

// program is a problem with its matrices A, B and C, in memory that Go does not move.
type program struct {
	lib      *library
	p        backend.Problem
	matrices [3]unsafe.Pointer
	clock    backend.Clock
	tick     time.Duration // of the clock
}

func newProgram(l *library, p backend.Problem) (*program, error) {
	pr := &program{lib: l, p: p, clock: backend.NewClock()}
	pr.tick = pr.clock.Tick()
	for i, n := range []uint64{uint64(p.M) * uint64(p.K), uint64(p.K) * uint64(p.N), uint64(p.MaxRegion())} {
		if C.posix_memalign(&pr.matrices[i], 4096, C.size_t(4*n)) != 0 {
			pr.matrices[i] = nil
			pr.Close()
			return nil, &backend.Error{Kind: backend.OutOfMemory, Text: fmt.Sprintf("blas: no memory for a matrix of %d bytes", 4*n),
				Remedy: "choose a smaller --size, or give the container more memory"}
		}
	}
	return pr, nil
}

// Form has no hash: what runs is the library's, named by the device.
func (p *program) Form() backend.Form {
	return backend.Form{Name: "blas", Specialization: backend.Specialization{}}
}

// matrix is matrix i as a slice of n floats.
func (p *program) matrix(i, n int) []float32 {
	return unsafe.Slice((*float32)(p.matrices[i]), n)
}

func (p *program) Load(a, b []float32) error {
	if len(a) != p.p.M*p.p.K || len(b) != p.p.K*p.p.N {
		panic(fmt.Sprintf("BUG: blas: inputs of %d and %d elements for the problem %s", len(a), len(b), p.p))
	}
	p.Patch(0, 0, a)
	p.Patch(1, 0, b)
	return nil
}

func (p *program) Patch(matrix, at int, values []float32) error {
	copy(p.matrix(matrix, at+len(values))[at:], values)
	return nil
}

// region is the first n elements of C's region.
func (p *program) region(n int) []float32 {
	if most := p.p.MaxRegion(); n > most {
		panic(fmt.Sprintf("BUG: blas: %d elements of a region of %d", n, most))
	}
	return p.matrix(2, n)
}

func (p *program) Fill(v float32, n int) error {
	c := p.region(n)
	if n > 0 {
		c[0] = v
	}
	for done := 1; done < n; done *= 2 { // faster than element by element
		copy(c[done:], c[:done])
	}
	return nil
}

func (p *program) Run(b backend.Batch) (backend.Timing, error) {
	if err := b.Check(); err != nil {
		return backend.Timing{}, err
	}
	t := p.run(p.p.M, b)
	for i, at := range p.p.Witnesses(b) {
		t.Witness[i] = p.region(at + 1)[at]
	}
	return t, nil
}

// Empty multiplies no rows, which takes some ten nanoseconds, so it does that over and over.
func (p *program) Empty() (backend.Timing, error) {
	return p.clock.Repeat(p.tick, func() error {
		p.run(0, backend.Batch{Dispatches: 1})
		return nil
	})
}

// run multiplies the first rows of A.
func (p *program) run(rows int, b backend.Batch) backend.Timing {
	m := p.matrices
	start := p.clock()
	multiply := func(from, to int) {
		if from < to {
			c := unsafe.Add(m[2], 4*p.p.Place(b, from))
			C.blas_sgemm(p.lib.sgemm, C.int(rows), C.int(p.p.N), C.int(p.p.K), (*C.float)(m[0]), (*C.float)(m[1]), (*C.float)(c), C.int64_t(b.Step()), C.int(to-from))
		}
	}
	if b.Apart > 0 { // before it, itself, and after it
		multiply(0, b.Apart-1)
		multiply(b.Apart-1, b.Apart)
	}
	multiply(b.Apart, b.Dispatches)
	return backend.Timing{HostS: (p.clock() - start).Seconds()}
}

func (p *program) Read(c []float32, at int) error {
	copy(c, p.region(at + len(c))[at:])
	return nil
}

func (p *program) Close() error {
	for i, m := range p.matrices {
		C.free(m)
		p.matrices[i] = nil
	}
	return nil
}
