package report

import (
	"bytes"
	"testing"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

func TestCompareTable(t *testing.T) {
	// base has every kind of row; the new ones change it.
	base := func() *result.Document {
		d := testdoc.New(testdoc.CPU, testdoc.Venus, testdoc.BLAS)
		testdoc.Add(d, "cpu", 1024, 100e9, 0.01)
		testdoc.Add(d, "vulkan:0", 1024, 2.5e12, 0.002)
		testdoc.Add(d, "blas", 1024, 140e9, 0.01)
		m := testdoc.Add(d, "vulkan:0", 100, 5e9, 0.04)
		m.Role, m.Kernel.Name, m.Problem = result.RoleOverhead, "empty", result.Problem{}
		return d
	}
	for _, test := range []struct {
		name   string
		change func(d *result.Document)
	}{
		{"verdicts", func(d *result.Document) {
			d.Measurements = d.Measurements[:0]
			testdoc.Add(d, "cpu", 1024, 80e9, 0.01)
			testdoc.Add(d, "vulkan:0", 1024, 3e12, 0.002)
			testdoc.Add(d, "blas", 1024, 140e9, 0.01)
			m := testdoc.Add(d, "vulkan:0", 100, 5.1e9, 0.04)
			m.Role, m.Kernel.Name, m.Problem = result.RoleOverhead, "empty", result.Problem{}
		}},
		{"not-comparable", func(d *result.Document) {
			d.Measurements[0].Kernel.SPIRVSHA256 = "0123456789abcdef"
			testdoc.Fail(&d.Measurements[1], result.StatusFailed, "device-lost", "the device was lost; see dmesg")
			d.Measurements = d.Measurements[:2]
			testdoc.Add(d, "cpu", 512, 100e9, 0.01)
			d.Host.CPU.Model, d.Interrupted = "Another CPU", true
		}},
		{"few-launches", func(d *result.Document) {
			for i := range d.Measurements {
				d.Measurements[i].Launches = d.Measurements[i].Launches[:2]
			}
		}},
		{"nothing", func(d *result.Document) { d.Measurements = nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			old, new := base(), base()
			test.change(new)
			if test.name == "nothing" {
				old.Measurements = nil
			}
			c, err := analysis.Compare(analysis.Source{Name: "old.json", Document: testdoc.Finish(old)}, analysis.Source{Name: "new.json", Document: testdoc.Finish(new)}, 0.02)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range []Options{{Width: 100}, {Width: 80, ASCII: true}} {
				var b bytes.Buffer
				if err := CompareTable(&b, []*analysis.Comparison{c}, o); err != nil {
					t.Fatal(err)
				}
				checkText(t, b.String(), o)
				if !o.ASCII {
					golden(t, "compare-"+test.name, b.String())
				}
			}
		})
	}
}
