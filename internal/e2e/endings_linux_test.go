// Drivers that end badly: in a list, in a submit, in a close, or by writing where they
// should not.

package e2e

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

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
	for _, r := range doc.Ratios {
		if r.Fast == m.ID || r.Slow == m.ID {
			t.Errorf("ratio %+v of a device without a figure", r)
		}
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

// A driver that fails while devices are listed is a failed row with its last words, by
// name and unasked; all else is measured, and --timeout holds there, too.
func TestListingThatFails(t *testing.T) {
	for _, tt := range []struct {
		fault, code string
		flags       []string
		device      string // of the row
		words       []string
	}{
		{"listing aborts", worker.CodeSignal, []string{"--device", "cpu,vulkan:0"}, "vulkan:0",
			[]string{"its devices could not be listed: the process was killed by SIGABRT while listing the devices", "its last words: MESA-VIRTIO: debug: vn_ring_submit abort on fatal"}},
		{"listing aborts", worker.CodeSignal, nil, "vulkan", []string{"killed by SIGABRT while listing the devices"}},
		{"listing crashes", worker.CodeSignal, []string{"--backend", "cpu,vulkan"}, "vulkan", []string{"killed by SIGSEGV while listing the devices"}},
		{"listing exits", worker.CodeExit, []string{"--device", "cpu,vulkan"}, "vulkan", []string{"exited with status 9", "its last words: the driver has had enough"}},
		{"listing hangs", worker.CodeTimeLimit, []string{"--device", "cpu,vulkan:0", "--timeout", "2s"}, "vulkan:0",
			[]string{"ended by its time limit of 2 s while listing the devices", "its last words: waiting for the ring of the host", "--timeout"}},
		{"listing loses the device", "device-lost", []string{"--baseline", "cpu", "--device", "vulkan:0,cpu"}, "vulkan:0", []string{"vkEnumeratePhysicalDevices: VK_ERROR_DEVICE_LOST"}},
	} {
		t.Run(tt.fault+strings.Join(tt.flags, " "), func(t *testing.T) {
			flags := slices.DeleteFunc(slices.Clone(faulty), func(f string) bool { return f == "--backend" || f == "cpu,vulkan" })
			a := ending(t, tt.fault, slices.Concat(flags, tt.flags)...)
			doc := a.document(t, 1)
			m := wantFailed(t, doc, tt.device, tt.code, tt.words...)
			if !strings.Contains(a.stderr, m.Reason) {
				t.Errorf("standard error does not give the reason: %s", a.stderr)
			}
			for _, absent := range doc.Absent {
				if absent.Backend == "vulkan" {
					t.Errorf("vulkan is called absent: %+v", absent)
				}
			}
		})
	}
}

func TestDevicesThatCannotBeListed(t *testing.T) {
	for fault, words := range map[string]string{
		"listing aborts": "killed by SIGABRT",
		"listing hangs":  "ended by its time limit of 2 s",
	} {
		for _, form := range [][]string{nil, {"--json"}} {
			a := ending(t, fault, slices.Concat([]string{"devices", "--timeout", "2s"}, form)...)
			if a.code != 1 || !strings.Contains(a.stderr, "vulkan: its devices could not be listed: the process was "+words) || !strings.Contains(a.stdout, "could not be listed") || !strings.Contains(a.stdout, "cpu") {
				t.Errorf("%s: exit code %d\n%s%s", fault, a.code, a.stdout, a.stderr)
			}
		}
	}
	// What is merely absent is no failure, and its driver's words stand beside the reason.
	a := ending(t, "the server is gone", "devices")
	if a.code != 0 || !strings.Contains(strings.Join(strings.Fields(a.stdout), " "), "its last words: MESA-VIRTIO: vtest: failed to connect to /tmp/.virgl_test") {
		t.Errorf("exit code %d\n%s%s", a.code, a.stdout, a.stderr)
	}
}

// A driver that takes its process into another group and stops it there neither outlives
// the run nor is called stuck.
func TestADriverThatLeavesItsGroup(t *testing.T) {
	a := ending(t, "the group is left and the process stopped", slices.Concat(faulty, []string{"--timeout", "2s"})...)
	m := wantFailed(t, a.document(t, 1), "vulkan:0", worker.CodeTimeLimit, "time limit of 2 s")
	if strings.Contains(m.Reason, "could not be killed") {
		t.Errorf("reason %q", m.Reason)
	}
}

// Closing is told from sampling, and a device that hangs in every launch costs two time
// limits, whatever --launches says.
func TestADriverThatFailsWhenItIsClosed(t *testing.T) {
	for fault, tt := range map[string]struct {
		code  string
		flags []string
		words []string
	}{
		"closing aborts": {worker.CodeSignal, nil, []string{"none of 2 launches succeeded; launch 1: the process was killed by SIGABRT while closing the device"}},
		"closing hangs": {worker.CodeTimeLimit, []string{"--launches", "3", "--timeout", "8s"},
			[]string{"none of 2 launches succeeded; no more were started when 2 in a row had hung", "time limit of 8 s while closing the device"}},
	} {
		t.Run(fault, func(t *testing.T) {
			a := ending(t, fault, slices.Concat(faulty, tt.flags)...)
			m := wantFailed(t, a.document(t, 1), "vulkan:0", tt.code, tt.words...)
			if len(m.Launches) != 2 {
				t.Errorf("%d launches", len(m.Launches))
			}
			for _, l := range m.Launches {
				if len(l.Samples) == 0 || !strings.Contains(l.Reason, "while closing the device") {
					t.Errorf("%d samples, %s", len(l.Samples), l.Reason)
				}
			}
		})
	}
}

// A process that is stopped while samples are taken marks them, and the row says so.
func TestAStoppedLaunch(t *testing.T) {
	cmd := exec.Command(gpubench(t), "run", "--device", "cpu:1", "--baseline", "cpu:1", "--size", "256", "--launches", "1", "--warmup", "1ms", "--min-time", "3s", "--precision", "0.01%", "--limits=false", "--json", "-")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		cmd.Wait() // the exit code says it
		close(done)
	}()
	for running := true; running; { // some stops come between two batches, or meet the search
		for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
			for _, child := range children(t, cmd.Process.Pid) {
				syscall.Kill(child, signal)
			}
			select {
			case <-done:
				running = false
			case <-time.After(300 * time.Millisecond):
			}
		}
	}
	doc := answer{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}.document(t, 0)
	m := measured(t, doc, "cpu:1")
	frozen := 0
	for _, x := range slices.Concat(m.Launches[0].Warmup, m.Launches[0].Samples) {
		if slices.Contains(x.Flags, "frozen") {
			frozen++
		}
	}
	if frozen == 0 || !slices.Contains(codes(m.Warnings), "frozen") {
		t.Errorf("%d of %d samples are frozen, warnings %q", frozen, len(m.Launches[0].Samples), codes(m.Warnings))
	}
}
