package spmd_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gpubench/internal/host"
	"gpubench/internal/ir"
	"gpubench/internal/ir/interp"
	"gpubench/internal/spirv"
	"gpubench/internal/spmd"
	"gpubench/kernels"
)

func build(t *testing.T, module []byte, values map[string]uint32) *ir.Func {
	t.Helper()
	m, err := spirv.Parse(module)
	if err != nil {
		t.Fatal(err)
	}
	itf, err := m.Reflect()
	if err != nil {
		t.Fatal(err)
	}
	byID := map[uint32]uint32{}
	for _, c := range itf.SpecConstants {
		if v, ok := values[c.Name]; ok {
			byID[c.SpecID] = v
		}
	}
	if m, err = m.Specialize(byID); err != nil {
		t.Fatal(err)
	}
	f, err := ir.Build(m)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// machine compiles and runs C for an instruction set.
type machine struct {
	target spmd.Target
	cc     []string
	run    []string
}

// machines are the instruction sets that can run here, and why others cannot.
func machines(t *testing.T) (list []machine) {
	t.Helper()
	best := host.ISA()
	for _, target := range spmd.Targets {
		m := machine{target: target, cc: []string{"cc"}}
		switch {
		case target.Name == "neon" && runtime.GOARCH != "arm64":
			if _, err := exec.LookPath("aarch64-linux-gnu-gcc"); err != nil {
				t.Log("neon is not run: needs gcc-aarch64-linux-gnu")
				continue
			}
			if _, err := exec.LookPath("qemu-aarch64-static"); err != nil {
				t.Log("neon is not run: needs qemu-user-static")
				continue
			}
			m.cc, m.run = []string{"aarch64-linux-gnu-gcc", "-static"}, []string{"qemu-aarch64-static"}
		case target.Name == "neon":
		case runtime.GOARCH != "amd64", target.Name == "avx512" && best != "avx512", target.Name == "avx2" && best == "sse2":
			t.Logf("%s is not run: this processor's best instruction set is %s", target.Name, best)
			continue
		}
		list = append(list, m)
	}
	return list
}

// compile makes a program of a kernel for a machine.
func (m machine) compile(t *testing.T, f *ir.Func, name string) string {
	t.Helper()
	text, err := spmd.Translate(f, m.target, "kernel")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	src, bin := filepath.Join(dir, name+".c"), filepath.Join(dir, name)
	text = fmt.Sprintf("#define SPMD_%s\n#include \"spmd.h\"\nSPMD_BEGIN\n%sSPMD_END\n", strings.ToUpper(m.target.Name), text)
	if err := os.WriteFile(src, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	args := append(m.cc[1:len(m.cc):len(m.cc)], "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-I", "../../cpu",
		"-DKERNEL=kernel", fmt.Sprintf("-DKERNEL_FILE=%q", src), "testdata/harness.c", "-o", bin)
	if out, err := exec.Command(m.cc[0], args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s\n%s", m.cc[0], err, out, text)
	}
	return bin
}

func (m machine) dispatch(t *testing.T, bin string, d interp.Dispatch) [][]uint32 {
	t.Helper()
	var in bytes.Buffer
	put := func(ws ...uint32) { _ = binary.Write(&in, binary.LittleEndian, ws) }
	put(d.Groups[:]...)
	put(uint32(len(d.Push)))
	put(d.Push...)
	put(uint32(len(d.Buffers)))
	for _, b := range d.Buffers {
		put(uint32(len(b)))
		put(b...)
	}
	args := append(m.run[:len(m.run):len(m.run)], bin)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = &in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v %s", m.target.Name, err, stderr.String())
	}
	var got [][]uint32
	r := bytes.NewReader(out)
	for _, b := range d.Buffers {
		ws := make([]uint32, len(b))
		if err := binary.Read(r, binary.LittleEndian, ws); err != nil {
			t.Fatal(err)
		}
		got = append(got, ws)
	}
	return got
}

func floats(n int, f func(i int) float32) []uint32 {
	ws := make([]uint32, n)
	for i := range ws {
		ws[i] = math.Float32bits(f(i))
	}
	return ws
}

func clone(d interp.Dispatch) interp.Dispatch {
	var bs [][]uint32
	for _, b := range d.Buffers {
		bs = append(bs, append([]uint32(nil), b...))
	}
	d.Buffers = bs
	return d
}

// The translated kernels give what the interpreter gives, bit for bit: their inputs are
// small integers, so that no order of operations rounds.
func TestTranslations(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	small := func(int) float32 { return float32(rng.IntN(9) - 4) }
	ceil := func(a, b uint32) uint32 { return (a + b - 1) / b }
	type job struct {
		name   string
		module []byte
		values map[string]uint32
		d      []interp.Dispatch
	}
	jobs := []job{{name: "reduction", module: read(t, "reduction.spv")}, {name: "stencil", module: read(t, "stencil.spv")},
		{name: "transpose", module: read(t, "transpose.spv")}, {name: "divergent", module: read(t, "divergent.spv")}}
	for _, name := range []string{"unroll", "vectors", "demoted", "jumps"} { // all of 32 invocations that read x[n] and x[i] up to 8 a piece
		j := job{name: name, module: read(t, "../../ir/testdata/"+name+".spv")}
		for _, n := range []uint32{0, 5, 40} {
			j.d = append(j.d, interp.Dispatch{Groups: [3]uint32{2, 1, 1}, Push: []uint32{n}, Buffers: [][]uint32{floats(8*64, small), make([]uint32, 4*64)}})
		}
		jobs = append(jobs, j)
	}
	for _, n := range []uint32{1, 63, 64, 200} {
		jobs[0].d = append(jobs[0].d, interp.Dispatch{Groups: [3]uint32{ceil(n, 64), 1, 1}, Push: []uint32{n}, Buffers: [][]uint32{floats(int(n), small), make([]uint32, ceil(n, 64))}})
		x := make([]uint32, n)
		for i := range x {
			x[i] = rng.Uint32N(5000)
		}
		jobs[3].d = append(jobs[3].d, interp.Dispatch{Groups: [3]uint32{ceil(n, 21), 1, 1}, Push: []uint32{n}, Buffers: [][]uint32{x, make([]uint32, n)}})
	}
	for _, s := range [][2]uint32{{1, 1}, {16, 4}, {17, 5}, {37, 11}} {
		w, h := s[0], s[1]
		jobs[1].d = append(jobs[1].d, interp.Dispatch{Groups: [3]uint32{ceil(w, 16), ceil(h, 4), 1}, Push: []uint32{w, h, math.Float32bits(0.25)}, Buffers: [][]uint32{floats(int(w*h), small), make([]uint32, w*h)}})
		x := make([]uint32, w*h)
		for i := range x {
			x[i] = uint32(i)
		}
		jobs[2].d = append(jobs[2].d, interp.Dispatch{Groups: [3]uint32{ceil(w, 16), ceil(h, 16), 1}, Push: []uint32{w, h}, Buffers: [][]uint32{x, make([]uint32, w*h)}})
	}
	// The kernel itself, as lanes and as a GPU would have it: a workgroup narrower than a
	// vector, groups of neighbouring columns, and depths that the unrolling does not divide.
	for i, s := range []map[string]uint32{
		{"LX": 16, "LY": 2, "TM": 3, "TN": 2, "VN": 1, "BK": 32, "KU": 2, "PA": 4, "PB": 4},
		{"LX": 8, "LY": 3, "TM": 2, "TN": 2, "VN": 4, "BK": 12, "KU": 4, "PA": 0, "PB": 0},
		{"LX": 3, "LY": 5, "TM": 2, "TN": 1, "VN": 2, "BK": 7, "KU": 1, "PA": 1, "PB": 0},
	} {
		j := job{name: fmt.Sprintf("matmul%d", i), module: kernels.MatmulF32, values: s}
		for _, p := range [][3]uint32{{1, 1, 1}, {7, 33, 40}, {13, 70, 31}} {
			m, n, k := p[0], p[1], p[2]
			c := floats(int(m*n), func(int) float32 { return float32(math.NaN()) })
			j.d = append(j.d, interp.Dispatch{Groups: [3]uint32{ceil(n, s["LX"]*s["TN"]*s["VN"]), ceil(m, s["LY"]*s["TM"]), 1}, Push: []uint32{m, n, k},
				Buffers: [][]uint32{floats(int(m*k), small), floats(int(k*n), small), c}})
		}
		jobs = append(jobs, j)
	}
	// The multiply-adds, with whole vectors and with idle lanes, with steps that the
	// unrolling does not divide, and with as many rows of A as an invocation may need.
	for i, s := range []map[string]uint32{
		{"LX": 16, "LY": 1, "ACC": 12, "KU": 4},
		{"LX": 3, "LY": 5, "ACC": 2, "KU": 3},
		{"LX": 64, "LY": 2, "ACC": kernels.FMARows, "KU": 16},
	} {
		j := job{name: fmt.Sprintf("fma%d", i), module: kernels.FMAF32, values: s}
		for _, p := range [][3]uint32{{1, 1, 1}, {33, 16, 9}, {13, 70, 31}, {40, 7, 0}} {
			m, n, k := p[0], p[1], p[2]
			c := floats(int(m*n), func(int) float32 { return float32(math.NaN()) })
			j.d = append(j.d, interp.Dispatch{Groups: [3]uint32{ceil(n, s["LX"]), ceil(m, s["LY"]*s["ACC"]), 1}, Push: []uint32{m, n, k},
				Buffers: [][]uint32{floats(int(kernels.FMARows*n), small), floats(int(n), func(int) float32 { return -float32(rng.IntN(3)) }), c}})
		}
		jobs = append(jobs, j)
	}
	for _, m := range machines(t) {
		for _, j := range jobs {
			t.Run(m.target.Name+"/"+j.name, func(t *testing.T) {
				f := build(t, j.module, j.values)
				bin := m.compile(t, f, j.name)
				for _, d := range j.d {
					want := clone(d)
					if err := interp.Run(f, want); err != nil {
						t.Fatal(err)
					}
					got := m.dispatch(t, bin, d)
					for b := range got {
						for i := range got[b] {
							if got[b][i] != want.Buffers[b][i] {
								t.Fatalf("push %v: buffer %d at %d is %#x, should be %#x", d.Push, b, i, got[b][i], want.Buffers[b][i])
							}
						}
					}
				}
			})
		}
	}
}

// A barrier that not all invocations of a workgroup reach is refused, and what the C has
// no form for.
func TestRefusals(t *testing.T) {
	for name, want := range map[string]string{
		"bad_barrier_if":     "a barrier lies under a condition that may differ within the workgroup",
		"bad_barrier_loop":   "a barrier lies in a loop that invocations may leave at different times",
		"bad_barrier_return": "some invocations return before a barrier that others reach",
		"bad_half":           "OpLoad: values of type half are outside the subset of the C",
		"bad_sin":            "OpExtInst: the operation sin is outside the subset of the C",
	} {
		f := build(t, read(t, name+".spv"), nil)
		for _, target := range spmd.Targets {
			if _, err := spmd.Translate(f, target, "k"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s for %s: %v, should say %q", name, target.Name, err, want)
			}
		}
	}
}

// Whatever can be built is translated or refused, without a panic.
func FuzzTranslate(f *testing.F) {
	for _, pattern := range []string{"testdata/*.spv", "../ir/testdata/*.spv", "../../kernels/*.spv"} {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := spirv.Parse(b)
		if err != nil {
			return
		}
		if m, err = m.Specialize(nil); err != nil {
			return
		}
		fn, err := ir.Build(m)
		if err != nil {
			return
		}
		for _, target := range spmd.Targets {
			if text, err := spmd.Translate(fn, target, "k"); err == nil && !strings.Contains(text, "const spmd_kernel k = {") {
				t.Error("no kernel in the text")
			}
		}
	})
}
