package e2e

import (
	"debug/elf"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// maxSize keeps the program one that is copied into an image without a thought.
const maxSize = 25 << 20

func TestStatic(t *testing.T) {
	native := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]
	for _, tt := range []struct {
		name, target string
		machine      elf.Machine
	}{
		{"gpubench", "build", native},
		{"gpubench-linux-arm64", "cross", elf.EM_AARCH64},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := program(t, tt.name, tt.target)
			f, err := elf.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if f.Machine != tt.machine {
				t.Errorf("made for %v, want %v", f.Machine, tt.machine)
			}
			for _, p := range f.Progs {
				if p.Type == elf.PT_INTERP {
					t.Error("it asks for a dynamic loader (PT_INTERP)")
				}
			}
			if needed, err := f.DynString(elf.DT_NEEDED); err != nil || len(needed) > 0 {
				t.Errorf("it needs the libraries %q (DT_NEEDED): %v", needed, err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Size() >= maxSize {
				t.Errorf("it has %d bytes, want less than %d", info.Size(), maxSize)
			}
		})
	}
	t.Run("as file sees it", func(t *testing.T) {
		out, err := exec.Command(tool(t, "file"), "--brief", gpubench(t)).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "statically linked") && !strings.Contains(string(out), "static-pie linked") {
			t.Errorf("file: %v: %s", err, out)
		}
	})
	t.Run("as ldd sees it", func(t *testing.T) {
		// It exits with 1 for a program that has nothing to list.
		out, _ := exec.Command(tool(t, "ldd"), gpubench(t)).CombinedOutput()
		if s := string(out); !strings.Contains(s, "not a dynamic executable") && !strings.Contains(s, "statically linked") {
			t.Errorf("ldd: %s", s)
		}
	})
}
