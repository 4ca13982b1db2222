package report

import (
	"bytes"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

var update = flag.Bool("update", false, "write what is printed to the golden files")

// golden compares text with testdata/NAME.txt.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update, if it is meant to)\n--- got\n%s--- want\n%s", path, got, want)
	}
}

var (
	cpuDevice = result.Device{ID: "cpu", Backend: "cpu", Class: result.ClassCPU, Name: "AMD EPYC 9R14", Threads: 2, ISA: "avx512"}
	llvmpipe  = result.Device{
		ID: "vulkan:0", Backend: "vulkan", Class: result.ClassCPU, Software: true, Name: "llvmpipe (LLVM 15.0.6, 256 bits)",
		Driver: result.Driver{ID: 13, Name: "llvmpipe", Info: "Mesa 22.3.6 (LLVM 15.0.6)"}, API: "1.3.230", MemoryBytes: 15 << 30, Unified: true, Timestamps: true,
	}
	discrete = result.Device{
		ID: "vulkan:0", Backend: "vulkan", Class: result.ClassDiscrete, Name: "NVIDIA H100 80GB HBM3",
		Driver: result.Driver{ID: 4, Name: "NVIDIA", Info: "570.86.15"}, API: "1.4.303", MemoryBytes: 80 << 30, Timestamps: true,
	}
)

const spirvHash = "3f2a9c01b7d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e"

// document is a run on this machine with these devices.
func document(devices ...result.Device) *result.Document {
	return &result.Document{
		Schema:  result.Schema{Name: result.SchemaName, Version: result.SchemaVersion},
		Tool:    result.Tool{Version: "0.1.0", Commit: "0123456789abcdef0123456789abcdef01234567"},
		Started: time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC), DurationS: 41.23, Seed: 1,
		Host: result.Host{
			OS: "linux", Arch: "amd64", Kernel: "6.1.0-44-amd64", MemoryBytes: 16 << 30,
			CPU:     result.CPU{Model: "AMD EPYC 9R14", ISA: "avx512", Logical: 2, Usable: 2},
			Runtime: result.Runtime{Name: "native"},
		},
		Devices: devices,
	}
}

// add appends a measurement of a size x size x size product whose median is at
// this rate with an interval of plus and minus spread.
func add(d *result.Document, device string, size int, flops, spread float64) *result.Measurement {
	m := result.Measurement{
		ID: "m" + string(rune('0'+len(d.Measurements))), Runtime: "native", Device: device, Role: result.RoleKernel, Status: result.StatusOK,
		Kernel:       result.Kernel{Name: "matmul", Format: "f32", Accumulate: "f32", SPIRVSHA256: spirvHash},
		Problem:      result.Problem{M: size, N: size, K: size, FLOP: 2 * uint64(size) * uint64(size) * uint64(size), Input: "normal", Seed: 1},
		Verification: result.Verification{Batches: 36, MaxError: 1e-6, Bound: 1e-4, Method: "full", ExactChecksum: "sha256:ab"},
	}
	seconds := float64(m.Problem.FLOP) / flops
	device99 := seconds * 0.99
	m.Summary = &result.Summary{
		Clock: "host", N: 36, Launches: 3, MedianS: seconds, FLOPS: flops,
		FLOPSCI95: &[2]float64{flops * (1 - spread), flops * (1 + spread)},
	}
	if device != "cpu" {
		m.Summary.DeviceMedianS = &device99
	}
	d.Measurements = append(d.Measurements, m)
	return &d.Measurements[len(d.Measurements)-1]
}

// energy is a run on a card that counts its energy.
func energy() *result.Document {
	d := document(cpuDevice, discrete)
	add(d, "cpu", 4096, 147.2e9, 0.004)
	s := add(d, "vulkan:0", 4096, 50.21e12, 0.012).Summary
	rate, window := 83.4e9, 1.125
	s.FLOPPerJoule, s.EnergyWindowS = &rate, &window
	ratio(d, 1, 0, &[2]float64{338, 344})
	return d
}

// fail turns a measurement into one without figures.
func fail(m *result.Measurement, status, code, reason string) *result.Measurement {
	m.Status, m.Code, m.Reason, m.Summary = status, code, reason, nil
	m.Verification = result.Verification{}
	return m
}

// ratio adds the ratio of two measurements by their indices.
func ratio(d *result.Document, fast, slow int, ci *[2]float64) {
	f, s := d.Measurements[fast], d.Measurements[slow]
	d.Ratios = append(d.Ratios, result.Ratio{Fast: f.ID, Slow: s.ID, Value: s.Summary.MedianS / f.Summary.MedianS, CI95: ci})
}

// twoDrivers is a run on a card that two drivers list.
func twoDrivers() *result.Document {
	radv := result.Device{ID: "vulkan:0", Backend: "vulkan", Class: result.ClassDiscrete, Name: "AMD Radeon RX 7900 XTX (RADV NAVI31)", UUID: "00000000030000000000000000000000",
		Driver: result.Driver{ID: 3, Name: "radv", Info: "Mesa 25.3.6"}, API: "1.4.305", MemoryBytes: 24 << 30, Timestamps: true}
	amdvlk := radv
	amdvlk.ID, amdvlk.Name, amdvlk.Driver = "vulkan:1", "AMD Radeon RX 7900 XTX", result.Driver{ID: 2, Name: "AMD open-source driver", Info: "2025.Q2.1 (LLPC)"}
	d := testdoc.New(testdoc.CPU, radv, amdvlk)
	testdoc.Add(d, "cpu", 1024, 150e9, 0.01)
	testdoc.Add(d, "vulkan:0", 1024, 9e12, 0.01)
	testdoc.Add(d, "vulkan:1", 1024, 10e12, 0.01)
	d.Warnings = analysis.Doubles(d.Devices)
	return testdoc.Finish(d, "cpu")
}

func TestRun(t *testing.T) {
	utf8, ascii := Options{Width: 100}, Options{Width: 100, ASCII: true}
	tests := []struct {
		name    string
		options Options
		doc     func() *result.Document
	}{
		{"software", utf8, software},
		{"software-80", Options{Width: 80}, software},
		{"same-card", utf8, sameCard},
		{"two-drivers", utf8, twoDrivers},
		{"metal", utf8, metal},
		{"software-60", Options{Width: 10}, software},
		{"software-ascii", ascii, software},
		{"software-colour", Options{Width: 100, Colour: true}, software},
		{"discrete", utf8, func() *result.Document {
			d := document(cpuDevice, discrete)
			for i, size := range []int{512, 4096} {
				add(d, "cpu", size, 147.2e9, 0.004)
				add(d, "vulkan:0", size, []float64{9.87e12, 50.21e12}[i], 0.012)
				q := []float64{67.05, 341.1}[i]
				ratio(d, 2*i+1, 2*i, &[2]float64{q * 0.99, q * 1.01})
			}
			return d
		}},
		{"energy", Options{Width: 120}, energy},
		{"energy-100", utf8, energy},
		{"failures", utf8, func() *result.Document {
			d := document(cpuDevice, discrete)
			d.Devices = append(d.Devices, result.Device{ID: "vulkan:1", Backend: "vulkan", Class: result.ClassOther, Name: "V3D 4.2", Unusable: "it has no queue for compute"})
			add(d, "cpu", 1024, 147.2e9, 0.004)
			fail(add(d, "vulkan:0", 1024, 1, 0), result.StatusFailed, "wrong-result", "C[3,5] is 0, should be 17.25 (error 17.2, bound 0.00012); the driver lost a dispatch, so update it")
			add(d, "cpu", 16384, 147.2e9, 0.004)
			fail(add(d, "vulkan:0", 16384, 1, 0), result.StatusUnsupported, "limit", "the matrices take 3 GiB and the device allows 2 GiB in one buffer")
			fail(add(d, "cpu", 32768, 1, 0), result.StatusSkipped, "interrupted", "the run was interrupted before its first launch")
			d.Absent = []result.Absent{{Backend: "cuda", Reason: "libcuda.so.1 not found", Remedy: "install NVIDIA's driver, or start the container with --gpus all"}}
			return d
		}},
		{"runtimes", utf8, suite},
		{"runtimes-60", Options{Width: 10}, suite},
		{"wrong-batches", utf8, func() *result.Document {
			d := document(cpuDevice, discrete)
			add(d, "cpu", 1024, 147.2e9, 0.004)
			m := add(d, "vulkan:0", 1024, 9e12, 0.004)
			m.Verification.Failed, m.Status, m.Code, m.Reason = 2, result.StatusFailed, "wrong-result", "launch 2: C[0,0] was never written"
			return d
		}},
		{"different-bits", utf8, func() *result.Document {
			d := document(cpuDevice, discrete)
			add(d, "cpu", 1024, 147.2e9, 0.004)
			add(d, "vulkan:0", 1024, 9e12, 0.004).Verification.ExactChecksum = "sha256:cd"
			return d
		}},
		{"no-interval", utf8, func() *result.Document {
			d := document(cpuDevice, llvmpipe)
			few := add(d, "cpu", 64, 0.5e9, 0)
			few.Summary.FLOPSCI95, few.Summary.N, few.Verification.Batches = nil, 5, 7
			m := add(d, "vulkan:0", 64, 0.002e9, 0)
			m.Summary.FLOPSCI95, m.Summary.N, m.Verification.Batches = nil, 1, 1
			ratio(d, 1, 0, nil)
			return d
		}},
		{"interrupted", utf8, func() *result.Document {
			d := document(cpuDevice, llvmpipe)
			d.Interrupted = true
			add(d, "cpu", 1024, 147.2e9, 0.01)
			fail(add(d, "vulkan:0", 1024, 1, 0), result.StatusSkipped, "interrupted", "the run was interrupted before its first launch")
			return d
		}},
		{"warnings", utf8, func() *result.Document {
			d := document(cpuDevice, llvmpipe)
			drift := result.Warning{Code: "drift", Text: "the samples became slower while they were taken (by 12 %); the processor may be throttling: let it cool down, or run fewer programs beside it"}
			a := add(d, "cpu", 1024, 147.2e9, 0.01)
			a.Warnings = []result.Warning{drift}
			b := add(d, "vulkan:0", 1024, 2.31e9, 0.01)
			b.Warnings = []result.Warning{drift, {Code: "launch-failed", Text: "1 of 4 launches failed: the process was killed by SIGKILL (out of memory, or by hand) while sampling; the figures are of the others"}}
			ratio(d, 1, 0, &[2]float64{0.0155, 0.0158})
			d.Warnings = []result.Warning{{Code: "no-baseline", Text: "there are no ratios to cpu:1, which was not measured; leave --device away or add cpu:1 to it"}}
			return d
		}},
		{"long-names", Options{Width: 80}, func() *result.Document {
			gpu := discrete
			gpu.Name = "Virtio-GPU Venus (" + strings.Repeat("Apple M4 Pro Max Ultra ", 5) + ")"
			gpu.Driver.Info = strings.Repeat("very long driver info ", 5)
			japanese := discrete
			japanese.ID, japanese.Name = "vulkan:1", "富士通グラフィックスアクセラレータ第二世代改良型"
			d := document(cpuDevice, gpu, japanese)
			d.Host.CPU.Model = strings.Repeat("Intel(R) Xeon(R) Platinum 8488C ", 4)
			quota := 1.5
			d.Host.CPU.Quota = &quota
			for i, id := range []string{"cpu", "vulkan:0", "vulkan:1"} {
				add(d, id, 1024, 147.2e9*float64(i+1), 0.01)
			}
			ratio(d, 1, 0, &[2]float64{1.98, 2.02})
			ratio(d, 2, 0, &[2]float64{2.98, 3.02})
			return d
		}},
		{"hostile-names", utf8, hostile},
		{"hostile-names-ascii", ascii, hostile},
		{"empty", utf8, func() *result.Document { return document() }},
		{"reference-and-runtimes", utf8, func() *result.Document {
			d := document(cpuDevice, discrete)
			add(d, "cpu", 1024, 147.2e9, 0.01)
			add(d, "vulkan:0", 1024, 9.2e12, 0.01).Runtime = "podman"
			ratio(d, 1, 0, &[2]float64{61, 63})
			d.Devices = append(d.Devices, result.Device{ID: "blas", Backend: "blas", Class: result.ClassCPU, Name: "OpenBLAS 0.3.21 (Cooperlake)", Driver: result.Driver{Name: "OpenBLAS", Info: "0.3.21"}, Threads: 2})
			m := add(d, "blas", 1024, 200e9, 0.01)
			m.Role, m.Kernel.Name, m.Kernel.SPIRVSHA256 = result.RoleReference, "sgemm", ""
			ratio(d, 2, 0, &[2]float64{1.35, 1.37})
			d.Measurements[1], d.Measurements[2] = d.Measurements[2], d.Measurements[1] // it is printed below all the same
			return d
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Run(&b, test.doc(), test.options); err != nil {
				t.Fatal(err)
			}
			golden(t, "run-"+test.name, b.String())
			checkText(t, b.String(), test.options)
		})
	}
}

// checkText proves what no golden file should be trusted with: no line is wider
// than asked for, no control character gets through, and ASCII is ASCII.
func checkText(t *testing.T, text string, o Options) {
	t.Helper()
	for _, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if o.Colour {
			for _, e := range append(escapes[1:], "\x1b[0m") {
				l = strings.ReplaceAll(l, e, "")
			}
		}
		if w := width(l); w > max(o.Width, minWidth) {
			t.Errorf("%d columns: %s", w, l)
		}
		if c := clean(l, o.ASCII); strings.Contains(c, "?") && !strings.Contains(l, "?") {
			t.Errorf("unclean: %q", l)
		}
	}
}

func software() *result.Document {
	d := document(cpuDevice, llvmpipe)
	add(d, "cpu", 1024, 147.2e9, 0.007)
	add(d, "vulkan:0", 1024, 2.31e9, 0.012)
	ratio(d, 1, 0, &[2]float64{0.0155, 0.0158})
	d.Absent = []result.Absent{{Backend: "cuda", Reason: "libcuda.so.1 not found", Remedy: "install NVIDIA's driver"}}
	return d
}

// suite is of a Mac with podman's virtual machine, and Apple's container not started.
func suite() *result.Document {
	venus := discrete
	venus.ID, venus.Class, venus.Name = "podman/vulkan:0", result.ClassIntegrated, "Virtio-GPU Venus (Apple M4 Pro)"
	d := document(cpuDevice, venus)
	add(d, "cpu", 1024, 147.2e9, 0.007).Runtime = "native"
	add(d, "cpu", 1024, 145.2e9, 0.007).Runtime = "podman"
	add(d, venus.ID, 1024, 551.2e9, 0.007).Runtime = "podman"
	ratio(d, 1, 0, &[2]float64{0.975, 1.002})
	ratio(d, 2, 0, &[2]float64{3.69, 3.81})
	d.Runtimes = []result.RuntimeReport{
		{Name: "native", Status: result.StatusOK, FirstLineS: []float64{0.012, 0.011, 0.014}, FirstResultS: []float64{0.055, 0.061, 0.052}},
		{Name: "docker", Status: result.StatusUnsupported, Reason: "the command docker is not there", Remedy: "install it"},
		{Name: "podman", Status: result.StatusOK, Version: "6.0.2", LoadS: 4.25, FirstLineS: []float64{0.31, 0.29}, FirstResultS: []float64{0.44, 0.4},
			Inside: result.Host{DRI: []string{"/dev/dri/renderD128"}}, Vulkan: []string{venus.Name, "llvmpipe"}, GPU: true},
		{Name: "apple-container", Status: result.StatusFailed, Version: "1.2.2\x1b[5m", Reason: "its services do not run: apiserver", Remedy: "container system start --enable-kernel-install"},
	}
	return d
}

// sameCard is a card through Vulkan and through CUDA, with what NVIDIA's library does on it.
func sameCard() *result.Document {
	vulkan := discrete
	vulkan.UUID = "00112233445566778899aabbccddeeff"
	cuda := vulkan
	cuda.ID, cuda.Backend, cuda.Driver, cuda.API = "cuda:0", "cuda", result.Driver{Name: "NVIDIA", Info: "570.86.15", Version: "12080"}, "12.8"
	blas := vulkan
	blas.ID, blas.Backend, blas.Name, blas.Driver, blas.API = "cublas:0", "cublas", "cuBLAS 12.8.5 on NVIDIA H100 80GB HBM3", result.Driver{Name: "cuBLAS 12.8.5"}, ""
	tf32 := blas
	tf32.ID = "cublas:0:tf32"
	d := document(cpuDevice, vulkan, cuda, blas, tf32)
	for i, dev := range d.Devices {
		m := add(d, dev.ID, 4096, []float64{2e12, 42e12, 44e12, 49e12, 360e12}[i], 0.004)
		if dev.Role() == result.RoleReference {
			m.Role, m.Kernel = dev.Role(), result.Kernel{Name: dev.KernelName(), Format: dev.Format(), Accumulate: "f32", Form: dev.Backend}
		}
		if i > 0 && dev.Format() == result.FormatF32 {
			ratio(d, i, 0, nil)
		}
	}
	ratio(d, 2, 1, &[2]float64{1.041, 1.054})
	return d
}

// metal is a Mac's GPU, with what Apple's product does on it in both formats.
func metal() *result.Document {
	gpu := result.Device{ID: "metal:0", Backend: "metal", Class: result.ClassIntegrated, Name: "Apple M4 Pro", Driver: result.Driver{Name: "Metal", Info: "Apple 9, Mac 2"}, API: "3"}
	mps := gpu
	mps.ID, mps.Backend, mps.API = "mps:0", "mps", ""
	f16 := mps
	f16.ID = "mps:0:f16"
	d := document(cpuDevice, gpu, mps, f16)
	for i, dev := range d.Devices {
		m := add(d, dev.ID, 4096, []float64{1e12, 4e12, 6e12, 7e12}[i], 0.004)
		if dev.Role() == result.RoleReference {
			m.Role, m.Kernel = dev.Role(), result.Kernel{Name: dev.KernelName(), Format: dev.Format(), Accumulate: "f32", Form: dev.Backend}
		}
		if dev.Format() == result.FormatF16 {
			m.Verification.ExactChecksum = "sha256:cd"
		} else if i > 0 {
			ratio(d, i, 0, nil)
		}
	}
	return d
}

func hostile() *result.Document {
	gpu := discrete
	gpu.Name = "\x1b[2J\x1b]0;owned\x07NVIDIA\r\nvulkan:9 \u202eFAKE\u200b\xff\x00\u0085 GPU\u2028"
	gpu.ID = "vulkan:\x1b[31m0"
	gpu.Driver = result.Driver{Name: "a\tb", Info: "\x9bc"}
	d := document(cpuDevice, gpu)
	d.Host.CPU.Model = "cpu\x1b[5m"
	d.Host.Kernel = "6.1\n\n"
	fail(add(d, gpu.ID, 1024, 1, 0), result.StatusFailed, "failed", "\x1b[H "+strings.Repeat("x", 200)).Kernel.SPIRVSHA256 = "\x1b[1m"
	d.Absent = []result.Absent{{Backend: "cu\x1bda", Reason: "\u202egone", Remedy: "\n"}}
	d.Warnings = []result.Warning{{Text: "\x1b[0m"}}
	return d
}

func TestNothingSoftwareIsCalledGPU(t *testing.T) {
	var b bytes.Buffer
	if err := Run(&b, software(), Options{Width: 100}); err != nil {
		t.Fatal(err)
	}
	if err := Devices(&b, software().Host, software().Devices, nil, nil, Options{Width: 100}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "GPU") {
		t.Errorf("a document without a GPU speaks of one:\n%s", b.String())
	}
}

// What is in a container, and in what the container is.
func TestHostSaysWhere(t *testing.T) {
	for _, tt := range []struct {
		r    result.Runtime
		want string
	}{
		{result.Runtime{Name: "native"}, "· native ·"},
		{result.Runtime{Name: "docker", On: "wsl"}, "· docker on wsl ·"},
		{result.Runtime{Name: "container"}, "· a container of unknown make ·"},
		{result.Runtime{Name: "container", Declared: "container"}, "· container ·"},
	} {
		d := document(cpuDevice)
		d.Host.Runtime = tt.r
		add(d, "cpu", 1024, 100e9, 0.01)
		var out strings.Builder
		if err := Run(&out, d, Options{Width: 120}); err != nil || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%+v: want %q in (%v)\n%s", tt.r, tt.want, err, out.String())
		}
	}
}

// What was measured on another machine is in no ratio, nor is it called slower or faster.
func TestRuntimesOnOtherMachines(t *testing.T) {
	for _, machine := range []string{"", "AMD EPYC 9654 96-Core Processor (buildserver01)"} {
		d := testdoc.New(cpuDevice)
		testdoc.Add(d, "cpu", 1024, 100e9, 0.01)
		m := testdoc.Add(d, "cpu", 1024, 90e9, 0.01)
		m.Runtime, m.Machine = "docker", machine
		d.Runtimes = []result.RuntimeReport{{Name: "native", Status: result.StatusOK}, {Name: "docker", Status: result.StatusOK}}
		testdoc.Finish(d)
		var out strings.Builder
		if err := Run(&out, d, Options{Width: 140}); err != nil {
			t.Fatal(err)
		}
		_, table, _ := strings.Cut(out.String(), "runtimes compared")
		if strings.Contains(table, "0.9000×") != (machine == "") || strings.Contains(table, "other machine") != (machine != "") {
			t.Errorf("on %q:\n%s", machine, table)
		}
	}
}

func TestDevices(t *testing.T) {
	broken := result.Device{ID: "vulkan:1", Backend: "vulkan", Class: result.ClassOther, Name: "V3D 4.2", Driver: result.Driver{Version: "42"}, Unusable: "it has no queue for compute; use another device"}
	one := cpuDevice
	one.ID, one.Threads = "cpu:1", 1
	absent := []result.Absent{{Backend: "cuda", Reason: "libcuda.so.1 not found", Remedy: "install NVIDIA's driver"}}
	yes, no := true, false
	card, dumb, lowered := discrete, discrete, discrete
	card.NVML = &result.NVML{Driver: "570.86.15", ECC: &yes, MIG: &no, Persistence: &yes, PowerLimitW: 700, DefaultPowerLimitW: 700, MaxSMClockMHz: 1980,
		MaxMemoryClockMHz: 2619, PCIeGeneration: 5, PCIeWidth: 16, MaxPCIeGeneration: 5, MaxPCIeWidth: 16}
	lowered.ID, lowered.NVML = "vulkan:1", &result.NVML{PowerLimitW: 450.5, DefaultPowerLimitW: 700, PCIeWidth: 8, MaxPCIeGeneration: 5, MaxPCIeWidth: 16,
		Missing: []string{"energy (not supported)", "ECC (not permitted)"}}
	dumb.ID, dumb.NVML = "vulkan:2", &result.NVML{Unavailable: "libnvidia-ml.so.1 cannot be loaded", Remedy: "it comes with NVIDIA's driver"}
	host := document().Host
	tests := []struct {
		name           string
		devices        []result.Device
		absent, failed []result.Absent
	}{
		{"all", []result.Device{cpuDevice, one, llvmpipe, broken}, absent, nil},
		{"none", nil, absent, nil},
		{"same-card", sameCard().Devices, nil, nil},
		{"two-drivers", twoDrivers().Devices, nil, nil},
		{"cards", []result.Device{card, lowered, dumb}, nil, nil},
		{"failed", []result.Device{cpuDevice}, absent, []result.Absent{{Backend: "vulkan", Reason: "its devices could not be listed: the process was ended by its time limit of 30 s while listing the devices; the driver may hang; its last words: waiting for the ring of the host",
			Remedy: "if the device is only slow, allow more time with --timeout"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Devices(&b, host, test.devices, test.absent, test.failed, Options{Width: 100}); err != nil {
				t.Fatal(err)
			}
			golden(t, "devices-"+test.name, b.String())
		})
	}
}

func TestWriteError(t *testing.T) {
	full := errors.New("no space left on device")
	if err := Run(failingWriter{full}, software(), Options{}); !errors.Is(err, full) {
		t.Errorf("Run: %v, want %v", err, full)
	}
	if err := Devices(failingWriter{full}, result.Host{}, nil, nil, nil, Options{}); !errors.Is(err, full) {
		t.Errorf("Devices: %v, want %v", err, full)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestDigits4(t *testing.T) {
	for _, test := range []struct {
		v    float64
		want string
	}{
		{0, "0"}, {1, "1.000"}, {147.23, "147.2"}, {999.94, "999.9"}, {999.96, "1000"}, {0.99996, "1.000"}, {9.9996, "10.00"},
		{50213, "50210"}, {0.0157049, "0.01570"}, {0.00012345, "0.0001234"}, {0.00001, "1.000e-05"}, {1.5e9, "1.500e+09"},
		{-2.5, "-2.500"}, {math.NaN(), "-"}, {math.Inf(1), "-"},
	} {
		if got := digits4(test.v); got != test.want {
			t.Errorf("digits4(%v) = %q, want %q", test.v, got, test.want)
		}
	}
}

func TestRateUnit(t *testing.T) {
	for _, test := range []struct {
		rates []float64
		want  string
	}{
		{nil, "GFLOP/s"},
		{[]float64{2.3e9, 147e9}, "GFLOP/s"},
		{[]float64{0.5e9, 50e12}, "GFLOP/s"}, // one unit for both
		{[]float64{1e12, 50e12}, "TFLOP/s"},
		{[]float64{3e6, 9e8}, "MFLOP/s"},
		{[]float64{3e3, 9e5}, "kFLOP/s"},
	} {
		if got := rateUnit(test.rates).name; got != test.want {
			t.Errorf("rateUnit(%v) = %s, want %s", test.rates, got, test.want)
		}
	}
}

func TestWidthAndTruncate(t *testing.T) {
	for _, test := range []struct {
		s     string
		n     int
		width int
		want  string
	}{
		{"plain", 9, 5, "plain"},
		{"plainly longer", 9, 14, "plainly…"},
		{"日本語", 6, 6, "日本語"},
		{"日本語", 5, 6, "日本…"},
		{"日本語", 4, 6, "日…"}, // never half a character
		{"e\u0301tat", 4, 4, "e\u0301tat"},
		{"🚀🚀", 3, 4, "🚀…"},
	} {
		if got := width(test.s); got != test.width {
			t.Errorf("width(%q) = %d, want %d", test.s, got, test.width)
		}
		if got := truncate(test.s, test.n, "…"); got != test.want {
			t.Errorf("truncate(%q, %d) = %q, want %q", test.s, test.n, got, test.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		s    string
		n    int
		want string
	}{
		{"", 20, ""},
		{"one line", 20, "one line"},
		{"several words that do not fit", 12, "several|words that|do not fit"},
		{"averyveryverylongword in between", 10, "averyveryv|erylongwor|d in|between"},
		{"日本語日本語", 8, "日本語日|本語"},
	} {
		if got := strings.Join(wrap(test.s, test.n), "|"); got != test.want {
			t.Errorf("wrap(%q, %d) = %q, want %q", test.s, test.n, got, test.want)
		}
	}
}

func TestRanges(t *testing.T) {
	for _, test := range []struct {
		numbers []int
		want    string
	}{
		{nil, ""}, {[]int{3}, "[3]"}, {[]int{1, 2}, "[1,2]"}, {[]int{4, 2, 3}, "[2-4]"},
		{[]int{1, 4, 5, 6, 8, 9}, "[1,4-6,8,9]"}, {[]int{2, 2}, "[2]"},
	} {
		if got := ranges(slices.Clone(test.numbers)); got != test.want {
			t.Errorf("ranges(%v) = %q, want %q", test.numbers, got, test.want)
		}
	}
}

func TestBar(t *testing.T) {
	for _, test := range []struct {
		part        float64
		utf8, ascii string
	}{
		{1, "████████", "########"},
		{0.5, "████", "####"},
		{0.55, "████▍", "####"},
		{0.0001, "▏", "#"}, // what is not nothing shows
		{2, "████████", "########"},
	} {
		if got := bar(test.part, 8, false); got != test.utf8 {
			t.Errorf("bar(%v) = %q, want %q", test.part, got, test.utf8)
		}
		if got := bar(test.part, 8, true); got != test.ascii {
			t.Errorf("bar(%v) in ASCII = %q, want %q", test.part, got, test.ascii)
		}
	}
}

func TestOptionsFor(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	for _, test := range []struct {
		name  string
		env   func(string) string
		ascii bool
	}{
		{"no locale", env(), true},
		{"C", env("LANG", "C"), true},
		{"UTF-8", env("LANG", "en_GB.UTF-8"), false},
		{"utf8", env("LC_CTYPE", "C.utf8"), false},
		{"LC_ALL wins", env("LC_ALL", "C", "LANG", "en_GB.UTF-8"), true},
		{"an empty LC_ALL does not", env("LC_ALL", "", "LANG", "en_GB.UTF-8"), false},
	} {
		got := OptionsFor(&bytes.Buffer{}, test.env)
		want := Options{Width: fileWidth, ASCII: test.ascii}
		if got != want {
			t.Errorf("%s: %+v, want %+v", test.name, got, want)
		}
	}
}
