package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

const script = `<script>alert(1)</script>`

// input finishes a document and writes it, as gpubench would have.
func input(t testing.TB, name string, d *result.Document, baselines ...string) Input {
	t.Helper()
	testdoc.Finish(d, baselines...)
	devices := map[string]result.Device{}
	for _, dev := range d.Devices {
		devices[dev.ID] = dev
	}
	for i := range d.Measurements {
		m := &d.Measurements[i]
		m.Warnings = append(m.Warnings, analysis.Warnings(m, devices[m.Device])...)
	}
	var b bytes.Buffer
	if err := result.Write(&b, d); err != nil {
		t.Fatal(err)
	}
	read, err := result.Read(bytes.NewReader(b.Bytes()), name)
	if err != nil {
		t.Fatal(err)
	}
	return Input{Source: analysis.Source{Name: name, Document: read}, Raw: b.Bytes()}
}

// scatter makes the samples of a measurement noisy, as those of a shared machine are.
func scatter(m *result.Measurement, by float64) *result.Measurement {
	random := rand.New(rand.NewPCG(1, uint64(len(m.ID))+uint64(m.Problem.M)))
	for i := range m.Launches {
		l := &m.Launches[i]
		l.DurationS = 1.9
		for j := range l.Samples {
			l.Samples[j].HostS *= 1 + by*random.ExpFloat64()
		}
		l.Warmup = append(l.Warmup, result.Sample{HostS: 0.4, Dispatches: 20}, result.Sample{HostS: 0.3, Dispatches: 20})
	}
	return m
}

// beside adds the peak and the empty dispatch of a device.
func beside(d *result.Document, device string, peak, dispatch float64) {
	m := testdoc.Add(d, device, 1024, peak, 0.004)
	m.Role, m.Kernel.Name = result.RolePeak, "fma"
	m = testdoc.Add(d, device, 1024, 2*1024*1024*1024/dispatch, 0.05)
	m.Role, m.Kernel.Name = result.RoleOverhead, "empty"
	m.Problem = result.Problem{}
}

// laptop is a run with all that a page shows.
func laptop(t testing.TB) Input {
	d := testdoc.New(testdoc.CPU, testdoc.OneCore, testdoc.BLAS, testdoc.Llvmpipe)
	d.Devices = append(d.Devices, result.Device{ID: "vulkan:1", Backend: "vulkan", Class: result.ClassOther, Name: "V3D 4.2", Unusable: "it has no queue for compute"})
	d.Argv = []string{"run", "--json", "laptop.json", "--size", "256,1024,2048"}
	d.Host.Runtime.Evidence, d.Host.DRI = []string{"/proc/1/cgroup"}, []string{"/dev/dri/renderD128"}
	for i, size := range []int{256, 1024, 2048} {
		grow := 1 - 0.15/float64(i+1)
		scatter(testdoc.Add(d, "cpu", size, 160e9*grow, 0.02), 0.01)
		scatter(testdoc.Add(d, "cpu:1", size, 82e9*grow, 0.01), 0.01)
		scatter(testdoc.Add(d, "blas", size, 185e9*grow, 0.03), 0.02)
		m := scatter(testdoc.Add(d, "vulkan:0", size, 3.2e9*grow, 0.05), 0.06)
		if size == 2048 {
			m.Launches[0].Status, m.Launches[0].Code, m.Launches[0].Signal = result.StatusFailed, "crashed", "SIGSEGV"
			m.Launches[0].Reason, m.Launches[0].Samples = "the process was ended by SIGSEGV while it was verifying; the driver is at fault, so update it", nil
			m.Launches[0].Stderr = []string{"llvmpipe: out of memory", "fault at 0x0"}
			testdoc.Fail(m, result.StatusFailed, "crashed", "launch 1: the process was ended by SIGSEGV")
		}
	}
	beside(d, "cpu", 210e9, 2.1e-6)
	beside(d, "vulkan:0", 25e9, 38e-6)
	d.Absent = []result.Absent{{Backend: "cuda", Reason: "libcuda.so.1 not found", Remedy: "install NVIDIA's driver, or start the container with --gpus all"}}
	return input(t, "laptop.json", d, "cpu")
}

// runtimes is one run in several runtimes, on a GPU that the claims speak of.
func runtimes(t testing.TB) Input {
	d := testdoc.New(testdoc.CPU, testdoc.OneCore, testdoc.Venus)
	d.Host.CPU.Model, d.Host.OS, d.Host.Arch, d.Host.CPU.ISA = "Apple M4 Pro", "linux", "arm64", "neon"
	for _, runtime := range []string{"native", "podman", "docker"} {
		slow := map[string]float64{"native": 1, "podman": 0.97, "docker": 0.94}[runtime]
		for _, size := range []int{1024, 4096} {
			for _, arm := range []struct {
				device string
				rate   float64
			}{{"cpu", 520e9}, {"cpu:1", 60e9}, {"vulkan:0", 1.8e12}} {
				m := scatter(testdoc.Add(d, arm.device, size, arm.rate*slow, 0.01), 0.01)
				m.Runtime = runtime
				if runtime == "docker" && arm.device == "vulkan:0" {
					testdoc.Fail(m, result.StatusUnsupported, "limit", "docker has no GPU on this machine: /dev/dri is not there; start it with --device /dev/dri")
					m.Launches = nil
				}
			}
		}
	}
	d.Runtimes = []result.RuntimeReport{
		{Name: "native", Status: result.StatusOK, FirstLineS: []float64{0.012, 0.011, 0.014}, FirstResultS: []float64{0.055, 0.061, 0.052}, GPU: true},
		{Name: "docker", Status: result.StatusOK, Version: "28.1.0", FirstLineS: []float64{0.21, 0.19}, FirstResultS: []float64{0.31, 0.3},
			Reason: "there is no GPU in its containers", Remedy: "podman has one"},
		{Name: "podman", Status: result.StatusOK, Version: "6.0.2", LoadS: 4.25, FirstLineS: []float64{0.31, 0.29}, FirstResultS: []float64{0.44, 0.4}, GPU: true},
		{Name: "apple-container", Status: result.StatusFailed, Version: "1.2.2", Reason: "its services do not run", Remedy: "container system start --enable-kernel-install"},
	}
	return input(t, "runtimes.json", d, "cpu")
}

// harmful is a run whose every text is meant to do harm.
func harmful(t testing.TB) Input {
	dev := testdoc.Llvmpipe
	dev.Name = script
	dev.Driver.Name, dev.Driver.Info = `"><img src=x onerror=alert(2)>`, "{{.}} ${x} javascript:alert(3)"
	dev.Limits = map[string]uint64{`</style><script>alert(4)</script>`: 7}
	cpu := testdoc.CPU
	cpu.Name = "=HYPERLINK(\"http://evil.example/\")"
	d := testdoc.New(cpu, dev)
	d.Host.CPU.Model = `</title><script>alert(5)</script>` + strings.Repeat("long", 60)
	d.Host.Kernel, d.Host.Runtime.Name = "\x1b[2J\u202e@everyone | `code` [x](http://evil.example)", script
	d.Argv = []string{"run", "'><svg onload=alert(6)>"}
	testdoc.Add(d, "cpu", 512, 150e9, 0.01)
	m := testdoc.Add(d, "vulkan:0", 512, 3e9, 0.01)
	m.Runtime = script
	m.Warnings = []result.Warning{{Code: script, Text: `<a href="javascript:alert(7)">click</a>`}}
	m = testdoc.Add(d, "vulkan:0", 1024, 3e9, 0.01)
	testdoc.Fail(m, result.StatusFailed, "wrong-result", "C is wrong "+script)
	m.Launches[0].Status, m.Launches[0].Reason, m.Launches[0].Stderr = result.StatusFailed, script, []string{"</pre>" + script, "\x1b]0;t\x07"}
	d.Absent = []result.Absent{{Backend: "cuda", Reason: script, Remedy: script}}
	d.Warnings = []result.Warning{{Code: "x", Text: script}}
	return input(t, `<script>alert(8)<|script>.json`, d, "cpu")
}

// days is the same machine on several days, and another one.
func days(t testing.TB) (list []Input) {
	for i := range 4 {
		d := testdoc.New(testdoc.CPU, testdoc.BLAS)
		d.Started = d.Started.Add(time.Duration(i) * 24 * time.Hour)
		if i == 3 {
			d.Host.CPU.Model = "Ampere Altra"
			d.Devices[0].Name = "Ampere Altra"
		}
		for _, size := range []int{512, 1024} {
			scatter(testdoc.Add(d, "cpu", size, 150e9+3e9*float64(i), 0.01), 0.01)
			scatter(testdoc.Add(d, "blas", size, 180e9, 0.01), 0.01)
		}
		list = append(list, input(t, fmt.Sprintf("day%d.json", i), d, "cpu"))
	}
	return list
}

// newReport makes a report with the published claims.
func newReport(t testing.TB, inputs ...Input) *Report {
	t.Helper()
	r, err := New(inputs, analysis.PublishedClaims())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sampleReports are those that are looked at as pages.
func sampleReports(t testing.TB) map[string]*Report {
	return map[string]*Report{
		"laptop": newReport(t, laptop(t)), "runtimes": newReport(t, runtimes(t)), "harmful": newReport(t, harmful(t)), "days": newReport(t, days(t)...),
		"nothing": newReport(t, input(t, "nothing.json", testdoc.New(testdoc.CPU))),
	}
}
