//go:build cgo && (linux || darwin)

package vk

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/shape"
	"gpubench/internal/spirv"
	"gpubench/kernels"

	vulkan "github.com/vulkan-go/vulkan"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// Software that computes right everywhere is what these tests want, so they run
// on Mesa's lavapipe where it is installed, whatever else is there.
func TestMain(m *testing.M) {
	if os.Getenv("VK_DRIVER_FILES") == "" && os.Getenv("VK_ICD_FILENAMES") == "" {
		if files, _ := filepath.Glob("/usr/share/vulkan/icd.d/lvp_icd*.json"); len(files) > 0 {
			os.Setenv("VK_DRIVER_FILES", files[0])
			os.Setenv("VK_ICD_FILENAMES", files[0]) // its name for older loaders
		}
	}
	if os.Getenv("GPUBENCH_BREAK_RULES") != "" { // by TestKeepsTheRules
		if err := breakTheRules(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// openAny opens the first device, or skips the test.
func openAny(t *testing.T) *device {
	t.Helper()
	d, err := New(testKernels(t)...).open("vulkan:0")
	if err != nil {
		var e *backend.Error
		if errors.As(err, &e) && e.Kind == backend.Absent {
			t.Skip("needs a Vulkan driver (mesa-vulkan-drivers)")
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// wantError fails the test unless err is an *Error of this kind with these parts
// in its text and some remedy where one is due.
func wantError(t *testing.T, err error, kind backend.Kind, parts ...string) *backend.Error {
	t.Helper()
	var e *backend.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an error of kind %s", err, kind)
	}
	if e.Kind != kind {
		t.Errorf("kind is %s, want %s (%v)", e.Kind, kind, e)
	}
	for _, p := range parts {
		if !strings.Contains(e.Error(), p) {
			t.Errorf("%q does not hold %q", e.Error(), p)
		}
	}
	return e
}

func TestDevices(t *testing.T) {
	openAny(t)
	devices, err := New(testKernels(t)...).Devices()
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range devices {
		if want := fmt.Sprintf("vulkan:%d", i); d.ID != want || d.Backend != "vulkan" {
			t.Errorf("device %d is %s of backend %s, want %s of vulkan", i, d.ID, d.Backend, want)
		}
		if d.Name == "" || d.Driver.Name == "" || d.Driver.ID == 0 || d.Driver.Version == "" || len(d.UUID) != 32 || d.MemoryBytes == 0 {
			t.Errorf("incomplete: %+v", d)
		}
		// What Vulkan promises of every device.
		for name, least := range map[string]uint64{
			"maxComputeWorkGroupInvocations": 128,
			"maxComputeWorkGroupSize[0]":     128,
			"maxComputeWorkGroupSize[1]":     128,
			"maxComputeWorkGroupSize[2]":     64,
			"maxComputeWorkGroupCount[0]":    65535,
			"maxComputeWorkGroupCount[1]":    65535,
			"maxComputeSharedMemorySize":     16384,
			"maxStorageBufferRange":          1 << 27,
			"maxPushConstantsSize":           128,
			"maxMemoryAllocationSize":        1 << 30,
			"subgroupSize":                   1,
		} {
			if d.Limits[name] < least {
				t.Errorf("%s: %s is %d, but Vulkan promises %d", d.ID, name, d.Limits[name], least)
			}
		}
		if strings.Contains(d.Name, "llvmpipe") {
			if d.Class != result.ClassCPU || !d.Software || d.GPU() || d.Driver.ID != driverLLVMpipe || !d.Unified || !d.Timestamps || d.Unusable != "" {
				t.Errorf("llvmpipe is %+v", d)
			}
			if !strings.HasPrefix(d.Driver.Info, "Mesa ") || !strings.HasPrefix(d.API, "1.") || d.Limits["timestampPeriodPicoseconds"] != 1000 {
				t.Errorf("llvmpipe is %+v", d)
			}
		}
	}
}

// matrices are random A and B, and their product in float64.
func matrices(p backend.Problem, draw func() float32) (a, b []float32, c []float64) {
	general := func(rows, cols int, values []float32) blas64.General {
		g := blas64.General{Rows: rows, Cols: cols, Stride: cols, Data: make([]float64, rows*cols)}
		for i, v := range values {
			g.Data[i] = float64(v)
		}
		return g
	}
	a, b = make([]float32, p.M*p.K), make([]float32, p.K*p.N)
	for _, m := range [][]float32{a, b} {
		for i := range m {
			m[i] = draw()
		}
	}
	out := general(p.M, p.N, nil)
	blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, general(p.M, p.K, a), general(p.K, p.N, b), 0, out)
	return a, b, out.Data
}

// check compares got with want: exactly, or within what rounding of k sums of
// products of standard normal numbers explains many times over.
func check(t *testing.T, got []float32, want []float64, k int, exact bool) {
	t.Helper()
	bound := 0.0
	if !exact {
		bound = 1e-5 * math.Sqrt(float64(k))
	}
	for i, v := range got {
		if diff := math.Abs(float64(v) - want[i]); !(diff <= bound) {
			t.Fatalf("element %d is %v, want %v within %.1e", i, v, want[i], bound)
		}
	}
}

var problems = []backend.Problem{
	{M: 1, N: 1, K: 1},
	{M: 1, N: 1000, K: 1},
	{M: 1000, N: 1, K: 3},
	{M: 333, N: 1, K: 7},
	{M: 1, N: 1, K: 4099},
	{M: 65, N: 33, K: 129},
	{M: 257, N: 129, K: 65},
	{M: 128, N: 128, K: 128},
}

func TestProducts(t *testing.T) {
	for _, way := range []struct {
		name         string
		neverMap     bool
		stagingBytes uint64
		coherent     bool
	}{
		{"mapped", false, 0, true},
		{"mapped, not coherent", false, 0, false},
		{"staged", true, 64 << 20, true},
		{"staged in pieces, not coherent", true, 1000, false},
	} {
		t.Run(way.name, func(t *testing.T) {
			d := openAny(t)
			if !d.info.Unified && !way.neverMap {
				t.Skip("needs a device of unified memory")
			}
			d.neverMap, d.stagingBytes = way.neverMap, way.stagingBytes
			for _, problem := range problems {
				specs, err := d.Candidates(backend.KernelMatmul, problem)
				if err != nil {
					t.Fatal(err)
				}
				for _, spec := range append(specs, nil) { // nil: the module's defaults
					t.Run(fmt.Sprintf("%v/%v", problem, spec), func(t *testing.T) {
						p := build(t, d, problem, spec)
						if (p.staging != nil) != way.neverMap {
							t.Fatalf("staging buffer: %v", p.staging)
						}
						for _, b := range []*buffer{p.a, p.b, p.c, p.staging} {
							if b != nil {
								b.coherent = way.coherent // flushing coherent memory is allowed
							}
						}
						exercise(t, p)
					})
				}
			}
		})
	}
}

// TestEveryTile builds every shape of both lists that the device takes.
func TestEveryTile(t *testing.T) {
	d := openAny(t)
	problem := backend.Problem{M: 130, N: 131, K: 70}
	for _, tile := range slices.Concat(shape.TilesGPU, shape.TilesCPU) {
		if d.checkShape(problem, &tile) == nil {
			t.Run(fmt.Sprint(shape.Specialization(&tile)), func(t *testing.T) {
				exercise(t, build(t, d, problem, shape.Specialization(&tile)))
			})
		}
	}
}

// The multiply-adds give what float64 gives, and on integers the same bits.
func TestChains(t *testing.T) {
	d := openAny(t)
	r := rand.New(rand.NewPCG(1, 2))
	for _, problem := range append(problems, backend.Problem{M: 100, N: 300, K: 1000}) {
		specs, err := d.Candidates(backend.KernelFMA, problem)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range append(specs, nil, shape.Specialization(&shape.Chains{LX: 5, LY: 3, ACC: kernels.FMARows, KU: 7})) {
			p := buildKernel(t, d, backend.KernelFMA, problem, spec)
			a, b := make([]float32, kernels.FMARows*problem.N), make([]float32, problem.N)
			for _, exact := range []bool{true, false} {
				for i := range a {
					a[i] = float32(r.IntN(2000) - 1000)
				}
				for j := range b {
					if b[j] = float32(-2 * r.IntN(2)); !exact {
						b[j] = float32(-2 + r.Float64()/float64(problem.K+1))
					}
				}
				want := make([]float64, problem.M*problem.N)
				for i := range want {
					row, col := i/problem.N, i%problem.N
					want[i] = float64(a[row%kernels.FMARows*problem.N+col]) * math.Pow(1+float64(b[col]), float64(problem.K))
				}
				if err := p.Load(a, b); err != nil {
					t.Fatal(err)
				}
				for _, batch := range []backend.Batch{{Dispatches: 1}, {Dispatches: 3}, {Dispatches: 2, Descending: true}} {
					c, timing := run(t, p, batch)
					checkTiming(t, d, timing)
					for i, v := range c {
						bound := 0.0
						if !exact { // three roundings in each step, of 1000 at most
							bound = 4 * 0x1p-24 * 1000 * float64(problem.K)
						}
						if diff := math.Abs(float64(v) - want[i]); !(diff <= bound) {
							t.Fatalf("%v %v: C[%d,%d] is %v, want %v within %.1e", problem, spec, i/problem.N, i%problem.N, v, want[i], bound)
						}
					}
				}
			}
		}
	}
}

func build(t *testing.T, d *device, problem backend.Problem, spec backend.Specialization) *program {
	t.Helper()
	return buildKernel(t, d, backend.KernelMatmul, problem, spec)
}

func buildKernel(t *testing.T, d *device, kernel string, problem backend.Problem, spec backend.Specialization) *program {
	t.Helper()
	built, err := d.Build(kernel, problem, spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := built.Close(); err != nil {
			t.Error(err)
		}
	})
	return built.(*program)
}

// exercise runs batches on the exact and on the normal input and checks C whole.
func exercise(t *testing.T, p *program) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	inputs := []func() float32{
		func() float32 { return float32(r.IntN(31) - 15) },
		func() float32 { return float32(r.NormFloat64()) },
	}
	for i, draw := range inputs {
		a, b, want := matrices(p.problem, draw)
		if err := p.Load(a, b); err != nil {
			t.Fatal(err)
		}
		for _, batch := range []backend.Batch{{Dispatches: 1}, {Dispatches: 3}, {Dispatches: 3, Descending: true}, {Dispatches: 3, Apart: 2}, {Dispatches: 3, Descending: true, Apart: 1}, {Dispatches: 1, Apart: 1}, {Dispatches: 2, Descending: true, Apart: 2, Witness: p.problem.M*p.problem.N - 1}} {
			c, timing := run(t, p, batch)
			checkTiming(t, p.device, timing)
			check(t, c, want, p.problem.K, i == 0)
		}
	}
}

// run runs a batch, and an empty dispatch, over a region of NaNs, checks that each
// dispatch has left its trace of the last one's C and nothing else was written, and
// returns that C.
func run(t *testing.T, p *program, b backend.Batch) ([]float32, backend.Timing) {
	t.Helper()
	if err := p.Fill(float32(math.NaN()), p.problem.Region(b)); err != nil {
		t.Fatal(err)
	}
	timing, err := p.Run(b)
	if err != nil {
		t.Fatal(err)
	}
	empty, err := p.Empty()
	if err != nil {
		t.Fatal(err)
	}
	checkTiming(t, p.device, empty)
	region := make([]float32, p.problem.Region(b))
	if err := p.Read(region, 0); err != nil {
		t.Fatal(err)
	}
	for i, at := range p.problem.Witnesses(b) {
		if math.Float32bits(timing.Witness[i]) != math.Float32bits(region[at]) {
			t.Fatalf("%v, %+v: witness %d is %v, and the element is %v", p.problem, b, i, timing.Witness[i], region[at])
		}
	}
	c := slices.Clone(region[p.problem.Place(b, b.Dispatches-1):][:p.problem.M*p.problem.N])
	if i := faultOf(p.problem, region, c, b); i >= 0 {
		t.Fatalf("%v, %+v: element %d of the region is %v", p.problem, b, i, region[i])
	}
	return c, timing
}

// faultOf returns the first element of a region, NaN before the batch, that is not what
// dispatches which all compute c leave there, or -1.
func faultOf(p backend.Problem, region, c []float32, b backend.Batch) int {
	want := slices.Repeat([]float32{float32(math.NaN())}, len(region))
	for i := range b.Dispatches {
		copy(want[p.Place(b, i):], c)
	}
	for i, x := range region {
		if math.Float32bits(x) != math.Float32bits(want[i]) {
			return i
		}
	}
	return -1
}

// Both clocks of lavapipe are the same clock, and its timestamps lie between the
// submit and the fence, whatever the machine is busy with.
func checkTiming(t *testing.T, d *device, timing backend.Timing) {
	t.Helper()
	if timing.HostS <= 0 {
		t.Errorf("host clock: %v s", timing.HostS)
	}
	if d.info.Timestamps != (timing.DeviceS != nil) {
		t.Errorf("device clock: %v, timestamps: %v", timing.DeviceS, d.info.Timestamps)
	}
	if d.info.Driver.ID == driverLLVMpipe && d.info.Timestamps && !(*timing.DeviceS > 0 && *timing.DeviceS <= timing.HostS) {
		t.Errorf("device clock %v s, host clock %v s", *timing.DeviceS, timing.HostS)
	}
}

func TestFillReachesEveryElement(t *testing.T) {
	d := openAny(t)
	p := build(t, d, backend.Problem{M: 17, N: 19, K: 2}, nil)
	c := make([]float32, p.problem.MaxRegion())
	for _, v := range []float32{float32(math.NaN()), -1.5, float32(math.Inf(1)), 0} {
		if err := p.Fill(v, len(c)); err != nil {
			t.Fatal(err)
		}
		if err := p.Read(c, 0); err != nil {
			t.Fatal(err)
		}
		for i, got := range c {
			if math.Float32bits(got) != math.Float32bits(v) {
				t.Fatalf("element %d is %v, want %v", i, got, v)
			}
		}
	}
}

func TestForm(t *testing.T) {
	d := openAny(t)
	p := build(t, d, backend.Problem{M: 8, N: 8, K: 8}, backend.Specialization{"TM": 2, "BK": 8})
	f := p.Form()
	want := backend.Specialization{"LX": 16, "LY": 16, "TM": 2, "TN": 1, "VN": 4, "BK": 8, "KU": 4, "PA": 4, "PB": 0}
	if fmt.Sprint(f.Specialization) != fmt.Sprint(want) {
		t.Errorf("specialization is %v, want %v", f.Specialization, want)
	}
	if f.Name != "spirv" || f.SHA256 != p.kernel.sha256 || f.SPIRVSHA256 != f.SHA256 {
		t.Errorf("form is %+v", f)
	}
	f.Specialization["TM"] = 99
	if p.Form().Specialization["TM"] != 2 {
		t.Error("Form hands out its own map")
	}
}

func TestWrongUse(t *testing.T) {
	d := openAny(t)
	p := build(t, d, backend.Problem{M: 2, N: 3, K: 4}, nil)
	for _, n := range []int{-1, 0, backend.MaxDispatches + 1} {
		_, err := p.Run(backend.Batch{Dispatches: n})
		wantError(t, err, backend.Failed, fmt.Sprintf("a batch of %d dispatches was asked for; 1 to 16384 are possible", n))
	}
	wantError(t, p.Load(make([]float32, 8), make([]float32, 11)), backend.Failed, "matrix B has 12 elements, and 11 were given")
	most := p.problem.MaxRegion()
	wantError(t, p.Read(make([]float32, most+1), 0), backend.Failed, "the region of C has 1048710 elements, and 1048711 were asked for")
	wantError(t, p.Fill(0, most+1), backend.Failed, "the region of C has 1048710 elements, and 1048711 were asked for")
	_, err := d.Build(backend.KernelMatmul, p.problem, backend.Specialization{"TX": 1})
	wantError(t, err, backend.Failed, `no specialization constant "TX", only BK, KU, LX, LY, PA, PB, TM, TN, VN`)
	for _, id := range []string{"vulkan:9", "vulkan:", "cpu", ""} {
		_, err := New(testKernels(t)...).Open(id)
		if e := wantError(t, err, backend.NoDevice, fmt.Sprintf("there is no device %q", id)); !strings.Contains(e.Remedy, "vulkan:0 (") {
			t.Errorf("remedy %q names no device", e.Remedy)
		}
	}
}

func TestCloseTwiceAndOutOfOrder(t *testing.T) {
	d := openAny(t)
	p := build(t, d, backend.Problem{M: 2, N: 3, K: 4}, nil)
	for _, c := range []interface{ Close() error }{d, p, d, p} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestLimitsOfTheDevice(t *testing.T) {
	d := openAny(t)
	if d.info.Driver.ID != driverLLVMpipe {
		t.Skip("needs lavapipe, whose limits these are")
	}
	small := backend.Problem{M: 4, N: 4, K: 4}
	for _, c := range []struct {
		problem backend.Problem
		spec    backend.Specialization
		text    string
	}{
		{backend.Problem{M: 6000, N: 1, K: 6000}, nil, "vulkan:0: matrix A needs 144000000 bytes, and maxStorageBufferRange is 134217728"},
		{backend.Problem{M: 1, N: 6000, K: 6000}, nil, "vulkan:0: matrix B needs 144000000 bytes, and maxStorageBufferRange is 134217728"},
		{backend.Problem{M: 1 << 40, N: 1, K: 1}, nil, "vulkan:0: matrix A is 1099511627776 x 1 elements, and the kernel's 32-bit indices reach 4294967295"},
		{backend.Problem{M: math.MaxInt, N: math.MaxInt, K: math.MaxInt}, nil, "32-bit indices"},
		{backend.Problem{M: 0, N: 1, K: 1}, nil, "vulkan:0: matrix A is 0 x 1: every dimension must be at least 1"},
		{backend.Problem{M: 65536, N: 1, K: 1}, backend.Specialization{"LY": 1, "TM": 1}, "the number of workgroups down is 65536, and maxComputeWorkGroupCount[1] is 65535"},
		{small, backend.Specialization{"LX": 2048}, "LX is 2048, and maxComputeWorkGroupSize[0] is 1024"},
		{small, backend.Specialization{"LX": 64, "LY": 64}, "LX * LY is 4096, and maxComputeWorkGroupInvocations is 1024"},
		{small, backend.Specialization{"BK": 512}, "the workgroup's memory in bytes is 263168, and maxComputeSharedMemorySize is 32768"},
		{small, backend.Specialization{"KU": 3}, "KU is 3, and must divide BK, which is 16"},
		{small, backend.Specialization{"VN": 0}, "VN is 0, and must be from 1 to 4096"},
		{small, backend.Specialization{"PA": math.MaxUint32}, "PA is 4294967295, and must be from 0 to 4096"},
	} {
		_, err := d.Build(backend.KernelMatmul, c.problem, c.spec)
		wantError(t, err, backend.Limit, c.text)
		if c.spec == nil {
			_, err := d.Candidates(backend.KernelMatmul, c.problem)
			wantError(t, err, backend.Limit, c.text)
		}
	}
	_, err := d.Build(backend.KernelFMA, small, backend.Specialization{"ACC": 33})
	wantError(t, err, backend.Limit, "specialization constant ACC is 33, and must be at most 32")
	_, err = d.Build(backend.KernelFMA, backend.Problem{M: 1, N: 1200000, K: 1}, nil)
	wantError(t, err, backend.Limit, "vulkan:0: matrix A needs 153600000 bytes, and maxStorageBufferRange is 134217728")
	_, err = d.Build(backend.KernelEmpty, small, nil)
	wantError(t, err, backend.Limit, `vulkan:0: there is no module of the kernel "empty"`)
}

func TestNoLoader(t *testing.T) {
	_, err := newInstance([]string{"libvulkan-missing.so.1", "libvulkan-missing.so"})
	e := wantError(t, err, backend.Absent, "vulkan: libvulkan-missing.so.1 not found: ")
	if e.Remedy == "" {
		t.Error("no remedy")
	}
	if runtime.GOOS != "linux" {
		return
	}
	// A library, but not of Vulkan.
	_, err = newInstance([]string{"libc.so.6"})
	if e := wantError(t, err, backend.Absent); !strings.Contains(e.Error(), "vkGetInstanceProcAddr") {
		t.Errorf("%v does not say what is missing", e)
	}
	// What is there and cannot be used says more than what is not there.
	_, err = newInstance([]string{"libvulkan-missing.so.1", "libc.so.6"})
	wantError(t, err, backend.Absent, "vulkan: a Vulkan loader cannot be used: libc.so.6: ")
}

func TestNoDriver(t *testing.T) {
	openAny(t)
	empty := filepath.Join(t.TempDir(), "empty.json")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, files := range []string{empty, filepath.Dir(empty), "/missing/driver.json"} {
		t.Setenv("VK_DRIVER_FILES", files)
		t.Setenv("VK_ICD_FILENAMES", files)
		for _, list := range []func() error{
			func() error { _, err := New(testKernels(t)...).Devices(); return err },
			func() error { _, err := New(testKernels(t)...).Open("vulkan:0"); return err },
		} {
			e := wantError(t, list(), backend.Absent, "vulkan: no driver shows a device (vk")
			for _, part := range []string{"mesa-vulkan-drivers", "NVIDIA_DRIVER_CAPABILITIES", files} {
				if !strings.Contains(e.Remedy, part) {
					t.Errorf("remedy %q does not name %s", e.Remedy, part)
				}
			}
		}
	}
}

// Thirty rounds with three matrices of 16 MiB: one that was not freed would show as
// 480 MiB. The C library may keep some of what is freed, more in the first rounds.
func TestRepeatedBuildsDoNotGrow(t *testing.T) {
	d := openAny(t)
	problem := backend.Problem{M: 2048, N: 2048, K: 2048}
	spec, err := d.Candidates(backend.KernelMatmul, problem)
	if err != nil {
		t.Fatal(err)
	}
	a := make([]float32, 2048*2048)
	for _, neverMap := range []bool{false, true} {
		d.neverMap = neverMap
		var before uint64
		for round := range 41 {
			p, err := d.Build(backend.KernelMatmul, problem, spec[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(p.Load(a, a), p.Fill(1, 2048*2048), p.Close()); err != nil {
				t.Fatal(err)
			}
			if round == 10 {
				before = residentBytes(t)
			}
		}
		if now := residentBytes(t); now > before+160<<20 {
			t.Errorf("never mapped %v: %d MiB resident after eleven rounds, %d MiB after thirty more", neverMap, before>>20, now>>20)
		}
	}
	if len(d.programs) != 0 {
		t.Errorf("%d programs are still known", len(d.programs))
	}
}

func residentBytes(t *testing.T) uint64 {
	t.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("needs /proc/self/statm: ", err)
	}
	var size, resident uint64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * uint64(os.Getpagesize())
}

func TestTickSeconds(t *testing.T) {
	for _, c := range []struct {
		from, to  uint64
		validBits uint32
		period    float32
		want      float64
	}{
		{100, 1100, 64, 1, 1e-6},
		{5, 5, 64, 1, 0},
		{0, 0, 64, 1, 0},
		{math.MaxUint64 - 4, 5, 64, 1, 10e-9},
		{1<<36 - 10, 10, 36, 1, 20e-9},
		{1 << 40, 1<<40 + 1<<36 + 7, 36, 2, 14e-9}, // bits that do not count
		{0, 1000, 48, 52.5, 52.5e-6},
	} {
		if got := tickSeconds(c.from, c.to, c.validBits, c.period); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("from %d to %d with %d bits of %v ns: %v s, want %v s", c.from, c.to, c.validBits, c.period, got, c.want)
		}
	}
}

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		kind     vulkan.PhysicalDeviceType
		driverID uint32
		name     string
		class    string
		software bool
	}{
		{vulkan.PhysicalDeviceTypeCpu, 13, "llvmpipe (LLVM 15.0.6, 256 bits)", "cpu", true},
		{vulkan.PhysicalDeviceTypeVirtualGpu, 22, "Virtio-GPU Venus (llvmpipe (LLVM 19.1.7, 256 bits))", "cpu", true},
		{vulkan.PhysicalDeviceTypeIntegratedGpu, 22, "Virtio-GPU Venus (llvmpipe (LLVM 19.1.7, 256 bits))", "cpu", true},
		{vulkan.PhysicalDeviceTypeIntegratedGpu, 22, "Virtio-GPU Venus (Apple M4 Pro)", "integrated", false},
		{vulkan.PhysicalDeviceTypeOther, 10, "a renamed one", "cpu", true},
		{vulkan.PhysicalDeviceTypeOther, 0, "SwiftShader Device (Subzero)", "cpu", true},
		{vulkan.PhysicalDeviceTypeCpu, 99, "some other processor", "cpu", true},
		{vulkan.PhysicalDeviceTypeDiscreteGpu, 4, "NVIDIA H200", "discrete", false},
		{vulkan.PhysicalDeviceTypeVirtualGpu, 4, "GRID V100", "virtual", false},
		{vulkan.PhysicalDeviceTypeOther, 1, "an accelerator", "other", false},
	} {
		if class, software := classify(c.kind, c.driverID, c.name); class != c.class || software != c.software {
			t.Errorf("%s is %s, software %v; want %s, %v", c.name, class, software, c.class, c.software)
		}
	}
}

func TestUnusable(t *testing.T) {
	for _, c := range []struct {
		api    uint32
		family int
		want   string
	}{
		{vulkan.MakeVersion(1, 0, 300), 0, "it offers Vulkan 1.0.300, and the kernel needs 1.1"},
		{vulkan.MakeVersion(1, 1, 0), -1, "it has no queue that computes"},
		{vulkan.MakeVersion(1, 1, 0), 0, ""},
		{vulkan.MakeVersion(1, 4, 0), 2, ""},
	} {
		if got := unusable(c.api, c.family); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestFailure(t *testing.T) {
	for _, c := range []struct {
		res  vulkan.Result
		kind backend.Kind
		text string
	}{
		{vulkan.ErrorDeviceLost, backend.DeviceLost, "vulkan:1: vkQueueSubmit: VK_ERROR_DEVICE_LOST"},
		{vulkan.ErrorOutOfHostMemory, backend.OutOfMemory, "vulkan:1: vkQueueSubmit: VK_ERROR_OUT_OF_HOST_MEMORY"},
		{vulkan.ErrorOutOfDeviceMemory, backend.OutOfMemory, "vulkan:1: vkQueueSubmit: VK_ERROR_OUT_OF_DEVICE_MEMORY"},
		{vulkan.ErrorMemoryMapFailed, backend.OutOfMemory, "vulkan:1: vkQueueSubmit: VK_ERROR_MEMORY_MAP_FAILED"},
		{vulkan.ErrorTooManyObjects, backend.Limit, "vulkan:1: vkQueueSubmit: VK_ERROR_TOO_MANY_OBJECTS"},
		{-13, backend.Failed, "vulkan:1: vkQueueSubmit: VK_ERROR_UNKNOWN"},
		{-1000999, backend.Failed, "vulkan:1: vkQueueSubmit: VkResult -1000999"},
	} {
		e := failure("vulkan:1", "vkQueueSubmit", c.res)
		if e.Kind != c.kind || e.Error() != c.text {
			t.Errorf("got %s %q, want %s %q", e.Kind, e, c.kind, c.text)
		}
		if c.kind != backend.Failed && e.Remedy == "" {
			t.Errorf("%q has no remedy", e)
		}
	}
}

// fakePhysical is a device as it might be described, with Vulkan's least limits.
func fakePhysical(class string, heaps []vulkan.MemoryHeap, types ...vulkan.MemoryType) *physical {
	return &physical{
		info: result.Device{ID: "vulkan:0", Class: class},
		limits: vulkan.PhysicalDeviceLimits{
			MaxComputeWorkGroupInvocations: 128,
			MaxComputeWorkGroupSize:        [3]uint32{128, 128, 64},
			MaxComputeWorkGroupCount:       [3]uint32{65535, 65535, 65535},
			MaxComputeSharedMemorySize:     16384,
			MaxStorageBufferRange:          1 << 27,
			// For these the least is what a device may ask at most, and has at least.
			MinStorageBufferOffsetAlignment:       256,
			MaxDescriptorSetStorageBuffersDynamic: 4,
		},
		heaps: heaps,
		types: types,
	}
}

const localHeap = vulkan.MemoryHeapFlags(vulkan.MemoryHeapDeviceLocalBit)

func TestCandidatesForTheLeastOfDevices(t *testing.T) {
	for _, class := range []string{result.ClassDiscrete, result.ClassIntegrated, result.ClassVirtual, result.ClassOther, result.ClassCPU} {
		for _, large := range []bool{false, true} {
			d := &device{kernels: testKernels(t), physical: fakePhysical(class, []vulkan.MemoryHeap{{Size: 1 << 30, Flags: localHeap}})}
			if large {
				d.limits.MaxComputeWorkGroupInvocations = 1024
				d.limits.MaxComputeSharedMemorySize = 48 << 10
			}
			for _, k := range d.kernels {
				for _, p := range append(problems, backend.Problem{M: 4096, N: 4096, K: 4096}) {
					list, err := d.Candidates(k.name, p)
					if err != nil || len(list) == 0 || len(list) > 6 {
						t.Errorf("%s, %s %v: %d candidates, %v", class, k.name, p, len(list), err)
					}
					for i, spec := range list {
						s := shape.New(k.name)
						for name, to := range s.Fields() {
							*to = spec[name]
						}
						if err := d.checkShape(p, s); err != nil {
							t.Errorf("%s, %s %v: candidate %d: %v", class, k.name, p, i, err)
						}
						if i > 0 && slices.ContainsFunc(list[:i], func(s backend.Specialization) bool { return fmt.Sprint(s) == fmt.Sprint(spec) }) {
							t.Errorf("%s, %s %v: candidate %d comes twice", class, k.name, p, i)
						}
					}
				}
			}
		}
	}
}

// The size of the shared memory is computed from the constants, so that a shape can
// be refused before a module is made of it. It has to be what the module says.
func TestSharedBytes(t *testing.T) {
	shapes := []shape.Shape{&shape.Chains{LX: 7, LY: 3, ACC: 2, KU: 5}, &shape.Tile{LX: 3, LY: 5, TM: 2, TN: 3, VN: 1, BK: 12, KU: 4, PA: 1, PB: 7}}
	for _, tile := range slices.Concat(shape.TilesGPU, shape.TilesCPU) {
		shapes = append(shapes, &tile)
	}
	ks := testKernels(t)
	for _, s := range shapes {
		k := ks[0]
		if _, ok := s.(*shape.Chains); ok {
			k = ks[1]
		}
		values := map[uint32]uint32{}
		for _, c := range k.constants {
			values[c.id] = *s.Fields()[c.name]
		}
		m, err := spirv.Parse(k.spirv)
		if err != nil {
			t.Fatal(err)
		}
		special, err := m.Specialize(values)
		if err != nil {
			t.Fatal(err)
		}
		r, err := special.Reflect()
		if err != nil {
			t.Fatal(err)
		}
		if got := s.SharedBytes(); got != uint64(r.SharedBytes) {
			t.Errorf("%+v: %d bytes, but the module has %d", shape.Specialization(s), got, r.SharedBytes)
		}
		if x, y := s.Workgroup(); r.WorkgroupSize[0].Value != x || r.WorkgroupSize[1].Value != y {
			t.Errorf("%+v: workgroup of %v", shape.Specialization(s), r.WorkgroupSize)
		}
	}
}

func TestHeapTooSmall(t *testing.T) {
	d := &device{kernels: testKernels(t), physical: fakePhysical(result.ClassDiscrete, []vulkan.MemoryHeap{{Size: 64 << 30}, {Size: 100 << 20, Flags: localHeap}})}
	_, err := d.Candidates(backend.KernelMatmul, backend.Problem{M: 4096, N: 4096, K: 4096})
	wantError(t, err, backend.OutOfMemory, "the three matrices need 272630016 bytes, and the largest heap of the device has 104857600")
	d.maxAlloc = 1 << 20
	_, err = d.Candidates(backend.KernelMatmul, backend.Problem{M: 4096, N: 4096, K: 4096})
	wantError(t, err, backend.Limit, "matrix A needs 67108864 bytes, and maxMemoryAllocationSize is 1048576")
}

// Devices that break what Vulkan promises about dynamic offsets are told so.
func TestPlacesOfC(t *testing.T) {
	heaps := []vulkan.MemoryHeap{{Size: 1 << 30, Flags: localHeap}}
	for _, c := range []struct {
		alignment, dynamic int
		text               string
	}{
		{256, 1, ""},
		{4, 4, ""},
		{512, 4, "the places of C are 256 bytes apart, and minStorageBufferOffsetAlignment is 512"},
		{0, 4, "minStorageBufferOffsetAlignment is 0"},
		{256, 0, "the place of C needs 1 dynamic storage buffer, and maxDescriptorSetStorageBuffersDynamic is 0"},
	} {
		d := &device{kernels: testKernels(t), physical: fakePhysical(result.ClassDiscrete, heaps)}
		d.limits.MinStorageBufferOffsetAlignment = vulkan.DeviceSize(c.alignment)
		d.limits.MaxDescriptorSetStorageBuffersDynamic = uint32(c.dynamic)
		_, err := d.Candidates(backend.KernelMatmul, backend.Problem{M: 8, N: 8, K: 8})
		if c.text == "" {
			if err != nil {
				t.Errorf("alignment %d, %d dynamic buffers: %v", c.alignment, c.dynamic, err)
			}
			continue
		}
		wantError(t, err, backend.Limit, "vulkan:0: ", c.text)
	}
}

func TestChoiceOfMemory(t *testing.T) {
	typ := func(flags vulkan.MemoryPropertyFlags, heap uint32) vulkan.MemoryType {
		return vulkan.MemoryType{PropertyFlags: flags, HeapIndex: heap}
	}
	local, other := vulkan.MemoryHeap{Size: 8 << 30, Flags: localHeap}, vulkan.MemoryHeap{Size: 16 << 30}
	discrete := []vulkan.MemoryType{
		typ(deviceLocal|hostVisible|hostCoherent, 0), typ(deviceLocal, 0), typ(hostVisible|hostCoherent, 1), typ(hostVisible|hostCached|hostCoherent, 1),
	}
	apu := []vulkan.MemoryType{
		typ(deviceLocal, 0), typ(hostVisible|hostCoherent, 1), typ(deviceLocal|hostVisible|hostCoherent, 0), typ(deviceLocal|hostVisible|hostCached, 0),
	}
	for _, c := range []struct {
		name    string
		device  *physical
		unified bool
		matrix  [2]int // types for a matrix that the host writes, and for one that it reads
		staging int
	}{
		{"discrete with a window", fakePhysical(result.ClassDiscrete, []vulkan.MemoryHeap{local, other}, discrete...), false, [2]int{1, 1}, 3},
		{"integrated", fakePhysical(result.ClassIntegrated, []vulkan.MemoryHeap{local, other}, apu...), true, [2]int{2, 3}, 3},
		{"virtual, one heap", fakePhysical(result.ClassVirtual, []vulkan.MemoryHeap{local}, typ(deviceLocal|hostVisible|hostCoherent|hostCached, 0)), true, [2]int{0, 0}, 0},
		{"integrated, nothing mappable is local", fakePhysical(result.ClassIntegrated, []vulkan.MemoryHeap{local, other}, typ(hostVisible|hostCoherent, 1), typ(deviceLocal, 0)), false, [2]int{1, 1}, 0},
	} {
		d := &device{physical: c.device}
		d.info.Unified = d.unified()
		if d.info.Unified != c.unified {
			t.Errorf("%s: unified is %v", c.name, d.info.Unified)
		}
		for i, reads := range []bool{false, true} {
			if got, _, ok := d.memoryType(^uint32(0), d.matrixMemory(reads)); !ok || got != c.matrix[i] {
				t.Errorf("%s: matrix in type %d, want %d", c.name, got, c.matrix[i])
			}
		}
		if got, _, ok := d.memoryType(^uint32(0), stagingMemory); !ok || got != c.staging {
			t.Errorf("%s: staging in type %d, want %d", c.name, got, c.staging)
		}
		if _, _, ok := d.memoryType(0, stagingMemory); ok {
			t.Errorf("%s: a type was found among none", c.name)
		}
	}
}
