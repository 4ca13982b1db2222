// Package vk is the Vulkan backend: it runs the kernel's SPIR-V as it is, on
// every device that an installed Vulkan driver shows.
//
// It opens the loader at run time, so a program that holds it starts on machines
// without Vulkan. It neither chooses between specializations nor checks results.
package vk

// Kernel is the SPIR-V module of the matrix product: storage buffers A, B and C
// at bindings 0 to 2 of set 0, and m, n and k as its push constants.
type Kernel struct {
	SPIRV     []byte
	SHA256    string // of SPIRV, hexadecimal
	Constants []Constant
}

// Constant is a specialization constant of the kernel, of 32 bits.
type Constant struct {
	Name    string
	ID      uint32
	Default uint32
}

// Backend implements backend.Backend.
type Backend struct{ kernel Kernel }

// New returns the backend for a kernel. It touches no driver yet.
func New(k Kernel) *Backend { return &Backend{k} }

// Name is vulkan.
func (*Backend) Name() string { return "vulkan" }
