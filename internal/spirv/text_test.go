// A small assembler for tests: modules as readable text, valid or not.

package spirv

import (
	"encoding/binary"
	"strconv"
	"strings"
	"testing"
)

var opByName = func() map[string]Op {
	ops := make(map[string]Op)
	for op, info := range opTable {
		ops[info.name] = op
	}
	return ops
}()

// assemble makes a module of SPIR-V 1.3 with a bound of 100 from one instruction
// a line: the opcode's name and its words in their physical order, ids with a %
// for the reader, opcodes by name and strings in quotes.
func assemble(t testing.TB, text string) []byte {
	t.Helper()
	words := []uint32{magic, 0x00010300, 0, 100, 0}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, ";")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		op, ok := opByName[fields[0]]
		if !ok {
			t.Fatalf("no opcode %s", fields[0])
		}
		var args []uint32
		for _, f := range fields[1:] {
			if s, err := strconv.Unquote(f); err == nil {
				b := append([]byte(s), make([]byte, 4-len(s)%4)...)
				for ; len(b) > 0; b = b[4:] {
					args = append(args, binary.LittleEndian.Uint32(b))
				}
				continue
			}
			if op, ok := opByName[f]; ok {
				args = append(args, uint32(op))
				continue
			}
			n, err := strconv.ParseInt(strings.TrimPrefix(f, "%"), 0, 64)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			args = append(args, uint32(n))
		}
		words = append(words, uint32(len(args)+1)<<16|uint32(op))
		words = append(words, args...)
	}
	return encode(words)
}

func encode(words []uint32) []byte {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func mustParse(t testing.TB, b []byte) *Module {
	t.Helper()
	m, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// kernelText is a valid kernel that the tables of wrong modules alter.
const kernelText = `
OpCapability 1
OpExtInstImport %1 "GLSL.std.450"
OpMemoryModel 0 1
OpEntryPoint 5 %40 "main" %21
OpExecutionMode %40 17 8 1 1
OpName %13 "Block"
OpMemberName %13 0 "data"
OpDecorate %12 6 4            ; ArrayStride 4
OpMemberDecorate %13 0 35 0   ; Offset 0
OpDecorate %13 2              ; Block
OpDecorate %20 34 0           ; DescriptorSet 0
OpDecorate %20 33 0           ; Binding 0
OpDecorate %21 11 28          ; BuiltIn GlobalInvocationId
OpTypeVoid %2
OpTypeFunction %3 %2
OpTypeInt %4 32 0
OpTypeVector %5 %4 3
OpTypePointer %6 1 %5
OpTypeFloat %7 32
OpTypeBool %8
OpTypeRuntimeArray %12 %7
OpTypeStruct %13 %12
OpTypePointer %14 12 %13
OpTypePointer %15 12 %7
OpTypePointer %16 7 %7
OpConstant %4 %17 0
OpConstant %4 %18 16
OpConstant %7 %19 0x3f800000
OpVariable %14 %20 12
OpVariable %6 %21 1
OpTypeFunction %22 %7 %7
OpFunction %2 %40 0 %3
OpLabel %41
OpVariable %16 %42 7
OpLoad %5 %43 %21
OpCompositeExtract %4 %44 %43 0
OpULessThan %8 %45 %44 %18
OpSelectionMerge %47 0
OpBranchConditional %45 %46 %47
OpLabel %46
OpAccessChain %15 %48 %20 %17 %44
OpLoad %7 %49 %48
OpFunctionCall %7 %50 %60 %49
OpExtInst %7 %51 %1 50 %50 %50 %19
OpStore %48 %51
OpBranch %47
OpLabel %47
OpReturn
OpFunctionEnd
OpFunction %7 %60 0 %22
OpFunctionParameter %7 %61
OpLabel %62
OpFAdd %7 %63 %61 %61
OpReturnValue %63
OpFunctionEnd
`
