//go:build gnustep

package metal

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/backend"
	"gpubench/internal/half"
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
			Offsets: [3]uint64{0, 0, p.device.elementBytes() * uint64(p.problem.Place(batch, i))}, Size: [3]uint32{uint32(p.problem.M), uint32(p.problem.N), uint32(p.problem.K)},
		}
		if p.device.isReference() {
			want.Groups, want.Threads, want.Product = [3]uint64{}, [3]uint64{}, 8*int(p.device.elementBytes())
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
		if err != nil || len(list) != len(b.suffixes) {
			t.Fatal(list, err)
		}
		d := list[0]
		if b.Name() == "mps" { // the same once more, but for its format
			other := list[1]
			if other.ID != "mps:0:f16" || d.Format() != result.FormatF32 || other.Format() != result.FormatF16 {
				t.Errorf("%s in %s, %s in %s", d.ID, d.Format(), other.ID, other.Format())
			}
			if other.ID = d.ID; !reflect.DeepEqual(other, d) {
				t.Errorf("%+v\n%+v", other, d)
			}
		}
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
	for _, id := range []string{"mps:0:f32", "mps:0:tf32", "mps:1:f16", "metal:0:f16"} {
		_, err = NewMPS().Open(id)
		wantError(t, err, backend.NoDevice, `there is no device "`+id+`"`)
	}
	fake.Set(fake.Control{Discrete: true})
	_, err = New().Open("metal:0")
	wantError(t, err, backend.Unusable, "memory of its own")
	fake.Set(fake.Control{NoMPS: true})
	for _, id := range []string{"mps:0", "mps:0:f16"} {
		_, err = NewMPS().Open(id)
		wantError(t, err, backend.Unusable, id+": ", "Metal Performance Shaders do not support it")
	}
	fake.Set(fake.Control{NoQueue: true})
	_, err = New().Open("metal:0")
	wantError(t, err, backend.Failed, "metal:0: newCommandQueue: Metal made none")
}

func TestMPSRefuses(t *testing.T) {
	for _, id := range []string{"mps:0", "mps:0:f16"} {
		t.Run(id, func(t *testing.T) { mpsRefuses(t, id) })
	}
}

func mpsRefuses(t *testing.T, id string) {
	set(t, fake.Control{})
	d := open(t, id)
	_, err := d.Candidates(backend.KernelFMA, problems[0])
	wantError(t, err, backend.Limit, `no kernel "fma"`)
	_, err = d.Build(backend.KernelMatmul, problems[0], backend.Specialization{"LX": 1})
	wantError(t, err, backend.Unusable, "no specialization constants")
	fake.Set(fake.Control{NoProduct: true})
	_, err = d.Build(backend.KernelMatmul, problems[0], nil)
	wantError(t, err, backend.Failed, id+": MPSMatrixMultiplication: ")
	for n := 1; n <= 4; n++ {
		fake.Set(fake.Control{NoBuffer: n})
		_, err = d.Build(backend.KernelMatmul, problems[0], nil)
		wantError(t, err, backend.OutOfMemory, id+": ", "no memory for ")
	}
	fake.Set(fake.Control{})
	p := build(t, d, backend.KernelMatmul, problems[0], nil)
	fake.Set(fake.Control{NoCommandBuffer: true})
	_, err = p.Run(backend.Batch{Dispatches: 1})
	wantError(t, err, backend.Failed, id+": run the command buffer: there is no command buffer")
	fake.Set(fake.Control{CommandError: 8})
	_, err = p.Run(backend.Batch{Dispatches: 1})
	wantError(t, err, backend.OutOfMemory, "MTLCommandBufferErrorOutOfMemory")
}

// An empty dispatch is one, and writes nothing.
func TestEmpty(t *testing.T) {
	set(t, fake.Control{})
	for _, name := range []string{"metal:0", "mps:0", "mps:0:f16"} {
		p := build(t, open(t, name), backend.KernelMatmul, problems[1], nil)
		region := make([]float32, p.problem.Shared(1))
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
		if name == "metal:0" && (last.Size != [3]uint32{} || last.Groups != [3]uint64{1, 1, 1}) ||
			name != "metal:0" && (last.Size != [3]uint32{1, 1, 1} || last.Product != 8*int(p.device.elementBytes())) {
			t.Errorf("%s: %+v", name, last)
		}
		if err := p.Read(region, 0); err != nil || slices.ContainsFunc(region, func(v float32) bool { return v != 7 }) {
			t.Errorf("%s: the region was written, or not read: %v", name, err)
		}
	}
}

// The device's clock counts when its end is after its start and both after zero.
func TestDeviceClock(t *testing.T) {
	set(t, fake.Control{})
	p := build(t, open(t, "metal:0"), backend.KernelMatmul, problems[0], nil)
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

// What a batch shows of its results is what they were when it was said to be completed, and what
// C was filled with where it was not.
func TestWitnessesOfABatchThatWasNotDone(t *testing.T) {
	set(t, fake.Control{})
	p := build(t, open(t, "metal:0"), backend.KernelMatmul, problems[0], nil)
	for _, idle := range []bool{true, false} {
		fake.Set(fake.Control{Idle: idle})
		batch := backend.Batch{Dispatches: 2, Apart: 2}
		if err := p.Fill(7.5, p.problem.Region(batch)); err != nil {
			t.Fatal(err)
		}
		timing, err := p.Run(batch)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range timing.Witness {
			if (w == 7.5) != idle {
				t.Errorf("idle %v: witness %d is %v", idle, i, w)
			}
		}
	}
}

func TestCommandErrors(t *testing.T) {
	set(t, fake.Control{})
	p := build(t, open(t, "metal:0"), backend.KernelMatmul, problems[0], nil)
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
	d := open(t, "metal:0")
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
	d := open(t, "metal:0")
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

// In float16 the matrices are half as large, so that a buffer of that length will do.
func TestHalfTheMemory(t *testing.T) {
	p := problems[1]
	set(t, fake.Control{MaxBuffer: 2 * uint64(p.MaxRegion())})
	built := build(t, open(t, "mps:0:f16"), backend.KernelMatmul, p, nil)
	exercise(t, built, backend.KernelMatmul)
	_, err := open(t, "mps:0").Candidates(backend.KernelMatmul, p)
	wantError(t, err, backend.Limit, "mps:0: matrix C needs ")
	fake.Set(fake.Control{MaxBuffer: 2*uint64(p.MaxRegion()) - 1})
	_, err = open(t, "mps:0:f16").Candidates(backend.KernelMatmul, p)
	wantError(t, err, backend.Limit, "mps:0:f16: matrix C needs ")
}

// What is not a float16 is rounded to one on loading, and C when it is written: as the fake
// does, which rounds by itself. What is too large is infinite, and a NaN stays the one it was.
func TestHalfRounds(t *testing.T) {
	set(t, fake.Control{})
	p := backend.Problem{M: 65, N: 33, K: 129}
	built := build(t, open(t, "mps:0:f16"), backend.KernelMatmul, p, nil)
	r := rand.New(rand.NewPCG(3, 4))
	a, b := make([]float32, p.M*p.K), make([]float32, p.K*p.N)
	for i := range a {
		// Rows of each magnitude, from those whose products are below 2^-24 to those above 65504.
		a[i] = float32(r.NormFloat64() * math.Ldexp(1, i/p.K/2-20))
	}
	for i := range b {
		b[i] = float32(r.NormFloat64())
	}
	if err := built.Load(a, b); err != nil {
		t.Fatal(err)
	}
	c := make([]float32, p.Shared(1))
	nan := math.Float32frombits(0x7fc5a000)
	if err := built.Fill(nan, len(c)); err != nil {
		t.Fatal(err)
	}
	once := backend.Batch{Dispatches: 1}
	if _, err := built.Run(once); err != nil {
		t.Fatal(err)
	}
	if err := built.Read(c, 0); err != nil {
		t.Fatal(err)
	}
	infinite, small := 0, 0
	for i, got := range c {
		want, at := nan, i-once.At(0)
		if 0 <= at && at < p.M*p.N {
			want = 0
			for k := range p.K {
				want += float32(half.Round(a[at/p.N*p.K+k]) * half.Round(b[k*p.N+at%p.N]))
			}
			want = half.Round(want)
		}
		if math.Float32bits(got) != math.Float32bits(want) {
			t.Fatalf("element %d of the region is %g, want %g", i, got, want)
		}
		if math.IsInf(float64(got), 0) {
			infinite++
		}
		if x := math.Abs(float64(got)); 0 < x && x < 0x1p-14 {
			small++
		}
	}
	if infinite == 0 || small == 0 {
		t.Errorf("%d elements are infinite and %d below the smallest normal number", infinite, small)
	}
}

func TestWrongUse(t *testing.T) {
	set(t, fake.Control{})
	p := build(t, open(t, "metal:0"), backend.KernelMatmul, problems[1], nil)
	wantError(t, p.Load(make([]float32, 1), make([]float32, 1)), backend.Failed, "matrix A has 8385 elements, and 1 were given")
	most := p.problem.MaxRegion()
	wantError(t, p.Fill(0, most+1), backend.Failed, "the region of C has")
	wantError(t, p.Read(make([]float32, most+1), 0), backend.Failed, "the region of C has")
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
	for _, name := range []string{"metal:0", "mps:0", "mps:0:f16"} {
		d := open(t, name)
		tiny := backend.Specialization{"LX": 1, "LY": 1, "TM": 1, "TN": 1, "VN": 1, "BK": 1, "KU": 1, "PA": 0, "PB": 0}
		if d.isReference() {
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

// A child's whole work, search and launch, goes through on all, verified as everywhere.
func TestLaunch(t *testing.T) {
	set(t, fake.Control{Start: 1, End: 1.0001})
	rules := worker.Rules{WarmupS: 0.001, MinSamples: 3, MinTimeS: 0.001, Precision: 10, MaxTimeS: 20, BatchS: 1e-6}
	sums := map[string]string{}
	for _, device := range []string{"metal:0", "mps:0", "mps:0:f16"} {
		b := New(testKernels(t)...)
		if device != "metal:0" {
			b = NewMPS()
		}
		for _, req := range []worker.Request{
			{Op: worker.OpSearch, Problem: backend.Problem{M: 33, N: 35, K: 37}},
			{Op: worker.OpLaunch, Problem: backend.Problem{M: 33, N: 35, K: 37}},
			{Op: worker.OpLaunch, Kernel: backend.KernelFMA, Problem: backend.Problem{M: 33, N: 35, K: 37}},
			{Op: worker.OpLaunch, Kernel: backend.KernelEmpty},
		} {
			if b.Name() == "mps" && req.Kernel == backend.KernelFMA {
				continue
			}
			req.Backend, req.Device, req.Rules, req.Seed = b.Name(), device, rules, 1
			var last worker.Event
			err := launch.Handle(context.Background(), b, nil, req, func(e worker.Event) {
				last = e
				switch {
				case e.Event == worker.EventBuilt && req.Kernel == "":
					if want := map[string]string{"mps:0:f16": "f16"}[device]; e.Kernel.Format != cmp.Or(want, "f32") || e.Kernel.Accumulate != "f32" {
						t.Errorf("%s: %+v", device, e.Kernel)
					}
				case e.Event == worker.EventVerified && req.Kernel == "":
					sums[device] = e.Verification.ExactChecksum
				}
			})
			if err != nil || last.Event != worker.EventDone {
				t.Errorf("%s %s %s: %v, and at last %q", device, req.Op, req.Kernel, err, last.Event)
			}
		}
	}
	if sums["metal:0"] == "" || sums["metal:0"] != sums["mps:0"] || sums["mps:0:f16"] == "" || sums["mps:0:f16"] == sums["mps:0"] {
		t.Errorf("checksums on the exact input: %v", sums)
	}
}

// A product that does not round as float16 does is found: here one of bfloat16, one that is
// wrong in a single element, and sums in float16, which may be meant.
func TestWrongHalves(t *testing.T) {
	set(t, fake.Control{})
	for _, tt := range []struct {
		control fake.Control
		k       int
		kind    backend.Kind
		text    string
	}{
		{fake.Control{HalfBits: 8}, 37, backend.WrongResult, "(error 1, bound 0)"},
		{fake.Control{HalfBits: 8}, 800, backend.Unusable, "C is less precise than sums in float32 make it: "},
		{fake.Control{WrongElement: 50}, 800, backend.WrongResult, "C[4,5] is "},
		{fake.Control{HalfSums: true}, 800, backend.Unusable, "C is less precise than sums in float32 make it: "},
	} {
		fake.Set(tt.control)
		failed := 0
		err := launch.Handle(context.Background(), NewMPS(), nil, worker.Request{Op: worker.OpLaunch, Backend: "mps", Device: "mps:0:f16", Seed: 1,
			Problem: backend.Problem{M: 9, N: 11, K: tt.k}, Rules: worker.Rules{WarmupS: 0.001, MinSamples: 3, MinTimeS: 0.001, Precision: 10, MaxTimeS: 20, BatchS: 1e-6}}, func(e worker.Event) {
			if e.Verification != nil {
				failed = e.Verification.Failed
			}
		})
		wantError(t, err, tt.kind, tt.text)
		if (failed > 0) != (tt.kind == backend.WrongResult) {
			t.Errorf("%+v: %d batches were wrong", tt.control, failed)
		}
	}
}

// A device that is not the one that was listed is refused before anything is built on it.
func TestChangedDevice(t *testing.T) {
	set(t, fake.Control{})
	for _, b := range []*Backend{New(), NewMPS()} {
		fake.Set(fake.Control{})
		devices, err := b.Devices()
		if err != nil {
			t.Fatal(err)
		}
		listed := devices[0].Opened()
		req := worker.Request{Op: worker.OpLaunch, Backend: b.Name(), Device: devices[0].ID, Problem: backend.Problem{M: 9, N: 11, K: 13}, Expect: &listed}
		for _, tt := range []struct {
			control fake.Control
			kind    backend.Kind
			text    string
		}{
			{fake.Control{UnknownFamilies: true}, backend.Changed, devices[0].ID + " was " + listed.Name + " when the devices were listed and is " + listed.Name + " now; they differ in driver's text (Apple "},
			{fake.Control{NoDevice: true}, backend.Absent, "Metal shows no device"},
		} {
			fake.Set(tt.control)
			var seen []string
			err := launch.Handle(context.Background(), b, nil, req, func(e worker.Event) { seen = append(seen, e.Event) })
			wantError(t, err, tt.kind, tt.text)
			if tt.kind == backend.Changed && !slices.Equal(seen, []string{worker.EventOpened, worker.EventPhase}) { // which is that of closing it
				t.Errorf("%s: events %q", b.Name(), seen)
			}
		}
	}
}
