package result

import "time"

func ptr[T any](v T) *T { return &v }

// example has every field set and every kind of row: measured, failed, unsupported;
// with and without the values that may be null.
func example() *Document {
	start := time.Date(2026, 11, 23, 15, 2, 2, 123456789, time.UTC)
	const spirv = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	problem := Problem{M: 1024, N: 512, K: 256, FLOP: 2 * 1024 * 512 * 256, Input: "normal", Seed: 1}
	cpu := Device{
		ID: "cpu", Backend: "cpu", Class: ClassCPU, Name: "Apple processor (virtual machine)", Threads: 2, ISA: "neon", ProcessorISA: "neon",
		MemoryBytes: 8 << 30, Unified: true, Limits: map[string]uint64{},
	}
	venus := Device{
		ID: "vulkan:0", Backend: "vulkan", Class: ClassIntegrated, Name: "Virtio-GPU Venus (Apple M4 Pro)",
		Driver: Driver{ID: 22, Name: "venus", Info: "Mesa 25.3.6", Version: "0x06400306"}, API: "1.2.0",
		UUID: "30313233343536373839616263646566", MemoryBytes: 4 << 30, Unified: true, Timestamps: true,
		Limits: map[string]uint64{"maxComputeSharedMemorySize": 32768, "maxComputeWorkGroupInvocations": 1024},
		NVML: &NVML{
			Driver: "570.86.15", ECC: ptr(true), MIG: ptr(false), Persistence: ptr(true), PowerLimitW: 650, DefaultPowerLimitW: 700, MinPowerLimitW: 200, MaxPowerLimitW: 700,
			MaxSMClockMHz: 1980, MaxMemoryClockMHz: 2619, PCIeGeneration: 4, PCIeWidth: 16, MaxPCIeGeneration: 5, MaxPCIeWidth: 16, Missing: []string{"energy (not supported)"},
		},
	}
	llvmpipe := Device{
		ID: "vulkan:1", Backend: "vulkan", Class: ClassCPU, Name: "llvmpipe (LLVM 20.1.8, 128 bits)", Software: true,
		Driver: Driver{ID: 13, Name: "llvmpipe", Info: "Mesa 25.3.6"}, API: "1.4.318", Limits: map[string]uint64{},
		Unusable: "maxComputeWorkGroupInvocations is 0",
		NVML:     &NVML{Unavailable: "libnvidia-ml.so.1 not found", Remedy: "install NVIDIA's driver"},
	}
	return &Document{
		Schema:    Schema{Name: SchemaName, Version: SchemaVersion},
		Tool:      Tool{Version: "0.1.0", Commit: "7d9376b5e1c1a7d2f53c4b3a4a3ff0d3b5f1e2aa", Dirty: true, Go: "go1.26.8", Static: true},
		Argv:      []string{"run", "--size", "1024x512x256", "--json", "-"},
		Started:   start,
		DurationS: 41.25,
		Seed:      18446744073709551615,
		Host: Host{
			OS: "linux", Arch: "arm64", Kernel: "6.12.13-200.fc41.aarch64",
			CPU:         CPU{Model: "Apple processor (virtual machine)", ISA: "neon", Logical: 8, Usable: 2, Quota: ptr(1.5)},
			MemoryBytes: 8 << 30,
			Runtime:     Runtime{Name: "podman", Declared: "podman", Evidence: []string{"/run/.containerenv", "DMI product_name libkrun Virtual Machine"}, On: "libkrun-vm"},
			DRI:         []string{"/dev/dri/card0", "/dev/dri/renderD128"},
			Mac:         &Mac{Version: "15.1", Build: "24B83", PerformanceCores: 10, EfficiencyCores: 4, PowerSource: "AC Power", LowPowerMode: ptr(false)},
			NVIDIA:      []string{"/dev/nvidia0"},
			KernelID:    "6f1c2d3e4b5a6978",
		},
		Devices: []Device{
			cpu, venus, llvmpipe,
			{
				ID: "blas", Backend: "blas", Class: ClassCPU, Name: "OpenBLAS 0.3.29 (NEOVERSEN1)", Threads: 2, MemoryBytes: 8 << 30, Unified: true,
				Driver: Driver{Name: "OpenBLAS", Info: "OpenBLAS 0.3.29 DYNAMIC_ARCH NEOVERSEN1 /usr/lib64/libopenblasp.so.0", Version: "0.3.29"}, Limits: map[string]uint64{},
				ProcessorISA: "neon", Steering: map[string]string{"OPENBLAS_L2_SIZE": "512"}, Library: &Library{
					Name: "OpenBLAS", Version: "0.3.29", Core: "neoversen1", ISA: "neon", File: "/usr/lib64/libopenblasp.so.0", Raised: "armv8", Fixed: true, Refused: []string{"NEOVERSEV1: the process was killed by SIGILL"}},
			},
		},
		Absent: []Absent{{Backend: "cuda", Reason: "libcuda.so.1 not found", Remedy: "install NVIDIA's driver, or start the container with --gpus all"}},
		Measurements: []Measurement{
			{
				ID: "m0", Runtime: "podman", Device: "cpu", Role: RoleKernel,
				Kernel:  Kernel{Name: "matmul", Format: "f32", Accumulate: "f32", SPIRVSHA256: spirv, Form: "c", FormSHA256: "ab" + spirv[2:]},
				Problem: problem, Status: StatusOK, SearchedOn: ptr(cpu.Opened()),
				Verification: Verification{Batches: 12, MaxError: 1.9e-6, Bound: 1.2e-4, Method: "full", ExactChecksum: "sha256:" + spirv},
				Launches: []Launch{{
					Status: StatusOK, Started: start, DurationS: 3.5, Stop: "precision", RoundTripS: ptr(0.0000025), Opened: ptr(cpu.Opened()),
					Warmup:  []Sample{{HostS: 0.5, DeviceS: ptr(0.6), Dispatches: 10, Flags: []string{"device-longer-than-host"}}},
					Samples: []Sample{{HostS: 0.25, Dispatches: 10}, {HostS: 0.26, Dispatches: 10}, {HostS: 0.27, Dispatches: 10}},
				}},
				Summary: &Summary{Clock: "host", N: 3, Launches: 1, MedianS: 0.026, Q1S: 0.0255, Q3S: 0.0265, MinS: 0.025, MaxS: 0.027, MADS: 0.001, FLOPS: 1.0324e10},
			},
			{
				ID: "m1", Runtime: "podman", Device: "vulkan:0", Role: RoleKernel,
				Kernel: Kernel{
					Name: "matmul", Format: "f32", Accumulate: "f32", SPIRVSHA256: spirv, Form: "spirv", FormSHA256: spirv,
					Specialization: map[string]uint32{"TM": 8, "TN": 4},
					Search: []Candidate{
						{Specialization: map[string]uint32{"TM": 8, "TN": 4}, Status: StatusOK, Problem: "1024x512x256", BestS: 0.00078, Chosen: true, TimesS: []float64{0.0008, 0.00078, 0.00081}, Ratio: 1.01, RatioCI: &[2]float64{0.99, 1.03}},
						{Specialization: map[string]uint32{"TM": 16, "TN": 8}, Status: StatusUnsupported, Code: "limit", Reason: "48 KiB of shared memory exceed maxComputeSharedMemorySize, 32768"},
					},
					ChosenBy: "search", SearchS: 2.5, SearchProcesses: 3,
				},
				Problem: problem, Status: StatusOK,
				Verification: Verification{Batches: 36, Failed: 0, MaxError: 1.9e-6, Bound: 1.2e-4, Method: "freivalds", ExactChecksum: "sha256:" + spirv, Dispatches: 351, Varied: 1},
				SearchedOn:   ptr(venus.Opened()),
				Digest:       "sha256:" + spirv, Peak: &Peak{FLOPS: 4.5e11, From: "m5", Share: 0.755},
				Launches: []Launch{
					{
						Status: StatusOK, Started: start, DurationS: 2.5, Stop: "noise",
						Samples: []Sample{
							{HostS: 0.0078, DeviceS: ptr(0.0077), Dispatches: 10},
							{HostS: 0.0079, DeviceS: ptr(0.0), Dispatches: 10, Flags: []string{"device-zero"}},
							{HostS: 0.0080, DeviceS: ptr(0.0078), Dispatches: 10},
						},
						Telemetry: []Telemetry{
							{AtS: 0.4, When: Before, Values: map[string]float64{"temperature_c": -4, "power_w": 12}},
							{AtS: 0.5, When: During, Sample: ptr(2), Values: map[string]float64{"temperature_c": -3.5, "power_w": 12.25}},
						},
						Energy: &Energy{Joules: 612.5, WindowS: 1.25, FLOP: 30 * 2 * 1024 * 512 * 256, Source: "NVML's total energy of the card"},
						Opened: ptr(venus.Opened()),
						Meter:  &Meter{Library: "NVML", Name: "NVIDIA H100 80GB HBM3", UUID: "30313233343536373839616263646566", Card: "66656463626139383736353433323130"},
					},
					{
						Round: 1, Status: StatusFailed, Reason: "ended by a signal", Code: "crashed", Signal: "SIGABRT",
						Stderr: []string{"vn_ring_submit abort on fatal"}, Started: start.Add(5 * time.Second), DurationS: 0.5, Attempt: 2,
						Opened: ptr(llvmpipe.Opened()), Meter: &Meter{Unavailable: "libnvidia-ml.so.1 cannot be loaded"},
					},
				},
				Summary: &Summary{
					Clock: "host", N: 3, Launches: 1, MedianS: 0.00079, CI95S: &[2]float64{0.00078, 0.0008}, Method: "Student's t on the logarithms of the launches' medians", Q1S: 0.000785, Q3S: 0.000795,
					MinS: 0.00078, MaxS: 0.0008, MADS: 0.00001, FLOPS: 3.3979e11, FLOPSCI95: &[2]float64{3.3554e11, 3.4415e11}, DeviceMedianS: ptr(0.000775),
					FLOPPerJoule: ptr(1.3148e7), EnergyWindowS: ptr(1.25),
				},
				Warnings: []Warning{{Code: "drift", Text: "the last third of the samples is 3 % slower than the first: let the machine cool down"}},
			},
			{
				ID: "m2", Runtime: "podman", Device: "vulkan:1", Role: RoleKernel,
				Kernel: Kernel{Name: "matmul", Format: "f32", Accumulate: "f32"}, Problem: problem,
				Status: StatusUnsupported, Reason: "maxComputeWorkGroupInvocations is 0", Code: "unusable",
				Machine: "AMD EPYC 9654 96-Core Processor (buildserver01)", SearchedOn: ptr(llvmpipe.Opened()),
			},
			{
				ID: "m3", Runtime: "podman", Device: "blas", Role: RoleReference,
				Kernel:  Kernel{Name: "sgemm", Format: "f32", Accumulate: "f32", Form: "blas", Search: []Candidate{{Status: StatusOK, Problem: "1024x512x256", BestS: 0.02, Chosen: true}}},
				Problem: problem, Status: StatusOK,
				Verification: Verification{Batches: 4, MaxError: 2.1e-6, Bound: 1.2e-4, Method: "full", ExactChecksum: "sha256:" + spirv},
				Launches: []Launch{{
					Status: StatusOK, Started: start, DurationS: 3.5, Stop: "precision",
					Samples: []Sample{{HostS: 0.19, Dispatches: 10}, {HostS: 0.2, Dispatches: 10}, {HostS: 0.21, Dispatches: 10}},
				}},
				Summary: &Summary{Clock: "host", N: 3, Launches: 1, MedianS: 0.02, Q1S: 0.0195, Q3S: 0.0205, MinS: 0.019, MaxS: 0.021, MADS: 0.001, FLOPS: 1.3422e10},
			},
			{
				ID: "m4", Runtime: "podman", Device: "vulkan:0", Role: RoleOverhead,
				Kernel: Kernel{Name: "empty", Format: "f32", Accumulate: "f32", SPIRVSHA256: spirv, Form: "spirv", FormSHA256: spirv},
				Status: StatusOK,
				Launches: []Launch{{
					Status: StatusOK, Started: start, DurationS: 0.5, Stop: "precision",
					Samples: []Sample{{HostS: 0.00032, Dispatches: 1}, {HostS: 0.00033, Dispatches: 1}, {HostS: 0.00034, Dispatches: 1, Flags: []string{"preempted"}}},
				}},
				Summary: &Summary{Clock: "host", N: 3, Launches: 1, MedianS: 0.00033, Q1S: 0.000325, Q3S: 0.000335, MinS: 0.00032, MaxS: 0.00034, MADS: 0.00001},
			},
			{
				ID: "m5", Runtime: "podman", Device: "vulkan:0", Role: RolePeak,
				Kernel:  Kernel{Name: "fma", Format: "f32", Accumulate: "f32", SPIRVSHA256: "cd" + spirv[2:], Form: "spirv", FormSHA256: "cd" + spirv[2:]},
				Problem: problem, Status: StatusOK,
				Verification: Verification{Batches: 4, Method: "full", ExactChecksum: "sha256:ef" + spirv[2:], Dispatches: 40},
				Launches: []Launch{{
					Status: StatusOK, Started: start, DurationS: 0.5, Stop: "precision",
					Samples: []Sample{{HostS: 0.0059, Dispatches: 10}, {HostS: 0.006, Dispatches: 10}, {HostS: 0.0061, Dispatches: 10}},
				}},
				Summary: &Summary{Clock: "host", N: 3, Launches: 1, MedianS: 0.0006, Q1S: 0.000595, Q3S: 0.000605, MinS: 0.00059, MaxS: 0.00061, MADS: 0.00001, FLOPS: 4.5e11},
			},
		},
		Ratios: []Ratio{
			{Fast: "m1", Slow: "m0", Value: 32.9, CI95: &[2]float64{31.5, 34}, Method: "hierarchical bootstrap of log medians, percentiles", Resamples: 10000},
			{Fast: "m0", Slow: "m1", Value: 0.0304},
			{Fast: "m3", Slow: "m0", Value: 1.3},
		},
		Warnings: []Warning{{Code: "cpu-quota", Text: "the cgroup allows 1.5 processors"}},
		Runtimes: []RuntimeReport{
			{
				Name: "podman", Status: StatusOK, Version: "5.8.0", Details: map[string]string{"machine": "libkrun"}, Image: "localhost/gpubench:vulkan",
				LoadS: 2.5, FirstLineS: []float64{0.31}, FirstResultS: []float64{0.84}, Vulkan: []string{"Virtio-GPU Venus (Apple M4 Pro)"}, GPU: true,
				Inside: Host{
					OS: "linux", Arch: "arm64", Kernel: "6.12.13-200.fc41.aarch64", MemoryBytes: 8 << 30,
					CPU:     CPU{Model: "Apple processor (virtual machine)", ISA: "neon", Logical: 8, Usable: 8, Quota: ptr(8.0)},
					Runtime: Runtime{Name: "podman", Declared: "podman", Evidence: []string{"/run/.containerenv"}, On: "libkrun-vm"},
					DRI:     []string{"/dev/dri/renderD128"}, NVIDIA: []string{"/dev/nvidia0"}, KernelID: "0a1b2c3d4e5f6071",
				},
			},
			{Name: "apple-container", Status: StatusUnsupported, Reason: "the command container is not there", Remedy: "install it from https://github.com/apple/container/releases"},
		},
	}
}
