// What the parent believes of what a child prints.

package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// terminal reports whether a child has nothing to say after this event.
func (e *Event) terminal() bool {
	return e.Event == EventDone || e.Event == EventError || e.Event == EventAbsent
}

// parseEvent reads one line that a child printed, at that time after its start.
// Both ends are the same program, so whatever this end would not have written
// itself was printed by a driver or by memory gone wrong: the line is an error as
// a whole, and never a number.
func parseEvent(line []byte, req Request, at time.Duration) (Event, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var e Event
	if err := d.Decode(&e); err != nil {
		return Event{}, err
	}
	if rest := bytes.TrimSpace(line[d.InputOffset():]); len(rest) > 0 {
		return Event{}, errors.New("more after the object")
	}
	if err := e.check(req, at); err != nil {
		return Event{}, err
	}
	return e, nil
}

// check returns an error for an event that no honest child sends.
func (e *Event) check(req Request, at time.Duration) error {
	payload := map[string]bool{
		EventDevice: e.Device != nil, EventAbsent: e.Absent != nil, EventOpened: e.Opened != nil, EventMeter: e.Meter != nil, EventBuilt: e.Kernel != nil,
		EventTried: e.Candidate != nil, EventPhase: e.Phase != "", EventVerified: e.Verification != nil,
		EventRoundTrip: e.RoundTripS != 0, EventSample: e.Sample != nil, EventTelemetry: e.Telemetry != nil, EventEnergy: e.Energy != nil, EventError: e.Error != nil, EventDone: e.Stop != "",
	}
	own := e.Event
	if own == EventWarmup {
		own = EventSample
	}
	has, known := payload[own]
	switch {
	case !known:
		return fmt.Errorf("event %q is unknown", e.Event)
	case !has && own != EventDone: // only launches have a rule that stopped them
		return fmt.Errorf("%s: empty", e.Event)
	}
	for kind, set := range payload {
		if set && kind != own {
			return fmt.Errorf("%s: has the content of %s", e.Event, kind)
		}
	}

	switch e.Event {
	case EventDevice:
		if e.Device.ID == "" {
			return errors.New("device: id is empty")
		}
		if e.Device.Backend != req.Backend {
			return fmt.Errorf("device: %q is of backend %q, not %q", e.Device.ID, e.Device.Backend, req.Backend)
		}
	case EventAbsent:
		if e.Absent.Backend != req.Backend {
			return fmt.Errorf("absent: backend %q, not %q", e.Absent.Backend, req.Backend)
		}
		if e.Absent.Reason == "" {
			return errors.New("absent: no reason")
		}
	case EventBuilt:
		if e.Kernel.Form == "" {
			return errors.New("built: form is empty")
		}
	case EventTried:
		if e.Candidate.BestS < 0 {
			return fmt.Errorf("tried: best_s is %v", e.Candidate.BestS)
		}
	case EventVerified:
		v := e.Verification
		if v.Batches < 0 || v.Failed < 0 || v.Failed > v.Batches {
			return fmt.Errorf("verified: %d of %d batches failed", v.Failed, v.Batches)
		}
		if v.Dispatches < 0 || v.Varied < 0 || v.Varied > v.Batches {
			return fmt.Errorf("verified: %d dispatches, %d of %d batches varied", v.Dispatches, v.Varied, v.Batches)
		}
		if v.MaxError < 0 || v.Bound < 0 {
			return fmt.Errorf("verified: max_error %v, bound %v", v.MaxError, v.Bound)
		}
	case EventRoundTrip:
		if e.RoundTripS <= 0 || e.RoundTripS > at.Seconds() {
			return fmt.Errorf("round-trip: round_trip_s is %v, %.6f s after the start of the process", e.RoundTripS, at.Seconds())
		}
	case EventWarmup, EventSample:
		s := e.Sample
		if s.Dispatches < 1 {
			return fmt.Errorf("%s: %d dispatches", e.Event, s.Dispatches)
		}
		if s.HostS <= 0 || s.HostS > at.Seconds() { // the device's clock may be absurd: it is flagged, the host's is ours
			return fmt.Errorf("%s: host_s is %v, %.6f s after the start of the process", e.Event, s.HostS, at.Seconds())
		}
	case EventTelemetry:
		t := e.Telemetry
		if t.AtS < 0 || t.AtS > at.Seconds() {
			return fmt.Errorf("telemetry: at_s is %v, %.6f s after the start of the process", t.AtS, at.Seconds())
		}
		if len(t.Values) == 0 || t.Sample != nil && *t.Sample < 0 {
			return errors.New("telemetry: no values, or of no sample")
		}
	case EventEnergy:
		j := e.Energy
		if j.Joules <= 0 || j.WindowS <= 0 || j.WindowS > at.Seconds() {
			return fmt.Errorf("energy: %v J in %v s, %.6f s after the start of the process", j.Joules, j.WindowS, at.Seconds())
		}
	case EventError:
		if e.Error.Kind == "" || e.Error.Text == "" {
			return errors.New("error: kind or text is empty")
		}
	}
	return nil
}
