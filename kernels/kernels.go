// Package kernels holds the kernels: their GLSL, the SPIR-V made from it, which every
// backend runs or is made from, and the specializations from which the C of the cpu
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

// CUDATile is a specialization of matmul_f32 for NVIDIA's processors.
type CUDATile struct {
	Specialization map[string]uint32
	MinBlocks      int // workgroups that a multiprocessor is to hold; 0 leaves it open
}

// CUDATiles are the specializations that are worth trying on an NVIDIA device, the
// likeliest for a large problem first; tests of internal/ptx show what NVIDIA's assembler
// makes of each.
//
// 8 x 8 elements of C to an invocation take 64 registers, what is multiplied at once
// another 40, and the addresses 20 and more: at up to 168 three workgroups of 128
// invocations share a multiprocessor, where one of 256 would be alone. Where MinBlocks
// brings the compiler down to 128 registers for a third more warps, two or three registers
// are spilled outside of the inner loop. Such an invocation reads 4 times 128 bits of
// shared memory for 64 multiplications. A row of the A tile is a row of the workgroup
// (BK = LX) or padded, so that the copies' rows fall into all banks.
var CUDATiles = []CUDATile{
	cudaTile(16, 8, 8, 2, 16, 16, 0, 0), // 64 x 128
	cudaTile(16, 8, 8, 2, 16, 8, 0, 0),  // the same with a shorter loop
	cudaTile(16, 8, 8, 2, 16, 8, 0, 4),  // and with more warps
	cudaTile(16, 16, 8, 2, 16, 8, 0, 0), // 128 x 128, a third less traffic from the cache
	cudaTile(16, 16, 8, 2, 16, 8, 0, 2), // and with more warps
	cudaTile(16, 8, 16, 2, 16, 8, 0, 0), // 128 x 128, a quarter less from shared memory
	cudaTile(8, 16, 8, 2, 16, 8, 8, 0),  // 128 x 64
	cudaTile(16, 16, 4, 2, 16, 8, 0, 0), // 64 x 128, more warps
	cudaTile(8, 8, 8, 2, 8, 8, 0, 0),    // 64 x 64, for small problems
	cudaTile(8, 8, 4, 2, 8, 8, 0, 0),    // 32 x 64
}

func cudaTile(lx, ly, tm, tn, bk, ku, pa uint32, minBlocks int) CUDATile {
	return CUDATile{map[string]uint32{"LX": lx, "LY": ly, "TM": tm, "TN": tn, "VN": 4, "BK": bk, "KU": ku, "PA": pa, "PB": 0}, minBlocks}
}
