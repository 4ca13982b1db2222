package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// wide holds the characters that a terminal draws two columns wide: the East
// Asian wide and fullwidth ranges of Unicode's annex 11 and the emoji blocks.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1},
		{Lo: 0x2e80, Hi: 0x303e, Stride: 1},
		{Lo: 0x3041, Hi: 0x33ff, Stride: 1},
		{Lo: 0x3400, Hi: 0x4dbf, Stride: 1},
		{Lo: 0x4e00, Hi: 0x9fff, Stride: 1},
		{Lo: 0xa000, Hi: 0xa4cf, Stride: 1},
		{Lo: 0xac00, Hi: 0xd7a3, Stride: 1},
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1},
		{Lo: 0xfe30, Hi: 0xfe6f, Stride: 1},
		{Lo: 0xff00, Hi: 0xff60, Stride: 1},
		{Lo: 0xffe0, Hi: 0xffe6, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x1f300, Hi: 0x1f64f, Stride: 1},
		{Lo: 0x1f680, Hi: 0x1f6ff, Stride: 1},
		{Lo: 0x1f900, Hi: 0x1f9ff, Stride: 1},
		{Lo: 0x20000, Hi: 0x2fffd, Stride: 1},
		{Lo: 0x30000, Hi: 0x3fffd, Stride: 1},
	},
}

// width is the number of terminal columns that s takes. It expects what clean
// returns: no control characters.
func width(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case unicode.Is(wide, r):
			n += 2
		default:
			n++
		}
	}
	return n
}

// clean makes text from a driver, a child process or a file safe to print on one
// line of a terminal. Control and formatting characters (escape sequences, text
// direction, line ends) and broken UTF-8 become question marks, so that a device
// cannot move the cursor, change colours or imitate another row. White space
// becomes single blanks. With ascii, whatever is not ASCII becomes a question
// mark too.
func clean(s string, ascii bool) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			r = '?'
		case r == '\n' || r == '\t' || r == '\r' || unicode.Is(unicode.Zs, r):
			r = ' '
		case !unicode.IsPrint(r), ascii && r > unicode.MaxASCII:
			r = '?'
		}
		b.WriteRune(r)
		s = s[size:]
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// truncate shortens s to at most n columns, with an ellipsis in place of what is
// cut off.
func truncate(s string, n int, ellipsis string) string {
	if width(s) <= n {
		return s
	}
	n -= width(ellipsis)
	var b strings.Builder
	for _, r := range s {
		w := width(string(r))
		if w > n {
			break
		}
		n -= w
		b.WriteRune(r)
	}
	return strings.TrimRight(b.String(), " ") + ellipsis
}

// pad fills s up with blanks to n columns.
func pad(s string, n int, right bool) string {
	blanks := strings.Repeat(" ", max(0, n-width(s)))
	if right {
		return blanks + s
	}
	return s + blanks
}

// wrap breaks s at blanks into lines of at most n columns. A longer word is
// broken where the line is full.
func wrap(s string, n int) []string {
	n = max(n, 8)
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && width(line)+1+width(word) <= n {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for width(word) > n {
			head := truncate(word, n, "")
			lines = append(lines, head)
			word = word[len(head):]
		}
		line = word
	}
	if line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}
