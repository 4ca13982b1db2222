package worker

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// numbered is the lines "line from" to "line to".
func numbered(from, to int) []string {
	var s []string
	for i := from; i <= to; i++ {
		s = append(s, fmt.Sprintf("line %d", i))
	}
	return s
}

func TestTail(t *testing.T) {
	crash := []string{"SIGSEGV: segmentation violation", "PC=0x7f", "signal arrived during cgo execution", "goroutine 1", "a", "b", "c", "d"}
	for _, tt := range []struct {
		name     string
		in, want []string
	}{
		{"nothing", nil, nil},
		{"few lines", numbered(1, 3), numbered(1, 3)},
		{"the last twenty", numbered(1, 50), numbered(31, 50)},
		{"blank lines are not lines", []string{"a", "", " \t ", "b"}, []string{"a", "b"}},
		{"a crash and its registers", slices.Concat(numbered(1, 30), crash, numbered(31, 60)), slices.Concat(numbered(27, 30), crash, numbered(53, 60))},
		{"a crash that was not the end", slices.Concat(crash, crash, numbered(1, 12)), slices.Concat(crash, numbered(1, 12))},
		{"the start of a crash", slices.Concat(numbered(1, 30), crash[:3]), slices.Concat(numbered(14, 30), crash[:3])},
		{"a long line", []string{strings.Repeat("é", 400)}, []string{strings.Repeat("é", 254) + "…"}},
		{"no last newline", []string{"a\nb"}, []string{"a", "b"}},
		{"colours and other controls", []string{"\x1b[1;31merror\x1b[0m:\tno\a \x1b]0;title\x07device\x00\r"}, []string{"error: no device"}},
		{"turned round", []string{"abc\u202efed"}, []string{"abcfed"}},
		{"no UTF-8", []string{"caf\xe9"}, []string{"caf?"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := startTail(strings.NewReader(strings.Join(tt.in, "\n")), func(err error) { t.Error(err) }).stop()
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// Whatever a driver prints, what is kept is small and printable.
func FuzzTail(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, times uint8) {
		if len(data) > 4096 {
			return // repeated, that would only take long
		}
		lines := startTail(strings.NewReader(strings.Repeat(string(data), int(times))), func(error) {}).stop()
		size := 0
		for _, line := range lines {
			size += len(line)
			if !utf8.ValidString(line) || line != clean(line) || line == "" {
				t.Errorf("line %q", line)
			}
		}
		if len(lines) > tailLines || size > tailBytes {
			t.Errorf("%d lines of %d bytes", len(lines), size)
		}
	})
}
