// Drivers that fail: a run loses the device, or the launch, and nothing else.

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// faultLayer is the environment that puts the layer of faults before the driver.
// GPUBENCH_FAULT names the fault.
func faultLayer(t *testing.T) []string {
	t.Helper()
	return driverLayer(t, "fault")
}

// driverLayer builds a Vulkan layer of package vk's tests, and returns the environment
// that puts it before the driver.
func driverLayer(t *testing.T, name string) []string {
	t.Helper()
	compiler := tool(t, "cc")
	dir := t.TempDir()
	layer := filepath.Join(dir, "layer.so")
	source := filepath.Join(repository(t), "vk", "testdata", name+"_layer.c")
	if _, err := os.Stat(source); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(compiler, "-shared", "-fPIC", "-o", layer, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	manifest := fmt.Sprintf(`{"file_format_version": "1.2.0", "layer": {"name": "VK_LAYER_GPUBENCH_%s", "type": "GLOBAL",
		"library_path": %q, "api_version": "1.3.0", "implementation_version": "1", "description": "makes faults"}}`, name, layer)
	if err := os.WriteFile(filepath.Join(dir, "layer.json"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	return onSoftware(t, "VK_LAYER_PATH="+dir, "VK_INSTANCE_LAYERS=VK_LAYER_GPUBENCH_"+name, "NODEVICE_SELECT=1")
}

// faulty are the flags of runs with a driver that fails. Its tiles lie below one another
// in a C of this shape, and are whole.
var faulty = []string{"run", "--backend", "cpu,vulkan", "--size", "128x64x64", "--launches", "2", "--warmup", "100ms", "--min-time", "50ms", "--precision", "20%", "--limits=false", "--json", "-"}

func TestFailingDrivers(t *testing.T) {
	program, env := gpubench(t), faultLayer(t)
	const (
		inSearch = iota // so that there was no launch
		inLaunch
		inEither // as the driver's speed makes it
	)
	long := []string{"--min-time", "500ms"} // there are more than twenty runs
	wrong := string(backend.WrongResult)
	for _, tt := range []struct {
		fault  string
		flags  []string
		exit   int
		code   string
		reason []string
		found  int
	}{
		{"abort in submit", nil, 1, worker.CodeSignal, []string{"killed by SIGABRT", "while searching"}, inSearch},
		{"lost in submit", nil, 1, string(backend.DeviceLost), []string{"vkQueueSubmit: VK_ERROR_DEVICE_LOST", "dmesg"}, inSearch},
		{"lost in wait", nil, 1, string(backend.DeviceLost), []string{"vkWaitForFences: VK_ERROR_DEVICE_LOST", "dmesg"}, inSearch},
		{"lost after the twentieth run", long, 1, string(backend.DeviceLost), []string{"none of 2 launches succeeded; launch 1: batch 21: run ", "vkQueueSubmit: VK_ERROR_DEVICE_LOST", "dmesg"}, inLaunch},
		{"out of device memory after the twentieth run", long, 1, string(backend.OutOfMemory), []string{"launch 1: batch 21: run ", "vkQueueSubmit: VK_ERROR_OUT_OF_DEVICE_MEMORY", "close what else uses"}, inLaunch},
		{"the fence never signals", []string{"--timeout", "3s"}, 1, worker.CodeTimeLimit, []string{"time limit of 3 s", "the driver may hang", "--timeout"}, inSearch},
		{"submit hangs", []string{"--timeout", "3s"}, 1, worker.CodeTimeLimit, []string{"time limit of 3 s", "the driver may hang", "--timeout"}, inSearch},
		{"the fence is early", nil, 3, wrong, []string{"none of ", "the fence signalled before the batch was finished, so its time means nothing", "update the driver"}, inSearch},
		{"runs are dropped after the twentieth", long, 3, wrong, []string{"launch 1: batch 21: run ", "the fence signalled, but the batch was dropped"}, inLaunch},
		{"every dispatch is dropped", nil, 3, wrong, []string{"none of ", "C[0,0] was never written"}, inSearch},
		{"a dispatch is dropped", nil, 3, wrong, []string{" was dropped: its part of C was never written"}, inEither},
		{"the last workgroup of every dispatch is skipped", nil, 3, wrong, []string{"none of ", "] was never written"}, inSearch},
		// Where it is the last dispatch of a batch, what the one before it left stands there
		// instead: its trace is never written, or an element is wrong.
		{"the last workgroup of a dispatch is skipped", nil, 3, wrong, nil, inEither},
		// An element of the last C is shown when the fence is seen, and is what the region was filled with.
		{"copies do not wait for dispatches", nil, 3, wrong, []string{"none of ", "the fence signalled before the batch was finished, so its time means nothing: an element of the last C was NaN then"}, inSearch},
		{"the middle of some dispatches is missing", []string{"--size", "640x64x64", "--min-time", "1s"}, 3, wrong, nil, inEither},
		{"products are remembered, whatever A is", long, 3, wrong, []string{"launch 1: batch 2"}, inLaunch},
		{"single dispatches and their fills are lost", []string{"--size", "512", "--min-time", "1s"}, 3, wrong, nil, inEither},
		{"an element is flipped in some runs", long, 3, wrong, []string{"launch 1: batch 21: ", "C[64,0] is ", "should be "}, inLaunch},
		{"an element is doubled or halved in some runs", long, 3, wrong, []string{"launch 1: batch 21: ", "C[64,0] is ", "should be "}, inLaunch},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			flags := slices.Clone(faulty)
			if i := slices.Index(flags, "--size"); slices.Contains(tt.flags, "--size") {
				flags = slices.Delete(flags, i, i+2)
			}
			cmd := exec.Command(program, slices.Concat(flags, tt.flags)...)
			cmd.Env = append(slices.Clone(env), "GPUBENCH_FAULT="+tt.fault)
			mark := marking(cmd)
			a := finish(t, cmd)
			wantNoneLeft(t, mark)
			doc := a.document(t, tt.exit)
			wantOK(t, measured(t, doc, "cpu"))
			m := measured(t, doc, "vulkan:0")
			if m.Status != result.StatusFailed || m.Code != tt.code || m.Summary != nil || tt.found != inEither && (len(m.Launches) == 0) != (tt.found == inSearch) {
				t.Errorf("vulkan:0 %s, code %q, summary %v, %d launches, want failed, %q, none", m.Status, m.Code, m.Summary, len(m.Launches), tt.code)
			}
			for _, words := range tt.reason {
				if !strings.Contains(m.Reason, words) {
					t.Errorf("reason %q, want %q in it", m.Reason, words)
				}
			}
			if !strings.Contains(a.stderr, m.Reason) {
				t.Errorf("standard error does not give the reason: %s", a.stderr)
			}
			for _, r := range doc.Ratios {
				if r.Fast == m.ID || r.Slow == m.ID {
					t.Errorf("ratio %+v of a device without a figure", r)
				}
			}
		})
	}
}

// A driver that remembers products, to answer at once when the same A and B are multiplied again,
// never sees the same A again: it has to compute, and gains nothing.
func TestRememberedProducts(t *testing.T) {
	cmd := exec.Command(gpubench(t), slices.Concat(faulty, []string{"--limits", "--min-time", "500ms"})...)
	cmd.Env = append(faultLayer(t), "GPUBENCH_FAULT=products are remembered")
	a := finish(t, cmd)
	doc := a.document(t, 0)
	m := measured(t, doc, "vulkan:0")
	wantOK(t, m)
	if m.Peak == nil || m.Peak.Share > 1 || slices.Contains(codes(m.Warnings), "impossible") {
		t.Errorf("peak %+v, warnings %q", m.Peak, codes(m.Warnings))
	}
}

// Where nothing bounds the rates, the table says so.
func TestNoBound(t *testing.T) {
	file := filepath.Join(t.TempDir(), "result.json")
	for flag, want := range map[string]bool{"--limits=false": true, "--limits": false} {
		cmd := exec.Command(gpubench(t), "run", "--device", "cpu", "--size", "64", "--launches", "1", "--warmup", "50ms", "--min-time", "50ms", "--precision", "20%", flag, "--json", file)
		a := finish(t, cmd)
		if a.code != 0 || strings.Contains(a.stdout, "nothing bounds the rates") != want {
			t.Errorf("%s: exit code %d\n%s%s", flag, a.code, a.stdout, a.stderr)
		}
	}
}

// A device's clock that cannot be right is told from the host's, and gives no figure:
// neither in the document nor in the table, which has no column for it then.
func TestImplausibleDeviceClocks(t *testing.T) {
	program, env := gpubench(t), faultLayer(t)
	for fault, flag := range map[string]string{
		"":                                 "",
		"timestamps are a fifth too close": "device-short",
		"timestamps are zero":              "device-zero",
		"timestamps are equal":             "device-zero",
		"timestamps run backwards":         "device-longer-than-host",
		"timestamps are too far apart":     "device-longer-than-host",
		"timestamps are too close":         "device-short",
	} {
		t.Run(fault, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "result.json")
			cmd := exec.Command(program, "run", "--device", "vulkan:0", "--baseline", "vulkan:0", "--size", "64", "--launches", "2", "--warmup", "100ms", "--min-time", "50ms", "--precision", "20%", "--limits=false", "--json", file)
			cmd.Env = append(slices.Clone(env), "GPUBENCH_FAULT="+fault)
			a := finish(t, cmd)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v\n%s", err, a.stderr)
			}
			table := a.stdout
			a.stdout = string(text)
			m := measured(t, a.document(t, 0), "vulkan:0")
			wantOK(t, m)
			wrong := fault != ""
			if got := m.Summary.DeviceMedianS; (got == nil) != wrong {
				t.Errorf("device median %v", got)
			}
			if slices.Contains(codes(m.Warnings), "device-clock-untrusted") != wrong {
				t.Errorf("warnings %+v", m.Warnings)
			}
			if strings.Contains(table, "device clock") == wrong {
				t.Errorf("the table:\n%s", table)
			}
			for _, l := range m.Launches {
				for _, s := range l.Samples {
					if wrong && !slices.Contains(s.Flags, flag) {
						t.Errorf("sample %+v, want the flag %s", s, flag)
					}
				}
			}
		})
	}
}

// terminal is a terminal with nobody before it: what its user would see, and what
// to give to a program.
func terminal(t *testing.T) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs a pseudo terminal: %v", err)
	}
	t.Cleanup(func() { screen.Close() })
	var number int
	control, err := screen.SyscallConn()
	if err == nil {
		control.Control(func(fd uintptr) {
			if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
				number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
			}
		})
	}
	if err == nil {
		tty, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Skipf("needs a pseudo terminal: %v", err)
	}
	t.Cleanup(func() { tty.Close() })
	return screen, tty
}

// children are the processes that a process has started and not yet reaped.
func children(t *testing.T, parent int) (list []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Skip("needs /proc")
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// The name in brackets may hold anything; state and parent follow it.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			list = append(list, pid)
		}
	}
	return list
}

// The progress line says when the child is one that has taken a sample.
func TestAKilledLaunch(t *testing.T) {
	for _, device := range []string{"cpu", "vulkan:0"} {
		t.Run(device, func(t *testing.T) {
			screen, tty := terminal(t)
			var stdout bytes.Buffer
			cmd := exec.Command(gpubench(t), "run", "--device", device, "--baseline", device, "--size", "64", "--launches", "3", "--min-time", "2s", "--limits=false", "--json", "-")
			cmd.Stdout, cmd.Stderr = &stdout, tty
			cmd.Env = onSoftware(t, "TERM=xterm")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			tty.Close() // so that reading ends with the program

			sampling := regexp.MustCompile(`launch 1 of 3, sample ([2-9]|\d\d)`)
			var seen []byte
			killed := 0
			buf := make([]byte, 4096)
			for {
				n, err := screen.Read(buf)
				if err != nil {
					break
				}
				seen = append(seen, buf[:n]...)
				if killed == 0 && sampling.Match(seen) {
					pids := children(t, cmd.Process.Pid)
					if len(pids) != 1 {
						t.Errorf("children %v, want one", pids)
					}
					for _, pid := range pids {
						syscall.Kill(pid, syscall.SIGKILL)
					}
					killed = len(pids)
				}
			}
			cmd.Wait() // the exit code says it
			if killed != 1 {
				t.Fatalf("killed %d processes, want 1; on the screen: %q", killed, seen)
			}
			doc := answer{cmd.ProcessState.ExitCode(), stdout.String(), string(seen)}.document(t, 0)
			m := measured(t, doc, device)
			wantOK(t, m)
			if !slices.Contains(codes(m.Warnings), "launch-failed") {
				t.Errorf("warnings %+v, want launch-failed among them", m.Warnings)
			}
			if len(m.Launches) != 3 || m.Summary == nil || m.Summary.Launches != 2 {
				t.Fatalf("%d launches, summary %+v, want 3 launches, 2 in the summary", len(m.Launches), m.Summary)
			}
			for i, l := range m.Launches {
				want := result.Launch{Status: result.StatusOK}
				if i == 0 {
					want = result.Launch{Status: result.StatusFailed, Code: worker.CodeSignal, Signal: "SIGKILL"}
				}
				if l.Status != want.Status || l.Code != want.Code || l.Signal != want.Signal {
					t.Errorf("launch %d: %s, code %q, signal %q (%s), want %s, %q, %q", i+1, l.Status, l.Code, l.Signal, l.Reason, want.Status, want.Code, want.Signal)
				}
			}
			if l := m.Launches[0]; len(l.Samples) == 0 || !strings.Contains(l.Reason, "SIGKILL") {
				t.Errorf("the killed launch kept %d samples and says %q", len(l.Samples), l.Reason)
			}
		})
	}
}
