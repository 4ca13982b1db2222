package report

import "testing"

func TestNotes(t *testing.T) {
	var notes []note
	said := []struct {
		text, label string
		number      int
	}{
		{"the samples scatter by 6.5 % of their median: close what else runs", "cpu", 1},
		{"2 of 3 launches ended at their limit of 5 s", "cpu", 2},
		{"the samples scatter by 10 % of their median: close what else runs", "vulkan:0", 1},
		{"the samples scatter by 10 % of their median: close what else runs", "vulkan:1", 1},
		{"3 of 5 launches ended at their limit of 5 s", "vulkan:0", 2},
		{"llvmpipe (LLVM 15.0.6, 256 bits) is a program", "vulkan:0", 3},
		{"llvmpipe (LLVM 15.0.6, 256 bits) is a program", "vulkan:0", 3},
		{"something else", "cpu", 4},
		{"1 of 9 launches", "cpu", 5},
		{"2 of 9 launches", "vulkan:0", 5},
		{"3 of 9 launches", "blas sgemm", 5},
	}
	for _, s := range said {
		var number int
		if notes, number = addNote(notes, s.text, s.label); number != s.number {
			t.Errorf("%q of %s is footnote %d, should be %d", s.text, s.label, number, s.number)
		}
	}
	want := []string{
		"the samples scatter by 6.5 % (cpu), 10 % (vulkan:0) of their median: close what else runs",
		"2 (cpu), 3 (vulkan:0) of 3, 5 launches ended at their limit of 5 s",
		"llvmpipe (LLVM 15.0.6, 256 bits) is a program",
		"something else",
		"1 of 9 launches (the numbers are those of cpu; likewise with others: vulkan:0, blas sgemm)",
	}
	for i, w := range want {
		if got := notes[i].String(); got != w {
			t.Errorf("footnote %d is %q, should be %q", i+1, got, w)
		}
	}
}
