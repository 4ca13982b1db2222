package launch

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/backend"
	"gpubench/kernels"
)

var fmaShapes = []backend.Problem{{M: 1, N: 1, K: 1}, {M: 70, N: 3, K: 2}, {M: 33, N: 65, K: 1000}, {M: 5, N: 700, K: 4096}, {M: 2, N: 2, K: 1 << 17}}

// chains runs the kernel in Go with a multiply-add of one's choice.
func chains(p backend.Problem, a, b []float32, step func(v, t float32) float32) []float32 {
	c := make([]float32, p.M*p.N)
	for i := range c {
		v, t := a[i/p.N%kernels.FMARows*p.N+i%p.N], b[i%p.N]
		for range p.K {
			v = step(v, t)
		}
		c[i] = v
	}
	return c
}

// fused rounds once: in float64 the product and the sum are exact, with 49 bits at most.
func fused(v, t float32) float32 { return float32(math.FMA(float64(v), float64(t), float64(v))) }

func unfused(v, t float32) float32 { return float32(v*t) + v }

// Steps that round once and steps that round twice are right, and give the same bits on
// the exact input; the timed input keeps away from what is slow or has few bits.
func TestRightChainsPass(t *testing.T) {
	for _, p := range fmaShapes {
		a, b := exactFMAInput(p, 1)
		exact := newFMAChecker(p, a, b, 0)
		one, two := chains(p, a, b, fused), chains(p, a, b, unfused)
		if checksum(one) != checksum(two) {
			t.Errorf("%v: the checksums of fused and unfused steps differ", p)
		}
		na, nb := normalFMAInput(p, 1)
		normal := newFMAChecker(p, na, nb, fmaBound(p.K))
		for name, step := range map[string]func(v, t float32) float32{"fused": fused, "unfused": unfused} {
			if _, err := exact.check(chains(p, a, b, step)); err != nil {
				t.Errorf("%v, exact, %s: %v", p, name, err)
			}
			lo, hi := math.Inf(1), 0.0
			c := chains(p, na, nb, func(v, t float32) float32 {
				lo, hi = min(lo, math.Abs(float64(v))), max(hi, math.Abs(float64(v)))
				return step(v, t)
			})
			if lo < 1/math.E || hi > 2 {
				t.Errorf("%v, %s: values from %g to %g", p, name, lo, hi)
			}
			e, err := normal.check(c)
			if err != nil {
				t.Errorf("%v, normal, %s: %v", p, name, err)
			}
			t.Logf("%v, %s: error %.3g, %.1f %% of the bound", p, name, e, 100*e/normal.bound)
		}
	}
}

// A wrong element is named wherever it is, and so is what other arithmetic, or another
// number of steps, makes of the chains.
func TestWrongChainsFail(t *testing.T) {
	for _, p := range fmaShapes {
		a, b := exactFMAInput(p, 1)
		na, nb := normalFMAInput(p, 1)
		for _, input := range []struct {
			name  string
			a, b  []float32
			check checker
		}{
			{"exact", a, b, newFMAChecker(p, a, b, 0)},
			{"normal", na, nb, newFMAChecker(p, na, nb, fmaBound(p.K))},
		} {
			right := chains(p, input.a, input.b, fused)
			for _, at := range []int{0, len(right) / 2, len(right) - 1} {
				for _, v := range []float32{right[at] + 1, -right[at] + 0.5, float32(math.NaN()), float32(math.Inf(1)), unwritten} {
					c := slices.Clone(right)
					c[at] = v
					want := fmt.Sprintf("C[%d,%d] is %.9g, should be ", at/p.N, at%p.N, v)
					if math.Float32bits(v) == math.Float32bits(unwritten) {
						want = fmt.Sprintf("C[%d,%d] was never written", at/p.N, at%p.N)
					}
					if _, err := input.check.check(c); kindOf(err) != backend.WrongResult || !strings.HasPrefix(err.Error(), want) {
						t.Errorf("%v, %s: %v, want %s...", p, input.name, err, want)
					}
				}
			}
		}
		if p.K < 2 {
			continue
		}
		normal := newFMAChecker(p, na, nb, fmaBound(p.K))
		for name, c := range map[string][]float32{
			"no multiplication":      chains(p, na, nb, func(v, t float32) float32 { return v - 2 }),
			"one step fewer":         chains(backend.Problem{M: p.M, N: p.N, K: p.K - 1}, na, nb, fused),
			"half of the steps":      chains(backend.Problem{M: p.M, N: p.N, K: p.K / 4 * 2}, na, nb, fused),
			"tf32 multipliers":       chains(p, na, nb, func(v, t float32) float32 { return fused(v, roundTo(11)(t)) }),
			"half precision results": chains(p, na, nb, func(v, t float32) float32 { return roundTo(11)(fused(v, t)) }),
		} {
			if _, err := normal.check(c); kindOf(err) != backend.WrongResult {
				t.Errorf("%v: %s: %v, want a wrong result", p, name, err)
			}
		}
	}
}

// The inputs of a seed are part of what makes results comparable.
func TestFMAInputsOfSeedOne(t *testing.T) {
	p := backend.Problem{M: 3, N: 8, K: 1024}
	a, b := exactFMAInput(p, 1)
	na, nb := normalFMAInput(p, 1)
	if len(a) != kernels.FMARows*p.N || len(b) != p.N || len(na) != len(a) || len(nb) != len(b) {
		t.Errorf("%d, %d, %d and %d elements", len(a), len(b), len(na), len(nb))
	}
	for _, tt := range []struct {
		name string
		got  []float32
		want []float32
	}{
		{"exact A", a[:4], []float32{3528, 1877, 3292, 3170}},
		{"exact B", b[:6], []float32{-2, -2, 0, -2, -2, -2}},
		{"normal A", na[:4], []float32{-1.257827, -1.8831744, 1.0374492, 1.4691613}},
		{"normal B", nb[:4], []float32{-1.9993094, -1.9992781, -1.9998517, -1.99985}},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("%s begins with %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}

// What is left of a dispatch that is not the last is held to the chains' ends too.
func TestTracesOfChains(t *testing.T) {
	p := backend.Problem{M: 40, N: 30, K: 100}
	a, b := normalFMAInput(p, 1)
	c := chains(p, a, b, fused)
	for _, batch := range []backend.Batch{{Dispatches: 3}, {Dispatches: 3, Descending: true}} {
		at, name := batch.At(0), "C[0,0]"
		if batch.Descending {
			at, name = batch.At(0)+len(c)-1, "C[39,29]"
		}
		v := &verifier{checker: newFMAChecker(p, a, b, fmaBound(p.K)), p: p, filled: unwritten}
		for _, tt := range []struct {
			off    float32
			varied bool
			text   string
		}{{0, false, ""}, {1e-6, true, ""}, {0.001, true, "dispatch 1 of 3: " + name + " is "}} {
			region := regionOf(p, batch, c)
			region[at] += tt.off
			_, varied, err := v.verify(region, batch)
			if varied != tt.varied || (err == nil) != (tt.text == "") || err != nil && !strings.HasPrefix(err.Error(), tt.text) {
				t.Errorf("%+v, %s off by %g: varied %v, %v; want %v, %q", batch, name, tt.off, varied, err, tt.varied, tt.text)
			}
		}
	}
}
