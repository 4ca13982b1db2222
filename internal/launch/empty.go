// The empty dispatch: what it costs to submit work and to learn that it is done.

package launch

import (
	"context"
	"fmt"
	"math"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/stats"
	"gpubench/internal/worker"
)

// emptyTrips are timed in each launch of another kernel.
const emptyTrips = 30

// A launch of the empty kernel takes at least so many samples, unless the rules are
// content with less time, and at most so many, as each is an event and a line of the result.
const (
	leastEmptySamples = 200
	mostEmptySamples  = 2000
)

// emptyProblem is what a launch of the empty kernel builds its program for, and shows
// that it works.
var emptyProblem = backend.Problem{M: 64, N: 64, K: 64}

// timeEmpty measures and emits the empty round trip, and makes the batches so long that
// it is a hundredth of them at most. What an empty dispatch may not do is to write anything.
func (r *recorder) timeEmpty() error {
	order := backend.Batch{Dispatches: 1}
	if err := r.fill(order); err != nil {
		return err
	}
	var trips []float64
	for range emptyTrips {
		t, err := r.empty(1)
		if err != nil {
			return err
		}
		trips = append(trips, t.HostS/float64(t.Dispatches))
	}
	if err := r.read(order); err != nil {
		return err
	}
	for _, x := range r.region {
		if math.Float32bits(x) != math.Float32bits(r.filled) {
			return backend.Errorf(backend.WrongResult, "the empty dispatch wrote into C, though it had no part of it")
		}
	}
	s, err := stats.Summarize(stats.Samples{trips})
	if err != nil {
		return err
	}
	r.roundTrip = s.Median
	r.rules.BatchS = max(r.rules.BatchS, leastRoundTrips*r.roundTrip)
	r.s.emit(worker.Event{Event: worker.EventRoundTrip, RoundTripS: r.roundTrip})
	return nil
}

// empty runs n empty dispatches or more, each submitted and waited for by itself, and
// returns the sum of their times and their number. Those of the device's clock are left out: nothing that it says
// of no work could be told from a fault.
func (r *recorder) empty(n int) (sum backend.Timing, err error) {
	for range n {
		if err := context.Cause(r.s.ctx); err != nil {
			return backend.Timing{}, err
		}
		t, err := r.program.Empty()
		if err == nil {
			err = checkHostClock(t, 1)
		}
		if err != nil {
			return backend.Timing{}, fmt.Errorf("empty dispatch: %w", err)
		}
		sum.HostS += t.HostS
		sum.Dispatches += max(1, t.Dispatches)
	}
	return sum, nil
}

// launchEmpty builds the kernel, verifies it on the exact input of a small problem,
// warms up with empty dispatches, and emits single ones as samples until a rule stops
// it, which it returns.
func (s *session) launchEmpty(dev backend.Device) (stop string, err error) {
	if err := checkRules(s.req.Rules); err != nil {
		return "", err
	}
	program, err := s.build(dev, backend.KernelMatmul, emptyProblem)
	if err != nil {
		return "", err
	}
	defer closing("program", program, &err)
	defer s.ending()
	s.built(program, backend.KernelEmpty, result.FormatF32)

	r := &recorder{bench: newBench(s, program, emptyProblem), rules: s.req.Rules, most: mostEmptySamples}
	r.run = func(n int) (backend.Timing, error) {
		s.disturbances.BeginEmpty()
		t, err := r.empty(n)
		r.disturbed = s.disturbances.EndEmpty() // and not what the last batch had
		return t, err
	}
	s.phase(worker.PhaseVerify)
	if err := r.verifyExact(); err != nil {
		return "", err
	}
	s.phase(worker.PhaseWarmup)
	if err := r.warmUp(); err != nil {
		return "", err
	}
	s.phase(worker.PhaseSample)
	r.n = 1
	r.rules.MinTimeS = min(r.rules.MinTimeS, leastEmptySamples*r.last)
	return r.sample(0)
}
