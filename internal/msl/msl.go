// Package msl finishes and reads the Metal text that spirv-cross makes of a kernel.
//
// Three things are left to do. Specialization constants become macros, all of them:
// spirv-cross makes those that are the length of an array macros, since Metal takes no
// function constant there, and the others function constants; one way is enough. The
// push constants, which spirv-cross puts where A is, move behind the storage buffers.
// And the loops that the SPIR-V wants unrolled, which spirv-cross forgets, get the word
// for it that Metal's compiler knows: an array of accumulators that is indexed by a loop
// that stays one cannot lie in registers.
package msl

import (
	"bufio"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// PushIndex is the buffer index of the push constants. A, B and C have their bindings
// in the SPIR-V, 0 to 2.
const PushIndex = 3

// MacroPrefix is what the macro of a specialization constant begins with; its number
// follows.
const MacroPrefix = "SPIRV_CROSS_CONSTANT_ID_"

// Unroll is the line before a loop that is to be unrolled.
const Unroll = "#pragma clang loop unroll(full)"

var (
	functionConstant = regexp.MustCompile(`^constant uint (\w+)_tmp \[\[function_constant\((\d+)\)\]\];$`)
	itsValue         = regexp.MustCompile(`^constant uint (\w+) = is_function_constant_defined\((\w+)_tmp\) \? (\w+)_tmp : (\d+u);$`)
	programConstant  = regexp.MustCompile(`^constant uint (\w+) = `)
	loop             = regexp.MustCompile(`^(\s*)for \(.*; (\w+) < (\w+); .*\)$`)
	pushArgument     = regexp.MustCompile(`constant Problem& p \[\[buffer\(\d+\)\]\]`)
)

// Finish makes the text that is committed from that of spirv-cross.
func Finish(text string) (string, error) {
	var out strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	constants := map[string]bool{} // of the program, by name
	pushes := 0
	var pending []string // name and number of a function constant without its value
	scan := bufio.NewScanner(strings.NewReader(text))
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		s := scan.Text()
		if pending != nil {
			m := itsValue.FindStringSubmatch(s)
			if m == nil || m[1] != pending[0] || m[2] != pending[0] || m[3] != pending[0] {
				return "", fmt.Errorf("msl: the function constant %s is followed by %q, not by its value", pending[0], s)
			}
			line("#ifndef %s%s", MacroPrefix, pending[1])
			line("#define %s%s %s", MacroPrefix, pending[1], m[4])
			line("#endif")
			s = "constant uint " + pending[0] + " = " + MacroPrefix + pending[1] + ";"
			pending = nil
		} else if m := functionConstant.FindStringSubmatch(s); m != nil {
			pending = m[1:]
			continue
		}
		if m := programConstant.FindStringSubmatch(s); m != nil {
			constants[m[1]] = true
		}
		if m := loop.FindStringSubmatch(s); m != nil && constants[m[3]] {
			line("%s%s", m[1], Unroll)
		}
		if n := len(pushArgument.FindAllString(s, -1)); n > 0 {
			pushes += n
			s = pushArgument.ReplaceAllString(s, fmt.Sprintf("constant Problem& p [[buffer(%d)]]", PushIndex))
		}
		line("%s", s)
	}
	switch {
	case scan.Err() != nil:
		return "", fmt.Errorf("msl: %w", scan.Err())
	case pending != nil:
		return "", fmt.Errorf("msl: the function constant %s has no value", pending[0])
	case pushes != 1:
		return "", fmt.Errorf("msl: the push constants occur %d times among the arguments, not once", pushes)
	case strings.Contains(out.String(), "function_constant"):
		return "", fmt.Errorf("msl: a function constant remains")
	}
	return out.String(), nil
}

// Function is a kernel's entry point.
type Function struct {
	Name      string
	Arguments []Argument
	Constants map[uint32]uint32 // defaults of the specialization constants by their numbers
}

// Argument is one of a kernel: a buffer, or something that Metal itself provides.
type Argument struct {
	Type      string // without address space, const and reference
	Name      string
	Space     string // device or constant for a buffer, else empty
	ReadOnly  bool
	Attribute string // buffer, thread_position_in_threadgroup, ...
	Index     int    // of a buffer, else -1
}

var (
	entry        = regexp.MustCompile(`(?m)^kernel void (\w+)\((.*)\)$`)
	argument     = regexp.MustCompile(`^(?:(const )?(device|constant) )?(\w+)(&?) (\w+) \[\[(\w+)(?:\((\d+)\))?\]\]$`)
	defaultValue = regexp.MustCompile(`(?m)^#ifndef ` + MacroPrefix + `(\d+)\n#define ` + MacroPrefix + `(\d+) (\d+)u\n#endif$`)
)

// Parse finds the entry point of a finished text.
func Parse(text string) (*Function, error) {
	m := entry.FindAllStringSubmatch(text, -1)
	if len(m) != 1 {
		return nil, fmt.Errorf("msl: %d entry points, not 1", len(m))
	}
	f := &Function{Name: m[0][1], Constants: map[uint32]uint32{}}
	for s := range strings.SplitSeq(m[0][2], ", ") {
		a := argument.FindStringSubmatch(s)
		if a == nil {
			return nil, fmt.Errorf("msl: %s: the argument %q cannot be read", f.Name, s)
		}
		arg := Argument{Type: a[3], Name: a[5], Space: a[2], ReadOnly: a[1] != "" || a[2] == "constant", Attribute: a[6], Index: -1}
		if isBuffer := arg.Attribute == "buffer"; isBuffer != (arg.Space != "") || isBuffer != (a[4] == "&") || isBuffer != (a[7] != "") {
			return nil, fmt.Errorf("msl: %s: the argument %q is neither a buffer nor a value", f.Name, s)
		}
		if a[7] != "" {
			n, err := strconv.Atoi(a[7])
			if err != nil {
				return nil, fmt.Errorf("msl: %s: the argument %q: %w", f.Name, s, err)
			}
			arg.Index = n
		}
		f.Arguments = append(f.Arguments, arg)
	}
	for _, d := range defaultValue.FindAllStringSubmatch(text, -1) {
		id, err1 := strconv.ParseUint(d[1], 10, 32)
		v, err2 := strconv.ParseUint(d[3], 10, 32)
		if err1 != nil || err2 != nil || d[1] != d[2] {
			return nil, fmt.Errorf("msl: the default value %q cannot be read", d[0])
		}
		if old, there := f.Constants[uint32(id)]; there && old != uint32(v) {
			return nil, fmt.Errorf("msl: specialization constant %d has the default values %d and %d", id, old, v)
		}
		f.Constants[uint32(id)] = uint32(v)
	}
	return f, nil
}
