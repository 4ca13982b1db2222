//go:build cgo && (linux || darwin)

package blas

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gonum "gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"

	"gpubench/internal/backend"
	"gpubench/internal/host"
	"gpubench/internal/result"
)

// openDevice opens a device of the library that is installed.
func openDevice(t testing.TB, id string) backend.Device {
	t.Helper()
	d, err := New().Open(id)
	var e *backend.Error
	if errors.As(err, &e) && e.Kind == backend.Absent {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func ids() []string {
	if host.UsableCPUs() > 1 {
		return []string{"blas", "blas:1"}
	}
	return []string{"blas"}
}

// The library that is installed gives the float64 product of gonum, over a C that
// was not a number before, batch after batch.
func TestProducts(t *testing.T) {
	for _, id := range ids() {
		d := openDevice(t, id)
		for _, p := range []backend.Problem{{M: 1, N: 1, K: 1}, {M: 1, N: 1000, K: 1}, {M: 333, N: 1, K: 7}, {M: 65, N: 33, K: 129}, {M: 300, N: 200, K: 513}} {
			specs, err := d.Candidates(backend.KernelMatmul, p)
			if err != nil || len(specs) != 1 || len(specs[0]) != 0 || specs[0] == nil {
				t.Fatalf("candidates %v, %v", specs, err)
			}
			pr, err := d.Build(backend.KernelMatmul, p, specs[0])
			if err != nil {
				t.Fatal(err)
			}
			if f := pr.Form(); f.Name != "blas" || f.SPIRVSHA256 != "" || f.SHA256 != "" || f.Specialization == nil {
				t.Errorf("form %+v", f)
			}
			rng := rand.New(rand.NewPCG(7, uint64(p.M)))
			for _, batch := range []backend.Batch{{Dispatches: 3}, {Dispatches: 2, Descending: true}, {Dispatches: 4, Apart: 2}, {Dispatches: 3, Descending: true, Apart: 3}, {Dispatches: 1, Apart: 1}} {
				a, a64 := normal(rng, p.M*p.K)
				b, b64 := normal(rng, p.K*p.N)
				want := make([]float64, p.M*p.N)
				blas64.Gemm(gonum.NoTrans, gonum.NoTrans, 1, blas64.General{Rows: p.M, Cols: p.K, Stride: p.K, Data: a64},
					blas64.General{Rows: p.K, Cols: p.N, Stride: p.N, Data: b64}, 0, blas64.General{Rows: p.M, Cols: p.N, Stride: p.N, Data: want})
				if err := pr.Load(a, b); err != nil {
					t.Fatal(err)
				}
				c := run(t, pr, p, batch)
				bound := 8 * float64(p.K+8) / (1 << 24)
				for i := range c {
					if !(math.Abs(float64(c[i])-want[i]) <= bound) {
						t.Fatalf("%s %v: C[%d,%d] is %v, should be %v within %g", id, p, i/p.N, i%p.N, c[i], want[i], bound)
					}
				}
			}
			if err := pr.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// run runs a batch, and an empty dispatch, over a region of NaNs, checks that each
// dispatch has left its trace of the last one's C and nothing else was written, and
// returns that C.
func run(t *testing.T, pr backend.Program, p backend.Problem, b backend.Batch) []float32 {
	t.Helper()
	region := make([]float32, p.Region(b))
	if err := pr.Fill(float32(math.NaN()), len(region)); err != nil {
		t.Fatal(err)
	}
	for _, do := range []func() (backend.Timing, error){func() (backend.Timing, error) { return pr.Run(b) }, pr.Empty} {
		if tm, err := do(); err != nil || tm.HostS <= 0 || tm.DeviceS != nil {
			t.Fatalf("%+v, %v", tm, err)
		}
	}
	if err := pr.Read(region, 0); err != nil {
		t.Fatal(err)
	}
	c := slices.Clone(region[p.Place(b, b.Dispatches-1):][:p.M*p.N])
	want := make([]float32, len(region))
	for i := range want {
		want[i] = float32(math.NaN())
	}
	for i := range b.Dispatches {
		copy(want[p.Place(b, i):], c)
	}
	for i, x := range region {
		if math.Float32bits(x) != math.Float32bits(want[i]) {
			t.Fatalf("%v, %+v: element %d of the region is %v, want %v", p, b, i, x, want[i])
		}
	}
	return c
}

func normal(rng *rand.Rand, n int) ([]float32, []float64) {
	x, x64 := make([]float32, n), make([]float64, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
		x64[i] = float64(x[i])
	}
	return x, x64
}

// A clock that ticks as seldom as Apple's, or less, shows an empty dispatch all the same.
func TestEmptyOnACoarseClock(t *testing.T) {
	d := openDevice(t, "blas:1")
	p := backend.Problem{M: 1, N: 1, K: 1}
	built, err := d.Build(backend.KernelMatmul, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer built.Close()
	pr, fine := built.(*program), backend.NewClock()
	for _, tick := range []float64{125e-9 / 3, 1e-6, 1e-4} {
		pr.clock = func() time.Duration {
			return time.Duration(math.Floor(fine().Seconds()/tick) * tick * 1e9)
		}
		pr.tick = pr.clock.Tick()
		for range 30 {
			if got, err := pr.Empty(); err != nil || !(got.HostS >= 2*tick*0.99) || got.Dispatches < 1 {
				t.Fatalf("ticks of %g s: %+v, %v", tick, got, err)
			}
		}
	}
}

func TestDevices(t *testing.T) {
	openDevice(t, "blas")
	list, err := New().Devices()
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	d := list[0]
	if d.ID != "blas" || d.Backend != "blas" || d.Class != result.ClassCPU || d.GPU() || d.Threads != host.UsableCPUs() || d.Limits == nil {
		t.Errorf("%+v", d)
	}
	if d.Driver.Name == "" || !strings.HasPrefix(d.Name, d.Driver.Name) || !strings.Contains(d.Driver.Info, "/") {
		t.Errorf("the library is %q, driver %+v", d.Name, d.Driver)
	}
	for _, id := range []string{"blas:0", "blas:-1", "blas:01", "blas:x", "blas:", "blas:1:", "blas:100000", "cpu", ""} {
		_, err := New().Open(id)
		var e *backend.Error
		if !errors.As(err, &e) || e.Kind != backend.NoDevice || e.Remedy == "" {
			t.Errorf("Open(%q): %v", id, err)
		}
	}
}

func TestLimits(t *testing.T) {
	d := openDevice(t, "blas:1")
	var e *backend.Error
	if _, err := d.Candidates(backend.KernelMatmul, backend.Problem{M: 1 << 31, N: 1, K: 1}); !errors.As(err, &e) || e.Kind != backend.Limit {
		t.Errorf("2^31 rows: %v", err)
	}
	if _, err := d.Build(backend.KernelMatmul, backend.Problem{M: 1, N: 1, K: 1}, backend.Specialization{"LX": 1}); !errors.As(err, &e) || e.Kind != backend.Unusable {
		t.Errorf("a specialization: %v", err)
	}
}

// Libraries that are not what they should be are made by the C compiler.
const (
	product = `void cblas_sgemm(int o, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc) {
	for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) {
		float s = 0;
		for (int l = 0; l < k; l++) s += a[i * lda + l] * b[l * ldb + j];
		c[i * ldc + j] = s;
	}
}
`
	openBLAS = `static int threads;
const char *openblas_get_config(void) { return "OpenBLAS 0.3.99 " EXTRA " MAX_THREADS=2"; }
const char *openblas_get_corename(void) { return "Abacus"; }
void openblas_set_num_threads(int n) { threads = n > MOST ? MOST : n; }
int openblas_get_num_threads(void) { return threads; }
`
	blis = `#include <stdint.h>
static int64_t threads;
const char *bli_info_get_version_str(void) { return "1.2.3"; }
int64_t bli_info_get_blas_int_type_size(void) { return BITS; }
int64_t bli_info_get_enable_threading(void) { return THREADED; }
void bli_thread_set_num_threads(int64_t n) { threads = n; }
int64_t bli_thread_get_num_threads(void) { return threads; }
void bli_init(void) {}
int bli_arch_query_id(void) { return 7; }
const char *bli_arch_string(int id) { return id == 7 ? "abacus" : "generic"; }
`
	mkl = `#include <string.h>
static int threads = 1, dynamic = 1;
int MKL_Set_Interface_Layer(int code) { return LAYER; }
int MKL_Set_Threading_Layer(int code) { return code; }
void MKL_Set_Dynamic(int on) { dynamic = on; }
void MKL_Set_Num_Threads(int n) { threads = dynamic ? 1 : n; }
int MKL_Get_Max_Threads(void) { return threads; }
void MKL_Get_Version_String(char *text, int n) {
	memset(text, ' ', n);
	memcpy(text, "Intel(R) oneAPI Math Kernel Library Version 2023.1-Product Build 20230303", 73);
}
`
)

// compile makes a shared library.
func compile(t *testing.T, source string, flags ...string) string {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("there is no C compiler: ", err)
	}
	dir := t.TempDir()
	src, lib := filepath.Join(dir, "lib.c"), filepath.Join(dir, "lib.so")
	if err := os.WriteFile(src, []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, append(flags, "-shared", "-fPIC", "-o", lib, src)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return lib
}

// A library is taken only when it is known, takes 32-bit integers and has the threads
// that it is asked for.
func TestLibraries(t *testing.T) {
	t.Setenv("MKL_THREADING_LAYER", "")
	for _, test := range []struct {
		name, source string
		flags        []string
		title, err   string // one of the two
	}{
		{name: "OpenBLAS", source: openBLAS + product, flags: []string{"-DEXTRA=\"\"", "-DMOST=2"}, title: "OpenBLAS 0.3.99 (Abacus)"},
		{name: "OpenBLAS with 64-bit integers", source: openBLAS + product, flags: []string{"-DEXTRA=\"USE64BITINT\"", "-DMOST=2"}, err: "64-bit integers (USE64BITINT)"},
		{name: "OpenBLAS without threads", source: openBLAS + product, flags: []string{"-DEXTRA=\"\"", "-DMOST=1"}, err: "OpenBLAS 0.3.99 (Abacus) uses 1 threads where it was asked for 2"},
		{name: "half an OpenBLAS", source: "const char *openblas_get_config(void) { return 0; }\n" + product, err: "it lacks openblas_get_corename"},
		{name: "names with the suffix for 64-bit integers", source: strings.ReplaceAll(product, "cblas_sgemm", "cblas_sgemm64_"), err: "64-bit integers (cblas_sgemm64_)"},
		{name: "BLIS", source: blis + product, flags: []string{"-DBITS=32", "-DTHREADED=1"}, title: "BLIS 1.2.3 (abacus)"},
		{name: "BLIS with 64-bit integers", source: blis + product, flags: []string{"-DBITS=64", "-DTHREADED=1"}, err: "64-bit integers"},
		{name: "BLIS without threads", source: blis + product, flags: []string{"-DBITS=32", "-DTHREADED=0"}, err: "without threads"},
		{name: "MKL", source: mkl + product, flags: []string{"-DLAYER=0"}, title: "MKL 2023.1"},
		{name: "MKL with GNU's conventions", source: mkl + product, flags: []string{"-DLAYER=2"}, title: "MKL 2023.1"},
		{name: "MKL with 64-bit integers", source: mkl + product, flags: []string{"-DLAYER=3"}, err: "64-bit integers (MKL_INTERFACE_LAYER=ILP64)"},
		{name: "an unknown BLAS", source: product, err: "none of"},
		{name: "something else", source: "int answer(void) { return 42; }\n", err: "no cblas_sgemm"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := compile(t, test.source, test.flags...)
			t.Setenv(Variable, path)
			l, err := find(2, nil)
			if test.err != "" {
				wantAbsent(t, err, Variable+" names "+path, test.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if l.title() != test.title || !strings.Contains(l.info, path) {
				t.Errorf("%s, %s", l.title(), l.info)
			}
			if err := l.try(); err != nil {
				t.Error(err)
			}
		})
	}
}

func wantAbsent(t *testing.T, err error, parts ...string) {
	t.Helper()
	var e *backend.Error
	if !errors.As(err, &e) || e.Kind != backend.Absent || e.Remedy == "" {
		t.Fatalf("%v is no absence with a remedy", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not contain %q", err, part)
		}
	}
}

// A device whose library cannot multiply is not opened, and so not listed.
func TestWrongProduct(t *testing.T) {
	t.Setenv(Variable, compile(t, openBLAS+strings.ReplaceAll(product, "s;", "s + (i + j == 300);"), "-DEXTRA=\"\"", "-DMOST=1000"))
	_, err := New().Open("blas")
	wantAbsent(t, err, "blas: OpenBLAS 0.3.99 (Abacus) multiplies wrongly: C[45,255] is 257, should be 256")
	_, err = New().Devices()
	wantAbsent(t, err, "multiplies wrongly")
}

// The first candidate that can be used is, and the error names all that cannot.
func TestFind(t *testing.T) {
	t.Setenv(Variable, "")
	other := compile(t, "int answer(void) { return 42; }\n")
	text := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o666); err != nil {
		t.Fatal(err)
	}
	bad := []string{"libabacus.so.0", other, text, "/nowhere/libabacus.so"}
	_, err := find(1, bad)
	wantAbsent(t, err, "blas: no BLAS library found", "libabacus.so.0", "/nowhere/libabacus.so", other+": it has no cblas_sgemm", text+": ")

	first := compile(t, openBLAS+product, "-DEXTRA=\"\"", "-DMOST=2")
	second := compile(t, blis+product, "-DBITS=32", "-DTHREADED=1")
	for _, test := range []struct {
		list []string
		want string
	}{{[]string{first, second}, "OpenBLAS"}, {[]string{second, first}, "BLIS"}, {append(bad, second), "BLIS"}} {
		if l, err := find(2, test.list); err != nil || l.name != test.want {
			t.Errorf("%v: %+v, %v, want %s", test.list, l, err, test.want)
		}
	}

	t.Setenv(Variable, "libabacus.so.0")
	_, err = find(1, []string{first})
	wantAbsent(t, err, Variable+" names libabacus.so.0: ")
}

func BenchmarkProduct(b *testing.B) {
	for _, n := range []int{256, 512, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := openDevice(b, "blas")
			p := backend.Problem{M: n, N: n, K: n}
			pr, err := d.Build(backend.KernelMatmul, p, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer pr.Close()
			x := make([]float32, n*n)
			if err := pr.Load(x, x); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			seconds := 0.0
			for left := b.N; left > 0; left -= backend.MaxDispatches {
				t, err := pr.Run(backend.Batch{Dispatches: min(left, backend.MaxDispatches)})
				if err != nil {
					b.Fatal(err)
				}
				seconds += t.HostS
			}
			b.ReportMetric(float64(p.FLOP())*float64(b.N)/seconds/1e9, "GFLOP/s")
		})
	}
}
