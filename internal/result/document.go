// Package result holds the result document: its types, its reader and writer
// and its JSON Schema. It imports no other package of gpubench, so that any tool
// that only wants to read results can use it alone.
//
// Times are seconds, sizes bytes, rates FLOP/s, always in base units. Every raw
// sample is kept; summaries and ratios can be recomputed from the samples.
package result

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// SchemaName and SchemaVersion name the format, apart from the program's version.
const (
	SchemaName    = "gpubench.result"
	SchemaVersion = "1.2.0"
)

// Document is everything that one invocation measured, and what it could not.
type Document struct {
	Schema       Schema        `json:"schema" jsonschema:"the format of this document"`
	Tool         Tool          `json:"tool" jsonschema:"the program that wrote it"`
	Argv         []string      `json:"argv" jsonschema:"the command line without the program's name"`
	Started      time.Time     `json:"started" jsonschema:"when the run began (RFC 3339, UTC)"`
	DurationS    float64       `json:"duration_s" jsonschema:"wall-clock seconds of the whole run"`
	Seed         uint64        `json:"seed" jsonschema:"seed of the inputs, of the order of the arms and of the bootstrap"`
	Interrupted  bool          `json:"interrupted" jsonschema:"true when the run was stopped by a signal; what was measured until then is here"`
	Host         Host          `json:"host" jsonschema:"the machine"`
	Devices      []Device      `json:"devices" jsonschema:"every device that a backend showed"`
	Absent       []Absent      `json:"absent" jsonschema:"backends that are not there, and why"`
	Measurements []Measurement `json:"measurements" jsonschema:"one row per arm, failed ones included"`
	Ratios       []Ratio       `json:"ratios" jsonschema:"ratios to the baseline, with intervals"`
	Warnings     []Warning     `json:"warnings" jsonschema:"what a reader should know about the run as a whole"`
	// Since 1.1.0.
	Runtimes []RuntimeReport `json:"runtimes,omitempty" jsonschema:"the runtimes of gpubench suite, those that could not be used included"`
}

// Schema says which format a document follows.
type Schema struct {
	Name    string `json:"name" jsonschema:"always gpubench.result"`
	Version string `json:"version" jsonschema:"semantic version of the format"`
}

// Tool identifies the program build.
type Tool struct {
	Version string `json:"version" jsonschema:"version of gpubench"`
	Commit  string `json:"commit" jsonschema:"commit it was built from, empty when unknown"`
	Dirty   bool   `json:"dirty" jsonschema:"true when built from a changed work tree"`
	Go      string `json:"go" jsonschema:"Go toolchain"`
	Static  bool   `json:"static" jsonschema:"true for the fully static binary"`
}

// Host is the machine as far as it bears on the figures.
type Host struct {
	OS          string   `json:"os" jsonschema:"operating system, as Go names it"`
	Arch        string   `json:"arch" jsonschema:"processor architecture, as Go names it"`
	Kernel      string   `json:"kernel" jsonschema:"kernel release"`
	CPU         CPU      `json:"cpu" jsonschema:"the processor"`
	MemoryBytes uint64   `json:"memory_bytes" jsonschema:"memory usable here in bytes, container limit included; 0 when unknown"`
	Runtime     Runtime  `json:"runtime" jsonschema:"container runtime or native"`
	DRI         []string `json:"dri" jsonschema:"device nodes below /dev/dri"`
	// Since 1.1.0.
	NVIDIA []string `json:"nvidia,omitempty" jsonschema:"device nodes of NVIDIA's driver, and /dev/dxg, through which WSL offers a GPU"`
	Mac    *Mac     `json:"mac,omitempty" jsonschema:"what macOS says of the machine, on a Mac"`
	// Since 1.2.0.
	KernelID string `json:"kernel_id,omitempty" jsonschema:"identifies the running kernel by a digest that is new at each boot: in a container it is that of the machine outside where both run under one kernel; left out when unknown"`
}

// Mac is what bears on the figures on macOS alone. The chip is in CPU.Model, the cores of
// its GPU in the limits of the devices of backend metal.
type Mac struct {
	Version          string `json:"version" jsonschema:"version of macOS"`
	Build            string `json:"build" jsonschema:"build of macOS"`
	PerformanceCores int    `json:"performance_cores" jsonschema:"processors of the faster kind, 0 when unknown"`
	EfficiencyCores  int    `json:"efficiency_cores" jsonschema:"processors of the slower kind, 0 when there are none or unknown"`
	PowerSource      string `json:"power_source" jsonschema:"AC Power, Battery Power or UPS Power, when the run began; empty when unknown"`
	LowPowerMode     *bool  `json:"low_power_mode" jsonschema:"whether the low-power mode was on, null when unknown"`
}

// CPU is the host's processor.
type CPU struct {
	Model   string   `json:"model" jsonschema:"model name"`
	ISA     string   `json:"isa" jsonschema:"best instruction set that the cpu backend can use here: sse2, avx2, avx512 or neon; empty when none of them"`
	Logical int      `json:"logical" jsonschema:"logical processors of the machine"`
	Usable  int      `json:"usable" jsonschema:"processors that this process may use: affinity and cgroup quota applied"`
	Quota   *float64 `json:"quota" jsonschema:"cgroup CPU quota in processors, null without one"`
}

// Runtime says where the program runs and how that was found out.
type Runtime struct {
	Name     string   `json:"name" jsonschema:"what the caller declared, else what the signs say: native, docker, podman, apple-container, wsl, ..."`
	Declared string   `json:"declared" jsonschema:"what the caller declared by GPUBENCH_RUNTIME, empty when nothing"`
	Evidence []string `json:"evidence" jsonschema:"the signs that were found"`
	// Since 1.2.0.
	On string `json:"on,omitempty" jsonschema:"the kind of machine that the runtime is in, where the signs tell: wsl, libkrun-vm, apple-vm, cloud or kvm; left out otherwise"`
}

// RuntimeReport is what gpubench suite found out about one runtime.
type RuntimeReport struct {
	Name         string            `json:"name" jsonschema:"native, docker, podman, apple-container, ..."`
	Status       string            `json:"status" jsonschema:"ok, unsupported, skipped or failed"`
	Reason       string            `json:"reason" jsonschema:"why it is not ok, or what is missing although it is; empty otherwise"`
	Remedy       string            `json:"remedy" jsonschema:"what to do about the reason, empty when nothing is known"`
	Version      string            `json:"version" jsonschema:"version of the engine, empty when unknown"`
	Details      map[string]string `json:"details" jsonschema:"the engine and its virtual machine, by name"`
	Image        string            `json:"image" jsonschema:"the image, empty where there is none"`
	LoadS        float64           `json:"load_s" jsonschema:"seconds that loading the image from its archive took, 0 when it was there already"`
	FirstLineS   []float64         `json:"first_line_s" jsonschema:"seconds from the start of a container to the first line of the program in it, for each container that ran a launch"`
	FirstResultS []float64         `json:"first_result_s" jsonschema:"seconds from the start of a container to its first timed batch"`
	Inside       Host              `json:"inside" jsonschema:"what the program sees inside, empty when it never ran there"`
	Vulkan       []string          `json:"vulkan" jsonschema:"names of the Vulkan devices that were seen inside"`
	GPU          bool              `json:"gpu" jsonschema:"true when a measurement ran there on a GPU that is no software, and its results were right"`
}

// Device classes. A software Vulkan device is of class cpu.
const (
	ClassCPU        = "cpu"
	ClassIntegrated = "integrated"
	ClassDiscrete   = "discrete"
	ClassVirtual    = "virtual"
	ClassOther      = "other"
)

// Device is one processor as one backend sees it.
type Device struct {
	ID          string            `json:"id" jsonschema:"name for --device: cpu, cpu:1:avx2, vulkan:0, ..."`
	Backend     string            `json:"backend" jsonschema:"cpu, vulkan, cuda or metal; or a reference: blas, cublas"`
	Class       string            `json:"class" jsonschema:"cpu, integrated, discrete, virtual or other"`
	Name        string            `json:"name" jsonschema:"name that the driver gives"`
	Software    bool              `json:"software" jsonschema:"true when the device is a program on the CPU (llvmpipe, SwiftShader): never a GPU"`
	Driver      Driver            `json:"driver" jsonschema:"the driver"`
	API         string            `json:"api" jsonschema:"version of the API that the device offers"`
	UUID        string            `json:"uuid" jsonschema:"device UUID in hexadecimal, empty when the backend has none"`
	MemoryBytes uint64            `json:"memory_bytes" jsonschema:"device-local memory in bytes, 0 when unknown"`
	Unified     bool              `json:"unified" jsonschema:"true when the host can map device memory, so no staging copy is needed"`
	Timestamps  bool              `json:"timestamps" jsonschema:"true when the device can time its own work"`
	Threads     int               `json:"threads" jsonschema:"CPU threads used by the cpu and blas backends, 0 for others"`
	ISA         string            `json:"isa" jsonschema:"instruction set of the cpu backend, empty for others"`
	Limits      map[string]uint64 `json:"limits" jsonschema:"limits that bear on the kernel, by the API's own names"`
	Unusable    string            `json:"unusable" jsonschema:"why the device cannot run the kernel, empty when it can"`
	// Since 1.1.0.
	NVML *NVML `json:"nvml,omitempty" jsonschema:"what NVIDIA's management library says of the card; left out for all other devices"`
	// Since 1.2.0.
	ProcessorISA string            `json:"processor_isa,omitempty" jsonschema:"best instruction set of the processor that a device of the cpu or blas backend runs on, as the process sees it: sse2, avx2, avx512, neon or sve (with vectors wider than neon's)"`
	Steering     map[string]string `json:"steering,omitempty" jsonschema:"environment variables that chose what runs on the device, with their values"`
	Library      *Library          `json:"library,omitempty" jsonschema:"the library of the blas backend; left out for all other devices"`
}

// Library is a BLAS library as it describes itself. What it does not say is empty.
type Library struct {
	Name    string   `json:"name" jsonschema:"OpenBLAS, MKL, BLIS or Accelerate"`
	Version string   `json:"version" jsonschema:"version of the library"`
	Core    string   `json:"core" jsonschema:"what the library calls the processor that the code which it runs is for"`
	ISA     string   `json:"isa" jsonschema:"instruction set of that code: generic (made for no processor in particular), sse2, avx, avx2, avx512, neon or sve; empty when unknown"`
	File    string   `json:"file" jsonschema:"file that it was loaded from"`
	Raised  string   `json:"raised,omitempty" jsonschema:"core that the library takes when left alone, where gpubench had it take the better one"`
	Fixed   bool     `json:"fixed,omitempty" jsonschema:"true when the library was built for this one core and cannot take another"`
	Refused []string `json:"refused,omitempty" jsonschema:"better cores that were tried and not taken, each with the reason"`
}

// isaLadders are the instruction sets of the architectures, each with those before it.
var isaLadders = [][]string{{"generic", "sse2", "avx", "avx2", "avx512"}, {"generic", "neon", "sve"}}

// BelowISA reports whether one instruction set is a lower one of the same architecture than
// another. Where one of the two is unknown it is not.
func BelowISA(isa, than string) bool {
	for _, ladder := range isaLadders {
		if i := slices.Index(ladder, isa); i >= 0 && i < slices.Index(ladder, than) {
			return true
		}
	}
	return false
}

// Code is the instruction set of the code that runs on a device of the cpu or blas backend,
// empty where it is unknown.
func (d Device) Code() string {
	if d.Library != nil {
		return d.Library.ISA
	}
	return d.ISA
}

// BelowProcessor reports whether what runs on a device of the processor is code for a lower
// instruction set than the processor has, although the device's id asks for no lower one.
func (d Device) BelowProcessor() bool {
	return BelowISA(d.Code(), d.ProcessorISA) && (d.ISA == "" || !strings.HasSuffix(d.ID, ":"+d.ISA))
}

// NVML is what NVIDIA's management library says of a card when devices are listed. What
// it does not say is left out.
type NVML struct {
	Unavailable        string   `json:"unavailable,omitempty" jsonschema:"why there is no telemetry of this card; left out when there is"`
	Remedy             string   `json:"remedy,omitempty" jsonschema:"what to do about that"`
	Driver             string   `json:"driver,omitempty" jsonschema:"version of the driver"`
	ECC                *bool    `json:"ecc,omitempty" jsonschema:"true when the memory corrects errors"`
	MIG                *bool    `json:"mig,omitempty" jsonschema:"true when the card is divided into instances: all readings are then of the whole card"`
	Persistence        *bool    `json:"persistence,omitempty" jsonschema:"true when the driver keeps the card initialised while nobody uses it"`
	PowerLimitW        float64  `json:"power_limit_w,omitempty" jsonschema:"limit of the power in watts that is enforced"`
	DefaultPowerLimitW float64  `json:"default_power_limit_w,omitempty" jsonschema:"limit of the power in watts that the card starts with"`
	MinPowerLimitW     float64  `json:"min_power_limit_w,omitempty" jsonschema:"lowest limit in watts that can be set"`
	MaxPowerLimitW     float64  `json:"max_power_limit_w,omitempty" jsonschema:"highest limit in watts that can be set"`
	MaxSMClockMHz      uint32   `json:"max_sm_clock_mhz,omitempty" jsonschema:"highest clock of the multiprocessors in MHz"`
	MaxMemoryClockMHz  uint32   `json:"max_memory_clock_mhz,omitempty" jsonschema:"highest clock of the memory in MHz"`
	PCIeGeneration     int      `json:"pcie_generation,omitempty" jsonschema:"generation of the PCIe link now, which falls while the card is idle"`
	PCIeWidth          int      `json:"pcie_width,omitempty" jsonschema:"lanes of the PCIe link now"`
	MaxPCIeGeneration  int      `json:"max_pcie_generation,omitempty" jsonschema:"generation that card and slot can do"`
	MaxPCIeWidth       int      `json:"max_pcie_width,omitempty" jsonschema:"lanes that card and slot can do"`
	Missing            []string `json:"missing" jsonschema:"what cannot be read of this card, each with the library's reason"`
}

// GPU reports whether the device is a graphics processor and not software.
func (d Device) GPU() bool {
	return !d.Software && (d.Class == ClassIntegrated || d.Class == ClassDiscrete || d.Class == ClassVirtual)
}

// referenceKernels are the routines of the backends that are references: those that
// run a vendor's own matrix product and not our kernel.
var referenceKernels = map[string]string{"blas": "sgemm", "cublas": "sgemm", "mps": "MPSMatrixMultiplication"}

// Role is that of all measurements on the device.
func (d Device) Role() string {
	if referenceKernels[d.Backend] != "" {
		return RoleReference
	}
	return RoleKernel
}

// KernelName is the name of what runs on the device.
func (d Device) KernelName() string { return cmp.Or(referenceKernels[d.Backend], "matmul") }

// Number formats.
const (
	FormatF32  = "f32"
	FormatTF32 = "tf32" // float32 in memory; what is multiplied is rounded to 11 bits
	FormatF16  = "f16"  // float16 in memory, C too
)

// Format is the number format that the device multiplies in. A reference that has
// several is a device for each, and says in its id which.
func (d Device) Format() string {
	if referenceKernels[d.Backend] != "" {
		for _, f := range []string{FormatTF32, FormatF16} {
			if strings.HasSuffix(d.ID, ":"+f) {
				return f
			}
		}
	}
	return FormatF32
}

// Driver is the software that drives a device.
type Driver struct {
	ID      uint32 `json:"id" jsonschema:"VkDriverId for Vulkan, else 0"`
	Name    string `json:"name" jsonschema:"driver name"`
	Info    string `json:"info" jsonschema:"driver version as the driver words it"`
	Version string `json:"version" jsonschema:"raw driver version"`
}

// Absent says why a backend is not available, and what to do about it.
type Absent struct {
	Backend string `json:"backend" jsonschema:"the backend"`
	Reason  string `json:"reason" jsonschema:"why it is not there"`
	Remedy  string `json:"remedy" jsonschema:"what to do, empty when nothing can be done"`
}

// Status of a measurement or a launch. All but ok carry a reason.
const (
	StatusOK          = "ok"
	StatusUnsupported = "unsupported"
	StatusSkipped     = "skipped"
	StatusFailed      = "failed"
)

// Measurement is one arm: runtime x device x kernel x problem.
type Measurement struct {
	ID           string       `json:"id" jsonschema:"name within the document: m0, m1, ..."`
	Runtime      string       `json:"runtime" jsonschema:"container runtime or native"`
	Device       string       `json:"device" jsonschema:"id of the device"`
	Role         string       `json:"role" jsonschema:"kernel (ours), reference (a vendor's library), overhead (an empty dispatch) or peak (multiply-adds alone: what the device's arithmetic can do)"`
	Kernel       Kernel       `json:"kernel" jsonschema:"what ran"`
	Problem      Problem      `json:"problem" jsonschema:"what it computed"`
	Status       string       `json:"status" jsonschema:"ok, unsupported, skipped or failed"`
	Reason       string       `json:"reason" jsonschema:"why it is not ok; empty when ok"`
	Code         string       `json:"code" jsonschema:"machine-readable kind of failure; empty when ok"`
	Verification Verification `json:"verification" jsonschema:"how the results were checked, over all launches"`
	Launches     []Launch     `json:"launches" jsonschema:"one entry per fresh process"`
	Summary      *Summary     `json:"summary" jsonschema:"statistics over all good launches; null when there are none"`
	Warnings     []Warning    `json:"warnings" jsonschema:"what a reader should know about this row"`
	// Since 1.1.0.
	Digest string `json:"digest,omitempty" jsonschema:"sha256: and the hexadecimal hash of all samples: an edited sample no longer matches it"`
	Peak   *Peak  `json:"peak,omitempty" jsonschema:"upper bound of the rate, where one is known"`
	// Since 1.2.0.
	Machine    string  `json:"machine,omitempty" jsonschema:"the machine that it ran on, where that is not the host: such a measurement has no ratio with those of other machines"`
	SearchedOn *Opened `json:"searched_on,omitempty" jsonschema:"the device that the search for a specialization opened, where there was one"`
}

// Roles of a measurement.
const (
	RoleKernel    = "kernel"
	RoleReference = "reference"
	RoleOverhead  = "overhead" // the empty dispatch: the round trip from submission to fence
	RolePeak      = "peak"     // the FMA kernel: the peak of the device's arithmetic
)

// Peak is what a rate cannot exceed.
type Peak struct {
	FLOPS float64 `json:"flops" jsonschema:"FLOP/s that the device can do at most"`
	From  string  `json:"from" jsonschema:"id of the measurement of role peak that shows it"`
	Share float64 `json:"share" jsonschema:"rate of this measurement over the peak; more than 1.05 is impossible"`
}

// Kernel says exactly what ran.
type Kernel struct {
	Name           string            `json:"name" jsonschema:"matmul, or the library's routine for a reference: sgemm"`
	Format         string            `json:"format" jsonschema:"number format of what is multiplied: f32, or for a reference tf32 (f32 rounded to 11 bits) or f16 (which C is kept in too)"`
	Accumulate     string            `json:"accumulate" jsonschema:"number format of the sums, f32"`
	SPIRVSHA256    string            `json:"spirv_sha256" jsonschema:"hash of the SPIR-V module that all forms are made from; empty for a reference"`
	Form           string            `json:"form" jsonschema:"what the backend ran: spirv, c (made from the SPIR-V for the CPU), ptx or msl; for a reference the kind of library, blas or cublas"`
	FormSHA256     string            `json:"form_sha256" jsonschema:"hash of that form; equals spirv_sha256 for form spirv; empty for a reference"`
	Specialization map[string]uint32 `json:"specialization" jsonschema:"values of the specialization constants by name"`
	Search         []Candidate       `json:"search" jsonschema:"the specializations that were tried before measuring"`
	// Since 1.2.0.
	ChosenBy        string  `json:"chosen_by,omitempty" jsonschema:"how the specialization was chosen: search; search of ID, the measurement on a device of the same kind whose choice it is; --specialization or --like FILE where it was pinned"`
	SearchS         float64 `json:"search_s,omitempty" jsonschema:"wall-clock seconds that the search took"`
	SearchProcesses int     `json:"search_processes,omitempty" jsonschema:"processes of the search"`
}

// Candidate is one specialization that the search tried.
type Candidate struct {
	Specialization map[string]uint32 `json:"specialization" jsonschema:"values of the specialization constants by name"`
	Status         string            `json:"status" jsonschema:"ok, unsupported, skipped or failed"`
	Reason         string            `json:"reason" jsonschema:"why it is not ok"`
	Code           string            `json:"code" jsonschema:"machine-readable kind of failure; empty when ok"`
	Problem        string            `json:"problem" jsonschema:"MxNxK that it was tried on: smaller than the one measured where that one would take too long; empty when not run"`
	BestS          float64           `json:"best_s" jsonschema:"shortest host seconds for one dispatch of that problem, 0 when not run"`
	Chosen         bool              `json:"chosen" jsonschema:"true for the one that was measured"`
	// Since 1.2.0.
	TimesS  []float64   `json:"times_s,omitempty" jsonschema:"shortest host seconds for one dispatch in each process that tried it"`
	Ratio   float64     `json:"ratio,omitempty" jsonschema:"its time over that of the fastest candidate: the median over the processes that tried both"`
	RatioCI *[2]float64 `json:"ratio_ci,omitempty" jsonschema:"interval of that ratio: those of all candidates together hold with 95 %; left out below three processes. The first candidate of the list whose interval does not lie above 1.03 is chosen"`
}

// Problem is C = A x B with A of m x k, B of k x n and C of m x n, row major.
type Problem struct {
	M     int    `json:"m" jsonschema:"rows of A and C"`
	N     int    `json:"n" jsonschema:"columns of B and C"`
	K     int    `json:"k" jsonschema:"columns of A, rows of B"`
	FLOP  uint64 `json:"flop" jsonschema:"2 m n k, the work of one dispatch"`
	Input string `json:"input" jsonschema:"input that was timed: normal (standard normal numbers)"`
	Seed  uint64 `json:"seed" jsonschema:"seed of the inputs"`
}

// Verification sums up the checks. Every timed batch is checked whole.
type Verification struct {
	Batches       int     `json:"batches" jsonschema:"batches that were checked, warm-up included"`
	Failed        int     `json:"failed" jsonschema:"batches whose result was wrong"`
	MaxError      float64 `json:"max_error" jsonschema:"largest absolute error against the float64 reference on the normal input, over the batches that were right; 0 when there are none"`
	Bound         float64 `json:"bound" jsonschema:"largest error allowed; 0 when nothing was checked"`
	Method        string  `json:"method" jsonschema:"full (each element against the float64 reference) or freivalds (C.x = A.(B.x) and sampled elements)"`
	ExactChecksum string  `json:"exact_checksum" jsonschema:"sha256: and the hexadecimal hash of C on the exact input: equal on every backend that computed the same thing, in f32 and tf32 alike; f16 has an exact input of its own; empty when not reached"`
	// Since 1.1.0.
	Dispatches int `json:"dispatches,omitempty" jsonschema:"dispatches in those batches, each of which was seen to have written its results"`
	Varied     int `json:"varied,omitempty" jsonschema:"batches that were right but not bit-equal to the first one of their launch"`
}

// Launch is one fresh process of an arm.
type Launch struct {
	Round     int         `json:"round" jsonschema:"round in which it ran, from 0"`
	Status    string      `json:"status" jsonschema:"ok or failed"`
	Reason    string      `json:"reason" jsonschema:"why it failed"`
	Code      string      `json:"code" jsonschema:"machine-readable kind of failure; empty when ok"`
	Signal    string      `json:"signal" jsonschema:"signal that ended the process, empty when none"`
	Stderr    []string    `json:"stderr" jsonschema:"last lines the process wrote to standard error, when it failed"`
	Started   time.Time   `json:"started" jsonschema:"when the process was started"`
	DurationS float64     `json:"duration_s" jsonschema:"seconds from start to end of the process"`
	Stop      string      `json:"stop" jsonschema:"rule that ended sampling: precision, noise, samples (of empty dispatches), time-limit"`
	Warmup    []Sample    `json:"warmup" jsonschema:"samples taken while warming up; not in the summary"`
	Samples   []Sample    `json:"samples" jsonschema:"timed batches"`
	Telemetry []Telemetry `json:"telemetry" jsonschema:"readings of clocks, power and temperature, where a source exists"`
	// Since 1.1.0.
	Attempt    int      `json:"attempt,omitempty" jsonschema:"2 for the one repetition after a fault that is known to be random; left out for a first attempt"`
	RoundTripS *float64 `json:"round_trip_s,omitempty" jsonschema:"median host seconds of an empty dispatch from submit to fence, which a batch must be 100 times as long as"`
	Energy     *Energy  `json:"energy,omitempty" jsonschema:"energy that the whole card took while samples were taken, where it has a counter"`
	// Since 1.2.0.
	Opened *Opened `json:"opened,omitempty" jsonschema:"the device that the process opened; a launch whose device is not the one that was listed has failed, with the code device-changed"`
	Meter  *Meter  `json:"meter,omitempty" jsonschema:"which card the readings are of, where the device has a meter"`
}

// Energy is what a card took from the first sample of a launch to the last, with what
// lies between them: C is filled, read and checked there, and the card waits.
type Energy struct {
	Joules  float64 `json:"joules" jsonschema:"what the counter advanced by"`
	WindowS float64 `json:"window_s" jsonschema:"seconds in which it did"`
	FLOP    uint64  `json:"flop" jsonschema:"work of all dispatches within"`
	Source  string  `json:"source" jsonschema:"the counter"`
}

// Sample is one timed batch of dispatches.
type Sample struct {
	HostS      float64  `json:"host_s" jsonschema:"host seconds from submit to fence, for the whole batch"`
	DeviceS    *float64 `json:"device_s" jsonschema:"device seconds for the whole batch by the device's own clock as read, even if absurd (flags say so); null when it has none"`
	Dispatches int      `json:"dispatches" jsonschema:"dispatches in the batch"`
	Flags      []string `json:"flags" jsonschema:"what is odd about the sample: device-zero, device-longer-than-host, device-short, short, fence-early (what was submitted behind the batch had to wait), preempted, throttled (the processors), stolen, paged, frozen (the process was stopped), outlier; of a card: gpu-power-cap, gpu-power-brake, gpu-thermal, gpu-slowdown, gpu-limit, gpu-sync-boost and gpu-clock-setting (what held its clock down), shared (another process uses it)"`
}

// Telemetry is one reading during a launch.
type Telemetry struct {
	AtS    float64            `json:"at_s" jsonschema:"seconds since the process began with its request"`
	Values map[string]float64 `json:"values" jsonschema:"readings by name, with the unit in the name: sm_clock_mhz, memory_clock_mhz, power_w (as the driver shows it, on most cards a mean over a second), temperature_c, clock_reasons_bits (NVML's mask), utilization_percent, others_utilization_percent and other_processes"`
	// Since 1.1.0.
	When   string `json:"when,omitempty" jsonschema:"before, during or after the batch that it was taken for"`
	Sample *int   `json:"sample,omitempty" jsonschema:"index of that batch in samples; left out in the warm-up"`
}

// Times of a reading.
const (
	Before = "before"
	During = "during"
	After  = "after"
)

// Summary describes the seconds of one dispatch over all good samples.
type Summary struct {
	Clock         string      `json:"clock" jsonschema:"clock of the figures: host"`
	N             int         `json:"n" jsonschema:"samples"`
	Launches      int         `json:"launches" jsonschema:"good launches"`
	MedianS       float64     `json:"median_s" jsonschema:"median over the launches of the median seconds of one dispatch"`
	CI95S         *[2]float64 `json:"ci95_s" jsonschema:"95 % interval of the median, from the medians of the launches; null below 3 launches"`
	Q1S           float64     `json:"q1_s" jsonschema:"first quartile of all samples"`
	Q3S           float64     `json:"q3_s" jsonschema:"third quartile of all samples"`
	MinS          float64     `json:"min_s" jsonschema:"shortest of all samples"`
	MaxS          float64     `json:"max_s" jsonschema:"longest of all samples"`
	MADS          float64     `json:"mad_s" jsonschema:"median absolute deviation of all samples from their median"`
	FLOPS         float64     `json:"flops" jsonschema:"FLOP/s at the median time"`
	FLOPSCI95     *[2]float64 `json:"flops_ci95" jsonschema:"95 % interval of the rate"`
	DeviceMedianS *float64    `json:"device_median_s" jsonschema:"median seconds of one dispatch by the device's clock, over trusted samples; null when there are none"`
	// Since 1.1.0.
	Method        string   `json:"method,omitempty" jsonschema:"how ci95_s was made, empty without one"`
	FLOPPerJoule  *float64 `json:"flop_per_joule,omitempty" jsonschema:"FLOP per joule, which is FLOP/s per watt: the median over the good launches whose energy is of at least a second; left out when there are none"`
	EnergyWindowS *float64 `json:"energy_window_s,omitempty" jsonschema:"median of the windows in seconds that it is of"`
}

// Ratio is time of the slow arm over time of the fast arm, so above 1 means that
// the arm named fast is faster. Which is called fast is fixed by the plan (the
// arm under test), never by the outcome.
type Ratio struct {
	Fast      string      `json:"fast" jsonschema:"id of the measurement whose speed is expressed"`
	Slow      string      `json:"slow" jsonschema:"id of the baseline measurement"`
	Value     float64     `json:"value" jsonschema:"median over the rounds of the time of slow over the time of fast: how many times faster fast is"`
	CI95      *[2]float64 `json:"ci95" jsonschema:"95 % interval, null when there are too few launches"`
	Method    string      `json:"method" jsonschema:"how the interval was made, empty without one"`
	Resamples int         `json:"resamples" jsonschema:"bootstrap resamples, 0 without an interval"`
}

// Warning is something a reader should know, as a value and not a log line.
type Warning struct {
	Code string `json:"code" jsonschema:"stable machine-readable name"`
	Text string `json:"text" jsonschema:"what happened, why, and what to do"`
}
