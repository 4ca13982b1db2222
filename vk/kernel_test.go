//go:build cgo && (linux || darwin)

package vk

import (
	"os"
	"testing"
)

func testKernel(t *testing.T) Kernel {
	b, err := os.ReadFile("testdata/matmul.spv")
	if err != nil {
		t.Fatal(err)
	}
	return Kernel{SPIRV: b, SHA256: "x", Constants: []Constant{{"LX", 0, 16}, {"LY", 1, 16}, {"TM", 2, 4}, {"TN", 3, 1}, {"VN", 4, 4}, {"BK", 5, 16}, {"KU", 6, 4}, {"PA", 7, 4}, {"PB", 8, 0}}}
}
