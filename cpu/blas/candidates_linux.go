//go:build cgo

package blas

import "path/filepath"

const makers = "OpenBLAS, MKL and BLIS"

const remedy = "Debian and Ubuntu: apt install libopenblas0-pthread; Fedora: dnf install openblas-threads; or name a library by " + Variable

// candidates are the libraries to try, the fastest first: OpenBLAS is within a few
// percent of MKL on Intel's processors and ahead of it on others, and ahead of BLIS.
// The same order everywhere keeps the figures of several machines comparable. What
// the system calls BLAS comes last, and counts only when it is one of these.
func candidates() []string {
	list := []string{"libopenblas.so.0"}
	// Fedora's names for the builds with POSIX threads and with OpenMP, and where
	// Debian keeps them when another is the system's.
	list = append(list, "libopenblasp.so.0", "libopenblaso.so.0")
	for _, pattern := range []string{"/usr/lib/*/openblas-pthread/libopenblas.so.0", "/usr/lib/*/openblas-openmp/libopenblas.so.0"} {
		found, _ := filepath.Glob(pattern) // fails on a bad pattern only
		list = append(list, found...)
	}
	return append(list, "libmkl_rt.so.2", "libmkl_rt.so.1", "libblis-mt.so.4", "libblis.so.4", "libblis.so.3", "libblas.so.3")
}
