package report

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzText holds what comes from drivers and documents against what a terminal may
// be sent: one line of printable characters, no wider than asked for.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "llvmpipe (LLVM 15.0.6, 256 bits)", "\x1b[2J\x1b]0;t\x07", "日本語 e\u0301", "\u202eabc\u2066", "\xff\xfe\x80", "a\r\nb\tc", "\u00a0\u3000x", "🚀\u200d🚀"} {
		f.Add(seed, 9)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = 4 + int(uint(n)%100)
		for _, ascii := range []bool{false, true} {
			c := clean(s, ascii)
			if !utf8.ValidString(c) || strings.TrimSpace(c) != c {
				t.Errorf("clean(%q) = %q", s, c)
			}
			for _, r := range c {
				if !unicode.IsPrint(r) || ascii && r > unicode.MaxASCII {
					t.Errorf("clean(%q) lets %U through", s, r)
				}
			}
			if clean(c, ascii) != c {
				t.Errorf("clean(%q) is not clean", s)
			}
			if w := width(truncate(c, n, "...")); w > n {
				t.Errorf("truncate(%q, %d) has %d columns", c, n, w)
			}
			lines := wrap(c, n)
			for _, l := range lines {
				if width(l) > max(n, 8) {
					t.Errorf("wrap(%q, %d) has the line %q", c, n, l)
				}
			}
			if got := strings.ReplaceAll(strings.Join(lines, ""), " ", ""); got != strings.ReplaceAll(c, " ", "") {
				t.Errorf("wrap(%q, %d) loses text: %q", c, n, lines)
			}
		}
	})
}
