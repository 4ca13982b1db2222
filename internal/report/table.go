package report

import (
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"
)

// Options say what the place that text is printed to can show.
type Options struct {
	Width  int  // columns; a table gets narrower for it, but not below 60
	Colour bool // escape sequences for colour are understood
	ASCII  bool // only ASCII can be shown
}

// minWidth is the narrowest table that still says something.
const minWidth = 60

// fileWidth is the width where the text does not go to a terminal.
const fileWidth = 100

// maxWidth keeps a table on a very wide terminal together.
const maxWidth = 120

// OptionsFor looks at the writer and the environment: width and colour come from
// the terminal, if w is one and neither NO_COLOR nor TERM=dumb speaks against
// colour; the character set comes from the locale.
func OptionsFor(w io.Writer, getenv func(string) string) Options {
	o := Options{Width: fileWidth, ASCII: !utf8Locale(getenv)}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return o
	}
	o.Colour = getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
		o.Width = min(columns, maxWidth)
	}
	return o
}

// utf8Locale reports whether the locale for characters is one of UTF-8, by the
// order in which POSIX reads the variables. None set is the C locale: ASCII.
func utf8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// style is the meaning of a piece of text; colour is one way to show it.
type style int

const (
	plain  style = iota
	strong       // the figure that is looked for
	faint        // what is only there to be looked up
	good
	bad
	notice // wants attention
)

var escapes = [...]string{strong: "\x1b[1m", faint: "\x1b[2m", good: "\x1b[32m", bad: "\x1b[31m", notice: "\x1b[33m"}

// wording turns facts into text, for a character set.
type wording struct {
	ascii bool // only ASCII can be shown
}

// printer writes lines for one set of options and keeps the first error.
type printer struct {
	Options
	wording
	w   io.Writer
	err error
}

func newPrinter(w io.Writer, o Options) *printer {
	o.Width = max(o.Width, minWidth)
	return &printer{Options: o, wording: wording{o.ASCII}, w: w}
}

// line writes one line without the blanks at its end.
func (p *printer) line(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, strings.TrimRight(s, " ")+"\n")
	}
}

// paint gives text its colour.
func (p *printer) paint(s string, st style) string {
	if !p.Colour || st == plain || strings.TrimSpace(s) == "" {
		return s
	}
	return escapes[st] + s + "\x1b[0m"
}

// pick returns the first text, or the second where only ASCII can be shown.
func (p wording) pick(utf8, ascii string) string {
	if p.ascii {
		return ascii
	}
	return utf8
}

// clean makes text from outside safe to print here.
func (p wording) clean(s string) string { return clean(s, p.ascii) }

// hang writes text wrapped to the width, its first line after label and the
// further ones indented as far. The label must be plain ASCII.
func (p *printer) hang(label, text string, st style) {
	indent := strings.Repeat(" ", len(label))
	for i, l := range wrap(text, p.Width-len(label)) {
		if i > 0 {
			label = indent
		}
		p.line(p.paint(label, st) + l)
	}
}

// text writes text wrapped to the width.
func (p *printer) text(s string, st style) {
	for _, l := range wrap(s, p.Width) {
		p.line(p.paint(l, st))
	}
}

// column describes one column of a table.
type column struct {
	head  string
	right bool // aligned to the right, as figures are
	// drop orders the columns that may be left out where the width does not
	// suffice: the highest number goes first, 0 never goes.
	drop int
	// least is the width down to which cells may be truncated once nothing is
	// left to drop; 0 means that they may not.
	least int
	bar   bool // cells are drawn as bars, in whatever width is left over
	// name is what a page calls a column that has no head here.
	name string
	mark bool // cells are the numbers of footnotes
}

// cell is one field of a table.
type cell struct {
	text  string
	style style
	part  float64 // length of a bar, 0 to 1
	drawn bool    // whether there is a bar at all
}

// row is one line of a table.
type row struct {
	cells []cell
	// rest, when not empty, takes the place of the cells from column restFrom on:
	// why a row has no figures, wrapped below itself.
	rest      string
	restFrom  int
	restStyle style
}

// table is a table for a terminal or a page.
type table struct {
	caption string
	columns []column
	rows    []row
}

const (
	gap      = 2 // blanks between two columns
	leastBar = 6 // columns of the shortest useful bar
	mostBar  = 16
)

// table prints columns aligned, with what fits into the width, and returns which of
// them it printed.
func (p *printer) table(indent int, columns []column, rows []row) (used []bool) {
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = width(c.head)
		for _, r := range rows {
			if i < len(r.cells) && (r.rest == "" || i < r.restFrom) {
				widths[i] = max(widths[i], width(r.cells[i].text))
			}
		}
		if c.bar {
			widths[i] = leastBar
		}
	}
	used = make([]bool, len(columns))
	for i := range columns {
		used[i] = !emptyColumn(i, columns, rows)
	}
	total := func() int {
		sum := indent - gap
		for i, w := range widths {
			if used[i] {
				sum += w + gap
			}
		}
		return sum
	}
	for total() > p.Width {
		worst := -1
		for i, c := range columns {
			if used[i] && c.drop > 0 && (worst < 0 || c.drop > columns[worst].drop) {
				worst = i
			}
		}
		if worst < 0 {
			break
		}
		used[worst] = false
	}
	// What stands further to the right is missed less.
	for i, c := range slices.Backward(columns) {
		if c.least > 0 && used[i] {
			widths[i] = max(min(widths[i], c.least), widths[i]-max(0, total()-p.Width))
		}
	}
	for i, c := range columns {
		if c.bar && used[i] {
			widths[i] = min(mostBar, widths[i]+max(0, p.Width-total()))
		}
	}

	head := strings.Repeat(" ", indent)
	for i, c := range columns {
		if used[i] {
			head += pad(c.head, widths[i], c.right) + strings.Repeat(" ", gap)
		}
	}
	p.line(p.paint(strings.TrimRight(head, " "), faint))
	for _, r := range rows {
		p.row(indent, columns, widths, used, r)
	}
	return used
}

// emptyColumn reports whether no row has anything to show in a column, so that
// even its head would only ask a question.
func emptyColumn(i int, columns []column, rows []row) bool {
	for _, r := range rows {
		if i < len(r.cells) && (r.rest == "" || i < r.restFrom) && (r.cells[i].text != "" || columns[i].bar && r.cells[i].drawn) {
			return false
		}
	}
	return true
}

// row prints one row.
func (p *printer) row(indent int, columns []column, widths []int, used []bool, r row) {
	line, at := strings.Repeat(" ", indent), indent
	for i, c := range columns {
		if r.rest != "" && i >= r.restFrom {
			break
		}
		if !used[i] || i >= len(r.cells) {
			continue
		}
		text := r.cells[i].text
		if c.bar {
			text = ""
			if r.cells[i].drawn {
				text = bar(r.cells[i].part, widths[i], p.ASCII)
			}
		}
		text = truncate(text, widths[i], p.pick("…", "..."))
		blanks := strings.Repeat(" ", widths[i]-width(text))
		if text = p.paint(text, r.cells[i].style); c.right {
			text, blanks = blanks+text, ""
		}
		line += text + blanks + strings.Repeat(" ", gap)
		at += widths[i] + gap
	}
	if r.rest == "" {
		p.line(line)
		return
	}
	for i, l := range wrap(r.rest, p.Width-at) {
		if i > 0 {
			line = strings.Repeat(" ", at)
		}
		p.line(line + p.paint(l, r.restStyle))
	}
}

// bar draws a length between 0 and 1 in at most n columns, in eighths of a
// column where the character set has them. What is not nothing shows.
func bar(part float64, n int, ascii bool) string {
	part = max(0, min(1, part))
	if ascii {
		return strings.Repeat("#", max(1, int(part*float64(n)+0.5)))
	}
	eighths := max(1, int(part*float64(n)*8+0.5))
	s := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		s += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return s
}
