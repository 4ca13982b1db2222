// Is the time of a batch that of its work?

package launch

import (
	"fmt"
	"slices"

	"gpubench/internal/backend"
)

// What was submitted behind a batch that is finished takes mostBehind round trips. Where it takes
// more than that and mostWait of the batch, the batch was not, or something else held it up.
const (
	mostBehind = 10
	mostWait   = 0.1
)

// tries are made to see what an honest device shows: a neighbour may hold up a few in a row.
const tries = 10

// early reports whether something that took so many seconds behind a batch had to wait for it.
func early(behind, batch, roundTrip float64) bool {
	return roundTrip > 0 && behind > mostBehind*roundTrip+mostWait*batch
}

// punctual returns an error when what was submitted behind each of the samples had to wait, and
// behind some more batches too. Those of which only some did are flagged.
func (r *recorder) punctual() error {
	for i, behind := range r.behinds {
		if !early(behind, r.times[i], r.roundTrip) {
			return nil
		}
	}
	for range tries {
		t, err := r.checked(r.n)
		if err != nil || !early(r.behind, t.HostS, r.roundTrip) {
			return err
		}
	}
	return &backend.Error{Kind: backend.WrongResult, Remedy: "update the driver",
		Text: fmt.Sprintf("the fence signals before a batch is finished, so its time means nothing: what was submitted behind a batch of %.3g s took %.3g s, and by itself takes %.3g s",
			median(r.times), median(r.behinds), r.roundTrip)}
}

const (
	// leastPart is the part of what a dispatch takes alone, without two round trips, that it
	// must take among others. It is alone with cold caches and what else a submission may cost beside
	// the round trip, so that an honest one may well take less among others, but not half of it.
	leastPart = 0.5
	// leastAlone is what a submission may cost in seconds whatever the round trip: where that is none,
	// in a process of its own, there still are calls and two readings of a clock.
	leastAlone = 10e-6
)

// additive returns an error when a dispatch took much less among others, by three quarters of the
// samples, than it does alone, as if most of them did not do their work. What a submission costs at
// that moment is seen by what is submitted behind it. Where there is no queue there is no
// driver either, and threads that have to be woken for one dispatch would tell nothing.
func (r *recorder) additive() error {
	if r.n == 1 || !r.s.queued {
		return nil
	}
	sorted := slices.Sorted(slices.Values(r.times))
	among, alone := sorted[3*(len(sorted)-1)/4]/float64(r.n), 0.0
	for try := range tries {
		if try > 0 { // so that the device is not at rest before
			if _, err := r.checked(r.n); err != nil {
				return err
			}
		}
		t, err := r.checked(1)
		if err != nil {
			return err
		}
		if try == 0 || t.HostS < alone {
			alone = t.HostS
		}
		if among >= leastPart*(t.HostS-max(2*r.roundTrip, r.behind, leastAlone)) {
			return nil
		}
	}
	return &backend.Error{Kind: backend.WrongResult, Remedy: "update the driver, and choose a larger --size",
		Text: fmt.Sprintf("a dispatch takes %.3g s alone, at best of %d, and %.3g s as one of %d: not all of them do their work", alone, tries, among, r.n)}
}

// median is that of a list that is not empty.
func median(list []float64) float64 {
	s := slices.Sorted(slices.Values(list))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
