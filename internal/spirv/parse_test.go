// Tests of Parse: what it accepts, and what it says of what it refuses.

package spirv

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// kernels reads the modules in testdata, by name. Each was made from the source
// beside it by glslangValidator 12.0.0 --target-env vulkan1.1 (features: vulkan1.2).
func kernels(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.spv")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no modules in testdata: %v", err)
	}
	modules := make(map[string][]byte)
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		modules[strings.TrimSuffix(filepath.Base(path), ".spv")] = b
	}
	return modules
}

func TestParseRoundTrip(t *testing.T) {
	all := kernels(t)
	all["text"] = assemble(t, kernelText)
	for name, b := range all {
		m := mustParse(t, b)
		if !bytes.Equal(m.Bytes(), b) {
			t.Errorf("%s: Bytes differ from what was parsed", name)
		}
		if sum := sha256.Sum256(b); m.SHA256() != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: SHA256 is %s", name, m.SHA256())
		}
	}
}

// Parse copies: a caller may reuse its buffer.
func TestParseKeepsNoReference(t *testing.T) {
	b := assemble(t, kernelText)
	m := mustParse(t, b)
	want := m.SHA256()
	clear(b)
	if m.SHA256() != want {
		t.Error("the module changed with the bytes that it was parsed from")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"no result id", "OpReturn\n", "OpReturn\nOpTypeVoid\n", "word 190: OpTypeVoid: the instruction ends before its result id"},
		{"too few operands", "OpStore %48 %51", "OpStore %48", "word 182: OpStore: too few operands: 1 after type and result"},
		{"too many operands", "OpReturn\n", "OpReturn 5\n", "word 189: OpReturn: 1 operands after type and result, where the opcode takes no more than 0"},
		{"no result type", "OpFAdd %7 %63 %61 %61", "OpFAdd", "word 201: OpFAdd: the instruction ends before its result type"},
		{"id 0", "OpStore %48 %51", "OpStore %48 %0", "word 182: OpStore: id 0 is not within 1 to 99"},
		{"id beyond the bound", "OpStore %48 %51", "OpStore %48 %100", "word 182: OpStore: id 100 is not within 1 to 99"},
		{"result beyond the bound", "OpTypeVoid %2", "OpTypeVoid %1000", "word 61: OpTypeVoid: id 1000 is not within 1 to 99"},
		{"undefined id", "OpStore %48 %51", "OpStore %48 %99", "word 182: OpStore: id 99 is not defined"},
		{"undefined type", "OpFAdd %7 %63", "OpFAdd %98 %63", "word 201: OpFAdd: id 98 is not defined"},
		{"id defined twice", "OpTypeBool %8", "OpTypeBool %7", "word 81: OpTypeBool: id 7 is already defined at word 78"},
		{"string without end", `OpName %13 "Block"`, `OpName %13 0x41414141 0x41414141`, "word 28: OpName: the literal string does not end within the instruction"},
		{"mask brings an operand", "OpLoad %7 %49 %48", "OpLoad %7 %49 %48 2", "word 165: OpLoad: too few operands: 2 after type and result"},
		{"mask with an operand too many", "OpLoad %7 %49 %48", "OpLoad %7 %49 %48 1 4", "word 165: OpLoad: 3 operands after type and result, where the opcode takes no more than 2"},
		{"decoration without its operand", "OpDecorate %20 33 0", "OpDecorate %20 33", "word 53: OpDecorate: too few operands: 2 after type and result"},
		{"execution mode without its operands", "OpExecutionMode %40 17 8 1 1", "OpExecutionMode %40 17 8", "word 22: OpExecutionMode: too few operands: 3 after type and result"},
		{"number of a bool", "OpConstant %4 %18 16", "OpConstant %8 %18 16", "word 105: OpConstant: the type of the literal, id 8, is neither an integer nor a floating-point type"},
		{"member name of no struct", "OpMemberName %13 0", "OpMemberName %12 0", "word 32: OpMemberName: id 12 is not a struct"},
		{"member out of range", "OpMemberDecorate %13 0", "OpMemberDecorate %13 1", "word 41: OpMemberDecorate: struct id 13 has 1 members, no member 1"},
		{"operation of no constant", "OpVariable %14 %20 12", "OpSpecConstantOp %4 %30 OpReturn\nOpVariable %14 %20 12", "word 113: OpSpecConstantOp: 253 is not the opcode of an operation"},
		{"operation of an operation", "OpVariable %14 %20 12", "OpSpecConstantOp %4 %30 OpSpecConstantOp OpIAdd %17 %17\nOpVariable %14 %20 12", "word 113: OpSpecConstantOp: 52 is not the opcode of an operation"},

		{"capability after the model", "OpEntryPoint", "OpCapability 1\nOpEntryPoint", "word 16: OpCapability: the instruction belongs to the capabilities and stands among the memory model"},
		{"no memory model", "OpMemoryModel 0 1\n", "", "word 13: OpEntryPoint: the module has no OpMemoryModel before it"},
		{"no entry point", "OpEntryPoint 5 %40 \"main\" %21\n", "", "the module has no entry point"},
		{"two memory models", "OpMemoryModel 0 1\n", "OpMemoryModel 0 1\nOpMemoryModel 0 1\n", "the module has 2 instances of OpMemoryModel, not 1"},
		{"type in a function", "OpLabel %41\n", "OpTypeVoid %90\nOpLabel %41\n", "word 130: OpTypeVoid: the instruction belongs to the declarations and stands among the functions"},
		{"decoration after types", "OpTypeBool %8", "OpTypeBool %8\nOpDecorate %13 2", "word 83: OpDecorate: the instruction belongs to the annotations and stands among the declarations"},

		{"integer of 24 bits", "OpTypeInt %4 32 0", "OpTypeInt %4 24 0", "word 66: OpTypeInt: an integer of 24 bits: 8, 16, 32 and 64 are supported"},
		{"float of 8 bits", "OpTypeFloat %7 32", "OpTypeFloat %7 8", "word 78: OpTypeFloat: a floating-point number of 8 bits: 16, 32 and 64 are supported"},
		{"bfloat16", "OpTypeFloat %7 32", "OpTypeFloat %7 16 0", "word 78: OpTypeFloat: floating-point encoding 0 is not supported: only IEEE 754's binary formats are"},
		{"vector of one", "OpTypeVector %5 %4 3", "OpTypeVector %5 %4 1", "word 70: OpTypeVector: a vector of 1 components: 2, 3 and 4 are supported"},
		{"vector of void", "OpTypeVector %5 %4 3", "OpTypeVector %5 %2 3", "word 70: OpTypeVector: component: a void has no value"},
		{"vector of a value", "OpTypeVector %5 %4 3", "OpTypeVector %5 %17 3", "word 70: OpTypeVector: component: id 17 is not a type declared before"},
		{"vector of vectors", "OpTypeBool %8", "OpTypeBool %8\nOpTypeVector %30 %5 2", "word 83: OpTypeVector: a vector of vector: components are numbers or bools"},
		{"struct in itself", "OpTypeStruct %13 %12", "OpTypeStruct %13 %13", "word 86: OpTypeStruct: the type contains itself as its member 0"},
		{"structs in each other", "OpTypeStruct %13 %12", "OpTypeStruct %13 %30\nOpTypeStruct %30 %13", "word 86: OpTypeStruct: member 0: id 30 is not a type declared before"},
		{"array of length 0", "OpVariable %14 %20", "OpTypeArray %30 %7 %17\nOpVariable %14 %20", "word 113: OpTypeArray: the array's length is 0"},
		{"array of float length", "OpVariable %14 %20", "OpTypeArray %30 %7 %19\nOpVariable %14 %20", "word 113: OpTypeArray: the length, id 19, is of type f32, not an integer"},
		{"array of a type's length", "OpVariable %14 %20", "OpTypeArray %30 %7 %7\nOpVariable %14 %20", "word 113: OpTypeArray: the length, id 7, is not a constant declared before"},
		{"pointer to a value", "OpTypePointer %16 7 %7", "OpTypePointer %16 7 %17", "word 97: OpTypePointer: id 17 is not a type declared before"},
		{"variable of no pointer", "OpVariable %6 %21 1", "OpVariable %5 %21 1", "word 117: OpVariable: the result type is vec3<u32>, not a pointer to a type"},
		{"variable of another class", "OpVariable %6 %21 1", "OpVariable %6 %21 7", "word 117: OpVariable: the storage class is Function, that of the pointer Input"},
		{"composite with a part missing", "OpVariable %6 %21 1", "OpConstantComposite %5 %30 %17 %17\nOpVariable %6 %21 1", "word 117: OpConstantComposite: 2 parts for a vector of 3"},
		{"composite of another type", "OpVariable %6 %21 1", "OpConstantComposite %5 %30 %17 %17 %19\nOpVariable %6 %21 1", "word 117: OpConstantComposite: part 2, id 19, is of type f32, not u32"},
		{"entry point of no function", "OpEntryPoint 5 %40", "OpEntryPoint 5 %41", "word 16: OpEntryPoint: id 41 is not a function"},
		{"interface of no variable", `"main" %21`, `"main" %19`, "word 16: OpEntryPoint: id 19 of the interface is not a variable but OpConstant"},

		{"no function end", "OpFunctionEnd\nOpFunction %7", "OpFunction %7", "word 125: OpFunction: the function has no OpFunctionEnd"},
		{"instruction between functions", "OpFunctionEnd\nOpFunction %7", "OpFunctionEnd\nOpReturn\nOpFunction %7", "word 191: OpReturn: the instruction stands outside of a function"},
		{"wrong function type", "OpFunction %2 %40 0 %3", "OpFunction %2 %40 0 %22", "word 125: OpFunction: the result type is id 2, that of the function type id 7"},
		{"function of no function type", "OpFunction %2 %40 0 %3", "OpFunction %2 %40 0 %7", "word 125: OpFunction: id 7 is not a function type"},
		{"parameter missing", "OpFunctionParameter %7 %61\n", "OpUndef %7 %61\n", "word 196: OpUndef: the instruction stands outside of a block"},
		{"parameter too many", "OpLabel %41\n", "OpFunctionParameter %7 %90\nOpLabel %41\n", "word 130: OpFunctionParameter: parameter 0 does not agree with the function's type"},
		{"block without label", "OpLabel %41\n", "OpNop\n", "word 131: OpVariable: the instruction stands outside of a block"},
		{"block without terminator", "OpBranch %47\n", "", "word 185: OpLabel: the block before does not end with a branch or a return"},
		{"last block without terminator", "OpReturn\n", "", "word 189: OpFunctionEnd: the last block does not end with a branch or a return"},
		{"branch to no label", "OpBranch %47\n", "OpBranch %45\n", "word 185: OpBranch: id 45 is not a label"},
		{"branch to another function", "OpBranch %47\n", "OpBranch %62\n", "word 185: OpBranch: label id 62 belongs to another function"},
		{"branch to the first block", "OpBranch %47\n", "OpBranch %41\n", "word 185: OpBranch: id 41 is the function's first block, which nothing may branch to"},
		{"merge without branch", "OpBranchConditional %45 %46 %47", "OpReturn", "word 153: OpReturn: a merge instruction is not followed by a branch"},
		{"value of another function", "OpStore %48 %51", "OpStore %48 %63", "word 182: OpStore: id 63 belongs to another function"},
		{"value used early", "OpCompositeExtract %4 %44 %43 0\nOpULessThan", "OpCompositeExtract %4 %44 %45 0\nOpULessThan", "word 140: OpCompositeExtract: id 45 is used before it is defined at word 145"},
		{"label as value", "OpStore %48 %51", "OpStore %48 %47", "word 182: OpStore: id 47 (OpLabel) is not a value"},
		{"type as value", "OpStore %48 %51", "OpStore %48 %7", "word 182: OpStore: id 7 (OpTypeFloat) is not a value"},
		{"late phi", "OpReturn\n", "OpReturn\nOpLabel %90\nOpCopyObject %7 %91 %19\nOpPhi %7 %92 %19 %47\nOpReturn\n", "word 196: OpPhi: OpPhi stands after other instructions of its block"},
		{"variable in a later block", "OpStore %48 %51", "OpVariable %16 %90 7", "word 182: OpVariable: the variable stands outside of the function's first block"},
		{"local variable of another class", "OpVariable %16 %42 7", "OpVariable %15 %42 12", "word 132: OpVariable: a variable within a function has the storage class StorageBuffer, not Function"},
		{"recursion", "OpFAdd %7 %63 %61 %61", "OpFunctionCall %7 %63 %60 %61", "word 169: OpFunctionCall: the call is part of a recursion, or leads to one, which a Vulkan kernel must not contain"},

		{"load from a value", "OpLoad %7 %49 %48", "OpLoad %7 %49 %44", "word 165: OpLoad: id 44 is not a pointer but of type u32"},
		{"load of another type", "OpLoad %7 %49 %48", "OpLoad %4 %49 %48", "word 165: OpLoad: the result is of type u32, the pointer's target of f32"},
		{"store of another type", "OpStore %48 %51", "OpStore %48 %44", "word 182: OpStore: the value is of type u32, the pointer's target of f32"},
		{"chain too deep", "%20 %17 %44", "%20 %17 %44 %44", "word 159: OpAccessChain: index 2 goes into a value of type f32, which has no parts"},
		{"chain to a missing member", "%20 %17 %44", "%20 %18 %44", "word 159: OpAccessChain: index 0: struct{array<f32>} has no member 16"},
		{"chain by a variable member", "%20 %17 %44", "%20 %44 %44", "word 159: OpAccessChain: index 0, id 44, chooses a member and is no constant"},
		{"chain to another type", "%20 %17 %44", "%20 %17", "word 159: OpAccessChain: the result is of type ptr<StorageBuffer, f32>, the indexes lead to array<f32> in StorageBuffer"},
		{"extract beyond the end", "OpCompositeExtract %4 %44 %43 0", "OpCompositeExtract %4 %44 %43 3", "word 140: OpCompositeExtract: index 0: vec3<u32> has no part 3"},
		{"sum of integers as floats", "OpFAdd %7 %63 %61 %61", "OpFAdd %4 %63 %61 %61", "word 201: OpFAdd: the operation does not go from f32, f32 to u32"},
		{"condition of an integer", "OpBranchConditional %45", "OpBranchConditional %44", "word 153: OpBranchConditional: the condition, id 44, is of type u32, not bool"},
		{"one branch weight", "OpBranchConditional %45 %46 %47", "OpBranchConditional %45 %46 %47 1", "word 153: OpBranchConditional: 1 branch weights, not none or two"},
		{"argument missing", "OpFunctionCall %7 %50 %60 %49", "OpFunctionCall %7 %50 %60", "word 169: OpFunctionCall: 0 arguments for the 1 parameters of function id 60"},
		{"argument of another type", "OpFunctionCall %7 %50 %60 %49", "OpFunctionCall %7 %50 %60 %44", "word 169: OpFunctionCall: argument 0, id 44, is of type u32, the parameter of f32"},
		{"call of no function", "OpFunctionCall %7 %50 %60 %49", "OpFunctionCall %7 %50 %44 %49", "word 169: OpFunctionCall: id 44 is not a function"},
		{"return without value", "OpReturnValue %63", "OpReturn", "word 206: OpReturn: the function returns f32, not nothing"},
		{"return of another type", "OpReturnValue %63", "OpReturnValue %18", "word 206: OpReturnValue: the value is of type u32, the function returns f32"},
		{"unknown extended instruction", "%1 50 %50", "%1 999 %50", "word 174: OpExtInst: GLSL.std.450 has no instruction 999"},
		{"extended instruction without operands", "OpExtInst %7 %51 %1 50 %50 %50 %19", "OpExtInst %7 %51 %1 50 %50", "word 174: OpExtInst: 1 operands for Fma, which takes 3"},
		{"extended instruction of no set", "%51 %1 50", "%51 %19 50", "word 174: OpExtInst: id 19 is not an imported instruction set"},
		{"construct with a part missing", "OpStore %48 %51", "OpCompositeConstruct %5 %90 %44 %44\nOpStore %48 %51", "word 182: OpCompositeConstruct: 2 components for a vector of 3"},
		{"shuffle beyond the end", "OpStore %48 %51", "OpVectorShuffle %5 %90 %43 %43 0 1 6\nOpStore %48 %51", "word 182: OpVectorShuffle: there is no component 6 in 3 and 3"},
		{"bitcast to another size", "OpStore %48 %51", "OpBitcast %7 %90 %43\nOpStore %48 %51", "word 182: OpBitcast: from vec3<u32> to f32"},
		{"select of another type", "OpStore %48 %51", "OpSelect %7 %90 %45 %49 %44\nOpStore %48 %51", "word 182: OpSelect: id 44 is of type u32, the result of f32"},
		{"atomic of another type", "OpStore %48 %51", "OpAtomicIAdd %4 %90 %48 %17 %17 %44\nOpStore %48 %51", "word 182: OpAtomicIAdd: the result is of type u32, the pointer's target of f32"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Count(kernelText, c.old) != 1 {
				t.Fatalf("%q stands %d times in the text", c.old, strings.Count(kernelText, c.old))
			}
			_, err := Parse(assemble(t, strings.Replace(kernelText, c.old, c.new, 1)))
			if want := "spirv: " + c.want; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestParseRefusesHeader(t *testing.T) {
	good := assemble(t, kernelText)
	word := func(i int, w uint32) []byte {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint32(b[4*i:], w)
		return b
	}
	swapped := bytes.Clone(good)
	for i := 0; i < len(swapped); i += 4 {
		binary.BigEndian.PutUint32(swapped[i:], binary.LittleEndian.Uint32(swapped[i:]))
	}
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"nothing", nil, "0 bytes are shorter than the header of 20"},
		{"three bytes", good[:3], "3 bytes are not a whole number of 32-bit words"},
		{"part of a header", good[:16], "16 bytes are shorter than the header of 20"},
		{"too long", make([]byte, maxBytes+4), "the module has 16777220 bytes, more than the limit of 16777216"},
		{"byte-swapped", swapped, "word 0: the module is byte-swapped (big-endian); Vulkan wants the host's order, which is little-endian"},
		{"magic", word(0, 0x464c457f), "word 0: 0x464c457f is not the magic number of SPIR-V, 0x07230203"},
		{"version 0.9", word(1, 0x00000900), "word 1: version 0x00000900 is not one of 1.0 to 1.6"},
		{"version 1.7", word(1, 0x00010700), "word 1: version 0x00010700 is not one of 1.0 to 1.6"},
		{"bound 0", word(3, 0), "word 3: the bound of ids is 0, not 1 to 4194304"},
		{"bound of all ones", word(3, 0xffffffff), "word 3: the bound of ids is 4294967295, not 1 to 4194304"},
		{"schema", word(4, 1), "word 4: the schema is 1, not 0"},
		{"word count 0", word(5, 17), "word 5: OpCapability: the instruction has a word count of 0"},
		{"word count too large", word(5, 0xffff0011), "word 5: OpCapability: the instruction has 65535 words, the module only 204 from here"},
		{"unknown opcode", word(5, 0x0001ffff), "word 5: Op(65535): unknown opcode"},
		{"header alone", good[:20], "the module has 0 instances of OpMemoryModel, not 1"},
	} {
		_, err := Parse(c.b)
		if want := "spirv: " + c.want; err == nil || err.Error() != want {
			t.Errorf("%s: got  %v\nwant %s", c.name, err, want)
		}
	}
}

func TestParseTruncated(t *testing.T) {
	for name, b := range kernels(t) {
		for n := range b {
			if _, err := Parse(b[:n]); err == nil {
				t.Fatalf("%s cut to %d of %d bytes is accepted", name, n, len(b))
			} else if !strings.HasPrefix(err.Error(), "spirv: ") {
				t.Fatalf("%s cut to %d bytes: %v", name, n, err)
			}
		}
	}
}

// exercise does to a module all that a host would, and wants errors, not panics.
func exercise(t testing.TB, b []byte) {
	t.Helper()
	m, err := Parse(b)
	if err != nil {
		if !strings.HasPrefix(err.Error(), "spirv: ") {
			t.Fatalf("the error does not name its place: %v", err)
		}
		return
	}
	if !bytes.Equal(m.Bytes(), b) {
		t.Fatal("Bytes differ from what was parsed")
	}
	for i := range m.Insts {
		in := &m.Insts[i]
		m.IDs(in)
		m.Const(in.Result)
		m.SizeOf(in.Result)
		m.TypeOf(in.Result)
	}
	m.Reflect()
	s, err := m.Specialize(nil)
	if err != nil {
		return
	}
	for i := range s.Insts {
		if op := s.Insts[i].Op; strings.HasPrefix(op.String(), "OpSpec") {
			t.Fatalf("%s is left after a specialization", op)
		}
	}
	again, err := s.Specialize(nil)
	if err != nil || !bytes.Equal(again.Bytes(), s.Bytes()) {
		t.Fatalf("a second specialization changes something: %v", err)
	}
}

func TestParseFlippedWords(t *testing.T) {
	for _, b := range kernels(t) {
		for i := 0; i < len(b); i += 4 {
			old := binary.LittleEndian.Uint32(b[i:])
			for _, flip := range []uint32{1, 2, 7, 1 << 16, 1 << 31, 0xffffffff} {
				binary.LittleEndian.PutUint32(b[i:], old^flip)
				exercise(t, b)
			}
			binary.LittleEndian.PutUint32(b[i:], old)
		}
	}
}

func TestParseRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	modules := kernels(t)
	good := modules["constants"]
	for range 2000 {
		b := make([]byte, 20+4*r.IntN(100))
		copy(b, good[:20])
		for i := 20; i < len(b); i++ {
			b[i] = byte(r.Uint32())
		}
		exercise(t, b)
		// Words of a good module in other places come further than noise.
		b = bytes.Clone(good)
		for range 1 + r.IntN(4) {
			from, to := 20+4*r.IntN(len(b)/4-5), 20+4*r.IntN(len(b)/4-5)
			copy(b[to:to+4], b[from:from+4])
		}
		exercise(t, b)
	}
}

// Hostile modules must cost time and memory in proportion to their length.
func TestParseHostileIsCheap(t *testing.T) {
	var nested, wide, lengths strings.Builder
	nested.WriteString("OpCapability 5\nOpMemoryModel 0 1\nOpTypeFloat %1 32\n")
	for i := 2; i < 60; i++ { // twice the size with every line
		nested.WriteString("OpTypeStruct %" + strconv.Itoa(i) + " %" + strconv.Itoa(i-1) + " %" + strconv.Itoa(i-1) + "\n")
	}
	wide.WriteString("OpCapability 5\nOpMemoryModel 0 1\nOpTypeInt %1 32 0\nOpConstant %1 %2 0xffffffff\nOpTypeArray %3 %1 %2\nOpConstantNull %3 %4\n")
	for i := 5; i < 90; i++ { // four billion parts each
		wide.WriteString("OpSpecConstantOp %3 %" + strconv.Itoa(i) + " OpCompositeInsert %2 %" + strconv.Itoa(i-1) + " 7\n")
	}
	lengths.WriteString("OpCapability 5\nOpMemoryModel 0 1\nOpTypeInt %1 32 0\nOpConstant %1 %2 0xffffffff\nOpTypeArray %3 %1 %2\n")
	for i := 4; i < 50; i++ {
		lengths.WriteString("OpTypeArray %" + strconv.Itoa(i) + " %" + strconv.Itoa(i-1) + " %2\n")
	}
	header := assemble(t, kernelText)
	binary.LittleEndian.PutUint32(header[12:], 0xffffffff)
	bound := assemble(t, kernelText)
	binary.LittleEndian.PutUint32(bound[12:], maxBound)
	count := bytes.Clone(bound)
	binary.LittleEndian.PutUint32(count[20:], 0xffff0011)
	for name, b := range map[string][]byte{
		"bound of all ones": header, "largest bound": bound, "largest word count": count,
		"structs doubling": assemble(t, nested.String()), "null arrays altered": assemble(t, wide.String()),
		"arrays of arrays": assemble(t, lengths.String()),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		exercise(t, b)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: %d bytes of module cost %d bytes of memory", name, len(b), used)
		}
	}
}

func TestTypeDepth(t *testing.T) {
	var s strings.Builder
	s.WriteString("OpCapability 5\nOpMemoryModel 0 1\nOpTypeFloat %1 32\n")
	for i := 2; i < 90; i++ {
		s.WriteString("OpTypeStruct %" + strconv.Itoa(i) + " %" + strconv.Itoa(i-1) + "\n")
	}
	_, err := Parse(assemble(t, s.String()))
	if err == nil || !strings.HasSuffix(err.Error(), "OpTypeStruct: the type is nested more than 64 deep") {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, b := range kernels(f) {
		f.Add(b)
	}
	f.Add(assemble(f, kernelText))
	f.Fuzz(func(t *testing.T, b []byte) { exercise(t, b) })
}
