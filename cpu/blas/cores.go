// What the code is for that a library runs: its words for processors.

package blas

import "strings"

// generic is the instruction set of code that was made for no processor in particular: C
// as the compiler translates it, or Arm code for all of its processors.
const generic = "generic"

// cores are the instruction sets of the matrix product in float32 by the library's word
// for a processor, in small letters: OpenBLAS's driver/others/dynamic*.c, cpuid_*.c and
// kernel/*/KERNEL.*, BLIS's bli_arch.c and config.
var cores = map[string]map[string]string{
	"OpenBLAS": {
		"katmai": "sse2", "coppermine": "sse2", "northwood": "sse2", "prescott": "sse2", "banias": "sse2", "yonah": "sse2", "atom": "sse2", "core2": "sse2", "penryn": "sse2", "dunnington": "sse2",
		"nehalem": "sse2", "athlon": "sse2", "opteron": "sse2", "opteron_sse3": "sse2", "sse_generic": "sse2", "barcelona": "sse2", "nano": "sse2", "bobcat": "sse2", "viac3": "sse2",
		"sandybridge": "avx", "bulldozer": "avx", "piledriver": "avx", "steamroller": "avx",
		// Fused multiply-adds in 128 bits, which is all that its processor has units for.
		"excavator": "avx2",
		"haswell":   "avx2", "zen": "avx2", "dhyana": "avx2",
		"skylakex": "avx512", "cooperlake": "avx512", "sapphirerapids": "avx512",

		"armv8":     generic,
		"cortexa53": "neon", "cortexa55": "neon", "cortexa57": "neon", "cortexa72": "neon", "cortexa73": "neon", "cortexa76": "neon", "cortexx1": "neon", "neoversen2": "neon",
		"falkor": "neon", "thunderx": "neon", "thunderx2t99": "neon", "thunderx3t110": "neon", "tsv110": "neon", "emag8180": "neon", "neoversen1": "neon", "vortex": "neon", "ft2000": "neon", "phytium": "neon",
		"neoversev1": "sve", "neoversev2": "sve", "armv8sve": "sve", "cortexx2": "sve", "cortexa510": "sve", "cortexa710": "sve", "a64fx": "sve", "vortexm4": "sve",

		generic: generic,
	},
	"BLIS": {
		"penryn": "sse2", "sandybridge": "avx", "bulldozer": "avx", "piledriver": "avx", "steamroller": "avx", "excavator": "avx2",
		"haswell": "avx2", "zen": "avx2", "zen2": "avx2", "zen3": "avx2", "skx": "avx512", "knl": "avx512", "zen4": "avx512", "zen5": "avx512", "zen6": "avx512",
		"cortexa53": "neon", "cortexa57": "neon", "thunderx2": "neon", "firestorm": "neon", "altra": "neon", "altramax": "neon", "armsve": "sve", "a64fx": "sve",
		generic: generic,
	},
	// The libraries of kernels that libmkl_rt loads. libmkl_def is none of these: it holds
	// code for every processor that is not Intel's as well, and does not say which it runs.
	"MKL": {"mc": "sse2", "mc3": "sse2", "avx": "avx", "avx2": "avx2", "avx512": "avx512", "avx512_mic": "avx512"},
}

// isaOf is the instruction set of a library's code for a core, empty when it is unknown.
func isaOf(library, core string) string { return cores[library][strings.ToLower(core)] }

// better are the cores to ask a library for, the best first, by what the processor has:
// those that the kernels of all processors with that instruction set came from.
var better = map[string]map[string][]string{
	"OpenBLAS": {
		"avx512": {"SkylakeX", "Haswell", "Sandybridge"}, "avx2": {"Haswell", "Sandybridge"},
		"sve": {"NEOVERSEV1", "ARMV8SVE", "NEOVERSEN1", "CORTEXA57"}, "neon": {"NEOVERSEN1", "CORTEXA57"},
	},
	"BLIS": {
		"avx512": {"zen4", "skx", "zen3", "haswell"}, "avx2": {"zen3", "zen", "haswell"},
		"sve": {"armsve", "altra", "thunderx2", "cortexa57"}, "neon": {"altra", "thunderx2", "cortexa57"},
	},
}

// coreVariable is the variable by which a library is told which core to take.
var coreVariable = map[string]string{"OpenBLAS": "OPENBLAS_CORETYPE", "BLIS": "BLIS_ARCH_TYPE"}
