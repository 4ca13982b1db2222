package ptx_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gpubench/internal/ptx"
	"gpubench/kernels"
)

// nvidia is the folder of NVIDIA's programs, which scripts/ptxas.sh fetches; without them
// a test is skipped.
func nvidia(t testing.TB) string {
	t.Helper()
	if cache, err := os.UserCacheDir(); err == nil {
		dir := filepath.Join(cache, "gpubench", "cuda-12.4")
		if _, err := os.Stat(filepath.Join(dir, "ptxas")); err == nil {
			return dir
		}
	}
	if p, err := exec.LookPath("ptxas"); err == nil {
		return filepath.Dir(p)
	}
	t.Skip("needs NVIDIA's ptxas and nvdisasm, which scripts/ptxas.sh fetches on Linux on x86-64")
	return ""
}

// machineCode is what NVIDIA's assembler makes of a text.
type machineCode struct {
	registers, spills, shared int // spills in bytes, stored and loaded
	code                      []string
	labels                    map[string]int
}

var (
	usedRegisters = regexp.MustCompile(`Used (\d+) registers`)
	usedShared    = regexp.MustCompile(`(\d+) bytes smem`)
	spilled       = regexp.MustCompile(`(\d+) bytes spill stores, (\d+) bytes spill loads`)
	sassLabel     = regexp.MustCompile(`^(\.L_x_\d+):`)
	sassCode      = regexp.MustCompile(`^\s+/\*[0-9a-f]{4,}\*/\s+(.*?)\s*;`)
	sassBranch    = regexp.MustCompile("BRA.*`\\((\\.L_x_\\d+)\\)")
)

func assemble(t testing.TB, text string, sm int, disassemble bool) machineCode {
	t.Helper()
	dir := nvidia(t)
	src, bin := filepath.Join(t.TempDir(), "k.ptx"), filepath.Join(t.TempDir(), "k.cubin")
	if err := os.WriteFile(src, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(filepath.Join(dir, "ptxas"), "-v", "--warn-on-spills", "-arch", fmt.Sprintf("sm_%d", sm), src, "-o", bin).CombinedOutput()
	if err != nil {
		t.Fatalf("ptxas: %v\n%s\n%s", err, out, text)
	}
	number := func(re *regexp.Regexp, group int) int {
		m := re.FindSubmatch(out)
		if m == nil {
			return 0
		}
		n, _ := strconv.Atoi(string(m[group]))
		return n
	}
	c := machineCode{registers: number(usedRegisters, 1), shared: number(usedShared, 1), spills: number(spilled, 1) + number(spilled, 2), labels: map[string]int{}}
	if c.registers == 0 {
		t.Fatalf("ptxas names no registers:\n%s", out)
	}
	if !disassemble {
		return c
	}
	out, err = exec.Command(filepath.Join(dir, "nvdisasm"), "-c", bin).Output()
	if err != nil {
		t.Fatalf("nvdisasm: %v", err)
	}
	for _, l := range strings.Split(string(out), "\n") {
		if m := sassLabel.FindStringSubmatch(l); m != nil {
			c.labels[m[1]] = len(c.code)
		} else if m := sassCode.FindStringSubmatch(l); m != nil {
			c.code = append(c.code, m[1])
		}
	}
	if len(c.code) == 0 {
		t.Fatal("nvdisasm shows no code")
	}
	return c
}

// mnemonic is the name of an instruction with its suffixes, without its predicate.
func mnemonic(s string) string {
	f := strings.Fields(s)
	if len(f) > 1 && strings.HasPrefix(f[0], "@") {
		return f[1]
	}
	return f[0]
}

// inner is the innermost loop with the most fused multiply-adds.
func (c machineCode) inner() []string {
	var best []string
	most := 0
	for i, s := range c.code {
		m := sassBranch.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		at, ok := c.labels[m[1]]
		if !ok || at > i {
			continue
		}
		loop := c.code[at : i+1]
		n := count(loop, "FFMA")
		if n > most || n == most && n > 0 && len(loop) < len(best) {
			best, most = loop, n
		}
	}
	return best
}

// count is how many instructions have a mnemonic that begins so.
func count(code []string, prefix string) int {
	n := 0
	for _, s := range code {
		if m := mnemonic(s); m == prefix || strings.HasPrefix(m, prefix+".") {
			n++
		}
	}
	return n
}

// The shapes for CUDA devices, assembled by NVIDIA's own assembler for three
// architectures: none spills unless it is made to use fewer registers; nine tenths of what the inner loop does is to multiply and
// add; and memory is moved 128 bits at a time. The table says how many registers each
// takes, and with that how many warps a multiprocessor holds.
func TestTiles(t *testing.T) {
	var table bytes.Buffer
	fmt.Fprintf(&table, "%-58s %6s %5s %9s %6s %7s %6s %6s\n", "specialization", "blocks", "sm", "registers", "spills", "shared", "warps", "FFMA")
	for _, v := range kernels.CUDATiles {
		for _, sm := range targets {
			k := translate(t, kernels.MatmulF32, v.Specialization, ptx.Options{Target: sm, MinBlocks: v.MinBlocks})
			c := assemble(t, k.Text, sm, true)
			loop := c.inner()
			share := 100 * float64(count(loop, "FFMA")) / float64(len(loop))
			threads := int(k.WorkgroupSize[0] * k.WorkgroupSize[1])
			fmt.Fprintf(&table, "%-58s %6d sm_%d %9d %6d %7d %6d %5.1f%%\n", tile(v.Specialization), v.MinBlocks, sm, c.registers, c.spills, k.SharedBytes, warps(sm, threads, c.registers, int(k.SharedBytes)), share)
			// Fewer registers than it takes are a few spills, but none where the time goes.
			if v.MinBlocks > 0 {
				if n := count(loop, "LDL") + count(loop, "STL"); n > 0 || c.spills > 64 {
					t.Errorf("%s with %d workgroups for sm_%d spills %d bytes, %d of the instructions in the inner loop", tile(v.Specialization), v.MinBlocks, sm, c.spills, n)
				}
			} else if c.spills != 0 {
				t.Errorf("%s for sm_%d spills %d bytes", tile(v.Specialization), sm, c.spills)
			}
			if share < 85 {
				t.Errorf("%s for sm_%d: %.1f %% of the inner loop are FFMA:\n%s", tile(v.Specialization), sm, share, strings.Join(loop, "\n"))
			}
			if n, m := count(loop, "LDS.128")+count(loop, "LDS.U.128"), count(loop, "LDS"); n == 0 || n != m {
				t.Errorf("%s for sm_%d: %d of the %d loads from shared memory in the inner loop move 128 bits", tile(v.Specialization), sm, n, m)
			}
			wide := count(c.code, "LDG.E.128")
			if sm >= 80 {
				wide = count(c.code, "LDGSTS.E.BYPASS.128")
			}
			if wide == 0 {
				t.Errorf("%s for sm_%d: no load from a buffer moves 128 bits", tile(v.Specialization), sm)
			}
			if count(c.code, "STG.E.128") == 0 {
				t.Errorf("%s for sm_%d: no store to a buffer moves 128 bits", tile(v.Specialization), sm)
			}
		}
	}
	t.Logf("the shapes for CUDA devices\n%s", &table)
}

// warps is how many warps a multiprocessor of the architecture holds: registers come in
// units of 256 a warp, and a workgroup's shared memory has 1 KiB beside it from sm_80 on.
func warps(sm, threads, registers, shared int) int {
	kib, most := map[int]int{70: 96, 80: 164, 90: 228}[sm], 64
	each := (threads + 31) / 32
	n := min(most/each, 65536/(each*((registers+7)/8*8)*32))
	if sm >= 80 {
		shared += 1024
	}
	if shared > 0 {
		n = min(n, kib*1024/shared)
	}
	return n * each
}

// NVIDIA's assembler takes the text of every kernel of the tests, for every architecture.
func TestAssembled(t *testing.T) {
	nvidia(t)
	for _, j := range jobs(t) {
		for _, sm := range []int{53, 70, 80, 90} {
			k := translate(t, j.module, nil, ptx.Options{Target: sm})
			c := assemble(t, k.Text, sm, false)
			t.Logf("%-10s sm_%d: %3d registers, %d bytes of spills, %5d of shared memory", j.name, sm, c.registers, c.spills, k.SharedBytes)
			if c.shared != int(k.SharedBytes) {
				t.Errorf("%s for sm_%d: the assembler sees %d bytes of shared memory, the kernel says %d", j.name, sm, c.shared, k.SharedBytes)
			}
		}
	}
	for _, s := range matmuls {
		for _, sm := range targets {
			k := translate(t, kernels.MatmulF32, s, ptx.Options{Target: sm})
			c := assemble(t, k.Text, sm, false)
			t.Logf("%s sm_%d: %3d registers, %d bytes of spills, %5d of shared memory", s, sm, c.registers, c.spills, k.SharedBytes)
		}
	}
}
