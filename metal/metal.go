// Package metal is the Metal backend of macOS: it runs what is made of the kernels'
// SPIR-V in Metal's own language, compiled on the device when a kernel is built. It also
// holds mps, the reference on the same device: the matrix product of Metal Performance
// Shaders, in float32 and, as mps:N:f16, in float16.
//
// The matrices lie in memory that the device shares with the processor, as it is on every
// Mac with one of Apple's chips; a device with memory of its own is not usable.
//
// Under the build tag gnustep all of it is built on Linux, against the headers and the
// Metal of package fake, where the tests run it.
package metal

import (
	"fmt"
	"strings"

	"gpubench/internal/msl"
	"gpubench/internal/result"
	"gpubench/internal/spirv"
)

// Kernel is the text of a kernel in Metal's language.
type Kernel struct {
	name      string // one of backend.Kernel...
	text      string
	entry     string
	spirv     string // hash of the module that the text was made from, hexadecimal
	constants []constant
}

// constant is a specialization constant.
type constant struct {
	name         string
	macro        string
	defaultValue uint32
}

// ParseKernel reads the text of the kernel with this name, and the module that it was
// made from, whose hash its head must have. It is an error when its arguments are not those
// of all kernels: A, B and C at the buffer indices 0 to 2, m, n and k at 3.
func ParseKernel(name string, module []byte, text string) (Kernel, error) {
	m, err := spirv.Parse(module)
	if err != nil {
		return Kernel{}, fmt.Errorf("metal: kernel: %w", err)
	}
	r, err := m.Reflect()
	if err != nil {
		return Kernel{}, fmt.Errorf("metal: kernel: %w", err)
	}
	f, err := msl.Parse(text)
	if err != nil {
		return Kernel{}, fmt.Errorf("metal: kernel: %w", err)
	}
	k := Kernel{name: name, text: text, entry: f.Name, spirv: m.SHA256()}
	head, _, _ := strings.Cut(text, "\n\n")
	if !strings.Contains(head, k.spirv) {
		return Kernel{}, fmt.Errorf("metal: kernel: the text of %s was not made from the module %s", name, k.spirv)
	}
	at := map[int]string{}
	for _, a := range f.Arguments {
		if a.Index >= 0 {
			at[a.Index] += a.Space + " " + a.Type
		}
	}
	want := map[int]string{0: "device MatrixA", 1: "device MatrixB", 2: "device MatrixC", msl.PushIndex: "constant Problem"}
	if fmt.Sprint(at) != fmt.Sprint(want) {
		return Kernel{}, fmt.Errorf("metal: kernel: the buffers of %s are %v, not %v", name, at, want)
	}
	for _, c := range r.SpecConstants {
		if c.Name == "" { // the workgroup's size again
			continue
		}
		value, ok := f.Constants[c.SpecID]
		if !ok || value != uint32(c.Default) {
			return Kernel{}, fmt.Errorf("metal: kernel: specialization constant %d (%s) of %s has no macro with its default value", c.SpecID, c.Name, name)
		}
		k.constants = append(k.constants, constant{c.Name, fmt.Sprint(msl.MacroPrefix, c.SpecID), value})
	}
	return k, nil
}

// Backend implements backend.Backend: metal or mps.
type Backend struct {
	name     string
	kernels  []Kernel
	suffixes []string // of the ids under which it lists each device
}

// New returns the backend for kernels. It touches no device yet.
func New(kernels ...Kernel) *Backend { return &Backend{"metal", kernels, []string{""}} }

// NewMPS returns the reference.
func NewMPS() *Backend {
	return &Backend{name: "mps", suffixes: []string{"", ":" + result.FormatF16}}
}

// Name is metal or mps.
func (b *Backend) Name() string { return b.name }
