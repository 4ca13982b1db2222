package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A library in the working directory is not loaded, whatever its name is and however the
// environment leads to that directory.
func TestHostileWorkingDirectory(t *testing.T) {
	compiler, dir := tool(t, "cc"), t.TempDir()
	loaded := filepath.Join(t.TempDir(), "loaded")
	source, library := filepath.Join(dir, "hostile.c"), filepath.Join(dir, "hostile.so")
	text := fmt.Sprintf("#include <stdio.h>\n__attribute__((constructor)) static void hostile(void) { FILE *f = fopen(\"%s\", \"a\"); fputs(\"loaded\\n\", f); fclose(f); }\n", loaded)
	if err := os.WriteFile(source, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(compiler, "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	below := filepath.Join(dir, "share", "vulkan", "icd.d")
	if err := os.MkdirAll(below, 0o777); err != nil {
		t.Fatal(err)
	}
	icd := fmt.Sprintf(`{"file_format_version": "1.0.0", "ICD": {"library_path": %q, "api_version": "1.2.0"}}`, library)
	if err := os.WriteFile(filepath.Join(below, "hostile.json"), []byte(icd), 0o666); err != nil {
		t.Fatal(err)
	}
	names := []string{"libvulkan.so.1", "libvulkan.so", "libcuda.so.1", "libcublas.so.13", "libcublas.so.12", "libnvidia-ml.so.1", "libopenblas.so.0", "libmkl_rt.so.2",
		"libiomp5.so", "libgomp.so.1", "libblis.so.4", "libblas.so.3", "libvulkan_lvp.so", "libdl.so.2", "libpthread.so.0"}
	for _, name := range names {
		if err := os.Symlink(library, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ variable, says string }{
		{"LD_LIBRARY_PATH=:", ""},
		{"LD_LIBRARY_PATH=/nowhere:", ""},
		{"LD_LIBRARY_PATH=;/nowhere", ""},
		{"LD_LIBRARY_PATH=.", `LD_LIBRARY_PATH has the relative directory "."`},
		{"LD_LIBRARY_PATH=/nowhere:share/..", `LD_LIBRARY_PATH has the relative directory "share/.."`},
		{"XDG_DATA_HOME=share", `XDG_DATA_HOME has the relative directory "share"`},
		{"UNUSED=", ""},
	} {
		cmd := exec.Command(gpubench(t), "devices")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), tt.variable)
		a := finish(t, cmd)
		if _, err := os.Stat(loaded); err == nil {
			t.Errorf("%s: a library of the working directory was loaded", tt.variable)
			os.Remove(loaded)
		}
		if a.code != 0 || tt.says == "" && strings.Contains(a.stderr, "relative directory") || !strings.Contains(a.stderr, tt.says) {
			t.Errorf("%s: exit code %d\n%s", tt.variable, a.code, a.stderr)
		}
	}
}
