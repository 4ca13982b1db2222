package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

var update = flag.Bool("update", false, "write what is printed to the scripts' files")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gpubench": main})
}

// TestScripts runs the whole program, children included, by the scripts of
// testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"document":   scriptDocument,
			"rows":       scriptRows,
			"places":     scriptPlaces,
			"rebuild":    scriptRebuild,
			"validate":   scriptValidate,
			"truncate":   scriptTruncate,
			"await":      scriptAwait,
			"kill-child": scriptKillChild,
			"cut":        scriptCut,
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "vulkan":
				return usableDevice("vulkan:0")
			case "blas":
				return usableDevice("blas")
			}
			return false, fmt.Errorf("condition %q is unknown", name)
		},
		Setup: func(env *testscript.Env) error {
			// The scripts decide about these themselves; the drivers' own variables pass.
			for _, name := range []string{"NO_COLOR", "TERM", "LANG", "LC_ALL", "LC_CTYPE"} {
				env.Setenv(name, "")
			}
			for _, name := range []string{"VK_DRIVER_FILES", "VK_ICD_FILENAMES", "LD_LIBRARY_PATH"} {
				if value := os.Getenv(name); value != "" { // an empty one is a list of no drivers
					env.Setenv(name, value)
				}
			}
			return nil
		},
	})
}

// devicesHere lists the devices. It asks the program on PATH, which TestMain has put
// there: a child of the test binary itself would be the tests.
var devicesHere = sync.OnceValues(func() ([]result.Device, error) {
	text, err := exec.Command("gpubench", "devices", "--json").Output()
	if err != nil {
		return nil, err
	}
	var list struct{ Devices []result.Device }
	err = json.Unmarshal(text, &list)
	return list.Devices, err
})

// usableDevice reports whether a device is here and can be used.
func usableDevice(id string) (bool, error) {
	list, err := devicesHere()
	d, found := byID(list, id)
	return found && d.Unusable == "", err
}

// scriptDocument writes a document with a product of 1024 for each rate: document FILE
// DEVICE=GFLOPS... A rate of 0 is a failed measurement.
func scriptDocument(ts *testscript.TestScript, _ bool, args []string) {
	doc := testdoc.New()
	for _, arg := range args[1:] {
		id, rate, _ := strings.Cut(arg, "=")
		gflops, err := strconv.ParseFloat(rate, 64)
		ts.Check(err)
		device := result.Device{ID: id, Backend: backendOf(id), Class: result.ClassCPU, Name: "device " + id}
		if device.Backend == "cuda" { // the only one here that is a GPU
			device.Class = result.ClassDiscrete
		}
		doc.Devices = append(doc.Devices, device)
		m := testdoc.Add(doc, id, 1024, max(gflops, 1)*1e9, 0.01)
		if gflops == 0 {
			testdoc.Fail(m, result.StatusFailed, "device-lost", "the device was lost")
		}
	}
	ts.Check(result.WriteFile(ts.MkAbs(args[0]), testdoc.Finish(doc, "cpu")))
}

// scriptRows reads a document, which proves it valid, and prints its arms to the
// standard output that the script then looks at: rows FILE.
func scriptRows(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	doc, err := result.Read(f, args[0])
	ts.Check(err)
	w := ts.Stdout()
	fmt.Fprintf(w, "interrupted=%v warnings=%s\n", doc.Interrupted, codes(doc.Warnings))
	checksums := map[string]bool{}
	for _, m := range doc.Measurements {
		good, signals := 0, ""
		for _, l := range m.Launches {
			if l.Status == result.StatusOK {
				good++
			}
			signals += l.Signal
		}
		if m.Role == result.RoleKernel || m.Role == result.RoleReference {
			checksums[m.Verification.ExactChecksum] = true
		}
		fmt.Fprintf(w, "%s %s %dx%dx%d %s %s launches=%d/%d signals=%s failed-batches=%d warnings=%s reason=%q\n", m.ID, m.Device, m.Problem.M, m.Problem.N, m.Problem.K,
			m.Kernel.Form, m.Status, good, len(m.Launches), signals, m.Verification.Failed, codes(m.Warnings), m.Reason)
	}
	for _, r := range doc.Ratios {
		excludes := r.CI95 != nil && (r.CI95[0] > 1 || r.CI95[1] < 1)
		fmt.Fprintf(w, "ratio %s/%s interval-excludes-1=%v\n", r.Fast, r.Slow, excludes)
	}
	for _, d := range doc.Devices {
		fmt.Fprintf(w, "device %s class=%s software=%v gpu=%v\n", d.ID, d.Class, d.Software, d.GPU())
	}
	fmt.Fprintf(w, "checksums=%d\n", len(checksums))
}

// scriptPlaces prints what a suite made of its runtimes: places FILE.
func scriptPlaces(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	doc, err := result.Read(f, args[0])
	ts.Check(err)
	w := ts.Stdout()
	good, runtimes := map[string]int{}, map[string]string{}
	for _, m := range doc.Measurements {
		runtimes[m.ID] = m.Runtime
		if m.Status == result.StatusOK {
			good[m.Runtime]++
		} else {
			fmt.Fprintf(w, "failed %s %s: %s\n", m.Runtime, m.Device, m.Reason)
		}
	}
	for _, r := range doc.Runtimes {
		fmt.Fprintf(w, "%s %s measured=%d\n", r.Name, r.Status, good[r.Name])
	}
	for _, r := range doc.Ratios {
		fmt.Fprintf(w, "ratio %s/%s\n", runtimes[r.Fast], runtimes[r.Slow])
	}
	for _, warning := range doc.Warnings {
		fmt.Fprintf(w, "warning %s\n", warning.Code)
	}
}

// scriptRebuild makes a document of a stream of events and compares it with the document
// of the same run: rebuild EVENTS DOCUMENT. It prints the kinds of the events.
func scriptRebuild(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	var doc *result.Document
	launches := map[string][]result.Launch{}
	var kinds []string
	var measurements []result.Measurement
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var e result.Event
		ts.Check(json.Unmarshal(lines.Bytes(), &e))
		if len(kinds) == 0 || kinds[len(kinds)-1] != e.Event {
			kinds = append(kinds, e.Event)
		}
		switch e.Event {
		case result.EventBegin:
			if *e.Schema != result.EventSchema || len(e.Document.Devices) == 0 {
				ts.Fatalf("the first event is %s", lines.Bytes())
			}
		case result.EventLaunch:
			if e.Device == "" || e.Problem == nil {
				ts.Fatalf("a launch does not say of what: %s", lines.Bytes())
			}
			launches[e.ID] = append(launches[e.ID], *e.Launch)
		case result.EventMeasurement:
			e.Measurement.Launches = launches[e.Measurement.ID]
			measurements = append(measurements, *e.Measurement)
		case result.EventEnd:
			doc = e.Document
		}
	}
	ts.Check(lines.Err())
	if doc == nil {
		ts.Fatalf("there is no end")
	}
	doc.Measurements = measurements
	var rebuilt strings.Builder
	ts.Check(result.Write(&rebuilt, doc))
	if rebuilt.String() != ts.ReadFile(args[1]) {
		ts.Fatalf("the document of the events differs from that of --json:\n%s", rebuilt.String())
	}
	fmt.Fprintln(ts.Stdout(), strings.Join(kinds, " "))
}

func codes(warnings []result.Warning) string {
	var list []string
	for _, w := range warnings {
		list = append(list, w.Code)
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ",")
}

// scriptValidate holds a document against a schema with a validator that shares no
// code with package result: [!] validate SCHEMA DOCUMENT.
func scriptValidate(ts *testscript.TestScript, neg bool, args []string) {
	c := jsonschema.NewCompiler()
	schema, err := c.Compile(ts.MkAbs(args[0]))
	ts.Check(err)
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	err = schema.Validate(doc)
	if neg && err == nil {
		ts.Fatalf("%s is valid", args[1])
	}
	if !neg {
		ts.Check(err)
	}
}

// scriptTruncate halves a file: truncate FILE.
func scriptTruncate(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	ts.Check(os.Truncate(path, info.Size()/2))
}

// scriptCut takes a field away from a JSON object: cut FILE NAME.
func scriptCut(ts *testscript.TestScript, _ bool, args []string) {
	var object map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &object))
	if _, ok := object[args[1]]; !ok {
		ts.Fatalf("%s has no %s", args[0], args[1])
	}
	delete(object, args[1])
	text, err := json.Marshal(object)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o644))
}

// awaitChild waits until a process has had n different children and returns the
// process id of the nth. The first child of `gpubench run` lists devices, the second
// searches where there is one candidate, the others are launches; one that was too quick to be seen only makes
// the wait longer.
func awaitChild(parent, n int) (int, error) {
	seen := map[int]bool{}
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		for _, pid := range children(parent) {
			if !seen[pid] {
				seen[pid] = true
				if len(seen) == n {
					return pid, nil
				}
			}
		}
		time.Sleep(time.Millisecond)
	}
	return 0, fmt.Errorf("process %d has had %d children within a minute, want %d", parent, len(seen), n)
}

// children lists the processes whose parent has this id.
func children(parent int) []int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var pids []int
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// The name in parentheses may hold blanks and parentheses itself.
		after := string(text[strings.LastIndexByte(string(text), ')')+1:])
		fields := strings.Fields(after) // state, parent, ...
		if len(fields) > 1 && fields[0] != "Z" && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// scriptAwait waits until the script's only background process has had N children:
// await N.
func scriptAwait(ts *testscript.TestScript, _ bool, args []string) {
	scriptChild(ts, args)
}

// scriptKillChild kills that child: kill-child N.
func scriptKillChild(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(syscall.Kill(scriptChild(ts, args), syscall.SIGKILL))
}

func scriptChild(ts *testscript.TestScript, args []string) int {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	commands := ts.BackgroundCmds()
	if len(commands) != 1 {
		ts.Fatalf("%d background processes, want 1", len(commands))
	}
	child, err := awaitChild(commands[0].Process.Pid, n)
	ts.Check(err)
	return child
}
