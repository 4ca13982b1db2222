// Package vk is the Vulkan backend: it runs the kernels' SPIR-V as it is, on
// every device that an installed Vulkan driver shows.
//
// It opens the loader at run time, so a program that holds it starts on machines
// without Vulkan. It neither chooses between specializations nor checks results.
package vk

import (
	"fmt"

	"gpubench/internal/spirv"
)

// Kernel is the SPIR-V module of a kernel.
type Kernel struct {
	name      string // one of backend.Kernel...
	spirv     []byte
	sha256    string // of spirv, hexadecimal
	constants []constant
}

// constant is a specialization constant of 32 bits.
type constant struct {
	name         string
	id           uint32
	defaultValue uint32
}

// ParseKernel reads the module of the kernel with this name. It is an error when the
// module is no SPIR-V, or when its interface is not that of all kernels: an entry point
// named main, the storage buffers A, B and C at bindings 0 to 2 of set 0, and m, n and k
// as its push constants.
func ParseKernel(name string, module []byte) (Kernel, error) {
	m, err := spirv.Parse(module)
	if err != nil {
		return Kernel{}, fmt.Errorf("vulkan: kernel: %w", err)
	}
	r, err := m.Reflect()
	if err != nil {
		return Kernel{}, fmt.Errorf("vulkan: kernel: %w", err)
	}
	if r.Entry != "main" {
		return Kernel{}, fmt.Errorf("vulkan: kernel: the entry point is %q, not main", r.Entry)
	}
	if len(r.Bindings) != 3 {
		return Kernel{}, fmt.Errorf("vulkan: kernel: %d bindings, not 3", len(r.Bindings))
	}
	for i, b := range r.Bindings {
		if b.Set != 0 || b.Binding != uint32(i) || b.Storage != spirv.StorageStorageBuffer {
			return Kernel{}, fmt.Errorf("vulkan: kernel: %s at set %d, binding %d is %v, not the storage buffer of set 0, binding %d",
				b.Name, b.Set, b.Binding, b.Storage, i)
		}
	}
	if r.PushConstants == nil || r.PushConstants.Size != 12 {
		return Kernel{}, fmt.Errorf("vulkan: kernel: the push constants are not the 12 bytes of m, n and k")
	}
	k := Kernel{name: name, spirv: module, sha256: m.SHA256()}
	seen := map[uint32]bool{}
	for _, c := range r.SpecConstants {
		if c.Type != "u32" {
			return Kernel{}, fmt.Errorf("vulkan: kernel: specialization constant %d (%s) is of type %s, not u32", c.SpecID, c.Name, c.Type)
		}
		// The workgroup's size may come again, without a name.
		if c.Name != "" && !seen[c.SpecID] {
			seen[c.SpecID] = true
			k.constants = append(k.constants, constant{c.Name, c.SpecID, uint32(c.Default)})
		}
	}
	return k, nil
}

// Backend implements backend.Backend.
type Backend struct{ kernels []Kernel }

// New returns the backend for kernels. It touches no driver yet.
func New(kernels ...Kernel) *Backend { return &Backend{kernels} }

// Name is vulkan.
func (*Backend) Name() string { return "vulkan" }
