package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestShellScripts(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("needs shellcheck")
	}
	scripts, _ := filepath.Glob("../../scripts/*.sh")
	if len(scripts) < 3 {
		t.Fatalf("only %d scripts", len(scripts))
	}
	if out, err := exec.Command("shellcheck", scripts...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// darwin-check says what it lacks before it builds anything.
func TestDarwinCheckNeeds(t *testing.T) {
	empty := t.TempDir()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{""}, "darwin-check: no SDK is named; usage: make darwin-check SDK=DIR"},
		{[]string{filepath.Join(empty, "none")}, "none is no directory"},
		{[]string{empty}, "is no whole macOS SDK: it has no usr/include/stdlib.h"},
	} {
		a := finish(t, exec.Command("../../scripts/darwin-check.sh", tt.args...))
		if a.code != 1 || !strings.Contains(a.stderr, tt.want) {
			t.Errorf("%q: exit code %d, want 1 and %q\n%s", tt.args, a.code, tt.want, a.stderr)
		}
	}
}

// macSteps are what scripts/mac-check.sh does on a Mac, in this order.
var macSteps = []string{
	"sw_vers",
	"uname -m",
	"sysctl machdep.cpu.brand_string hw.memsize hw.perflevel0.logicalcpu hw.perflevel1.logicalcpu",
	"ioreg -rc IOAccelerator -d 1",
	"pmset -g batt",
	"cc --version",
	"go version",
	"git rev-parse HEAD",
	"make build",
	"make mac-test",
	"otool -L bin/gpubench",
	"gpubench devices",
	"gpubench run --quiet --size 256,1024,1000x777x555 --launches 3 --json OUT/native.json",
	"podman info",
	"docker info",
	"container system status",
	"make images",
	"gpubench suite --quiet --size 256,1024 --launches 3 --json OUT/mac-check.json",
	"pmset -g therm",
}

// macCheck runs scripts/mac-check.sh where every command of a Mac is a stand-in that notes
// its arguments, and returns what it printed, its exit status and the notes. Of the
// commands left out there is none; one with a body has it added.
func macCheck(t *testing.T, out string, bodies map[string]string, without ...string) (printed string, status int, notes []string) {
	t.Helper()
	root := t.TempDir()
	bin, noted := filepath.Join(root, "path"), filepath.Join(root, "notes")
	for _, dir := range []string{"path", "scripts", "bin"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script, err := os.ReadFile("../../scripts/mac-check.sh")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write("scripts/mac-check.sh", string(script))
	note := func(name string) string {
		return fmt.Sprintf("#!/bin/sh\necho \"%s $*\" >>%s\n%s\n", name, noted, bodies[name])
	}
	for _, name := range []string{"sw_vers", "sysctl", "ioreg", "pmset", "cc", "go", "git", "make", "otool", "podman", "docker", "container"} {
		if !slices.Contains(without, name) {
			write(filepath.Join("path", name), note(name))
		}
	}
	write("path/uname", note("uname")+"[ \"$1\" = -m ] && echo arm64 || echo ${STAND_IN_SYSTEM:-Darwin}\n")
	if !slices.Contains(without, "gpubench") {
		write("bin/gpubench", note("gpubench"))
	}
	for _, tool := range []string{"sh", "tee", "grep", "sed", "rm", "mkdir", "dirname", "cat", "cp", "perl"} {
		path, err := exec.LookPath(tool)
		if err == nil {
			err = os.Symlink(path, filepath.Join(bin, tool))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(filepath.Join(root, "scripts/mac-check.sh"))
	if out != "" {
		cmd.Args = append(cmd.Args, out)
	}
	cmd.Env = []string{"PATH=" + bin, "STAND_IN_SYSTEM=" + bodies["system"]}
	text, _ := cmd.CombinedOutput()
	lines, _ := os.ReadFile(noted)
	for line := range strings.Lines(string(lines)) {
		line = strings.TrimSpace(line)
		if line != "uname -s" {
			notes = append(notes, line)
		}
	}
	return string(text), cmd.ProcessState.ExitCode(), notes
}

const (
	aDocument = `case $1 in run | suite) what=$1; while [ "$1" != --json ]; do shift; done; echo "$what" >"$2" ;; esac`
	aRegistry = `echo '    "gpu-core-count" = 20'`
)

func TestMacCheck(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a place")
	printed, status, notes := macCheck(t, out, map[string]string{"gpubench": aDocument, "ioreg": aRegistry, "sw_vers": "echo ProductVersion: 15.1"})
	if status != 0 || !strings.Contains(printed, "all steps passed; please send "+out+"/mac-check.json and "+out+"/mac-check.log") {
		t.Errorf("exit status %d\n%s", status, printed)
	}
	want := append([]string{"cc --version"}, macSteps...) // which is looked for first
	for i := range want {
		want[i] = strings.Replace(want[i], "OUT", out, 1)
	}
	if !slices.Equal(notes, want) {
		t.Errorf("the steps were\n%s\nwant\n%s", strings.Join(notes, "\n"), strings.Join(want, "\n"))
	}
	log, err := os.ReadFile(filepath.Join(out, "mac-check.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"=== sw_vers\nProductVersion: 15.1\n", `"gpu-core-count" = 20`, "=== bin/gpubench devices\n"} {
		if !strings.Contains(string(log), part) || !strings.Contains(printed, part) {
			t.Errorf("the log or the terminal lacks %q:\n%s", part, log)
		}
	}
	checkDocument(t, out, "suite")
	if !strings.Contains(string(log), "mac-check: container engines that answer: podman docker container\n") {
		t.Errorf("the log does not name the engines:\n%s", log)
	}
}

// checkDocument checks by what the document to send was written; empty for none at all.
func checkDocument(t *testing.T, out, want string) {
	t.Helper()
	text, _ := os.ReadFile(filepath.Join(out, "mac-check.json"))
	if got := strings.TrimSpace(string(text)); got != want {
		t.Errorf("the document to send is that of %q, want %q", got, want)
	}
}

// Whatever becomes of the engines, there is a document, which is the suite's where that
// measured what it could.
func TestMacCheckEngines(t *testing.T) {
	engines := []string{"podman", "docker", "container"}
	for _, tt := range []struct {
		name     string
		bodies   map[string]string
		without  []string
		document string
		says     []string
		images   bool
		status   int
	}{
		{"none", nil, engines, "suite", []string{"engines that answer: none; docs/macos.md"}, false, 0},
		{"none that answers", map[string]string{"podman": "exit 125", "docker": "exit 1", "container": "exit 1"}, nil, "suite", []string{"engines that answer: none; "}, false, 0},
		{"podman", map[string]string{"docker": "exit 1"}, []string{"container"}, "suite", []string{"engines that answer: podman\n"}, true, 0},
		{"Apple's alone", nil, engines[:2], "suite", []string{"engines that answer: container\n", "nothing to build the image with"}, false, 0},
		{"images that cannot be built", map[string]string{"make": `[ "$1" != images ] || exit 2`}, nil, "suite", []string{"failed with exit status 2: make images", "\n  make images\n"}, true, 1},
		{"an engine that fails", map[string]string{"gpubench": aDocument + "\n[ $what != suite ] || exit 1"}, nil, "suite", []string{"\n  bin/gpubench suite "}, true, 1},
		{"a wrong result", map[string]string{"gpubench": aDocument + "\n[ $what != suite ] || exit 3"}, nil, "suite", []string{"\n  bin/gpubench suite "}, true, 1},
		{"a suite that crashes", map[string]string{"gpubench": aDocument + "\n[ $what != suite ] || exit 2"}, nil, "run", []string{"that of gpubench run takes its place", "\n  bin/gpubench suite "}, true, 1},
		{"a suite without a document", map[string]string{"gpubench": `[ "$1" != suite ] || exit 1` + "\n" + aDocument}, nil, "run", []string{"that of gpubench run takes its place"}, true, 1},
		{"a run that fails", map[string]string{"gpubench": `[ "$1" != run ] || exit 1` + "\n" + aDocument}, nil, "suite", []string{"\n  bin/gpubench run "}, true, 1},
		{"neither", map[string]string{"gpubench": "[ $1 = devices ]"}, nil, "", []string{"\n  bin/gpubench run ", "\n  bin/gpubench suite "}, true, 1},
	} {
		bodies := map[string]string{"gpubench": aDocument, "ioreg": aRegistry}
		maps.Copy(bodies, tt.bodies)
		out := filepath.Join(t.TempDir(), "out")
		printed, status, notes := macCheck(t, out, bodies, tt.without...)
		if status != tt.status || slices.Contains(notes, "make images") != tt.images {
			t.Errorf("%s: exit status %d, steps\n%s\n%s", tt.name, status, strings.Join(notes, "\n"), printed)
		}
		for _, part := range tt.says {
			if !strings.Contains(printed, part) {
				t.Errorf("%s: %q is not said:\n%s", tt.name, part, printed)
			}
		}
		checkDocument(t, out, tt.document)
	}
}

// A step that fails is named, the others are done all the same, and the exit status says so.
func TestMacCheckGoesOn(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	for _, tt := range []struct {
		name   string
		bodies map[string]string
		absent []string
		failed string
	}{
		{"a measurement that fails", map[string]string{"gpubench": `[ "$1" != run ] || { echo "mps:0: no"; exit 1; }`, "ioreg": aRegistry}, nil,
			"bin/gpubench run --quiet --size 256,1024,1000x777x555 --launches 3 --json " + out + "/native.json"},
		{"a test that fails", map[string]string{"make": `[ "$1" != mac-test ] || exit 2`, "gpubench": aDocument, "ioreg": aRegistry}, nil, "make mac-test"},
		{"a build that makes nothing", map[string]string{"ioreg": aRegistry}, []string{"gpubench"}, "bin/gpubench devices"},
		{"no registry of devices", map[string]string{"gpubench": aDocument}, nil, "sh -c ioreg -rc IOAccelerator -d 1"},
	} {
		printed, status, notes := macCheck(t, out, tt.bodies, tt.absent...)
		if status != 1 || !strings.Contains(printed, "mac-check: these steps failed:\n") || !strings.Contains(printed, "\n  "+tt.failed) {
			t.Errorf("%s: exit status %d\n%s", tt.name, status, printed)
		}
		if len(notes) == 0 || notes[len(notes)-1] != "pmset -g therm" {
			t.Errorf("%s: it ended with %v", tt.name, notes)
		}
		if log, err := os.ReadFile(filepath.Join(out, "mac-check.log")); err != nil || !strings.Contains(string(log), "=== failed with exit status ") {
			t.Errorf("%s: %v, log:\n%s", tt.name, err, log)
		}
	}
}

func TestMacCheckNeeds(t *testing.T) {
	for _, tt := range []struct {
		bodies  map[string]string
		without string
		want    string
	}{
		{map[string]string{"system": "Linux"}, "", "mac-check: this is Linux, not macOS"},
		{nil, "cc", "xcode-select --install"},
		{map[string]string{"cc": "exit 1"}, "", "xcode-select --install"}, // the stand-in that macOS comes with
		{nil, "go", "Go is missing"},
	} {
		printed, status, notes := macCheck(t, "", tt.bodies, tt.without)
		if status != 1 || !strings.Contains(printed, tt.want) || slices.Contains(notes, "make build") {
			t.Errorf("%q: exit status %d, steps %v\n%s", tt.want, status, notes, printed)
		}
	}
}
