package msl

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gpubench/kernels"
)

// Metal's compiler tells its address spaces apart, which C++ does not. clang's C++ for
// OpenCL has the same ones under other names, and takes the text with those.
func TestAddressSpaces(t *testing.T) {
	if _, err := exec.LookPath("clang"); err != nil {
		t.Skip("needs clang")
	}
	const words = `#pragma once
namespace metal { enum class mem_flags { mem_none, mem_device, mem_threadgroup }; void threadgroup_barrier(mem_flags); }
#define device __global
#define constant __constant
#define threadgroup __local
#define kernel __kernel
`
	dir := t.TempDir()
	compile := func(text string) (string, error) {
		for name, content := range map[string]string{"metal_stdlib": words, "simd/simd.h": "", "kernel.metal": text} {
			name = filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		// The attributes of the arguments are Metal's alone.
		out, err := exec.Command("clang", "-x", "cl", "-cl-std=clc++", "-Xclang", "-finclude-default-header", "-fsyntax-only", "-Werror", "-Wno-unknown-attributes",
			"-I", dir, filepath.Join(dir, "kernel.metal")).CombinedOutput()
		return string(out), err
	}
	// OpenCL makes no uint3 so; nothing uses this one.
	size := regexp.MustCompile(`(?m)^constant uint3 gl_WorkGroupSize .*$`)
	for name, text := range kernels.Metal {
		if strings.Count(text, "gl_WorkGroupSize") != 1 {
			t.Errorf("%s: gl_WorkGroupSize is used", name)
		}
		text = size.ReplaceAllString(text, "")
		if out, err := compile(text); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		for _, c := range [][2]string{{"const device MatrixA&", "const MatrixA&"}, {"constant Problem& p", "Problem& p"}, {"constant uint TM = ", "uint TM = "}, {"threadgroup float as[", "device float as["}} {
			if wrong := strings.Replace(text, c[0], c[1], 1); wrong != text {
				if _, err := compile(wrong); err == nil {
					t.Errorf("%s: %q is taken as well", name, c[1])
				}
			}
		}
	}
}
