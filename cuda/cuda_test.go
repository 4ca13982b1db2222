//go:build cgo && linux

package cuda

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/kernels"
)

// standIn is the name that the stand-in's devices have.
const standIn = "gpubench stand-in"

// TestMain runs the tests with stand-ins for libcuda and libcublas, which the C compiler
// makes and the loader finds as it finds the real ones. Where there is no compiler the
// tests that need them are skipped.
func TestMain(m *testing.M) {
	if os.Getenv("GPUBENCH_STANDIN") != "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "standin")
	if err == nil {
		err = compileStandIns(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the stand-ins could not be made:", err)
		os.Exit(1)
	}
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), "GPUBENCH_STANDIN="+dir, "LD_LIBRARY_PATH="+dir)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Run()
	os.RemoveAll(dir)
	if err != nil {
		os.Exit(1)
	}
}

func compileStandIns(dir string) error {
	for _, lib := range [][]string{
		{"libcuda.so.1", "libcuda.c"},
		{"libcuda-old.so", "libcuda.c", "-DOLD"},
		{"libcuda-lacking.so", "libcuda.c", "-DNO_MEMSET"},
		{"libcublas.so.12", "libcublas.c", "-DVERSION=120805"},
		{"libcublas-old.so", "libcublas.c", "-DVERSION=11301"},
	} {
		args := append([]string{"-shared", "-fPIC", "-O1", "-o", filepath.Join(dir, lib[0]), filepath.Join("testdata", "standin", lib[1])}, lib[2:]...)
		if out, err := exec.Command("cc", append(args, "-ldl")...).CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", args, err, out)
		}
	}
	return nil
}

// again runs a test in a process of its own, in which other libraries are the driver's:
// what is opened once stays open. It reports whether the test is to go on here.
func again(t *testing.T, variable, value string) bool {
	t.Helper()
	if os.Getenv(variable) == value {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"="+value)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func modules(t testing.TB) (list []Kernel) {
	t.Helper()
	for name, module := range kernels.Modules {
		k, err := ParseKernel(name, module)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, k)
	}
	return list
}

// openStandIn opens the stand-in's first device.
func openStandIn(t testing.TB) backend.Device {
	t.Helper()
	d, err := New(modules(t)...).Open("cuda:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if !strings.HasPrefix(d.Info().Name, standIn) {
		t.Fatalf("the device is %q, not the stand-in", d.Info().Name)
	}
	return d
}

// wantError checks an error of this package: its kind, words in it, and that it says what
// to do.
func wantError(t *testing.T, err error, kind backend.Kind, words ...string) {
	t.Helper()
	var e *backend.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Remedy == "" {
		t.Errorf("error %v (%+v), want kind %s and a remedy", err, e, kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error()+"; "+e.Remedy, w) {
			t.Errorf("error %q; %q, want %q in it", err, e.Remedy, w)
		}
	}
}

func TestDevices(t *testing.T) {
	list, err := New(modules(t)...).Devices()
	if err != nil || len(list) != 3 {
		t.Fatalf("%d devices, %v", len(list), err)
	}
	d := list[0]
	if d.ID != "cuda:0" || d.Backend != "cuda" || d.Class != result.ClassDiscrete || !d.GPU() || d.Role() != result.RoleKernel || !d.Timestamps ||
		d.API != "12.4" || d.Driver.Version != "12040" || d.UUID != "000102030405060708090a0b0c0d0e0f" || d.MemoryBytes != 1<<30 || d.Unusable != "" {
		t.Errorf("%+v", d)
	}
	for name, want := range map[string]uint64{"COMPUTE_CAPABILITY_MAJOR": 9, "MULTIPROCESSOR_COUNT": 132, "MAX_SHARED_MEMORY_PER_BLOCK_OPTIN": 232448, "MAX_GRID_DIM_Y": 65535, "ECC_ENABLED": 1} {
		if got := d.Limits["CU_DEVICE_ATTRIBUTE_"+name]; got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	for i, words := range []string{"", "compute capability 5.0, and the kernels are translated for 5.3", "compute mode is prohibited; nvidia-smi -i 2"} {
		if !strings.Contains(list[i].Unusable, words) {
			t.Errorf("%s: %q, want %q in it", list[i].ID, list[i].Unusable, words)
		}
		if words != "" {
			_, err := New(modules(t)...).Open(list[i].ID)
			wantError(t, err, backend.Unusable, words)
		}
	}
	for _, id := range []string{"cuda", "cuda:3", "cuda:-1", "cuda:00", ""} {
		_, err := New().Open(id)
		wantError(t, err, backend.NoDevice, "cuda:0 ("+standIn)
	}
}

func TestModuleVersion(t *testing.T) {
	for text, want := range map[string]string{
		"NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n": "550.54.15",
		"NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  580.65.06  Release Build  (dvs-builder@U22)\n":                                        "580.65.06",
		"": "", "NVRM version": "", "a.b 1. .1 70000.1": "",
	} {
		if got := moduleVersion(text); got != want {
			t.Errorf("moduleVersion(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzModuleVersion(f *testing.F) {
	f.Add("Kernel Module  550.54.15  Tue")
	f.Fuzz(func(t *testing.T, text string) {
		v := moduleVersion(text)
		if v != "" && (!strings.Contains(text, v) || strings.Trim(v, "0123456789.+-") != "") {
			t.Errorf("%q", v)
		}
	})
}

// Without a driver the backend is absent, and says how to get one.
func TestNoDriver(t *testing.T) {
	if !again(t, "LD_LIBRARY_PATH", "/nowhere") {
		return
	}
	_, err := New().Devices()
	wantError(t, err, backend.Absent, "cuda: libcuda.so.1 not found", "install NVIDIA's driver", "--gpus all", "nvidia.com/gpu=all", "WSL")
	_, err = New().Open("cuda:0")
	wantError(t, err, backend.Absent, "cuda: libcuda.so.1 not found")
	if _, err = NewBLAS().Devices(); kindOf(err) != backend.Absent {
		t.Error(err)
	}
}

// A driver that lacks a call, and a file that is no library, are absent as well.
func TestUnusableDrivers(t *testing.T) {
	dir := os.Getenv("GPUBENCH_STANDIN")
	text := filepath.Join(dir, "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !again(t, "GPUBENCH_ALONE", "1") {
		return
	}
	for file, words := range map[string]string{"libcuda-lacking.so": "it has no cuMemsetD32Async", "text.so": "text.so"} {
		libraries = []string{filepath.Join(dir, file)}
		_, err := New().Devices()
		wantError(t, err, backend.Absent, "cannot be used: ", words, "install NVIDIA's driver whole")
	}
}

// An old driver has no graphs: every dispatch is launched by itself.
func TestOldDriver(t *testing.T) {
	if !again(t, "GPUBENCH_ALONE", "1") {
		return
	}
	libraries = []string{filepath.Join(os.Getenv("GPUBENCH_STANDIN"), "libcuda-old.so")}
	d := openStandIn(t)
	if d.Info().UUID != "000102030405060708090a0b0c0d0e0f" {
		t.Errorf("UUID %q", d.Info().UUID)
	}
	p := build(t, d, backend.Problem{M: 64, N: 64, K: 64})
	for range 2 {
		if _, err := p.Run(backend.Batch{Dispatches: 3}); err != nil {
			t.Fatal(err)
		}
	}
	if q := p.(*program); !q.noGraphs || q.ascending.c.graph != nil {
		t.Error("graphs with a driver that has none")
	}
}

func build(t testing.TB, d backend.Device, p backend.Problem) backend.Program {
	t.Helper()
	s, err := d.Candidates(backend.KernelMatmul, p)
	if err != nil {
		t.Fatal(err)
	}
	pr, err := d.Build(backend.KernelMatmul, p, s[0])
	if err != nil {
		t.Fatal(err)
	}
	return pr
}

// Candidates fit the device and the problem, and all of them can be built.
func TestCandidates(t *testing.T) {
	d := openStandIn(t).(*device)
	sizes := map[backend.Problem]int{{M: 4096, N: 4096, K: 4096}: len(kernels.CUDATiles), {M: 1, N: 1, K: 1}: 1, {M: 100000, N: 1, K: 3}: 1, {M: 40, N: 4096, K: 64}: 2}
	for p, least := range sizes {
		list, err := d.Candidates(backend.KernelMatmul, p)
		if err != nil || len(list) < least {
			t.Errorf("%v: %d candidates, %v, want %d", p, len(list), err, least)
		}
	}
	p := backend.Problem{M: 256, N: 256, K: 64}
	list, err := d.Candidates(backend.KernelMatmul, p)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range list {
		for _, other := range list[:i] {
			if maps.Equal(s, other) {
				t.Errorf("%v is there twice", s)
			}
		}
	}
	chains, err := d.Candidates(backend.KernelFMA, p)
	if err != nil {
		t.Fatal(err)
	}
	for kernel, list := range map[string][]backend.Specialization{backend.KernelMatmul: list, backend.KernelFMA: chains} {
		for _, s := range list {
			pr, err := d.Build(kernel, p, s)
			if err != nil {
				t.Fatal(err)
			}
			f := pr.Form()
			if f.Name != "ptx" || len(f.SHA256) != 64 || len(f.SPIRVSHA256) != 64 || f.SHA256 == f.SPIRVSHA256 || len(f.Specialization) < len(s) {
				t.Errorf("form %+v", f)
			}
			pr.Close()
		}
	}
	// A device with less shared memory gets one copy of the tiles, or another tile.
	d.info.Limits = map[string]uint64{}
	for k, v := range openStandIn(t).Info().Limits {
		d.info.Limits[k] = v
	}
	d.info.Limits[limitPrefix+"MAX_SHARED_MEMORY_PER_BLOCK_OPTIN"] = 12 << 10
	list, err = d.Candidates(backend.KernelMatmul, backend.Problem{M: 4096, N: 4096, K: 4096})
	if err != nil || len(list) == 0 || len(list) == len(kernels.CUDATiles) {
		t.Errorf("%d candidates for 12 KiB, %v", len(list), err)
	}
	for _, s := range list {
		pr, err := d.Build(backend.KernelMatmul, p, s)
		if err != nil {
			t.Errorf("%v: %v", s, err)
			continue
		}
		pr.Close()
	}
}

// What exceeds a limit is refused before anything is asked of the driver.
func TestLimits(t *testing.T) {
	d := openStandIn(t)
	small := backend.Problem{M: 8, N: 8, K: 8}
	for _, tt := range []struct {
		kernel string
		p      backend.Problem
		s      backend.Specialization
		kind   backend.Kind
		words  string
	}{
		{"matmul", backend.Problem{M: 0, N: 8, K: 8}, nil, backend.Limit, "every dimension must be at least 1"},
		{"matmul", backend.Problem{M: 1 << 20, N: 1 << 12, K: 8}, nil, backend.Limit, "indices reach 2147483647"},
		{"matmul", backend.Problem{M: 20000, N: 20000, K: 8}, nil, backend.OutOfMemory, "the device has 1073741824"},
		{"matmul", backend.Problem{M: 16 << 20, N: 1, K: 1}, backend.Specialization{"LY": 1, "TM": 1}, backend.Limit, "MAX_GRID_DIM_Y is 65535"},
		{"matmul", small, backend.Specialization{"LX": 64, "LY": 64}, backend.Limit, "MAX_THREADS_PER_BLOCK is 1024"},
		{"matmul", small, backend.Specialization{"BK": 1024, "KU": 1}, backend.Limit, "MAX_SHARED_MEMORY_PER_BLOCK_OPTIN is 232448"},
		{"matmul", small, backend.Specialization{"LX": 0}, backend.Limit, "LX is 0"},
		{"matmul", small, backend.Specialization{"TM": 4097}, backend.Limit, "TM is 4097"},
		{"matmul", small, backend.Specialization{"BK": 6, "KU": 4}, backend.Limit, "KU is 4, and must divide BK"},
		{"matmul", small, backend.Specialization{"QQ": 4}, backend.Failed, `no specialization constant "QQ", only BK, `},
		{"fma", small, backend.Specialization{"ACC": 33}, backend.Limit, "ACC is 33"},
		{"fft", small, nil, backend.Limit, `no module of the kernel "fft"`},
	} {
		_, err := d.Build(tt.kernel, tt.p, tt.s)
		if kindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%s %v %v: %v (%s), want %s with %q", tt.kernel, tt.p, tt.s, err, kindOf(err), tt.kind, tt.words)
		}
	}
	t.Setenv("STANDIN_THREADS", "64")
	_, err := d.Build("matmul", small, nil)
	if kindOf(err) != backend.Limit || !strings.Contains(err.Error(), "with the 168 registers that each takes here, the device has room for 64") {
		t.Error(err)
	}
}

// use does with a device all that a launch does.
func use() error {
	k, err := ParseKernel("matmul", kernels.MatmulF32)
	if err != nil {
		return err
	}
	d, err := New(k).Open("cuda:0")
	if err != nil {
		return err
	}
	defer d.Close()
	p := backend.Problem{M: 8, N: 8, K: 8}
	// More shared memory than a text may declare.
	pr, err := d.Build("matmul", p, backend.Specialization{"LX": 8, "LY": 8, "TM": 1, "TN": 1, "VN": 1, "BK": 1024, "KU": 1, "PA": 0})
	if err != nil {
		return err
	}
	defer pr.Close()
	x := make([]float32, 64)
	if err := pr.Load(x, x); err != nil {
		return err
	}
	if err := pr.Fill(1, p.Shared(2)); err != nil {
		return err
	}
	for _, b := range []backend.Batch{{Dispatches: 1}, {Dispatches: 2}, {Dispatches: 2, Descending: true}} {
		if _, err := pr.Run(b); err != nil {
			return err
		}
	}
	if _, err := pr.Empty(); err != nil {
		return err
	}
	return pr.Read(make([]float32, p.Shared(2)), 0)
}

// Each call of the driver may fail in each way, and all say by name which call it was,
// what it said, and what to do where there is something. Nothing crashes, and nothing is
// left behind: the stand-in ends the process when it is.
// What a batch shows of its results is not what a stream that was idle too early has not copied.
func TestWitnessesOfAStreamThatWasEarly(t *testing.T) {
	d, err := New(modules(t)...).Open("cuda:0")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p := backend.Problem{M: 8, N: 8, K: 8}
	candidates, err := d.Candidates(backend.KernelMatmul, p)
	if err != nil {
		t.Fatal(err)
	}
	pr, err := d.Build(backend.KernelMatmul, p, candidates[0])
	if err != nil {
		t.Fatal(err)
	}
	defer pr.Close()
	for _, early := range []bool{false, true} {
		if early {
			t.Setenv("STANDIN_EARLY", "1")
		}
		batch := backend.Batch{Dispatches: 2, Witness: 3}
		if err := pr.Fill(7.5, p.Region(batch)); err != nil {
			t.Fatal(err)
		}
		tm, err := pr.Run(batch) // which computes nothing here
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range tm.Witness {
			if (w != 7.5) != early {
				t.Errorf("early %v: witness %d is %v", early, i, w)
			}
		}
	}
}

func TestFaults(t *testing.T) {
	if err := use(); err != nil {
		t.Fatal(err)
	}
	calls := map[string]string{ // symbol to the name in the error
		"cuDriverGetVersion": "cuDriverGetVersion", "cuDeviceGetCount": "cuDeviceGetCount", "cuDeviceGet": "cuDeviceGet",
		"cuDevicePrimaryCtxRetain": "cuDevicePrimaryCtxRetain", "cuCtxSetCurrent": "cuCtxSetCurrent", "cuModuleLoadDataEx": "cuModuleLoadDataEx",
		"cuModuleGetFunction": "cuModuleGetFunction", "cuFuncGetAttribute": "cuFuncGetAttribute", "cuFuncSetAttribute": "cuFuncSetAttribute",
		"cuMemAlloc_v2": "cuMemAlloc", "cuMemAllocHost_v2": "cuMemAllocHost", "cuMemcpyHtoDAsync_v2": "cuMemcpyHtoDAsync", "cuMemcpyDtoHAsync_v2": "cuMemcpyDtoHAsync",
		"cuMemsetD32Async": "cuMemsetD32Async", "cuLaunchKernel": "cuLaunchKernel", "cuStreamCreate": "cuStreamCreate",
		"cuStreamSynchronize": "cuStreamSynchronize", "cuEventCreate": "cuEventCreate", "cuEventRecord": "cuEventRecord",
		"cuEventElapsedTime": "cuEventElapsedTime", "cuGraphLaunch": "cuGraphLaunch", "cuEventQuery": "cuEventQuery",
	}
	results := map[int]struct {
		name  string
		kind  backend.Kind
		words string
	}{
		2:   {"CUDA_ERROR_OUT_OF_MEMORY", backend.OutOfMemory, "smaller size"},
		46:  {"CUDA_ERROR_DEVICE_UNAVAILABLE", backend.Unusable, "nvidia-smi -c DEFAULT"},
		209: {"CUDA_ERROR_NO_BINARY_FOR_GPU", backend.Unusable, "update the driver"},
		214: {"CUDA_ERROR_ECC_UNCORRECTABLE", backend.DeviceLost, "nvidia-smi -q -d ECC"},
		221: {"CUDA_ERROR_JIT_COMPILER_NOT_FOUND", backend.Unusable, "libnvidia-ptxjitcompiler.so.1"},
		222: {"CUDA_ERROR_UNSUPPORTED_PTX_VERSION", backend.Unusable, "too old"},
		226: {"CUDA_ERROR_CONTAINED", backend.DeviceLost, "ROW_REMAPPER"},
		700: {"CUDA_ERROR_ILLEGAL_ADDRESS", backend.DeviceLost, "Xid"},
		701: {"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", backend.Limit, "registers"},
		702: {"CUDA_ERROR_LAUNCH_TIMEOUT", backend.DeviceLost, "watchdog of a display"},
		719: {"CUDA_ERROR_LAUNCH_FAILED", backend.DeviceLost, "Xid"},
		721: {"CUDA_ERROR_TENSOR_MEMORY_LEAK", backend.DeviceLost, "Xid"},
		805: {"CUDA_ERROR_MPS_CONNECTION_FAILED", backend.Failed, "MPS server"},
	}
	for symbol, call := range calls {
		for code, want := range results {
			t.Setenv("STANDIN_FAULT", fmt.Sprintf("%s=%d", symbol, code))
			wantError(t, use(), want.kind, call+": "+want.name, want.words)
		}
	}
	// Later calls may fail where the first do not.
	for _, tt := range []struct{ fault, words string }{
		{"cuMemAlloc_v2=2@3", "cuda:0: allocate 4195072 bytes for the region of C: cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY"},
		{"cuEventRecord=719@3", "cuda:0: run 2 dispatches: cuEventRecord: CUDA_ERROR_LAUNCH_FAILED"},
		{"cuGraphLaunch=700@2", "cuda:0: run 2 dispatches: cuGraphLaunch: CUDA_ERROR_ILLEGAL_ADDRESS"},
		{"cuStreamSynchronize=700@4", "cuda:0: run 1 dispatches: cuStreamSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS"},
		{"cuStreamBeginCapture_v2=700", "cuda:0: run 2 dispatches: cuEventRecord: CUDA_ERROR_ILLEGAL_ADDRESS"},
	} {
		t.Setenv("STANDIN_FAULT", tt.fault)
		if err := use(); err == nil || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%s: %v, want %q", tt.fault, err, tt.words)
		}
	}
	t.Setenv("STANDIN_FAULT", "cuEventQuery=600")
	wantError(t, use(), backend.WrongResult, "said to be idle before the batch was finished")
	t.Setenv("STANDIN_FAULT", "cuModuleLoadDataEx=218")
	wantError(t, use(), backend.Failed, "compile the kernel: cuModuleLoadDataEx: CUDA_ERROR_INVALID_PTX", "the driver's compiler says: ptxas application ptx input, line 7; fatal : Parsing error near 'frobnicate'", "update the driver")
	for _, symbol := range []string{"cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphUpload"} {
		t.Setenv("STANDIN_FAULT", symbol+"=2")
		if err := use(); err != nil {
			t.Errorf("no graphs by %s: %v", symbol, err)
		}
	}
}

// A driver that cannot be started is an absent one.
func TestInitFaults(t *testing.T) {
	for code, words := range map[int][]string{
		3:   {"CUDA_ERROR_NOT_INITIALIZED", "modprobe nvidia"},
		34:  {"CUDA_ERROR_STUB_LIBRARY", "LD_LIBRARY_PATH"},
		100: {"CUDA_ERROR_NO_DEVICE", "CUDA_VISIBLE_DEVICES", "--gpus all"},
		304: {"CUDA_ERROR_OPERATING_SYSTEM", "/dev/nvidia-uvm"},
		802: {"CUDA_ERROR_SYSTEM_NOT_READY", "fabric manager"},
		803: {"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "reboot"},
		804: {"CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE", "forward compatibility"},
		999: {"CUDA_ERROR_UNKNOWN", "dmesg"},
		888: {"CUresult 888", "nvidia-smi"},
	} {
		t.Setenv("STANDIN_FAULT", fmt.Sprintf("cuInit=%d", code))
		_, err := New().Devices()
		wantError(t, err, backend.Absent, append(words, "cuda: start the driver: cuInit: ")...)
		if _, err := NewBLAS().Devices(); kindOf(err) != backend.Absent {
			t.Error(err)
		}
	}
}

// What is asked of a program is checked before it is done, and a program or a device may be
// closed twice.
func TestMisuse(t *testing.T) {
	d := openStandIn(t)
	p := backend.Problem{M: 8, N: 8, K: 8}
	pr := build(t, d, p)
	if err := pr.Load(make([]float32, 63), make([]float32, 64)); err == nil || !strings.Contains(err.Error(), "matrix A has 64 elements, and 63 were given") {
		t.Error(err)
	}
	most := p.MaxRegion()
	if err := pr.Fill(0, most+1); err == nil {
		t.Error("filled more than the region")
	}
	if err := pr.Read(make([]float32, most+1), 0); err == nil {
		t.Error("read more than the region")
	}
	for _, n := range []int{0, backend.MaxDispatches + 1} {
		if _, err := pr.Run(backend.Batch{Dispatches: n}); err == nil {
			t.Errorf("ran %d dispatches", n)
		}
	}
	if _, err := pr.Run(backend.Batch{Dispatches: backend.MaxDispatches, Descending: true}); err != nil {
		t.Error(err)
	}
	pr.Close()
	pr.Close()
}

// cuBLAS: the product is that of the matrices row by row, in its place in the region, in
// both math modes, with and without graphs.
func TestBLAS(t *testing.T) {
	list, err := NewBLAS().Devices()
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	for i, want := range []struct{ id, format string }{{"cublas:0", "f32"}, {"cublas:0:tf32", "tf32"}} {
		d := list[i]
		if d.ID != want.id || d.Format() != want.format || d.Backend != "cublas" || d.Role() != result.RoleReference || d.KernelName() != "sgemm" ||
			d.Name != "cuBLAS 12.8.5 on gpubench stand-in, no device" || d.Driver.Version != "120805" || d.UUID != "000102030405060708090a0b0c0d0e0f" {
			t.Errorf("%+v", d)
		}
		for _, faults := range []string{"", "cuStreamBeginCapture_v2=801"} {
			t.Setenv("STANDIN_FAULT", faults)
			checkBLAS(t, want.id)
		}
	}
	t.Setenv("STANDIN_FAULT", "")
	for _, id := range []string{"cublas", "cublas:9", "cublas:0:bf16", "cuda:0"} {
		_, err := NewBLAS().Open(id)
		wantError(t, err, backend.NoDevice, "cublas:0:tf32")
	}
	_, err = NewBLAS().Open("cublas:1")
	wantError(t, err, backend.Unusable, "compute capability 5.0")
	_, err = NewBLAS().Open("cublas:2:tf32")
	wantError(t, err, backend.Unusable, "compute mode is prohibited")

	d, err := NewBLAS().Open("cublas:0:tf32")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, p := range []struct {
		kernel string
		p      backend.Problem
	}{{"fma", backend.Problem{M: 8, N: 8, K: 8}}, {"matmul", backend.Problem{M: 8, N: 8, K: 3}}, {"matmul", backend.Problem{M: 1 << 20, N: 1 << 12, K: 8}}} {
		if _, err := d.Candidates(p.kernel, p.p); kindOf(err) != backend.Limit {
			t.Errorf("%+v: %v", p, err)
		}
		if _, err := d.Build(p.kernel, p.p, nil); kindOf(err) != backend.Limit {
			t.Errorf("%+v: %v", p, err)
		}
	}
	if _, err := d.Build("matmul", backend.Problem{M: 8, N: 8, K: 8}, backend.Specialization{"LX": 1}); kindOf(err) != backend.Unusable {
		t.Error(err)
	}
}

func checkBLAS(t *testing.T, id string) {
	t.Helper()
	d, err := NewBLAS().Open(id)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p := backend.Problem{M: 3, N: 70, K: 11}
	pr := build(t, d, p)
	if f := pr.Form(); f.Name != "cublas" || f.SHA256 != "" || f.SPIRVSHA256 != "" || f.Specialization == nil {
		t.Errorf("form %+v", f)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	a, b := make([]float32, p.M*p.K), make([]float32, p.K*p.N)
	for _, x := range [][]float32{a, b} {
		for i := range x {
			x[i] = float32(rng.IntN(33) - 16)
		}
	}
	if err := pr.Load(a, b); err != nil {
		t.Fatal(err)
	}
	for _, order := range []backend.Batch{{Dispatches: 1}, {Dispatches: 3}, {Dispatches: 3, Descending: true}, {Dispatches: 2}, {Dispatches: 3, Apart: 2}, {Dispatches: 2, Descending: true, Apart: 2, Witness: 5}, {Dispatches: 1, Apart: 1}} {
		region := make([]float32, p.Region(order))
		if err := pr.Fill(float32(math.NaN()), len(region)); err != nil {
			t.Fatal(err)
		}
		tm, err := pr.Run(order)
		if err != nil || tm.HostS <= 0 || tm.DeviceS == nil || *tm.DeviceS < 0 || *tm.DeviceS > tm.HostS {
			t.Fatalf("%+v, %v", tm, err)
		}
		if _, err := pr.Empty(); err != nil {
			t.Fatal(err)
		}
		if err := pr.Read(region, 0); err != nil {
			t.Fatal(err)
		}
		for i, at := range p.Witnesses(order) {
			if tm.Witness[i] != region[at] {
				t.Errorf("%s %+v: witness %d is %v, and the element is %v", id, order, i, tm.Witness[i], region[at])
			}
		}
		want := make([]float32, len(region))
		for i := range want {
			want[i] = float32(math.NaN())
		}
		for n := range order.Dispatches {
			for i := range p.M {
				for j := range p.N {
					sum := float32(0)
					for l := range p.K {
						sum += a[i*p.K+l] * b[l*p.N+j]
					}
					want[p.Place(order, n)+i*p.N+j] = sum
				}
			}
		}
		if !slices.EqualFunc(region, want, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }) {
			t.Errorf("%s %+v: the region is wrong", id, order)
		}
	}
}

// A library that the driver is too old for is left for the next one; with none there is
// no reference.
func TestBLASLibraries(t *testing.T) {
	dir := os.Getenv("GPUBENCH_STANDIN")
	defer func(was []string) { blasLibraries = was }(blasLibraries)
	blasLibraries = []string{"libcublas.so.99", filepath.Join(dir, "libcuda.so.1"), filepath.Join(dir, "libcublas-old.so")}
	list, err := NewBLAS().Devices()
	if err != nil || list[0].Driver.Name != "cuBLAS 11.3.1" {
		t.Errorf("%+v, %v", list, err)
	}
	t.Setenv("STANDIN_CUBLAS", "1")
	_, err = NewBLAS().Devices()
	wantError(t, err, backend.Absent, "it has no cublasCreate_v2", "libcublas-old.so: cublas:0: start ", "cublasCreate: CUBLAS_STATUS_NOT_INITIALIZED", "new enough")
	blasLibraries = []string{"libcublas.so.99"}
	_, err = NewBLAS().Devices()
	wantError(t, err, backend.Absent, "cublas: no cuBLAS library found", "install")
}
