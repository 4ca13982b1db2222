package ptx

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/ir"
	"gpubench/internal/ir/interp"
	"gpubench/internal/spirv"
	"gpubench/kernels"
	"gpubench/kernels/glsl"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func build(t testing.TB, module []byte, s map[string]uint32) *ir.Func {
	t.Helper()
	m, err := spirv.Parse(module)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = m.SpecializeNamed(s); err != nil {
		t.Fatal(err)
	}
	f, err := ir.Build(m)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func module(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What each pass makes of a small kernel, as text before and after.
func TestPasses(t *testing.T) {
	for _, kernel := range []string{"edges", "tile"} {
		tr := &translation{f: build(t, module(t, kernel+".spv"), nil), o: Options{Target: 80}, buffered: map[*ir.Mem]bool{}}
		before := tr.f.String()
		for i, p := range passes {
			p.run(tr)
			tr.f.Clean()
			after := tr.f.String()
			if after == before {
				continue
			}
			got := "before " + p.name + ":\n" + before + "\nafter " + p.name + ":\n" + after
			before = after
			golden := filepath.Join("testdata", "passes", fmt.Sprintf("%s_%02d_%s.txt", kernel, i, p.name))
			if *update {
				if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s: got:\n%s\nwant:\n%s", golden, got, want)
			}
		}
	}
	// Every pass must show somewhere.
	for _, p := range passes {
		if found, _ := filepath.Glob(filepath.Join("testdata", "passes", "*_"+p.name+".txt")); len(found) == 0 {
			t.Errorf("no kernel shows what the pass %s does", p.name)
		}
	}
}

// No pass changes what a kernel computes: after each of them the interpreter gives the
// same bits.
func TestPassesKeep(t *testing.T) {
	floats := func(n int) []uint32 {
		w := make([]uint32, n)
		for i := range w {
			w[i] = math.Float32bits(float32(i*7%11 - 5))
		}
		return w
	}
	type test struct {
		name   string
		module []byte
		s      map[string]uint32
		d      []interp.Dispatch
	}
	var tests []test
	edges := test{name: "edges", module: module(t, "edges.spv")}
	for _, n := range [][2]uint32{{1, 1}, {8, 2}, {13, 5}, {20, 2}, {24, 1}} {
		edges.d = append(edges.d, interp.Dispatch{Groups: [3]uint32{(n[0] + 7) / 8, 2, 1}, Push: n[:], Buffers: [][]uint32{floats(64), make([]uint32, 64)}})
	}
	tile := test{name: "tile", module: module(t, "tile.spv")}
	for _, n := range [][2]uint32{{4, 4}, {12, 8}, {13, 12}, {16, 16}, {16, 0}} {
		tile.d = append(tile.d, interp.Dispatch{Groups: [3]uint32{1, 1, 1}, Push: n[:], Buffers: [][]uint32{floats(512), make([]uint32, 16)}})
	}
	tests = append(tests, edges, tile)
	for i, s := range []map[string]uint32{
		{"LX": 8, "LY": 4, "TM": 4, "TN": 1, "VN": 4, "BK": 8, "KU": 4, "PA": 0, "PB": 0},
		{"LX": 4, "LY": 4, "TM": 4, "TN": 4, "VN": 1, "BK": 8, "KU": 2, "PA": 4, "PB": 0},
	} {
		m := test{name: fmt.Sprintf("matmul%d", i), module: kernels.MatmulF32, s: s}
		bm, bn := s["LY"]*s["TM"], s["LX"]*s["TN"]*s["VN"]
		for _, size := range [][3]uint32{{bm, bn, 16}, {bm + 1, bn + 4, 12}, {bm, 2 * bn, 9}, {5, 3, 7}} {
			m.d = append(m.d, interp.Dispatch{Groups: [3]uint32{(size[1] + bn - 1) / bn, (size[0] + bm - 1) / bm, 1}, Push: size[:],
				Buffers: [][]uint32{floats(int(size[0] * size[2])), floats(int(size[2] * size[1])), make([]uint32, size[0]*size[1])}})
		}
		tests = append(tests, m)
	}
	clone := func(d interp.Dispatch) interp.Dispatch {
		var bs [][]uint32
		for _, b := range d.Buffers {
			bs = append(bs, slices.Clone(b))
		}
		d.Buffers = bs
		return d
	}
	for _, x := range tests {
		t.Run(x.name, func(t *testing.T) {
			var want []interp.Dispatch
			f := build(t, x.module, x.s)
			for _, d := range x.d {
				d = clone(d)
				if err := interp.Run(f, d); err != nil {
					t.Fatal(err)
				}
				want = append(want, d)
			}
			tr := &translation{f: f, o: Options{Target: 80}, buffered: map[*ir.Mem]bool{}}
			for _, p := range passes {
				p.run(tr)
				for i, d := range x.d {
					d = clone(d)
					if err := interp.Run(f, d); err != nil {
						t.Fatalf("after %s, push %v: %v", p.name, d.Push, err)
					}
					for b := range d.Buffers {
						if !slices.Equal(d.Buffers[b], want[i].Buffers[b]) {
							t.Fatalf("after %s, push %v: buffer %d differs", p.name, d.Push, b)
						}
					}
				}
			}
		})
	}
}

// The committed modules are what their sources make.
func TestModules(t *testing.T) {
	for _, tool := range []string{"glslangValidator", "spirv-opt"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs glslang-tools and spirv-tools")
		}
	}
	sources, _ := filepath.Glob("testdata/*.comp")
	if len(sources) == 0 {
		t.Fatal("no sources")
	}
	for _, src := range sources {
		made, err := glsl.Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(src, ".comp") + ".spv"
		if *update {
			if err := os.WriteFile(name, made, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if kept, err := os.ReadFile(name); err != nil || !bytes.Equal(kept, made) {
			t.Errorf("%s is not what %s makes; run go test ./internal/ptx -update (%v)", name, src, err)
		}
	}
}
