package cpu

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The compiler of a Mac is clang: it takes the NEON code, without a warning.
func TestClangTakesTheNEONCode(t *testing.T) {
	const headers = "/usr/aarch64-linux-gnu/include"
	if _, err := exec.LookPath("clang"); err != nil {
		t.Skip("needs clang")
	}
	if _, err := os.Stat(filepath.Join(headers, "pthread.h")); err != nil {
		t.Skip("needs libc6-dev-arm64-cross")
	}
	sources, _ := filepath.Glob("zz_*_arm64.c")
	if len(sources) < 3 {
		t.Fatalf("only %d sources", len(sources))
	}
	for _, source := range append(sources, "pool.c") {
		args := []string{"--target=aarch64-linux-gnu", "-isystem", headers, "-O3", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-c", source, "-o", filepath.Join(t.TempDir(), "x.o")}
		if out, err := exec.Command("clang", args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", source, err, out)
		}
	}
}
