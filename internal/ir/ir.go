// Package ir is the form between SPIR-V and the languages it is translated to:
// structured code over scalar values, specialised, with constant loops unrolled
// and small arrays split into variables.
//
// Build makes it by partial evaluation: it walks the structured control flow of a
// specialised module, computes what is constant, follows branches whose condition
// is known, repeats the bodies of loops that are marked for unrolling, and leaves
// the rest as code. Vectors and aggregates are taken apart into scalars on the way.
//
// The subset is one GLCompute entry point without function calls (spirv-opt inlines
// them), with bool, 32- and 64-bit integers, 16- and 32-bit floats, vectors and arrays of them,
// storage buffers, push constants, workgroup memory, barriers, structured ifs and
// loops, and the GLSL.std.450 functions in the tables of inst.go. Everything else is
// refused with the word and the name of the opcode; a translation that cannot do all of
// this refuses what it must by Value.Err. Index arithmetic is taken not to
// leave the signed 32-bit range, which every buffer of fewer than 2^31 elements meets.
package ir

import (
	"fmt"
	"math"
	"strings"

	"gpubench/internal/spirv"
)

// Type is the type of a scalar value. Integers have no sign; operations do.
type Type uint8

// The scalar types.
const (
	Void Type = iota
	Bool
	Int   // 32 bits
	Float // 32 bits, IEEE 754 binary32
	Long  // an integer of 64 bits
	Half  // 16 bits, IEEE 754 binary16
)

func (t Type) String() string { return [...]string{"void", "bool", "int", "float", "long", "half"}[t] }

// Size is the number of bytes that a value takes in memory.
func (t Type) Size() uint32 { return [...]uint32{0, 4, 4, 4, 8, 2}[t] }

// Integer reports whether t is a type of integers.
func (t Type) Integer() bool { return t == Int || t == Long }

// Op is an operation on scalars.
type Op uint8

// The operations; the type of the result, or of the arguments of a comparison, says how
// wide they are. Comparisons that differ only in the order of their arguments have one
// form: a > b is Less(b, a).
const (
	Const     Op = iota // Bits
	LocalID             // Dim: invocation within the workgroup
	GroupID             // Dim: workgroup within the dispatch
	NumGroups           // Dim: workgroups of the dispatch
	Push                // Offset: a push constant at this byte offset
	Load                // Mem, Args[0] index in elements
	Store               // Mem, Args[0] index, Args[1] value
	Get                 // Var
	Set                 // Var, Args[0]
	Barrier             // of the workgroup, execution and memory
	IAdd                // two's complement, wrapping
	ISub
	IMul
	UDiv
	SDiv
	UMod
	SRem
	SMod
	Shl
	LShr
	AShr
	And
	Or
	Xor
	Not
	INeg
	UMin
	UMax
	SMin
	SMax
	SAbs
	IEq
	INe
	ULess
	ULessEq
	SLess
	SLessEq
	FAdd
	FSub
	FMul
	FDiv
	FNeg
	Fma
	FMin
	FMax
	FAbs
	Sqrt
	RSqrt
	Exp2
	Log2
	Sin
	Cos
	Floor
	Ceil
	Trunc
	RoundEven
	FEq // ordered; false when an argument is NaN, like FLess and FLessEq
	FNe // unordered; true when an argument is NaN
	FLess
	FLessEq
	IsNaN
	LAnd // bool
	LOr
	LNot
	LEq
	LNe
	Select // Args[0] ? Args[1] : Args[2]
	SToF
	UToF
	FToS // toward zero
	FToU
	IToFBits // the same 32 bits
	FToIBits
	UExtend // Int to Long
	SExtend
	Truncate   // Long to Int
	FConvert   // between Half and Float, to nearest even
	PackHalf   // two Halfs to an Int, the first in the low bits
	UnpackHalf // Dim: one of the two Halfs of an Int
	PackLong   // two Ints to a Long
	UnpackLong // Dim

	// What translations make of the above; Build makes none of it. A lowered access takes
	// an Addr instead of an index, and moves one element or several neighbouring ones.
	Addr      // Mem: where the element Args[0] times N lies, counted from the Addr Args[1] if there is one
	Wide      // Mem, Args[0] Addr, Offset in elements, N: loads N neighbours, for Part
	Part      // Dim: one of the elements that Args[0], a Wide, has loaded
	WideStore // Mem, Args[0] Addr, Offset in elements, Args[1:] the neighbours
	Copy      // Mem, Args[0] Addr, Offset, N elements from From, Args[1] Addr, FromOffset; lands at a CopyWait
	CopyWait  // until this invocation's copies have landed
	numOps
)

var opNames = [numOps]string{"const", "local_id", "group_id", "num_groups", "push", "load", "store", "get", "set", "barrier",
	"iadd", "isub", "imul", "udiv", "sdiv", "umod", "srem", "smod", "shl", "lshr", "ashr", "and", "or", "xor", "not", "ineg",
	"umin", "umax", "smin", "smax", "sabs", "ieq", "ine", "ult", "ule", "slt", "sle",
	"fadd", "fsub", "fmul", "fdiv", "fneg", "fma", "fmin", "fmax", "fabs", "sqrt", "rsqrt", "exp2", "log2", "sin", "cos", "floor", "ceil", "trunc", "roundeven", "feq", "fne", "flt", "fle", "isnan",
	"land", "lor", "lnot", "leq", "lne", "select", "stof", "utof", "ftos", "ftou", "itofbits", "ftoibits",
	"uextend", "sextend", "truncate", "fconvert", "packhalf", "unpackhalf", "packlong", "unpacklong",
	"addr", "wide", "part", "widestore", "copy", "copywait"}

func (o Op) String() string { return opNames[o] }

// HasEffect reports whether an operation does more than compute a value, so that it
// must stay where it is even if nobody uses the value.
func (o Op) HasEffect() bool {
	switch o {
	case Store, Set, Barrier, WideStore, Copy, CopyWait:
		return true
	}
	return false
}

// Reads reports whether the value depends on what was stored before.
func (o Op) Reads() bool { return o == Load || o == Get || o == Wide }

// Value is one operation and its result.
type Value struct {
	ID     int
	Op     Op
	Type   Type // Void for operations without a result
	Args   []*Value
	Bits   uint64 // Const: an integer, the bits of a float, or 0 and 1
	Dim    int    // LocalID, GroupID, NumGroups, Part: 0 to 2, or a component
	Offset uint32 // Push: bytes; lowered accesses: elements, a signed number
	Mem    *Mem
	Var    *Var

	N          uint32 // Addr, Wide, Copy
	From       *Mem   // Copy
	FromOffset uint32

	Inst *spirv.Inst // what it was made from; nil for what a translation has added
}

// IsConst reports whether v is a constant, and its bits.
func (v *Value) IsConst() (uint64, bool) { return v.Bits, v.Op == Const }

// Err is the error of a translation that cannot do v.
func (v *Value) Err(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if v.Inst == nil {
		return err
	}
	return fmt.Errorf("word %d: %s: %w", v.Inst.Word, v.Inst.Op, err)
}

// MemKind says where a memory lives.
type MemKind uint8

// The kinds of memory.
const (
	Buffer  MemKind = iota // a storage buffer
	Shared                 // one per workgroup
	Private                // one per invocation: an array whose indices are not all known
)

// Mem is an array of elements of one type.
type Mem struct {
	ID           int
	Kind         MemKind
	Name         string
	Set, Binding uint32 // Buffer
	ReadOnly     bool   // Buffer: never written by the kernel
	Elem         Type
	Len          uint32 // elements; 0 for a buffer
}

// Var is a scalar variable of one invocation.
type Var struct {
	ID   int
	Name string
	Type Type
}

// Node is a piece of structured code: a *Value in its place in the order, an *If, a
// *Loop, or one of Break, Continue and Return.
type Node interface{ node() }

// If runs Then or Else.
type If struct {
	Cond       *Value
	Then, Else []Node
}

// Loop runs Body, then Continue, again and again until a Break. A Continue node in
// Body goes on with the Continue part.
type Loop struct{ Body, Continue []Node }

// Break leaves the innermost loop.
type Break struct{}

// Continue goes to the Continue part of the innermost loop.
type Continue struct{}

// Return ends the invocation.
type Return struct{}

func (*Value) node()   {}
func (*If) node()      {}
func (*Loop) node()    {}
func (Break) node()    {}
func (Continue) node() {}
func (Return) node()   {}

// Func is a kernel.
type Func struct {
	Name      string
	Workgroup [3]uint32
	PushBytes uint32
	Mems      []*Mem // the buffers among them by set and binding
	Vars      []*Var
	Body      []Node
}

// Walk calls f for every node in nodes and below, in order, If and Loop before what
// they hold.
func Walk(nodes []Node, f func(Node)) {
	for _, n := range nodes {
		f(n)
		switch n := n.(type) {
		case *If:
			Walk(n.Then, f)
			Walk(n.Else, f)
		case *Loop:
			Walk(n.Body, f)
			Walk(n.Continue, f)
		}
	}
}

// String is the function as text, for tests and for people.
func (f *Func) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "func %s workgroup %d %d %d push %d\n", f.Name, f.Workgroup[0], f.Workgroup[1], f.Workgroup[2], f.PushBytes)
	for _, m := range f.Mems {
		switch m.Kind {
		case Buffer:
			ro := ""
			if m.ReadOnly {
				ro = " readonly"
			}
			fmt.Fprintf(&b, "  buffer %s %s set %d binding %d%s\n", m, m.Elem, m.Set, m.Binding, ro)
		case Shared:
			fmt.Fprintf(&b, "  shared %s %s[%d]\n", m, m.Elem, m.Len)
		case Private:
			fmt.Fprintf(&b, "  private %s %s[%d]\n", m, m.Elem, m.Len)
		}
	}
	printNodes(&b, f.Body, "  ")
	return b.String()
}

func (m *Mem) String() string { return fmt.Sprintf("%s.%d", m.Name, m.ID) }
func (v *Var) String() string { return fmt.Sprintf("$%s.%d", v.Name, v.ID) }

func (v *Value) ref() string {
	if v.Op != Const {
		return fmt.Sprintf("v%d", v.ID)
	}
	switch v.Type {
	case Bool:
		return fmt.Sprint(v.Bits != 0)
	case Float:
		return fmt.Sprintf("%gf", math.Float32frombits(uint32(v.Bits)))
	case Half:
		return fmt.Sprintf("%gh", spirv.DecodeFloat(v.Bits, 16))
	case Long:
		return fmt.Sprintf("%dl", int64(v.Bits))
	}
	return fmt.Sprint(int32(v.Bits))
}

func printNodes(b *strings.Builder, nodes []Node, indent string) {
	for _, n := range nodes {
		switch n := n.(type) {
		case *Value:
			b.WriteString(indent)
			if n.Type != Void {
				fmt.Fprintf(b, "v%d = ", n.ID)
			}
			b.WriteString(n.Op.String())
			switch n.Op {
			case LocalID, GroupID, NumGroups:
				fmt.Fprintf(b, " %c", 'x'+rune(n.Dim))
			case Push:
				fmt.Fprintf(b, " %d", n.Offset)
			case UnpackHalf, UnpackLong, Part:
				fmt.Fprintf(b, " %d", n.Dim)
			case Load, Store:
				fmt.Fprintf(b, " %s", n.Mem)
				if n.Offset != 0 {
					fmt.Fprintf(b, " %+d", int32(n.Offset))
				}
			case Addr:
				fmt.Fprintf(b, " %s by %d", n.Mem, n.N)
			case WideStore:
				fmt.Fprintf(b, " %s %+d", n.Mem, int32(n.Offset))
			case Wide:
				fmt.Fprintf(b, " %d of %s %+d", n.N, n.Mem, int32(n.Offset))
			case Copy:
				fmt.Fprintf(b, " %d to %s %+d from %s %+d", n.N, n.Mem, int32(n.Offset), n.From, int32(n.FromOffset))
			case Get, Set:
				fmt.Fprintf(b, " %s", n.Var)
			}
			for _, a := range n.Args {
				b.WriteString(" " + a.ref())
			}
			b.WriteByte('\n')
		case *If:
			fmt.Fprintf(b, "%sif %s {\n", indent, n.Cond.ref())
			printNodes(b, n.Then, indent+"  ")
			if len(n.Else) > 0 {
				fmt.Fprintf(b, "%s} else {\n", indent)
				printNodes(b, n.Else, indent+"  ")
			}
			fmt.Fprintf(b, "%s}\n", indent)
		case *Loop:
			fmt.Fprintf(b, "%sloop {\n", indent)
			printNodes(b, n.Body, indent+"  ")
			if len(n.Continue) > 0 {
				fmt.Fprintf(b, "%s} continue {\n", indent)
				printNodes(b, n.Continue, indent+"  ")
			}
			fmt.Fprintf(b, "%s}\n", indent)
		case Break:
			b.WriteString(indent + "break\n")
		case Continue:
			b.WriteString(indent + "continue\n")
		case Return:
			b.WriteString(indent + "return\n")
		}
	}
}
