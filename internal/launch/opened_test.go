package launch

import (
	"errors"
	"strings"
	"testing"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// requests are one of each kind that works on a device.
func requests() []worker.Request {
	search, fma, empty := launchRequest(), launchRequest(), launchRequest()
	search.Op, search.Specialization = worker.OpSearch, nil
	fma.Kernel, fma.Problem = backend.KernelFMA, backend.Problem{M: 64, N: 32, K: 16}
	empty.Kernel, empty.Specialization = backend.KernelEmpty, nil
	return []worker.Request{launchRequest(), search, fma, empty}
}

// Whatever a process does on a device, it says first which one it has; and it does nothing
// on another one than it was sent to.
func TestOpenedFirst(t *testing.T) {
	for _, req := range requests() {
		f := &fake{}
		here := f.Info().Opened()
		for _, expect := range []*result.Opened{nil, &here} {
			if req.Kernel == backend.KernelFMA {
				continue // which the fake device does not have
			}
			req.Expect = expect
			got, err := handled(t, f, req)
			if err != nil || len(got) == 0 || got[0].Event != worker.EventOpened || *got[0].Opened != here {
				t.Errorf("%s %s: %s", req.Op, req.Kernel, got.kinds())
			}
			if n := strings.Count(got.kinds(), "opened"); n != 1 {
				t.Errorf("%s %s: %d devices opened, %v", req.Op, req.Kernel, n, err)
			}
		}

		another := here
		another.Name, another.UUID = "NVIDIA GeForce", "f1"
		req.Expect = &another
		f = &fake{}
		got, err := handled(t, f, req)
		var be *backend.Error
		if !errors.As(err, &be) || be.Kind != backend.Changed || be.Remedy == "" || got.kinds() != "opened, phase close" || len(f.built) > 0 || f.closed != 1 {
			t.Errorf("%s %s: %v, events %s, built %v, closed %d", req.Op, req.Kernel, err, got.kinds(), f.built, f.closed)
		}
		for _, words := range []string{"fake:0 was NVIDIA GeForce when the devices were listed and is Go now", "UUID (f1, f0)"} {
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%v, want %q in it", err, words)
			}
		}
	}
}

// A launch says which card its readings are of, or why it has none; those of another card
// are none of its.
func TestMeterSaysItsCard(t *testing.T) {
	m := &fakeMeter{watts: 300}
	got, err := handled(t, metered(m), launchRequest())
	if e := got.last(worker.EventMeter); err != nil || e.Meter == nil || *e.Meter != (result.Meter{Library: "NVML", Name: "the card", UUID: "f0"}) || len(got.telemetry()) == 0 {
		t.Errorf("%v, %+v, %d readings", err, e.Meter, len(got.telemetry()))
	}

	m = &fakeMeter{watts: 300, of: "f1"}
	got, err = handled(t, metered(m), launchRequest())
	e := got.last(worker.EventMeter)
	if err != nil || e.Meter == nil || e.Meter.UUID != "" || e.Meter.Unavailable != "NVML reads the card the card (f1), and the device is Go (f0)" {
		t.Errorf("another card: %v, %+v", err, e.Meter)
	}
	if len(got.telemetry()) > 0 || got.last(worker.EventEnergy).Energy != nil || m.reads.Load() > 0 || m.closed.Load() != 1 || len(got.samples(worker.EventSample)) == 0 {
		t.Errorf("another card: %d readings, closed %d times", len(got.telemetry()), m.closed.Load())
	}
	got, err = handled(t, metered(m), worker.Request{Op: worker.OpDevices, Backend: "fake"})
	if err != nil || !strings.Contains(got[0].Device.NVML.Unavailable, "f1") {
		t.Errorf("listed: %v, %+v", err, got[0].Device.NVML)
	}
}
