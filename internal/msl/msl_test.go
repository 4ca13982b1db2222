package msl

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"gpubench/internal/spirv"
	"gpubench/kernels"
)

// Where a kernel finds its matrices is what its SPIR-V says, and does not depend on
// which of them it happens to use first.
func TestArguments(t *testing.T) {
	for name, text := range kernels.Metal {
		f, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		buffers := map[int]string{}
		for _, a := range f.Arguments {
			if a.Index >= 0 {
				if buffers[a.Index] != "" {
					t.Errorf("%s: buffer %d comes twice", name, a.Index)
				}
				buffers[a.Index] = fmt.Sprintf("%s %s readonly=%v", a.Space, a.Type, a.ReadOnly)
			}
		}
		want := map[int]string{
			0: "device MatrixA readonly=true", 1: "device MatrixB readonly=true", 2: "device MatrixC readonly=false",
			PushIndex: "constant Problem readonly=true",
		}
		if fmt.Sprint(buffers) != fmt.Sprint(want) {
			t.Errorf("%s: the buffers are %v, want %v", name, buffers, want)
		}
		m, err := spirv.Parse(kernels.Modules[name])
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.Reflect()
		if err != nil {
			t.Fatal(err)
		}
		defaults := map[uint32]uint32{}
		for _, c := range r.SpecConstants {
			defaults[c.SpecID] = uint32(c.Default)
		}
		if fmt.Sprint(f.Constants) != fmt.Sprint(defaults) {
			t.Errorf("%s: the constants are %v, and those of the SPIR-V %v", name, f.Constants, defaults)
		}
		if head := fmt.Sprintf("\n// SHA-256 of the SPIR-V: %x\n", sha256.Sum256(kernels.Modules[name])); !strings.Contains(text, head) {
			t.Errorf("%s: the text lacks %q", name, head)
		}
	}
}

// As many loops are to be unrolled as in the SPIR-V, and the others stay.
func TestUnrolled(t *testing.T) {
	for name, text := range kernels.Metal {
		m, err := spirv.Parse(kernels.Modules[name])
		if err != nil {
			t.Fatal(err)
		}
		unroll, loops := 0, 0
		for _, in := range m.Insts {
			if in.Op == spirv.OpLoopMerge {
				loops++
				if in.Args[2]&1 != 0 {
					unroll++
				}
			}
		}
		// Every pragma stands before a loop.
		if got := strings.Count(text, Unroll+"\n"); got != unroll || unroll == 0 {
			t.Errorf("%s: %d loops are to be unrolled, and in the SPIR-V %d of %d", name, got, unroll, loops)
		}
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			if strings.TrimSpace(line) == Unroll && !strings.HasPrefix(strings.TrimSpace(lines[i+1]), "for (") {
				t.Errorf("%s: line %d: no loop follows", name, i+1)
			}
		}
		if got := strings.Count(text, "for ("); got != loops {
			t.Errorf("%s: %d loops, and in the SPIR-V %d", name, got, loops)
		}
	}
}

const push = "kernel void main0(constant Problem& p [[buffer(0)]])\n"

func TestFinishRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"constant uint A_tmp [[function_constant(0)]];\nint x;\n" + push:                                                              `the function constant A is followed by "int x;"`,
		push + "constant uint A_tmp [[function_constant(0)]];\n":                                                                      "the function constant A has no value",
		"constant uint A_tmp [[function_constant(0)]];\nconstant uint A = is_function_constant_defined(A_tmp) ? B_tmp : 4u;\n" + push: "the function constant A is followed by",
		"constant float A_tmp [[function_constant(0)]];\n" + push:                                                                     "a function constant remains",
		"":          "the push constants occur 0 times",
		push + push: "the push constants occur 2 times",
	} {
		if _, err := Finish(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                  "0 entry points",
		push + push:         "2 entry points",
		"kernel void f()\n": `the argument "" cannot be read`,
		"kernel void f(device A& a [[buffer(99999999999999999999)]])\n":                            "value out of range",
		"kernel void f(device A a [[buffer(0)]])\n":                                                "neither a buffer nor a value",
		"kernel void f(uint3 a [[buffer(0)]])\n":                                                   "neither a buffer nor a value",
		"#ifndef SPIRV_CROSS_CONSTANT_ID_0\n#define SPIRV_CROSS_CONSTANT_ID_1 4u\n#endif\n" + push: "cannot be read",
		"#ifndef SPIRV_CROSS_CONSTANT_ID_0\n#define SPIRV_CROSS_CONSTANT_ID_0 4u\n#endif\n" +
			"#ifndef SPIRV_CROSS_CONSTANT_ID_0\n#define SPIRV_CROSS_CONSTANT_ID_0 5u\n#endif\n" + push: "has the default values 4 and 5",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// Neither reader may fail in another way than by an error, and what Finish makes has one
// place for the push constants.
func FuzzText(f *testing.F) {
	for _, text := range kernels.Metal {
		f.Add(text)
	}
	f.Add("constant uint A_tmp [[function_constant(0)]];\nconstant uint A = is_function_constant_defined(A_tmp) ? A_tmp : 4u;\n" + push)
	f.Fuzz(func(t *testing.T, text string) {
		Parse(text)
		if done, err := Finish(text); err == nil && strings.Count(done, fmt.Sprintf("constant Problem& p [[buffer(%d)]]", PushIndex)) != 1 {
			t.Errorf("%q", done)
		}
	})
}
