// Which specialization? A measurement like the others.

package measure

import (
	"slices"

	"gpubench/internal/result"
	"gpubench/internal/stats"
)

const (
	// indifferent is by how much a candidate may be slower than the fastest before that
	// counts: as well as ratios are to be known.
	indifferent = 0.03
	// Where there are too few processes for an interval only what is far behind is slower.
	farBehind = 1.5
	// Two processes may both have been disturbed while they tried a candidate, but hardly
	// that much; of one nothing can be said.
	outOfReach = 3
	// certain is the confidence with which a candidate has to be slower before it is tried
	// no more: each process is another chance to be wrong.
	certain = 0.995
)

// candidate is one specialization of a search.
type candidate struct {
	result.Candidate
	times   map[int]float64 // seconds of a dispatch, by process
	out     bool            // not tried any more
	slower  bool            // because it was told to be slower
	crashes int             // of processes that were trying it
}

// ok reports whether the candidate may be chosen.
func (c *candidate) ok() bool { return c.Status == result.StatusOK && len(c.times) > 0 }

// common are the times of two candidates in the processes that tried both.
func common(a, b *candidate) (x, y []float64) {
	for n, t := range a.times {
		if u, both := b.times[n]; both {
			x, y = append(x, t), append(y, u)
		}
	}
	return x, y
}

// against is how many times longer a candidate takes than another. known is false where no
// process tried both.
func against(c, fastest *candidate, confidence float64) (r stats.Ratio, known bool) {
	x, y := common(c, fastest)
	if len(x) == 0 {
		return r, false
	}
	r, err := stats.PairedRatio(x, y, confidence)
	return r, err == nil
}

// fastest is the candidate that takes the shortest by the median of its ratios to the one
// that most processes tried; nil where none works. Times of different processes are never
// compared: a neighbour may have come between them.
func fastest(list []*candidate) *candidate {
	var pivot *candidate
	for _, c := range list {
		if c.ok() && !c.slower && (pivot == nil || len(c.times) > len(pivot.times)) {
			pivot = c
		}
	}
	best, least := pivot, 1.0
	for _, c := range list {
		if !c.ok() || c.slower || c == pivot {
			continue
		}
		if r, known := against(c, pivot, stats.Confidence); known && r.Value < least {
			best, least = c, r.Value
		}
	}
	return best
}

// choose returns the first candidate of the list that is not told to be slower than the
// fastest, nil where none works, and notes in each how it stands to that one. sure says
// that the one that it returns was found to be no slower, and not only to be in doubt.
func choose(list []*candidate) (chosen *candidate, sure bool) {
	best := fastest(list)
	if best == nil {
		return nil, false
	}
	for _, c := range list {
		c.Ratio, c.RatioCI = 0, nil
		if !c.ok() {
			continue
		}
		if c == best {
			c.Ratio = 1
			if chosen == nil {
				chosen, sure = c, true
			}
			continue
		}
		r, known := against(c, best, stats.Confidence)
		if !known {
			continue
		}
		c.Ratio, c.RatioCI = r.Value, r.CI
		slower := r.Value > farBehind
		if r.CI != nil {
			slower = r.CI[0] > 1+indifferent
		}
		if !slower && !c.slower && chosen == nil {
			chosen, sure = c, r.CI != nil && r.CI[1] <= 1+indifferent
		}
	}
	return chosen, sure
}

// drop takes out the candidates that are told to be slower, and so need not be tried any
// more. What disturbed later processes cannot bring them back.
func drop(list []*candidate) {
	best := fastest(list)
	if best == nil {
		return
	}
	for _, c := range list {
		if c.out || c == best || !c.ok() {
			continue
		}
		x, y := common(c, best)
		switch len(x) {
		case 0, 1:
		case 2:
			c.slower = min(x[0]/y[0], x[1]/y[1]) > outOfReach
		default:
			r, err := stats.PairedRatio(x, y, certain)
			c.slower = err == nil && r.CI[0] > 1+indifferent
		}
		c.out = c.slower
	}
}

// live are the specializations that are still to be tried.
func live(list []*candidate) (specs []*candidate) {
	return slices.DeleteFunc(slices.Clone(list), func(c *candidate) bool { return c.out })
}
