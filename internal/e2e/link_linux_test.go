package e2e

import (
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"gpubench/internal/result"
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

// The dynamic program inside has functions of NVIDIA's library that nothing resolves
// before they are called, so it must not be asked to resolve them when it starts.
func TestBindNow(t *testing.T) {
	cmd := exec.Command(gpubench(t), "devices", "--json")
	cmd.Env = append(os.Environ(), "LD_BIND_NOW=1")
	a := finish(t, cmd)
	var got struct {
		Devices []result.Device
		Absent  []result.Absent
	}
	if err := json.Unmarshal([]byte(a.stdout), &got); err != nil || a.code != 0 {
		t.Fatalf("exit code %d, %v\n%s%s", a.code, err, a.stdout, a.stderr)
	}
	for _, absent := range got.Absent {
		if strings.Contains(absent.Reason, "process") {
			t.Errorf("%s: %s", absent.Backend, absent.Reason)
		}
	}
	for _, d := range got.Devices {
		if d.Software && d.NVML != nil {
			t.Errorf("%s has NVIDIA's telemetry: %+v", d.ID, d.NVML)
		}
	}
}
