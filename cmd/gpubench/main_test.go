package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/measure"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

func noEnv(string) string { return "" }

func TestClosedStdout(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	var stderr bytes.Buffer
	c := exec.Command("gpubench", "help")
	c.Stdout, c.Stderr = w, &stderr
	err = c.Run()
	w.Close()
	if c.ProcessState.ExitCode() != exitFailed || stderr.String() != "gpubench: standard output: broken pipe\n" {
		t.Errorf("%v, stderr %q", err, stderr.String())
	}
}

type panickingWriter struct{}

func (panickingWriter) Write([]byte) (int, error) { panic("BUG: made by a test") }

func TestPanicIsASentence(t *testing.T) {
	var stderr bytes.Buffer
	code := run(context.Background(), panickingWriter{}, &stderr, []string{"help"}, noEnv)
	if code != exitBug || !strings.HasPrefix(stderr.String(), "gpubench: this is a fault of gpubench itself, please report it with what follows: BUG: made by a test\n") {
		t.Errorf("code %d, stderr %q", code, stderr.String())
	}
}

func TestCheckSizes(t *testing.T) {
	for _, test := range []struct {
		size  string
		total uint64
		want  string // part of the error, empty when there is none
	}{
		{"1024", 64 << 20, ""},
		{"1024", 16 << 20, "takes 0.0 GiB and 0.0 GiB are usable"},
		{"32768", 16 << 30, "--size 32768x32768x32768: it takes 28.0 GiB and 16.0 GiB are usable here; choose a smaller one"},
		{"32768", 0, ""}, // memory unknown
		{"46340", 0, ""},
		{"46341", 0, "a matrix has 2^31 elements or more"},
		{"2147483647x1x1", 0, ""},
		{"1x50000x50000", 0, "a matrix has 2^31 elements or more"},
	} {
		p, err := parseSize(test.size)
		if err != nil {
			t.Fatal(err)
		}
		err = checkSizes([]backend.Problem{p}, test.total)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s in %d bytes: %v, want %q", test.size, test.total, err, test.want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for _, test := range []struct {
		text string
		want backend.Problem
	}{
		{"1024", backend.Problem{M: 1024, N: 1024, K: 1024}},
		{"2048x1024x512", backend.Problem{M: 2048, N: 1024, K: 512}},
		{" 1X2X3 ", backend.Problem{M: 1, N: 2, K: 3}},
	} {
		if got, err := parseSize(test.text); err != nil || got != test.want {
			t.Errorf("parseSize(%q) = %v, %v, want %v", test.text, got, err, test.want)
		}
	}
	for _, text := range []string{"", "x", "1x", "1x2", "1x2x3x4", "1.5", "0x1x1", "1e3", "-1", "99999999999999999999", "１"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("parseSize(%q) = %v, want an error", text, got)
		}
	}
}

func TestSizesAddUp(t *testing.T) {
	s := &sizes{}
	for _, text := range []string{"64,128", "64", "1x2x3"} {
		if err := s.Set(text); err != nil {
			t.Fatal(err)
		}
	}
	if s.String() != "64,128,1x2x3" {
		t.Errorf("sizes are %s, want 64,128,1x2x3", s)
	}
}

func TestDefaultSize(t *testing.T) {
	cpu := result.Device{Backend: "cpu", Class: result.ClassCPU}
	gpu := result.Device{Backend: "vulkan", Class: result.ClassVirtual}
	soft := result.Device{Backend: "vulkan", Class: result.ClassCPU, Software: true}
	for _, test := range []struct {
		devices []result.Device
		want    int
	}{
		{[]result.Device{cpu}, 1024},
		{[]result.Device{cpu, gpu}, 1024},
		{[]result.Device{cpu, gpu, soft}, 1024},
		{[]result.Device{cpu, soft}, 512},
	} {
		if got := defaultSize(test.devices); got.M != test.want || got.N != test.want || got.K != test.want {
			t.Errorf("%+v: %v, want %d", test.devices, got, test.want)
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"sise", "unknown flag --sise; did you mean --size?"},
		{"bas", "unknown flag --bas; did you mean --baseline?"},
		{"jsno", "unknown flag --jsno; did you mean --json?"},
		{"zzzzzz", "unknown flag --zzzzzz; there are --json, --size, --baseline"},
	} {
		if got := unknown("flag", test.name, "--", []string{"json", "size", "baseline"}); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"same", "same", 0}} {
		if got := editDistance(test.a, test.b); got != test.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestChoose(t *testing.T) {
	cpu := result.Device{ID: "cpu", Backend: "cpu", Name: "A CPU", Threads: 4}
	one := result.Device{ID: "cpu:1", Backend: "cpu", Name: "A CPU", Threads: 1}
	gpu := result.Device{ID: "vulkan:0", Backend: "vulkan", Name: "A GPU"}
	soft := result.Device{ID: "vulkan:1", Backend: "vulkan", Name: "llvmpipe", Software: true}
	broken := result.Device{ID: "vulkan:2", Backend: "vulkan", Name: "V3D", Unusable: "it has no queue for compute"}
	all := []result.Device{cpu, one, gpu, soft, broken}
	noVulkan := []result.Absent{{Backend: "vulkan", Reason: "no loader", Remedy: "install one"}}
	noCPU := []result.Absent{{Backend: "cpu", Reason: "a bad variable"}}
	// What the backends say of devices that they don't list.
	look := func(backend, id string) (result.Device, worker.Outcome) {
		if id == "cpu:3" || id == "cpu:1:avx2" {
			return result.Device{ID: id, Backend: backend}, worker.Outcome{Status: result.StatusOK}
		}
		return result.Device{}, worker.Outcome{Status: result.StatusFailed, Code: "no-device", Reason: backend + ": there is no device " + id, Remedy: "use another"}
	}
	ids := func(list []result.Device) string {
		var s []string
		for _, d := range list {
			s = append(s, d.ID)
		}
		return strings.Join(s, " ")
	}
	for _, test := range []struct {
		name   string
		want   selection
		found  []result.Device
		absent []result.Absent
		chosen string // ids
		err    string
		code   int
	}{
		{name: "by default the cores and all that is usable", found: all, chosen: "cpu vulkan:0 vulkan:1"},
		{name: "without Vulkan", found: []result.Device{cpu, one}, absent: noVulkan, chosen: "cpu"},
		{name: "without a CPU backend", found: []result.Device{gpu}, absent: noCPU, chosen: "vulkan:0"},
		{name: "another baseline comes first, and the cores stay", want: selection{baseline: "vulkan:1"}, found: all, chosen: "vulkan:1 cpu vulkan:0"},
		{name: "a baseline of some threads", want: selection{baseline: "cpu:3"}, found: all, chosen: "cpu:3 cpu vulkan:0 vulkan:1"},
		{name: "an instruction set", want: selection{devices: []string{"cpu:1:avx2", "cpu"}}, found: all, chosen: "cpu cpu:1:avx2"},
		{name: "only some", want: selection{devices: []string{"vulkan:0", "cpu:1"}}, found: all, chosen: "vulkan:0 cpu:1"},
		{name: "the baseline first", want: selection{devices: []string{"vulkan:0", "cpu"}}, found: all, chosen: "cpu vulkan:0"},
		{name: "a backend for its devices", want: selection{devices: []string{"vulkan"}}, found: all, chosen: "vulkan:0 vulkan:1"},
		{name: "twice is once", want: selection{devices: []string{"vulkan:1", "vulkan"}}, found: all, chosen: "vulkan:1 vulkan:0"},
		{name: "one backend", want: selection{backends: []string{"vulkan"}}, found: []result.Device{gpu}, chosen: "vulkan:0"},
		{name: "one backend without the baseline's", want: selection{backends: []string{"cpu"}, baseline: "vulkan:0"}, found: []result.Device{cpu, one}, chosen: "cpu"},
		{name: "no such device", want: selection{devices: []string{"vulkan:9"}}, found: all, err: "--device vulkan:9: vulkan: there is no device vulkan:9; use another", code: exitNoDevice},
		{name: "an unusable one", want: selection{devices: []string{"vulkan:2"}}, found: all, err: "--device vulkan:2: V3D cannot be used: it has no queue for compute", code: exitNoDevice},
		{name: "only unusable ones", want: selection{devices: []string{"vulkan"}}, found: []result.Device{cpu, broken}, err: "--device vulkan: there is no such device; the vulkan backend has vulkan:2 (unusable: it has no queue for compute)", code: exitNoDevice},
		{name: "a baseline that is not there", want: selection{baseline: "cpu:5"}, found: all, err: "--baseline cpu:5: cpu: there is no device cpu:5; use another", code: exitNoDevice},
		{name: "too many threads", want: selection{devices: []string{"cpu:5"}}, found: all, err: "--device cpu:5: cpu: there is no device cpu:5; use another", code: exitNoDevice},
		{name: "an absent backend by --device", want: selection{devices: []string{"vulkan:0"}}, found: []result.Device{cpu}, absent: noVulkan, err: "--device vulkan:0: no loader; install one", code: exitNoDevice},
		{name: "an absent backend by --backend", want: selection{backends: []string{"cpu", "vulkan"}}, found: []result.Device{cpu}, absent: noVulkan, err: "--backend vulkan: no loader; install one", code: exitNoDevice},
		{name: "nothing at all", found: []result.Device{broken}, absent: noCPU, err: "there is no device to measure: vulkan:2: it has no queue for compute; cpu: a bad variable", code: exitNoDevice},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.want.baseline == "" {
				test.want.baseline = "cpu"
			}
			listed, err := test.want.find(test.found, test.absent, look)
			var chosen []result.Device
			if err == nil {
				chosen, err = test.want.choose(listed, test.absent)
			}
			if test.err != "" {
				f, ok := err.(*failure)
				if !ok || f.Error() != test.err || f.code != test.code {
					t.Errorf("error %v, want %s with code %d", err, test.err, test.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if ids(chosen) != test.chosen {
				t.Errorf("chosen %s, want %s", ids(chosen), test.chosen)
			}
		})
	}
}

func TestUntold(t *testing.T) {
	silent := &result.NVML{Unavailable: "libnvidia-ml.so.1 cannot be loaded", Remedy: "install it"}
	for _, tt := range []struct {
		devices []result.Device
		want    string
	}{
		{[]result.Device{{ID: "cpu"}, {ID: "vulkan:0"}}, ""}, // no card of NVIDIA's: nothing to say
		{[]result.Device{{ID: "cpu"}, {ID: "vulkan:0", NVML: &result.NVML{Driver: "570"}}}, ""},
		{[]result.Device{{ID: "cpu"}, {ID: "vulkan:0", NVML: silent}, {ID: "cuda:0", NVML: silent}},
			"clocks, power, temperature, throttling, energy and other users of vulkan:0, cuda:0 go unseen here: libnvidia-ml.so.1 cannot be loaded; install it"},
	} {
		got := untold(tt.devices)
		switch {
		case tt.want == "" && len(got) > 0, tt.want != "" && (len(got) != 1 || got[0].Code != "no-telemetry" || got[0].Text != tt.want):
			t.Errorf("%+v: %+v", tt.devices, got)
		}
	}
}

func TestOutcome(t *testing.T) {
	row := func(status, code, reason string) result.Measurement {
		return result.Measurement{Device: "vulkan:0", Problem: result.Problem{M: 2, N: 3, K: 4}, Status: status, Code: code, Reason: reason}
	}
	ok := row(result.StatusOK, "", "")
	failed := row(result.StatusFailed, "device-lost", "it was lost")
	wrong := row(result.StatusFailed, string(backend.WrongResult), "C[0,0] is 1")
	unsupported := row(result.StatusUnsupported, string(backend.Limit), "too large")
	for _, test := range []struct {
		name        string
		rows        []result.Measurement
		interrupted *interruption
		code        int
		text        string
	}{
		{"all ok", []result.Measurement{ok, ok}, nil, exitOK, ""},
		{"a device that cannot do it is no failure beside one that can", []result.Measurement{ok, unsupported}, nil, exitOK, ""},
		{"but nothing measured is one", []result.Measurement{unsupported}, nil, exitFailed, "nothing could be measured: too large"},
		{"a failed arm", []result.Measurement{ok, failed}, nil, exitFailed, "1 of 2 measurements failed: vulkan:0 2x3x4: it was lost"},
		{"wrong is worse than failed", []result.Measurement{failed, wrong}, nil, exitWrong, "a result was wrong: vulkan:0 2x3x4: C[0,0] is 1; vulkan:0 2x3x4: it was lost"},
		{"Ctrl-C", []result.Measurement{wrong}, &interruption{os.Interrupt}, exitInterrupted, "interrupted; what was measured until then was written"},
	} {
		err := outcome(&result.Document{Measurements: test.rows}, test.interrupted)
		if test.code == exitOK {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		f, ok := err.(*failure)
		if !ok || f.code != test.code || f.Error() != test.text {
			t.Errorf("%s: %v, want %s with code %d", test.name, err, test.text, test.code)
		}
	}
}

// What is said of the results must be true of the file.
func TestKeeper(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "doc.json")
	var said []string
	keep, err := newKeeper(path, func(text string) { said = append(said, text) })
	if err != nil {
		t.Fatal(err)
	}
	want := func(text string) {
		t.Helper()
		if got := keep.atOnce(); got != text {
			t.Errorf("%q, want %q", got, text)
		}
	}
	want(path + " holds nothing of this run")

	doc := result.Document{Schema: result.Schema{Name: result.SchemaName, Version: result.SchemaVersion}, Started: time.Now(),
		Devices: []result.Device{{ID: "cpu", Class: result.ClassCPU}}, Warnings: []result.Warning{{Code: "cpu-quota"}}}
	m := result.Measurement{ID: "m0", Device: "cpu", Role: result.RoleKernel, Problem: result.Problem{M: 1, N: 1, K: 1, FLOP: 2}, Status: result.StatusSkipped, Reason: "the run was interrupted"}
	so := measure.Results{Measurements: []result.Measurement{m}, Warnings: []result.Warning{{Code: "no-ratio"}}}
	for n := 1; n <= 2; n++ {
		so.Measurements[0].Launches = append(so.Measurements[0].Launches, result.Launch{Status: result.StatusFailed, Reason: "killed"})
		keep.checkpoint(doc, so)
		want(fmt.Sprintf("%s holds the first %d launches", path, n))
		got, err := readDocument(path)
		if err != nil || !got.Interrupted || len(got.Measurements[0].Launches) != n || codes(got.Warnings) != "cpu-quota,no-ratio" || got.DurationS <= 0 {
			t.Errorf("checkpoint %d: %v, %+v", n, err, got)
		}
	}
	if doc.Interrupted || len(doc.Warnings) != 1 || doc.Measurements != nil {
		t.Errorf("the run's own document became %+v", doc)
	}

	// A place that is gone is said once, and what was written before is still true.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	keep.checkpoint(doc, so)
	keep.checkpoint(doc, so)
	if len(said) != 1 || said[0] != "what was measured so far could not be written: --json "+path+": cannot write: no such file or directory; the run goes on" {
		t.Errorf("said %q", said)
	}

	for _, path := range []string{"", "-", os.DevNull} { // nothing that could be written again and again
		if keep, err = newKeeper(path, nil); err != nil {
			t.Fatal(err)
		}
		keep.checkpoint(doc, so)
		want("what was measured is lost; with --json FILE every finished launch is kept")
	}
}

func TestRules(t *testing.T) {
	defaults := measure.DefaultRules()
	for _, test := range []struct {
		warmup, minTime, timeout time.Duration
		maxTime                  float64
	}{
		{500 * time.Millisecond, 500 * time.Millisecond, 2 * time.Minute, defaults.MaxTimeS},
		{time.Second, 10 * time.Second, 2 * time.Minute, 31},                 // room for the least that was asked for
		{5 * time.Second, time.Millisecond, 2 * time.Minute, 25},             // and for a warm-up that is busy half of the time
		{500 * time.Millisecond, 500 * time.Millisecond, 4 * time.Second, 2}, // it ends by itself before it is killed
	} {
		o := &runOptions{warmup: test.warmup, minTime: test.minTime, timeout: test.timeout, precision: 0.02}
		r := o.rules()
		if r.MaxTimeS != test.maxTime || r.MinTimeS != test.minTime.Seconds() || r.WarmupS != test.warmup.Seconds() || r.Precision != 0.02 {
			t.Errorf("--warmup %v --min-time %v --timeout %v: %+v, want at most %v s", test.warmup, test.minTime, test.timeout, r, test.maxTime)
		}
	}
}

func TestProgressText(t *testing.T) {
	m := measure.Progress{Arm: 1, Arms: 4, Round: 0, Rounds: 3, Device: result.Device{ID: "vulkan:0"}, Problem: backend.Problem{M: 8, N: 8, K: 8}}
	for _, test := range []struct {
		phase   string
		samples int
		flops   float64
		want    string
	}{
		{measure.PhaseSearch, 0, 0, "arm 2 of 4: vulkan:0 8x8x8, searching for a specialization"},
		{measure.PhaseStart, 0, 0, "arm 2 of 4: vulkan:0 8x8x8, launch 1 of 3, starting"},
		{"sample", 12, 2.3456e9, "arm 2 of 4: vulkan:0 8x8x8, launch 1 of 3, sample 13, 2.346 GFLOP/s"},
	} {
		m.Phase, m.Samples, m.FLOPS = test.phase, test.samples, test.flops
		if got := progressText(m); got != test.want {
			t.Errorf("%s: %q, want %q", test.phase, got, test.want)
		}
	}
	if got := progressLine("0123456789", 12*time.Second, 12); got != " 12 s  01234" {
		t.Errorf("a line cut off at 12 columns is %q", got)
	}
}
