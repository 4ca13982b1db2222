// Package ptx translates a kernel to PTX, NVIDIA's assembly language, at run time. The
// driver's own compiler makes machine code of it; no toolkit is needed.
//
// package ir takes the SPIR-V apart; the passes here bring it into the shape that the
// hardware wants (see the table in passes.go), and the text follows from that one
// operation at a time. Arithmetic is what the SPIR-V says: every operation is rounded
// to nearest even by itself (.rn), nothing is contracted, and denormals are kept. The
// functions of GLSL.std.450 that Vulkan allows to be approximate (Exp2, Log2, Sin, Cos,
// InverseSqrt and what is made of them) are the hardware's approximations.
//
// Buffers of different bindings are taken not to overlap, each to begin at a multiple
// of 16 bytes, which the driver's own allocations do, and indices to be as package ir
// says. Barriers must be reached by whole workgroups, which is checked here and refused
// otherwise.
package ptx

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gpubench/internal/ir"
	"gpubench/internal/spirv"
)

// Options say for what a kernel is translated.
type Options struct {
	// Target is the compute capability of the device, ten times the major number plus the
	// minor one: 90 for an H100. The text is for the oldest architecture that has what it
	// uses, so that the oldest drivers take it: see Text.
	Target int

	// SingleBuffer keeps one copy of the workgroup memory where two would let a step of a
	// loop be copied while another is used.
	SingleBuffer bool

	// MinBlocks, if not 0, makes the driver's compiler use no more registers than let so
	// many workgroups run on one multiprocessor.
	MinBlocks int
}

// Kernel is a translated kernel. Its parameters are a 64-bit pointer for each of
// Buffers, in that order, and PushBytes of push constants by value, if there are any.
type Kernel struct {
	Name          string // of the entry
	Text          string
	SHA256        string // of Text, in hexadecimal
	WorkgroupSize [3]uint32
	Buffers       []Buffer // in the order of set and binding
	PushBytes     uint32

	// SharedBytes is the workgroup memory. Dynamic says that it must be asked for at the
	// launch, after the kernel's attribute has been raised to it; only memory of up to 48
	// KiB can be declared in the text.
	SharedBytes uint32
	Dynamic     bool
}

// Buffer is a storage buffer.
type Buffer struct {
	Set, Binding uint32
	Name         string
	ReadOnly     bool
}

// MinTarget is the oldest compute capability that there is a text for.
const MinTarget = 53

// Limits that keep hostile input from making endless text.
const (
	maxValues     = 1 << 16
	maxStatic     = 48 << 10  // bytes of workgroup memory that the text may declare
	maxShared     = 227 << 10 // bytes that any device has
	maxInvocation = 1024      // invocations of a workgroup
	maxDepth      = 128       // of ifs and loops in each other
)

// arch is an architecture that a text may be for, with the version of PTX that it needs.
type arch struct {
	target  int
	version string // the first driver to take it: see arches
}

// arches are tried from the newest down. PTX 6.0 came with CUDA 9.0 (drivers from 384.81)
// and PTX 7.0 with CUDA 11.0 (450.36): the first drivers that know sm_70 and sm_80 at
// all. A newer device compiles the text of an older architecture without loss.
var arches = []arch{{80, "7.0"}, {70, "6.0"}, {MinTarget, "6.0"}}

// Translate makes PTX of a module: SPIR-V with its specialization constants, and their
// values by name. Constants without a value keep their default. What is outside the
// subset is an error with the word and the opcode's name.
func Translate(module []byte, specialization map[string]uint32, o Options) (*Kernel, error) {
	m, err := spirv.Parse(module)
	if err != nil {
		return nil, err
	}
	if m, err = m.SpecializeNamed(specialization); err != nil {
		return nil, err
	}
	f, err := ir.Build(m)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("// Made by gpubench from SPIR-V; SHA-256 of the module: %x\n", sha256.Sum256(module))
	if len(specialization) > 0 {
		var s []string
		for _, n := range slices.Sorted(maps.Keys(specialization)) {
			s = append(s, fmt.Sprintf("%s=%d", n, specialization[n]))
		}
		head += "// specialised: " + strings.Join(s, " ") + "\n"
	}
	k, err := translate(f, o, head)
	if err != nil {
		return nil, fmt.Errorf("ptx: %w", err)
	}
	return k, nil
}

func translate(f *ir.Func, o Options, head string) (*Kernel, error) {
	if o.Target < MinTarget {
		return nil, fmt.Errorf("compute capability %d.%d is too old: there are texts from %d.%d on", o.Target/10, o.Target%10, MinTarget/10, MinTarget%10)
	}
	if n := uint64(f.Workgroup[0]) * uint64(f.Workgroup[1]) * uint64(f.Workgroup[2]); n == 0 || n > maxInvocation || f.Workgroup[2] > 64 {
		return nil, fmt.Errorf("a workgroup of %d x %d x %d invocations does not run on any device, which take up to %d, and 64 deep", f.Workgroup[0], f.Workgroup[1], f.Workgroup[2], maxInvocation)
	}
	if f.PushBytes > 4000 {
		return nil, fmt.Errorf("%d bytes of push constants are more than a kernel's parameters hold", f.PushBytes)
	}
	t := &translation{f: f, o: o, buffered: map[*ir.Mem]bool{}}
	if err := t.small(); err != nil {
		return nil, err
	}
	for _, p := range passes {
		p.run(t)
		if err := t.small(); err != nil {
			return nil, err
		}
	}
	if err := shapeOf(f).err; err != nil {
		return nil, err
	}
	k := &Kernel{Name: entryName(f.Name), WorkgroupSize: f.Workgroup, PushBytes: f.PushBytes}
	for _, m := range f.Mems {
		switch m.Kind {
		case ir.Buffer:
			k.Buffers = append(k.Buffers, Buffer{m.Set, m.Binding, m.Name, m.ReadOnly})
		case ir.Shared:
			k.SharedBytes += sharedBytes(m)
		}
	}
	if k.SharedBytes > maxShared {
		return nil, fmt.Errorf("%d bytes of workgroup memory are more than any device has (%d)", k.SharedBytes, maxShared)
	}
	k.Dynamic = k.SharedBytes > maxStatic
	slices.SortFunc(k.Buffers, func(a, b Buffer) int { return cmp.Or(cmp.Compare(a.Set, b.Set), cmp.Compare(a.Binding, b.Binding)) })
	text, err := emit(t, k)
	if err != nil {
		return nil, err
	}
	k.Text = head + text
	k.SHA256 = fmt.Sprintf("%x", sha256.Sum256([]byte(k.Text)))
	return k, nil
}

// small refuses what would make too long a text, and too much memory to add up.
func (t *translation) small() error {
	if n := size(t.f.Body...); n > maxValues {
		return fmt.Errorf("%d operations are more than the %d that a text may have: less should be unrolled", n, maxValues)
	}
	if depth(t.f.Body) > maxDepth {
		return fmt.Errorf("more than %d ifs and loops lie in each other", maxDepth)
	}
	total := uint64(0)
	for _, m := range t.f.Mems {
		if m.Kind != ir.Buffer {
			total += uint64(m.Len) * uint64(m.Elem.Size())
		}
	}
	if total > 1<<20 {
		return fmt.Errorf("%d bytes of workgroup memory and arrays are more than any device has", total)
	}
	return nil
}

// depth is how deep ifs and loops lie in each other.
func depth(list []ir.Node) int {
	d := 0
	for _, n := range list {
		switch n := n.(type) {
		case *ir.If:
			d = max(d, 1+depth(n.Then), 1+depth(n.Else))
		case *ir.Loop:
			d = max(d, 1+depth(n.Body), 1+depth(n.Continue))
		}
	}
	return d
}

// sharedBytes is what a workgroup memory takes, so that the next begins at a multiple of
// all banks.
func sharedBytes(m *ir.Mem) uint32 { return (m.Len*m.Elem.Size() + 127) &^ 127 }

// entryName is the name of the entry point as PTX allows it, which reserves the names
// of its instructions.
func entryName(s string) string {
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') || len(s) > 200 {
			return "kernel"
		}
	}
	return "kernel_" + s
}
