package analysis

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/result"
)

func TestDisturbedSamples(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags func(launch, i int) []string // of the ten samples of each of three launches
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
		{"a tenth", func(_, i int) []string {
			if i == 9 {
				return []string{"preempted"}
			}
			return nil
		}, "preempted", "3 of 30 samples were taken while other programs held the processors (preempted): close them"},
		{"one launch", func(l, _ int) []string {
			if l == 1 {
				return []string{"short", "stolen"}
			}
			return nil
		}, "stolen", "10 of 30 samples were taken while the hypervisor"},
		{"all", func(_, _ int) []string { return []string{"paged", "stolen", "preempted", "throttled"} },
			"throttled preempted stolen paged", "30 of 30 samples were taken while the CPU quota"},
	} {
		o := measure(one(&script{edit: func(l, i int, s *result.Sample) { s.Flags = append(s.Flags, tt.flags(l, i)...) }}), plan("cpu"))
		m := o.ms[0]
		if got := codes(m.Warnings); got != tt.codes {
			t.Errorf("%s: warnings %q, want %q", tt.name, got, tt.codes)
		} else if got != "" && !strings.HasPrefix(m.Warnings[0].Text, tt.text) {
			t.Errorf("%s: %q", tt.name, m.Warnings[0].Text)
		}
		if m.Summary.N != 30 {
			t.Errorf("%s: %d samples count", tt.name, m.Summary.N)
		}
		// They can be made again from a document.
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var again result.Measurement
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		if got := disturbed(&again); !slices.Equal(got, m.Warnings) {
			t.Errorf("%s: from the document %v, before %v", tt.name, got, m.Warnings)
		}
	}
}

// What a launch that failed has seen is not in the figures.
func TestDisturbancesOfFailedLaunches(t *testing.T) {
	samples := []result.Sample{{HostS: 1, Dispatches: 1, Flags: []string{"paged"}}, {HostS: 1, Dispatches: 1}}
	m := &result.Measurement{Launches: []result.Launch{{Status: result.StatusFailed, Samples: samples}, {Status: result.StatusOK, Warmup: samples}}}
	if got := disturbed(m); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
