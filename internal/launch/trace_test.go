package launch

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/backend"
)

type checkerFunc func([]float32) (float64, error)

func (f checkerFunc) check(c []float32) (float64, error) { return f(c) }
func (f checkerFunc) tolerance() float64                 { return 0.5 }
func (f checkerFunc) at(int) float64                     { panic("BUG: a batch of one dispatch has no traces") }

// regionOf is what a batch of dispatches that all compute c leaves.
func regionOf(p backend.Problem, b backend.Batch, c []float32) []float32 {
	region := slices.Repeat([]float32{unwritten}, p.Region(b))
	for i := range b.Dispatches {
		copy(region[b.At(i):], c)
	}
	return region
}

// A C whose bits differ from the verified one is checked again in full, and the
// verified one is kept.
func TestVerifierComparesBitsFirst(t *testing.T) {
	calls := 0
	var fail error
	p, once := backend.Problem{M: 1, N: 2, K: 1}, backend.Batch{Dispatches: 1}
	v := &verifier{p: p, filled: unwritten, checker: checkerFunc(func([]float32) (float64, error) { calls++; return 0.5, fail })}
	verify := func(c []float32, wantCalls int, wantVaried bool, wantErr string) {
		t.Helper()
		_, varied, err := v.verify(regionOf(p, once, c), once)
		if calls != wantCalls || varied != wantVaried || (err == nil) != (wantErr == "") || err != nil && !strings.Contains(err.Error(), wantErr) {
			t.Errorf("verify(%v): %v after %d full checks, varied %v; want %q after %d, varied %v", c, err, calls, varied, wantErr, wantCalls, wantVaried)
		}
	}
	c := []float32{1, 2}
	fail = backend.Errorf(backend.WrongResult, "no")
	verify(c, 1, false, "no")
	verify(c, 2, false, "no") // what failed is not remembered
	fail = nil
	verify(c, 3, false, "")
	c[1] = 3 // the caller's buffer is not the copy
	verify([]float32{1, 2}, 3, false, "")
	verify(c, 4, true, "")
	verify([]float32{1, 2}, 4, false, "")
	// What the checker misses, as Freivalds' may a small fault of one element, is still
	// not farther from the verified C than two right ones can be.
	verify([]float32{1, 3.125}, 5, true, "C[0,1] is 3.125, and 2 in a batch that was right (difference 1.12, bound 1)")
	verify([]float32{float32(math.NaN()), 2}, 6, true, "C[0,0] is NaN")
	fail = backend.Errorf(backend.WrongResult, "no")
	verify([]float32{1, unwritten}, 7, false, "no")
	verify([]float32{1, 2}, 7, false, "")
}

// Every element of every region matters: where one bit is changed the verifier says
// what it is, whatever the size of C, the number of dispatches and their order.
func TestEveryElementOfTheRegionMatters(t *testing.T) {
	for _, p := range []backend.Problem{{M: 1, N: 1, K: 3}, {M: 3, N: 5, K: 3}, {M: 7, N: 9, K: 3}, {M: 8, N: 8, K: 3}, {M: 5, N: 13, K: 3}, {M: 12, N: 25, K: 3}} {
		a, b, err := exactInput(p, 1)
		if err != nil {
			t.Fatal(err)
		}
		c := multiply(p, a, b, nil)
		for _, batch := range []backend.Batch{{Dispatches: 1}, {Dispatches: 2}, {Dispatches: 7}, {Dispatches: 2, Descending: true}, {Dispatches: 7, Descending: true}} {
			v := &verifier{checker: newExactChecker(p, a, b), p: p, filled: unwritten}
			region := regionOf(p, batch, c)
			if _, varied, err := v.verify(region, batch); err != nil || varied {
				t.Fatalf("%v, %+v: %v, varied %v", p, batch, err, varied)
			}
			for i := range region {
				was := region[i]
				region[i] += 2
				if was != was {
					region[i] = 0
				}
				_, _, err := v.verify(region, batch)
				if kindOf(err) != backend.WrongResult {
					t.Fatalf("%v, %+v: element %d of the region is %v instead of %v: %v", p, batch, i, region[i], was, err)
				}
				if outside := strings.Contains(err.Error(), "outside of C"); outside != (was != was) {
					t.Errorf("%v, %+v: element %d of the region is %v instead of %v: %v", p, batch, i, region[i], was, err)
				}
				region[i] = was
			}
		}
	}
}

// Each dispatch that is dropped, alone or with its neighbours, is named.
func TestDroppedDispatchesAreNamed(t *testing.T) {
	for _, p := range []backend.Problem{{M: 1, N: 1, K: 3}, {M: 7, N: 9, K: 3}, {M: 8, N: 8, K: 3}, {M: 12, N: 25, K: 3}} {
		a, b, err := exactInput(p, 1)
		if err != nil {
			t.Fatal(err)
		}
		c := multiply(p, a, b, nil)
		for _, batch := range []backend.Batch{{Dispatches: 9}, {Dispatches: 9, Descending: true}} {
			v := &verifier{checker: newExactChecker(p, a, b), p: p, filled: unwritten, good: c}
			for first := range batch.Dispatches {
				for last := first; last < batch.Dispatches; last++ {
					region := slices.Repeat([]float32{unwritten}, p.Region(batch))
					for i := range batch.Dispatches {
						if i < first || i > last {
							copy(region[batch.At(i):], c)
						}
					}
					_, _, err := v.verify(region, batch)
					if want := droppedError(batch, first); err == nil || err.Error() != want.Error() || kindOf(err) != backend.WrongResult {
						t.Errorf("%v, %+v without %d to %d: %v, want %v", p, batch, first+1, last+1, err, want)
					}
				}
			}
		}
	}
}
