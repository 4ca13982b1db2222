// Whether a child's events follow from one another.

package worker

import (
	"fmt"
	"slices"

	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// phases are those of a launch, in their order.
var phases = []string{PhaseVerify, PhaseWarmup, PhaseSample, PhaseProve, PhaseClose}

// operations says of which requests an event can be the answer to; one that is not
// listed to any.
var operations = map[string][]string{
	EventDevice:    {OpDevices},
	EventTried:     {OpSearch},
	EventBuilt:     {OpLaunch},
	EventVerified:  {OpLaunch},
	EventRoundTrip: {OpLaunch},
	EventWarmup:    {OpLaunch},
	EventSample:    {OpLaunch},
	EventTelemetry: {OpLaunch},
	EventEnergy:    {OpLaunch},
}

// ledger holds a child to its own account: a batch is timed after it was verified, and
// each one once. An event that does not fit the ones before it is an error, and so is
// an end with a batch left over.
type ledger struct {
	req       Request
	phase     int // index in phases, -1 before the first
	built     bool
	roundTrip bool
	verified  result.Verification // as far as it was told
	pending   int                 // dispatches of the batch that was verified and not sampled yet, 0 for none
}

func newLedger(req Request) *ledger { return &ledger{req: req, phase: -1} }

// enter adds the next event.
func (l *ledger) enter(e *Event) error {
	if ops := operations[e.Event]; ops != nil && !slices.Contains(ops, l.req.Op) {
		return fmt.Errorf("%s: it is no answer to %s", e.Event, l.req.Op)
	}
	switch e.Event {
	case EventBuilt:
		if l.built || l.phase >= 0 {
			return fmt.Errorf("built: after %s", l.where())
		}
		l.built = true
	case EventPhase:
		return l.enterPhase(e.Phase)
	case EventVerified:
		return l.enterVerified(*e.Verification)
	case EventRoundTrip:
		if l.roundTrip || !l.in(PhaseVerify) {
			return fmt.Errorf("round-trip: after %s", l.where())
		}
		l.roundTrip = true
	case EventWarmup:
		return l.enterSample(e, PhaseWarmup)
	case EventSample:
		return l.enterSample(e, PhaseSample)
	case EventDone:
		switch {
		case l.pending > 0:
			return fmt.Errorf("done: batch %d was verified, and there is no sample of it", l.verified.Batches)
		case l.verified.Failed > 0:
			return fmt.Errorf("done: %d batches were wrong", l.verified.Failed)
		}
	}
	return nil
}

func (l *ledger) in(phase string) bool { return l.phase >= 0 && phases[l.phase] == phase }

// where names the point that the child has reached.
func (l *ledger) where() string {
	switch {
	case l.phase >= 0:
		return "phase " + phases[l.phase]
	case l.built:
		return "built"
	}
	return "the beginning"
}

func (l *ledger) enterPhase(name string) error {
	at := slices.Index(phases, name)
	if at >= 0 && at <= l.phase {
		return fmt.Errorf("phase %s: after %s", name, l.where())
	}
	l.phase = max(l.phase, at)
	return nil
}

// enterVerified adds the totals after a batch. While samples are taken each batch has
// totals of its own.
func (l *ledger) enterVerified(v result.Verification) error {
	was := l.verified
	batches, dispatches := v.Batches-was.Batches, v.Dispatches-was.Dispatches
	if batches < 0 || dispatches < 0 || v.Failed < was.Failed || v.Varied < was.Varied {
		return fmt.Errorf("verified: %d batches of %d dispatches, after %d of %d: totals do not fall", v.Batches, v.Dispatches, was.Batches, was.Dispatches)
	}
	l.verified = v
	if !l.in(PhaseWarmup) && !l.in(PhaseSample) {
		return nil
	}
	switch {
	case l.pending > 0:
		return fmt.Errorf("verified: batch %d, but there is no sample of the one before", v.Batches)
	case batches != 1:
		return fmt.Errorf("verified: %d batches at once", batches)
	}
	l.pending = dispatches
	return nil
}

// enterSample takes the batch of a sample off those that were verified. The empty
// dispatch writes nothing that could be checked: what it needs is a kernel that works.
func (l *ledger) enterSample(e *Event, phase string) error {
	switch {
	case !l.in(phase):
		return fmt.Errorf("%s: in %s", e.Event, l.where())
	case l.req.Kernel == backend.KernelEmpty && l.verified.Batches > l.verified.Failed:
		return nil
	case l.pending != e.Sample.Dispatches:
		return fmt.Errorf("%s: %d dispatches, of which %d are verified", e.Event, e.Sample.Dispatches, l.pending)
	}
	l.pending = 0
	return nil
}
