//go:build cgo && linux

package blas

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/result"
)

// A BLAS whose core depends on its environment as OpenBLAS's does, read while it is
// loaded: without a word it takes DETECTED, it has the cores of HAS, crashes with CRASHES
// and multiplies wrongly with WRONG.
const openBLASCores = `#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
static int threads;
static char core[64];
static int in(const char *list, const char *word) {
	const char *at = *word ? strstr(list, word) : 0;
	return at && (at[strlen(word)] == ' ' || !at[strlen(word)]);
}
__attribute__((constructor)) static void start(void) {
	const char *asked = getenv("OPENBLAS_CORETYPE");
	strcpy(core, asked && in(HAS, asked) ? asked : DETECTED);
	if (in(CRASHES, core)) raise(SIGILL);
}
const char *openblas_get_config(void) { return "OpenBLAS 0.3.98 " EXTRA " MAX_THREADS=64"; }
const char *openblas_get_corename(void) { return core; }
void openblas_set_num_threads(int n) { threads = n; }
int openblas_get_num_threads(void) { return threads; }
void cblas_sgemm(int o, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc) {
	for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) {
		float s = 0;
		for (int l = 0; l < k; l++) s += a[i * lda + l] * b[l * ldb + j];
		c[i * ldc + j] = s + (in(WRONG, core) && i == 130);
	}
}
`

// The same for BLIS, which knows cores by numbers and reads its variable when it is
// initialized.
const blisCores = `#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
static const char *names[] = {"haswell", "abacus", "zen3", "skx", "generic"};
static int id = -1;
static int64_t threads;
const char *bli_info_get_version_str(void) { return "1.2.3"; }
int64_t bli_info_get_blas_int_type_size(void) { return 32; }
int64_t bli_info_get_enable_threading(void) { return 1; }
void bli_thread_set_num_threads(int64_t n) { threads = n; }
int64_t bli_thread_get_num_threads(void) { return threads; }
void bli_init(void) {
	const char *asked = getenv("BLIS_ARCH_TYPE");
	id = asked ? atoi(asked) : 4;
	if (id == 3 && NOSKX || id > 4) abort();
}
int bli_arch_query_id(void) {
	if (id < 0) abort();
	return id;
}
const char *bli_arch_string(int id) { return names[id]; }
` + product

// A core that a library takes for itself and that is below the processor gives way to the
// best one that it has, survives with and multiplies rightly with; what the user asks for
// stays.
func TestChoose(t *testing.T) {
	for _, test := range []struct {
		name, source                  string
		has, detected, crashes, wrong string
		flags                         []string
		variable, set                 string // of the environment
		isa                           string
		core, raised                  string
		refused                       []string
		err                           string
	}{
		{name: "the right one", detected: "Cooperlake", has: "Cooperlake SkylakeX Haswell", isa: "avx512", core: "Cooperlake"},
		{name: "a processor that is newer than the library", detected: "Prescott", has: "Prescott SkylakeX Haswell", isa: "avx512", core: "SkylakeX", raised: "Prescott"},
		{name: "one without AVX-512", detected: "Prescott", has: "Prescott SkylakeX Haswell", isa: "avx2", core: "Haswell", raised: "Prescott"},
		{name: "a library without code for AVX-512", detected: "Sandybridge", has: "Sandybridge Haswell", isa: "avx512", core: "Haswell", raised: "Sandybridge"},
		{name: "a core that crashes", detected: "Zen", has: "Zen SkylakeX", crashes: "SkylakeX", isa: "avx512", core: "Zen", refused: []string{"SkylakeX: the process was killed by SIGILL"}},
		{name: "one that crashes and one that does not", detected: "Prescott", has: "Haswell SkylakeX", crashes: "SkylakeX", isa: "avx512", core: "Haswell", raised: "Prescott", refused: []string{"SkylakeX: the process was killed by SIGILL"}},
		{name: "a core that multiplies wrongly", detected: "Haswell", has: "Haswell SkylakeX", wrong: "SkylakeX", isa: "avx512", core: "Haswell", refused: []string{"SkylakeX: it multiplies wrongly"}},
		{name: "a core that is the user's", detected: "SkylakeX", has: "Haswell SkylakeX", variable: "OPENBLAS_CORETYPE", set: "Haswell", isa: "avx512", core: "Haswell"},
		{name: "code for all of Arm's", detected: "armv8", has: "armv8 NEOVERSEN1", isa: "neon", core: "NEOVERSEN1", raised: "armv8"},
		{name: "wide vectors of Arm's", detected: "neoversen1", has: "NEOVERSEV1 NEOVERSEN1", isa: "sve", core: "NEOVERSEV1", raised: "neoversen1"},
		{name: "a core that nobody knows", detected: "Abacus", has: "Abacus SkylakeX", isa: "avx512", core: "Abacus"},
		{name: "no way to choose", detected: "HASWELL", has: "HASWELL", isa: "avx512", core: "HASWELL"},
		{name: "BLIS", source: blisCores, flags: []string{"-DNOSKX=0"}, isa: "avx512", core: "skx", raised: "generic"},
		{name: "BLIS without the best", source: blisCores, flags: []string{"-DNOSKX=1"}, isa: "avx512", core: "zen3", raised: "generic", refused: []string{"skx: the process was killed by SIGABRT"}},
		{name: "BLIS as the user wants it", source: blisCores, flags: []string{"-DNOSKX=0"}, variable: "BLIS_ARCH_TYPE", set: "0", isa: "avx512", core: "haswell"},
		{name: "BLIS as the user cannot have it", source: blisCores, flags: []string{"-DNOSKX=0"}, variable: "BLIS_ARCH_TYPE", set: "60", isa: "avx512",
			err: "the process was killed by SIGABRT while it was loaded (BLIS_ARCH_TYPE=60 is set: unset it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, name := range coreVariable {
				unset(t, name)
			}
			unset(t, "OPENBLAS_L2_SIZE")
			if test.variable != "" {
				t.Setenv(test.variable, test.set)
			}
			source, flags := test.source, test.flags
			if source == "" {
				source = openBLASCores
				flags = []string{"-DEXTRA=\"DYNAMIC_ARCH\"", "-DHAS=\"" + test.has + "\"", "-DDETECTED=\"" + test.detected + "\"", "-DCRASHES=\"" + test.crashes + "\"", "-DWRONG=\"" + test.wrong + "\""}
			}
			path := compile(t, source, flags...)
			l, err := openFor(path, 2, test.isa)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("%v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if l.core != test.core || l.choice.raised != test.raised || !slices.Equal(l.choice.refused, test.refused) {
				t.Errorf("core %q, raised from %q, refused %q", l.core, l.choice.raised, l.choice.refused)
			}
			want := map[string]string{}
			if test.variable != "" {
				want[test.variable] = test.set
			}
			if len(l.steering) != len(want) || l.steering[test.variable] != want[test.variable] {
				t.Errorf("the environment is said to steer by %v, want %v", l.steering, want)
			}
			if got := os.Getenv(coreVariable[l.name]); test.variable == "" && got != "" {
				t.Errorf("%s is left as %q", coreVariable[l.name], got)
			}
			if err := l.try(); err != nil {
				t.Error(err)
			}
		})
	}
}

func unset(t *testing.T, name string) {
	t.Setenv(name, "") // which restores it
	os.Unsetenv(name)
}

// A library that cannot be used leaves no word for the next one.
func TestChooseLeavesNothing(t *testing.T) {
	t.Setenv(Variable, "")
	for _, name := range coreVariable {
		unset(t, name)
	}
	first := compile(t, strings.ReplaceAll(openBLASCores, "threads = n;", "threads = 99;"), "-DEXTRA=\"DYNAMIC_ARCH\"", "-DHAS=\"Haswell SkylakeX NEOVERSEN1\"", "-DDETECTED=\"Prescott\"", "-DCRASHES=\"\"", "-DWRONG=\"\"")
	if _, err := openFor(first, 2, "avx512"); err == nil || os.Getenv("OPENBLAS_CORETYPE") != "" {
		t.Errorf("%v, OPENBLAS_CORETYPE=%s", err, os.Getenv("OPENBLAS_CORETYPE"))
	}
}

func TestDescribe(t *testing.T) {
	unset(t, "OPENBLAS_CORETYPE")
	for _, test := range []struct {
		extra string
		fixed bool
	}{{"DYNAMIC_ARCH NO_AFFINITY", false}, {"NO_AFFINITY", true}} {
		path := compile(t, openBLASCores, "-DEXTRA=\""+test.extra+"\"", "-DHAS=\"\"", "-DDETECTED=\"Haswell\"", "-DCRASHES=\"\"", "-DWRONG=\"\"")
		t.Setenv(Variable, path)
		d, err := New().Open("blas:1")
		if err != nil {
			t.Fatal(err)
		}
		got := d.Info()
		l := got.Library
		if l == nil || l.Name != "OpenBLAS" || l.Version != "0.3.98" || l.Core != "Haswell" || l.ISA != "avx2" || filepath.Clean(l.File) != path || l.Fixed != test.fixed || got.ProcessorISA != processorISA() || got.Backend != "blas" {
			t.Errorf("%+v, %+v", got, l)
		}
		if want := result.BelowISA("avx2", processorISA()); got.BelowProcessor() != want {
			t.Errorf("below the processor: %v, want %v", got.BelowProcessor(), want)
		}
		d.Close()
	}
}

// MKL tells its core by the library of kernels that it has loaded, which here is itself;
// that of its default library stays unknown.
func TestMKLsCore(t *testing.T) {
	t.Setenv("MKL_THREADING_LAYER", "SEQUENTIAL")
	t.Setenv("MKL_ENABLE_INSTRUCTIONS", "AVX2")
	path := compile(t, mkl+product, "-DLAYER=0")
	kernels := filepath.Join(filepath.Dir(path), "libmkl_avx2.so.2")
	if err := os.Rename(path, kernels); err != nil {
		t.Fatal(err)
	}
	t.Setenv(Variable, kernels)
	d, err := New().Open("blas:1")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	got := d.Info()
	if l := got.Library; l.Name != "MKL" || l.Core != "avx2" || l.ISA != "avx2" || got.Name != "MKL 2023.1 (avx2)" || got.Steering["MKL_ENABLE_INSTRUCTIONS"] != "AVX2" {
		t.Errorf("%+v, %+v", got, l)
	}
}

// Every core that is asked for is one that the table knows, and better than what is below.
func TestBetterCoresAreKnown(t *testing.T) {
	for library, byISA := range better {
		for isa, list := range byISA {
			for i, core := range list {
				got := isaOf(library, core)
				if got == "" || result.BelowISA(isa, got) {
					t.Errorf("%s for %s: %s is %q", library, isa, core, got)
				}
				if i > 0 && result.BelowISA(isaOf(library, list[i-1]), got) {
					t.Errorf("%s for %s: %s comes after one that is worse", library, isa, core)
				}
			}
			if isaOf(library, list[0]) != isa {
				t.Errorf("%s for %s: the first, %s, is %q", library, isa, list[0], isaOf(library, list[0]))
			}
		}
	}
	for core, want := range map[string]string{"Haswell": "avx2", "HASWELL": "avx2", "SapphireRapids": "avx512", "Prescott": "sse2", "armv8": "generic", "NEOVERSEV2": "sve", "Abacus": "", "": ""} {
		if got := isaOf("OpenBLAS", core); got != want {
			t.Errorf("%s: %q, want %q", core, got, want)
		}
	}
	if isaOf("Accelerate", "anything") != "" || isaOf("MKL", "def") != "" || isaOf("MKL", "avx512") != "avx512" || isaOf("BLIS", "generic") != "generic" {
		t.Error("another library's core")
	}
}

// A file that is no library of the kind is none, and how the copy of the process ended is
// told.
func TestProbe(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"no file": "/nowhere/libabacus.so", "no library": text, "no BLAS": compile(t, "int answer(void) { return 42; }\n")} {
		if s, err := probe(path, "", true); err != nil || s != (seen{}) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	_, err := probe(compile(t, "#include <stdlib.h>\n__attribute__((constructor)) static void f(void) { _Exit(3); }\n"), "", false)
	if err == nil || !strings.Contains(err.Error(), "without a result") {
		t.Error(err)
	}
	_, err = open(compile(t, "#include <stdlib.h>\n__attribute__((constructor)) static void f(void) { abort(); }\n"), 1)
	if err == nil || !strings.Contains(err.Error(), "killed by SIGABRT while it was loaded") {
		t.Error(err)
	}
}
