package report

import (
	"bytes"
	"testing"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

func TestClaimsTable(t *testing.T) {
	mac := func(times ...float64) *result.Document {
		d := testdoc.New(testdoc.CPU, testdoc.OneCore, testdoc.Venus)
		d.Host.Runtime.Name = "podman"
		for i, x := range times {
			size := 512 << i
			testdoc.Add(d, "cpu", size, 100e9, 0.01)
			testdoc.Add(d, "cpu:1", size, 50e9, 0.01)
			testdoc.Add(d, "vulkan:0", size, 100e9*x, 0.01)
		}
		return testdoc.Finish(d, "cpu")
	}
	hostile := mac(3.5)
	hostile.Measurements[2].Runtime = "podman"
	testdoc.Fail(&hostile.Measurements[2], result.StatusFailed, "failed", "\x1b[2J lost")
	hostile.Ratios = nil
	lame := mac(3.5, 7)
	lame.Devices[0].ISA, lame.Devices[0].ProcessorISA, lame.Devices[0].Steering = "avx2", "avx512", map[string]string{"GPUBENCH_CPU_ISA": "avx2"}
	testdoc.Open(lame)
	for _, test := range []struct {
		name string
		docs []*result.Document
	}{
		{"below-the-processor", []*result.Document{lame}},
		{"one-document", []*result.Document{mac(3.5, 4, 6)}},
		{"several-documents", []*result.Document{mac(3.5), mac(8)}},
		{"nothing-to-judge", []*result.Document{testdoc.New()}},
		{"hostile", []*result.Document{hostile}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var sources []analysis.Source
			for i, d := range test.docs {
				sources = append(sources, analysis.Source{Name: []string{"mine.json", "yours.json"}[i], Document: d})
			}
			judgements, err := analysis.Judge(sources, analysis.PublishedClaims())
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range []Options{{Width: 100}, {Width: 80, ASCII: true}} {
				var b bytes.Buffer
				if err := ClaimsTable(&b, judgements, o); err != nil {
					t.Fatal(err)
				}
				checkText(t, b.String(), o)
				if !o.ASCII {
					golden(t, "claims-"+test.name, b.String())
				}
			}
		})
	}
}
