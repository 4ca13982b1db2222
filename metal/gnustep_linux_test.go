//go:build !gnustep

package metal

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOnGNUstep runs this package's tests once more under the build tag gnustep: with the
// Objective-C that a Mac runs, compiled by clang against the headers of package fake. A
// selector that the headers lack, or a type that differs, does not compile.
func TestOnGNUstep(t *testing.T) {
	if testing.Short() {
		t.Skip("builds for half a minute")
	}
	for _, tool := range []string{"clang", "gcc", "g++"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs clang, gcc and g++")
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
	args := []string{"test", "-tags", "gnustep", "-count", "1", "-v"}
	cmd := exec.Command("go", append(args, ".", "gpubench/internal/host")...)
	cmd.Env = append(os.Environ(), "CC=clang", "CGO_ENABLED=1",
		"CGO_CFLAGS=-g -O1 -Werror -pthread -fexceptions -fobjc-runtime=gcc -fconstant-string-class=NSConstantString"+
			" -DGNUSTEP -DGNUSTEP_BASE_LIBRARY=1 -isystem "+headers+" -idirafter "+include+" -I"+filepath.Join(here, "fake", "include"),
		"CGO_LDFLAGS=-L"+filepath.Dir(library)+" -lgnustep-base -lobjc")
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

// gcc is where gcc keeps a file.
func gcc(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("gcc", "-print-file-name="+name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
