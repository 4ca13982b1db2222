package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gpubench/internal/result"
)

func TestThisMachine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "result.json")
	cmd := exec.Command(gpubench(t), "run", "--limits=false", "--device", "cpu,vulkan", "--size", "512", "--launches", "3", "--min-time", "300ms", "--precision", "5%", "--json", file)
	cmd.Env = onSoftware(t, "COLUMNS=100")
	a := finish(t, cmd)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, a.stderr)
	}
	table := a.stdout
	a.stdout = string(text)
	doc := a.document(t, 0)
	if a.stderr != "" {
		t.Errorf("said to no terminal: %s", a.stderr)
	}

	wantSoftware(t, doc)
	cpu, vulkan := measured(t, doc, "cpu"), measured(t, doc, "vulkan:0")
	for _, m := range []result.Measurement{cpu, vulkan} {
		wantOK(t, m)
		for _, l := range m.Launches {
			if l.Status != result.StatusOK || l.Signal != "" {
				t.Errorf("%s: launch %+v", m.Device, l)
			}
		}
		if len(m.Launches) != 3 || m.Problem.M != 512 || m.Problem.N != 512 || m.Problem.K != 512 {
			t.Errorf("%s: %d launches of %+v", m.Device, len(m.Launches), m.Problem)
		}
	}
	wantSame(t, cpu, vulkan)
	// On every machine the driver is slower by far than our own code for the CPU.
	ratios := slices.DeleteFunc(doc.Ratios, func(r result.Ratio) bool { return r.Fast != vulkan.ID })
	if len(ratios) != 1 {
		t.Fatalf("ratios of vulkan:0 %+v, want one", ratios)
	}
	if r := ratios[0]; r.Slow != cpu.ID || r.CI95 == nil || !(r.CI95[0] <= r.Value && r.Value <= r.CI95[1] && r.CI95[1] < 1) {
		t.Errorf("ratio %+v with %v, want one to cpu with an interval below 1", r, r.CI95)
	}

	// The words around the tables may speak of GPUs; the rows of this device may not.
	rows := 0
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if strings.Contains(line, "llvmpipe") && strings.Contains(line, " GPU ") {
			t.Errorf("a line that may be read as calling it a GPU: %s", line)
		}
		if len(fields) < 2 || fields[0] != "vulkan:0" {
			continue
		}
		if fields[1] == "empty" || fields[1] == "fma" { // what limits it
			continue
		}
		rows++
		if fields[1] != "software" || strings.Contains(line, "GPU") {
			t.Errorf("row of a software device: %s", line)
		}
	}
	if rows != 2 { // among the devices, and in the table of the size
		t.Errorf("%d rows of vulkan:0, want 2\n%s", rows, table)
	}
}

// What a newcomer gets from `make run`, up to the time that it takes, which
// depends on the machine and is only told.
func TestDefaultRun(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute, and -short was asked for")
	}
	file := filepath.Join(t.TempDir(), "result.json")
	cmd := exec.Command(gpubench(t), "run", "--json", file)
	cmd.Env = onSoftware(t)
	started := time.Now()
	a := finish(t, cmd)
	t.Logf("gpubench run took %.1f s", time.Since(started).Seconds())
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, a.stderr)
	}
	t.Logf("\n%s", a.stdout)
	a.stdout = string(text)
	doc := a.document(t, 0)
	cpu, vulkan := measured(t, doc, "cpu"), measured(t, doc, "vulkan:0")
	wantOK(t, cpu)
	wantOK(t, vulkan)
	wantSame(t, cpu, vulkan)
}
