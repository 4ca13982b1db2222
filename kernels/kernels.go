// Package kernels holds the kernels: their GLSL, the SPIR-V made from it, which every
// backend runs or is made from, the Metal text made from that, and the specializations from which the C of the cpu
// backend is made.
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

// FMAF32 is the SPIR-V module of the multiply-adds in float32 that touch no memory, by
// which the peak of a device's arithmetic is measured.
//
//go:embed fma_f32.spv
var FMAF32 []byte

// Modules are the SPIR-V modules by the names of their kernels.
var Modules = map[string][]byte{"fma": FMAF32, "matmul": MatmulF32}

//go:embed matmul_f32.metal
var matmulF32Metal string

//go:embed fma_f32.metal
var fmaF32Metal string

// Metal is the text in Metal's language made from each of Modules, by the same names;
// see package msl for its arguments and macros. Its second line has the module's hash.
var Metal = map[string]string{"fma": fmaF32Metal, "matmul": matmulF32Metal}

// FMARows is the number of rows that the A of FMAF32 has, the most chains that an
// invocation may have; its B has one row.
const FMARows = 32

// CPUVariant is a specialization of a kernel for an instruction set.
type CPUVariant struct {
	Kernel         string // a name of Modules
	Name           string // of the C symbol
	ISA            string // sse2, avx2, avx512 or neon
	Specialization map[string]uint32
}

// CPUVariants are the specializations that the cpu backend holds, the likeliest of a
// kernel and an instruction set first; the search picks among them.
//
// matmul: TM x TN accumulators, the TN vectors of B and one of A share the registers: 32 of
// AVX-512 and NEON, 16 of AVX2 and SSE2. A workgroup is several vectors wide, so that the
// rows of A that it has in the first-level cache serve all of them, and its tiles of A
// and B stay in the second level. The padding keeps their rows from falling into the
// same few sets of the caches. Smaller workgroups lose less at the edges of small
// matrices and leave more of them to share among the threads.
//
// fma: the chains that hide the latency of an operation are its cycles times the
// operations that begin in one: 2 x 5 on the oldest processors with AVX2, 6 x 4 on the
// widest with NEON. They and their factor must fit in the registers, with room for products
// where no operation is fused (SSE2). A workgroup is one vector.
var CPUVariants = []CPUVariant{
	matmul("avx512", "", 128, 8, 14, 2, 256),
	matmul("avx512", "_large", 128, 16, 14, 2, 256),
	matmul("avx512", "_medium", 32, 4, 14, 2, 256),
	matmul("avx512", "_small", 16, 2, 8, 2, 128),
	matmul("avx2", "", 64, 16, 6, 2, 256),
	matmul("avx2", "_medium", 32, 8, 6, 2, 256),
	matmul("avx2", "_small", 8, 4, 4, 2, 128),
	matmul("sse2", "", 64, 16, 4, 2, 256),
	matmul("sse2", "_small", 8, 4, 4, 2, 128),
	matmul("neon", "", 32, 16, 8, 3, 256),
	matmul("neon", "_small", 8, 4, 4, 2, 128),
	fma("avx512", 16, 16),
	fma("avx2", 8, 12),
	fma("sse2", 4, 12),
	fma("neon", 4, 24),
}

func matmul(isa, suffix string, lx, ly, tm, tn, bk uint32) CPUVariant {
	return CPUVariant{Kernel: "matmul", Name: "matmul_f32_" + isa + suffix, ISA: isa,
		Specialization: map[string]uint32{"LX": lx, "LY": ly, "TM": tm, "TN": tn, "VN": 1,
			"BK": bk, "KU": 1, "PA": 16, "PB": 16}}
}

func fma(isa string, lanes, acc uint32) CPUVariant {
	return CPUVariant{Kernel: "fma", Name: "fma_f32_" + isa, ISA: isa,
		Specialization: map[string]uint32{"LX": lanes, "LY": 1, "ACC": acc, "KU": 4}}
}
