package ir_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gpubench/internal/ir"
	"gpubench/internal/spirv"
	"gpubench/kernels"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func module(t testing.TB, name string) *spirv.Module {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".spv"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := spirv.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = m.Specialize(nil); err != nil {
		t.Fatal(err)
	}
	return m
}

// The text of small kernels: what is unrolled, split, folded, demoted and kept.
func TestText(t *testing.T) {
	for _, name := range []string{"unroll", "vectors", "demoted", "jumps"} {
		t.Run(name, func(t *testing.T) {
			f, err := ir.Build(module(t, name))
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(f.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.String(); got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// What is outside the subset is refused with the word and the opcode's name.
func TestRefusals(t *testing.T) {
	for name, want := range map[string]string{
		"bad_double": "OpFConvert",
		"bad_switch": "OpSwitch: it is outside the subset",
		"bad_asin":   "OpExtInst: the function Asin is outside the subset",
		"bad_length": "OpArrayLength: it is outside the subset",
		"bad_atomic": "OpAtomicIAdd: it is outside the subset",
		"bad_call":   "OpFunctionCall: it is outside the subset",
		"bad_mixed":  "OpVariable: a buffer that holds both int and float is outside the subset",
		"bad_exact":  "NoContraction is outside the subset",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ir.Build(module(t, name))
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "ir: word ") {
				t.Errorf("%v, should name the word and %q", err, want)
			}
		})
	}
	m, err := spirv.Parse(kernels.MatmulF32)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ir.Build(m); err == nil || !strings.Contains(err.Error(), "the module has not been specialised") {
		t.Errorf("a module with specialization constants: %v", err)
	}
}

// Buffers come by their bindings, however the module declares them: in that of fma, B is
// declared before A.
func TestBufferOrder(t *testing.T) {
	m, err := spirv.Parse(kernels.FMAF32)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = m.Specialize(nil); err != nil {
		t.Fatal(err)
	}
	f, err := ir.Build(m)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, mem := range f.Mems {
		names = append(names, mem.Name)
		if mem.ID != i || mem.Binding != uint32(i) {
			t.Errorf("memory %d has the number %d and binding %d", i, mem.ID, mem.Binding)
		}
	}
	if got := strings.Join(names, " "); got != "a b c" {
		t.Errorf("the buffers are %s, want a b c", got)
	}
}

// Whatever the parser lets through is built or refused, in bounded time and without a
// panic.
func FuzzBuild(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.spv")
	more, _ := filepath.Glob("../spmd/testdata/*.spv")
	for _, name := range append(names, more...) {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(kernels.MatmulF32)
	f.Add(kernels.FMAF32)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := spirv.Parse(b)
		if err != nil {
			return
		}
		if m, err = m.Specialize(nil); err != nil {
			return
		}
		fn, err := ir.Build(m)
		if err == nil && fn.String() == "" {
			t.Error("no text")
		}
	})
}
