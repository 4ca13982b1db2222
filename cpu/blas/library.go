//go:build cgo && (linux || darwin)

package blas

/*
#cgo CFLAGS: -O2 -std=gnu11 -Wall -Wextra
#cgo linux LDFLAGS: -ldl
#include <stdlib.h>
#include "library.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"gpubench/internal/backend"
	"gpubench/internal/dynlib"
	"gpubench/internal/steering"
)

// Variable names the environment variable that holds the file name of the library to
// use instead of the best that is found.
const Variable = "GPUBENCH_BLAS"

// library is a BLAS that is ready to be called.
type library struct {
	name    string // OpenBLAS, MKL, BLIS or Accelerate
	version string
	core    string // the processor that its code is for, empty when it does not say
	info    string // what it says of itself, and its file
	config  string // what it says of itself
	file    string // that it was loaded from
	sgemm   unsafe.Pointer

	steering map[string]string // of the environment, what chose its code
	choice   choice
}

// title is the library's name with version and core.
func (l *library) title() string {
	s := strings.TrimSpace(l.name + " " + l.version)
	if l.core != "" {
		s += " (" + l.core + ")"
	}
	return s
}

// find opens the first library of the candidates that can be used, or the one of the
// environment, and makes it use this many threads.
// The error is of kind backend.Absent and says what was tried. A library once opened
// stays so: few of those with threads survive to be unloaded.
func find(threads int, candidates []string) (*library, error) {
	steering.Apply(threads)
	if path := os.Getenv(Variable); path != "" {
		l, err := openNamed(path, threads)
		if err != nil {
			return nil, &backend.Error{Kind: backend.Absent, Text: fmt.Sprintf("blas: %s names %s", Variable, path), Err: err,
				Remedy: "let it name one of " + makers + ", or unset it"}
		}
		return l, nil
	}
	var missing, refused []string
	for _, path := range candidates {
		l, err := open(path, threads)
		if err == nil {
			return l, nil
		}
		var absent *notOpened
		if errors.As(err, &absent) && absent.missing {
			missing = append(missing, path)
		} else {
			refused = append(refused, fmt.Sprintf("%s: %v", path, err))
		}
	}
	text := "blas: no BLAS library found"
	if len(missing) > 0 {
		text += " (" + strings.Join(missing, ", ") + ")"
	}
	if len(refused) > 0 {
		text += "; " + strings.Join(refused, "; ")
	}
	return nil, &backend.Error{Kind: backend.Absent, Text: text, Remedy: remedy}
}

// openNamed opens the library that a user names.
func openNamed(name string, threads int) (l *library, err error) {
	for _, path := range dynlib.Names(name) {
		l, err = open(path, threads)
		if absent := new(notOpened); !errors.As(err, &absent) || !absent.missing {
			return l, err
		}
	}
	return nil, err
}

// notOpened is what the dynamic loader said.
type notOpened struct {
	text    string
	missing bool // there is no such file
}

func (e *notOpened) Error() string { return e.text }

// open opens one library, if it is of a maker that can be told apart and takes
// 32-bit integers.
func open(path string, threads int) (*library, error) { return openFor(path, threads, processorISA()) }

// openFor opens it for a processor with this instruction set.
func openFor(path string, threads int, isa string) (*library, error) {
	made, err := choose(path, isa)
	if err != nil {
		return nil, err
	}
	defer made.done()
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	var text *C.char
	h := C.blas_open(cpath, &text)
	if h == nil {
		defer C.free(unsafe.Pointer(text))
		said := C.GoString(text)
		missing := dynlib.Missing(path, said)
		return nil, &notOpened{strings.TrimPrefix(said, path+": "), missing}
	}
	s := symbols{h}
	l := &library{sgemm: s.find("cblas_sgemm"), choice: made}
	if l.sgemm == nil {
		for _, name := range []string{"cblas_sgemm64_", "cblas_sgemm_64_", "cblas_sgemm_64"} {
			if s.find(name) != nil {
				return nil, fmt.Errorf("it takes 64-bit integers (%s): use its build for 32-bit ones (LP64)", name)
			}
		}
		return nil, errors.New("it has no cblas_sgemm")
	}
	var set func(int)
	var get func() int
	switch {
	case s.find("openblas_get_config") != nil:
		set, get, err = l.openBLAS(s)
	case s.find("MKL_Get_Version_String") != nil:
		set, get, err = l.mkl(s)
	case s.find("bli_info_get_version_str") != nil:
		set, get, err = l.blis(s, threads)
	case s.find("vDSP_mmul") != nil:
		set, get = l.accelerate()
	default:
		err = errors.New("it is none of " + makers + ", and may be the slow reference BLAS")
	}
	if err != nil {
		return nil, err
	}
	if set(threads); get() != threads {
		return nil, fmt.Errorf("%s uses %d threads where it was asked for %d: it was built without threads or for fewer", l.title(), get(), threads)
	}
	l.config, l.file = l.info, path
	if f := C.blas_file(l.sgemm); f != nil {
		l.file = C.GoString(f)
	}
	l.info = strings.TrimSpace(l.info + " " + l.file)
	l.steering = steering.Code(l.name, os.Environ())
	if made.raised != "" {
		delete(l.steering, coreVariable[l.name]) // which is ours
	}
	return l, nil
}

// symbols looks up what a library exports.
type symbols struct{ handle unsafe.Pointer }

func (s symbols) find(name string) unsafe.Pointer {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return C.blas_symbol(s.handle, c)
}

// all looks up several symbols, without which the library is not what it seems.
func (s symbols) all(names ...string) ([]unsafe.Pointer, error) {
	list := make([]unsafe.Pointer, len(names))
	for i, name := range names {
		if list[i] = s.find(name); list[i] == nil {
			return nil, fmt.Errorf("it lacks %s", name)
		}
	}
	return list, nil
}

// openBLAS reads "OpenBLAS 0.3.21 DYNAMIC_ARCH NO_AFFINITY SkylakeX MAX_THREADS=64".
func (l *library) openBLAS(s symbols) (set func(int), get func() int, err error) {
	f, err := s.all("openblas_get_config", "openblas_get_corename", "openblas_set_num_threads", "openblas_get_num_threads")
	if err != nil {
		return nil, nil, err
	}
	l.name, l.info, l.core = "OpenBLAS", C.GoString(C.blas_call_text(f[0])), C.GoString(C.blas_call_text(f[1]))
	words := strings.Fields(l.info)
	for i, w := range words {
		if w == "USE64BITINT" {
			return nil, nil, errors.New("it takes 64-bit integers (USE64BITINT): use its build for 32-bit ones (LP64)")
		}
		if w == "OpenBLAS" && i+1 < len(words) {
			l.version = words[i+1]
		}
	}
	return func(n int) { C.blas_call_set(f[2], C.int(n)) }, func() int { return int(C.blas_call_get(f[3])) }, nil
}

// blis reads the version, such as 0.9.0. Its own integers have 64 bits here, those of
// its cblas 32 unless it was built otherwise.
func (l *library) blis(s symbols, threads int) (set func(int), get func() int, err error) {
	f, err := s.all("bli_info_get_version_str", "bli_info_get_blas_int_type_size", "bli_info_get_enable_threading",
		"bli_thread_set_num_threads", "bli_thread_get_num_threads", "bli_arch_query_id", "bli_arch_string", "bli_init")
	if err != nil {
		return nil, nil, err
	}
	if bits := C.blas_call_get64(f[1]); bits != 32 {
		return nil, nil, fmt.Errorf("it takes %d-bit integers: use its build for 32-bit ones (LP64)", bits)
	}
	if threads > 1 && C.blas_call_get64(f[2]) == 0 {
		return nil, nil, errors.New("it was built without threads")
	}
	C.blas_call(f[7]) // without it a core that the environment names is an invalid one
	l.name, l.version = "BLIS", C.GoString(C.blas_call_text(f[0]))
	l.core = C.GoString(C.blas_call_text_of(f[6], C.int(C.blas_call_get(f[5]))))
	return func(n int) { C.blas_call_set64(f[3], C.int64_t(n)) }, func() int { return int(C.blas_call_get64(f[4])) }, nil
}

// Codes of mkl_service.h.
const (
	mklInterfaceLP64       = 0
	mklInterfaceILP64Bit   = 1
	mklThreadingSequential = 1
)

// mklThreading are MKL's threading layers by the run-time library that each needs.
// MKL ends the process when it lacks the one that it was told to use, or when its own
// libraries do not find its symbols: not all of them name it.
var mklThreading = []struct {
	library string
	code    C.int
}{{"libiomp5.so", 0}, {"libgomp.so.1", 3}, {"libtbb.so.12", 4}}

// mkl reads "Intel(R) oneAPI Math Kernel Library Version 2023.1-Product Build ...".
// Only libmkl_rt can be told which integers and which threads to use.
func (l *library) mkl(s symbols) (set func(int), get func() int, err error) {
	f, err := s.all("MKL_Set_Interface_Layer", "MKL_Set_Threading_Layer", "MKL_Set_Dynamic", "MKL_Get_Version_String", "MKL_Set_Num_Threads", "MKL_Get_Max_Threads")
	if err != nil {
		return nil, nil, fmt.Errorf("%w, which libmkl_rt has", err)
	}
	if C.blas_call_set(f[0], mklInterfaceLP64)&mklInterfaceILP64Bit != 0 {
		return nil, nil, errors.New("it takes 64-bit integers (MKL_INTERFACE_LAYER=ILP64): unset MKL_INTERFACE_LAYER")
	}
	if os.Getenv("MKL_THREADING_LAYER") == "" {
		layer := C.int(mklThreadingSequential)
		for _, t := range mklThreading {
			if slices.ContainsFunc(dynlib.Names(t.library), opens) {
				layer = t.code
				break
			}
		}
		C.blas_call_set(f[1], layer)
	}
	C.blas_call_set(f[2], 0) // never fewer threads than asked for
	buffer := (*C.char)(C.calloc(1, 200))
	defer C.free(unsafe.Pointer(buffer))
	C.blas_call_buffer(f[3], buffer, 199)
	l.name, l.info = "MKL", strings.TrimSpace(C.GoString(buffer))
	if _, rest, ok := strings.Cut(l.info, "Version "); ok {
		l.version, _, _ = strings.Cut(rest, " ")
		l.version, _, _ = strings.Cut(l.version, "-")
	}
	return func(n int) { C.blas_call_set(f[4], C.int(n)) }, func() int { return int(C.blas_call_get(f[5])) }, nil
}

// opens reports whether there is a library of that name, which stays open.
func opens(path string) bool {
	name := C.CString(path)
	var text *C.char
	found := C.blas_open_global(name, &text) != nil
	C.free(unsafe.Pointer(name))
	C.free(unsafe.Pointer(text))
	return found
}

// accelerate has no version of its own: it is part of the operating system. Its
// threads are those of VECLIB_MAXIMUM_THREADS, read once in a process.
func (l *library) accelerate() (set func(int), get func() int) {
	l.name = "Accelerate"
	return func(int) {}, func() int {
		n, _ := strconv.Atoi(os.Getenv("VECLIB_MAXIMUM_THREADS"))
		return n
	}
}
