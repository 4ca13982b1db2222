// Traces: did every dispatch of a batch write its part of C, and nothing else?

package launch

import (
	"fmt"
	"math"
	"slices"

	"gpubench/internal/backend"
)

// A verifier checks the regions of one batch after another for the same A and B:
// the C of the last dispatch whole, the trace of each other one, and that nothing was
// written anywhere else. See backend.Batch for where these lie.
//
// The first good C is kept: a device that computes the same sums in the same order
// gives the same bits again, and what equals a verified C needs no more proof.
type verifier struct {
	checker
	p    backend.Problem
	good []float32
	// The float64 values of the first elements of C and of the last, as many as a trace
	// has; nil until they are needed.
	first, last []float64
}

// verify returns the largest error that it measured and whether any bit of the result
// differs from the first good one, or the first fault that it found.
func (v *verifier) verify(region []float32, b backend.Batch) (maxError float64, varied bool, err error) {
	if len(region) != v.p.Region(b.Dispatches) {
		panic(fmt.Sprintf("BUG: launch: a region of %d elements for %d dispatches of %v", len(region), b.Dispatches, v.p))
	}
	end := b.Dispatches - 1
	c := region[b.At(end):][:v.p.M*v.p.N]
	maxError, varied, wrong := v.whole(c)
	if v.good == nil {
		return maxError, varied, wrong
	}
	if err := v.outside(region, b); err != nil {
		return maxError, varied, err
	}
	for i := range end {
		e, other, err := v.trace(region, b, i)
		maxError, varied = max(maxError, e), varied || other
		if err != nil {
			return maxError, varied, err
		}
	}
	if wrong != nil && end > 0 && v.dropped(c, 0, b, end) {
		wrong = droppedError(b, end)
	}
	return maxError, varied, wrong
}

// whole checks a C and keeps the first good one. Where a later one has other bits, the
// checker alone does not settle it: Freivalds' check may miss a small fault in one
// element, so each is compared with the good C too.
func (v *verifier) whole(c []float32) (maxError float64, varied bool, err error) {
	if v.good != nil && sameBits(v.good, c) {
		return 0, false, nil
	}
	maxError, err = v.check(c)
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

// trace checks what is left of dispatch i, which is not the last.
func (v *verifier) trace(region []float32, b backend.Batch, i int) (maxError float64, varied bool, err error) {
	size := v.p.M * v.p.N
	n := min(size, backend.Stagger)
	from := 0
	if b.Descending {
		from = size - n
	}
	got := region[b.At(i)+from:][:n]
	if sameBits(got, v.good[from:][:n]) {
		return 0, false, nil
	}
	want := v.reference(from, n)
	for x, ref := range want {
		e := math.Abs(float64(got[x]) - ref)
		if e <= v.tolerance() {
			maxError = max(maxError, e)
			continue
		}
		if v.dropped(got, from, b, i) {
			return maxError, true, droppedError(b, i)
		}
		row, col := (from+x)/v.p.N, (from+x)%v.p.N
		fault := wrongElement(row, col, got[x], ref, v.tolerance())
		if math.Float32bits(got[x]) == math.Float32bits(v.before(from+x, b, i)) {
			fault = neverWritten(row, col)
		}
		return maxError, true, fmt.Errorf("dispatch %d of %d: %w", i+1, b.Dispatches, fault)
	}
	return maxError, true, nil
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
		return unwritten
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

// outside checks that nothing but the places of the dispatches was written.
func (v *verifier) outside(region []float32, b backend.Batch) error {
	size := v.p.M * v.p.N
	untouched := func(from, to int) int {
		for at := from; at < to; at++ {
			if math.Float32bits(region[at]) != math.Float32bits(unwritten) {
				return at
			}
		}
		return to
	}
	if at := untouched(0, backend.Stagger); at < backend.Stagger {
		return outsideError(at-backend.Stagger, size)
	}
	for i := range b.Dispatches {
		// Up to the next place; there is something between only where C is smaller than
		// Stagger elements.
		from, to := backend.Stagger*(1+i)+size, backend.Stagger*(2+i)
		if i == b.Dispatches-1 {
			to = len(region)
		}
		if at := untouched(from, to); at < to {
			return outsideError(at-from+size, size)
		}
	}
	return nil
}

func outsideError(index, size int) error {
	return backend.Errorf(backend.WrongResult, "the batch wrote outside of C, at index %d (C has %d elements)", index, size)
}
