//go:build !gnustep

package metal

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gpubench/internal/result"
)

// TestOnGNUstep runs this package's tests once more under the build tag gnustep: with the
// Objective-C that a Mac runs, compiled by clang against the headers of package fake. A
// selector that the headers lack, or a type that differs, does not compile.
func TestOnGNUstep(t *testing.T) {
	cmd := exec.Command("go", "test", "-tags", "gnustep", "-count", "1", "-v", ".", "gpubench/internal/host")
	cmd.Env = gnustep(t)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// What ran is listed as a part of this test.
	ran := 0
	for line := range strings.Lines(string(out)) {
		name, passed := strings.CutPrefix(line, "--- PASS: ")
		if passed {
			name, _, _ = strings.Cut(name, " ")
			ran++
			t.Run(strings.TrimPrefix(name, "Test"), func(*testing.T) {})
		}
		if strings.HasPrefix(line, "--- SKIP: ") {
			t.Errorf("skipped: %s", line)
		}
	}
	if ran < 10 {
		t.Errorf("only %d tests ran:\n%s", ran, out)
	}
}

// TestProgramOnGNUstep runs the program as a Mac has it, on the same Metal: metal and mps
// beside the CPU, each in processes of its own, all with the same bits on the exact input
// but for the product in float16, which has an exact input of its own and no ratio.
func TestProgramOnGNUstep(t *testing.T) {
	env, dir := gnustep(t), t.TempDir()
	program, document := filepath.Join(dir, "gpubench"), filepath.Join(dir, "doc.json")
	build := exec.Command("go", "build", "-tags", "gnustep", "-ldflags=-extldflags=-Wl,-z,lazy", "-o", program, "gpubench/cmd/gpubench")
	build.Env = env
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(program, "run", "--size", "48x40x33", "--device", "cpu:1,metal,mps", "--baseline", "cpu:1", "--limits=false",
		"--launches", "1", "--min-time", "10ms", "--warmup", "10ms", "--precision", "50%", "--json", document)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	table, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, table)
	}
	f, err := os.Open(document)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := result.Read(f, document)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, m := range d.Measurements {
		rows = append(rows, fmt.Sprintf("%s %s %s %s %s %v", m.Device, m.Role, m.Kernel.Form, m.Kernel.Format, m.Status, m.Verification.ExactChecksum == d.Measurements[0].Verification.ExactChecksum))
		if o := m.Launches[0].Opened; o == nil || o.Name == "" || m.SearchedOn == nil || *m.SearchedOn != *o {
			t.Errorf("%s: searched on %+v, opened %+v", m.Device, m.SearchedOn, o)
		}
		if n := len(m.Launches[0].Telemetry); n != 2 {
			t.Errorf("%s: %d readings, not one before and one after", m.Device, n)
		}
	}
	if got, want := strings.Join(rows, "; "), "cpu:1 kernel c f32 ok true; metal:0 kernel msl f32 ok true; mps:0 reference mps f32 ok true; mps:0:f16 reference mps f16 ok false"; got != want {
		t.Errorf("rows: %s\nwant: %s\n%s", got, want, table)
	}
}

// gnustep is the environment in which go builds with the tag gnustep, or skips the test.
func gnustep(t *testing.T) []string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds for half a minute")
	}
	for _, tool := range []string{"clang", "gcc", "g++"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs clang, gcc and g++")
		}
	}
	// go test keeps a result until a file changes that the test has looked at. Those that the
	// go commands below compile it does not see.
	for _, dir := range []string{".", "../cmd", "../cpu", "../internal", "../kernels", "../vk"} {
		if err := filepath.WalkDir(dir, func(_ string, _ os.DirEntry, err error) error { return err }); err != nil {
			t.Fatal(err)
		}
	}
	const headers = "/usr/include/GNUstep"
	if _, err := os.Stat(filepath.Join(headers, "Foundation", "Foundation.h")); err != nil {
		t.Skip("needs libgnustep-base-dev")
	}
	// Both are where gcc keeps what belongs to its Objective-C.
	include, library := gcc(t, "include"), gcc(t, "libobjc.so")
	if _, err := os.Stat(filepath.Join(include, "objc", "objc.h")); err != nil || library == "libobjc.so" {
		t.Skip("needs gobjc")
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	// clang has headers of its own, and of gcc's wants only those of Objective-C. Where they
	// lie stays the same, so that go need not build everything anew.
	objc := filepath.Join(here, "..", "build", "objc")
	if err := os.MkdirAll(objc, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(include, "objc"), filepath.Join(objc, "objc")); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	return append(os.Environ(), "CC=clang", "CGO_ENABLED=1",
		"CGO_CFLAGS=-g -O1 -Werror -Wno-deprecated-declarations -pthread -fexceptions -fobjc-runtime=gcc -fconstant-string-class=NSConstantString"+
			" -DGNUSTEP -DGNUSTEP_BASE_LIBRARY=1 -isystem "+headers+" -isystem "+objc+" -I"+filepath.Join(here, "fake", "include"),
		"CGO_LDFLAGS=-L"+filepath.Dir(library)+" -lgnustep-base -lobjc")
}

// gcc is where gcc keeps a file.
func gcc(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("gcc", "-print-file-name="+name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
