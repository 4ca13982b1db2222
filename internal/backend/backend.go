// Package backend is the one interface that every way of reaching a processor
// implements: cpu, vulkan, cuda, and later metal; and by which the references do,
// the libraries whose own matrix product is measured beside the kernel.
//
// A backend runs in a child process, one device at a time. It knows nothing of
// statistics, of verification or of the result's layout: it lists devices, builds
// a kernel for a problem, and runs batches of dispatches with two clocks.
package backend

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gpubench/internal/result"
	"gpubench/kernels"
)

// Problem is C = A x B: A is M x K, B is K x N, C is M x N, all row major and
// float32, none padded. Every dimension is at least 1. A reference whose format is float16
// (see result.Device.Format) keeps them so: it rounds A and B when they are loaded, and C.
type Problem struct{ M, N, K int }

// FLOP is the work of one dispatch: a multiplication and an addition for each
// of the M x N x K products.
func (p Problem) FLOP() uint64 { return 2 * uint64(p.M) * uint64(p.N) * uint64(p.K) }

// Matrix is the size of A, B or C.
type Matrix struct {
	Name       string
	Rows, Cols int
}

// Len is the number of its elements.
func (m Matrix) Len() int { return m.Rows * m.Cols }

// Matrices are the sizes of A, B and C of a kernel. Those of KernelFMA are none of a
// product: see kernels/fma.comp.
func (p Problem) Matrices(kernel string) [3]Matrix {
	c := Matrix{"C", p.M, p.N}
	if kernel == KernelFMA {
		return [3]Matrix{{"A", kernels.FMARows, p.N}, {"B", 1, p.N}, c}
	}
	return [3]Matrix{{"A", p.M, p.K}, {"B", p.K, p.N}, c}
}

// Shared is how many elements n dispatches take that share the memory of C; see Batch.
func (p Problem) Shared(n int) int { return p.M*p.N + Stagger*(n+1) }

// Region is how many elements a batch uses of C's region.
func (p Problem) Region(b Batch) int {
	if b.Apart == 0 {
		return p.Shared(b.Dispatches)
	}
	return p.own(b) + p.M*p.N + Stagger
}

// own is the element of C's region at which the place of the dispatch apart begins: behind
// what the others share.
func (p Problem) own(b Batch) int {
	return (p.Shared(b.Dispatches-1) + Stagger - 1) / Stagger * Stagger
}

// MaxRegion is the largest region of any batch.
func (p Problem) MaxRegion() int { return p.Region(Batch{Dispatches: MaxDispatches, Apart: 1}) }

// Place is the element of C's region at which dispatch i of a batch, from 0, writes its C.
func (p Problem) Place(b Batch, i int) int {
	switch {
	case b.Apart == 0:
		return b.At(i)
	case i == b.Apart-1:
		return p.own(b)
	case i >= b.Apart:
		i--
	}
	return b.Others().At(i)
}

// Witnesses are the elements of C's region that a batch of this problem shows when its
// fence is seen: the first of the last dispatch's C, its last, and the one that the batch names.
func (p Problem) Witnesses(b Batch) [3]int {
	last := p.Place(b, b.Dispatches-1)
	return [3]int{last, last + p.M*p.N - 1, last + b.Witness}
}

func (p Problem) String() string { return fmt.Sprintf("%dx%dx%d", p.M, p.N, p.K) }

// What a process can be asked to run.
const (
	KernelMatmul = "matmul" // the matrix product; the empty string means it too
	KernelFMA    = "fma"    // multiply-adds alone, which show the peak of the arithmetic
	KernelEmpty  = "empty"  // a dispatch with nothing to do, which shows what submitting costs
)

// Stagger is by how many elements the places of two neighbouring dispatches in C's
// region are apart: 256 bytes of float32, the largest alignment that Vulkan may ask of an
// offset into a storage buffer.
const Stagger = 64

// MaxDispatches bounds a batch, so that a clock that reads far too little cannot ask
// for hours of work, and that C's region is at most 4 MiB larger than two C.
const MaxDispatches = 1 << 14

// Batch is a number of dispatches that are submitted together, from 1 to
// MaxDispatches.
//
// They share one region of memory, in which each writes its C at a place of its own,
// Stagger elements after that of the dispatch before, or before it where the order is
// descending. What the next dispatch leaves uncovered is the trace of a dispatch: the
// first Stagger elements of its C in ascending order, the last ones in descending
// order, or all of a C that is smaller. The C of the last dispatch is there whole. Before
// the first place and after the last C there are Stagger elements that nothing may
// write. All of it together is Problem.Shared elements long.
//
// One dispatch may be set apart: it writes where no other does, behind the region that the
// others share, and after it there are Stagger elements that nothing may write either.
type Batch struct {
	Dispatches int
	Descending bool
	Apart      int // which dispatch is set apart, from 1; 0 for none
	Witness    int // the element of the last dispatch's C that is shown besides the first and the last
}

// Others are the dispatches that share the region.
func (b Batch) Others() Batch {
	if b.Apart > 0 {
		b.Dispatches, b.Apart = b.Dispatches-1, 0
	}
	return b
}

// At is the element of C's region at which dispatch i, from 0, writes its C where none is
// set apart.
func (b Batch) At(i int) int {
	if b.Descending {
		i = b.Dispatches - 1 - i
	}
	return Stagger * (1 + i)
}

// Step is how many elements the place of a dispatch is after that of the one before.
func (b Batch) Step() int {
	if b.Descending {
		return -Stagger
	}
	return Stagger
}

// Check returns an *Error of kind Failed for a batch that no backend takes.
func (b Batch) Check() error {
	if b.Dispatches < 1 || b.Dispatches > MaxDispatches {
		return Errorf(Failed, "a batch of %d dispatches was asked for; 1 to %d are possible", b.Dispatches, MaxDispatches)
	}
	if b.Apart < 0 || b.Apart > b.Dispatches {
		return Errorf(Failed, "dispatch %d of %d was to be set apart", b.Apart, b.Dispatches)
	}
	return nil
}

// Specialization gives values to a kernel's specialization constants by name.
type Specialization map[string]uint32

// String writes it as --specialization takes it: BK=16,KU=4,...
func (s Specialization) String() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		list = append(list, fmt.Sprintf("%s=%d", name, s[name]))
	}
	return strings.Join(list, ",")
}

// Backend is an API that runs the kernel. Its methods are called from one
// goroutine only.
type Backend interface {
	// Name is cpu, vulkan, cuda or metal, or that of a reference: blas, cublas.
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
	// Candidates are the specializations of a kernel, KernelMatmul or KernelFMA, worth
	// trying for this problem within the device's limits, the likeliest first and at
	// least one, or an *Error of kind Limit that says which limit the problem exceeds, or
	// that the device cannot have this kernel.
	Candidates(kernel string, p Problem) ([]Specialization, error)
	// Build compiles a kernel with this specialization and allocates A, B, and the
	// region of C for any batch (Problem.MaxRegion). It fails where Candidates does.
	Build(kernel string, p Problem, s Specialization) (Program, error)
	Close() error
}

// Program is a kernel built for one problem, with its matrices on the device.
type Program interface {
	// Form says what was built. Specialization holds every constant, also those
	// that Build was not asked to set.
	Form() Form
	// Load copies A and B to the device, whole; Problem.Matrices has their sizes.
	Load(a, b []float32) error
	// Patch replaces elements of A, which is matrix 0, or of B, matrix 1, from element at on.
	Patch(matrix, at int, values []float32) error
	// Fill sets the first n elements of C's region to v, NaN included, on the device.
	Fill(v float32, n int) error
	// Run submits one batch, each dispatch after the one before it has finished
	// writing, and waits for its fence. A hang is the caller's to end: every launch is
	// a process with a time limit.
	Run(Batch) (Timing, error)
	// Empty submits one dispatch of one workgroup that has nothing to do and writes
	// nothing, and waits for its fence: what every batch costs besides its work. Where that
	// is too short for the clock it does so several times, and Timing.Dispatches says how often.
	Empty() (Timing, error)
	// Read copies len(c) elements of C's region, from element at on, from the device, once all
	// that was submitted before is done.
	Read(c []float32, at int) error
	Close() error
}

// Form identifies what a backend made of a kernel.
type Form struct {
	Name           string // spirv, c, ptx or msl; blas or cublas for a reference, which has no hashes
	SPIRVSHA256    string // of the module that the form comes from, hexadecimal
	SHA256         string // of the form itself
	Specialization Specialization
}

// Timing is what the clocks said about one batch.
type Timing struct {
	HostS   float64  // seconds from submit to fence
	DeviceS *float64 // seconds by the device's clock as read, even if absurd; nil when it has none
	// Dispatches is how many empty dispatches, one after the other, the times are of. It is
	// set by Program.Empty where one alone is too short for the clock, and 0 elsewhere.
	Dispatches int
	// Witness is what the elements of Problem.Witnesses were when the fence was seen. Those of
	// an empty dispatch mean nothing.
	Witness [3]float32
}

// Kind sorts errors by what a caller does about them. It is also the code in
// the result document.
type Kind string

// The kinds of errors.
const (
	Absent      Kind = "absent"         // no loader, no driver: the backend is not on this machine
	NoDevice    Kind = "no-device"      // the device asked for does not exist
	Unusable    Kind = "unusable"       // the device exists but cannot run the kernel (no compute queue, ...)
	Limit       Kind = "limit"          // the problem or the specialization exceeds a limit of the device
	OutOfMemory Kind = "out-of-memory"  // host or device
	DeviceLost  Kind = "device-lost"    // the driver gave the device up
	Changed     Kind = "device-changed" // the device is not the one that was listed under this id
	WrongResult Kind = "wrong-result"   // verification failed
	Failed      Kind = "failed"         // anything else that the driver reports
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
