package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What is committed is what the source makes: every derived file is remade elsewhere
// and compared byte for byte, and nothing that is not made lies beside them.
func TestCurrent(t *testing.T) {
	for _, tool := range []string{"glslangValidator", "spirv-opt", "spirv-val", "spirv-cross"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs glslang-tools, spirv-tools and spirv-cross")
		}
	}
	root, dst := filepath.Join("..", ".."), t.TempDir()
	if err := run(root, dst); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"kernels/*.spv", "kernels/*.metal", "cpu/zz_*.c"} {
		made, _ := filepath.Glob(filepath.Join(dst, pattern))
		kept, _ := filepath.Glob(filepath.Join(root, pattern))
		if len(made) == 0 || len(made) != len(kept) {
			t.Errorf("%s: %d files are made and %d are committed; run make kernels", pattern, len(made), len(kept))
		}
		for _, f := range made {
			name, _ := filepath.Rel(dst, f)
			want, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is not what kernels/*.comp make; run make kernels", name)
			}
		}
	}
}
