//go:build cgo && (amd64 || arm64)

// Package cpu is the backend that runs the kernels on the processor: C made from their
// SPIR-V by internal/spmd, for the best instruction set that the processor has, on
// all cores that the process may use.
package cpu

/*
#cgo CFLAGS: -O3 -std=gnu11 -Wall -Wextra
#cgo linux LDFLAGS: -pthread
#include <errno.h>
#include <stdlib.h>
#include "pool.h"
*/
import "C"

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"gpubench/internal/backend"
	"gpubench/internal/host"
	"gpubench/internal/result"
	"gpubench/internal/steering"
	"gpubench/kernels"
)

// ladder are the instruction sets of an architecture, the lowest first. A processor
// that has one has those before it.
var ladder = map[string][]string{"amd64": {"sse2", "avx2", "avx512"}, "arm64": {"neon"}}

// New is the cpu backend. Its devices are cpu, all usable processors with the best
// instruction set, cpu:N, N threads, cpu:ISA, a lower instruction set, and cpu:N:ISA.
func New() backend.Backend { return cpuBackend{} }

type cpuBackend struct{}

func (cpuBackend) Name() string { return "cpu" }

// available are the instruction sets that the processor has, the lowest first.
func available() []string {
	best := host.ISA()
	for _, steps := range ladder {
		if i := slices.Index(steps, best); i >= 0 {
			return steps[:i+1]
		}
	}
	return nil
}

// defaultISA is the instruction set of a device that names none: the best there is,
// or the one of the environment.
func defaultISA() (string, error) {
	asked := os.Getenv(steering.CPUVariable)
	switch {
	case asked == "":
		return host.ISA(), nil
	case slices.Contains(available(), asked):
		return asked, nil
	}
	return "", &backend.Error{Kind: backend.Unusable, Text: fmt.Sprintf("cpu: %s asks for the instruction set %q, which this processor does not have", steering.CPUVariable, asked),
		Remedy: "unset " + steering.CPUVariable + ", or set it to one of " + strings.Join(available(), ", ")}
}

// parse reads a device id: how many threads, and which instruction set.
func parse(id string) (threads int, isa string, err error) {
	usable, sets := host.UsableCPUs(), available()
	threads = usable
	parts := strings.Split(id, ":")
	rest := parts[1:]
	if len(rest) > 0 {
		// Every device has one name only, so 01 is none.
		if n, err := strconv.Atoi(rest[0]); err == nil && n >= 1 && n <= usable && strconv.Itoa(n) == rest[0] {
			threads, rest = n, rest[1:]
		}
	}
	if len(rest) > 0 && slices.Contains(sets, rest[0]) {
		isa, rest = rest[0], rest[1:]
	}
	if parts[0] != "cpu" || len(rest) > 0 {
		return 0, "", noDevice(id, usable, sets)
	}
	if isa == "" {
		isa, err = defaultISA()
	}
	return threads, isa, err
}

func noDevice(id string, usable int, sets []string) error {
	threads := "cpu:1"
	if usable > 1 {
		threads = fmt.Sprintf("cpu:1 to cpu:%d for a number of threads", usable)
	}
	last := sets[len(sets)-1]
	return &backend.Error{Kind: backend.NoDevice, Text: fmt.Sprintf("cpu: there is no device %q", id),
		Remedy: fmt.Sprintf("use cpu, %s, and one of %s for an instruction set, as in cpu:%s or cpu:1:%s", threads, strings.Join(sets, ", "), last, last)}
}

// Devices lists cpu, and cpu:1 where there is more than one processor to use. Open
// takes other numbers of threads and the lower instruction sets too.
func (b cpuBackend) Devices() ([]result.Device, error) {
	name, err := defaultISA()
	if err != nil {
		return nil, err
	}
	all := b.info("cpu", host.UsableCPUs(), name)
	if all.Threads == 1 {
		return []result.Device{all}, nil
	}
	return []result.Device{all, b.info("cpu:1", 1, name)}, nil
}

func (cpuBackend) info(id string, threads int, isa string) result.Device {
	name, memory := host.Machine()
	d := result.Device{ID: id, Backend: "cpu", Class: result.ClassCPU, Name: name, Driver: result.Driver{Name: "gpubench spmd"},
		MemoryBytes: memory, Unified: true, Threads: threads, ISA: isa, Limits: map[string]uint64{}, ProcessorISA: host.ISA()}
	if d.BelowProcessor() { // else the variable has chosen nothing here
		d.Steering = steering.Code("cpu", os.Environ())
	}
	return d
}

func (b cpuBackend) Open(id string) (backend.Device, error) {
	threads, isa, err := parse(id)
	if err != nil {
		return nil, err
	}
	d := &device{info: b.info(id, threads, isa)}
	if d.pool, err = C.cpu_pool_new(C.int(threads)); d.pool == nil {
		return nil, &backend.Error{Kind: backend.Failed, Text: fmt.Sprintf("cpu: starting %d threads", threads), Err: err, Remedy: "raise the limit of processes (ulimit -u), or use fewer threads with --device cpu:1"}
	}
	return d, nil
}

type device struct {
	info result.Device
	pool *C.cpu_pool
}

func (d *device) Info() result.Device { return d.info }

func (d *device) Close() error {
	C.cpu_pool_free(d.pool)
	d.pool = nil
	return nil
}

// maxElements of a matrix: the translated code counts elements in 32 bits with a sign.
const maxElements = math.MaxInt32

func (d *device) Candidates(kernel string, p backend.Problem) ([]backend.Specialization, error) {
	for _, m := range p.Matrices(kernel) {
		if uint64(m.Rows)*uint64(m.Cols) > maxElements {
			return nil, backend.Errorf(backend.Limit, "cpu: matrix %s of %dx%d has more than the 2^31-1 elements that the kernel can count", m.Name, m.Rows, m.Cols)
		}
	}
	var list []backend.Specialization
	for _, v := range kernels.CPUVariants {
		if v.Kernel == kernel && v.ISA == d.info.ISA {
			list = append(list, maps.Clone(v.Specialization))
		}
	}
	if list == nil {
		return nil, backend.Errorf(backend.Limit, "cpu: no code was made for the kernel %q with %s", kernel, d.info.ISA)
	}
	return list, nil
}

func (d *device) Build(kernel string, p backend.Problem, s backend.Specialization) (backend.Program, error) {
	candidates, err := d.Candidates(kernel, p)
	if err != nil {
		return nil, err
	}
	for _, v := range kernels.CPUVariants {
		if v.Kernel != kernel || v.ISA != d.info.ISA || !maps.Equal(v.Specialization, s) {
			continue
		}
		for c := C.cpu_table(); c.name != nil; c = (*C.cpu_variant)(unsafe.Add(unsafe.Pointer(c), unsafe.Sizeof(*c))) {
			if C.GoString(c.name) == v.Name {
				return d.build(p, v, c)
			}
		}
		panic("BUG: cpu: " + v.Name + " is in kernels.CPUVariants but not in the generated table; run make kernels")
	}
	var made []string
	for _, c := range candidates {
		made = append(made, c.String())
	}
	return nil, &backend.Error{Kind: backend.Unusable, Text: fmt.Sprintf("cpu: no code was made for the specialization %v of %s with %s", s, kernel, d.info.ISA),
		Remedy: "choose one of " + strings.Join(made, "; ")}
}

func (d *device) build(p backend.Problem, v kernels.CPUVariant, c *C.cpu_variant) (backend.Program, error) {
	s := v.Specialization
	matrices := p.Matrices(v.Kernel)
	pr := &program{device: d, p: p, kernel: c.kernel, inputs: [2]int{matrices[0].Len(), matrices[1].Len()}, form: backend.Form{Name: "c", SPIRVSHA256: fmt.Sprintf("%x", sha256.Sum256(kernels.Modules[v.Kernel])),
		SHA256: C.GoString(c.sha256), Specialization: maps.Clone(s)}, clock: backend.NewClock()}
	pr.tick = pr.clock.Tick()
	pr.args = (*C.spmd_args)(C.calloc(2, C.sizeof_spmd_args))
	if pr.args == nil {
		return nil, outOfMemory("the arguments", 2*C.sizeof_spmd_args)
	}
	for i, n := range []int{pr.inputs[0], pr.inputs[1], p.MaxRegion()} {
		size := C.size_t(n) * 4
		if C.posix_memalign(&pr.args.buffer[i], 4096, size) != 0 {
			pr.Close()
			return nil, outOfMemory("a matrix", uint64(size))
		}
	}
	empty := pr.empty()
	*empty = *pr.args
	empty.groups = [3]C.uint32_t{1, 1, 1}
	pr.args.push[0], pr.args.push[1], pr.args.push[2] = C.uint32_t(p.M), C.uint32_t(p.N), C.uint32_t(p.K)
	bm, bn := int(s["LY"]*s["TM"]), int(s["LX"]*s["TN"]*s["VN"])
	if v.Kernel == backend.KernelFMA {
		bm, bn = int(s["LY"]*s["ACC"]), int(s["LX"])
	}
	pr.args.groups = [3]C.uint32_t{C.uint32_t((p.N + bn - 1) / bn), C.uint32_t((p.M + bm - 1) / bm), 1}
	return pr, nil
}

func outOfMemory(what string, size uint64) error {
	return &backend.Error{Kind: backend.OutOfMemory, Text: fmt.Sprintf("cpu: no memory for %s of %d bytes", what, size), Remedy: "choose a smaller --size, or give the container more memory"}
}

type program struct {
	device *device
	p      backend.Problem
	inputs [2]int // elements of A and of B
	kernel *C.spmd_kernel
	args   *C.spmd_args // of a dispatch, and after them those of the empty one
	form   backend.Form
	clock  backend.Clock
	tick   time.Duration // of the clock
}

// empty are the arguments of a dispatch of one workgroup, for matrices without elements.
func (p *program) empty() *C.spmd_args {
	return (*C.spmd_args)(unsafe.Add(unsafe.Pointer(p.args), C.sizeof_spmd_args))
}

func (p *program) Form() backend.Form { return p.form }

// matrix is buffer i as a slice of n floats.
func (p *program) matrix(i, n int) []float32 {
	return unsafe.Slice((*float32)(p.args.buffer[i]), n)
}

func (p *program) Load(a, b []float32) error {
	if [2]int{len(a), len(b)} != p.inputs {
		panic(fmt.Sprintf("BUG: cpu: inputs of %d and %d elements for the problem %s", len(a), len(b), p.p))
	}
	p.Patch(0, 0, a)
	p.Patch(1, 0, b)
	return nil
}

func (p *program) Patch(matrix, at int, values []float32) error {
	copy(p.matrix(matrix, p.inputs[matrix])[at:], values)
	return nil
}

// region is the first n elements of C's region.
func (p *program) region(n int) []float32 {
	if most := p.p.MaxRegion(); n > most {
		panic(fmt.Sprintf("BUG: cpu: %d elements of a region of %d", n, most))
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
	batch := C.cpu_batch{n: C.uint32_t(b.Dispatches), buffer: 2, first: C.ptrdiff_t(4 * b.Others().At(0)), step: C.ptrdiff_t(4 * b.Step()), apart: noneApart}
	if b.Apart > 0 {
		batch.apart, batch.own = C.uint32_t(b.Apart-1), C.ptrdiff_t(4*p.p.Place(b, b.Apart-1))
	}
	t, err := p.run(p.args, batch)
	for i, at := range p.p.Witnesses(b) {
		t.Witness[i] = p.region(at + 1)[at]
	}
	return t, err
}

// noneApart is the number of no dispatch.
const noneApart = math.MaxUint32

// Empty does it over and over where one thread alone is faster than the clock.
func (p *program) Empty() (backend.Timing, error) {
	return p.clock.Repeat(p.tick, func() error {
		_, err := p.run(p.empty(), C.cpu_batch{n: 1, buffer: 2, apart: noneApart})
		return err
	})
}

func (p *program) run(args *C.spmd_args, batch C.cpu_batch) (backend.Timing, error) {
	start := p.clock()
	r := C.cpu_pool_run(p.device.pool, p.kernel, args, batch)
	t := backend.Timing{HostS: (p.clock() - start).Seconds()}
	if r != 0 {
		if errors.Is(syscall.Errno(r), syscall.ENOMEM) {
			return t, outOfMemory("a workgroup's shared memory", uint64(p.kernel.scratch))
		}
		return t, &backend.Error{Kind: backend.Failed, Text: "cpu: running the kernel", Err: syscall.Errno(r)}
	}
	return t, nil
}

func (p *program) Read(c []float32, at int) error {
	copy(c, p.region(at + len(c))[at:])
	return nil
}

func (p *program) Close() error {
	if p.args != nil {
		for i := range 3 {
			C.free(p.args.buffer[i])
		}
		C.free(unsafe.Pointer(p.args))
		p.args = nil
	}
	return nil
}
