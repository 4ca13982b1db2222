// Package backend is the one interface that every way of reaching a processor
// implements: cpu, vulkan, and later cuda and metal; and by which the references do,
// the libraries whose own matrix product is measured beside the kernel.
//
// A backend runs in a child process, one device at a time. It knows nothing of
// statistics, of verification or of the result's layout: it lists devices, builds
// the kernel for a problem, and runs batches of dispatches with two clocks.
package backend

import (
	"fmt"

	"gpubench/internal/result"
)

// Problem is C = A x B: A is M x K, B is K x N, C is M x N, all row major and
// float32, none padded. Every dimension is at least 1.
type Problem struct{ M, N, K int }

// FLOP is the work of one dispatch: a multiplication and an addition for each
// of the M x N x K products.
func (p Problem) FLOP() uint64 { return 2 * uint64(p.M) * uint64(p.N) * uint64(p.K) }

func (p Problem) String() string { return fmt.Sprintf("%dx%dx%d", p.M, p.N, p.K) }

// Specialization gives values to the kernel's specialization constants by name.
type Specialization map[string]uint32

// Backend is an API that runs the kernel. Its methods are called from one
// goroutine only.
type Backend interface {
	// Name is cpu, vulkan, cuda or metal, or that of a reference: blas.
	Name() string
	// Devices lists every device, usable or not (Device.Unusable says why). An
	// *Error of kind Absent means that the backend is not there at all.
	Devices() ([]result.Device, error)
	// Open makes the device with this id ready; Devices need not be called before.
	// An unknown id is an *Error of kind NoDevice.
	Open(id string) (Device, error)
}

// Device is an opened device.
type Device interface {
	// Info is the device's entry in the result document.
	Info() result.Device
	// Candidates are the specializations worth trying for this problem within the
	// device's limits, the likeliest first and at least one, or an *Error of kind
	// Limit that says which limit the problem exceeds.
	Candidates(Problem) ([]Specialization, error)
	// Build compiles the kernel with this specialization and allocates A, B and C.
	Build(Problem, Specialization) (Program, error)
	Close() error
}

// Program is the kernel built for one problem, with its matrices on the device.
type Program interface {
	// Form says what was built. Specialization holds every constant, also those
	// that Build was not asked to set.
	Form() Form
	// Load copies A (M*K values) and B (K*N values) to the device.
	Load(a, b []float32) error
	// Fill sets every element of C to v, NaN included, on the device.
	Fill(v float32) error
	// Run submits one batch of n dispatches, each after the one before it has
	// finished writing, and waits for its fence. A hang is the caller's to end:
	// every launch is a process with a time limit.
	Run(n int) (Timing, error)
	// Read copies the whole of C (M*N values) from the device.
	Read(c []float32) error
	Close() error
}

// Form identifies what a backend made of the kernel.
type Form struct {
	Name           string // spirv, c, ptx or msl; blas for a reference, which has no hashes
	SPIRVSHA256    string // of the module that the form comes from, hexadecimal
	SHA256         string // of the form itself
	Specialization Specialization
}

// Timing is what the clocks said about one batch.
type Timing struct {
	HostS   float64  // seconds from submit to fence
	DeviceS *float64 // seconds by the device's clock as read, even if absurd; nil when it has none
}

// Kind sorts errors by what a caller does about them. It is also the code in
// the result document.
type Kind string

// The kinds of errors.
const (
	Absent      Kind = "absent"        // no loader, no driver: the backend is not on this machine
	NoDevice    Kind = "no-device"     // the device asked for does not exist
	Unusable    Kind = "unusable"      // the device exists but cannot run the kernel (no compute queue, ...)
	Limit       Kind = "limit"         // the problem or the specialization exceeds a limit of the device
	OutOfMemory Kind = "out-of-memory" // host or device
	DeviceLost  Kind = "device-lost"   // the driver gave the device up
	WrongResult Kind = "wrong-result"  // verification failed
	Failed      Kind = "failed"        // anything else that the driver reports
)

// Error is a failure that a user can act on: what was being done and what went
// wrong in Text (lower case, place first), what to do about it in Remedy.
type Error struct {
	Kind   Kind
	Text   string
	Remedy string // a sentence, or empty
	Err    error  // cause, or nil
}

func (e *Error) Error() string {
	s := e.Text
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an *Error with neither remedy nor cause.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}
