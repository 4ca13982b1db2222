// Tests of Reflect, Entry and the views of types, on modules that glslang made.

package spirv

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestReflect compares what Reflect says of the modules in testdata with golden
// files, with the default constants and with others.
func TestReflect(t *testing.T) {
	for name, b := range kernels(t) {
		t.Run(name, func(t *testing.T) {
			m := mustParse(t, b)
			r, err := m.Reflect()
			if err != nil {
				t.Fatal(err)
			}
			text := describe(r)
			values := make(map[uint32]uint32)
			for i, c := range r.SpecConstants {
				switch c.Type {
				case "u32":
					values[c.SpecID] = 4 + uint32(i)
				case "bool":
					values[c.SpecID] = 1
				case "f32":
					values[c.SpecID] = 0x40000000
				}
			}
			if len(values) > 0 {
				s, err := m.Specialize(values)
				if err != nil {
					t.Fatal(err)
				}
				if r, err = s.Reflect(); err != nil {
					t.Fatal(err)
				}
				text += fmt.Sprintf("\nspecialised with %v\n", values) + describe(r)
			}
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if text != string(want) {
				t.Errorf("got\n%s\nwant\n%s", text, want)
			}
		})
	}
}

func describe(r *Interface) string {
	var s strings.Builder
	fmt.Fprintf(&s, "entry %s, capabilities %v, shared %d bytes\n", r.Entry, r.Capabilities, r.SharedBytes)
	for i, d := range r.WorkgroupSize {
		fmt.Fprintf(&s, "workgroup %c: %+v\n", "xyz"[i], d)
	}
	for _, b := range r.Bindings {
		b.Variable = 0
		fmt.Fprintf(&s, "binding %+v\n", b)
	}
	if r.PushConstants != nil {
		fmt.Fprintf(&s, "push constants of %d bytes\n", r.PushConstants.Size)
		for _, m := range r.PushConstants.Members {
			fmt.Fprintf(&s, "    %+v\n", m)
		}
	}
	for _, c := range r.SpecConstants {
		fmt.Fprintf(&s, "constant %+v\n", c)
	}
	return s.String()
}

func TestEntryRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"fragment shader", "OpEntryPoint 5", "OpEntryPoint 4", "the module has no GLCompute entry point"},
		{"two entry points", `"main" %21`, "\"main\" %21\nOpEntryPoint 5 %40 \"other\" %21",
			"word 22: OpEntryPoint: the module has a second GLCompute entry point, at word 16 is the first: only one is supported"},
		{"no size", "OpExecutionMode %40 17 8 1 1", "", "the entry point has no workgroup size: neither LocalSize nor LocalSizeId nor a WorkgroupSize constant"},
		{"size 0", "17 8 1 1", "17 8 0 1", "word 22: OpExecutionMode: the workgroup size is 0 in y"},
		{"size of a type", "OpExecutionMode %40 17 8 1 1", "OpExecutionModeId %40 38 %17 %17 %7",
			"word 22: OpExecutionModeId: id 7 is not a constant 32-bit integer"},
		{"size of floats", "OpVariable %6 %21 1", "OpVariable %6 %21 1\nOpTypeVector %29 %7 3\nOpConstantComposite %29 %30 %19 %19 %19",
			"word 129: OpConstantComposite: the WorkgroupSize constant is of type vec3<f32>, not a vector of three 32-bit integers"},
		{"size 0 by a constant", "OpVariable %6 %21 1", "OpVariable %6 %21 1\nOpConstantComposite %5 %30 %18 %18 %17",
			"word 125: OpConstantComposite: the workgroup size is 0 in z"},
		{"no binding", "OpDecorate %20 33 0", "", "word 109: OpVariable: the variable has no Binding decoration"},
		{"no set", "OpDecorate %20 34 0", "", "word 109: OpVariable: the variable has no DescriptorSet decoration"},
	} {
		text := strings.Replace(kernelText, c.old, c.new, 1)
		if strings.Contains(text, "OpConstantComposite") {
			text = strings.Replace(text, "OpTypeVoid", "OpDecorate %30 11 25\nOpTypeVoid", 1) // BuiltIn WorkgroupSize
		}
		_, err := mustParse(t, assemble(t, text)).Reflect()
		if err == nil || err.Error() != "spirv: "+c.want {
			t.Errorf("%s: got  %v\nwant spirv: %s", c.name, err, c.want)
		}
	}
}

// A decoration group gives its decorations to each of its targets.
func TestDecorationGroup(t *testing.T) {
	text := strings.Replace(kernelText, "OpDecorate %20 34 0", "OpDecorate %70 34 2\nOpDecorate %70 24\nOpDecorationGroup %70\nOpGroupDecorate %70 %20", 1)
	r, err := mustParse(t, assemble(t, text)).Reflect()
	if err != nil {
		t.Fatal(err)
	}
	if b := r.Bindings[0]; b.Set != 2 || !b.ReadOnly {
		t.Errorf("%+v", b)
	}
}

func TestTypes(t *testing.T) {
	m := mustParse(t, assemble(t, `
OpCapability 5
OpMemoryModel 0 1
OpMemberDecorate %20 0 35 0
OpMemberDecorate %20 1 35 16
OpMemberDecorate %20 1 7 16      ; MatrixStride
OpMemberDecorate %20 1 5         ; ColMajor
OpMemberDecorate %21 0 35 4
OpMemberDecorate %21 0 7 16
OpMemberDecorate %21 0 4         ; RowMajor
OpDecorate %13 6 16
OpTypeVoid %1
OpTypeBool %2
OpTypeInt %3 32 0
OpTypeInt %4 16 1
OpTypeFloat %5 32
OpTypeFloat %6 64
OpTypeVector %7 %5 3
OpTypeMatrix %8 %7 4
OpConstant %3 %9 5
OpTypeArray %10 %7 %9
OpTypeArray %11 %4 %9
OpTypeStruct %12 %4 %6 %4
OpTypeArray %13 %5 %9
OpTypeRuntimeArray %14 %5
OpTypePointer %15 12 %14
OpTypeStruct %16 %2 %14
OpTypeArray %17 %12 %9
OpTypeFunction %18 %1 %15 %3
OpTypeStruct %20 %5 %8
OpTypeStruct %21 %8
OpTypeSampler %22
OpTypeStruct %23 %22
`))
	for _, c := range []struct {
		id   ID
		text string
		size uint64
	}{
		{2, "bool", 4}, {3, "u32", 4}, {4, "i16", 2}, {5, "f32", 4}, {6, "f64", 8},
		{7, "vec3<f32>", 12}, {8, "mat4x3<f32>", 48},
		{10, "array<vec3<f32>, 5>", 60}, {11, "array<i16, 5>", 10},
		{12, "struct{i16, f64, i16}", 24}, {13, "array<f32, 5>", 80},
		{14, "array<f32>", 0}, {15, "ptr<StorageBuffer, array<f32>>", 8},
		{16, "struct{bool, array<f32>}", 4}, {17, "array<struct{i16, f64, i16}, 5>", 120},
		{20, "struct{f32, mat4x3<f32>}", 16 + 4*16}, // with its offset, four columns
		{21, "struct{mat4x3<f32>}", 4 + 3*16},       // three rows
	} {
		size, err := m.SizeOf(c.id)
		if err != nil || size != c.size || m.TypeString(c.id) != c.text {
			t.Errorf("id %d: %s of %d bytes, %v; want %s of %d", c.id, m.TypeString(c.id), size, err, c.text, c.size)
		}
	}
	for id, want := range map[ID]string{
		1:  "spirv: word 47: OpTypeVoid: a value of this type (void) has no size in memory",
		23: "spirv: word 121: OpTypeSampler: a value of this type (sampler) has no size in memory",
		9:  "spirv: word 73: OpConstant: id 9 is not a type",
		99: "spirv: id 99 is not a type",
	} {
		if _, err := m.SizeOf(id); err == nil || err.Error() != want {
			t.Errorf("id %d: got  %v\nwant %s", id, err, want)
		}
	}
	f, err := m.Type(18)
	if err != nil || f.Kind != Function || f.Elem != 1 || !reflect.DeepEqual(f.Members, []ID{15, 3}) {
		t.Errorf("%+v, %v", f, err)
	}
	if a, err := m.Type(10); err != nil || a.Kind != Array || a.Len != 5 || a.Elem != 7 {
		t.Errorf("%+v, %v", a, err)
	}
}

// IDs of instructions whose operands mix ids and literals.
func TestIDs(t *testing.T) {
	m := mustParse(t, kernels(t)["reduce"])
	for i := range m.Insts {
		in := &m.Insts[i]
		var want int
		switch in.Op {
		case OpCompositeExtract:
			want = 1
		case OpExtInst, OpStore, OpLoopMerge:
			want = 2
		case OpBranchConditional:
			want = 3
		case OpConstant, OpLabel:
			want = 0
		default:
			continue
		}
		if ids := m.IDs(in); len(ids) != want {
			t.Errorf("%s at word %d has ids %v", in.Op, in.Word, ids)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{OpLoad.String(), "OpLoad"}, {Op(4321).String(), "Op(4321)"},
		{StorageStorageBuffer.String(), "StorageBuffer"}, {StorageClass(77).String(), "StorageClass(77)"},
		{DecorationArrayStride.String(), "ArrayStride"}, {BuiltInGlobalInvocationId.String(), "GlobalInvocationId"},
		{CapabilityShader.String(), "Shader"}, {ExecutionModeLocalSizeId.String(), "LocalSizeId"},
		{ExecutionModelGLCompute.String(), "GLCompute"}, {GLSLFma.String(), "Fma"}, {GLSL(200).String(), "GLSL(200)"},
		{RuntimeArray.String(), "runtime array"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
	m := mustParse(t, assemble(t, kernelText))
	if m.Name(13) != "Block" || m.MemberName(13, 0) != "data" || m.Name(14) != "" || m.MemberName(13, 1) != "" || m.ExtInst(1) != "GLSL.std.450" {
		t.Error("names of the kernel in text")
	}
}
