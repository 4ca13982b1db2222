//go:build cgo && (darwin || gnustep)

// The tests that run on a Mac too.

package metal

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gpubench/internal/backend"
	"gpubench/internal/shape"
	"gpubench/kernels"
)

// watch is called before a batch, and what it returns after it: on GNUstep they look at
// what was dispatched.
var watch = func(*testing.T, *program, backend.Batch) (done func()) { return func() {} }

// open opens a device by its id.
func open(t *testing.T, id string) *device {
	t.Helper()
	b := New(testKernels(t)...)
	if strings.HasPrefix(id, "mps") {
		b = NewMPS()
	}
	d, err := b.Open(id)
	var e *backend.Error
	if errors.As(err, &e) && e.Kind == backend.Absent {
		t.Skip("needs a device of Metal")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d.(*device)
}

func build(t *testing.T, d *device, kernel string, p backend.Problem, s backend.Specialization) *program {
	t.Helper()
	built, err := d.Build(kernel, p, s)
	if err != nil {
		t.Fatalf("%v, %v: %v", p, s, err)
	}
	t.Cleanup(func() { built.Close() })
	return built.(*program)
}

var problems = []backend.Problem{{M: 1, N: 1, K: 1}, {M: 65, N: 33, K: 129}, {M: 1, N: 300, K: 5}, {M: 130, N: 131, K: 17}}

// input is integers of this magnitude at most, on which every order of adding up gives the same
// bits, and what C must be.
func input(kernel string, p backend.Problem, most int) (a, b, c []float32) {
	r := rand.New(rand.NewPCG(1, 2))
	m := p.Matrices(kernel)
	a, b, c = make([]float32, m[0].Len()), make([]float32, m[1].Len()), make([]float32, m[2].Len())
	for i := range a {
		a[i] = float32(r.IntN(2*most+1) - most)
	}
	for i := range b {
		if b[i] = float32(r.IntN(2*most+1) - most); kernel == backend.KernelFMA {
			b[i] = float32(-2 * r.IntN(2))
		}
	}
	for i := range c {
		row, col := i/p.N, i%p.N
		if kernel == backend.KernelFMA {
			c[i] = a[row%kernels.FMARows*p.N+col]
			for range p.K {
				c[i] += c[i] * b[col]
			}
			continue
		}
		for k := range p.K {
			c[i] += a[row*p.K+k] * b[k*p.N+col]
		}
	}
	return a, b, c
}

// exercise runs batches in both orders and looks at the whole region: what each dispatch
// must have left, and that nothing else was touched.
func exercise(t *testing.T, p *program, kernel string) {
	t.Helper()
	most := 100
	if p.device.elementBytes() == 2 {
		most = 3 // no sum exceeds 2048, up to which float16 holds all integers
	}
	a, b, c := input(kernel, p.problem, most)
	if err := p.Load(a, b); err != nil {
		t.Fatal(err)
	}
	for _, batch := range []backend.Batch{{Dispatches: 1}, {Dispatches: 3}, {Dispatches: 3, Descending: true}, {Dispatches: 3, Apart: 2}, {Dispatches: 2, Descending: true, Apart: 2, Witness: len(c) - 1}, {Dispatches: 1, Apart: 1}} {
		done := watch(t, p, batch)
		region := make([]float32, p.problem.Region(batch))
		if err := p.Fill(float32(math.NaN()), len(region)); err != nil {
			t.Fatal(err)
		}
		timing, err := p.Run(batch)
		if err != nil || !(timing.HostS > 0) {
			t.Fatal(timing, err)
		}
		if err := p.Read(region, 0); err != nil {
			t.Fatal(err)
		}
		for i, at := range p.problem.Witnesses(batch) {
			if timing.Witness[i] != region[at] {
				t.Errorf("%+v: witness %d is %v, and the element is %v", batch, i, timing.Witness[i], region[at])
			}
		}
		want := make([]float32, len(region))
		for i := range want {
			want[i] = float32(math.NaN())
		}
		for i := range batch.Dispatches {
			copy(want[p.problem.Place(batch, i):], c)
		}
		for i := range want {
			if math.Float32bits(region[i]) != math.Float32bits(want[i]) {
				t.Fatalf("%+v: element %d of the region is %v, want %v", batch, i, region[i], want[i])
			}
		}
		done()
	}
}

// Every candidate of both kernels gives the bits of the reference, by way of all of the
// Objective-C, and so do the defaults and tiles that divide nothing.
func TestProducts(t *testing.T) {
	d := open(t, "metal:0")
	for _, kernel := range []string{backend.KernelMatmul, backend.KernelFMA} {
		odd := shape.Specialization(&shape.Tile{LX: 3, LY: 5, TM: 2, TN: 3, VN: 1, BK: 12, KU: 3, PA: 1, PB: 7})
		if kernel == backend.KernelFMA {
			odd = shape.Specialization(&shape.Chains{LX: 5, LY: 3, ACC: kernels.FMARows, KU: 7})
		}
		for _, p := range problems {
			specs, err := d.Candidates(kernel, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range append(specs, nil, odd) {
				built := build(t, d, kernel, p, s)
				exercise(t, built, kernel)
				f := built.Form()
				if f.Name != "msl" || len(f.SPIRVSHA256) != 64 || len(f.SHA256) != 64 || f.SHA256 == f.SPIRVSHA256 {
					t.Errorf("%+v", f)
				}
				for name, v := range s {
					if f.Specialization[name] != v {
						t.Errorf("%s is %d, want %d", name, f.Specialization[name], v)
					}
				}
				built.Close()
			}
		}
	}
}

// The product of Metal Performance Shaders gives the same bits, in both formats.
func TestMPS(t *testing.T) {
	for _, id := range []string{"mps:0", "mps:0:f16"} {
		t.Run(id, func(t *testing.T) { testMPS(t, open(t, id)) })
	}
}

func testMPS(t *testing.T, d *device) {
	for _, p := range problems {
		specs, err := d.Candidates(backend.KernelMatmul, p)
		if err != nil || len(specs) != 1 || len(specs[0]) != 0 {
			t.Fatal(specs, err)
		}
		built := build(t, d, backend.KernelMatmul, p, specs[0])
		if f := built.Form(); f.Name != "mps" || f.SHA256 != "" || f.SPIRVSHA256 != "" {
			t.Errorf("%+v", f)
		}
		exercise(t, built, backend.KernelMatmul)
		built.Close()
	}
}
