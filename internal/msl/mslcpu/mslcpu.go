// Package mslcpu compiles the Metal text of a kernel for the processor, as C++20 behind a
// small header. It is slow and it is exact: it shows in tests, on any machine with a C++
// compiler, what the text computes.
package mslcpu

import (
	"bytes"
	"embed"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"gpubench/internal/msl"
)

//go:embed shim run.h
var files embed.FS

// Compiler is the C++ compiler that Build calls.
const Compiler = "g++"

// Build compiles text with these macros into a shared library below dir, and returns
// its path. The library exports
//
//	int msl_run(void *const *buffers, const uint32_t groups[2], const uint32_t threads[2])
//
// which is to be called by one thread at a time. main, if not empty, is C++ that is added,
// and makes it a program. The error has the compiler's messages.
func Build(dir, text string, macros map[string]string, main string) (string, error) {
	f, err := msl.Parse(text)
	if err != nil {
		return "", err
	}
	dir, err = os.MkdirTemp(dir, "msl-")
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, files); err != nil {
		return "", err
	}
	var invoke bytes.Buffer
	fmt.Fprintf(&invoke, "#include \"kernel.metal\"\n#include \"run.h\"\n\nstatic void invoke(void *const *buffers, metal::uint3 local, metal::uint3 group)\n{\n\t%s(", f.Name)
	for i, a := range f.Arguments {
		if i > 0 {
			invoke.WriteString(", ")
		}
		switch {
		case a.Index >= 0:
			fmt.Fprintf(&invoke, "*(%s *)buffers[%d]", a.Type, a.Index)
		case a.Attribute == "thread_position_in_threadgroup":
			invoke.WriteString("local")
		case a.Attribute == "threadgroup_position_in_grid":
			invoke.WriteString("group")
		default:
			return "", fmt.Errorf("mslcpu: %s wants %s, which nothing here provides", f.Name, a.Attribute)
		}
	}
	fmt.Fprintf(&invoke, ");\n}\n\n%s", main)
	out := filepath.Join(dir, "kernel.so")
	// Not contracting leaves an addition that follows a multiplication alone, as Metal does
	// without fast math. An unknown attribute is one of Metal's.
	args := []string{"-std=c++20", "-O1", "-ffp-contract=off", "-w", "-I", filepath.Join(dir, "shim"), "-o", out}
	if main == "" {
		args = append(args, "-shared", "-fPIC")
	}
	for _, name := range slices.Sorted(maps.Keys(macros)) {
		args = append(args, "-D"+name+"="+macros[name])
	}
	for name, content := range map[string]string{"kernel.metal": text, "kernel.cc": invoke.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return "", err
		}
	}
	said, err := exec.Command(Compiler, append(args, filepath.Join(dir, "kernel.cc"))...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", Compiler, err, strings.ReplaceAll(string(said), dir+string(filepath.Separator), ""))
	}
	return out, nil
}
