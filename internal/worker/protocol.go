// Package worker is the boundary between gpubench and the process that touches a
// driver. Every measurement runs in a child: the parent writes one JSON request
// to its standard input and reads JSON lines, the events, from its standard
// output. A driver that crashes, hangs or prints rubbish costs one launch.
package worker

import (
	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// Operations of a child process.
const (
	OpDevices = "devices" // list the devices of Request.Backend, or only Request.Device, which need not be listed
	OpSearch  = "search"  // try specializations
	OpLaunch  = "launch"  // verify, warm up and take samples with Request.Specialization
)

// Request is the one line that the parent writes. The child goes on until it is
// done or until its standard input ends, which means that the parent is gone.
type Request struct {
	Op             string                 `json:"op"`
	Backend        string                 `json:"backend"`
	Device         string                 `json:"device,omitempty"` // a device id; empty for all devices
	Kernel         string                 `json:"kernel,omitempty"` // one of backend.Kernel...; empty for backend.KernelMatmul
	Problem        backend.Problem        `json:"problem"`
	Seed           uint64                 `json:"seed"` // of the inputs
	Specialization backend.Specialization `json:"specialization,omitempty"`
	// Candidates are what OpSearch tries, in this order and on Problem as it is. Where there
	// are none it tries those of the device that have the values of Specialization, on a
	// problem that the device can afford.
	Candidates []backend.Specialization `json:"candidates,omitempty"`
	Rules      Rules                    `json:"rules"`
	// Expect is what Device was when it was listed; the child refuses another one.
	Expect *result.Opened `json:"expect,omitempty"`
	Key    string         `json:"key,omitempty"` // that the events are sealed with; they are plain without one, as for a worker that is started by hand
}

// Rules are fixed before any sample is seen. Seconds throughout.
type Rules struct {
	WarmupS    float64 `json:"warmup_s"`    // shortest warm-up
	MinSamples int     `json:"min_samples"` // fewest samples before a rule may stop
	MinTimeS   float64 `json:"min_time_s"`  // shortest sum of host seconds before a rule may stop
	Precision  float64 `json:"precision"`   // half width of the interval over the median at which to stop: 0.01 is 1 %
	MaxTimeS   float64 `json:"max_time_s"`  // hard limit for warm-up and sampling together, in wall time
	BatchS     float64 `json:"batch_s"`     // shortest host seconds of a batch: dispatches are added until it is that long
}

// Kinds of events, in the order in which a launch emits them.
const (
	EventDevice    = "device"     // Device: one per device
	EventAbsent    = "absent"     // Absent: the backend is not there
	EventOpened    = "opened"     // Opened: which device the process has; comes before all that is done on it
	EventBuilt     = "built"      // Kernel: the kernel is ready
	EventTried     = "tried"      // Candidate: one of the search; all are sent as skipped first, then each again when it was tried
	EventPhase     = "phase"      // Phase: one of Phase..., begins
	EventVerified  = "verified"   // Verification: running totals; the last one counts
	EventRoundTrip = "round-trip" // RoundTripS: an empty dispatch was timed; only launches that are not of backend.KernelEmpty have it
	EventMeter     = "meter"      // Meter: which card the readings are of
	EventWarmup    = "warmup"     // Sample
	EventSample    = "sample"     // Sample
	EventTelemetry = "telemetry"  // Telemetry: a reading of the device's meter, sent after its batch
	EventEnergy    = "energy"     // Energy: what the device took while samples were taken
	EventDone      = "done"       // Stop: the child is finished and all is well
	EventError     = "error"      // Error: the child is finished and it is not
)

// Phases of a launch, in their order.
const (
	PhaseVerify = "verify"
	PhaseWarmup = "warmup"
	PhaseSample = "sample"
	PhaseProve  = "prove" // more batches show whether the samples' times can be
	PhaseClose  = "close" // the program and the device
)

// Stops of a launch besides those of package stats.
const (
	StopTimeLimit = "time-limit" // it reached Rules.MaxTimeS
	StopSamples   = "samples"    // it took as many samples as one of the empty dispatch may send
)

// Event is one line from the child, followed by its seal where the request has a key.
// Only the field of its kind is set.
type Event struct {
	Event        string               `json:"event"`
	Device       *result.Device       `json:"device,omitempty"`
	Absent       *result.Absent       `json:"absent,omitempty"`
	Opened       *result.Opened       `json:"opened,omitempty"`
	Kernel       *result.Kernel       `json:"kernel,omitempty"`
	Candidate    *result.Candidate    `json:"candidate,omitempty"`
	Phase        string               `json:"phase,omitempty"`
	Verification *result.Verification `json:"verification,omitempty"`
	RoundTripS   float64              `json:"round_trip_s,omitempty"`
	Sample       *result.Sample       `json:"sample,omitempty"`
	Meter        *result.Meter        `json:"meter,omitempty"`
	Telemetry    *result.Telemetry    `json:"telemetry,omitempty"`
	Energy       *result.Energy       `json:"energy,omitempty"`
	Stop         string               `json:"stop,omitempty"`
	Error        *EventFailure        `json:"error,omitempty"`
}

// EventFailure is a backend.Error on the wire.
type EventFailure struct {
	Kind   backend.Kind `json:"kind"`
	Text   string       `json:"text"`
	Remedy string       `json:"remedy,omitempty"`
}
