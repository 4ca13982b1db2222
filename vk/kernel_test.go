package vk

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"gpubench/internal/backend"
	"gpubench/internal/spirv"
	"gpubench/kernels"
)

func testKernels(t *testing.T) (list []Kernel) {
	t.Helper()
	for _, name := range []string{backend.KernelMatmul, backend.KernelFMA} {
		k, err := ParseKernel(name, kernels.Modules[name])
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, k)
	}
	return list
}

func TestParseKernel(t *testing.T) {
	for i, want := range []string{"LX LY TM TN VN BK KU PA PB", "LX LY ACC KU"} {
		k := testKernels(t)[i]
		if sum := sha256.Sum256(kernels.Modules[k.name]); k.sha256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: hash is %s, want %x", k.name, k.sha256, sum)
		}
		var names []string
		for i, c := range k.constants {
			names = append(names, c.name)
			if c.id != uint32(i) {
				t.Errorf("%s: %s has the id %d, want %d", k.name, c.name, c.id, i)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: constants are %s", k.name, got)
		}
	}
}

func TestParseKernelRefuses(t *testing.T) {
	for _, c := range []struct {
		change func(*spirv.Inst) bool // of the first instruction for which it is true
		text   string
	}{
		{func(in *spirv.Inst) bool {
			if in.Op == spirv.OpEntryPoint {
				in.Args[2] = 'M' | 'a'<<8 | 'i'<<16 | 'n'<<24
			}
			return in.Op == spirv.OpEntryPoint
		}, `the entry point is "Main", not main`},
		{func(in *spirv.Inst) bool {
			found := in.Op == spirv.OpDecorate && spirv.Decoration(in.Args[1]) == spirv.DecorationBinding && in.Args[2] == 2
			if found {
				in.Args[2] = 3
			}
			return found
		}, "at set 0, binding 3 is StorageBuffer, not the storage buffer of set 0, binding 2"},
		{func(in *spirv.Inst) bool {
			found := in.Op == spirv.OpMemberDecorate && spirv.Decoration(in.Args[2]) == spirv.DecorationOffset && in.Args[3] == 8
			if found {
				in.Args[3] = 12
			}
			return found
		}, "the push constants are not the 12 bytes of m, n and k"},
	} {
		m, err := spirv.Parse(kernels.MatmulF32)
		if err != nil {
			t.Fatal(err)
		}
		changed := false
		for i := range m.Insts {
			if changed = c.change(&m.Insts[i]); changed {
				break
			}
		}
		if !changed {
			t.Fatalf("%q: nothing to change", c.text)
		}
		if _, err := ParseKernel(backend.KernelMatmul, m.Bytes()); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("got %v, want %q", err, c.text)
		}
	}
	for _, module := range [][]byte{nil, kernels.MatmulF32[:100], kernels.MatmulF32[:len(kernels.MatmulF32)-1]} {
		if _, err := ParseKernel(backend.KernelMatmul, module); err == nil || !strings.HasPrefix(err.Error(), "vulkan: kernel: spirv: ") {
			t.Errorf("a module of %d bytes: %v", len(module), err)
		}
	}
}
