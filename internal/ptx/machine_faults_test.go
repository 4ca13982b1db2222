package ptx_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"gpubench/internal/ptx"
	"gpubench/kernels"
)

// The machine of these tests finds what is wrong with a text: each of these faults, made
// on purpose, stops it or gives a wrong product.
func TestMachineFindsFaults(t *testing.T) {
	s := newTile(8, 4, 4, 1, 4, 8, 4, 0, 0)
	k := translate(t, kernels.MatmulF32, s, ptx.Options{Target: 80})
	edit := func(old, new string, nth int) func(string) string {
		return func(text string) string {
			parts := strings.Split(text, old)
			if len(parts) < nth+2 {
				t.Fatalf("the text has no %q number %d", old, nth)
			}
			return strings.Join(parts[:nth+1], old) + new + strings.Join(parts[nth+1:], old)
		}
	}
	for name, f := range map[string]struct {
		edit func(string) string
		want string
	}{
		"no barrier":     {edit("\tbar.sync 0;\n", "", 0), "without a barrier between them"},
		"no wait":        {edit("\tcp.async.wait_all;\n", "", 0), "has landed"},
		"wrong place":    {edit("ld.shared.v4.f32 {", "ld.shared.v2.f32 {", 0), "4 registers"},
		"not aligned":    {edit("+0], {%f", "+4], {%f", 0), "not aligned"},
		"may be fused":   {edit("fma.rn.f32", "fma.f32", 0), "the rounding is not named"},
		"wrong constant": {edit("cp.async.cg.shared.global", "cp.async.cg.shared.global.x", 0), "unknown copy"},
	} {
		p, err := parse(f.edit(k.Text))
		if err == nil {
			err = runMatmul(p, k, s, [3]uint32{32, 64, 24})
		}
		if err == nil || !strings.Contains(err.Error(), f.want) {
			t.Errorf("%s: %v, should say %q", name, err, f.want)
		}
	}
	// Products are not added to what was there.
	p, err := parse(regexp.MustCompile(`(fma.rn.f32 %f\d+, %f\d+, %f\d+), %f\d+`).ReplaceAllString(k.Text, "$1, 0f00000000"))
	if err != nil {
		t.Fatal(err)
	}
	if err := runMatmul(p, k, s, [3]uint32{32, 64, 24}); err == nil || !strings.Contains(err.Error(), "should be") {
		t.Errorf("a sum without its start: %v", err)
	}
}

// runMatmul runs a text on small integers and checks the product.
func runMatmul(p *program, k *ptx.Kernel, s tile, size [3]uint32) error {
	m, n, d := size[0], size[1], size[2]
	rng := rand.New(rand.NewPCG(5, 6))
	small := func(int) float32 { return float32(rng.IntN(9) - 4) }
	a, b, c := floats(int(m*d), small), floats(int(d*n), small), make([]byte, 4*m*n)
	l := &launch{grid: [3]uint32{ceil(n, s["LX"]*s["TN"]*s["VN"]), ceil(m, s["LY"]*s["TM"]), 1}, push: push(m, n, d), buffers: [][]byte{a, b, c}, dynamic: int(k.SharedBytes)}
	if err := p.run(l); err != nil {
		return err
	}
	for i := range int(m) {
		for j := range int(n) {
			sum := float32(0)
			for x := range int(d) {
				sum += float(a, i*int(d)+x) * float(b, x*int(n)+j)
			}
			if got := float(c, i*int(n)+j); got != sum {
				return fmt.Errorf("c[%d,%d] is %v, should be %v", i, j, got, sum)
			}
		}
	}
	return nil
}

// How the lanes of a warp meet in memory, counted on the text as it runs a whole tile.
//
// Shared memory has 32 banks of 4 bytes. A warp's access is made in as many parts as its
// width needs: 32 lanes at once for 4 bytes, half of them for 8, a quarter for 16; lanes
// of one part that read the same word share it. A part takes as many turns as the most
// different words that fall into one bank: one, unless there is a conflict. Buffers are
// moved in sectors of 32 bytes: of those that an access touches, it must use every byte.
func TestNoConflicts(t *testing.T) {
	for _, v := range kernels.CUDATiles {
		s := tile(v.Specialization)
		if s["TM"]*s["TN"] > 16 || v.MinBlocks > 0 {
			continue // takes long, and differs in the rows of an invocation alone, or not at all
		}
		for _, target := range []int{70, 80} {
			k := translate(t, kernels.MatmulF32, s, ptx.Options{Target: target})
			p, err := parse(k.Text)
			if err != nil {
				t.Fatal(err)
			}
			bm, bn, d := s["LY"]*s["TM"], s["LX"]*s["TN"]*s["VN"], 2*s["BK"]
			one := func(int) float32 { return 1 }
			shared, global := 0, 0
			worst := map[string]int{}
			l := &launch{grid: [3]uint32{1, 1, 1}, push: push(bm, bn, d), buffers: [][]byte{floats(int(bm*d), one), floats(int(d*bn), one), make([]byte, 4*bm*bn)}, dynamic: int(k.SharedBytes)}
			l.watch = func(line, space string, lanes *[32]access) {
				if space == "shared" {
					shared++
					worst[line] = max(worst[line], turns(lanes))
					return
				}
				global++
				used, sectors := 0, map[uint64]bool{}
				seen := map[uint64]bool{}
				for _, a := range lanes {
					if a.size > 0 && !seen[a.addr] {
						seen[a.addr] = true
						used += a.size
						sectors[a.addr/32] = true
					}
				}
				if used < 32*len(sectors) {
					t.Errorf("%s for %d: %q uses %d bytes of %d sectors of 32", s, target, line, used, len(sectors))
				}
			}
			if err := p.run(l); err != nil {
				t.Fatal(err)
			}
			for line, n := range worst {
				if n > 1 {
					t.Errorf("%s for %d: %q takes %d turns a part", s, target, line, n)
				}
			}
			if shared == 0 || global == 0 {
				t.Errorf("%s for %d: %d accesses to shared memory and %d to buffers were seen", s, target, shared, global)
			}
		}
	}
}

// turns is how often the banks must be asked for one part of an access, at worst.
func turns(lanes *[32]access) int {
	size := 0
	for _, a := range lanes {
		size = max(size, a.size)
	}
	part := 32
	if size > 4 {
		part = 128 / size
	}
	most := 0
	for at := 0; at < 32; at += part {
		banks := map[uint64]map[uint64]bool{}
		for _, a := range lanes[at : at+part] {
			for w := a.addr / 4; w < (a.addr+uint64(a.size)+3)/4 && a.size > 0; w++ {
				if banks[w%32] == nil {
					banks[w%32] = map[uint64]bool{}
				}
				banks[w%32][w] = true
			}
		}
		for _, words := range banks {
			most = max(most, len(words))
		}
	}
	return most
}
