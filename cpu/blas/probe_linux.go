//go:build cgo

package blas

/*
#include <stdlib.h>
#include "probe.h"
*/
import "C"

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// probe is what a library says and does in a copy of this process. Loaded here, it would
// stay, with the core that it has taken; and a core that is not for this processor may end
// the process. core is empty for the one that the library chooses; with multiply it must
// multiply rightly too.
func probe(path, core string, multiply bool) (s seen, err error) {
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	var ccore *C.char
	if core != "" {
		ccore = C.CString(core)
		defer C.free(unsafe.Pointer(ccore))
	}
	var found C.blas_seen
	var flag C.int
	if multiply {
		flag = 1
	}
	switch end := C.blas_probe(cpath, ccore, flag, &found); {
	case end > 0:
		return seen{}, &killed{unix.SignalName(syscall.Signal(end))}
	case end < 0:
		return seen{}, errors.New("the process that tried it ended without a result")
	}
	s = seen{C.GoString(&found.name[0]), C.GoString(&found.core[0]), C.GoString(&found.value[0])}
	if multiply && found.right == 0 && s.library != "" {
		return s, errors.New("it multiplies wrongly")
	}
	return s, nil
}

// wideVectors reports whether the processor has SVE with vectors that are wider than
// those of NEON.
func wideVectors() bool {
	const neonBytes = 16
	n, err := unix.PrctlRetInt(unix.PR_SVE_GET_VL, 0, 0, 0, 0)
	return err == nil && n&unix.PR_SVE_VL_LEN_MASK > neonBytes
}

// loaded are the files of this process that are mapped as code.
func loaded() string {
	maps, _ := os.ReadFile("/proc/self/maps") // without it the core stays unknown
	return string(maps)
}
