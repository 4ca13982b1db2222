// The kernel fma: its inputs, and what its C must be. See kernels/fma.comp.

package launch

import (
	"math"
	"math/rand/v2"

	"gpubench/internal/backend"
	"gpubench/kernels"
)

// exactFMAInput returns an A of integers and a B of zeros and minus twos. A step then
// leaves a value as it is or changes its sign, so nothing rounds, fused or not,
// however many steps there are.
func exactFMAInput(p backend.Problem, seed uint64) (a, b []float32) {
	const v = 4095
	a = random(kernels.FMARows*p.N, seed, streamA, func(r *rand.Rand) float32 { return float32(r.IntN(2*v+1) - v) })
	return a, random(p.N, seed, streamB, func(r *rand.Rand) float32 { return float32(-2 * r.IntN(2)) })
}

// normalFMAInput returns an A of numbers from 1 to 2 in magnitude and a B a little above
// -2. A step then multiplies a value by -(1 - d), with d up to 1/(k+1): after k of them more
// than 1/e of it is left, so that it never nears the numbers that some processors are
// slow with, its bits change with every step, and it shows how many there were.
func normalFMAInput(p backend.Problem, seed uint64) (a, b []float32) {
	a = random(kernels.FMARows*p.N, seed, streamA, func(r *rand.Rand) float32 { return (1 + r.Float32()) * float32(1-2*r.IntN(2)) })
	return a, random(p.N, seed, streamB, func(r *rand.Rand) float32 { return float32(-2 + r.Float64()/float64(p.K+1)) })
}

// fmaBound is the largest error of an element of C that is accepted on the input of
// normalFMAInput: 8 u k, with u = 2^-24 the unit roundoff.
//
// A step of a value v rounds once where it is fused, an error of at most u |v|, and twice
// where it is not, u |2 v| for the product and u |v| for the sum: 3 u |v| in all, with |v| < 2.
// The steps after it multiply an error by less than 1. So k steps err by at most
// 6 u k; the rest is for the errors of errors, and holds up to a k of a million.
//
// A multiplier rounded to 11 bits is -2 or 2^-10 above it, so k steps of TF32 or half
// precision err by a large part of the value.
func fmaBound(k int) float64 { return 8 * 0x1p-24 * float64(k) }

// fmaChecker checks C against the chains' ends in closed form, v (1 + t)^k. There are
// only as many different ones as A has elements.
type fmaChecker struct {
	n     int
	ends  []float64 // kernels.FMARows x N
	bound float64   // 0 on the exact input
}

func newFMAChecker(p backend.Problem, a, b []float32, bound float64) *fmaChecker {
	f := &fmaChecker{p.N, make([]float64, len(a)), bound}
	for j, t := range b {
		factor := math.Pow(1+float64(t), float64(p.K))
		for i := j; i < len(a); i += p.N {
			f.ends[i] = float64(a[i]) * factor
		}
	}
	return f
}

// at is what element i of C must be.
func (f *fmaChecker) at(i int) float64 { return f.ends[i%len(f.ends)] }

func (f *fmaChecker) tolerance() float64 { return f.bound }

func (f *fmaChecker) check(c []float32) (maxError float64, err error) {
	for i, v := range c {
		e := math.Abs(float64(v) - f.at(i))
		if !(e <= f.bound) { // NaN is wrong too
			return maxError, wrongElement(i/f.n, i%f.n, v, f.at(i), f.bound)
		}
		maxError = max(maxError, e)
	}
	return maxError, nil
}
