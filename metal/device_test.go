//go:build gnustep

package metal

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/backend"
	"gpubench/internal/launch"
	"gpubench/internal/result"
	"gpubench/internal/shape"
	"gpubench/internal/worker"
	"gpubench/metal/fake"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "gpubench-metal-")
	if err != nil {
		panic(err)
	}
	fake.Dir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// set sets the fake, and fails the test where a rule of Metal was broken or an object
// was not given back.
func set(t *testing.T, c fake.Control) {
	t.Helper()
	fake.Set(c)
	before := fake.Seen().Live
	t.Cleanup(func() {
		s := fake.Seen()
		if s.Broken != "" {
			t.Errorf("a rule was broken: %s", s.Broken)
		}
		if s.Live != before {
			t.Errorf("%d objects were not given back", s.Live-before)
		}
		fake.Set(fake.Control{})
	})
}

func init() {
	watch = func(t *testing.T, p *program, batch backend.Batch) func() {
		before := fake.Seen()
		return func() { dispatched(t, p, batch, before, fake.Seen()) }
	}
}

// dispatched checks what a batch has sent to the device.
func dispatched(t *testing.T, p *program, batch backend.Batch, before, after fake.State) {
	t.Helper()
	if n := after.CommandBuffers - before.CommandBuffers; n != 1 {
		t.Errorf("%+v: %d command buffers, not 1", batch, n)
	}
	if n := after.Dispatches - before.Dispatches; n != batch.Dispatches {
		t.Fatalf("%+v: %d dispatches", batch, n)
	}
	if after.Broken != "" {
		t.Fatalf("a rule was broken: %s", after.Broken)
	}
	for i, d := range after.Log[len(after.Log)-batch.Dispatches:] {
		want := fake.Dispatch{
			Groups: [3]uint64{uint64(p.groups[0]), uint64(p.groups[1]), 1}, Threads: [3]uint64{uint64(p.threads[0]), uint64(p.threads[1]), 1},
			Offsets: [3]uint64{0, 0, uint64(4 * batch.At(i))}, Size: [3]uint32{uint32(p.problem.M), uint32(p.problem.N), uint32(p.problem.K)},
		}
		if p.device.isReference() {
			want.Groups, want.Threads, want.Product = [3]uint64{}, [3]uint64{}, true
		}
		if d != want {
			t.Errorf("%+v: dispatch %d is %+v, want %+v", batch, i, d, want)
		}
	}
	if !p.device.isReference() && (after.FastMath || after.Version != 2<<16+1) {
		t.Errorf("fast math %v, version %#x of the language", after.FastMath, after.Version)
	}
}

func wantError(t *testing.T, err error, kind backend.Kind, parts ...string) {
	t.Helper()
	var e *backend.Error
	if !errors.As(err, &e) {
		t.Errorf("got %v, want an error of kind %s", err, kind)
		return
	}
	if e.Kind != kind {
		t.Errorf("kind is %s, want %s (%v)", e.Kind, kind, e)
	}
	for _, p := range parts {
		if !strings.Contains(e.Error(), p) {
			t.Errorf("%q does not hold %q", e.Error(), p)
		}
	}
}

func TestDevices(t *testing.T) {
	set(t, fake.Control{})
	for _, b := range []*Backend{New(), NewMPS()} {
		list, err := b.Devices()
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		d := list[0]
		if d.ID != b.Name()+":0" || d.Backend != b.Name() || d.Name != "Apple M0 (fake)" || d.Class != result.ClassIntegrated || !d.GPU() || !d.Unified || !d.Timestamps ||
			d.MemoryBytes != 1<<33 || d.Driver.Info != "Apple 9, Mac 2" || d.API != map[string]string{"metal": "3"}[b.Name()] || d.Unusable != "" ||
			d.Limits["gpu-core-count"] != 38 || d.Limits["maxThreadgroupMemoryLength"] != 32768 || d.Limits["maxThreadsPerThreadgroup.height"] != 1024 {
			t.Errorf("%+v", d)
		}
		if reference := b.Name() == "mps"; (d.Role() == result.RoleReference) != reference {
			t.Errorf("%s is of role %s", d.ID, d.Role())
		}
	}
	fake.Set(fake.Control{NoCores: true, UnknownFamilies: true})
	if list, err := New().Devices(); err != nil || list[0].Limits["gpu-core-count"] != 0 || list[0].Driver.Info != "" || list[0].API != "" {
		t.Errorf("%+v, %v", list, err)
	}
	fake.Set(fake.Control{NoRegistry: true})
	if list, err := New().Devices(); err != nil || list[0].Limits["gpu-core-count"] != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestNoDevice(t *testing.T) {
	set(t, fake.Control{NoDevice: true})
	_, err := New().Devices()
	wantError(t, err, backend.Absent, "metal: Metal shows no device")
	fake.Set(fake.Control{})
	_, err = New().Open("metal:1")
	wantError(t, err, backend.NoDevice, `metal: there is no device "metal:1"`)
	fake.Set(fake.Control{Discrete: true})
	_, err = New().Open("metal:0")
	wantError(t, err, backend.Unusable, "memory of its own")
	fake.Set(fake.Control{NoMPS: true})
	_, err = NewMPS().Open("mps:0")
	wantError(t, err, backend.Unusable, "Metal Performance Shaders do not support it")
	fake.Set(fake.Control{NoQueue: true})
	_, err = New().Open("metal:0")
	wantError(t, err, backend.Failed, "metal:0: newCommandQueue: Metal made none")
}

func TestMPSRefuses(t *testing.T) {
	set(t, fake.Control{})
	d := open(t, "mps")
	_, err := d.Candidates(backend.KernelFMA, problems[0])
	wantError(t, err, backend.Limit, `no kernel "fma"`)
	_, err = d.Build(backend.KernelMatmul, problems[0], backend.Specialization{"LX": 1})
	wantError(t, err, backend.Unusable, "no specialization constants")
	fake.Set(fake.Control{NoProduct: true})
	_, err = d.Build(backend.KernelMatmul, problems[0], nil)
	wantError(t, err, backend.Failed, "mps:0: MPSMatrixMultiplication: ")
	for n := 1; n <= 4; n++ {
		fake.Set(fake.Control{NoBuffer: n})
		_, err = d.Build(backend.KernelMatmul, problems[0], nil)
		wantError(t, err, backend.OutOfMemory, "mps:0: ", "no memory for ")
	}
	fake.Set(fake.Control{})
	p := build(t, d, backend.KernelMatmul, problems[0], nil)
	fake.Set(fake.Control{NoCommandBuffer: true})
	_, err = p.Run(backend.Batch{Dispatches: 1})
	wantError(t, err, backend.Failed, "mps:0: run the command buffer: there is no command buffer")
	fake.Set(fake.Control{CommandError: 8})
	_, err = p.Run(backend.Batch{Dispatches: 1})
	wantError(t, err, backend.OutOfMemory, "MTLCommandBufferErrorOutOfMemory")
}

// An empty dispatch is one, and writes nothing.
func TestEmpty(t *testing.T) {
	set(t, fake.Control{})
	for _, name := range []string{"metal", "mps"} {
		p := build(t, open(t, name), backend.KernelMatmul, problems[1], nil)
		region := make([]float32, p.problem.Region(1))
		if err := p.Fill(7, len(region)); err != nil {
			t.Fatal(err)
		}
		before := fake.Seen()
		if timing, err := p.Empty(); err != nil || !(timing.HostS > 0) {
			t.Fatal(timing, err)
		}
		after := fake.Seen()
		if after.Dispatches != before.Dispatches+1 || after.CommandBuffers != before.CommandBuffers+1 {
			t.Errorf("%s: %d dispatches", name, after.Dispatches-before.Dispatches)
		}
		last := after.Log[len(after.Log)-1]
		if name == "metal" && (last.Size != [3]uint32{} || last.Groups != [3]uint64{1, 1, 1}) || name == "mps" && last.Size != [3]uint32{1, 1, 1} {
			t.Errorf("%s: %+v", name, last)
		}
		if err := p.Read(region); err != nil || slices.ContainsFunc(region, func(v float32) bool { return v != 7 }) {
			t.Errorf("%s: the region was written, or not read: %v", name, err)
		}
	}
}

// The device's clock counts when its end is after its start and both after zero.
func TestDeviceClock(t *testing.T) {
	set(t, fake.Control{})
	p := build(t, open(t, "metal"), backend.KernelMatmul, problems[0], nil)
	for _, c := range []struct {
		start, end float64
		want       bool
	}{{10, 10.25, true}, {0, 0, false}, {0, 10, false}, {10, 10, false}, {10, 9, false}, {-2, -1, false}} {
		fake.Set(fake.Control{Start: c.start, End: c.end})
		timing, err := p.Run(backend.Batch{Dispatches: 1})
		if err != nil {
			t.Fatal(err)
		}
		if (timing.DeviceS != nil) != c.want || c.want && *timing.DeviceS != 0.25 {
			t.Errorf("%v to %v: %v", c.start, c.end, timing.DeviceS)
		}
	}
}

func TestCommandErrors(t *testing.T) {
	set(t, fake.Control{})
	p := build(t, open(t, "metal"), backend.KernelMatmul, problems[0], nil)
	once := backend.Batch{Dispatches: 1}
	for code, known := range commandErrors {
		fake.Set(fake.Control{CommandError: int(code)})
		_, err := p.Run(once)
		wantError(t, err, known.kind, "metal:0: run the command buffer: "+known.name+": Caused GPU Error (fake)")
	}
	fake.Set(fake.Control{CommandError: 2, Silent: true})
	_, err := p.Empty()
	wantError(t, err, backend.Failed, "the command buffer ended with status 5 and no error")
	fake.Set(fake.Control{NoCommandBuffer: true})
	_, err = p.Run(once)
	wantError(t, err, backend.Failed, "there is no command buffer")
	fake.Set(fake.Control{NoEncoder: true})
	_, err = p.Run(once)
	wantError(t, err, backend.Failed, "there is no encoder")
	fake.Set(fake.Control{})
	if _, err := p.Run(once); err != nil {
		t.Errorf("after the errors: %v", err)
	}
}

func TestCompileErrors(t *testing.T) {
	set(t, fake.Control{})
	d := open(t, "metal")
	compile := func(c fake.Control) error {
		fake.Set(c)
		_, err := d.Build(backend.KernelMatmul, problems[0], nil)
		return err
	}
	long := "program_source:9:1: error: unknown type name 'kernal'\n" + strings.Repeat("x", 8000)
	wantError(t, compile(fake.Control{CompileError: long}), backend.Failed, "metal:0: compile the kernel matmul: MTLLibraryErrorDomain 3: program_source:9:1: error: unknown type name 'kernal'\nxxx")
	wantError(t, compile(fake.Control{CompileError: "x", Silent: true}), backend.Failed, "the compiler does not say why")
	wantError(t, compile(fake.Control{NoFunction: true}), backend.Failed, "the library has no function main0")
	wantError(t, compile(fake.Control{NoPipeline: true}), backend.Failed, "AGXMetalG13X 3: Compiler encountered an internal error")
	wantError(t, compile(fake.Control{NoPipeline: true, Silent: true}), backend.Failed, "the compiler does not say why")
	// A text that is none fails in the compiler itself.
	d.backend.kernels[0].text = strings.Replace(d.backend.kernels[0].text, "threadgroup_barrier", "threadgroup_barier", 1)
	wantError(t, compile(fake.Control{}), backend.Failed, "MTLLibraryErrorDomain 3: g++", "threadgroup_barier")
}

func TestLimits(t *testing.T) {
	set(t, fake.Control{})
	p := backend.Problem{M: 300, N: 300, K: 300}
	try := func(c fake.Control, s backend.Specialization) error {
		fake.Set(c)
		d, err := New(testKernels(t)...).Open("metal:0")
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		_, err = d.Build(backend.KernelMatmul, p, s)
		return err
	}
	wantError(t, try(fake.Control{MaxBuffer: 300*300*4 - 1}, nil), backend.Limit, "matrix A needs 360000 bytes, and maxBufferLength is 359999")
	wantError(t, try(fake.Control{WorkingSet: 1 << 20}, nil), backend.OutOfMemory, "recommendedMaxWorkingSetSize is 1048576")
	wantError(t, try(fake.Control{GroupMemory: 1024}, nil), backend.Limit, "the threadgroup's memory in bytes", "maxThreadgroupMemoryLength is 1024")
	wantError(t, try(fake.Control{PipelineThreads: 128}, nil), backend.Limit, "LX * LY is 256, and maxTotalThreadsPerThreadgroup of this kernel is 128")
	wantError(t, try(fake.Control{}, backend.Specialization{"LX": 2048}), backend.Limit, "LX is 2048, and maxThreadsPerThreadgroup.width is 1024")
	wantError(t, try(fake.Control{}, backend.Specialization{"KU": 5}), backend.Limit, "must divide BK")
	wantError(t, try(fake.Control{}, backend.Specialization{"XY": 5}), backend.Failed, `no specialization constant "XY"`)
	for n := 1; n <= 3; n++ {
		wantError(t, try(fake.Control{NoBuffer: n}, nil), backend.OutOfMemory, "matrix "+string(rune('A'-1+n))+": no memory for ")
	}
	// Where little memory is shared, the candidates are those that fit.
	fake.Set(fake.Control{GroupMemory: 4096})
	d := open(t, "metal")
	specs, err := d.Candidates(backend.KernelMatmul, p)
	all := len(shape.For(backend.KernelMatmul, result.ClassIntegrated, p))
	if err != nil || len(specs) == 0 || len(specs) >= all {
		t.Errorf("%d of %d candidates, %v", len(specs), all, err)
	}
	for _, wrong := range []backend.Problem{{M: 0, N: 1, K: 1}, {M: 1 << 20, N: 1 << 20, K: 1}} {
		_, err := d.Candidates(backend.KernelMatmul, wrong)
		wantError(t, err, backend.Limit, "metal:0: matrix ")
	}
	_, err = d.Candidates("none", p)
	wantError(t, err, backend.Limit, `no text of the kernel "none"`)
}

func TestWrongUse(t *testing.T) {
	set(t, fake.Control{})
	p := build(t, open(t, "metal"), backend.KernelMatmul, problems[1], nil)
	wantError(t, p.Load(make([]float32, 1), make([]float32, 1)), backend.Failed, "matrix A has 8385 elements, and 1 were given")
	most := p.problem.Region(backend.MaxDispatches)
	wantError(t, p.Fill(0, most+1), backend.Failed, "the region of C has")
	wantError(t, p.Read(make([]float32, most+1)), backend.Failed, "the region of C has")
	for _, n := range []int{0, backend.MaxDispatches + 1} {
		_, err := p.Run(backend.Batch{Dispatches: n})
		wantError(t, err, backend.Failed, "a batch of")
	}
	p.Close()
	p.Close()
}

// Ten thousand dispatches, and builds and errors between them, leave no object behind.
func TestNothingLeaks(t *testing.T) {
	set(t, fake.Control{})
	for _, name := range []string{"metal", "mps"} {
		d := open(t, name)
		tiny := backend.Specialization{"LX": 1, "LY": 1, "TM": 1, "TN": 1, "VN": 1, "BK": 1, "KU": 1, "PA": 0, "PB": 0}
		if name == "mps" {
			tiny = nil
		}
		p := build(t, d, backend.KernelMatmul, problems[0], tiny)
		before := fake.Seen()
		for i := range 100 {
			if _, err := p.Run(backend.Batch{Dispatches: 99, Descending: i%2 == 1}); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Empty(); err != nil {
				t.Fatal(err)
			}
			q, err := d.Build(backend.KernelMatmul, problems[0], tiny)
			if err != nil {
				t.Fatal(err)
			}
			q.Close()
		}
		after := fake.Seen()
		if n := after.Dispatches - before.Dispatches; n != 10000 {
			t.Errorf("%s: %d dispatches", name, n)
		}
		if after.Live != before.Live {
			t.Errorf("%s: %d objects more live than before", name, after.Live-before.Live)
		}
	}
}

// A device that is closed takes its programs along.
func TestCloseTakesPrograms(t *testing.T) {
	set(t, fake.Control{})
	d, err := New(testKernels(t)...).Open("metal:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Build(backend.KernelMatmul, problems[0], nil); err != nil {
		t.Fatal(err)
	}
	d.Close()
	d.Close()
}

// A child's whole work, search and launch, goes through on both, verified as everywhere.
func TestLaunch(t *testing.T) {
	set(t, fake.Control{Start: 1, End: 1.0001})
	rules := worker.Rules{WarmupS: 0.001, MinSamples: 3, MinTimeS: 0.001, Precision: 10, MaxTimeS: 20, BatchS: 1e-6}
	for _, b := range []*Backend{New(testKernels(t)...), NewMPS()} {
		for _, req := range []worker.Request{
			{Op: worker.OpSearch, Problem: backend.Problem{M: 33, N: 35, K: 37}},
			{Op: worker.OpLaunch, Problem: backend.Problem{M: 33, N: 35, K: 37}},
			{Op: worker.OpLaunch, Kernel: backend.KernelFMA, Problem: backend.Problem{M: 33, N: 35, K: 37}},
			{Op: worker.OpLaunch, Kernel: backend.KernelEmpty},
		} {
			if b.Name() == "mps" && req.Kernel == backend.KernelFMA {
				continue
			}
			req.Backend, req.Device, req.Rules, req.Seed = b.Name(), b.Name()+":0", rules, 1
			var events []string
			err := launch.Handle(context.Background(), b, nil, req, func(e worker.Event) { events = append(events, e.Event) })
			if err != nil || len(events) == 0 || events[len(events)-1] != worker.EventDone {
				t.Errorf("%s %s %s: %v, events %v", b.Name(), req.Op, req.Kernel, err, events)
			}
		}
	}
}
