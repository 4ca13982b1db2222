package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

// card is the document of a run in which all is as it should be.
func card() *result.Document {
	gpu := result.Device{ID: "cuda:0", Backend: "cuda", Class: result.ClassDiscrete, Name: "NVIDIA H100", UUID: strings.Repeat("ab", 16),
		NVML: &result.NVML{Driver: "570.86.15", PowerLimitW: 700, Missing: []string{}}}
	devices := []result.Device{testdoc.CPU, gpu}
	for _, id := range []string{"vulkan:0", "cublas:0", "cublas:0:tf32"} {
		d := gpu
		d.ID = id
		d.Backend, _, _ = strings.Cut(id, ":")
		devices = append(devices, d)
	}
	d := testdoc.New(devices...)
	for _, size := range []int{1024, 4096, 8192} {
		for i, dev := range devices {
			m := testdoc.Add(d, dev.ID, size, []float64{2e12, 46e12, 45e12, 50e12, 400e12}[i], 0.01)
			for j := range m.Launches {
				m.Launches[j].Energy = &result.Energy{Joules: 1200, WindowS: 2, FLOP: 1, Source: "the counter"}
				m.Launches[j].Telemetry = []result.Telemetry{{Values: map[string]float64{"sm_clock_mhz": 1980, "memory_clock_mhz": 2619, "power_w": 650, "temperature_c": 60}}}
			}
		}
	}
	p := testdoc.Add(d, "cuda:0", 2048, 60e12, 0.01)
	p.Role, p.Kernel.Name = result.RolePeak, "fma"
	return testdoc.Finish(d, "cpu")
}

// Every line passes on a good document, and fails or is absent where what it is about
// is not so.
func TestLook(t *testing.T) {
	for _, l := range look(card()) {
		if l.verdict != pass {
			t.Errorf("%+v", l)
		}
	}
	at := func(d *result.Document, device string, size int) *result.Measurement {
		i := slices.IndexFunc(d.Measurements, func(m result.Measurement) bool {
			return m.Device == device && m.Problem.M == size && m.Role != result.RolePeak
		})
		return &d.Measurements[i]
	}
	slower := func(m *result.Measurement, factor float64) {
		for i := range m.Launches {
			for j := range m.Launches[i].Samples {
				m.Launches[i].Samples[j].HostS *= factor
			}
		}
	}
	for _, tt := range []struct {
		name    string
		do      func(*result.Document)
		verdict string
		what    string // words of the line that says so
	}{
		{"no Vulkan device of the card", func(d *result.Document) { d.Devices[2].UUID = "" }, absent, "matched by its UUID"},
		{"a launch of CUDA fails", func(d *result.Document) {
			testdoc.Fail(at(d, "cuda:0", 1024), result.StatusFailed, "device-lost", "the device was lost")
		}, fail, "cuda in f32"},
		{"a batch is wrong", func(d *result.Document) { at(d, "vulkan:0", 8192).Verification.Failed = 1 }, fail, "vulkan in f32"},
		{"no cuBLAS", func(d *result.Document) {
			d.Measurements = slices.DeleteFunc(d.Measurements, func(m result.Measurement) bool { return m.Device == "cublas:0" })
			d.Absent = []result.Absent{{Backend: "cublas", Reason: "no library"}}
		}, absent, "cublas in f32"},
		{"TF32 that is none", func(d *result.Document) {
			for i := range d.Measurements {
				d.Measurements[i].Kernel.Format = "f32"
			}
		}, absent, "cublas in tf32"},
		{"other bits", func(d *result.Document) { at(d, "vulkan:0", 4096).Verification.ExactChecksum = "sha256:cd" }, fail, "the same bits"},
		{"another module", func(d *result.Document) { at(d, "cuda:0", 1024).Kernel.SPIRVSHA256 = strings.Repeat("0", 64) }, fail, "the same bits"},
		{"CUDA is slow", func(d *result.Document) { slower(at(d, "cuda:0", 4096), 1.1) }, fail, "CUDA reaches 0.85"},
		{"Vulkan is slow", func(d *result.Document) { slower(at(d, "vulkan:0", 4096), 1.1) }, fail, "Vulkan reaches 0.85"},
		{"CUDA is slower than Vulkan", func(d *result.Document) { slower(at(d, "cuda:0", 4096), 1.08) }, fail, "5 % apart"},
		{"Vulkan is slower than CUDA", func(d *result.Document) { slower(at(d, "vulkan:0", 4096), 1.04) }, fail, "5 % apart"},
		{"above the peak", func(d *result.Document) { at(d, "cublas:0", 1024).Peak.Share = 1.06 }, fail, "faster than the multiply-adds"},
		{"no NVML", func(d *result.Document) { d.Devices[1].NVML = nil }, absent, "NVML"},
		{"no driver in NVML", func(d *result.Document) { d.Devices[1].NVML.Driver = "" }, fail, "NVML"},
		{"no power", func(d *result.Document) { delete(at(d, "cuda:0", 4096).Launches[2].Telemetry[0].Values, "power_w") }, fail, "NVML"},
		{"no energy", func(d *result.Document) {
			for i := range d.Measurements {
				for j := range d.Measurements[i].Launches {
					d.Measurements[i].Launches[j].Energy = nil
				}
			}
		}, absent, "the energy"},
		{"too much energy", func(d *result.Document) { at(d, "cuda:0", 8192).Launches[0].Energy.Joules = 1600 }, fail, "the energy"},
		{"too little energy", func(d *result.Document) { at(d, "cuda:0", 8192).Launches[0].Energy.Joules = 600 }, fail, "the energy"},
	} {
		d := card()
		tt.do(d)
		lines := look(d)
		i := slices.IndexFunc(lines, func(l line) bool { return strings.Contains(l.what, tt.what) })
		if i < 0 || lines[i].verdict != tt.verdict {
			t.Errorf("%s: %+v, want %s of %q", tt.name, lines[max(i, 0)], tt.verdict, tt.what)
		}
		var b bytes.Buffer
		if print(&b, lines) != 1 {
			t.Errorf("%s: exit code 0\n%s", tt.name, &b)
		}
	}
}

// What is measured is the first card that can be, in all ways; without one every line is
// there, and is absent.
func TestChoose(t *testing.T) {
	devices := card().Devices
	other := devices[2]
	other.ID, other.UUID = "vulkan:1", strings.Repeat("cd", 16)
	broken := devices[1]
	broken.ID, broken.Unusable = "cuda:9", "it is broken"
	if got := strings.Join(choose(append([]result.Device{broken, other}, devices...)), " "); got != "cpu cuda:0 vulkan:0 cublas:0 cublas:0:tf32" {
		t.Error(got)
	}
	if got := choose([]result.Device{testdoc.CPU, testdoc.Llvmpipe, broken}); got != nil {
		t.Error(got)
	}
	lines := missing([]result.Absent{{Backend: "cuda", Reason: "cuda: libcuda.so.1 not found", Remedy: "install it"}})
	if len(lines) != len(look(card())) || lines[0].seen != "libcuda.so.1 not found; install it" || slices.ContainsFunc(lines, func(l line) bool { return l.verdict != absent }) {
		t.Errorf("%+v", lines)
	}
}
