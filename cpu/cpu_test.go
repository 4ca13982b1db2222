//go:build cgo && (amd64 || arm64)

package cpu

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"

	"gpubench/internal/backend"
	"gpubench/internal/host"
	"gpubench/internal/steering"
	"gpubench/kernels"
)

func open(t testing.TB, id string) backend.Device {
	t.Helper()
	d, err := New().Open(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func multiply(t testing.TB, d backend.Device, p backend.Problem, s backend.Specialization, a, b []float32, n int) []float32 {
	t.Helper()
	pr, err := d.Build(backend.KernelMatmul, p, s)
	if err != nil {
		t.Fatal(err)
	}
	defer pr.Close()
	if err := pr.Load(a, b); err != nil {
		t.Fatal(err)
	}
	c, tm := run(t, pr, p, backend.Batch{Dispatches: n, Descending: n%2 == 0, Apart: n / 2, Witness: p.M*p.N - 1})
	if tm.HostS <= 0 || tm.DeviceS != nil {
		t.Errorf("timing %+v", tm)
	}
	return c
}

// run runs a batch over a region of NaNs, checks that each dispatch has left its trace
// of the last one's C and nothing else was written, and returns that C.
func run(t testing.TB, pr backend.Program, p backend.Problem, b backend.Batch) ([]float32, backend.Timing) {
	t.Helper()
	region := make([]float32, p.Region(b))
	if err := pr.Fill(float32(math.NaN()), len(region)); err != nil {
		t.Fatal(err)
	}
	tm, err := pr.Run(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := pr.Read(region, 0); err != nil {
		t.Fatal(err)
	}
	for i, at := range p.Witnesses(b) {
		if math.Float32bits(tm.Witness[i]) != math.Float32bits(region[at]) {
			t.Fatalf("%v, %+v: witness %d is %v, and the element is %v", p, b, i, tm.Witness[i], region[at])
		}
	}
	c := slices.Clone(region[p.Place(b, b.Dispatches-1):][:p.M*p.N])
	want := make([]float32, len(region))
	for i := range want {
		want[i] = float32(math.NaN())
	}
	for i := range b.Dispatches {
		copy(want[p.Place(b, i):], c)
	}
	for i, x := range region {
		if math.Float32bits(x) != math.Float32bits(want[i]) {
			t.Fatalf("%v, %+v: element %d of the region is %v, want %v", p, b, i, x, want[i])
		}
	}
	return c, tm
}

var problems = []backend.Problem{{M: 1, N: 1, K: 1}, {M: 1, N: 1000, K: 1}, {M: 1000, N: 1, K: 3}, {M: 333, N: 1, K: 7}, {M: 1, N: 1, K: 5000}, {M: 65, N: 33, K: 129},
	{M: 112, N: 32, K: 256}, {M: 113, N: 33, K: 257}, {M: 257, N: 129, K: 65}, {M: 300, N: 200, K: 513}}

// Every instruction set, specialization and number of threads gives the float64
// product of gonum, on sizes that nothing divides.
func TestProducts(t *testing.T) {
	for _, isa := range available() {
		t.Run(isa, func(t *testing.T) {
			t.Setenv(steering.CPUVariable, isa)
			ids := []string{"cpu"}
			if host.UsableCPUs() > 1 {
				ids = append(ids, "cpu:1")
			}
			for _, id := range ids {
				d := open(t, id)
				info, lower := d.Info(), isa != host.ISA()
				if info.ISA != isa || info.ProcessorISA != host.ISA() || info.BelowProcessor() != lower || (info.Steering[steering.CPUVariable] == isa) != lower {
					t.Fatalf("the device is %+v", info)
				}
				for _, p := range problems {
					rng := rand.New(rand.NewPCG(7, uint64(p.M)))
					a, b := make([]float32, p.M*p.K), make([]float32, p.K*p.N)
					a64, b64 := make([]float64, len(a)), make([]float64, len(b))
					for i := range a {
						a[i] = float32(rng.NormFloat64())
						a64[i] = float64(a[i])
					}
					for i := range b {
						b[i] = float32(rng.NormFloat64())
						b64[i] = float64(b[i])
					}
					want := make([]float64, p.M*p.N)
					blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, blas64.General{Rows: p.M, Cols: p.K, Stride: p.K, Data: a64},
						blas64.General{Rows: p.K, Cols: p.N, Stride: p.N, Data: b64}, 0, blas64.General{Rows: p.M, Cols: p.N, Stride: p.N, Data: want})
					specs, err := d.Candidates(backend.KernelMatmul, p)
					if err != nil {
						t.Fatal(err)
					}
					for _, s := range specs {
						c := multiply(t, d, p, s, a, b, 3)
						if again := multiply(t, d, p, s, a, b, 2); !slices.Equal(c, again) {
							t.Fatalf("%s %v %v: the descending order gives another C", id, p, s)
						}
						bound := 8 * float64(p.K+8) / (1 << 24)
						for i := range c {
							if !(math.Abs(float64(c[i])-want[i]) <= bound) {
								t.Fatalf("%s %v %v: C[%d,%d] is %v, should be %v within %g", id, p, s, i/p.N, i%p.N, c[i], want[i], bound)
							}
						}
					}
				}
			}
		})
	}
}

// Every dispatch of a batch is a whole one: with different inputs in between, nothing
// of an earlier batch shows.
func TestBatches(t *testing.T) {
	d := open(t, "cpu")
	p := backend.Problem{M: 40, N: 50, K: 60}
	specs, err := d.Candidates(backend.KernelMatmul, p)
	if err != nil {
		t.Fatal(err)
	}
	pr, err := d.Build(backend.KernelMatmul, p, specs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer pr.Close()
	a, b := make([]float32, p.M*p.K), make([]float32, p.K*p.N)
	for round := 1; round <= 50; round++ {
		for i := range a {
			a[i] = float32(round)
		}
		for i := range b {
			b[i] = 2
		}
		if err := pr.Load(a, b); err != nil {
			t.Fatal(err)
		}
		c, _ := run(t, pr, p, backend.Batch{Dispatches: round, Descending: round%2 == 0, Apart: round / 2})
		for i, x := range c {
			if x != float32(round*2*p.K) {
				t.Fatalf("round %d: element %d is %v, should be %d", round, i, x, round*2*p.K)
			}
		}
	}
}

// The empty dispatch takes some time and writes nothing, and nothing is left of it in
// the next batch.
func TestEmpty(t *testing.T) {
	d := open(t, "cpu")
	p := backend.Problem{M: 40, N: 50, K: 60}
	specs, err := d.Candidates(backend.KernelMatmul, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range specs {
		pr, err := d.Build(backend.KernelMatmul, p, s)
		if err != nil {
			t.Fatal(err)
		}
		region := make([]float32, p.Shared(1))
		if err := pr.Fill(7, len(region)); err != nil {
			t.Fatal(err)
		}
		if tm, err := pr.Empty(); err != nil || tm.HostS <= 0 || tm.DeviceS != nil {
			t.Errorf("%v: %+v, %v", s, tm, err)
		}
		if err := pr.Read(region, 0); err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(region, func(x float32) bool { return x != 7 }); i >= 0 {
			t.Errorf("%v: element %d of the region became %v", s, i, region[i])
		}
		ones := slices.Repeat([]float32{1}, p.K*max(p.M, p.N))
		if err := pr.Load(ones[:p.M*p.K], ones[:p.K*p.N]); err != nil {
			t.Fatal(err)
		}
		c, _ := run(t, pr, p, backend.Batch{Dispatches: 3})
		if i := slices.IndexFunc(c, func(x float32) bool { return x != float32(p.K) }); i >= 0 {
			t.Errorf("%v: element %d is %v after an empty dispatch, want %d", s, i, c[i], p.K)
		}
		pr.Close()
	}
}

func TestErrors(t *testing.T) {
	for _, id := range []string{"cpu:0", "cpu:-1", "cpu:x", "cpu:01", "cpu:100000", "cpu:", "cpu:1:", "cpu:mmx", "cpu:1:mmx", "cpu:1:1", "cpu:" + host.ISA() + ":1",
		"cpu:" + host.ISA() + ":" + host.ISA(), "cpu:1:" + host.ISA() + ":1", "vulkan:0", ""} {
		_, err := New().Open(id)
		var e *backend.Error
		if !errors.As(err, &e) || e.Kind != backend.NoDevice || !strings.Contains(e.Remedy, host.ISA()) {
			t.Errorf("Open(%q): %v", id, err)
		}
	}
	t.Setenv(steering.CPUVariable, "mmx")
	for _, err := range []error{func() error { _, err := New().Devices(); return err }(), func() error { _, err := New().Open("cpu"); return err }()} {
		var e *backend.Error
		if !errors.As(err, &e) || e.Kind != backend.Unusable {
			t.Errorf("an instruction set that does not exist: %v", err)
		}
	}
	os.Unsetenv(steering.CPUVariable)
	d := open(t, "cpu")
	var e *backend.Error
	if _, err := d.Candidates(backend.KernelMatmul, backend.Problem{M: 1 << 16, N: 1, K: 1 << 16}); !errors.As(err, &e) || e.Kind != backend.Limit {
		t.Errorf("a matrix of 2^32 elements: %v", err)
	}
	one := backend.Problem{M: 1, N: 1, K: 1}
	specs, err := d.Candidates(backend.KernelMatmul, one)
	if err != nil {
		t.Fatal(err)
	}
	pr, err := d.Build(backend.KernelMatmul, one, specs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer pr.Close()
	for _, n := range []int{-1, 0, backend.MaxDispatches + 1} {
		if _, err := pr.Run(backend.Batch{Dispatches: n}); !errors.As(err, &e) || e.Kind != backend.Failed {
			t.Errorf("a batch of %d dispatches: %v", n, err)
		}
	}
	run(t, pr, one, backend.Batch{Dispatches: backend.MaxDispatches, Descending: true, Apart: backend.MaxDispatches})
	for _, kernel := range []string{backend.KernelFMA, backend.KernelEmpty} { // whose specialization that is not
		if _, err := d.Build(kernel, one, specs[0]); err == nil {
			t.Errorf("%s was built with the specialization of another kernel", kernel)
		}
	}
	if _, err := d.Candidates(backend.KernelEmpty, one); !errors.As(err, &e) || e.Kind != backend.Limit {
		t.Errorf("a kernel without code: %v", err)
	}
	if _, err := d.Build(backend.KernelMatmul, one, backend.Specialization{"LX": 1}); !errors.As(err, &e) || e.Kind != backend.Unusable {
		t.Errorf("a specialization that was not made: %v", err)
	}
}

// An id names threads and instruction set, and the environment is the default of the
// instruction set only.
func TestIDs(t *testing.T) {
	n, best, lowest := host.UsableCPUs(), host.ISA(), available()[0]
	t.Setenv(steering.CPUVariable, lowest)
	for _, tt := range []struct {
		id      string
		threads int
		isa     string
	}{
		{"cpu", n, lowest},
		{"cpu:1", 1, lowest},
		{fmt.Sprintf("cpu:%d", n), n, lowest},
		{"cpu:" + best, n, best},
		{"cpu:1:" + best, 1, best},
		{"cpu:1:" + lowest, 1, lowest},
	} {
		if d := open(t, tt.id).Info(); d.ID != tt.id || d.Threads != tt.threads || d.ISA != tt.isa {
			t.Errorf("%s: %+v", tt.id, d)
		}
	}
}

// The devices say what they are, and every variant of the table has its code.
func TestDevices(t *testing.T) {
	ds, err := New().Devices()
	if err != nil {
		t.Fatal(err)
	}
	if ds[0].ID != "cpu" || ds[0].Threads != host.UsableCPUs() || ds[0].GPU() || ds[0].ISA != host.ISA() {
		t.Errorf("%+v", ds[0])
	}
	for _, v := range kernels.CPUVariants {
		for _, isa := range available() {
			if v.ISA != isa {
				continue
			}
			t.Setenv(steering.CPUVariable, isa)
			p, err := open(t, "cpu").Build(v.Kernel, backend.Problem{M: 1, N: 1, K: 1}, v.Specialization)
			if err != nil {
				t.Fatal(err)
			}
			if f := p.Form(); f.Name != "c" || len(f.SHA256) != 64 || f.SPIRVSHA256 != fmt.Sprintf("%x", sha256.Sum256(kernels.Modules[v.Kernel])) {
				t.Errorf("%+v", f)
			}
			p.Close()
		}
	}
}

func BenchmarkMatmul(b *testing.B) {
	for _, isa := range available() {
		for _, n := range []int{256, 512, 1024} {
			benchmark(b, backend.KernelMatmul, "cpu:"+isa, backend.Problem{M: n, N: n, K: n}, func(i int) float32 { return float32(i%7) - 3 })
		}
	}
}

// The peak of one core and of all. The multiplier is -2, so the values change their signs.
func BenchmarkFMA(b *testing.B) {
	for _, isa := range available() {
		for _, id := range []string{"cpu:1:" + isa, "cpu:" + isa} {
			benchmark(b, backend.KernelFMA, id, backend.Problem{M: 384, N: 512, K: 4096}, func(int) float32 { return -2 })
		}
	}
}

func benchmark(b *testing.B, kernel, id string, p backend.Problem, element func(i int) float32) {
	b.Run(fmt.Sprintf("%s/%v", id, p), func(b *testing.B) {
		d := open(b, id)
		specs, _ := d.Candidates(kernel, p)
		pr, err := d.Build(kernel, p, specs[0])
		if err != nil {
			b.Fatal(err)
		}
		defer pr.Close()
		fill := func(m backend.Matrix) []float32 {
			x := make([]float32, m.Len())
			for i := range x {
				x[i] = element(i)
			}
			return x
		}
		matrices := p.Matrices(kernel)
		if err := pr.Load(fill(matrices[0]), fill(matrices[1])); err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		seconds := 0.0
		for left := b.N; left > 0; left -= backend.MaxDispatches {
			t, err := pr.Run(backend.Batch{Dispatches: min(left, backend.MaxDispatches)})
			if err != nil {
				b.Fatal(err)
			}
			seconds += t.HostS
		}
		b.ReportMetric(float64(p.FLOP())*float64(b.N)/seconds/1e9, "GFLOP/s")
	})
}
