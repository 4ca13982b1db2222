// Package steering is the one list of the environment variables that steer what runs on
// the processor: which code a library or the cpu backend takes, and how many threads it
// uses and where. A measurement outside of a container and one inside are comparable only
// when both get the same.
//
// Variables that choose code are the user's word: they are kept, passed into containers,
// and said in the result. Those of threads are not: the threads are the device's, so the
// program sets the counts and takes the rest away, on either side.
package steering

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// CPUVariable names the environment variable that picks a lower instruction set for the
// cpu backend.
const CPUVariable = "GPUBENCH_CPU_ISA"

// code are the variables that choose the code, by whom they speak to.
var code = map[string][]string{
	"cpu":      {CPUVariable},
	"OpenBLAS": {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_BLOCK_FACTOR"},
	"BLIS":     {"BLIS_ARCH_TYPE", "BLIS_MODEL_TYPE", "BLIS_PACK_A", "BLIS_PACK_B", "AOCL_ENABLE_INSTRUCTIONS"},
	"MKL":      {"MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR", "MKL_CBWR_BRANCH", "MKL_DEBUG_CPU_TYPE"},
}

// counts are the numbers of threads, each set to that of the device. A library that reads
// them when it is loaded starts no threads then that would never be used; for Accelerate
// there is no other way.
var counts = []string{"OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_DEFAULT_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "BLIS_NT",
	"OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "VECLIB_MAXIMUM_THREADS"}

// others are the variables that move, limit or hold up threads in other ways, and are
// taken away; those that begin with one of the prefixes too.
var (
	others = []string{"OMP_DYNAMIC", "OMP_PROC_BIND", "OMP_PLACES", "OMP_WAIT_POLICY", "OMP_NESTED", "OMP_MAX_ACTIVE_LEVELS", "OMP_SCHEDULE", "OMP_STACKSIZE", "OMP_TEAMS_THREAD_LIMIT", "OMP_NUM_TEAMS",
		"MKL_DYNAMIC", "MKL_DOMAIN_NUM_THREADS", "MKL_NUM_STRIPES", "OPENBLAS_MAIN_FREE", "GOTOBLAS_MAIN_FREE", "OPENBLAS_THREAD_TIMEOUT",
		"BLIS_JC_NT", "BLIS_PC_NT", "BLIS_IC_NT", "BLIS_JR_NT", "BLIS_IR_NT", "BLIS_THREAD_IMPL", "VECLIB_THREADING_MODE"}
	prefixes = []string{"KMP_", "GOMP_"}
)

// Code returns the variables of an environment (as of os.Environ) that choose code for
// this library, or for cpu, with their values. An empty one chooses nothing.
func Code(whose string, environ []string) map[string]string {
	chosen := map[string]string{}
	for _, kv := range environ {
		if name, value, _ := strings.Cut(kv, "="); value != "" && slices.Contains(code[whose], name) {
			chosen[name] = value
		}
	}
	return chosen
}

// Carried are the variables of an environment, as NAME=VALUE and sorted, that a process in
// a container must have too.
func Carried(environ []string) (list []string) {
	for whose := range code {
		for name, value := range Code(whose, environ) {
			list = append(list, name+"="+value)
		}
	}
	slices.Sort(list)
	return list
}

// Apply makes this process's environment that of a library with this number of threads,
// before it is loaded. Some libraries take an empty variable for a wish, so those go too.
func Apply(threads int) {
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		if slices.Contains(others, name) || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) || value == "" && choosesCode(name) {
			os.Unsetenv(name)
		}
	}
	for _, name := range counts {
		os.Setenv(name, strconv.Itoa(threads))
	}
}

func choosesCode(name string) bool {
	for _, names := range code {
		if slices.Contains(names, name) {
			return true
		}
	}
	return false
}
