package steering

import (
	"os"
	"reflect"
	"slices"
	"testing"
)

var environ = []string{"OPENBLAS_CORETYPE=Haswell", "OPENBLAS_L2_SIZE=512", "BLIS_ARCH_TYPE=", "MKL_CBWR=AVX2,STRICT", "GPUBENCH_CPU_ISA=avx2", "OPENBLAS_NUM_THREADS=1", "KMP_AFFINITY=compact", "HOME=/root", "OPENBLAS_CORETYPES=x", "odd"}

func TestCode(t *testing.T) {
	for whose, want := range map[string]map[string]string{
		"OpenBLAS": {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_L2_SIZE": "512"}, "BLIS": {}, "MKL": {"MKL_CBWR": "AVX2,STRICT"}, "cpu": {"GPUBENCH_CPU_ISA": "avx2"}, "Accelerate": {},
	} {
		if got := Code(whose, environ); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", whose, got, want)
		}
	}
}

// What chooses code goes into a container; what concerns threads does not, and neither
// does anything else.
func TestCarried(t *testing.T) {
	want := []string{"GPUBENCH_CPU_ISA=avx2", "MKL_CBWR=AVX2,STRICT", "OPENBLAS_CORETYPE=Haswell", "OPENBLAS_L2_SIZE=512"}
	if got := Carried(environ); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Carried([]string{"PATH=/bin"}); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// The threads are the device's whatever the environment says; what chooses code stays,
// unless it is empty.
func TestApply(t *testing.T) {
	for _, name := range []string{"OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
		"OMP_DYNAMIC", "OMP_PROC_BIND", "OMP_PLACES", "OMP_WAIT_POLICY", "GOMP_CPU_AFFINITY", "GOMP_SPINCOUNT", "KMP_AFFINITY", "KMP_BLOCKTIME", "KMP_HW_SUBSET", "MKL_DYNAMIC", "MKL_DOMAIN_NUM_THREADS", "BLIS_JC_NT", "BLIS_IC_NT",
		"OPENBLAS_CORETYPE"} {
		t.Setenv(name, "1")
	}
	t.Setenv("BLIS_ARCH_TYPE", "")
	t.Setenv("GPUBENCH_TEST_OTHER", "stays")
	Apply(7)
	for name, want := range map[string]string{
		"OPENBLAS_NUM_THREADS": "7", "GOTO_NUM_THREADS": "7", "OMP_NUM_THREADS": "7", "OMP_THREAD_LIMIT": "7", "MKL_NUM_THREADS": "7", "BLIS_NUM_THREADS": "7", "VECLIB_MAXIMUM_THREADS": "7",
		"OPENBLAS_CORETYPE": "1", "GPUBENCH_TEST_OTHER": "stays",
	} {
		if got := os.Getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"OMP_DYNAMIC", "OMP_PROC_BIND", "OMP_PLACES", "OMP_WAIT_POLICY", "GOMP_CPU_AFFINITY", "GOMP_SPINCOUNT", "KMP_AFFINITY", "KMP_BLOCKTIME", "KMP_HW_SUBSET", "MKL_DYNAMIC", "MKL_DOMAIN_NUM_THREADS",
		"BLIS_JC_NT", "BLIS_IC_NT", "BLIS_ARCH_TYPE"} {
		if value, set := os.LookupEnv(name); set {
			t.Errorf("%s is still there: %q", name, value)
		}
	}
}
