//go:build cgo && (linux || darwin)

package vk

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gpubench/internal/backend"
)

// withFaults puts the layer of testdata/fault_layer.c before every instance made
// from here on, and returns what chooses its fault.
func withFaults(t *testing.T) (choose func(fault string)) {
	t.Helper()
	return withLayer(t, "fault", "GPUBENCH_FAULT")
}

// withLayer does so with a layer that is told by a variable.
func withLayer(t *testing.T, name, variable string) (choose func(fault string)) {
	t.Helper()
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("needs a C compiler")
	}
	dir := t.TempDir()
	layer := filepath.Join(dir, "layer.so")
	if out, err := exec.Command(compiler, "-shared", "-fPIC", "-Wall", "-o", layer, "testdata/"+name+"_layer.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	manifest := fmt.Sprintf(`{"file_format_version": "1.2.0", "layer": {"name": "VK_LAYER_GPUBENCH_%s", "type": "GLOBAL",
		"library_path": %q, "api_version": "1.3.0", "implementation_version": "1", "description": "makes faults"}}`, name, layer)
	if err := os.WriteFile(filepath.Join(dir, "layer.json"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VK_LAYER_PATH", dir)
	t.Setenv("VK_INSTANCE_LAYERS", "VK_LAYER_GPUBENCH_"+name)
	t.Setenv("NODEVICE_SELECT", "1") // Mesa's own layer crashes when one below it shows no device
	t.Setenv(variable, "")
	return func(fault string) { os.Setenv(variable, fault) }
}

func TestFaultsInListing(t *testing.T) {
	openAny(t)
	choose := withFaults(t)
	b := New(testKernels(t)...)

	for fault, text := range map[string]string{
		"no devices":       "vulkan: no driver shows a device (vkEnumeratePhysicalDevices: 0 devices)",
		"all drivers fail": "vulkan: no driver shows a device (vkEnumeratePhysicalDevices: VK_ERROR_INITIALIZATION_FAILED)",
	} {
		choose(fault)
		_, err := b.Devices()
		wantError(t, err, backend.Absent, text)
	}
	for fault, reason := range map[string]string{
		"no compute queue": "it has no queue that computes",
		"Vulkan 1.0":       "it offers Vulkan 1.0.68, and the kernel needs 1.1",
	} {
		choose(fault)
		devices, err := b.Devices()
		if err != nil {
			t.Fatal(err)
		}
		if devices[0].Unusable != reason {
			t.Errorf("%s: unusable because %q, want %q", fault, devices[0].Unusable, reason)
		}
		_, err = b.Open("vulkan:0")
		wantError(t, err, backend.Unusable, "vulkan:0: ", reason)
	}
	choose("no device memory")
	_, err := b.Open("vulkan:0")
	wantError(t, err, backend.OutOfMemory, "vulkan:0: vkCreateDevice: VK_ERROR_OUT_OF_DEVICE_MEMORY")
}

func TestFaultsInBuild(t *testing.T) {
	openAny(t)
	choose := withFaults(t)
	d := openAny(t)
	problem := backend.Problem{M: 9, N: 10, K: 11}
	for _, neverMap := range []bool{false, true} {
		d.neverMap = neverMap
		choose("out of device memory")
		_, err := d.Build(backend.KernelMatmul, problem, nil)
		wantError(t, err, backend.OutOfMemory, "vulkan:0: vkAllocateMemory: VK_ERROR_OUT_OF_DEVICE_MEMORY for 396 bytes")
		choose("the compiler fails")
		_, err = d.Build(backend.KernelMatmul, problem, nil)
		wantError(t, err, backend.Failed, "vulkan:0: vkCreateComputePipelines: VK_ERROR_INVALID_SHADER_NV")
		if len(d.programs) != 0 {
			t.Error("a program that was not built is still known")
		}
		choose("")
		p := build(t, d, problem, nil)
		exercise(t, p)
		p.Close()
	}
}

func TestFaultsInRun(t *testing.T) {
	openAny(t)
	choose := withFaults(t)
	d := openAny(t)
	p := build(t, d, backend.Problem{M: 9, N: 10, K: 11}, nil)
	for fault, text := range map[string]string{
		"lost in submit": "vulkan:0: vkQueueSubmit: VK_ERROR_DEVICE_LOST",
		"lost in wait":   "vulkan:0: vkWaitForFences: VK_ERROR_DEVICE_LOST",
	} {
		choose(fault)
		_, err := p.Run(backend.Batch{Dispatches: 2})
		if e := wantError(t, err, backend.DeviceLost, text); e.Remedy == "" {
			t.Errorf("%v has no remedy", e)
		}
		wantError(t, p.Fill(0, 90), backend.DeviceLost, text)
		wantError(t, p.Read(make([]float32, 90), 0), backend.DeviceLost, text)
		choose("")
		if err := p.Close(); err != nil { // with work that was submitted but not waited for
			t.Error(err)
		}
		p = build(t, d, p.problem, nil)
	}

	choose("the fence is late")
	exercise(t, p)

	choose("timestamps are zero")
	if timing, err := p.Run(backend.Batch{Dispatches: 1}); err != nil || timing.DeviceS == nil || *timing.DeviceS != 0 {
		t.Errorf("zero timestamps: %+v, %v", timing, err)
	}
	choose("timestamps are not ready")
	if timing, err := p.Run(backend.Batch{Dispatches: 1}); err != nil || timing.DeviceS != nil || timing.HostS <= 0 {
		t.Errorf("timestamps that are not ready: %+v, %v", timing, err)
	}
}

func TestNoTimestamps(t *testing.T) {
	openAny(t)
	withFaults(t)("no timestamps")
	d := openAny(t)
	if d.info.Timestamps || d.info.Limits["timestampValidBits"] != 0 {
		t.Errorf("device has timestamps: %+v", d.info)
	}
	exercise(t, build(t, d, backend.Problem{M: 9, N: 10, K: 11}, nil))
}

// The dispatches of a batch have to follow one another, and only they may lie
// between the timestamps. Validation does not see a barrier that is missing here.
func TestRecordOfABatch(t *testing.T) {
	openAny(t)
	withFaults(t)
	d := openAny(t)
	p := build(t, d, backend.Problem{M: 130, N: 70, K: 5}, nil)
	record := filepath.Join(t.TempDir(), "record")
	t.Setenv("GPUBENCH_RECORD", record)
	for range 2 { // the second time nothing is recorded
		for _, descending := range []bool{false, true} {
			if _, err := p.Run(backend.Batch{Dispatches: 3, Descending: descending}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.Empty(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	// Stages: 800 compute, 1000 transfer, 4000 host; 1 top and 2000 bottom of the pipe.
	// Accesses: 20 and 40 shader, 800 and 1000 transfer, 2000 and 4000 host, reads first.
	batch := func(offsets ...string) string {
		return "barrier 1800 1040 > 5800 7860\ntimestamp 0 1\n" + strings.Join(offsets, "barrier 800 40 > 800 60\n") +
			"timestamp 1 2000\nbarrier 1800 1040 > 5800 7860\nbarrier 1000 1000 > 4000 2000\n"
	}
	dispatch := func(offset, x, y int) string { return fmt.Sprintf("offset %d\ndispatch %d %d 1\n", offset, x, y) }
	want := batch(dispatch(256, 2, 3), dispatch(512, 2, 3), dispatch(768, 2, 3)) + // ascending
		batch(dispatch(768, 2, 3), dispatch(512, 2, 3), dispatch(256, 2, 3)) + // descending
		batch(dispatch(256, 1, 1)) // empty
	if string(got) != want {
		t.Errorf("recorded\n%s\nwant\n%s", got, want)
	}
}

// A driver that drops some dispatch of a batch leaves the NaNs of Fill, or what the
// dispatch before has written there: that is how a caller notices.
func TestADroppedDispatchShows(t *testing.T) {
	openAny(t)
	withFaults(t)("a dispatch is dropped")
	p := build(t, openAny(t), backend.Problem{M: 30, N: 20, K: 1}, nil)
	a, b, want := matrices(p.problem, func() func() float32 {
		n := float32(0)
		return func() float32 { n++; return n }
	}())
	if err := p.Load(a, b); err != nil {
		t.Fatal(err)
	}
	c := make([]float32, len(want))
	for i, x := range want {
		c[i] = float32(x)
	}
	recorded := 0
	for n := 1; n <= 12; n++ {
		for _, descending := range []bool{false, true} {
			batch := backend.Batch{Dispatches: n, Descending: descending}
			dropped := (recorded+n)/5 > recorded/5 // each fifth of all
			recorded += n
			if at := faultOf(p.problem, leftBy(t, p, batch), c, batch); (at >= 0) != dropped {
				t.Errorf("%+v: dropped is %v, and the first fault is at %d", batch, dropped, at)
			}
		}
	}
}

// leftBy is the region of C, NaN before, after a batch.
func leftBy(t *testing.T, p *program, b backend.Batch) []float32 {
	t.Helper()
	region := make([]float32, p.problem.Region(b))
	if err := p.Fill(float32(math.NaN()), len(region)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Run(b); err != nil {
		t.Fatal(err)
	}
	if err := p.Read(region, 0); err != nil {
		t.Fatal(err)
	}
	return region
}

// Where one dispatch in the middle of a batch lacks its last workgroup, its trace in the
// descending order shows it, and the one in the ascending order does not.
func TestASkippedWorkgroupShows(t *testing.T) {
	openAny(t)
	choose := withFaults(t)
	choose("the last workgroup of a dispatch is skipped")
	p := build(t, openAny(t), backend.Problem{M: 130, N: 70, K: 2}, nil) // 2 by 3 workgroups
	a, b, want := matrices(p.problem, func() func() float32 {
		n := float32(0)
		return func() float32 { n++; return n }
	}())
	if err := p.Load(a, b); err != nil {
		t.Fatal(err)
	}
	c := make([]float32, len(want))
	for i, x := range want {
		c[i] = float32(x)
	}
	for _, batch := range []backend.Batch{{Dispatches: 9}, {Dispatches: 9, Descending: true}} { // of the 18 the 5th, 10th and 15th
		at := faultOf(p.problem, leftBy(t, p, batch), c, batch)
		// The last columns of the last row are the last workgroup's, 6 of the 64 that are
		// the trace of the 10th, first of the second batch, whose place is the last.
		first := -1
		if batch.Descending {
			first = batch.At(5) + len(c) - 6 // that of the 15th comes before
		}
		if at != first {
			t.Errorf("%+v: the first fault is at %d, want %d", batch, at, first)
		}
	}
	// All of them: the last C of any batch shows it.
	choose("the last workgroup of every dispatch is skipped")
	p.ascending.batch = backend.Batch{} // record anew
	batch := backend.Batch{Dispatches: 9}
	if at := faultOf(p.problem, leftBy(t, p, batch), c, batch); at != batch.At(8)+128*70+64 {
		t.Errorf("%+v: the first fault is at %d", batch, at)
	}
}

// A fence that signals too early, or for work that is never done, gives no time.
func TestAFenceThatLies(t *testing.T) {
	openAny(t)
	choose := withFaults(t)
	p := build(t, openAny(t), backend.Problem{M: 9, N: 10, K: 11}, nil)
	exercise(t, p)
	choose("the fence is early")
	for range 2 {
		_, err := p.Run(backend.Batch{Dispatches: 2})
		if e := wantError(t, err, backend.WrongResult, "vulkan:0: the fence signalled before the batch was finished, so its time means nothing"); e.Remedy != "update the driver" {
			t.Errorf("remedy %q", e.Remedy)
		}
	}
	choose("runs are dropped after the twentieth")
	var err error
	for run := 0; run < 30 && err == nil; run++ {
		_, err = p.Run(backend.Batch{Dispatches: 2})
	}
	wantError(t, err, backend.WrongResult, "vulkan:0: the fence signalled, but the batch was dropped: its last command was never carried out")
	choose("")
	exercise(t, p)
}

// A driver that aborts takes the process with it, as Venus does.
func TestAnAbortingDriver(t *testing.T) {
	openAny(t)
	if os.Getenv("GPUBENCH_ABORTING") != "" {
		p := build(t, openAny(t), backend.Problem{M: 3, N: 2, K: 1}, nil)
		p.Run(backend.Batch{Dispatches: 1})
		return
	}
	withFaults(t)("abort in submit")
	cmd := exec.Command(os.Args[0], "-test.run", "^TestAnAbortingDriver$")
	cmd.Env = append(os.Environ(), "GPUBENCH_ABORTING=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "vn_ring_submit abort on fatal\nSIGABRT") {
		t.Errorf("%v\n%s", err, out)
	}
}
