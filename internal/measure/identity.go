// Is the device that a process opened the one that was listed?

package measure

import (
	"fmt"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

const (
	// changed is the code of a launch, a search and an arm whose device is another one.
	changed = string(backend.Changed)

	remedyChanged = "look for the driver's messages in the kernel's log (dmesg) and for an update of the driver, and measure again when it stays as it is"
)

// opening watches what one process says of the device that it opens. Nothing that the
// process says is believed before it has said that, or after it has named another device
// than the one that was listed: no number gets into an arm that is not the arm's.
type opening struct {
	listed result.Device
	opened *result.Opened
	meter  *result.Meter
	code   string // why the process is not believed, empty when it is
	reason string
}

// child runs one process of an arm, and has on take what it says of the arm's device.
func (r *run) child(a *arm, req worker.Request, on func(worker.Event)) (opening, worker.Outcome) {
	o := opening{listed: a.Device}
	out := r.runnerOf(a).Run(r.ctx, req, r.plan.Limit, o.through(on))
	return o, o.judge(out)
}

// refuse keeps the first fault.
func (o *opening) refuse(code, format string, args ...any) {
	if o.code == "" {
		o.code, o.reason = code, fmt.Sprintf(format, args...)
	}
}

// through stands before what takes a process's events.
func (o *opening) through(on func(worker.Event)) func(worker.Event) {
	return func(e worker.Event) {
		switch e.Event {
		case worker.EventOpened:
			o.take(*e.Opened)
			return
		case worker.EventMeter:
			if e.Meter.Unavailable == "" && (o.opened == nil || e.Meter.UUID != o.opened.UUID || e.Meter.UUID == "") {
				e.Meter = &result.Meter{Unavailable: fmt.Sprintf("%s reads the card %s (%s), which is not the device that was opened", e.Meter.Library, e.Meter.Name, e.Meter.UUID)}
			}
			o.meter = e.Meter
			return
		case worker.EventTelemetry, worker.EventEnergy:
			if o.meter == nil || o.meter.Unavailable != "" {
				return // of whatever card it is
			}
		case worker.EventBuilt, worker.EventTried, worker.EventVerified, worker.EventRoundTrip, worker.EventWarmup, worker.EventSample:
			if o.opened == nil {
				o.refuse(worker.CodeProtocol, "the process sent %q before it said which device it had opened", e.Event)
			}
		}
		if o.code == "" {
			on(e)
		}
	}
}

func (o *opening) take(now result.Opened) {
	if o.opened != nil {
		o.refuse(worker.CodeProtocol, "the process opened a second device")
		return
	}
	o.opened = &now
	if text := o.listed.Opened().Changed(o.listed.ID, now); text != "" {
		o.refuse(changed, "%s", text)
	}
}

// judge is the process's outcome in view of that.
func (o *opening) judge(out worker.Outcome) worker.Outcome {
	if o.opened == nil {
		switch {
		case out.Status == result.StatusOK:
			o.refuse(worker.CodeProtocol, "the process was done without saying which device it had opened")
		case out.Code == string(backend.NoDevice), out.Code == string(backend.Absent), out.Code == string(backend.Unusable):
			// It was there, and usable, or nobody would have been sent to it.
			o.refuse(changed, "%s was %s when the devices were listed and cannot be opened now: %s", o.listed.ID, o.listed.Name, withRemedy(out.Reason, out))
		}
	}
	if o.code == "" {
		return out
	}
	out.Status, out.Code, out.Reason, out.Remedy = result.StatusFailed, o.code, o.reason, ""
	if o.code == changed {
		out.Remedy = remedyChanged
	}
	return out
}
