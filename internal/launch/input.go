// Input matrices: exact and normal, from a seed.

package launch

import (
	"math"
	"math/rand/v2"

	"gpubench/internal/backend"
	"gpubench/internal/half"
)

// Each matrix draws from streams of its own, so that A and B are independent
// and equally shaped ones differ.
const (
	streamA = 1
	streamB = 2
)

// chunkLen elements come from one PCG stream. It is part of the definition of
// the inputs: another value gives other matrices for the same seed.
const chunkLen = 1 << 15

// maxExact is the first integer at which float32 has gaps: all integers of
// smaller magnitude are float32 values.
const maxExact = 1 << 24

// exactAmplitude returns the largest v for which every sum of k products of
// integers in [-v, v] stays below 2^24 in magnitude. Every partial sum, in any
// order, fused or not, is then a float32 value, so that no operation rounds
// and every right implementation gives the same bits. It is 0 for k of 2^24 and
// more, for which there is no such v.
func exactAmplitude(k int) int {
	return int(math.Sqrt(float64((maxExact - 1) / k)))
}

// exactInput returns A and B of integers, uniform in [-v, v] with v from
// exactAmplitude, or an *backend.Error of kind Limit where k is too large.
func exactInput(p backend.Problem, seed uint64) (a, b []float32, err error) {
	v := exactAmplitude(p.K)
	if v == 0 {
		return nil, nil, backend.Errorf(backend.Limit, "exact input: k is %d, but sums of more than %d products are not exact in float32", p.K, maxExact-1)
	}
	draw := func(r *rand.Rand) float32 { return float32(r.IntN(2*v+1) - v) }
	return random(p.M*p.K, seed, streamA, draw), random(p.K*p.N, seed, streamB, draw), nil
}

// maxExactHalf is the largest integer up to which float16 holds every one.
const maxExactHalf = 1 << 11

// exactHalfInput is exactInput for float16, in which C is kept and perhaps summed too: the
// magnitudes of the products that make an element of C add up to maxExactHalf at most. No
// sum of some of them, in any order, is rounded in either format. It is a Limit from that k on
// at which elements of the product of normal numbers could exceed what float16 holds; see
// halfBound.
//
// From k of 2049 on only 0, 1 and -1 are small enough, and of the elements of a row of A only
// every second, third, ... is not zero; which, differs from row to row.
func exactHalfInput(p backend.Problem, seed uint64) (a, b []float32, err error) {
	if p.K >= maxExact {
		return nil, nil, backend.Errorf(backend.Limit, "float16: k is %d, and from %d on an element of C may exceed %d, the largest number", p.K, maxExact, half.Max)
	}
	stride := (p.K + maxExactHalf - 1) / maxExactHalf
	v := int(math.Sqrt(float64(maxExactHalf / ((p.K + stride - 1) / stride))))
	draw := func(r *rand.Rand) float32 { return float32(r.IntN(2*v+1) - v) }
	a, b = random(p.M*p.K, seed, streamA, draw), random(p.K*p.N, seed, streamB, draw)
	for i := range a {
		if row, k := i/p.K, i%p.K; (row+k)%stride != 0 {
			a[i] = 0
		}
	}
	return a, b, nil
}

// normalInput returns A and B of standard normal numbers.
func normalInput(p backend.Problem, seed uint64) (a, b []float32) {
	draw := func(r *rand.Rand) float32 { return float32(r.NormFloat64()) }
	return random(p.M*p.K, seed, streamA, draw), random(p.K*p.N, seed, streamB, draw)
}

// normalHalfInput is normalInput rounded to float16, so that loading it as such loses nothing.
func normalHalfInput(p backend.Problem, seed uint64) (a, b []float32) {
	draw := func(r *rand.Rand) float32 { return half.Round(float32(r.NormFloat64())) }
	return random(p.M*p.K, seed, streamA, draw), random(p.K*p.N, seed, streamB, draw)
}

// random returns n numbers. The generator of a chunk depends on the seed, the
// stream and the chunk's index alone, so the numbers do not depend on how many
// processors share the work.
func random(n int, seed, stream uint64, draw func(*rand.Rand) float32) []float32 {
	out := make([]float32, n)
	forChunks(n, chunkLen, func(chunk, lo, hi int) {
		// The odd multiplier (2^64 over the golden ratio) spreads neighbouring
		// indices over all bits of the generator's state.
		r := rand.New(rand.NewPCG(seed, (uint64(chunk)<<8|stream)*0x9e3779b97f4a7c15))
		for i := lo; i < hi; i++ {
			out[i] = draw(r)
		}
	})
	return out
}
