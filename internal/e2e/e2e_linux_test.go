// What the tests share: the programs, running them, and the driver.

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/result"
)

// repository is the directory of go.mod.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}

// program is the path of a program that make builds. Its Stat also tells go test
// that a cached result is good only for as long as the program stays as it is.
func program(t *testing.T, name, target string) string {
	t.Helper()
	path := filepath.Join(repository(t), "bin", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("bin/%s is not there: run make %s", name, target)
	}
	return path
}

func gpubench(t *testing.T) string { return program(t, "gpubench", "build") }

// tool is the path of a program of the system.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: run make test-setup", name)
	}
	return path
}

// quick are flags for tests that want a measurement and don't mind how good it is.
var quick = []string{"run", "--limits=false", "--size", "64", "--launches", "2", "--min-time", "50ms", "--precision", "20%", "--json", "-"}

// answer is what a finished program leaves.
type answer struct {
	code           int
	stdout, stderr string
}

// finish runs a command to its end.
func finish(t *testing.T, cmd *exec.Cmd) answer {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	return answer{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// document reads the standard output, after the program has exited as expected.
func (a answer) document(t *testing.T, code int) *result.Document {
	t.Helper()
	if a.code != code {
		t.Fatalf("exit code %d, want %d\n%s", a.code, code, a.stderr)
	}
	doc, err := result.Read(strings.NewReader(a.stdout), "standard output")
	if err != nil {
		t.Fatalf("%v\n%s", err, a.stdout)
	}
	return doc
}

// measured is the only measurement of a product on a device.
func measured(t *testing.T, doc *result.Document, device string) result.Measurement {
	t.Helper()
	var found []result.Measurement
	for _, m := range doc.Measurements {
		if m.Device == device && (m.Role == result.RoleKernel || m.Role == result.RoleReference) {
			found = append(found, m)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d measurements of %s, want 1; absent: %+v", len(found), device, doc.Absent)
	}
	return found[0]
}

// wantOK checks a measurement that has gone well.
func wantOK(t *testing.T, m result.Measurement) {
	t.Helper()
	v := m.Verification
	if m.Status != result.StatusOK || m.Summary == nil || v.Failed != 0 || v.Batches == 0 || !strings.HasPrefix(v.ExactChecksum, "sha256:") {
		t.Errorf("%s: status %q (%s), summary %+v, verification %+v, want ok and no failed batch", m.Device, m.Status, m.Reason, m.Summary, v)
	}
}

// wantSame checks that two devices ran the same module and came to the same bits.
func wantSame(t *testing.T, a, b result.Measurement) {
	t.Helper()
	if a.Kernel.SPIRVSHA256 != b.Kernel.SPIRVSHA256 || len(a.Kernel.SPIRVSHA256) != 64 {
		t.Errorf("SPIR-V %q on %s and %q on %s, want the same", a.Kernel.SPIRVSHA256, a.Device, b.Kernel.SPIRVSHA256, b.Device)
	}
	if a.Verification.ExactChecksum != b.Verification.ExactChecksum {
		t.Errorf("the exact input gave %s on %s and %s on %s", a.Verification.ExactChecksum, a.Device, b.Verification.ExactChecksum, b.Device)
	}
}

// software is Mesa's Vulkan driver that runs on the CPU: its JSON file, and the
// library that this names.
func software(t *testing.T) (manifest, library string) {
	t.Helper()
	files, _ := filepath.Glob("/usr/share/vulkan/icd.d/lvp_icd*.json")
	if len(files) == 0 {
		t.Skip("needs Mesa's software Vulkan driver (lavapipe): run make test-setup")
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var icd struct {
		ICD struct {
			Library string `json:"library_path"`
		}
	}
	if err := json.Unmarshal(text, &icd); err != nil || icd.ICD.Library == "" {
		t.Fatalf("%s: %v\n%s", files[0], err, text)
	}
	library = icd.ICD.Library
	switch {
	case !strings.Contains(library, "/"):
		library = systemLibrary(t, library)
	case !filepath.IsAbs(library):
		library = filepath.Join(filepath.Dir(files[0]), library)
	}
	return files[0], library
}

// systemLibrary is the path at which the dynamic loader finds a library.
func systemLibrary(t *testing.T, name string) string {
	t.Helper()
	cmd := exec.Command("/sbin/ldconfig", "-p")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("ldconfig: %v", err)
	}
	m := regexp.MustCompile(`(?m)^\s` + regexp.QuoteMeta(name) + ` .*=> (\S+)$`).FindSubmatch(out)
	if m == nil {
		t.Skipf("%s is not installed: run make test-setup", name)
	}
	return string(m[1])
}

// onSoftware adds to this process's environment that Vulkan is to use the driver of
// software alone, whatever else is installed.
func onSoftware(t *testing.T, more ...string) []string {
	t.Helper()
	manifest, _ := software(t)
	systemLibrary(t, "libvulkan.so.1")
	return slices.Concat(os.Environ(), []string{"VK_DRIVER_FILES=" + manifest, "VK_ICD_FILENAMES=" + manifest}, more)
}

// codes are the codes of warnings.
func codes(warnings []result.Warning) []string {
	var list []string
	for _, w := range warnings {
		list = append(list, w.Code)
	}
	return list
}
