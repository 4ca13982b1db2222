package main

import (
	"strings"
	"testing"

	"gpubench/internal/result"
	"gpubench/internal/suite"
)

// Runtimes whose libraries differ in version or code cannot be compared by them.
func TestDifferencesOfLibraries(t *testing.T) {
	in := func(runtime, library string) *place {
		d := result.Device{ID: "blas", Backend: "blas", Name: library, Library: &result.Library{}}
		return &place{Runtime: &suite.Runtime{Report: result.RuntimeReport{Name: runtime}, Devices: []result.Device{{ID: "cpu", Name: "a processor"}, d}}}
	}
	const old, now = "OpenBLAS 0.3.21 (Cooperlake)", "OpenBLAS 0.3.29 (SkylakeX)"
	for _, tt := range []struct {
		name   string
		places []*place
		want   string
	}{
		{"the same", []*place{in("native", now), in("docker", now)}, ""},
		{"other versions", []*place{in("native", old), in("docker", now), in("podman", now)}, "(native " + old + ", docker " + now + ")"},
		{"none", []*place{{Runtime: &suite.Runtime{}}}, ""},
	} {
		got := ""
		for _, w := range differences(tt.places) {
			if w.Code == "library-differs" {
				got = w.Text
			}
		}
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q in it", tt.name, got, tt.want)
		}
	}
}
