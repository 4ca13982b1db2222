//go:build !helper

// Devices that could not be looked at: they are measured like others, and fail.

package main

import (
	"context"
	"time"

	"gpubench/internal/measure"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// faults are the devices that could not be looked at, by their ids.
type faults map[string]measure.Unlisted

// stand returns a device for each that was named of a backend whose devices could not be
// listed, or one with the backend's name.
func (f faults) stand(s selection, failed []measure.Unlisted) (devices []result.Device) {
	for _, u := range failed {
		_, named := s.named(nil)
		ids := []string{}
		for _, id := range named {
			if backendOf(id) == u.Backend {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			ids = []string{u.Backend}
		}
		for _, id := range ids {
			if _, again := f[id]; !again {
				devices = append(devices, f.add(id, u))
			}
		}
	}
	return devices
}

func (f faults) add(id string, u measure.Unlisted) result.Device {
	f[id] = u
	return result.Device{ID: id, Backend: u.Backend, Class: result.ClassOther, Limits: map[string]uint64{}}
}

// look returns what looks at one device. One whose driver fails is there all the same.
func (f faults) look(ctx context.Context, r measure.Runner, limit time.Duration) func(backend, id string) (result.Device, worker.Outcome) {
	return func(backend, id string) (result.Device, worker.Outcome) {
		d, out := measure.Find(ctx, r, backend, id, limit)
		if out.Status == result.StatusOK || measure.NotThere(out) {
			return d, out
		}
		return f.add(id, measure.Lost(backend, out)), worker.Outcome{Status: result.StatusOK}
	}
}

// mark says in the devices why they cannot be used, once they have been chosen.
func (f faults) mark(devices []result.Device) {
	for i := range devices {
		if u, ok := f[devices[i].ID]; ok {
			devices[i].Unusable = u.Reason
		}
	}
}

// of is the fault of a device, nil for none.
func (f faults) of(id string) *measure.Unlisted {
	if u, ok := f[id]; ok {
		return &u
	}
	return nil
}
