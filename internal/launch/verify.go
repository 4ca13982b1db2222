// Verification: is C the product of A and B, in every element?

package launch

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"unsafe"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"

	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// unwritten is a quiet NaN with a payload that no arithmetic produces, and stands for an element
// that was never written, which so is told from one that was computed to be NaN. What the region
// of C is filled with before a batch, see bench.fill, is another such NaN for each batch.
var unwritten = fillOf(0x5a)

// fills are how many different fills there are, so few that their payloads survive in float16.
const fills = 1<<9 - 1

// fillOf is the fill with this number, from 1 to fills.
func fillOf(n uint32) float32 { return math.Float32frombits(0x7fc00000 | n<<13) }

// Methods of verification on the normal input, as in result.Verification.
const (
	methodFull      = "full"
	methodFreivalds = "freivalds"
)

// fullMACs is the most products M N K for which the whole float64 reference is
// computed; it costs a fraction of a second. Above it Freivalds' check takes over.
const fullMACs = 1 << 30

// A checker knows A and B and can tell whether a C is right. Check looks at
// every element and returns the largest absolute error that it measured, or an
// *backend.Error of kind WrongResult that names the first wrong element. Tolerance is
// the largest absolute error of a right element, and at is what element i of C must be,
// in float64.
type checker interface {
	check(c []float32) (maxError float64, err error)
	tolerance() float64
	at(i int) float64
}

// dot is element i of the product of A and B, in float64.
func dot(p backend.Problem, a, b []float32, i int) (sum float64) {
	row, col := i/p.N, i%p.N
	for k := range p.K {
		sum += float64(a[row*p.K+k]) * float64(b[k*p.N+col])
	}
	return sum
}

// same reports whether two C are equal bit for bit, but for the sign of a zero: a sum that
// cancels is positive zero, whatever the signs of its parts.
func same(a, b []float32) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) == 0 || bytes.Equal(bytesOf(a), bytesOf(b)) {
		return true
	}
	for i, x := range a {
		if y := b[i]; math.Float32bits(x) != math.Float32bits(y) && (x != 0 || y != 0) {
			return false
		}
	}
	return true
}

// bytesOf are the bytes of a list that is not empty.
func bytesOf(list []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&list[0])), 4*len(list))
}

// wrongElement words the error for C[i,j].
func wrongElement(i, j int, got float32, want, bound float64) error {
	if math.Float32bits(got) == math.Float32bits(unwritten) {
		return neverWritten(i, j)
	}
	return backend.Errorf(backend.WrongResult, "C[%d,%d] is %.9g, should be %.9g (error %.3g, bound %.3g)",
		i, j, got, want, math.Abs(float64(got)-want), bound)
}

func neverWritten(i, j int) error {
	return backend.Errorf(backend.WrongResult, "C[%d,%d] was never written", i, j)
}

// exactChecker checks C on the exact input, where it must be right to the bit.
//
// It is Freivalds' check over the integers modulo 2^64: C.x = A.(B.x) for two
// vectors x of random 64-bit numbers. All of A, B and a plausible C are integers
// below 2^24 in magnitude, so a wrong row differs from the right one by d with
// elements below 2^25; d.x is 0 modulo 2^64 with a probability of at most 2^-39,
// for both vectors 2^-78. The cost is that of reading the matrices once.
type exactChecker struct {
	p    backend.Problem
	a, b []float32
	fp   fingerprint[int64]
}

func newExactChecker(p backend.Problem, a, b []float32) *exactChecker {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([][2]int64, p.N)
	for j := range x {
		x[j] = [2]int64{int64(r.Uint64()), int64(r.Uint64())}
	}
	return &exactChecker{p, a, b, newFingerprint(p, a, b, x)}
}

func (e *exactChecker) tolerance() float64 { return 0 }

func (e *exactChecker) at(i int) float64 { return dot(e.p, e.a, e.b, i) }

func (e *exactChecker) check(c []float32) (float64, error) {
	bad := e.fp.firstRow(c, e.p, func(got, want [2]int64) bool { return got == want })
	// The fingerprint of what is not an integer means nothing.
	for i, v := range c[:min(bad*e.p.N, len(c))] {
		if v != float32(math.Trunc(float64(v))) || math.Abs(float64(v)) >= maxExact {
			bad = i / e.p.N
			break
		}
	}
	if bad == e.p.M {
		return 0, nil
	}
	n, k := e.p.N, e.p.K
	want := make([]int64, n)
	for l, x := range e.a[bad*k : (bad+1)*k] {
		for j, y := range e.b[l*n : (l+1)*n] {
			want[j] += int64(x) * int64(y)
		}
	}
	for j, w := range want {
		if got := c[bad*n+j]; got != float32(w) {
			return 0, wrongElement(bad, j, got, float64(w), 0)
		}
	}
	panic("BUG: the exact check failed in a row without a wrong element")
}

// checksum is the SHA-256 of C, row major, as little-endian float32. Negative
// zero counts as zero: which of them a sum of zeros gives depends on the order.
func checksum(c []float32) string {
	h := sha256.New()
	buf := make([]byte, 0, 1<<16)
	for chunk := range slices.Chunk(c, cap(buf)/4) {
		buf = buf[:0]
		for _, v := range chunk {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v+0)) // -0 + 0 is +0
		}
		h.Write(buf)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// normalBound is the largest error of an element of C that is accepted on the
// standard normal input: 8 u (k + 8), with u = 2^-24 the unit roundoff.
//
// The worst case over all inputs grows with k^2 and would let half precision
// pass, so the bound is the one for this input. The partial sums of k products
// are a random walk s_1 .. s_k with variance l after l steps. Rounding step l to
// nearest adds an error that is uniform within half a unit in the last place:
// mean 0, standard deviation 0.41 u |s_l|. For the worst order, one product
// after the other, the total has variance (0.41 u)^2 times the sum of s_l^2,
// which is k^2/2 on average: a standard deviation of 0.29 u k. Its tail is not
// normal but exponential, because rare walks stray far: the sum of s_l^2 over
// k^2 exceeds t with a probability of about exp(-pi^2 t / 8), which makes the
// probability of an error above t u k about exp(-3.8 t). At t = 8 that is
// 6e-14 for one element; tiles, trees and fused operations only lower it. The
// 8 added to k covers the rounding of few but large products.
//
// Rounding the inputs to 11 bits, as TF32 and half precision do, causes an error
// with a standard deviation of 2.9e-4 sqrt(k): 19 times the bound at k = 1024,
// and among a million elements some exceed the bound up to k of nine million.
func normalBound(k int) float64 { return 8 * 0x1p-24 * float64(k+8) }

// tf32Bound is normalBound for TF32: 8 * 2^-10 sqrt(k + 64), and what float32 adds.
//
// An input loses its lowest 13 bits, up to 2^-10 of it, and hardware that cuts them off loses
// in one direction: the error of a product is 2^-10 of it on average at most, and the
// error of a sum of k of them has a standard deviation of up to 1.1 * 2^-10 sqrt(k). At k = 1 it
// is a product of two normal numbers, whose tail is exponential: the 64 covers that. Seven
// standard deviations are little; they tell TF32 from what has lost its way, not from
// other formats with as few bits. What the format is, the library is told.
func tf32Bound(k int) float64 { return 8*0x1p-10*math.Sqrt(float64(k+64)) + normalBound(k) }

// tf32RowShare is the share of the element's bound, times sqrt(n), that a row may have
// under Freivalds' check with TF32: 1.53 times the standard deviation of an element, as
// in newNormalChecker, is 0.21 of its bound; this is seven times as much.
const tf32RowShare = 1.5

// halfBound is normalBound for float16 inputs that were so before they were loaded, a C
// kept as float16, and sums in float32: 7 * 2^-11 sqrt(k + 32), and what float32 adds.
//
// Rounding an element of C errs by up to 2^-11 of it. The element is a sum of k products of
// standard normal numbers, of variance k; that it exceeds 7 sqrt(k + 32) has a probability
// of 5e-11 at most (Chernoff's bound: the least of 2 (1 - t^2)^(-k/2) exp(-7 t sqrt(k + 32))).
// The 32 is for small k, where the tail is exponential. Up to the largest k that
// exactHalfInput allows this is 28672, so that no element comes near half.Max.
//
// Multiplying in bfloat16 errs with a standard deviation of 2.3e-3 sqrt(k), 0.7 of the bound, and
// among a thousand elements some exceed it. Sums in float16, one product after the other,
// err with one of 0.29 * 2^-11 k: from a k of a few hundred on they exceed it too.
func halfBound(k int) float64 { return 7*0x1p-11*math.Sqrt(float64(k+32)) + normalBound(k) }

// halfSumsBound is normalBound for sums in float16. A library that does not say in what it
// adds up may do that, and is then not wrong but not to be told from one that is: see
// normalChecker.compare.
func halfSumsBound(k int) float64 { return 8 * 0x1p-11 * float64(k+8) }

// halfRowShare is tf32RowShare for float16: an element errs by 0.39 * 2^-11 sqrt(k) in the root
// mean square, and 1.53 times that is 0.085 of its bound.
const halfRowShare = 0.6

// normalChecker checks C on the normal input against products in float64.
type normalChecker struct {
	p     backend.Problem
	a, b  []float32
	bound float64
	loose float64 // bound of sums in the format of C, 0 where they have to be in float32
	// For the freivalds method, else unused.
	fp         fingerprint[float64]
	rowBound   float64
	rows, cols []int // whose crossings are sampled
}

// newNormalChecker returns a checker for a number format and the name of its method:
// full up to limit products, else freivalds.
//
// Freivalds' check in float64 takes two vectors x of random signs and
// magnitudes in [1, 2), so that a single wrong element always counts at least in
// full and two of them cancel only by rare chance. Errors of right elements, of
// standard deviation 0.29 u k, add up to 1.53 (the root mean square of x) times
// 0.29 u k sqrt(n) in a row; the row's bound is 0.4 sqrt(n) times the element's
// bound, seven times as much, and never below what one tolerable element can
// cause. What hides below it, an error spread thinly over a few elements, is the
// business of 4096 sampled elements, each held to the bound of an element.
func newNormalChecker(p backend.Problem, a, b []float32, format string, limit uint64) (*normalChecker, string) {
	n, share := &normalChecker{p: p, a: a, b: b, bound: normalBound(p.K)}, 0.4
	switch format {
	case result.FormatTF32:
		n.bound, share = tf32Bound(p.K), tf32RowShare
	case result.FormatF16:
		n.bound, share, n.loose = halfBound(p.K), halfRowShare, halfSumsBound(p.K)
	}
	if p.FLOP()/2 <= limit {
		return n, methodFull
	}
	r := rand.New(rand.NewPCG(3, 4))
	x := make([][2]float64, p.N)
	for j := range x {
		for v := range x[j] {
			x[j][v] = (1 + r.Float64()) * float64(1-2*r.IntN(2))
		}
	}
	n.fp = newFingerprint(p, a, b, x)
	n.rowBound = n.bound * max(2, share*math.Sqrt(float64(p.N)))
	n.rows, n.cols = sampleIndices(p.M, 64, r), sampleIndices(p.N, 64, r)
	return n, methodFreivalds
}

// sampleIndices returns up to count indices below n in ascending order, the
// first and the last of all among them, where faults at edges show.
func sampleIndices(n, count int, r *rand.Rand) []int {
	if n <= count {
		return span(0, n)
	}
	out := []int{0, n - 1}
	for len(out) < count {
		out = append(out, r.IntN(n))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func span(lo, hi int) []int {
	out := make([]int, hi-lo)
	for i := range out {
		out[i] = lo + i
	}
	return out
}

func (n *normalChecker) tolerance() float64 { return n.bound }

func (n *normalChecker) at(i int) float64 { return dot(n.p, n.a, n.b, i) }

func (n *normalChecker) check(c []float32) (float64, error) {
	if n.rows == nil {
		return n.compare(c, span(0, n.p.M), span(0, n.p.N))
	}
	badRow := n.fp.firstRow(c, n.p, func(got, want [2]float64) bool {
		return math.Abs(got[0]-want[0]) <= n.rowBound && math.Abs(got[1]-want[1]) <= n.rowBound
	})
	if badRow < n.p.M {
		if e, err := n.compare(c, []int{badRow}, span(0, n.p.N)); err != nil {
			return e, err
		}
		return 0, backend.Errorf(backend.WrongResult, "row %d of C is wrong: C.x differs from A.(B.x) by more than %.3g, though no single element by more than %.3g", badRow, n.rowBound, n.bound)
	}
	return n.compare(c, n.rows, n.cols)
}

// tileLen is the edge of the tiles in which the reference is computed: three of
// them in float64 fit in a cache of a few MiB, whatever the problem's size.
const tileLen = 512

// compare computes the elements of C at the crossings of rows and cols in
// float64 and returns the largest error, or the first that exceeds the bound. Where many exceed
// it, as no fault in some place makes it, and none by more than coarser sums explain, the
// error is of kind Unusable.
func (n *normalChecker) compare(c []float32, rows, cols []int) (maxError float64, err error) {
	for tr := range slices.Chunk(rows, tileLen) {
		// The first wrong element is wanted in the order of rows, not of tiles.
		first, over, largest := len(c), 0, 0.0
		var want float64
		for tc := range slices.Chunk(cols, tileLen) {
			for t, ref := range n.product(tr, tc) {
				at := tr[t/len(tc)]*n.p.N + tc[t%len(tc)]
				e := math.Abs(float64(c[at]) - ref)
				if !(e <= n.bound) { // NaN is wrong too
					over++
					if at < first {
						first, want = at, ref
					}
				}
				largest = max(largest, e)
			}
		}
		maxError = max(maxError, largest)
		if all := len(tr) * len(cols); largest <= n.loose && over >= 3 && over > all/1000 {
			return maxError, backend.Errorf(backend.Unusable, "C is less precise than sums in float32 make it: %d of %d elements err by more than %.3g, the first of them C[%d,%d]; sums in float16 may, and cannot be told from a wrong result",
				over, all, n.bound, first/n.p.N, first%n.p.N)
		}
		if first < len(c) {
			return maxError, wrongElement(first/n.p.N, first%n.p.N, c[first], want, n.bound)
		}
	}
	return maxError, nil
}

// product returns the crossings of up to tileLen rows of A and columns of B, row
// major, in float64.
func (n *normalChecker) product(rows, cols []int) []float64 {
	nr, nc := len(rows), len(cols)
	depth := min(n.p.K, tileLen*tileLen/max(nr, nc))
	a := blas64.General{Rows: nr, Data: make([]float64, nr*depth)}
	b := blas64.General{Cols: nc, Stride: nc, Data: make([]float64, depth*nc)}
	c := blas64.General{Rows: nr, Cols: nc, Stride: nc, Data: make([]float64, nr*nc)}
	for k := 0; k < n.p.K; k += depth {
		d := min(depth, n.p.K-k)
		for i, row := range rows {
			for l, v := range n.a[row*n.p.K+k:][:d] {
				a.Data[i*d+l] = float64(v)
			}
		}
		for l := range d {
			row := n.b[(k+l)*n.p.N:][:n.p.N]
			for j, col := range cols {
				b.Data[l*nc+j] = float64(row[col])
			}
		}
		a.Cols, a.Stride, b.Rows = d, d, d
		blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, a, b, 1, c)
	}
	return c.Data
}

// A fingerprint is A.(B.x) for two vectors x: what C.x must be.
type fingerprint[T int64 | float64] struct {
	x    [][2]T // N
	want [][2]T // M
}

func newFingerprint[T int64 | float64](p backend.Problem, a, b []float32, x [][2]T) fingerprint[T] {
	bx := make([][2]T, p.K)
	eachProduct(b, p.K, p.N, x, func(k int, s [2]T) { bx[k] = s })
	want := make([][2]T, p.M)
	eachProduct(a, p.M, p.K, bx, func(i int, s [2]T) { want[i] = s })
	return fingerprint[T]{x, want}
}

// firstRow returns the first row of C whose products with x do not agree with
// what they must be, or M when all do.
func (f fingerprint[T]) firstRow(c []float32, p backend.Problem, agree func(got, want [2]T) bool) int {
	var mu sync.Mutex
	first := p.M
	eachProduct(c, p.M, p.N, f.x, func(i int, s [2]T) {
		if !agree(s, f.want[i]) {
			mu.Lock()
			first = min(first, i)
			mu.Unlock()
		}
	})
	return first
}

// eachProduct multiplies each row of a matrix with both vectors x and gives the
// sums to f, from several goroutines. Integers wrap around.
func eachProduct[T int64 | float64](m []float32, rows, cols int, x [][2]T, f func(row int, sum [2]T)) {
	forChunks(rows, max(1, 1<<16/cols), func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			var s0, s1 T
			for j, v := range m[i*cols : (i+1)*cols] {
				t := T(v)
				s0 += t * x[j][0]
				s1 += t * x[j][1]
			}
			f(i, [2]T{s0, s1})
		}
	})
}

// addVerification folds one checked batch of so many dispatches into the totals.
func addVerification(v *result.Verification, dispatches int, maxError float64, varied bool, err error) {
	v.Batches++
	if err != nil {
		if kindOf(err) == backend.WrongResult {
			v.Failed++
		}
		return
	}
	v.Dispatches += dispatches
	if varied {
		v.Varied++
	}
	v.MaxError = max(v.MaxError, maxError)
}
