// NVIDIA's telemetry through the whole program. There is no card here: the libraries of
// its driver are ones of the tests, found as the real ones are. cuBLAS's multiplies.

package e2e

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/analysis"
	"gpubench/internal/meter"
	"gpubench/internal/result"
)

// telemetered are the flags of a run on the stand-in's card.
var telemetered = []string{"run", "--device", "cublas:0", "--limits=false", "--size", "64", "--launches", "2", "--json", "-"}

// withNVML adds the stand-in for NVML to the others.
func withNVML(t *testing.T, env []string) {
	t.Helper()
	var dir string
	for _, v := range env {
		if d, ok := strings.CutPrefix(v, "LD_LIBRARY_PATH="); ok {
			dir = d // the last one counts
		}
	}
	source := filepath.Join(repository(t), "nvml", "testdata", "standin", "libnvidia-ml.c")
	if out, err := exec.Command(tool(t, "cc"), "-shared", "-fPIC", "-DWHOLE", "-o", filepath.Join(dir, "libnvidia-ml.so.1"), source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// warned reports whether there is a warning of this code.
func warned(list []result.Warning, code string) bool {
	return slices.ContainsFunc(list, func(w result.Warning) bool { return w.Code == code })
}

func TestTelemetry(t *testing.T) {
	program, env := gpubench(t), standIn(t)
	withNVML(t, env)
	cmd := exec.Command(program, telemetered...)
	cmd.Env = env
	doc := finish(t, cmd).document(t, 0)
	for _, d := range doc.Devices {
		switch n := d.NVML; {
		case d.Backend != "cuda" && d.Backend != "cublas":
			if n != nil {
				t.Errorf("%s: %+v", d.ID, n)
			}
		case n == nil || n.Driver != "550.54.15" || n.Unavailable != "" || !slices.Contains(n.Missing, "ECC (not in this driver)"):
			t.Errorf("%s: %+v", d.ID, n)
		}
	}
	if warned(doc.Warnings, "no-telemetry") {
		t.Errorf("%+v", doc.Warnings)
	}
	m := measured(t, doc, "cublas:0")
	wantOK(t, m)
	if !warned(m.Warnings, meter.PowerCap) {
		t.Errorf("%+v", m.Warnings)
	}
	for i, l := range m.Launches {
		if l.Opened == nil || l.Meter == nil || l.Meter.Library != "NVML" || l.Meter.UUID != l.Opened.UUID || l.Meter.UUID != "000102030405060708090a0b0c0d0e0f" {
			t.Errorf("launch %d: opened %+v, meter %+v", i, l.Opened, l.Meter)
		}
		for j, s := range slices.Concat(l.Samples, l.Warmup) {
			if !slices.Contains(s.Flags, meter.PowerCap) || slices.Contains(s.Flags, meter.Shared) {
				t.Errorf("launch %d, sample %d: %v", i, j, s.Flags)
			}
		}
		seen := map[string]int{}
		for _, r := range l.Telemetry {
			seen[r.When]++
			v := r.Values
			if v[meter.SMClock] != 1410 || v[meter.MemoryClock] != 2619 || v[meter.Power] != 300 || v[meter.Temperature] != 61 || v[meter.Reasons] != 4 {
				t.Errorf("launch %d: %+v", i, r)
			}
		}
		if seen[result.Before] == 0 || seen[result.Before] != seen[result.After] {
			t.Errorf("launch %d: %v readings", i, seen)
		}
		if e := l.Energy; e == nil || e.Joules <= 0 || e.FLOP == 0 || !strings.Contains(e.Source, "nvmlDeviceGetTotalEnergyConsumption") {
			t.Errorf("launch %d: energy %+v", i, e)
		} else if e.WindowS >= 1 && m.Summary.FLOPPerJoule == nil {
			t.Errorf("launch %d: energy %+v, but the row has none", i, e)
		}
	}
	if err := analysis.Check(doc); err != nil {
		t.Error(err)
	}
}

// Without the library all else is there, and the result says what is missing.
func TestWithoutTelemetry(t *testing.T) {
	cmd := exec.Command(gpubench(t), telemetered...)
	cmd.Env = standIn(t)
	doc := finish(t, cmd).document(t, 0)
	m := measured(t, doc, "cublas:0")
	wantOK(t, m)
	for _, d := range doc.Devices {
		if d.ID == "cublas:0" && d.NVML != nil && d.NVML.Unavailable == "" {
			t.Skip("NVIDIA's library is installed here")
		}
	}
	n := 0
	for _, w := range doc.Warnings {
		if w.Code == "no-telemetry" {
			n++
			for _, words := range []string{"cublas:0 go unseen here: libnvidia-ml.so.1 cannot be loaded", "NVIDIA_DRIVER_CAPABILITIES"} {
				if !strings.Contains(w.Text, words) {
					t.Errorf("%q, want %q in it", w.Text, words)
				}
			}
		}
	}
	if n != 1 {
		t.Errorf("%d warnings of it: %+v", n, doc.Warnings)
	}
	for i, l := range m.Launches {
		if len(l.Telemetry) > 0 || l.Energy != nil {
			t.Errorf("launch %d: %d readings, energy %v", i, len(l.Telemetry), l.Energy)
		}
		if l.Meter == nil || !strings.Contains(l.Meter.Unavailable, "libnvidia-ml.so.1 cannot be loaded") {
			t.Errorf("launch %d: meter %+v", i, l.Meter)
		}
	}
}
