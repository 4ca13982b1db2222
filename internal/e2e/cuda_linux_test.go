// CUDA through the whole program: without a driver, and with one that fails. There is no
// card here: the driver is a library of the tests, found as the real one is.

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// standIn builds the libraries that stand in for libcuda and libcublas in package cuda's
// tests, and returns the environment in which they are found. STANDIN_FAULT names a fault.
func standIn(t *testing.T, more ...string) []string {
	t.Helper()
	compiler, dir := tool(t, "cc"), t.TempDir()
	for _, lib := range [][]string{{"libcuda.so.1", "libcuda.c"}, {"libcublas.so.12", "libcublas.c", "-DVERSION=120805"}} {
		source := filepath.Join(repository(t), "cuda", "testdata", "standin", lib[1])
		args := append([]string{"-shared", "-fPIC", "-O1", "-o", filepath.Join(dir, lib[0]), source}, lib[2:]...)
		if out, err := exec.Command(compiler, append(args, "-ldl")...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return slices.Concat(os.Environ(), []string{"LD_LIBRARY_PATH=" + dir}, more)
}

// A machine without NVIDIA's driver says so, with what to do, and measures what is there.
func TestWithoutCUDA(t *testing.T) {
	program := gpubench(t)
	a := finish(t, exec.Command(program, "devices", "--json"))
	var list struct {
		Devices []result.Device
		Absent  []result.Absent
	}
	if err := json.Unmarshal([]byte(a.stdout), &list); err != nil {
		t.Fatalf("%v\n%s", err, a.stdout)
	}
	if slices.ContainsFunc(list.Devices, func(d result.Device) bool { return d.Backend == "cuda" }) {
		t.Skip("there is an NVIDIA driver here")
	}
	a = finish(t, exec.Command(program, "devices"))
	text := strings.Join(strings.Fields(a.stdout), " ")
	for _, words := range []string{"absent: cuda: libcuda.so.1 not found; install NVIDIA's driver; in a container give it the GPU: docker run --gpus all, or podman run --device nvidia.com/gpu=all", "absent: cublas: "} {
		if !strings.Contains(text, words) {
			t.Errorf("%q is not in\n%s", words, a.stdout)
		}
	}
	for _, flag := range []string{"--device", "--backend"} {
		if a := finish(t, exec.Command(program, "run", "--size", "64", flag, "cuda")); a.code != 4 || !strings.Contains(a.stderr, "cuda: libcuda.so.1 not found; install") {
			t.Errorf("%s cuda: exit code %d, %s", flag, a.code, a.stderr)
		}
	}
}

// faultyCUDA are the flags of runs with a driver that fails.
var faultyCUDA = []string{"run", "--limits=false", "--size", "64", "--launches", "2", "--warmup", "10ms", "--min-time", "10ms", "--precision", "20%", "--json", "-"}

func TestFailingCUDA(t *testing.T) {
	program, env := gpubench(t), standIn(t)
	for _, tt := range []struct {
		name, fault, device string
		flags               []string
		exit                int
		code                string
		reason              []string
		launched            bool
	}{
		{"it computes nothing", "", "cuda:0", nil, 3, string(backend.WrongResult), []string{"specializations works: C[0,0] was never written"}, false},
		{"the text is refused", "cuModuleLoadDataEx=218", "cuda:0", nil, 1, string(backend.Failed), []string{"cuModuleLoadDataEx: CUDA_ERROR_INVALID_PTX", "line 7; fatal : Parsing error near 'frobnicate'"}, false},
		{"the driver is too old for the text", "cuModuleLoadDataEx=222", "cuda:0", nil, 0, string(backend.Unusable), []string{"CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "too old"}, false},
		{"no memory", "cuMemAlloc_v2=2@3", "cuda:0", nil, 1, string(backend.OutOfMemory), []string{"allocate ", "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY", "nvidia-smi"}, false},
		{"a launch fails", "cuLaunchKernel=719", "cuda:0", nil, 1, string(backend.DeviceLost), []string{"cuLaunchKernel: CUDA_ERROR_LAUNCH_FAILED", "dmesg"}, false},
		{"the driver aborts", "cuLaunchKernel=abort", "cuda:0", nil, 1, worker.CodeSignal, []string{"killed by SIGABRT"}, false},
		{"the driver hangs", "cuStreamSynchronize=hang@4", "cuda:0", []string{"--timeout", "3s"}, 1, worker.CodeTimeLimit, []string{"time limit of 3 s", "the driver may hang"}, false},
		{"the device is lost while samples are taken", "cuEventRecord=700@75", "cublas:0", nil, 1, string(backend.DeviceLost), []string{"none of 2 launches succeeded; launch 1: batch ", "CUDA_ERROR_ILLEGAL_ADDRESS", "dmesg"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(program, slices.Concat(faultyCUDA, []string{"--device", "cpu," + tt.device}, tt.flags)...)
			cmd.Env = append(slices.Clone(env), "STANDIN_FAULT="+tt.fault)
			mark := marking(cmd)
			a := finish(t, cmd)
			wantNoneLeft(t, mark)
			doc := a.document(t, tt.exit)
			wantOK(t, measured(t, doc, "cpu"))
			m := measured(t, doc, tt.device)
			// What may not run is no failure of the run, but no figure either.
			status := result.StatusFailed
			if tt.code == string(backend.Unusable) {
				status = result.StatusUnsupported
			}
			if m.Status != status || m.Code != tt.code || m.Summary != nil || len(m.Launches) > 0 != tt.launched {
				t.Errorf("%s %s, code %q, summary %v, %d launches (%s), want %s, %q, none", m.Device, m.Status, m.Code, m.Summary, len(m.Launches), m.Reason, status, tt.code)
			}
			for _, words := range tt.reason {
				if !strings.Contains(m.Reason, words) {
					t.Errorf("reason %q, want %q in it", m.Reason, words)
				}
			}
			if len(doc.Ratios) > 0 {
				t.Errorf("ratios %+v of a device without a figure", doc.Ratios)
			}
		})
	}
}

// A driver that cannot be started is absent, with its reason; the CPU is measured.
func TestCUDAWithoutADevice(t *testing.T) {
	program := gpubench(t)
	for code, words := range map[string]string{"100": "CUDA_ERROR_NO_DEVICE", "803": "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"} {
		// Nothing else is looked for.
		cmd := exec.Command(program, faultyCUDA...)
		cmd.Env = standIn(t, "STANDIN_FAULT=cuInit="+code, "VK_DRIVER_FILES=/nowhere.json", "VK_ICD_FILENAMES=/nowhere.json", "GPUBENCH_BLAS=/nowhere.so")
		doc := finish(t, cmd).document(t, 0)
		wantOK(t, measured(t, doc, "cpu"))
		at := slices.IndexFunc(doc.Absent, func(a result.Absent) bool { return a.Backend == "cuda" })
		if at < 0 || !strings.Contains(doc.Absent[at].Reason, "cuInit: "+words) || doc.Absent[at].Remedy == "" {
			t.Errorf("absent %+v, want cuda with %s", doc.Absent, words)
		}
		cmd = exec.Command(program, "run", "--size", "64", "--backend", "cpu,cuda")
		cmd.Env = standIn(t, "STANDIN_FAULT=cuInit="+code)
		if a := finish(t, cmd); a.code != 4 || !strings.Contains(a.stderr, words) {
			t.Errorf("--backend cuda: exit code %d, %s", a.code, a.stderr)
		}
	}
}

// cuBLAS stands beside the kernel in two formats that are never mixed. Its product here
// is that of a library of the tests.
func TestCUBLAS(t *testing.T) {
	cmd := exec.Command(gpubench(t), slices.Concat(faultyCUDA, []string{"--device", "cpu,cublas", "--launches", "3"})...)
	cmd.Env = standIn(t)
	doc := finish(t, cmd).document(t, 0)
	cpu, f32, tf32 := measured(t, doc, "cpu"), measured(t, doc, "cublas:0"), measured(t, doc, "cublas:0:tf32")
	for _, m := range []result.Measurement{cpu, f32, tf32} {
		wantOK(t, m)
		if m.Verification.ExactChecksum != cpu.Verification.ExactChecksum {
			t.Errorf("%s came to other bits than the CPU", m.Device)
		}
	}
	if f32.Role != result.RoleReference || f32.Kernel.Name != "sgemm" || f32.Kernel.Format != "f32" || f32.Kernel.Form != "cublas" ||
		tf32.Role != result.RoleReference || tf32.Kernel.Name != "sgemm" || tf32.Kernel.Format != "tf32" {
		t.Errorf("%+v, %+v", f32.Kernel, tf32.Kernel)
	}
	if !(tf32.Verification.Bound > 100*f32.Verification.Bound) || !(tf32.Verification.MaxError > f32.Verification.Bound) {
		t.Errorf("float32 within %g of %g, TF32 within %g of %g", f32.Verification.MaxError, f32.Verification.Bound, tf32.Verification.MaxError, tf32.Verification.Bound)
	}
	if len(doc.Ratios) != 1 || doc.Ratios[0].Fast != f32.ID || doc.Ratios[0].Slow != cpu.ID {
		t.Errorf("ratios %+v, want one of float32 to the CPU", doc.Ratios)
	}
}
