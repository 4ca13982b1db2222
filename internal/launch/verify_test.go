package launch

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/backend"
	"gpubench/internal/half"
	"gpubench/internal/result"
)

var shapes = []backend.Problem{
	{M: 1, N: 1, K: 1}, {M: 1, N: 1, K: 5000}, {M: 2000, N: 1, K: 3}, {M: 1, N: 2000, K: 3},
	{M: 33, N: 65, K: 17}, {M: 128, N: 128, K: 128}, {M: 7, N: 700, K: 70}, {M: 600, N: 530, K: 40},
}

func TestRightResultsPass(t *testing.T) {
	for _, p := range shapes {
		t.Run(p.String(), func(t *testing.T) {
			a, b, err := exactInput(p, 1)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := newExactChecker(p, a, b).check(multiply(p, a, b, nil)); err != nil {
				t.Errorf("exact: %v", err)
			}
			a, b = normalInput(p, 1)
			c := multiply(p, a, b, nil)
			for _, limit := range []uint64{fullMACs, 0} {
				n, method := newNormalChecker(p, a, b, result.FormatF32, limit)
				e, err := n.check(c)
				if err != nil {
					t.Errorf("%s: %v", method, err)
				}
				if e > n.bound/2 {
					t.Errorf("%s: error %g is nearer to the bound %g than plain float32 should come", method, e, n.bound)
				}
			}
		})
	}
}

// Every checker names the first wrong element, wherever it is.
func TestWrongElementsAreNamed(t *testing.T) {
	for _, p := range shapes {
		for _, at := range []int{0, p.M * p.N / 2, p.M*p.N - 1} {
			t.Run(fmt.Sprintf("%v at %d", p, at), func(t *testing.T) {
				name := fmt.Sprintf("C[%d,%d] ", at/p.N, at%p.N)
				a, b, err := exactInput(p, 1)
				if err != nil {
					t.Fatal(err)
				}
				na, nb := normalInput(p, 1)
				full, _ := newNormalChecker(p, na, nb, result.FormatF32, fullMACs)
				freivalds, _ := newNormalChecker(p, na, nb, result.FormatF32, 0)
				for _, input := range []struct {
					name  string
					check checker
					right []float32
				}{
					{"exact", newExactChecker(p, a, b), multiply(p, a, b, nil)},
					{"full", full, multiply(p, na, nb, nil)},
					{"freivalds", freivalds, multiply(p, na, nb, nil)},
				} {
					right := input.right[at]
					for _, fault := range []struct {
						name string
						v    float32
						want string
					}{
						{"one more", right + 1, fmt.Sprintf("is %.9g, should be ", right+1)},
						{"unwritten", unwritten, "was never written"},
						{"NaN", float32(math.NaN()), "is NaN, should be "},
						{"infinite", float32(math.Inf(-1)), "is -Inf, should be "},
						{"stray fraction", right + 0.75, fmt.Sprintf("is %.9g, should be ", right+0.75)},
						{"huge", -3e38, "is -3.00000001e+38, should be "},
					} {
						c := slices.Clone(input.right)
						c[at] = fault.v
						if at+1 < len(c) {
							c[len(c)-1] = unwritten // a later one must not be named instead
						}
						_, err := input.check.check(c)
						if kindOf(err) != backend.WrongResult {
							t.Errorf("%s, %s: %v, want a wrong result", input.name, fault.name, err)
							continue
						}
						if !strings.HasPrefix(err.Error(), name+fault.want) {
							t.Errorf("%s, %s: %q, want %q", input.name, fault.name, err, name+fault.want)
						}
					}
				}
			})
		}
	}
}

func TestWrongElementIsWordedForPeople(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{wrongElement(12, 7, 3.5, 3.25, 1.2e-4), "C[12,7] is 3.5, should be 3.25 (error 0.25, bound 0.00012)"},
		{wrongElement(0, 3, -4, 4, 0), "C[0,3] is -4, should be 4 (error 8, bound 0)"},
		{wrongElement(5, 0, unwritten, 1, 1), "C[5,0] was never written"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// Two faults of one row that cancel in a plain sum must not escape.
func TestCompensatingFaultsAreFound(t *testing.T) {
	p := backend.Problem{M: 40, N: 50, K: 60}
	a, b, _ := exactInput(p, 1)
	na, nb := normalInput(p, 1)
	freivalds, _ := newNormalChecker(p, na, nb, result.FormatF32, 0)
	for name, input := range map[string]struct {
		check checker
		c     []float32
	}{
		"exact":     {newExactChecker(p, a, b), multiply(p, a, b, nil)},
		"freivalds": {freivalds, multiply(p, na, nb, nil)},
	} {
		for j := 1; j < p.N; j++ {
			c := slices.Clone(input.c)
			c[17*p.N] += 64
			c[17*p.N+j] -= 64
			_, err := input.check.check(c)
			if err == nil || !strings.HasPrefix(err.Error(), "C[17,0] is ") {
				t.Errorf("%s: C[17,0] + 64 and C[17,%d] - 64: %v", name, j, err)
			}
		}
	}
}

// roundTo rounds to a significand of so many bits, as TF32 and half precision
// (11) or bfloat16 (8) do with their inputs.
func roundTo(bits uint) func(float32) float32 {
	drop := 24 - bits
	return func(x float32) float32 {
		u := math.Float32bits(x)
		return math.Float32frombits((u + 1<<(drop-1)) &^ (1<<drop - 1))
	}
}

// The bound must tell float32 from the formats that pass for it.
func TestLowerPrecisionFails(t *testing.T) {
	for _, p := range []backend.Problem{
		{M: 8, N: 8, K: 1}, {M: 8, N: 8, K: 8}, {M: 32, N: 32, K: 64}, {M: 64, N: 64, K: 1024}, {M: 16, N: 16, K: 20000},
	} {
		a, b := normalInput(p, 1)
		for _, format := range []struct {
			name string
			bits uint
		}{{"tf32", 11}, {"bfloat16", 8}, {"14 bits", 14}} {
			if format.bits == 14 && p.K > 1024 {
				continue // as good as float32 for sums that long
			}
			c := multiply(p, a, b, roundTo(format.bits))
			for _, limit := range []uint64{fullMACs, 0} {
				n, method := newNormalChecker(p, a, b, result.FormatF32, limit)
				if _, err := n.check(c); kindOf(err) != backend.WrongResult {
					t.Errorf("%v in %s by %s: %v, want a wrong result", p, format.name, method, err)
				}
			}
		}
	}
}

// Half precision sums are wrong even where the inputs are integers.
func TestExactInputFindsRoundedSums(t *testing.T) {
	p := backend.Problem{M: 16, N: 16, K: 256}
	a, b, _ := exactInput(p, 1)
	c := multiply(p, a, b, nil)
	for i, v := range c {
		c[i] = roundTo(11)(v)
	}
	if _, err := newExactChecker(p, a, b).check(c); kindOf(err) != backend.WrongResult {
		t.Errorf("sums rounded to 11 bits: %v, want a wrong result", err)
	}
}

// Any order of summation, fused or not, is as good as any other.
func TestBoundHoldsForOtherOrders(t *testing.T) {
	p := backend.Problem{M: 64, N: 64, K: 3000}
	a, b := normalInput(p, 3)
	n, _ := newNormalChecker(p, a, b, result.FormatF32, fullMACs)
	for name, sum := range map[string]func(x, y func(int) float32) float32{
		"backwards": func(x, y func(int) float32) (s float32) {
			for k := p.K - 1; k >= 0; k-- {
				s += float32(x(k) * y(k))
			}
			return s
		},
		"fused": func(x, y func(int) float32) (s float32) {
			for k := range p.K {
				s = float32(math.FMA(float64(x(k)), float64(y(k)), float64(s)))
			}
			return s
		},
		"sixteen lanes": func(x, y func(int) float32) (s float32) {
			var lanes [16]float32
			for k := range p.K {
				lanes[k%16] += float32(x(k) * y(k))
			}
			for _, l := range lanes {
				s += l
			}
			return s
		},
	} {
		c := make([]float32, p.M*p.N)
		for i := range c {
			row, col := i/p.N, i%p.N
			c[i] = sum(func(k int) float32 { return a[row*p.K+k] }, func(k int) float32 { return b[k*p.N+col] })
		}
		e, err := n.check(c)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s: error %.3g, %.1f %% of the bound", name, e, 100*e/n.bound)
	}
}

func TestChecksum(t *testing.T) {
	// printf '\0\0\x80\x3f\0\0\0\0\0\0\0\xc0' | sha256sum
	const want = "sha256:7ca77262a75b89a3c6f60d941de79066671d38221749356b8c154f4c857e0c0c"
	if got := checksum([]float32{1, 0, -2}); got != want {
		t.Errorf("checksum is %s, want %s", got, want)
	}
	if got := checksum([]float32{1, float32(math.Copysign(0, -1)), -2}); got != want {
		t.Errorf("negative zero changes the checksum")
	}
	long := make([]float32, 40000) // more than one buffer
	swapped := slices.Clone(long)
	long[39999], swapped[0] = 1, 1
	if checksum(long) == checksum(swapped) {
		t.Error("the order of the elements does not matter to the checksum")
	}
}

func TestSampleIndices(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	if got := sampleIndices(5, 64, r); !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
		t.Errorf("of 5: %v", got)
	}
	got := sampleIndices(1000, 64, r)
	if !slices.IsSorted(got) || len(got) < 55 || len(got) > 64 || got[0] != 0 || got[len(got)-1] != 999 || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("of 1000: %v", got)
	}
}

// cut is x without the lowest bits of its fraction.
func cut(x float32, bits int) float32 {
	return math.Float32frombits(math.Float32bits(x) >> bits << bits)
}

// What TF32 makes of right hardware passes under its own bound, rounded or cut off, and
// never under that of float32; fewer bits pass under neither, and a wrong element is found.
func TestTF32(t *testing.T) {
	for _, p := range []backend.Problem{{M: 700, N: 700, K: 4}, {M: 300, N: 300, K: 65}, {M: 90, N: 1100, K: 1024}, {M: 64, N: 64, K: 8000}} {
		a, b := normalInput(p, 1)
		product := func(narrow func(float32) float32) []float32 {
			x, y := make([]float32, len(a)), make([]float32, len(b))
			for i := range a {
				x[i] = narrow(a[i])
			}
			for i := range b {
				y[i] = narrow(b[i])
			}
			return multiply(p, x, y, nil)
		}
		cutOff := product(func(x float32) float32 { return cut(x, 13) })
		rounded := product(func(x float32) float32 { return roundTo(11)(x) })
		coarse := product(func(x float32) float32 { return cut(x, 17) })
		for _, limit := range []uint64{fullMACs, 0} {
			tf32, method := newNormalChecker(p, a, b, result.FormatTF32, limit)
			f32, _ := newNormalChecker(p, a, b, result.FormatF32, limit)
			for name, c := range map[string][]float32{"cut off": cutOff, "rounded": rounded} {
				e, err := tf32.check(c)
				if err != nil || e > tf32.tolerance()/1.2 {
					t.Errorf("%v %s, %s: error %g, bound %g: %v", p, method, name, e, tf32.tolerance(), err)
				}
				if _, err := f32.check(c); kindOf(err) != backend.WrongResult {
					t.Errorf("%v %s: %s passes as float32: %v", p, method, name, err)
				}
			}
			if _, err := tf32.check(coarse); kindOf(err) != backend.WrongResult {
				t.Errorf("%v %s: 7 bits pass: %v", p, method, err)
			}
		}
	}
}

// What float16 makes of right hardware passes under its own bound. Inputs of fewer bits, sums
// in float16, a sum that lacks a product and a wrong element do not, nor does any of it
// pass as float32. What sums in float16 explain is not called wrong, but cannot be used.
func TestHalf(t *testing.T) {
	for _, p := range []backend.Problem{{M: 700, N: 700, K: 4}, {M: 300, N: 300, K: 65}, {M: 90, N: 1100, K: 1024}, {M: 64, N: 64, K: 8000}} {
		a, b := normalHalfInput(p, 1)
		rounded := func(c []float32) []float32 {
			for i, v := range c {
				c[i] = half.Round(v)
			}
			return c
		}
		right := rounded(multiply(p, a, b, nil))
		short := slices.Clone(right)
		for i := range short {
			short[i] = half.Round(short[i] - a[i/p.N*p.K+p.K-1]*b[(p.K-1)*p.N+i%p.N])
		}
		infinite, other := slices.Clone(right), slices.Clone(right)
		infinite[len(right)/2] = float32(math.Inf(1))
		other[len(right)-1] += 16
		wrong := map[string][]float32{
			"bfloat16": rounded(multiply(p, a, b, roundTo(8))), "a product short": short, "an infinite element": infinite, "a wrong element": other,
		}
		if p.K > 1000 {
			wrong["float16 sums"] = sumsOfHalves(p, a, b)
		}
		for _, limit := range []uint64{fullMACs, 0} {
			f16, method := newNormalChecker(p, a, b, result.FormatF16, limit)
			f32, _ := newNormalChecker(p, a, b, result.FormatF32, limit)
			e, err := f16.check(right)
			if err != nil || e > f16.tolerance()/1.2 || e < f16.tolerance()/20 {
				t.Errorf("%v %s: error %g, bound %g: %v", p, method, e, f16.tolerance(), err)
			}
			if _, err := f32.check(right); kindOf(err) != backend.WrongResult {
				t.Errorf("%v %s: float16 passes as float32: %v", p, method, err)
			}
			for name, c := range wrong {
				_, err := f16.check(c)
				kind, want := kindOf(err), backend.WrongResult
				switch {
				case name == "float16 sums":
					want = backend.Unusable
				case kind == backend.Unusable && (name == "bfloat16" || name == "a product short" && p.K > 1000):
					want = backend.Unusable // errors of that size, in all elements, are alike
				}
				if kind != want {
					t.Errorf("%v %s: %s: %v, want %s", p, method, name, err, want)
				}
			}
		}
	}
}

// sumsOfHalves is the product with every sum rounded to float16.
func sumsOfHalves(p backend.Problem, a, b []float32) []float32 {
	c := make([]float32, p.M*p.N)
	for i := range c {
		for k := range p.K {
			c[i] = half.Round(c[i] + a[i/p.N*p.K+k]*b[k*p.N+i%p.N])
		}
	}
	return c
}

// On the exact input of float16 even sums in float16 are exact, whatever their order; a sum
// that lacks a product is found.
func TestExactHalfInput(t *testing.T) {
	for _, p := range []backend.Problem{{M: 4, N: 3, K: 1}, {M: 5, N: 7, K: 3}, {M: 9, N: 8, K: 1024}, {M: 6, N: 6, K: 2049}, {M: 8, N: 5, K: 10000}} {
		a, b, err := exactHalfInput(p, 1)
		if err != nil {
			t.Fatal(err)
		}
		var largest float32
		for i := range p.M {
			for j := range p.N {
				var sum float32
				for k := range p.K {
					sum += float32(math.Abs(float64(a[i*p.K+k] * b[k*p.N+j])))
				}
				largest = max(largest, sum)
			}
		}
		if largest > maxExactHalf || largest < maxExactHalf/20 {
			t.Errorf("%v: the magnitudes of the products add up to %v", p, largest)
		}
		check, c := newExactChecker(p, a, b), sumsOfHalves(p, a, b)
		if _, err := check.check(c); err != nil {
			t.Errorf("%v: %v", p, err)
		}
		for _, k := range []int{0, p.K / 2, p.K - 1} {
			short := slices.Clone(c)
			for i := range short {
				short[i] -= a[i/p.N*p.K+k] * b[k*p.N+i%p.N]
			}
			if _, err := check.check(short); kindOf(err) != backend.WrongResult {
				t.Errorf("%v: without product %d: %v, want a wrong result", p, k, err)
			}
		}
	}
	if _, _, err := exactHalfInput(backend.Problem{M: 1, N: 1, K: 1 << 24}, 1); kindOf(err) != backend.Limit || !strings.Contains(err.Error(), "65504") {
		t.Errorf("k of 2^24: %v, want a limit", err)
	}
}
