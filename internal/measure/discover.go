// Which devices are there?

package measure

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// DefaultListLimit is the wall time for one backend's list of devices, where nobody says
// otherwise.
const DefaultListLimit = 30 * time.Second

// Listing is what the backends have shown.
type Listing struct {
	Devices []result.Device `json:"devices"`
	Absent  []result.Absent `json:"absent"`           // backends that are not there
	Failed  []Unlisted      `json:"failed,omitempty"` // and those that are, but failed when they were asked
}

// Unlisted is a backend, or one of its devices, that could not be looked at: its driver
// crashed, or hung, or answered with an error.
type Unlisted struct {
	Backend string `json:"backend"`
	Code    string `json:"code"`   // as in worker.Outcome
	Reason  string `json:"reason"` // with the last words of the process
	Remedy  string `json:"remedy,omitempty"`
}

// Discover lists the devices of all backends, each asked in a child process of its
// own that may take as long as limit; DefaultListLimit where that is 0. Devices that a
// child had listed before it failed are dropped with it.
func Discover(ctx context.Context, r Runner, backends []string, limit time.Duration) (l Listing) {
	if limit <= 0 {
		limit = DefaultListLimit
	}
	for _, name := range backends {
		var found []result.Device
		var missing *result.Absent
		out := repeatedly(ctx, crashed, func(int) worker.Outcome {
			found, missing = nil, nil
			return r.Run(ctx, worker.Request{Op: worker.OpDevices, Backend: name}, limit, func(e worker.Event) {
				switch e.Event {
				case worker.EventDevice:
					found = append(found, *e.Device)
				case worker.EventAbsent:
					missing = e.Absent
				}
			})
		})
		switch {
		case missing != nil:
			missing.Reason += lastWords(out)
			l.Absent = append(l.Absent, *missing)
		case out.Status != result.StatusOK:
			l.Failed = append(l.Failed, unlisted(name, "its devices could not be listed: ", out))
		case len(found) == 0:
			l.Absent = append(l.Absent, result.Absent{Backend: name, Reason: "it is there but has no device"})
		default:
			l.Devices = append(l.Devices, found...)
		}
	}
	return l
}

// Lost words the failed backends as absent ones, for a list in which they are rows alike.
func (l Listing) Lost() (list []result.Absent) {
	for _, u := range l.Failed {
		list = append(list, result.Absent{Backend: u.Backend, Reason: u.Reason, Remedy: u.Remedy})
	}
	return list
}

func unlisted(backend, what string, out worker.Outcome) Unlisted {
	return Unlisted{Backend: backend, Code: out.Code, Reason: what + out.Reason + lastWords(out), Remedy: out.Remedy}
}

// lastWords is what a process wrote to standard error before it failed, but for what the
// Go runtime adds to a crash, as the end of a reason.
func lastWords(out worker.Outcome) string {
	const most = 2 // lines: those before belong to something that went well
	words := out.Words()
	words = slices.DeleteFunc(words, func(line string) bool { return strings.Contains(out.Reason, line) })
	if len(words) == 0 {
		return ""
	}
	return fmt.Sprintf("; its last words: %s", strings.Join(words[max(0, len(words)-most):], " | "))
}

// Find looks at one device by its id, which its backend need not list: cpu:1:avx2,
// for one. The outcome says why there is no such device where its status is not ok.
func Find(ctx context.Context, r Runner, backend, id string, limit time.Duration) (result.Device, worker.Outcome) {
	if limit <= 0 {
		limit = DefaultListLimit
	}
	var found *result.Device
	out := repeatedly(ctx, crashed, func(int) worker.Outcome {
		found = nil
		return r.Run(ctx, worker.Request{Op: worker.OpDevices, Backend: backend, Device: id}, limit, func(e worker.Event) {
			if e.Event == worker.EventDevice {
				found = e.Device
			}
		})
	})
	switch {
	case out.Status != result.StatusOK:
		return result.Device{}, out
	case found == nil || found.ID != id:
		return result.Device{}, worker.Outcome{Status: result.StatusFailed, Code: worker.CodeProtocol, Reason: "the process was asked for one device and named another or none"}
	}
	return *found, out
}

// NotThere reports whether an outcome of Find says that there is no such device, or
// none that can be used. Any other failure is one of the device, or of its driver.
func NotThere(out worker.Outcome) bool {
	switch backend.Kind(out.Code) {
	case backend.NoDevice, backend.Absent, backend.Unusable, backend.Limit, worker.CodeInterrupted:
		return true
	}
	return false
}

// Lost is the device that a failed outcome of Find is about.
func Lost(backend string, out worker.Outcome) Unlisted {
	return unlisted(backend, "the device could not be looked at: ", out)
}
