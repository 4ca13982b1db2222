package analysis_test

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

// whole is a document with every figure that can be checked.
func whole() *result.Document {
	d := testdoc.New(testdoc.CPU, testdoc.Llvmpipe, testdoc.BLAS)
	testdoc.Add(d, "cpu", 1024, 100e9, 0.01)
	m := testdoc.Add(d, "vulkan:0", 1024, 2e9, 0.01)
	for i := range m.Launches {
		for j := range m.Launches[i].Samples {
			s := &m.Launches[i].Samples[j]
			device := 0.99 * s.HostS
			s.DeviceS = &device
		}
	}
	testdoc.Add(d, "blas", 1024, 140e9, 0.01)
	peak := testdoc.Add(d, "cpu", 256, 200e9, 0)
	peak.Role, peak.Kernel.Name, peak.Kernel.SPIRVSHA256 = result.RolePeak, "fma", strings.Repeat("d", 64)
	testdoc.Fail(testdoc.Add(d, "vulkan:0", 512, 1, 0), result.StatusFailed, "device-lost", "the device was lost")
	return testdoc.Finish(d, "cpu")
}

// A document passes as it was written, and after another program has written its
// numbers in another way.
func TestCheckPasses(t *testing.T) {
	if err := analysis.Check(whole()); err != nil {
		t.Error(err)
	}
	var text bytes.Buffer
	if err := result.Write(&text, whole()); err != nil {
		t.Fatal(err)
	}
	fractions := regexp.MustCompile(`(\s)(\d+\.\d+)(,?\n)`)
	rewritten := fractions.ReplaceAllStringFunc(text.String(), func(s string) string {
		m := fractions.FindStringSubmatch(s)
		v, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		return m[1] + strconv.FormatFloat(v, 'E', -1, 64) + m[3]
	})
	if rewritten == text.String() {
		t.Error("nothing was written in another way")
	}
	d, err := result.Read(strings.NewReader(rewritten), "x.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := analysis.Check(d); err != nil {
		t.Error(err)
	}
	old := whole()
	old.Schema.Version = "1.0.0"
	old.Measurements[0].Digest = ""
	old.Measurements[0].Summary.MedianS *= 2 // a summary of another kind
	if err := analysis.Check(old); err != nil {
		t.Errorf("format 1.0: %v", err)
	}
}

func TestCheckFindsWhatWasChanged(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(d *result.Document)
		want   string
	}{
		{"a sample in the middle", func(d *result.Document) { d.Measurements[0].Launches[3].Samples[5].HostS *= 1.00001 }, "measurements[0]: the samples do not have the digest"},
		{"a sample of the warm-up", func(d *result.Document) {
			d.Measurements[0].Launches[3].Warmup = []result.Sample{{HostS: 1, Dispatches: 1}}
		}, "measurements[0]: the samples do not have the digest"},
		{"a sample left out", func(d *result.Document) {
			l := &d.Measurements[0].Launches[3]
			l.Samples = l.Samples[1:]
		}, "measurements[0]: the samples do not have the digest"},
		{"a launch left out", func(d *result.Document) { d.Measurements[0].Launches = d.Measurements[0].Launches[1:] }, "measurements[0]: the samples do not have the digest"},
		{"a launch called failed", func(d *result.Document) { d.Measurements[0].Launches[0].Status = result.StatusFailed }, "measurements[0]: the samples do not have the digest"},
		{"a flag", func(d *result.Document) { d.Measurements[0].Launches[0].Samples[0].Flags = []string{"stolen"} }, "measurements[0]: the samples do not have the digest"},
		{"a device time", func(d *result.Document) { *d.Measurements[1].Launches[0].Samples[0].DeviceS *= 0.9 }, "measurements[1]: the samples do not have the digest"},
		{"dispatches", func(d *result.Document) { d.Measurements[0].Launches[0].Samples[0].Dispatches++ }, "measurements[0]: the samples do not have the digest"},
		{"the median", func(d *result.Document) { d.Measurements[0].Summary.MedianS *= 0.99 }, "measurements[0].summary.median_s is 0.0212"},
		{"the rate", func(d *result.Document) { d.Measurements[0].Summary.FLOPS *= 2 }, "measurements[0].summary.flops is 2e+11, but the samples say 1e+11"},
		{"the interval", func(d *result.Document) { d.Measurements[0].Summary.CI95S[0] *= 1.001 }, "measurements[0].summary.ci95_s is not the interval"},
		{"the device's median", func(d *result.Document) { *d.Measurements[1].Summary.DeviceMedianS *= 1.001 }, "measurements[1].summary.device_median_s"},
		{"the ratio", func(d *result.Document) { d.Ratios[0].Value *= 2 }, "ratios[0] does not follow from the samples of m1 and m0"},
		{"the ratio's interval", func(d *result.Document) { d.Ratios[1].CI95[1] *= 2 }, "ratios[1] does not follow from the samples of m2 and m0"},
		{"a ratio of what failed", func(d *result.Document) { d.Ratios[0].Fast = "m4" }, "ratios[0]: m4 and m0 have no ratio"},
		{"the peak", func(d *result.Document) { d.Measurements[0].Peak.Share = 0.9 }, "measurements[0].peak does not follow"},
		{"a peak left out", func(d *result.Document) { d.Measurements[2].Peak = nil }, "measurements[2].peak does not follow"},
		{"a checksum", func(d *result.Document) { d.Measurements[1].Verification.ExactChecksum = "sha256:cd" }, "status is ok, but the product of the exact input differs"},
		{"failed batches", func(d *result.Document) { d.Measurements[1].Verification.Failed = 1 }, "measurements[1]: status is ok, but 1 batches were wrong"},
		{"samples of batches that nobody verified", func(d *result.Document) { d.Measurements[0].Verification.Batches = 98 }, "measurements[0].verification: there are samples of 99 batches, and 98 were verified"},
		{"samples of batches that were wrong", func(d *result.Document) { d.Measurements[1].Verification.Failed = 1 }, "measurements[1].verification: there are samples of 99 batches, and 98 were verified"},
		{"samples of dispatches that nobody verified", func(d *result.Document) { d.Measurements[0].Verification.Dispatches-- }, "measurements[0].verification: there are samples of 396 dispatches, and 395 were verified"},
		{"a longer sample", func(d *result.Document) { d.Measurements[2].Launches[0].Samples[0].Dispatches = 1000 }, "measurements[2].verification: there are samples of 1392 dispatches, and 396 were verified"},
		{"a warm-up of a failed launch that nobody verified", func(d *result.Document) {
			l := &d.Measurements[4].Launches[0]
			l.Warmup = append(l.Warmup, result.Sample{HostS: 1, Dispatches: 1})
		}, "measurements[4].verification: there are samples of 100 batches, and 99 were verified"},
		{"most launches failed", func(d *result.Document) {
			for i := range 5 {
				d.Measurements[0].Launches[i].Status = result.StatusFailed
			}
		}, "measurements[0]: status is ok, but 5 of 9 launches failed"},
		{"a failure called ok", func(d *result.Document) {
			d.Measurements[4].Status, d.Measurements[4].Summary = result.StatusOK, d.Measurements[1].Summary
			d.Measurements[4].Launches = nil
		}, "measurements[4]: status is ok, but: stats: no samples"},
		{"a summary of a failure", func(d *result.Document) { d.Measurements[4].Summary = d.Measurements[1].Summary }, "measurements[4]: status is failed, but there is a summary"},
	} {
		d := whole()
		tt.change(d)
		err := analysis.Check(d)
		var altered *analysis.Altered
		if !errors.As(err, &altered) || !strings.Contains(strings.Join(altered.Findings, "\n"), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	many := whole()
	for i := range 4 {
		many.Measurements[i].Digest = "sha256:0"
	}
	if err := analysis.Check(many); err == nil || !strings.Contains(err.Error(), "; and 1 more; use the file as gpubench wrote it") {
		t.Errorf("four findings: %v", err)
	}
}

// A launch, a search and a meter that were of another device than the document's contradict
// it, and so does a launch of no device at all. Before 1.2 there was none to be named.
func TestCheckFindsAnotherDevice(t *testing.T) {
	metered := func(d *result.Document, uuid string) {
		l := &d.Measurements[1].Launches[2]
		l.Meter = &result.Meter{Library: "NVML", UUID: uuid}
	}
	for _, tt := range []struct {
		name string
		edit func(d *result.Document)
		want string
	}{
		{"another version", func(d *result.Document) {
			other := *d.Measurements[1].Launches[2].Opened
			other.Driver.Version = "2"
			d.Measurements[1].Launches[2].Opened = &other
		}, "measurements[1].launches[2].opened: vulkan:0 was llvmpipe (LLVM 15.0.6, 256 bits) when the devices were listed and is llvmpipe (LLVM 15.0.6, 256 bits) now; they differ in driver's version (none, 2)"},
		{"another entry", func(d *result.Document) { d.Devices[1].Name = "NVIDIA GeForce" }, "vulkan:0 was NVIDIA GeForce when the devices were listed and is llvmpipe"},
		{"no device", func(d *result.Document) { d.Measurements[1].Launches[2].Opened = nil }, "launches[2]: status is ok, but it does not say which device it opened"},
		{"another search", func(d *result.Document) { d.Measurements[1].SearchedOn = &result.Opened{Name: "NVIDIA GeForce"} }, "searched_on: vulkan:0 was llvmpipe"},
		{"another card", func(d *result.Document) { metered(d, "f1") }, `launches[2].meter: it reads the card "f1", and the device is ""`},
		{"an unnamed card", func(d *result.Document) { metered(d, "") }, `launches[2].meter: it reads the card ""`},
		{"a GPU that no launch had", func(d *result.Document) {
			d.Runtimes = []result.RuntimeReport{{Name: "native", Status: result.StatusOK, GPU: true}}
		}, "runtimes[0].gpu is true, and the launches say otherwise"},
		{"energy of no card", func(d *result.Document) {
			m := &d.Measurements[1]
			m.Launches[2].Energy = &result.Energy{Joules: 1, WindowS: 1, FLOP: 44 * m.Problem.FLOP}
		}, "launches[2].energy: it is of no card"},
	} {
		for _, version := range []string{"1.2.0", "1.1.0"} {
			d := whole()
			d.Schema.Version = version
			tt.edit(d)
			err := analysis.Check(d)
			var altered *analysis.Altered
			if version == "1.2.0" && (!errors.As(err, &altered) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%s: %v", tt.name, err)
			}
			if version == "1.1.0" && err != nil && strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s in an old document: %v", tt.name, err)
			}
		}
	}
	// What failed for it is no contradiction.
	d := whole()
	m := testdoc.Fail(&d.Measurements[1], result.StatusFailed, "device-changed", "vulkan:0 was llvmpipe and is another")
	l := &m.Launches[8]
	l.Status, l.Code, l.Reason, l.Samples, l.Opened = result.StatusFailed, "device-changed", "it is another", nil, &result.Opened{Name: "another"}
	m.Peak, d.Ratios = nil, nil
	analysis.Conclude(m)
	if err := analysis.Check(d); err != nil {
		t.Error(err)
	}
}
