// Package testdoc makes result documents for tests: machines, devices and arms at
// given rates, whose figures follow from samples as those of a run do.
package testdoc

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/stats"
)

// Devices of the documents.
var (
	CPU      = result.Device{ID: "cpu", Backend: "cpu", Class: result.ClassCPU, Name: "AMD EPYC 9R14", Threads: 2, ISA: "avx512"}
	OneCore  = result.Device{ID: "cpu:1", Backend: "cpu", Class: result.ClassCPU, Name: "AMD EPYC 9R14", Threads: 1, ISA: "avx512"}
	BLAS     = result.Device{ID: "blas", Backend: "blas", Class: result.ClassCPU, Name: "OpenBLAS 0.3.21 (Cooperlake)", Threads: 2}
	Llvmpipe = result.Device{
		ID: "vulkan:0", Backend: "vulkan", Class: result.ClassCPU, Software: true, Name: "llvmpipe (LLVM 15.0.6, 256 bits)",
		Driver: result.Driver{ID: 13, Name: "llvmpipe", Info: "Mesa 22.3.6 (LLVM 15.0.6)"}, API: "1.3.230", MemoryBytes: 15 << 30, Unified: true, Timestamps: true,
	}
	Venus = result.Device{
		ID: "vulkan:0", Backend: "vulkan", Class: result.ClassIntegrated, Name: "Virtio-GPU Venus (Apple M4 Pro)",
		Driver: result.Driver{ID: 22, Name: "venus", Info: "Mesa 25.3.6"}, API: "1.2.0", MemoryBytes: 8 << 30, Unified: true, Timestamps: true,
	}
)

// SPIRV is the hash of the kernel of all arms.
const SPIRV = "3f2a9c01b7d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e"

// New is a run on one machine, in no container, that has measured nothing yet.
func New(devices ...result.Device) *result.Document {
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

// Add appends a product of size x size x size on a device, whose launches, as many as
// by default, have medians evenly spread from rate/(1+spread) to rate*(1+spread). The
// middle one has exactly the rate (FLOP/s). Finish computes what follows.
func Add(d *result.Document, device string, size int, rate, spread float64) *result.Measurement {
	m := result.Measurement{
		ID: fmt.Sprintf("m%d", len(d.Measurements)), Runtime: d.Host.Runtime.Name, Device: device, Role: result.RoleKernel, Status: result.StatusOK,
		Kernel:       result.Kernel{Name: "matmul", Format: "f32", Accumulate: "f32", SPIRVSHA256: SPIRV, Form: "spirv", FormSHA256: SPIRV},
		Problem:      result.Problem{M: size, N: size, K: size, FLOP: 2 * uint64(size) * uint64(size) * uint64(size), Input: "normal", Seed: 1},
		Verification: result.Verification{Batches: 36, Dispatches: 144, MaxError: 1e-6, Bound: 1e-4, Method: "full", ExactChecksum: "sha256:ab"},
	}
	for _, dev := range d.Devices {
		if dev.ID == device && dev.Role() == result.RoleReference {
			m.Role = result.RoleReference
			m.Kernel = result.Kernel{Name: dev.KernelName(), Format: dev.Format(), Accumulate: "f32", Form: dev.Backend}
		}
	}
	seconds := float64(m.Problem.FLOP) / rate
	const middle = stats.DefaultLaunches / 2
	for round := range stats.DefaultLaunches {
		// Neither up nor down in the course of the run, and in another order for each
		// arm: rounds in which one is slow are not those in which another is.
		step := (round*[]int{2, 4, 5, 7}[len(d.Measurements)%4] + len(d.Measurements)) % stats.DefaultLaunches
		at := float64(step-middle) / middle
		factor := 1 + spread*at
		if at < 0 {
			factor = 1 / (1 - spread*at)
		}
		l := result.Launch{Round: round, Status: result.StatusOK, Started: d.Started, DurationS: 1, Stop: "precision"}
		for i := range 11 {
			l.Samples = append(l.Samples, result.Sample{HostS: 4 * seconds * factor * (1 + 0.0001*float64((i*4)%11-5)), Dispatches: 4})
		}
		m.Launches = append(m.Launches, l)
	}
	d.Measurements = append(d.Measurements, m)
	return &d.Measurements[len(d.Measurements)-1]
}

// Fail turns a measurement into one without figures.
func Fail(m *result.Measurement, status, code, reason string) *result.Measurement {
	m.Status, m.Code, m.Reason, m.Summary = status, code, reason, nil
	m.Verification = result.Verification{}
	verify(m)
	return m
}

// Open has each launch open the device that is listed, and its meter read that.
func Open(d *result.Document) {
	listed := map[string]result.Device{}
	for _, dev := range d.Devices {
		listed[dev.ID] = dev
	}
	for _, m := range d.Measurements {
		now := listed[m.Device].Opened()
		for i := range m.Launches {
			l := &m.Launches[i]
			l.Opened = &now
			if l.Energy != nil {
				l.Meter = &result.Meter{Library: "NVML", Name: now.Name, UUID: now.UUID}
			}
		}
	}
}

// Finish computes all figures, with the ratios to the measurements on these devices. As
// many batches as were timed are verified at least.
func Finish(d *result.Document, baselines ...string) *result.Document {
	Open(d)
	for i := range d.Measurements {
		verify(&d.Measurements[i])
		analysis.Conclude(&d.Measurements[i])
	}
	analysis.Peaks(d.Measurements, d.Devices, d.Host.CPU.ISA)
	d.Ratios, _ = analysis.Ratios(d.Measurements, func(i int) bool {
		return strings.Contains(" "+strings.Join(baselines, " ")+" ", " "+d.Measurements[i].Device+" ")
	})
	d.Ratios = append(d.Ratios, analysis.CardRatios(d.Measurements, d.Devices, d.Ratios)...)
	return d
}

// verify raises the totals of a measurement to those of its samples.
func verify(m *result.Measurement) {
	batches, dispatches := 0, 0
	for _, l := range m.Launches {
		for _, s := range slices.Concat(l.Warmup, l.Samples) {
			batches++
			dispatches += s.Dispatches
		}
	}
	v := &m.Verification
	v.Batches, v.Dispatches = max(v.Batches, batches+v.Failed), max(v.Dispatches, dispatches)
}
