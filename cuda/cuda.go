// Package cuda is the CUDA backend: it runs the kernels' SPIR-V as PTX, which
// internal/ptx makes of it, on NVIDIA's devices by the driver alone; and the reference
// beside it, cuBLAS, where that is installed.
//
// It opens the driver at run time, so a program that holds it starts on machines
// without one. It neither chooses between specializations nor checks results.
package cuda

import (
	"fmt"

	"gpubench/internal/spirv"
)

// Kernel is the SPIR-V module of a kernel.
type Kernel struct {
	name     string // one of backend.Kernel...
	spirv    []byte
	sha256   string            // of spirv, hexadecimal
	defaults map[string]uint32 // of the specialization constants
}

// ParseKernel reads the module of the kernel with this name. It is an error when the
// module is no SPIR-V, or when a specialization constant has no default of type u32.
func ParseKernel(name string, module []byte) (Kernel, error) {
	m, err := spirv.Parse(module)
	if err != nil {
		return Kernel{}, fmt.Errorf("cuda: kernel: %w", err)
	}
	r, err := m.Reflect()
	if err != nil {
		return Kernel{}, fmt.Errorf("cuda: kernel: %w", err)
	}
	k := Kernel{name: name, spirv: module, sha256: m.SHA256(), defaults: map[string]uint32{}}
	for _, c := range r.SpecConstants {
		if c.Type != "u32" {
			return Kernel{}, fmt.Errorf("cuda: kernel: specialization constant %d (%s) is of type %s, not u32", c.SpecID, c.Name, c.Type)
		}
		if c.Name != "" { // the workgroup's size may come again, without one
			k.defaults[c.Name] = uint32(c.Default)
		}
	}
	return k, nil
}

// Backend implements backend.Backend.
type Backend struct{ kernels []Kernel }

// New returns the backend for kernels. It touches no driver yet.
func New(kernels ...Kernel) *Backend { return &Backend{kernels} }

// Name is cuda.
func (*Backend) Name() string { return "cuda" }

// BLAS is the reference: NVIDIA's own matrix product. It implements backend.Backend.
// Each device is there twice: as cublas:N it multiplies in float32 and nothing less, and
// as cublas:N:tf32 it rounds what it multiplies to TF32.
type BLAS struct{}

// NewBLAS returns the reference. It touches no driver yet.
func NewBLAS() *BLAS { return &BLAS{} }

// Name is cublas.
func (*BLAS) Name() string { return "cublas" }
