// Package glsl compiles the project's GLSL, for the generator of the kernels and for
// tests. It needs glslangValidator, spirv-opt and spirv-val.
package glsl

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Compile makes the SPIR-V of a GLSL file. The passes inline functions and put local
// scalars into SSA form; loops and specialization constants stay for the backends.
func Compile(comp string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "gpubench-kernels-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	raw, opt := filepath.Join(dir, "raw.spv"), filepath.Join(dir, "opt.spv")
	for _, cmd := range [][]string{
		{"glslangValidator", "--quiet", "--target-env", "vulkan1.1", "-o", raw, comp},
		{"spirv-opt", "--target-env=vulkan1.1", "--inline-entry-points-exhaustive", "--eliminate-dead-functions", "--ssa-rewrite",
			"--eliminate-dead-branches", "--merge-blocks", "--simplify-instructions", "--vector-dce", "--eliminate-dead-code-aggressive",
			"--redundancy-elimination", "--eliminate-dead-code-aggressive", "--compact-ids", raw, "-o", opt},
		{"spirv-val", "--target-env", "vulkan1.1", opt},
	} {
		out, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s(Debian has the tools in the packages glslang-tools and spirv-tools)", strings.Join(cmd, " "), err, out)
		}
	}
	return os.ReadFile(opt)
}
