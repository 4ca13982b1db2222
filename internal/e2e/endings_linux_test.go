// Drivers that end badly: in a list, in a submit, in a close, or by writing where they
// should not.

package e2e

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// ending runs the program with a driver that ends in this way.
func ending(t *testing.T, fault string, args ...string) answer {
	t.Helper()
	cmd := exec.Command(gpubench(t), args...)
	cmd.Env = append(driverLayer(t, "endings"), "GPUBENCH_ENDING="+fault)
	mark := marking(cmd)
	a := finish(t, cmd)
	wantNoneLeft(t, mark)
	return a
}

// wantFailed checks a failed measurement, beside a CPU that has been measured.
func wantFailed(t *testing.T, doc *result.Document, device, code string, words ...string) result.Measurement {
	t.Helper()
	wantOK(t, measured(t, doc, "cpu"))
	m := measured(t, doc, device)
	if m.Status != result.StatusFailed || m.Code != code || m.Summary != nil {
		t.Errorf("%s: %s, code %q (%s), summary %v, want failed, %q, none", device, m.Status, m.Code, m.Reason, m.Summary, code)
	}
	for _, w := range words {
		if !strings.Contains(m.Reason, w) {
			t.Errorf("%s: reason %q, want %q in it", device, m.Reason, w)
		}
	}
	if len(doc.Ratios) > 0 {
		t.Errorf("ratios %+v, want none", doc.Ratios)
	}
	return m
}

func TestADriverThatForgesSamples(t *testing.T) {
	a := ending(t, "samples are written to every pipe", faulty...)
	m := wantFailed(t, a.document(t, 1), "vulkan:0", worker.CodeProtocol, `printed something that is no event: "{\"event\":\"sample\",\"sample\":{\"host_s\":0.000001,`, "a driver or a library wrote it")
	for _, l := range m.Launches {
		if len(l.Samples)+len(l.Warmup) > 0 {
			t.Errorf("%d samples of a launch whose first submit forges", len(l.Samples)+len(l.Warmup))
		}
	}
}

func TestADriverThatClosesThePipes(t *testing.T) {
	a := ending(t, "every pipe is closed", slices.Concat(faulty, []string{"--timeout", "20s"})...)
	wantFailed(t, a.document(t, 1), "vulkan:0", worker.CodeExit, "the pipe of its events was closed or replaced under it", "update the driver")
}
