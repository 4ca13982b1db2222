package analysis_test

import (
	"strings"
	"testing"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

func TestDisturbedSamples(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags func(launch, i int) []string // of the eleven samples of each of nine launches
		codes string
		text  string // part of the first warning
	}{
		{"none", func(_, _ int) []string { return nil }, "", ""},
		{"fewer than a tenth", func(l, i int) []string {
			if l > 0 && i == 4 {
				return []string{"preempted"}
			}
			return nil
		}, "", ""},
		{"one stop", func(l, i int) []string {
			if l == 3 && i == 4 {
				return []string{"frozen"}
			}
			return nil
		}, "frozen", "1 of 99 samples were taken while the process or the whole machine was stopped (frozen)"},
		{"a tenth", func(l, i int) []string {
			if i == 9 || i == 8 && l == 0 {
				return []string{"preempted"}
			}
			return nil
		}, "preempted", "10 of 99 samples were taken while other programs held the processors (preempted): close them"},
		{"one launch", func(l, _ int) []string {
			if l == 1 {
				return []string{"other", "stolen"}
			}
			return nil
		}, "stolen", "11 of 99 samples were taken while the hypervisor"},
		{"all", func(_, _ int) []string { return []string{"paged", "stolen", "preempted", "throttled"} },
			"throttled preempted stolen paged", "99 of 99 samples were taken while the CPU quota"},
	} {
		d := testdoc.New(testdoc.CPU)
		m := testdoc.Add(d, "cpu", 64, 1e9, 0)
		for l := range m.Launches {
			for i := range m.Launches[l].Samples {
				m.Launches[l].Samples[i].Flags = tt.flags(l, i)
			}
		}
		testdoc.Finish(d)
		warnings := analysis.Warnings(m, testdoc.CPU)
		var codes []string
		for _, w := range warnings {
			codes = append(codes, w.Code)
		}
		if got := strings.Join(codes, " "); got != tt.codes {
			t.Errorf("%s: warnings %q, want %q", tt.name, got, tt.codes)
		} else if got != "" && !strings.HasPrefix(warnings[0].Text, tt.text) {
			t.Errorf("%s: %q", tt.name, warnings[0].Text)
		}
		if m.Summary.N != 99 {
			t.Errorf("%s: %d samples count", tt.name, m.Summary.N)
		}
	}
}

// What a launch that failed has seen, and a warm-up, are not in the figures.
func TestDisturbancesOfFailedLaunches(t *testing.T) {
	d := testdoc.New(testdoc.CPU)
	m := testdoc.Add(d, "cpu", 64, 1e9, 0)
	flagged := []result.Sample{{HostS: 1, Dispatches: 1, Flags: []string{"paged"}}}
	m.Launches = append(m.Launches, result.Launch{Status: result.StatusFailed, Reason: "lost", Samples: flagged})
	m.Launches[0].Warmup = flagged
	testdoc.Finish(d)
	if got := analysis.Warnings(m, testdoc.CPU); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
