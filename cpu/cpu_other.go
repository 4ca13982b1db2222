//go:build !cgo || !(amd64 || arm64)

// Package cpu is the backend that runs the kernel on the processor. This build has no
// code for it: the kernel's C needs cgo, and a processor of the amd64 or arm64 family.
package cpu

import (
	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// New is a cpu backend that says why it is absent.
func New() backend.Backend { return absent{} }

type absent struct{}

var errAbsent = &backend.Error{Kind: backend.Absent, Text: "cpu: this gpubench was built without cgo, or for a processor that is neither amd64 nor arm64",
	Remedy: "build it with CGO_ENABLED=1 and a C compiler, on or for amd64 or arm64"}

func (absent) Name() string                        { return "cpu" }
func (absent) Devices() ([]result.Device, error)   { return nil, errAbsent }
func (absent) Open(string) (backend.Device, error) { return nil, errAbsent }
