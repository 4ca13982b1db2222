//go:build !helper

package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"gpubench/internal/measure"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// A backend whose devices could not be listed stands in the choice with the devices that
// were named of it, or by its name, and costs no other device.
func TestDevicesThatCouldNotBeListed(t *testing.T) {
	cpu := result.Device{ID: "cpu", Backend: "cpu"}
	failed := []measure.Unlisted{{Backend: "vulkan", Code: worker.CodeSignal, Reason: "killed"}}
	for _, tt := range []struct {
		name   string
		want   selection
		found  []result.Device
		failed []measure.Unlisted
		chosen []string
		lost   []string
	}{
		{"by default", selection{}, []result.Device{cpu}, failed, []string{"cpu", "vulkan"}, []string{"vulkan"}},
		{"a device by name", selection{devices: []string{"vulkan:0"}}, nil, failed, []string{"vulkan:0"}, []string{"vulkan:0"}},
		{"two of them", selection{devices: []string{"cpu", "vulkan:0", "vulkan:1"}}, []result.Device{cpu}, failed, []string{"cpu", "vulkan:0", "vulkan:1"}, []string{"vulkan:0", "vulkan:1"}},
		{"one twice", selection{devices: []string{"vulkan:0", "vulkan:0"}}, nil, failed, []string{"vulkan:0"}, []string{"vulkan:0"}},
		{"all of them", selection{devices: []string{"cpu", "vulkan"}}, []result.Device{cpu}, failed, []string{"cpu", "vulkan"}, []string{"vulkan"}},
		{"the backend by name", selection{backends: []string{"cpu", "vulkan"}}, []result.Device{cpu}, failed, []string{"cpu", "vulkan"}, []string{"vulkan"}},
		{"as the baseline", selection{baseline: "vulkan:0"}, []result.Device{cpu}, failed, []string{"vulkan:0", "cpu"}, []string{"vulkan:0"}},
		{"the CPU", selection{}, []result.Device{{ID: "vulkan:0", Backend: "vulkan"}}, []measure.Unlisted{{Backend: "cpu", Code: worker.CodeSignal, Reason: "killed"}}, []string{"cpu", "vulkan:0"}, []string{"cpu"}},
		{"one that is looked at by itself", selection{devices: []string{"cpu:7", "cpu"}}, []result.Device{cpu}, nil, []string{"cpu", "cpu:7"}, []string{"cpu:7"}},
		{"nothing fails", selection{}, []result.Device{cpu}, nil, []string{"cpu"}, nil},
	} {
		if tt.want.baseline == "" {
			tt.want.baseline = "cpu"
		}
		lost := faults{}
		found := append(tt.found, lost.stand(tt.want, tt.failed)...)
		found, err := tt.want.find(found, nil, lost.look(context.Background(), crashing{}, time.Second))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		chosen, err := tt.want.choose(found, nil)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		lost.mark(chosen)
		var ids, unusable []string
		for _, d := range chosen {
			ids = append(ids, d.ID)
			if u := lost.of(d.ID); (u != nil) != (d.Unusable != "") || u != nil && (d.Backend != backendOf(d.ID) || u.Code != worker.CodeSignal) {
				t.Errorf("%s: %s is unusable because %q, fault %+v", tt.name, d.ID, d.Unusable, u)
			}
			if d.Unusable != "" {
				unusable = append(unusable, d.ID)
			}
		}
		if !slices.Equal(ids, tt.chosen) || !slices.Equal(unusable, tt.lost) {
			t.Errorf("%s: chosen %q, of which %q are lost, want %q and %q", tt.name, ids, unusable, tt.chosen, tt.lost)
		}
	}
}

// What says that there is no such device is no fault.
func TestDevicesThatAreNotThere(t *testing.T) {
	lost := faults{}
	look := lost.look(context.Background(), crashing{code: "no-device"}, time.Second)
	if _, out := look("cpu", "cpu:9"); out.Status == result.StatusOK || len(lost) > 0 {
		t.Errorf("%+v, faults %v", out, lost)
	}
}

// crashing is a Runner whose processes all fail.
type crashing struct{ code string }

func (c crashing) Run(context.Context, worker.Request, time.Duration, func(worker.Event)) worker.Outcome {
	if c.code == "" {
		c.code = worker.CodeSignal
	}
	return worker.Outcome{Status: result.StatusFailed, Code: c.code, Reason: "killed"}
}
