// Devices that change behind their ids while a run goes on: natively, in containers, and of
// drivers that list a device by its index.

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gpubench/internal/result"
)

// lasting are the flags of a run that does not end before its device has changed: each
// launch is short, and there are more of them than anybody waits for.
var lasting = []string{"--size", "64", "--limits=false", "--launches", "1000", "--warmup", "10ms", "--min-time", "10ms", "--precision", "50%", "--quiet"}

// changes starts a run, has the device change when the run has told the event (begin, after
// the devices were listed, or launch, after the first good one of the device), and returns
// its answer. The environment names the file that brings the change.
func changes(t *testing.T, args, env []string, device, event string) answer {
	t.Helper()
	dir := t.TempDir()
	events, marker := filepath.Join(dir, "events.jsonl"), filepath.Join(dir, "changed")
	cmd := exec.Command(gpubench(t), slices.Concat(args, lasting, []string{"--json", "-", "--jsonl", events})...)
	cmd.Env = append(slices.Clone(env), "GPUBENCH_CHANGED="+marker)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	told := func() (begun bool, good int) {
		text, _ := os.ReadFile(events)
		for line := range bytes.Lines(text) {
			var e result.Event
			switch {
			case json.Unmarshal(line, &e) != nil: // half of it is there
			case e.Event == result.EventBegin:
				begun = true
			case e.Event == result.EventLaunch && e.Device == device && e.Launch.Status == result.StatusOK:
				good++
			}
		}
		return begun, good
	}
	changed, before := false, 0
	for ; ; time.Sleep(10 * time.Millisecond) {
		begun, good := told()
		if !changed && begun && (event == result.EventBegin || good > 0) {
			changed, before = true, good
			if err := os.WriteFile(marker, nil, 0o600); err != nil {
				t.Error(err)
			}
		}
		if changed && good > before+3 { // one may have begun before, and another told late
			cmd.Process.Kill()
			<-ended
			t.Fatalf("%d good launches after the device has changed", good-before)
		}
		select {
		case <-ended:
			if !changed {
				t.Errorf("the run ended before %q was told", event)
			}
			return answer{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
		case <-time.After(0):
		}
	}
}

// wantChanged checks that a device gave no number, with both names in the reason, and that
// every launch before was on the device that was listed.
func wantChanged(t *testing.T, a answer, device string, names ...string) {
	t.Helper()
	doc := a.document(t, 1)
	m := measured(t, doc, device)
	if m.Status != result.StatusFailed || m.Code != "device-changed" || m.Summary != nil || len(doc.Ratios) > 0 {
		t.Errorf("%s: %s, code %q, summary %+v, ratios %v", device, m.Status, m.Code, m.Summary, doc.Ratios)
	}
	for _, name := range names {
		if !strings.Contains(m.Reason, name) {
			t.Errorf("reason %q, want %q in it", m.Reason, name)
		}
		if !strings.Contains(a.stderr, name) {
			t.Errorf("%q is not said: %s", name, a.stderr)
		}
	}
	listed := doc.Devices[slices.IndexFunc(doc.Devices, func(d result.Device) bool { return d.ID == device })]
	for i, l := range m.Launches {
		if good := l.Status == result.StatusOK; good && (l.Opened == nil || len(l.Opened.Differences(listed.Opened())) > 0) || !good && len(l.Samples) > 0 {
			t.Errorf("launch %d: %s, %d samples, opened %+v", i, l.Status, len(l.Samples), l.Opened)
		}
	}
	for _, r := range doc.Runtimes {
		if r.GPU {
			t.Errorf("%s is said to have run on a GPU", r.Name)
		}
	}
}

// changing is the environment with the layer of the tests before a driver that is there
// twice: a card that computes, and llvmpipe behind it.
func changing(t *testing.T, change string) []string {
	t.Helper()
	env := faultLayer(t)
	manifest, _ := software(t)
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(t.TempDir(), "second_icd.json")
	if err := os.WriteFile(second, text, 0o600); err != nil {
		t.Fatal(err)
	}
	drivers := manifest + ":" + second
	return append(env, "VK_DRIVER_FILES="+drivers, "VK_ICD_FILENAMES="+drivers, "GPUBENCH_FAULT=", "GPUBENCH_CHANGE="+change)
}

// theCard is the name of the layer's card.
const theCard = "vulkan:0 was Card of the tests when the devices were listed and "

var deviceChanges = []struct {
	change string
	says   []string
}{
	{"the card disappears", []string{theCard, "is llvmpipe (LLVM ", "class (discrete, cpu), software (false, true)"}},
	{"no device is left", []string{theCard, "cannot be opened now: vulkan: no driver shows a device"}},
	{"another card takes its place", []string{theCard, "is llvmpipe (LLVM "}},
	{"two devices are swapped", []string{theCard, "is llvmpipe (LLVM "}},
	{"the driver's version changes", []string{theCard, "is Card of the tests now; they differ in driver's version (1, 2)"}},
	{"the driver's id changes", []string{theCard, "is Card of the tests now; they differ in driver's id (99, 100)"}},
	{"the driver's name changes", []string{theCard, "they differ in driver's name (driver of the tests, another driver)"}},
	{"the driver's text changes", []string{theCard, "they differ in driver's text (1.0, 2.0)"}},
	{"the name changes", []string{theCard, "is Card of the tests, renamed now; they differ in name ("}},
	{"the class changes", []string{theCard, "they differ in class (discrete, virtual)"}},
	{"the UUID changes", []string{theCard, "they differ in UUID (aaaaaaaa", ", bbbbbbbb"}},
	{"the memory changes", []string{theCard, "they differ in bytes of memory ("}},
	{"the API's version changes", []string{theCard, "they differ in API ("}},
}

func TestChangingDevices(t *testing.T) {
	for i, tt := range deviceChanges {
		events := []string{result.EventBegin}
		if i < 5 {
			events = append(events, result.EventLaunch)
		}
		for _, event := range events {
			t.Run(tt.change+", "+event, func(t *testing.T) {
				a := changes(t, []string{"run", "--device", "vulkan:0", "--baseline", "vulkan:0"}, changing(t, tt.change), "vulkan:0", event)
				wantChanged(t, a, "vulkan:0", tt.says...)
			})
		}
	}
	// The last device has nothing behind it.
	a := changes(t, []string{"run", "--device", "vulkan:1", "--baseline", "vulkan:1"}, changing(t, "the card disappears"), "vulkan:1", result.EventLaunch)
	wantChanged(t, a, "vulkan:1", "vulkan:1 was llvmpipe (LLVM ", `cannot be opened now: vulkan: there is no device "vulkan:1"; choose one of vulkan:0 (llvmpipe `)
}

// One that stays what it is is measured, and the document says in each launch what it was.
func TestDevicesThatStay(t *testing.T) {
	cmd := exec.Command(gpubench(t), append(quick, "--device", "vulkan", "--baseline", "vulkan:1")...)
	cmd.Env = changing(t, "none")
	doc := finish(t, cmd).document(t, 0)
	for i, name := range []string{"Card of the tests", "llvmpipe"} {
		m := measured(t, doc, fmt.Sprintf("vulkan:%d", i))
		wantOK(t, m)
		if m.SearchedOn == nil || !strings.HasPrefix(m.SearchedOn.Name, name) {
			t.Errorf("%s was searched on %+v", m.Device, m.SearchedOn)
		}
		for j, l := range m.Launches {
			if l.Opened == nil || !strings.HasPrefix(l.Opened.Name, name) || l.Opened.GPU() != (i == 0) {
				t.Errorf("%s, launch %d: %+v", m.Device, j, l.Opened)
			}
		}
	}
	if warned(doc.Warnings, "same-card") {
		t.Errorf("%+v", doc.Warnings)
	}
}

// A driver that has two entries makes one device of two, and that is said.
func TestOneCardTwice(t *testing.T) {
	var env []string
	for _, v := range changing(t, "") {
		if v != "GPUBENCH_CHANGE=" {
			env = append(env, v)
		}
	}
	cmd := exec.Command(gpubench(t), "devices")
	cmd.Env = env
	if a := finish(t, cmd); !strings.Contains(a.stdout, "same card: vulkan:0 and vulkan:1") {
		t.Errorf("%s%s", a.stdout, a.stderr)
	}
	cmd = exec.Command(gpubench(t), append(quick, "--device", "vulkan", "--baseline", "vulkan:0")...)
	cmd.Env = env
	doc := finish(t, cmd).document(t, 0)
	at := slices.IndexFunc(doc.Warnings, func(w result.Warning) bool { return w.Code == "same-card" })
	if at < 0 || !strings.Contains(doc.Warnings[at].Text, "vulkan:0 (llvmpipe") || !strings.Contains(doc.Warnings[at].Text, "vulkan:1 (llvmpipe") {
		t.Errorf("%+v", doc.Warnings)
	}
}

// standInDocker is the environment with a docker that starts this program where a container
// would be, and does before each process what the shell says.
func standInDocker(t *testing.T, env []string, before string) []string {
	t.Helper()
	dir := t.TempDir()
	script := fmt.Sprintf(`#!/bin/sh
case "$1" in
info) echo '{"ServerVersion":"28.1.0","OperatingSystem":"Debian GNU/Linux 12","KernelVersion":"6.1.0","NCPU":1}' ;;
image) echo '[{}]' ;;
rm) ;;
run)
	while [ "$1" != localhost/gpubench:vulkan ]; do shift; done
	shift
	%s
	exec '%s' "$@" ;;
*) exit 1 ;;
esac
`, before, gpubench(t))
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return append(env, "PATH="+dir+":"+os.Getenv("PATH"))
}

// inDocker are the flags of a suite in it alone.
func inDocker(device string) []string {
	return []string{"suite", "--runtime", "docker", "--device", device, "--baseline", device}
}

func TestChangingDevicesInContainers(t *testing.T) {
	for _, tt := range deviceChanges[:6] {
		t.Run(tt.change, func(t *testing.T) {
			a := changes(t, inDocker("vulkan:0"), standInDocker(t, changing(t, tt.change), ""), "vulkan:0", result.EventLaunch)
			wantChanged(t, a, "vulkan:0", tt.says...)
		})
	}
	cmd := exec.Command(gpubench(t), slices.Concat(inDocker("vulkan:0"), lasting, []string{"--launches", "3", "--json", "-"})...)
	cmd.Env = standInDocker(t, changing(t, "none"), "")
	doc := finish(t, cmd).document(t, 0)
	wantOK(t, measured(t, doc, "vulkan:0"))
	if !doc.Runtimes[0].GPU {
		t.Error("the card that stays is not said to have been used")
	}
}

// A container that is held to fewer processors, or whose processor has become another one.
func TestChangingProcessorInContainers(t *testing.T) {
	tool(t, "taskset")
	for before, says := range map[string][]string{
		`[ ! -e "$GPUBENCH_CHANGED" ] || export GPUBENCH_CPU_ISA=sse2`: {"cpu was ", "instruction set (", ", sse2)"},
		`[ ! -e "$GPUBENCH_CHANGED" ] || taskset -cp 0 $$ >/dev/null`:  {"cpu was ", "threads (", ", 1)"},
	} {
		if strings.Contains(before, "taskset") && runtime.NumCPU() < 2 || strings.Contains(before, "sse2") && runtime.GOARCH != "amd64" {
			continue
		}
		a := changes(t, inDocker("cpu"), standInDocker(t, os.Environ(), before), "cpu", result.EventLaunch)
		wantChanged(t, a, "cpu", says...)
	}
}

// CUDA's devices go by their index as well.
func TestChangingCUDA(t *testing.T) {
	const was = "cublas:0 was cuBLAS 12.8.5 on gpubench stand-in, no device when the devices were listed and "
	for change, says := range map[string][]string{
		"swap": {was, "cannot be opened now: cublas:0: gpubench stand-in, an old device cannot run the kernel"},
		"uuid": {was, "is cuBLAS 12.8.5 on gpubench stand-in, no device now; they differ in UUID ("},
		"name": {was, "is cuBLAS 12.8.5 on gpubench stand-in, no device, renamed now; they differ in name ("},
		"gone": {was, "cannot be opened now: cublas: it needs the backend cuda, which is absent"},
	} {
		t.Run(change, func(t *testing.T) {
			a := changes(t, []string{"run", "--device", "cublas:0", "--baseline", "cublas:0"}, standIn(t, "STANDIN_CHANGE="+change), "cublas:0", result.EventLaunch)
			wantChanged(t, a, "cublas:0", says...)
		})
	}
	// The stand-in computes no kernel, so that its device must change before the search.
	for change, says := range map[string]string{"version": "they differ in driver's version (12040, 12030), API (12.4, 12.3)", "uuid": "they differ in UUID (", "swap": "an old device cannot run the kernel"} {
		t.Run("cuda "+change, func(t *testing.T) {
			cmd := exec.Command(gpubench(t), slices.Concat([]string{"run", "--device", "cuda:0", "--baseline", "cuda:0"}, lasting, []string{"--json", "-"})...)
			cmd.Env = standIn(t, "STANDIN_CHANGE="+change, "STANDIN_CHANGE_SOON=1", "GPUBENCH_CHANGED="+filepath.Join(t.TempDir(), "changed"))
			wantChanged(t, finish(t, cmd), "cuda:0", "cuda:0 was gpubench stand-in, no device when the devices were listed and ", says)
		})
	}
}
