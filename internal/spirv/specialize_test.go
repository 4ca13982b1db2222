// Tests of Specialize: folding by tables, results against spirv-val and spirv-opt.

package spirv

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// operationModule declares the types and constants that the tables below use
// and one OpSpecConstantOp, id 90, of the given type.
//
//	%1 bool  %2 u32  %3 i32  %4 f32  %5 u64  %6 i16  %7 f16  %8 f64  %9 vec2<u32>  %10 vec2<bool>  %11 vec4<u32>  %12 u8  %13 struct  %14 vec2<i32>
func operationModule(t *testing.T, typ, operation string) []byte {
	return assemble(t, `
OpCapability 5
OpMemoryModel 0 1
OpTypeBool %1
OpTypeInt %2 32 0
OpTypeInt %3 32 1
OpTypeFloat %4 32
OpTypeInt %5 64 0
OpTypeInt %6 16 1
OpTypeFloat %7 16
OpTypeFloat %8 64
OpTypeVector %9 %2 2
OpTypeVector %10 %1 2
OpTypeVector %11 %2 4
OpTypeInt %12 8 0
OpTypeStruct %13 %2 %9
OpTypeVector %14 %3 2
OpSpecConstantTrue %1 %20
OpSpecConstantFalse %1 %21
OpSpecConstant %2 %22 7
OpSpecConstant %2 %23 2
OpSpecConstant %2 %24 0
OpSpecConstant %2 %25 0x80000001
OpSpecConstant %3 %26 -7
OpSpecConstant %3 %27 2
OpSpecConstant %3 %28 -1
OpSpecConstant %3 %29 0x80000000
OpSpecConstant %5 %30 0xfffffffe 1
OpSpecConstant %6 %31 -2
OpSpecConstant %4 %32 0x3fc00000     ; 1.5
OpSpecConstant %4 %33 0x38801000     ; a little over 2^-14
OpSpecConstant %8 %34 0x9999999a 0x3fb99999 ; 0.1
OpSpecConstant %4 %35 0x47800000     ; 65536
OpSpecConstantComposite %9 %36 %22 %23
OpSpecConstantComposite %9 %37 %23 %22
OpSpecConstantComposite %10 %38 %20 %21
OpSpecConstantComposite %13 %39 %22 %36
OpConstantNull %13 %40
OpConstant %2 %41 32
OpUndef %2 %42
OpSpecConstant %4 %43 0x33000000     ; 2^-25, half of the least f16
OpSpecConstant %4 %44 0x33000001
OpSpecConstantComposite %14 %45 %26 %27
OpConstantNull %2 %46
OpSpecConstant %6 %47 0x7fff
OpSpecConstantOp `+typ+" %90 "+operation)
}

func TestFold(t *testing.T) {
	const (
		u32, i32, f32, u64, i16, f16, f64, boolean = "%2", "%3", "%4", "%5", "%6", "%7", "%8", "%1"
		minusOne                                   = 0xffffffff
	)
	for _, c := range []struct {
		typ, operation string
		want           uint64
	}{
		{u32, "OpIAdd %22 %23", 9}, {u32, "OpIAdd %25 %25", 2}, {u32, "OpISub %23 %22", 0xfffffffb}, {u32, "OpIMul %22 %25", 0x80000007},
		{u64, "OpIAdd %30 %30", 0x3fffffffc}, {u64, "OpIMul %30 %30", 0xfffffff800000004}, {i16, "OpIAdd %47 %47", 0xfffe},
		{u32, "OpIAdd %22 %46", 7},
		{u32, "OpUDiv %22 %23", 3}, {u32, "OpUDiv %25 %23", 0x40000000}, {u32, "OpUMod %22 %23", 1}, {u32, "OpUMod %25 %22", 3},
		{i32, "OpSDiv %26 %27", 0xfffffffd}, {i32, "OpSRem %26 %27", minusOne}, {i32, "OpSMod %26 %27", 1},
		{i32, "OpSMod %27 %26", 0xfffffffb}, {i32, "OpSRem %27 %26", 2}, {i32, "OpSMod %26 %26", 0}, {i16, "OpSDiv %31 %31", 1},
		{i32, "OpSNegate %26", 7}, {i32, "OpSNegate %29", 0x80000000}, {u32, "OpNot %22", 0xfffffff8}, {i16, "OpNot %31", 1},
		{u32, "OpShiftLeftLogical %22 %23", 28}, {u32, "OpShiftRightLogical %25 %23", 0x20000000},
		{u32, "OpShiftRightArithmetic %25 %23", 0xe0000000}, {i32, "OpShiftRightLogical %26 %23", 0x3ffffffe},
		{u32, "OpBitwiseOr %22 %25", 0x80000007}, {u32, "OpBitwiseAnd %22 %25", 1}, {u32, "OpBitwiseXor %22 %25", 0x80000006},
		{boolean, "OpIEqual %22 %22", 1}, {boolean, "OpINotEqual %22 %22", 0}, {boolean, "OpULessThan %22 %25", 1},
		{boolean, "OpSLessThan %22 %25", 0}, {boolean, "OpUGreaterThan %22 %25", 0}, {boolean, "OpSGreaterThan %22 %25", 1},
		{boolean, "OpULessThanEqual %22 %22", 1}, {boolean, "OpSLessThanEqual %27 %26", 0}, {boolean, "OpUGreaterThanEqual %23 %22", 0},
		{boolean, "OpSGreaterThanEqual %27 %26", 1},
		{boolean, "OpLogicalOr %20 %21", 1}, {boolean, "OpLogicalAnd %20 %21", 0}, {boolean, "OpLogicalNot %21", 1},
		{boolean, "OpLogicalEqual %20 %21", 0}, {boolean, "OpLogicalNotEqual %20 %21", 1},
		{u32, "OpSelect %20 %22 %23", 7}, {u32, "OpSelect %21 %22 %23", 2}, {f32, "OpSelect %21 %32 %33", 0x38801000},
		{u32, "OpUConvert %30", 0xfffffffe}, {u64, "OpUConvert %25", 0x80000001}, {i32, "OpSConvert %31", 0xfffffffe},
		{"%12", "OpUConvert %25", 1}, {i32, "OpUConvert %31", 0xfffe},
		{u32, "OpBitcast %26", 0xfffffff9}, {f32, "OpBitcast %22", 7}, {u64, "OpBitcast %36", 0x200000007}, {u32, "OpBitcast %32", 0x3fc00000},
		{f64, "OpFConvert %32", 0x3ff8000000000000}, {f32, "OpFConvert %34", 0x3dcccccd}, {f16, "OpFConvert %34", 0x2e66},
		{f16, "OpFConvert %32", 0x3e00}, {f16, "OpFConvert %35", 0x7c00}, {f16, "OpFConvert %43", 0}, {f16, "OpFConvert %44", 1},
		{f32, "OpQuantizeToF16 %33", 0x38800000}, {f32, "OpQuantizeToF16 %35", 0x7f800000},
		{u32, "OpCompositeExtract %36 1", 2}, {u32, "OpCompositeExtract %39 1 0", 7}, {u32, "OpCompositeExtract %40 1 0", 0},
		{boolean, "OpCompositeExtract %38 0", 1},
	} {
		m := mustParse(t, operationModule(t, c.typ, c.operation))
		s, err := m.Specialize(nil)
		if err != nil {
			t.Errorf("%s: %v", c.operation, err)
			continue
		}
		for when, m := range map[string]*Module{"before": m, "after": s} {
			if got, _, ok := m.Const(90); !ok || got != c.want {
				t.Errorf("%s, %s Specialize: got %#x, %v; want %#x", c.operation, when, got, ok, c.want)
			}
		}
		want := OpConstant
		if c.typ == boolean {
			want = map[uint64]Op{0: OpConstantFalse, 1: OpConstantTrue}[c.want]
		}
		if op := s.Def(90).Op; op != want {
			t.Errorf("%s became %s", c.operation, op)
		}
	}
}

// Composite results become composites of constants, some of them new.
func TestFoldComposites(t *testing.T) {
	for _, c := range []struct{ typ, operation, want string }{
		{"%9", "OpIAdd %36 %37", "{9 9}"}, {"%9", "OpISub %36 %37", "{5 4294967291}"}, {"%9", "OpUDiv %36 %37", "{3 0}"},
		{"%10", "OpULessThan %36 %37", "{0 1}"}, {"%10", "OpLogicalNot %38", "{0 1}"}, {"%14", "OpSMod %45 %45", "{0 0}"},
		{"%9", "OpSelect %38 %36 %37", "{7 7}"}, {"%9", "OpSelect %21 %36 %37", "{2 7}"},
		{"%11", "OpVectorShuffle %36 %37 3 0 1 2", "{7 7 2 2}"}, {"%11", "OpVectorShuffle %36 %37 0 0xffffffff 0 1", "{7 0 7 2}"},
		{"%9", "OpCompositeInsert %25 %36 0", "{2147483649 2}"}, {"%13", "OpCompositeInsert %22 %40 1 1", "{0 {0 7}}"},
		{"%13", "OpCompositeInsert %36 %39 1", "{7 {7 2}}"}, {"%9", "OpCompositeExtract %39 1", "{7 2}"},
		{"%9", "OpBitcast %30", "{4294967294 1}"}, {"%9", "OpNot %36", "{4294967288 4294967293}"},
		{"%13", "OpSelect %20 %40 %39", "{0 {0 0}}"},
	} {
		m, err := mustParse(t, operationModule(t, c.typ, c.operation)).Specialize(nil)
		if err != nil {
			t.Errorf("%s: %v", c.operation, err)
			continue
		}
		if got := constText(m, m.values[90]); got != c.want {
			t.Errorf("%s: got %s, want %s", c.operation, got, c.want)
		}
	}
}

func constText(m *Module, v *value) string {
	t := m.types[v.typ]
	if !t.composite() {
		return fmt.Sprint(v.bits)
	}
	var parts []string
	for i := range t.constituents() {
		parts = append(parts, constText(m, m.part(v, uint64(i))))
	}
	return "{" + strings.Join(parts, " ") + "}"
}

func TestFoldRefuses(t *testing.T) {
	for _, c := range []struct{ typ, operation, want string }{
		{"%2", "OpUDiv %22 %24", "OpUDiv: division by zero"}, {"%2", "OpUMod %22 %24", "OpUMod: division by zero"},
		{"%3", "OpSDiv %26 %24", "OpSDiv: division by zero"}, {"%3", "OpSRem %26 %24", "OpSRem: division by zero"},
		{"%3", "OpSMod %26 %24", "OpSMod: division by zero"},
		{"%3", "OpSDiv %29 %28", "OpSDiv: the quotient of the least integer by -1 overflows"},
		{"%2", "OpShiftLeftLogical %22 %41", "OpShiftLeftLogical: the shift is as large as the operand's width or larger"},
		{"%2", "OpShiftRightLogical %22 %31", "OpShiftRightLogical: the shift is as large as the operand's width or larger"},
		{"%4", "OpFAdd %32 %32", "OpFAdd cannot be computed as a constant"},
		{"%2", "OpConvertFToU %32", "OpConvertFToU cannot be computed as a constant"},
		{"%2", "OpIAdd %22 %30", "OpIAdd: the operation does not go from u32 to u32"},
		{"%2", "OpLogicalNot %22", "OpLogicalNot: the operation does not go from u32 to u32"},
		{"%9", "OpIAdd %36 %22", "OpIAdd: operand 1 is of type u32, the result of vec2<u32>"},
		{"%2", "OpIAdd %36 %36", "OpIAdd: the operation does not go from vec2<u32> to u32"},
		{"%2", "OpCompositeExtract %36 2", "OpCompositeExtract: vec2<u32> has no part 2"},
		{"%3", "OpCompositeExtract %36 1", "OpCompositeExtract: the value is of type u32, the result of i32"},
		{"%9", "OpCompositeInsert %26 %36 1", "OpCompositeInsert: the value is of type i32, the result of u32"},
		{"%9", "OpVectorShuffle %36 %37 4 0", "OpVectorShuffle: there is no component 4"},
		{"%9", "OpSelect %22 %36 %37", "OpSelect: the condition is of type u32"},
		{"%2", "OpBitcast %30", "OpBitcast: from u64 to u32"},
	} {
		m, err := Parse(operationModule(t, c.typ, c.operation))
		if err != nil {
			t.Errorf("%s: Parse: %v", c.operation, err)
			continue
		}
		_, err = m.Specialize(nil)
		if want := "OpSpecConstantOp: " + c.want; err == nil || !strings.HasSuffix(err.Error(), want) || !strings.HasPrefix(err.Error(), "spirv: word ") {
			t.Errorf("%s: got  %v\nwant ... %s", c.operation, err, want)
		}
		if _, _, ok := m.Const(90); ok {
			t.Errorf("%s has a value", c.operation)
		}
	}
	if m, err := Parse(operationModule(t, "%2", "OpIAdd %42 %22")); err != nil {
		t.Error(err)
	} else if _, err := m.Specialize(nil); err == nil || !strings.HasSuffix(err.Error(), "OpUndef: id 42 is undefined") {
		t.Error(err)
	}
}

func TestSpecializeRefuses(t *testing.T) {
	all := kernels(t)
	narrow := assemble(t, "OpCapability 5\nOpMemoryModel 0 1\nOpDecorate %2 1 4\nOpTypeInt %1 8 1\nOpSpecConstant %1 %2 -3")
	for _, c := range []struct {
		name   string
		module []byte
		values map[uint32]uint32
		want   string
	}{
		{"unknown", all["constants"], map[uint32]uint32{4: 1}, "there is no specialization constant with SpecId 4: the module has 1 FLIP, 2 SCALE, 3 SHIFT, 5 COUNT, 8 PRECISE, 9"},
		{"none", all["reduce"], map[uint32]uint32{0: 1}, "there is no specialization constant with SpecId 0: the module has none"},
		{"bool", all["constants"], map[uint32]uint32{1: 2}, "word 264: OpSpecConstantFalse: SpecId 1 is a bool, which is 0 or 1, not 2"},
		{"double", all["constants"], map[uint32]uint32{8: 0}, "word 369: OpSpecConstant: SpecId 8 is of type f64, and only values of up to 32 bits can be set"},
		{"narrow", narrow, map[uint32]uint32{4: 256}, "word 18: OpSpecConstant: SpecId 4 is of type i8, which 256 does not fit"},
		{"empty array", all["matmul"], map[uint32]uint32{2: 0}, "word 463: OpTypeArray: the array's length is 0 with this specialization"},
	} {
		_, err := mustParse(t, c.module).Specialize(c.values)
		if want := "spirv: " + c.want; err == nil || err.Error() != want {
			t.Errorf("%s: got  %v\nwant %s", c.name, err, want)
		}
	}
	for _, n := range []uint32{0xff, 0xffffffff, 0x7f} {
		s, err := mustParse(t, narrow).Specialize(map[uint32]uint32{4: n})
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := s.Const(2); got != uint64(n&0xff) || s.Def(2).Args[0] != uint32(int32(int8(n))) {
			t.Errorf("%#x became %#x, in words %#x", n, got, s.Def(2).Args)
		}
	}
}

// Specialize leaves its module alone.
func TestSpecializeCopies(t *testing.T) {
	for name, b := range kernels(t) {
		m := mustParse(t, b)
		if _, err := m.Specialize(nil); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Bytes(), b) {
			t.Errorf("%s changed", name)
		}
	}
}

// A default that divides by zero is no fault of a module that is given another value.
func TestSpecializeMendsDefaults(t *testing.T) {
	m := mustParse(t, assemble(t, `
OpCapability 5
OpMemoryModel 0 1
OpDecorate %2 1 0
OpTypeInt %1 32 0
OpSpecConstant %1 %2 0
OpConstant %1 %3 12
OpSpecConstantOp %1 %4 OpUDiv %3 %2
OpTypeArray %5 %1 %4
OpTypePointer %6 4 %5
OpVariable %6 %7 4
`))
	const want = "spirv: word 26: OpSpecConstantOp: OpUDiv: division by zero"
	if _, err := m.Specialize(nil); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := m.Type(5); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := m.SizeOf(5); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	s, err := m.Specialize(map[uint32]uint32{0: 4})
	if err != nil {
		t.Fatal(err)
	}
	if size, err := s.SizeOf(5); err != nil || size != 12 {
		t.Errorf("%d bytes, %v", size, err)
	}
}

// LocalSize follows a WorkgroupSize constant; LocalSizeId's constants become plain.
func TestSpecializeWorkgroupSize(t *testing.T) {
	s, err := mustParse(t, kernels(t)["matmul"]).Specialize(map[uint32]uint32{0: 16, 1: 4})
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Insts {
		if in := &s.Insts[i]; in.Op == OpExecutionMode && fmt.Sprint(in.Args[1:]) != "[17 16 4 1]" {
			t.Errorf("execution mode %v", in.Args)
		}
	}
	text := strings.Replace(kernelText, "OpExecutionMode %40 17 8 1 1", "OpExecutionModeId %40 38 %30 %31 %18", 1)
	text = strings.Replace(text, "OpDecorate %20 34 0", "OpDecorate %20 34 0\nOpDecorate %30 1 7", 1)
	text = strings.Replace(text, "OpVariable %6 %21 1", "OpVariable %6 %21 1\nOpSpecConstant %4 %30 2\nOpSpecConstantOp %4 %31 OpIMul %30 %18", 1)
	m := mustParse(t, assemble(t, text))
	e, err := m.Entry()
	if want := [3]Dim{{Value: 2, SpecID: 7, Specialized: true}, {Value: 32, Derived: true}, {Value: 16}}; err != nil || e.WorkgroupSize != want {
		t.Errorf("%+v, %v", e, err)
	}
	if s, err = m.Specialize(map[uint32]uint32{7: 3}); err != nil {
		t.Fatal(err)
	}
	e, err = s.Entry()
	if want := [3]Dim{{Value: 3}, {Value: 48}, {Value: 16}}; err != nil || e.WorkgroupSize != want {
		t.Errorf("%+v, %v", e, err)
	}
}

// tool skips the test without the tool; `make test` installs it.
func tool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("needs spirv-tools: %v", err)
	}
}

// specializations are values for the modules in testdata. No two constants of a
// module may become equal to a part of a folded vector that is declared before
// them: spirv-opt 2023.1 then refers to the later one and makes an invalid module.
var specializations = map[string][]map[uint32]uint32{
	"matmul": {nil, {0: 16, 1: 4}, {0: 1, 1: 1, 2: 1, 3: 0}, {0: 32, 1: 2, 2: 64, 3: 4}},
	"constants": {nil, {1: 1, 2: math.Float32bits(-0.5), 3: 12, 5: 1, 9: 64}, {3: 0x80000000, 5: 100}, {1: 1, 5: 11},
		{3: 4, 5: 0xffffffff}},
	"alias":    {nil},
	"reduce":   {nil},
	"features": {nil, {0: 32, 4: 5}},
}

func TestSpecializeIsValid(t *testing.T) {
	tool(t, "spirv-val")
	for name, b := range kernels(t) {
		for _, values := range specializations[name] {
			s, err := mustParse(t, b).Specialize(values)
			if err != nil {
				t.Fatalf("%s %v: %v", name, values, err)
			}
			path := filepath.Join(t.TempDir(), "specialised.spv")
			if err := os.WriteFile(path, s.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("spirv-val", "--target-env", "vulkan1.3", path).CombinedOutput(); err != nil {
				t.Errorf("%s %v: %s", name, values, out)
			}
		}
	}
}

// Every operation of the tables gives a module that spirv-val takes; this also
// proves that the modules which this package's checks accept are real ones.
func TestFoldedCompositesAreValid(t *testing.T) {
	tool(t, "spirv-val")
	b := assemble(t, strings.NewReplacer("OpVariable %6 %21 1", `OpVariable %6 %21 1
OpTypeInt %23 32 1
OpTypeVector %24 %4 2
OpSpecConstant %4 %70 7
OpSpecConstant %4 %71 3
OpSpecConstantComposite %24 %72 %70 %71
OpConstantNull %24 %73
OpSpecConstantOp %24 %74 OpIAdd %72 %72
OpSpecConstantOp %24 %75 OpCompositeInsert %70 %73 1
OpSpecConstantOp %24 %76 OpVectorShuffle %74 %75 3 0
OpSpecConstantOp %4 %77 OpCompositeExtract %76 1
OpSpecConstantOp %8 %78 OpULessThan %77 %71
OpSpecConstantOp %4 %79 OpSelect %78 %77 %71`).Replace(kernelText))
	s, err := mustParse(t, b).Specialize(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, ok := s.Const(79); !ok || got != 3 {
		t.Errorf("the last operation gave %d, %v", got, ok)
	}
	path := filepath.Join(t.TempDir(), "folded.spv")
	if err := os.WriteFile(path, s.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("spirv-val", "--target-env", "vulkan1.3", path).CombinedOutput(); err != nil {
		t.Errorf("%s", out)
	}
}

// spirv-opt is an independent opinion on what a specialised constant is worth.
func TestSpecializeAgreesWithSpirvOpt(t *testing.T) {
	tool(t, "spirv-opt")
	compared := 0
	for name, b := range kernels(t) {
		for _, values := range specializations[name] {
			if len(values) == 0 {
				continue
			}
			ours, err := mustParse(t, b).Specialize(values)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			in, out := filepath.Join(dir, "in.spv"), filepath.Join(dir, "out.spv")
			if err := os.WriteFile(in, b, 0o666); err != nil {
				t.Fatal(err)
			}
			var text []string
			original := mustParse(t, b)
			r, err := original.Reflect()
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range r.SpecConstants {
				n, ok := values[c.SpecID]
				switch {
				case !ok:
				case c.Type == "bool":
					text = append(text, fmt.Sprintf("%d:%v", c.SpecID, n != 0))
				case c.Type == "i32":
					text = append(text, fmt.Sprintf("%d:%d", c.SpecID, int32(n)))
				case c.Type == "f32":
					text = append(text, fmt.Sprintf("%d:%v", c.SpecID, math.Float32frombits(n)))
				default:
					text = append(text, fmt.Sprintf("%d:%d", c.SpecID, n))
				}
			}
			cmd := exec.Command("spirv-opt", "--set-spec-const-default-value="+strings.Join(text, " "), "--freeze-spec-const",
				"--fold-spec-const-op-composite", in, "-o", out)
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			folded, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			theirs := mustParse(t, folded)
			for i := range original.Insts {
				id := original.Insts[i].Result
				def := theirs.Def(id)
				if def == nil || def.Op != OpConstant && def.Op != OpConstantTrue && def.Op != OpConstantFalse {
					continue
				}
				want, _, _ := theirs.Const(id)
				if got, _, ok := ours.Const(id); !ok || got != want {
					t.Errorf("%s %v: id %d (%s) is %#x, spirv-opt says %#x", name, values, id, original.Name(id), got, want)
				}
				compared++
			}
		}
	}
	if compared < 50 {
		t.Errorf("only %d constants were compared", compared)
	}
}
