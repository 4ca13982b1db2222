package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// clone copies the files that git knows or would add.
func clone(t *testing.T) string {
	t.Helper()
	from, to := repository(t), t.TempDir()
	list := exec.Command(tool(t, "git"), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = from
	names, err := list.Output()
	if err != nil {
		t.Skip("this is no clone: ", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) {
			continue // removed, and not yet in the index
		}
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o777)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), text, 0o777)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// A C file without the constraint of its package's cgo files is found where that package
// has no cgo files, whether it lost the constraint or somebody has just added it; and so is
// Go that only one system compiles.
func TestTargets(t *testing.T) {
	dir := clone(t)
	check := func(target string) answer {
		cmd := exec.Command(filepath.Join(dir, "scripts/targets.sh"), target)
		return finish(t, cmd)
	}
	if a := check("darwin/arm64"); a.code != 0 {
		t.Errorf("exit code %d\n%s", a.code, a.stderr)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"cuda/driver.c", "cpu/pool.c"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		line, rest, _ := strings.Cut(string(text), "\n")
		if err != nil || !strings.HasPrefix(line, "//go:build cgo && ") {
			t.Fatalf("%s begins with %q, %v", name, line, err)
		}
		write(name, rest)
	}
	write("metal/added.m", "int added;\n")
	write("cpu/blas/added.c", "int added;\n")
	write("internal/host/added_darwin.go", "package host\n\nvar added = misspelt\n")
	write("internal/ir/added_riscv64.go", "package ir\n\nvar added int = \"text\"\n")
	for target, parts := range map[string][]string{
		"darwin/arm64":    {"gpubench/cuda: C source files not allowed", "driver.c", "added_darwin.go:3:13: undefined: misspelt", "needs the build constraint"},
		"linux/riscv64":   {"gpubench/cpu: C source files not allowed", "pool.c", "gpubench/metal: Objective-C source files not allowed", "added_riscv64.go:3:17: cannot use \"text\""},
		"openbsd/riscv64": {"gpubench/cpu/blas: C source files not allowed", "added.c"},
		"linux/amd64":     {"gpubench/metal: Objective-C source files not allowed", "added.m"},
		"linux/abacus":    {"linux/abacus is no OS/ARCH that Go knows"},
	} {
		a := check(target)
		for _, part := range parts {
			if a.code == 0 || !strings.Contains(a.stderr, part) {
				t.Errorf("%s: exit code %d without %q\n%s", target, a.code, part, a.stderr)
			}
		}
	}
	write("go.mod", "module gpubench\n\ngo 1.26.0\n\nrequire (\n")
	if a := check("darwin/arm64"); a.code == 0 {
		t.Error("go list failed, and the script did not")
	}
}
