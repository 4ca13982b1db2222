// Traces: did every dispatch of a batch write its part of C, and nothing else?

package launch

import (
	"fmt"
	"math"
	"slices"

	"gpubench/internal/backend"
)

// A verifier checks the regions of one batch after another for the same A and B, but
// for the signs of rows of A: the C of the last dispatch whole and that of the dispatch set
// apart, the trace of each other one, and that nothing was written anywhere else. See
// backend.Batch for where these lie.
//
// The first good C is kept: a device that computes the same sums in the same order
// gives the same bits again, and what equals a verified C needs no more proof.
type verifier struct {
	checker
	p      backend.Problem
	signs  signs
	filled float32   // what C's region holds where nothing was written
	good   []float32 // with the signs of now
	// The float64 values of the first elements of C and of the last, as many as a trace
	// has, with all signs as they were in the beginning; nil until they are needed.
	first, last []float64
}

// flip turns the sign of a row of A, and with it the signs of what C must be.
func (v *verifier) flip(row int) {
	v.signs[row] = !v.signs[row]
	for i := row; i < v.p.M; i += len(v.signs) {
		for j := range v.good[i*v.p.N:][:v.p.N] {
			v.good[i*v.p.N+j] = -v.good[i*v.p.N+j]
		}
	}
}

// sign is by what element i of C is multiplied in view of the signs of now.
func (v *verifier) sign(i int) float32 { return v.signs.of(i / v.p.N) }

// plain is a C as it would be without turned signs, and with unwritten where nothing was
// written.
func (v *verifier) plain(c []float32) []float32 {
	out := make([]float32, len(c))
	for i, x := range c {
		switch {
		case v.untouched(x):
			x = unwritten
		case x == x:
			x *= v.sign(i)
		}
		out[i] = x
	}
	return out
}

// untouched reports whether an element is what the region was filled with.
func (v *verifier) untouched(x float32) bool {
	return math.Float32bits(x) == math.Float32bits(v.filled)
}

// verify returns the largest error that it measured and whether any bit of the result
// differs from the first good one, or the first fault that it found.
func (v *verifier) verify(region []float32, b backend.Batch) (maxError float64, varied bool, err error) {
	if len(region) != v.p.Region(b) {
		panic(fmt.Sprintf("BUG: launch: a region of %d elements for %d dispatches of %v", len(region), b.Dispatches, v.p))
	}
	size := v.p.M * v.p.N
	if v.good == nil {
		// What else is in the region is only told from a good C.
		if maxError, _, err = v.whole(region[v.p.Place(b, b.Dispatches-1):][:size]); err != nil {
			return maxError, false, err
		}
	}
	others := b.Others()
	e, varied, err := v.shared(region[:v.p.Shared(others.Dispatches)], b)
	maxError = max(maxError, e)
	if err != nil || b.Apart == 0 {
		return maxError, varied, err
	}
	place := v.p.Place(b, b.Apart-1)
	for _, gap := range [][2]int{{v.p.Shared(others.Dispatches), place}, {place + size, len(region)}} {
		if at := v.firstTouched(region, gap[0], gap[1]); at < gap[1] {
			return maxError, varied, outsideError(at-place, size)
		}
	}
	own := region[place:][:size]
	e, other, err := v.whole(own)
	maxError, varied = max(maxError, e), varied || other
	switch {
	case err == nil || b.Dispatches == 1:
	case v.firstTouched(own, 0, size) == size:
		err = droppedError(b, b.Apart-1)
	default:
		err = inDispatch(b, b.Apart-1, err)
	}
	return maxError, varied, err
}

// shared checks the region that all dispatches share but the one set apart.
func (v *verifier) shared(region []float32, b backend.Batch) (maxError float64, varied bool, err error) {
	o := b.Others()
	if err := v.outside(region, o); err != nil || o.Dispatches == 0 {
		return 0, false, err
	}
	end := o.Dispatches - 1
	c := region[o.At(end):][:v.p.M*v.p.N]
	maxError, varied, wrong := v.whole(c)
	for i := range end {
		e, other, err := v.trace(region, b, i)
		maxError, varied = max(maxError, e), varied || other
		if err != nil {
			return maxError, varied, err
		}
	}
	if wrong != nil && b.Dispatches > 1 && v.dropped(c, 0, o, end) {
		wrong = droppedError(b, nth(b, end))
	}
	return maxError, varied, wrong
}

// nth is which dispatch of a batch the i-th of those is that share a region, both from 0.
func nth(b backend.Batch, i int) int {
	if b.Apart > 0 && i >= b.Apart-1 {
		return i + 1
	}
	return i
}

// whole checks a C and keeps the first good one. Where a later one has other bits, the
// checker alone does not settle it: Freivalds' check may miss a small fault in one
// element, so each is compared with the good C too.
func (v *verifier) whole(c []float32) (maxError float64, varied bool, err error) {
	if v.good != nil && same(v.good, c) {
		return 0, false, nil
	}
	plain := v.plain(c)
	maxError, err = v.check(plain)
	if err != nil {
		return maxError, false, err
	}
	if v.good == nil {
		v.good = slices.Clone(c)
		return maxError, false, nil
	}
	for i, x := range c {
		// Both may be off by the tolerance, in opposite directions.
		if d := math.Abs(float64(x) - float64(v.good[i])); !(d <= 2*v.tolerance()) {
			return maxError, true, backend.Errorf(backend.WrongResult, "C[%d,%d] is %.9g, and %.9g in a batch that was right (difference %.3g, bound %.3g)",
				i/v.p.N, i%v.p.N, x, v.good[i], d, 2*v.tolerance())
		}
	}
	return maxError, true, nil
}

// trace checks what is left of the i-th of the dispatches that share the region, which is
// not the last of them.
func (v *verifier) trace(region []float32, b backend.Batch, i int) (maxError float64, varied bool, err error) {
	o, size := b.Others(), v.p.M*v.p.N
	n := min(size, backend.Stagger)
	from := 0
	if b.Descending {
		from = size - n
	}
	got := region[o.At(i)+from:][:n]
	if same(got, v.good[from:][:n]) {
		return 0, false, nil
	}
	want := v.reference(from, n)
	for x, ref := range want {
		ref *= float64(v.sign(from + x))
		e := math.Abs(float64(got[x]) - ref)
		if e <= v.tolerance() {
			maxError = max(maxError, e)
			continue
		}
		if v.dropped(got, from, o, i) {
			return maxError, true, droppedError(b, nth(b, i))
		}
		row, col := (from+x)/v.p.N, (from+x)%v.p.N
		fault := wrongElement(row, col, got[x], ref, v.tolerance())
		if math.Float32bits(got[x]) == math.Float32bits(v.before(from+x, o, i)) {
			fault = neverWritten(row, col)
		}
		return maxError, true, inDispatch(b, nth(b, i), fault)
	}
	return maxError, true, nil
}

func inDispatch(b backend.Batch, i int, err error) error {
	return fmt.Errorf("dispatch %d of %d: %w", i+1, b.Dispatches, err)
}

// reference are the float64 values of n elements of C from one on: the first or the
// last of all.
func (v *verifier) reference(from, n int) []float64 {
	keep := &v.first
	if from > 0 {
		keep = &v.last
	}
	if *keep == nil {
		*keep = make([]float64, n)
		for x := range *keep {
			(*keep)[x] = v.at(from + x)
		}
	}
	return *keep
}

// before is what lies where dispatch i writes an element of C until it does: what the
// dispatch before it wrote there. Faults are looked for from the first dispatch on, so
// that one was right.
func (v *verifier) before(element int, b backend.Batch, i int) float32 {
	if element += b.Step(); i == 0 || element < 0 || element >= len(v.good) {
		return v.filled
	}
	return v.good[element]
}

// dropped reports whether got, the elements of dispatch i's C from one on, is what lay
// there before it, so that it wrote none of them.
func (v *verifier) dropped(got []float32, from int, b backend.Batch, i int) bool {
	for x, y := range got {
		if math.Float32bits(y) != math.Float32bits(v.before(from+x, b, i)) {
			return false
		}
	}
	return true
}

func droppedError(b backend.Batch, i int) error {
	return backend.Errorf(backend.WrongResult, "dispatch %d of %d was dropped: its part of C was never written", i+1, b.Dispatches)
}

// firstTouched is where in part of a region something was written, or its end.
func (v *verifier) firstTouched(region []float32, from, to int) int {
	for at := from; at < to; at++ {
		if !v.untouched(region[at]) {
			return at
		}
	}
	return to
}

// outside checks that nothing but the places of the dispatches was written in the region that
// they share, or nothing at all where there are none.
func (v *verifier) outside(region []float32, b backend.Batch) error {
	size := v.p.M * v.p.N
	if b.Dispatches == 0 {
		if at := v.firstTouched(region, 0, len(region)); at < len(region) {
			return outsideError(at-len(region), size)
		}
		return nil
	}
	if at := v.firstTouched(region, 0, backend.Stagger); at < backend.Stagger {
		return outsideError(at-backend.Stagger, size)
	}
	for i := range b.Dispatches {
		// Up to the next place; there is something between only where C is smaller than
		// Stagger elements.
		from, to := backend.Stagger*(1+i)+size, backend.Stagger*(2+i)
		if i == b.Dispatches-1 {
			to = len(region)
		}
		if at := v.firstTouched(region, from, to); at < to {
			return outsideError(at-from+size, size)
		}
	}
	return nil
}

func outsideError(index, size int) error {
	return backend.Errorf(backend.WrongResult, "the batch wrote outside of C, at index %d (C has %d elements)", index, size)
}
