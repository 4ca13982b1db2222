// The other architecture, on an emulated processor.

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// child does with one request what a run does.
func child(t *testing.T, s *worker.Spawner, req worker.Request) (events []worker.Event) {
	t.Helper()
	out := s.Run(t.Context(), req, 2*time.Minute, func(e worker.Event) { events = append(events, e) })
	if out.Status != result.StatusOK {
		t.Fatalf("%s %v: %+v", req.Op, req.Problem, out)
	}
	return events
}

func request(p backend.Problem) worker.Request {
	return worker.Request{Backend: "cpu", Device: "cpu", Problem: p, Seed: 7,
		Rules: worker.Rules{WarmupS: 0.001, MinSamples: 6, MinTimeS: 0.001, Precision: 0.5, MaxTimeS: 1, BatchS: 0.0001}}
}

// checksum searches and launches, and returns the hash of the exact product. All
// specializations must have worked.
func checksum(t *testing.T, s *worker.Spawner, p backend.Problem) string {
	t.Helper()
	req := request(p)
	req.Op = worker.OpSearch
	tried, works := 0, 0
	for _, e := range child(t, s, req) {
		if e.Event != worker.EventTried {
			continue
		}
		switch c := e.Candidate; c.Status {
		case result.StatusSkipped:
			tried++
		case result.StatusOK:
			works++
			req.Specialization = c.Specialization
		default:
			t.Errorf("%v: %+v, want ok", p, *c)
		}
	}
	if works == 0 || works != tried {
		t.Errorf("%v: %d of %d candidates work", p, works, tried)
	}
	return launch(t, s, req)
}

// launch launches and returns the hash of C for the exact input.
func launch(t *testing.T, s *worker.Spawner, req worker.Request) string {
	t.Helper()
	req.Op = worker.OpLaunch
	var v result.Verification
	for _, e := range child(t, s, req) {
		if e.Event == worker.EventVerified {
			v = *e.Verification
		}
	}
	if v.Batches == 0 || v.Failed != 0 || v.ExactChecksum == "" {
		t.Errorf("%v: %+v", req.Problem, v)
	}
	return v.ExactChecksum
}

// emulation has binfmt_misc run programs for arm64, in a user namespace of its own.
const emulation = `set -e
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
printf ':aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:%s:F' "$QEMU" >/proc/sys/fs/binfmt_misc/register
exec "$@"`

// Where the kernel has an emulator run programs of the other architecture, as on most
// machines that start images of it, the program in the program starts too: what it does not
// find then is a library.
func TestArm64ByTheKernel(t *testing.T) {
	program := program(t, "gpubench-linux-arm64", "cross")
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command("unshare", append([]string{"--user", "--map-root-user", "--mount", "sh", "-c", emulation, "sh"}, args...)...)
		// The C library for arm64 is that of the cross compiler.
		cmd.Env = append(os.Environ(), "QEMU="+tool(t, "qemu-aarch64-static"), "QEMU_LD_PREFIX=/usr/aarch64-linux-gnu")
		return cmd
	}
	if a := finish(t, command("true")); a.code != 0 {
		t.Skipf("binfmt_misc cannot be used in a user namespace here: %s", a.stderr)
	}
	a := finish(t, command(program, "devices", "--json"))
	var seen struct {
		Devices []result.Device
		Absent  []result.Absent
	}
	if err := json.Unmarshal([]byte(a.stdout), &seen); err != nil || len(seen.Devices) == 0 || seen.Devices[0].ISA != "neon" {
		t.Fatalf("exit code %d: %v\n%s%s", a.code, err, a.stdout, a.stderr)
	}
	for _, absent := range seen.Absent {
		if absent.Backend == "vulkan" && strings.Contains(absent.Reason, "libvulkan.so.1") {
			return
		}
	}
	t.Errorf("absent %+v, want vulkan, since libvulkan.so.1 was not found", seen.Absent)
}

func TestArm64(t *testing.T) {
	program := program(t, "gpubench-linux-arm64", "cross")
	emulated := &worker.Spawner{Path: tool(t, "qemu-aarch64-static"), Args: []string{program, "worker"}}
	native := &worker.Spawner{Path: gpubench(t), Args: []string{"worker"}}

	var devices []string
	for _, e := range child(t, emulated, worker.Request{Op: worker.OpDevices, Backend: "cpu"}) {
		if e.Event == worker.EventDevice {
			devices = append(devices, e.Device.ID)
			if e.Device.ISA != "neon" {
				t.Errorf("%s uses %q, want neon", e.Device.ID, e.Device.ISA)
			}
		}
	}
	if len(devices) == 0 || devices[0] != "cpu" {
		t.Errorf("devices %q, want cpu first", devices)
	}

	for _, p := range []backend.Problem{
		{M: 1, N: 1, K: 1}, {M: 17, N: 13, K: 29}, {M: 65, N: 33, K: 127}, {M: 3, N: 201, K: 1}, {M: 129, N: 1, K: 7},
	} {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			if got, want := checksum(t, emulated, p), checksum(t, native, p); got != want {
				t.Errorf("%s on arm64 and %s here", got, want)
			}
			req := request(p)
			req.Kernel = backend.KernelFMA
			if got, want := launch(t, emulated, req), launch(t, native, req); got != want {
				t.Errorf("multiply-adds: %s on arm64 and %s here", got, want)
			}
		})
	}
}
