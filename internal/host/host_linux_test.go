package host

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// A static program in a root without /proc, /sys or anything else.
func TestEmptyRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a chroot needs root")
	}
	if os.Getenv(printFacts) != "" {
		t.Skip("this is the inner one")
	}
	root := t.TempDir()
	build := exec.Command("go", "test", "-c", "-o", root+"/facts", ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	inner := exec.Command("/facts", "-test.run=^TestFacts$", "-test.v")
	inner.Dir = "/"
	inner.Env = []string{printFacts + "=1"}
	inner.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	out, err := inner.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestFacts") {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "Runtime:{Name:native") {
		t.Errorf("got %s", out)
	}
}
