package metal

import (
	"fmt"
	"strings"
	"testing"

	"gpubench/internal/backend"
	"gpubench/kernels"
)

func testKernels(t *testing.T) (list []Kernel) {
	t.Helper()
	for _, name := range []string{backend.KernelMatmul, backend.KernelFMA} {
		k, err := ParseKernel(name, kernels.Modules[name], kernels.Metal[name])
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, k)
	}
	return list
}

func TestParseKernel(t *testing.T) {
	for i, want := range []string{"LX=0:16 LY=1:16 TM=2:4 TN=3:1 VN=4:4 BK=5:16 KU=6:4 PA=7:4 PB=8:0", "LX=0:64 LY=1:2 ACC=2:8 KU=3:16"} {
		k := testKernels(t)[i]
		var got []string
		for _, c := range k.constants {
			number := strings.TrimPrefix(c.macro, "SPIRV_CROSS_CONSTANT_ID_")
			got = append(got, c.name+"="+number+":"+fmt.Sprint(c.defaultValue))
		}
		if s := strings.Join(got, " "); s != want || k.entry != "main0" {
			t.Errorf("%s: entry %s, constants %s, want %s", k.name, k.entry, s, want)
		}
	}
}

func TestParseKernelRefuses(t *testing.T) {
	module, text := kernels.MatmulF32, kernels.Metal["matmul"]
	for _, c := range []struct {
		module   []byte
		old, new string
		want     string
	}{
		{nil, "", "", "metal: kernel: spirv: "},
		{kernels.FMAF32, "", "", "was not made from the module"},
		{module, "kernel void", "void", "0 entry points"},
		{module, "[[buffer(2)]]", "[[buffer(1)]]", "the buffers of matmul are map["},
		{module, "MatrixB& ", "MatrixA& ", "the buffers of matmul are map["},
		{module, "constant Problem& p [[buffer(3)]]", "constant Problem& p [[buffer(0)]]", "the buffers of matmul are map["},
		{module, "#define SPIRV_CROSS_CONSTANT_ID_2 4u", "#define SPIRV_CROSS_CONSTANT_ID_2 5u", "specialization constant 2 (TM) of matmul has no macro with its default value"},
	} {
		changed := strings.ReplaceAll(text, c.old, c.new)
		if c.old == "" {
			changed = text
		} else if changed == text {
			t.Fatalf("%q: nothing to change", c.old)
		}
		if _, err := ParseKernel(backend.KernelMatmul, c.module, changed); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q to %q: %v, want %q", c.old, c.new, err, c.want)
		}
	}
}

func TestFailure(t *testing.T) {
	for _, c := range []struct {
		d      description
		kind   backend.Kind
		text   string
		remedy string
	}{
		{description{"MTLCommandBufferErrorDomain", 2, "Caused GPU Timeout Error"}, backend.Failed, "metal:0: run: MTLCommandBufferErrorTimeout: Caused GPU Timeout Error", "smaller size"},
		{description{"MTLCommandBufferErrorDomain", 3, "x"}, backend.Failed, "metal:0: run: MTLCommandBufferErrorPageFault: x", "report"},
		{description{"MTLCommandBufferErrorDomain", 4, "x"}, backend.DeviceLost, "metal:0: run: MTLCommandBufferErrorAccessRevoked: x", "wait"},
		{description{"MTLCommandBufferErrorDomain", 7, ""}, backend.Failed, "metal:0: run: MTLCommandBufferErrorNotPermitted", "logged in"},
		{description{"MTLCommandBufferErrorDomain", 8, "x"}, backend.OutOfMemory, "metal:0: run: MTLCommandBufferErrorOutOfMemory: x", "memory"},
		{description{"MTLCommandBufferErrorDomain", 11, "x"}, backend.DeviceLost, "metal:0: run: MTLCommandBufferErrorDeviceRemoved: x", "connect"},
		{description{"MTLCommandBufferErrorDomain", 99, "new\n"}, backend.Failed, "metal:0: run: MTLCommandBufferErrorDomain 99: new", ""},
		{description{"MTLLibraryErrorDomain", 2, "x"}, backend.Failed, "metal:0: run: MTLLibraryErrorDomain 2: x", ""},
		{description{text: "nothing came"}, backend.Failed, "metal:0: run: nothing came", ""},
	} {
		e := failure("metal:0", "run", c.d)
		if e.Kind != c.kind || e.Error() != c.text || !strings.Contains(e.Remedy, c.remedy) {
			t.Errorf("%+v: %s, %q, remedy %q", c.d, e.Kind, e.Error(), e.Remedy)
		}
	}
}
