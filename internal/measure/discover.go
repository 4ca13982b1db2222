// Which devices are there?

package measure

import (
	"context"
	"time"

	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// discoverLimit is the wall time for one backend's list of devices.
const discoverLimit = 30 * time.Second

// Discover lists the devices of all backends, each asked in a child process of its
// own. A backend that is not there, or whose child keeps failing, is absent with
// the reason; devices that a failing child had listed are dropped with it.
func Discover(ctx context.Context, r Runner, backends []string) (devices []result.Device, absent []result.Absent) {
	for _, name := range backends {
		var found []result.Device
		var missing *result.Absent
		out := repeatedly(ctx, crashed, func(int) worker.Outcome {
			found, missing = nil, nil
			return r.Run(ctx, worker.Request{Op: worker.OpDevices, Backend: name}, discoverLimit, func(e worker.Event) {
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
			absent = append(absent, *missing)
		case out.Status != result.StatusOK:
			absent = append(absent, result.Absent{Backend: name, Reason: "its devices could not be listed: " + out.Reason, Remedy: out.Remedy})
		case len(found) == 0:
			absent = append(absent, result.Absent{Backend: name, Reason: "it is there but has no device"})
		default:
			devices = append(devices, found...)
		}
	}
	return devices, absent
}

// Find looks at one device by its id, which its backend need not list: cpu:1:avx2,
// for one. The outcome says why there is no such device where its status is not ok.
func Find(ctx context.Context, r Runner, backend, id string) (result.Device, worker.Outcome) {
	var found *result.Device
	out := repeatedly(ctx, crashed, func(int) worker.Outcome {
		found = nil
		return r.Run(ctx, worker.Request{Op: worker.OpDevices, Backend: backend, Device: id}, discoverLimit, func(e worker.Event) {
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
