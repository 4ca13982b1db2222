//go:build !cgo || !(linux || darwin)

// Package blas is the reference: the best BLAS that is installed. This build cannot
// open one: that takes cgo, on Linux or macOS.
package blas

import (
	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// Variable names the environment variable that holds the file name of the library to
// use instead of the best that is found.
const Variable = "GPUBENCH_BLAS"

// New is a blas backend that says why it is absent.
func New() backend.Backend { return absent{} }

type absent struct{}

var errAbsent = &backend.Error{Kind: backend.Absent, Text: "blas: this gpubench was built without cgo, or for neither Linux nor macOS, so it cannot open a BLAS library",
	Remedy: "build it with CGO_ENABLED=1 and a C compiler, on or for Linux or macOS"}

func (absent) Name() string                        { return "blas" }
func (absent) Devices() ([]result.Device, error)   { return nil, errAbsent }
func (absent) Open(string) (backend.Device, error) { return nil, errAbsent }
