package main

import (
	"strings"
	"testing"

	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

func TestTally(t *testing.T) {
	document := func(rate float64, spec ...uint32) *result.Document {
		d := testdoc.New(testdoc.CPU, testdoc.OneCore)
		testdoc.Add(d, "cpu", 256, 100e9, 0.001)
		testdoc.Add(d, "cpu:1", 256, rate, 0.001)
		for i, s := range spec {
			d.Measurements[i].Kernel.Specialization = map[string]uint32{"LX": s}
		}
		return testdoc.Finish(d)
	}
	var sum tally
	for _, tt := range []struct {
		document *result.Document
		want     []string
	}{
		{document(100e9, 8, 8), []string{"cpu LX=8  cpu:1 LX=8"}},
		{document(150e9, 8, 8), []string{"excludes 1"}},
		{document(100e9, 8, 16), []string{"TWO SPECIALIZATIONS", "cpu:1 LX=16"}},
	} {
		line, err := sum.add(tt.document)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if !strings.Contains(line, want) {
				t.Errorf("%q lacks %q", line, want)
			}
		}
	}
	impossible := document(100e9, 8, 8)
	impossible.Measurements[0].Peak = &result.Peak{FLOPS: 50e9, Share: 2}
	if line, err := sum.add(impossible); err != nil || !strings.HasPrefix(line, "no ratio: ") {
		t.Errorf("an impossible rate: %q, %v", line, err)
	}
	if sum.runs != 4 || sum.same != 3 || sum.excluded != 1 || sum.none != 1 || sum.arms != 6 || sum.kept != 4 {
		t.Errorf("%+v", sum)
	}
	failed := document(100e9, 8, 8)
	failed.Measurements[1].Status, failed.Measurements[1].Reason = result.StatusFailed, "lost"
	if _, err := sum.add(failed); err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("a failed arm: %v", err)
	}
}
