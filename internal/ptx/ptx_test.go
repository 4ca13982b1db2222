package ptx_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gpubench/internal/ir"
	"gpubench/internal/ir/interp"
	"gpubench/internal/ptx"
	"gpubench/internal/spirv"
	"gpubench/kernels"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// words and values to and from little-endian memory.
func floats(n int, f func(i int) float32) []byte {
	b := make([]byte, 0, 4*n)
	for i := range n {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f(i)))
	}
	return b
}

func push(ws ...uint32) []byte {
	var b []byte
	for _, w := range ws {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func float(b []byte, i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])) }

func ceil(a, b uint32) uint32 { return (a + b - 1) / b }

// tile is a specialization of matmul.
type tile map[string]uint32

func newTile(lx, ly, tm, tn, vn, bk, ku, pa, pb uint32) tile {
	return tile{"LX": lx, "LY": ly, "TM": tm, "TN": tn, "VN": vn, "BK": bk, "KU": ku, "PA": pa, "PB": pb}
}

func (s tile) String() string {
	return fmt.Sprintf("%dx%d of %dx%d, %dx%dx%d, depth %d by %d, padding %d %d", s["LY"]*s["TM"], s["LX"]*s["TN"]*s["VN"], s["LX"], s["LY"], s["TM"], s["TN"], s["VN"], s["BK"], s["KU"], s["PA"], s["PB"])
}

func translate(t testing.TB, module []byte, s map[string]uint32, o ptx.Options) *ptx.Kernel {
	t.Helper()
	k, err := ptx.Translate(module, s, o)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var targets = []int{70, 80, 90}

// matmuls are specializations of matmul with the peculiarities that there are.
var matmuls = []tile{
	newTile(16, 16, 4, 1, 4, 16, 4, 0, 0),
	newTile(16, 16, 2, 2, 4, 16, 8, 4, 4),
	newTile(8, 8, 4, 2, 4, 8, 8, 0, 0),
	newTile(8, 8, 8, 8, 1, 16, 4, 1, 0),
	newTile(8, 8, 2, 1, 2, 16, 4, 8, 0),
	newTile(16, 2, 3, 2, 1, 32, 2, 4, 4),
	newTile(8, 3, 2, 2, 4, 12, 4, 0, 0),
	newTile(3, 5, 2, 1, 2, 7, 1, 1, 0),
	newTile(4, 8, 4, 4, 1, 16, 16, 0, 0),
}

// The text of matmul, run by a machine of its own, gives on integers what the product is,
// bit for bit, on sizes that fill tiles and on sizes that do not; and on other numbers
// what a chain of fused multiplications and additions gives.
func TestMatmul(t *testing.T) {
	for _, s := range matmuls {
		bm, bn, bk := s["LY"]*s["TM"], s["LX"]*s["TN"]*s["VN"], s["BK"]
		sizes := [][3]uint32{{1, 1, 1}, {bm, bn, bk}, {bm, bn, 3*bk + 4}, {bm + 1, bn + 4, bk + 3}, {bm + 3, bn + 3, 2 * bk}, {7, 33, 4 * bk}}
		for _, target := range []int{70, 80} {
			for _, single := range []bool{false, true} {
				if single && target == 70 {
					continue
				}
				t.Run(fmt.Sprintf("%s/%d/%v", s, target, single), func(t *testing.T) {
					k := translate(t, kernels.MatmulF32, s, ptx.Options{Target: target, SingleBuffer: single})
					p, err := parse(k.Text)
					if err != nil {
						t.Fatal(err)
					}
					for _, size := range sizes {
						rng := rand.New(rand.NewPCG(1, 2))
						checkMatmul(t, k, p, s, size, func(int) float32 { return float32(rng.IntN(9) - 4) })
						checkMatmul(t, k, p, s, size, func(int) float32 { return float32(rng.NormFloat64()) })
					}
				})
			}
		}
	}
}

func checkMatmul(t *testing.T, k *ptx.Kernel, p *program, s tile, size [3]uint32, number func(int) float32) {
	t.Helper()
	m, n, d := size[0], size[1], size[2]
	a, b := floats(int(m*d), number), floats(int(d*n), number)
	c := floats(int(m*n), func(int) float32 { return float32(math.NaN()) })
	l := &launch{grid: [3]uint32{ceil(n, s["LX"]*s["TN"]*s["VN"]), ceil(m, s["LY"]*s["TM"]), 1}, push: push(m, n, d), buffers: [][]byte{a, b, c}, dynamic: int(k.SharedBytes)}
	if err := p.run(l); err != nil {
		t.Fatalf("%v: %v", size, err)
	}
	for i := range int(m) {
		for j := range int(n) {
			sum := float32(0)
			for x := range int(d) {
				sum = float32(fusedOdd(float64(float(a, i*int(d)+x)), float64(float(b, x*int(n)+j)), float64(sum)))
			}
			if got := float(c, i*int(n)+j); math.Float32bits(got) != math.Float32bits(sum) {
				t.Fatalf("%v: c[%d,%d] is %v, should be %v", size, i, j, got, sum)
			}
		}
	}
}

// job is a kernel of the tests with what it runs on.
type job struct {
	name   string
	module []byte
	groups [][3]uint32 // a launch each
	push   [][]byte
	data   [][][]byte
	near   bool // the hardware's functions are approximations
}

func (j *job) add(groups [3]uint32, push []byte, data ...[]byte) {
	j.groups, j.push, j.data = append(j.groups, groups), append(j.push, push), append(j.data, data)
}

// jobs are the kernels beside matmul: a reduction, a stencil, a transpose, control flow
// that differs between neighbours, arrays, and other types.
func jobs(t testing.TB) []*job {
	rng := rand.New(rand.NewPCG(3, 4))
	small := func(int) float32 { return float32(rng.IntN(9) - 4) }
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	halves := func(n int) []byte {
		var b []byte
		for range n {
			b = binary.LittleEndian.AppendUint16(b, uint16(spirv.EncodeFloat(rng.NormFloat64()*4, 16)))
		}
		return b
	}
	var list []*job
	add := func(name, path string) *job {
		j := &job{name: name, module: read(t, path)}
		list = append(list, j)
		return j
	}
	j := add("reduction", "../../spmd/testdata/reduction.spv")
	for _, n := range []uint32{1, 63, 64, 200} {
		j.add([3]uint32{ceil(n, 64), 1, 1}, push(n), floats(int(n), small), make([]byte, 4*ceil(n, 64)))
	}
	j = add("late", "late.spv")
	for _, n := range []uint32{1, 32, 70} {
		j.add([3]uint32{ceil(n, 32), 1, 1}, push(n), floats(int(n), small), make([]byte, 4*ceil(n, 32)))
	}
	j = add("divergent", "../../spmd/testdata/divergent.spv")
	for _, n := range []uint32{1, 63, 64, 200} {
		x := make([]uint32, n)
		for i := range x {
			x[i] = rng.Uint32N(5000)
		}
		j.add([3]uint32{ceil(n, 21), 1, 1}, push(n), push(x...), make([]byte, 4*n))
	}
	stencil, transpose := add("stencil", "../../spmd/testdata/stencil.spv"), add("transpose", "../../spmd/testdata/transpose.spv")
	for _, s := range [][2]uint32{{1, 1}, {16, 4}, {17, 5}, {37, 11}} {
		w, h := s[0], s[1]
		stencil.add([3]uint32{ceil(w, 16), ceil(h, 4), 1}, push(w, h, math.Float32bits(0.25)), floats(int(w*h), small), make([]byte, 4*w*h))
		transpose.add([3]uint32{ceil(w, 16), ceil(h, 16), 1}, push(w, h), random(int(4*w*h)), make([]byte, 4*w*h))
	}
	for _, name := range []string{"unroll", "vectors", "demoted", "jumps"} { // all of 32 invocations that read x[n] and x[i] up to 8 a piece
		j := add(name, "../../ir/testdata/"+name+".spv")
		for _, n := range []uint32{0, 5, 40} {
			j.add([3]uint32{2, 1, 1}, push(n), floats(8*64, small), make([]byte, 4*4*64))
		}
	}
	half, long, functions, tile := add("half", "half.spv"), add("long", "long.spv"), add("functions", "functions.spv"), add("tile", "tile.spv")
	functions.near = true
	for _, n := range []uint32{1, 32, 77} {
		half.add([3]uint32{ceil(n, 32), 1, 1}, push(n, math.Float32bits(0.75)), halves(int(4*n)), make([]byte, 8*n), make([]byte, 4*n))
		long.add([3]uint32{ceil(n, 32), 1, 1}, append(random(16), push(n, 0)...), random(int(8*n)), make([]byte, 8*n), make([]byte, 4*n))
		functions.add([3]uint32{ceil(n, 32), 1, 1}, push(n), floats(int(n), func(int) float32 { return float32(rng.NormFloat64() * 2) }), make([]byte, 4*24*n))
	}
	// own and over are tile with something before the barrier that the passes must see.
	for _, j := range []*job{tile, add("own", "own.spv"), add("over", "over.spv")} {
		for _, n := range [][2]uint32{{4, 4}, {12, 8}, {13, 12}, {16, 16}} {
			j.add([3]uint32{1, 1, 1}, push(n[0], n[1]), floats(int(16*max(n[0], n[1])), small), make([]byte, 64))
		}
	}
	return list
}

// words are bytes as the interpreter has them.
func words(b []byte) []uint32 {
	b = append(append([]byte(nil), b...), make([]byte, (4-len(b)%4)%4)...)
	w := make([]uint32, len(b)/4)
	for i := range w {
		w[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return w
}

// The texts of the other kernels give what the interpreter of their SPIR-V gives, bit for
// bit where the hardware's functions are exact.
func TestKernels(t *testing.T) {
	for _, j := range jobs(t) {
		m, err := spirv.Parse(j.module)
		if err != nil {
			t.Fatal(err)
		}
		if m, err = m.Specialize(nil); err != nil {
			t.Fatal(err)
		}
		f, err := ir.Build(m)
		if err != nil {
			t.Fatalf("%s: %v", j.name, err)
		}
		for _, target := range []int{53, 70, 80} {
			t.Run(fmt.Sprintf("%s/%d", j.name, target), func(t *testing.T) {
				k := translate(t, j.module, nil, ptx.Options{Target: target})
				p, err := parse(k.Text)
				if err != nil {
					t.Fatal(err)
				}
				for i, groups := range j.groups {
					d := interp.Dispatch{Groups: groups, Push: words(j.push[i])}
					l := &launch{grid: groups, push: j.push[i], dynamic: int(k.SharedBytes)}
					for _, b := range j.data[i] {
						d.Buffers = append(d.Buffers, words(b))
						l.buffers = append(l.buffers, append([]byte(nil), b...))
					}
					if err := interp.Run(f, d); err != nil {
						t.Fatal(err)
					}
					if err := p.run(l); err != nil {
						t.Fatal(err)
					}
					for b := range l.buffers {
						for n, w := range words(l.buffers[b]) {
							want := d.Buffers[b][n]
							x, y := float64(math.Float32frombits(w)), float64(math.Float32frombits(want))
							if w != want && !(j.near && math.Abs(x-y) <= 1e-5*max(1, math.Abs(y))) {
								t.Fatalf("push %v: buffer %d at %d is %#x (%v), should be %#x (%v)", d.Push, b, n, w, x, want, y)
							}
						}
					}
				}
			})
		}
	}
}

// What a kernel tells of itself, and that the same input gives the same text.
func TestKernel(t *testing.T) {
	s := newTile(16, 8, 8, 2, 4, 16, 8, 0, 0)
	k := translate(t, kernels.MatmulF32, s, ptx.Options{Target: 90, MinBlocks: 3})
	for range 3 {
		if again := translate(t, kernels.MatmulF32, s, ptx.Options{Target: 90, MinBlocks: 3}); again.Text != k.Text {
			t.Fatal("the same input gave another text")
		}
	}
	head := fmt.Sprintf("// Made by gpubench from SPIR-V; SHA-256 of the module: %x\n// specialised: BK=16 KU=8 LX=16 LY=8 PA=0 PB=0 TM=8 TN=2 VN=4\n.version 7.0\n.target sm_80\n.address_size 64\n", sha256.Sum256(kernels.MatmulF32))
	if !strings.HasPrefix(k.Text, head) {
		t.Errorf("the text begins with %q", k.Text[:min(len(k.Text), len(head))])
	}
	for _, want := range []string{".reqntid 16, 8, 1\n", ".minnctapersm 3\n", ".visible .entry " + k.Name + "("} {
		if !strings.Contains(k.Text, want) {
			t.Errorf("the text has no %q", want)
		}
	}
	want := []ptx.Buffer{{Binding: 0, Name: "a", ReadOnly: true}, {Binding: 1, Name: "b", ReadOnly: true}, {Binding: 2, Name: "c"}}
	if !slices.Equal(k.Buffers, want) || k.PushBytes != 12 || k.WorkgroupSize != [3]uint32{16, 8, 1} || k.SharedBytes != 24576 || k.Dynamic || k.SHA256 != fmt.Sprintf("%x", sha256.Sum256([]byte(k.Text))) {
		t.Errorf("the kernel says %+v", *k)
	}
	// More workgroup memory than a text may declare is asked for at the launch.
	k = translate(t, kernels.MatmulF32, newTile(16, 16, 8, 2, 4, 32, 8, 16, 0), ptx.Options{Target: 90})
	if !k.Dynamic || k.SharedBytes <= 48<<10 || !strings.Contains(k.Text, ".extern .shared .align 128 .b8 shared[];") {
		t.Errorf("%d bytes of workgroup memory, dynamic %v", k.SharedBytes, k.Dynamic)
	}
	// Older devices get the text of an older architecture.
	for target, want := range map[int]string{53: ".version 6.0\n.target sm_53\n", 75: ".version 6.0\n.target sm_70\n", 86: ".version 7.0\n.target sm_80\n", 120: ".version 7.0\n.target sm_80\n"} {
		if k := translate(t, kernels.MatmulF32, s, ptx.Options{Target: target}); !strings.Contains(k.Text, want) {
			t.Errorf("the text for %d lacks %q", target, want)
		}
	}
}

// What has no text is refused with a sentence.
func TestRefusals(t *testing.T) {
	file := func(name string) []byte { return read(t, name) }
	for _, x := range []struct {
		name   string
		module []byte
		s      map[string]uint32
		target int
		want   string
	}{
		{"not SPIR-V", []byte("words"), nil, 80, "spirv: "},
		{"unknown constant", kernels.MatmulF32, tile{"XX": 1}, 80, `there is no specialization constant "XX": the module has BK, KU, LX, LY`},
		{"too old", kernels.MatmulF32, nil, 52, "compute capability 5.2 is too old: there are texts from 5.3 on"},
		{"workgroup", kernels.MatmulF32, tile{"LX": 64, "LY": 32, "TM": 1}, 80, "a workgroup of 64 x 32 x 1 invocations"},
		{"memory", kernels.MatmulF32, tile{"BK": 512, "KU": 4, "PA": 0}, 80, "bytes of workgroup memory are more than any device has"},
		{"text", kernels.MatmulF32, tile{"LX": 4, "LY": 4, "TM": 64, "TN": 8, "VN": 8, "BK": 32, "KU": 32}, 80, "less should be unrolled"},
		{"barrier in an if", file("../../spmd/testdata/bad_barrier_if.spv"), nil, 80, "OpControlBarrier: some invocations of a workgroup may not reach this barrier"},
		{"barrier in a loop", file("../../spmd/testdata/bad_barrier_loop.spv"), nil, 80, "OpControlBarrier: some invocations of a workgroup may not reach this barrier"},
		{"barrier after a return", file("../../spmd/testdata/bad_barrier_return.spv"), nil, 80, "OpControlBarrier: some invocations of a workgroup may not reach this barrier"},
		{"atomic", file("../../ir/testdata/bad_atomic.spv"), nil, 80, "OpAtomicIAdd: it is outside the subset"},
		{"double", file("../../ir/testdata/bad_double.spv"), nil, 80, "OpFConvert"},
		{"function", file("../../ir/testdata/bad_asin.spv"), nil, 80, "OpExtInst: the function Asin is outside the subset"},
	} {
		_, err := ptx.Translate(x.module, x.s, ptx.Options{Target: x.target})
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, should say %q", x.name, err, x.want)
		}
	}
}

// Whatever the parser lets through is translated or refused, in bounded time and without
// a panic; what is translated is understood by the tests' machine, and now and then by
// NVIDIA's assembler.
func FuzzTranslate(f *testing.F) {
	for _, pattern := range []string{"testdata/*.spv", "../spmd/testdata/*.spv", "../ir/testdata/*.spv", "../../kernels/*.spv"} {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b, uint8(80))
			f.Add(b, uint8(70))
		}
	}
	var dir string
	if cache, err := os.UserCacheDir(); err == nil {
		dir = filepath.Join(cache, "gpubench", "cuda-12.4", "ptxas")
	}
	f.Fuzz(func(t *testing.T, b []byte, target uint8) {
		k, err := ptx.Translate(b, nil, ptx.Options{Target: int(target)})
		if err != nil {
			return
		}
		if _, err := parse(k.Text); err != nil {
			t.Fatalf("%v\n%s", err, k.Text)
		}
		// By the text's hash, so that a case that failed fails again.
		if k.SHA256[0] == '0' && k.SHA256[1] < '8' && len(k.Text) < 1<<17 {
			if _, err := os.Stat(dir); err == nil {
				_, arch, _ := strings.Cut(k.Text, ".target sm_")
				sm, err := strconv.Atoi(arch[:2])
				if err != nil {
					t.Fatal(err)
				}
				assemble(t, k.Text, sm, false)
			}
		}
	})
}

// The time from SPIR-V to text, which every launch pays.
func BenchmarkTranslate(b *testing.B) {
	for b.Loop() {
		translate(b, kernels.MatmulF32, kernels.CUDATiles[0].Specialization, ptx.Options{Target: 90})
	}
}
