// Package kernels holds the kernel: matmul.comp, the one source, the SPIR-V made from
// it, which every backend runs or is made from, and the specializations from which
// the C of the cpu backend is made.
//
// `make kernels` remakes all of it; the results are committed, so building needs no
// shader tools, and a test proves that they are current.
package kernels

import _ "embed"

//go:generate go run ./gen

// MatmulF32 is the SPIR-V module of the matrix product in float32.
//
//go:embed matmul_f32.spv
var MatmulF32 []byte

// CPUVariant is a specialization of matmul_f32 for an instruction set.
type CPUVariant struct {
	Name           string // of the C symbol
	ISA            string // sse2, avx2, avx512 or neon
	Specialization map[string]uint32
}

// CPUVariants are the specializations that the cpu backend holds, the likeliest of an
// instruction set first. A row of a workgroup is one vector (LX lanes), and TM x TN
// accumulators, the TN vectors of B and one of A share its registers: 32 of AVX-512
// and NEON, 16 of AVX2 and SSE2. BK keeps the tile of B in the first-level cache; the
// padding of A's rows keeps them from falling into the same sets of it.
var CPUVariants = []CPUVariant{
	variant("avx512", 16, "", 8, 14, 2, 256),
	variant("avx512", 16, "_small", 2, 8, 2, 128),
	variant("avx2", 8, "", 8, 6, 2, 256),
	variant("avx2", 8, "_small", 2, 4, 2, 128),
	variant("sse2", 4, "", 8, 6, 2, 256),
	variant("sse2", 4, "_small", 2, 4, 2, 128),
	variant("neon", 4, "", 8, 8, 3, 256),
	variant("neon", 4, "_small", 2, 4, 2, 128),
}

func variant(isa string, lanes uint32, suffix string, ly, tm, tn, bk uint32) CPUVariant {
	return CPUVariant{
		Name: "matmul_f32_" + isa + suffix,
		ISA:  isa,
		Specialization: map[string]uint32{"LX": lanes, "LY": ly, "TM": tm, "TN": tn, "VN": 1,
			"BK": bk, "KU": 1, "PA": 16, "PB": 0},
	}
}
