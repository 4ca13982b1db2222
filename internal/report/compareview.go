package report

import (
	"fmt"
	"io"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/stats"
)

// CompareTable prints comparisons against one base as tables, one for each new
// document. The error is the writer's.
func CompareTable(w io.Writer, comparisons []*analysis.Comparison, o Options) error {
	p := newPrinter(w, o)
	for i, c := range comparisons {
		if i > 0 {
			p.line("")
		}
		p.comparison(c)
	}
	return p.err
}

// comparison prints one document against another.
func (p *printer) comparison(c *analysis.Comparison) {
	p.hang("base: ", p.source(c.Base, c.BaseDocument), faint)
	p.hang("new:  ", p.source(c.New, c.NewDocument), faint)
	p.line("")

	var products, dispatches []analysis.Row
	var rates, times []float64
	for _, r := range c.Rows {
		of := &products
		if r.Role == result.RoleOverhead {
			of = &dispatches
		}
		*of = append(*of, r)
		for _, s := range []*analysis.Side{r.Base, r.New} {
			switch {
			case s == nil:
			case s.FLOPS > 0:
				rates = append(rates, s.FLOPS)
			default:
				times = append(times, s.MedianS)
			}
		}
	}
	if len(c.Rows) == 0 {
		p.line("Neither document holds a measurement.")
		return
	}
	unit := rateUnit(rates)
	if len(products) > 0 {
		p.comparedRows(c, products, unit)
		p.line("")
	}
	if len(dispatches) > 0 {
		times := p.timeUnit(times)
		p.line(p.paint("empty dispatches, in "+times.name, strong))
		p.comparedRows(c, dispatches, times)
		p.line("")
	}
	if c.Pairs > 0 {
		text := fmt.Sprintf("Rates in %s, computed from the samples. A ratio above 1 means that new is faster; it is called the same when its whole interval is within %s%g %% of 1.",
			unit.name, p.pick("±", "+-"), 100*c.Threshold)
		if c.Pairs > 1 {
			text += fmt.Sprintf(" Verdicts come from wider intervals than those shown, of %.4g %%, so that all %d together hold with 95 %%.", 100*c.Confidence, c.Pairs)
		}
		p.text(text, faint)
	}
	for _, n := range c.Notes {
		p.hang("note: ", p.clean(n), notice)
	}
}

// comparedRows prints rows whose figures are all in one unit.
func (p *printer) comparedRows(c *analysis.Comparison, of []analysis.Row, unit unit) {
	columns := []column{
		{head: "device", least: 10},
		{head: "size"},
		{head: "base", right: true},
		{head: "95 %", right: true, drop: 1},
		{head: "new", right: true},
		{head: "95 %", right: true, drop: 1},
		{head: "new/base", right: true},
		{head: "95 %"},
		{head: "verdict"},
	}
	runtimes := len(distinct(c.Rows, func(r analysis.Row) string { return r.Runtime })) > 1
	var rows []row
	for _, r := range of {
		device := r.Device
		if runtimes {
			device = inRuntime(r.Runtime, device)
		}
		if r.Role == result.RoleReference {
			device += " " + r.Kernel
		}
		out := row{cells: []cell{{text: p.clean(device)}, {text: p.size(r)}}}
		if r.Ratio == nil {
			out.restFrom = 2
			out.rest, out.restStyle = p.status(r)
			rows = append(rows, out)
			continue
		}
		base, baseCI := p.figure(r.Base, unit)
		new, newCI := p.figure(r.New, unit)
		ci := "none"
		if r.Ratio.CI95 != nil {
			ci = p.interval(*r.Ratio.CI95)
		}
		out.cells = append(out.cells, base, baseCI, new, newCI,
			cell{text: digits4(r.Ratio.Value) + p.pick("×", "x"), style: strong}, cell{text: ci},
			cell{text: r.Verdict, style: verdictStyle(r.VerdictAt(c.Threshold))})
		rows = append(rows, out)
	}
	p.table(2, columns, rows)
}

// source describes a document in a line.
func (p wording) source(name string, d *result.Document) string {
	tool := d.Tool.Version
	if d.Tool.Commit != "" {
		tool += fmt.Sprintf(" (%.12s)", d.Tool.Commit)
	}
	return p.join(p.clean(name), p.clean(d.Host.CPU.Model), p.clean(d.Host.Runtime.Name), d.Started.UTC().Format("2006-01-02 15:04"), p.clean("gpubench "+tool))
}

// size writes the problem of a row.
func (p wording) size(r analysis.Row) string {
	if r.Role == result.RoleOverhead {
		return ""
	}
	return p.dimensions(r.M, r.N, r.K)
}

// dimensions writes a problem: one number where it is square.
func (p wording) dimensions(m, n, k int) string {
	if m == n && n == k {
		return fmt.Sprint(m)
	}
	return fmt.Sprintf("%dx%dx%d", m, n, k)
}

// figure writes one side of a row: its rate, or the time of what has none.
func (p wording) figure(s *analysis.Side, u unit) (figure, interval cell) {
	value, ci := s.FLOPS, s.FLOPSCI95
	if value == 0 {
		value, ci = s.MedianS, s.CI95S
	}
	figure.text = digits4(value / u.factor)
	if ci != nil {
		interval.text = p.pick("±", "+-") + halfWidth(*ci, value)
	}
	return figure, interval
}

// status words what became of a row without a ratio.
func (p wording) status(r analysis.Row) (string, style) {
	text, st := p.clean(r.Reason), notice
	switch r.Status {
	case analysis.Missing:
		text = "missing: " + text
	case analysis.Added:
		text, st = "added: "+text, plain
	case analysis.NotComparable:
		text = "not comparable: " + text
	case analysis.Failed:
		st = bad
	}
	return text, st
}

func verdictStyle(v stats.Verdict) style {
	switch v {
	case stats.Faster:
		return good
	case stats.Slower:
		return bad
	case stats.Unclear:
		return notice
	}
	return plain
}
