package measure

import (
	"strings"
	"testing"

	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// An arm whose device could not be looked at is a failed row, at once; the others are
// measured.
func TestFaultyArms(t *testing.T) {
	c := &children{scripts: map[string]*script{"cpu": {}, "vulkan:0": {}}}
	p := plan("cpu", "vulkan:0")
	p.Arms[1].Device.Unusable = "as it says"
	p.Arms[1].Fault = &Unlisted{Backend: "vulkan", Code: worker.CodeSignal, Reason: "its devices could not be listed: killed", Remedy: "update the driver"}
	o := measure(c, p)
	if o.err != nil || o.ms[0].Status != result.StatusOK {
		t.Fatalf("%v, %+v", o.err, o.ms)
	}
	if m := o.ms[1]; m.Status != result.StatusFailed || m.Code != worker.CodeSignal || m.Reason != "its devices could not be listed: killed; update the driver" || len(m.Launches) > 0 {
		t.Errorf("%+v", m)
	}
	if log := strings.Join(c.log, " "); strings.Contains(log, "vulkan") {
		t.Errorf("a process was started for it: %s", log)
	}
}
