package ptx_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"gpubench/internal/ptx"
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

// The text of matmul, run by a machine of its own, gives on integers what the product is,
// bit for bit, on sizes that fill tiles and on sizes that do not; and on other numbers
// what a chain of fused multiplications and additions gives.
func TestMatmul(t *testing.T) {
	for _, s := range []tile{
		newTile(16, 16, 4, 1, 4, 16, 4, 0, 0),
		newTile(16, 16, 2, 2, 4, 16, 8, 4, 4),
		newTile(8, 8, 4, 2, 4, 8, 8, 0, 0),
		newTile(8, 8, 8, 8, 1, 16, 4, 1, 0),
		newTile(8, 8, 2, 1, 2, 16, 4, 8, 0),
		newTile(16, 2, 3, 2, 1, 32, 2, 4, 4),
		newTile(8, 3, 2, 2, 4, 12, 4, 0, 0),
		newTile(3, 5, 2, 1, 2, 7, 1, 1, 0),
		newTile(4, 8, 4, 4, 1, 16, 16, 0, 0),
	} {
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
