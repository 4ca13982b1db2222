package mslcpu

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"gpubench/internal/backend"
	"gpubench/internal/msl"
	"gpubench/internal/shape"
	"gpubench/internal/spirv"
	"gpubench/kernels"
)

// A program around msl_run: five numbers and the matrices from its standard input, the
// exit status of the run, and C with a margin on either side to its standard output.
const program = `
#include <cstdio>
#include <cstdlib>
#include <cmath>

int main()
{
	uint32_t head[10]; // m, n, k, groups, threads, elements of A, B and C
	if (fread(head, sizeof head, 1, stdin) != 1)
		return 2;
	std::vector<float> m[3];
	for (int i = 0; i < 2; i++) {
		m[i].resize(head[7 + i]);
		if (fread(m[i].data(), 4, m[i].size(), stdin) != m[i].size())
			return 2;
	}
	m[2].assign(head[9] + 128, NAN);
	void *buffers[] = {m[0].data(), m[1].data(), m[2].data() + 64, head};
	int status = msl_run(buffers, head + 3, head + 5);
	fwrite(m[2].data(), 4, m[2].size(), stdout);
	return status;
}
`

// macros are those for a specialization of a kernel.
func macros(t *testing.T, kernel string, spec backend.Specialization) map[string]string {
	t.Helper()
	m, err := spirv.Parse(kernels.Modules[kernel])
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Reflect()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, c := range r.SpecConstants {
		if v, ok := spec[c.Name]; ok {
			out[fmt.Sprint(msl.MacroPrefix, c.SpecID)] = fmt.Sprint(v)
		}
	}
	if len(out) != len(spec) {
		t.Fatalf("%v makes the macros %v", spec, out)
	}
	return out
}

func needCompiler(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath(Compiler); err != nil || runtime.GOOS != "linux" {
		t.Skip("needs g++ on Linux") // elsewhere its fibers are deprecated or not there
	}
}

// The Metal text of both kernels, run as C++, gives the bits of the reference on
// integers, at sizes that no tile divides, and writes nothing beside C.
func TestMetalTextOnTheCPU(t *testing.T) {
	needCompiler(t)
	r := rand.New(rand.NewPCG(1, 2))
	problems := []backend.Problem{{M: 1, N: 1, K: 1}, {M: 65, N: 33, K: 129}, {M: 130, N: 71, K: 17}, {M: 3, N: 200, K: 64}, {M: 128, N: 128, K: 32}}
	for _, s := range []shape.Shape{
		&shape.Tile{LX: 16, LY: 16, TM: 8, TN: 2, VN: 4, BK: 16, KU: 4, PA: 1}, // the likeliest
		&shape.Tile{LX: 8, LY: 8, TM: 2, TN: 1, VN: 2, BK: 16, KU: 4, PA: 1},
		&shape.Tile{LX: 3, LY: 5, TM: 2, TN: 3, VN: 1, BK: 12, KU: 3, PA: 1, PB: 7},
		&shape.Chains{LX: 64, LY: 2, ACC: 8, KU: 16},
		&shape.Chains{LX: 5, LY: 3, ACC: kernels.FMARows, KU: 7},
	} {
		kernel := backend.KernelMatmul
		if _, ok := s.(*shape.Chains); ok {
			kernel = backend.KernelFMA
		}
		exe, err := Build(t.TempDir(), kernels.Metal[kernel], macros(t, kernel, shape.Specialization(s)), program)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			sizes := p.Matrices(kernel)
			a, b := make([]float32, sizes[0].Len()), make([]float32, sizes[1].Len())
			for i := range a {
				a[i] = float32(r.IntN(255) - 127)
			}
			for i := range b {
				b[i] = float32(r.IntN(255) - 127)
				if kernel == backend.KernelFMA {
					b[i] = float32(-2 * r.IntN(2))
				}
			}
			x, y := s.Workgroup()
			gx, gy := shape.Groups(s, p)
			in := new(bytes.Buffer)
			binary.Write(in, binary.NativeEndian, []uint32{uint32(p.M), uint32(p.N), uint32(p.K), uint32(gx), uint32(gy), x, y,
				uint32(len(a)), uint32(len(b)), uint32(p.M * p.N)})
			binary.Write(in, binary.NativeEndian, a)
			binary.Write(in, binary.NativeEndian, b)
			cmd := exec.Command(exe)
			cmd.Stdin = in
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v, %v: %v", s, p, err)
			}
			c := make([]float32, len(out)/4)
			if _, err := binary.Decode(out, binary.NativeEndian, c); err != nil || len(c) != p.M*p.N+128 {
				t.Fatalf("%v, %v: %d elements, %v", s, p, len(c), err)
			}
			wrong := 0
			for i, v := range c {
				want := math.NaN()
				if at := i - 64; at >= 0 && at < p.M*p.N {
					want = reference(kernel, p, a, b, at/p.N, at%p.N)
				}
				if math.Float32bits(v) != math.Float32bits(float32(want)) {
					if wrong++; wrong == 1 {
						t.Errorf("%v, %v: element %d is %v, want %v", s, p, i-64, v, want)
					}
				}
			}
		}
	}
}

// reference is an element of C, exact on small integers.
func reference(kernel string, p backend.Problem, a, b []float32, row, col int) (v float64) {
	if kernel == backend.KernelFMA {
		v := a[row%kernels.FMARows*p.N+col]
		for range p.K {
			v = v*b[col] + v
		}
		return float64(v)
	}
	for k := range p.K {
		v += float64(a[row*p.K+k]) * float64(b[k*p.N+col])
	}
	if v == 0 {
		v = 0 // not a negative zero
	}
	return v
}

// The harness finds what is wrong with a kernel: text that is none, a barrier that
// stops nobody, and one that not all meet.
func TestHarness(t *testing.T) {
	needCompiler(t)
	const name = "kernel void main0(device MatrixC& c [[buffer(2)]], uint3 id [[thread_position_in_threadgroup]], uint3 group [[threadgroup_position_in_grid]])\n"
	const head = "#include <metal_stdlib>\nusing namespace metal;\nstruct MatrixC\n{\n    float c[1];\n};\n" + name
	const turn = "{\n    threadgroup float s[4];\n    s[id.x] = float(id.x + 4 * group.x);\n    threadgroup_barrier(mem_flags::%s);\n    c.c[id.x + 4 * group.x] = s[3u - id.x];\n}\n"
	if _, err := Build(t.TempDir(), head+"{\n    return undeclared;\n}\n", nil, program); err == nil || !strings.Contains(err.Error(), "kernel.metal:9:12: error: ") {
		t.Errorf("no kernel: %v", err)
	}
	for _, tt := range []struct {
		name, body string
		status     int
		right      bool
	}{
		{"right", fmt.Sprintf(turn, "mem_threadgroup"), 0, true},
		{"a barrier that does nothing", fmt.Sprintf(turn, "mem_none"), 0, false},
		{"a barrier that not all meet", "{\n    if (id.x > 1u) threadgroup_barrier(mem_flags::mem_threadgroup);\n}\n", 1, false},
	} {
		exe, err := Build(t.TempDir(), head+tt.body, nil, program)
		if err != nil {
			t.Fatal(err)
		}
		in := new(bytes.Buffer)
		binary.Write(in, binary.NativeEndian, []uint32{1, 8, 1, 2, 1, 4, 1, 0, 0, 8})
		cmd := exec.Command(exe)
		cmd.Stdin = in
		out, _ := cmd.Output()
		c := make([]float32, len(out)/4)
		binary.Decode(out, binary.NativeEndian, c)
		if status := cmd.ProcessState.ExitCode(); status != tt.status {
			t.Errorf("%s: exit status %d, want %d", tt.name, status, tt.status)
		}
		if got := fmt.Sprint(c[64:72]); (got == "[3 2 1 0 7 6 5 4]") != tt.right {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}
