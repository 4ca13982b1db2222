// Formats for other programs and for text fields.

package report

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/stats"
)

// csvColumns are the columns of CSV.
var csvColumns = []string{
	"document", "started", "cpu_model", "runtime", "measurement", "device", "backend", "class", "software", "device_name",
	"role", "kernel", "format", "m", "n", "k", "flop", "status", "reason",
	"round", "attempt", "launch_status", "launch_reason", "phase", "index", "host_s", "device_s", "dispatches", "s_per_dispatch", "flops", "flags",
}

// CSV writes one row a sample, warm-up included, in base units with all digits. What has
// no samples, because it failed, is one row with the reason. Text that a spreadsheet
// would take for a formula begins with an apostrophe. The error is the writer's.
func (r *Report) CSV(w io.Writer) error {
	c := csv.NewWriter(w)
	c.Write(csvColumns)
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for _, p := range r.parts {
		for _, m := range p.Document.Measurements {
			d := p.rows.devices[m.Device]
			arm := []string{
				text(p.Name), p.Document.Started.UTC().Format("2006-01-02T15:04:05.999999999Z"), text(p.Document.Host.CPU.Model), text(m.Runtime), text(m.ID),
				text(m.Device), text(d.Backend), d.Class, strconv.FormatBool(d.Software), text(d.Name),
				m.Role, text(m.Kernel.Name), text(m.Kernel.Format), fmt.Sprint(m.Problem.M), fmt.Sprint(m.Problem.N), fmt.Sprint(m.Problem.K), fmt.Sprint(m.Problem.FLOP), m.Status, text(m.Reason),
			}
			row := func(rest ...string) {
				full := append(arm[:len(arm):len(arm)], rest...)
				c.Write(append(full, make([]string, len(csvColumns)-len(full))...))
			}
			if len(m.Launches) == 0 {
				row()
			}
			for _, l := range m.Launches {
				launch := []string{fmt.Sprint(l.Round), fmt.Sprint(max(l.Attempt, 1)), l.Status, text(l.Reason)}
				if len(l.Warmup)+len(l.Samples) == 0 {
					row(launch...)
				}
				for _, phase := range []struct {
					name    string
					samples []result.Sample
				}{{"warmup", l.Warmup}, {"sample", l.Samples}} {
					for i, s := range phase.samples {
						device, rate, each := "", "", s.HostS/float64(s.Dispatches)
						if s.DeviceS != nil {
							device = number(*s.DeviceS)
						}
						if m.Problem.FLOP > 0 && each > 0 {
							rate = number(float64(m.Problem.FLOP) / each)
						}
						row(append(launch[:4:4], phase.name, fmt.Sprint(i), number(s.HostS), device, fmt.Sprint(s.Dispatches), number(each), rate, text(strings.Join(s.Flags, " ")))...)
					}
				}
			}
		}
	}
	c.Flush()
	return c.Error()
}

// text makes what others wrote harmless in a spreadsheet.
func text(s string) string {
	s = clean(s, false)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}

// Benchmark writes the format of Go's benchmarks, which benchstat reads: one line a
// launch with its median, since the launch is the unit. Each document has its
// configuration in front. What failed is a comment. The error is the writer's.
func (r *Report) Benchmark(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, "Unit FLOP/s better=higher")
	for _, p := range r.parts {
		fmt.Fprintln(b)
		h := p.Document.Host
		for _, c := range [][2]string{
			{"goos", h.OS}, {"goarch", h.Arch}, {"pkg", "gpubench"}, {"cpu", h.CPU.Model}, {"kernel", h.Kernel}, {"commit", p.Document.Tool.Commit},
			{"started", p.Document.Started.UTC().Format("2006-01-02T15:04:05Z")},
		} {
			if value := clean(c[1], false); value != "" {
				fmt.Fprintf(b, "%s: %s\n", c[0], value)
			}
		}
		for _, m := range p.Document.Measurements {
			name := fmt.Sprintf("%s/format=%s/size=%s/runtime=%s/device=%s", benchmarkName(m), word(m.Kernel.Format), r.wording.dimensions(m.Problem.M, m.Problem.N, m.Problem.K), word(m.Runtime), word(m.Device))
			if m.Status != result.StatusOK || m.Summary == nil {
				fmt.Fprintf(b, "# %s: %s: %s\n", name, m.Status, clean(m.Reason, false))
				continue
			}
			for _, l := range m.Launches {
				if l.Status != result.StatusOK {
					fmt.Fprintf(b, "# %s: launch %d: %s: %s\n", name, l.Round+1, l.Status, clean(l.Reason, false))
					continue
				}
				var times []float64
				dispatches := 0
				for _, s := range l.Samples {
					times = append(times, s.HostS/float64(s.Dispatches))
					dispatches += s.Dispatches
				}
				s, err := stats.Summarize(stats.Samples{times})
				if err != nil {
					continue // a launch without samples counts nowhere
				}
				fmt.Fprintf(b, "Benchmark%s %d %s ns/op", name, dispatches, strconv.FormatFloat(s.Median*1e9, 'f', -1, 64))
				if m.Problem.FLOP > 0 {
					fmt.Fprintf(b, " %s FLOP/s", strconv.FormatFloat(float64(m.Problem.FLOP)/s.Median, 'f', -1, 64))
				}
				fmt.Fprintln(b)
			}
		}
	}
	return b.Flush()
}

// benchmarkName is the first word of a benchmark: what ran.
func benchmarkName(m result.Measurement) string {
	name := word(m.Kernel.Name)
	return strings.ToUpper(name[:1]) + name[1:]
}

// word makes one word of a text, without what has a meaning in a benchmark's name: blanks
// end it, slashes part it, and a number after a dash would be that of processors.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '/' || r == '-' || r == '=' || r == '"' || unicode.IsSpace(r):
			return '_'
		}
		return r
	}, clean(s, true))
	if s == "" {
		return "none"
	}
	return s
}

// Markdown writes tables for an issue or a pull request. The error is the writer's.
func (r *Report) Markdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	if r.several() {
		fmt.Fprint(b, "### gpubench: side by side\n\n")
		markdownTable(b, r.sideBySide())
	}
	for _, p := range r.parts {
		v := p.view
		fmt.Fprintf(b, "### gpubench: %s\n\n%s  \n%s\n\n", markdown(p.label), markdown(v.host), markdown(v.run))
		for _, line := range []string{v.interrupted, v.nothing} {
			if line != "" {
				fmt.Fprintf(b, "**%s**\n\n", markdown(line))
			}
		}
		if len(v.runtimes.rows) > 0 {
			markdownTable(b, v.runtimes)
		}
		if len(v.devices.rows) > 0 {
			markdownTable(b, v.devices)
		}
		for _, tables := range [][]table{v.problems, v.beside} {
			for _, t := range tables {
				markdownTable(b, t)
			}
		}
		if len(v.compared.rows) > 0 {
			markdownTable(b, v.compared)
		}
		if v.checks != "" {
			fmt.Fprintf(b, "checked: %s\n\n", markdown(v.checks))
		}
		for _, c := range v.cards {
			fmt.Fprintf(b, "same card: %s\n\n", markdown(c))
		}
		for i, n := range v.notes {
			fmt.Fprintf(b, "- \\[%d\\] %s\n", i+1, markdown(n))
		}
		for _, n := range v.warnings {
			fmt.Fprintf(b, "- note: %s\n", markdown(n))
		}
		for _, n := range v.missing {
			fmt.Fprintf(b, "- not measured: %s\n", markdown(n))
		}
		if len(v.notes)+len(v.warnings)+len(v.missing) > 0 {
			fmt.Fprintln(b)
		}
	}
	if len(r.judgements) > 0 {
		markdownTable(b, r.claimsTable())
	}
	return b.Flush()
}

// markdownTable writes a table with its caption.
func markdownTable(w io.Writer, t table) {
	shown := slices.DeleteFunc(shownColumns(t), func(i int) bool { return t.columns[i].bar })
	fmt.Fprintf(w, "**%s**\n\n|", markdown(t.caption))
	for _, i := range shown {
		fmt.Fprintf(w, " %s |", markdown(t.columns[i].head))
	}
	fmt.Fprint(w, "\n|")
	for _, i := range shown {
		if t.columns[i].right {
			fmt.Fprint(w, " ---: |")
		} else {
			fmt.Fprint(w, " --- |")
		}
	}
	fmt.Fprintln(w)
	for _, r := range t.rows {
		fmt.Fprint(w, "|")
		for _, i := range shown {
			switch {
			case r.rest != "" && i == r.restFrom:
				fmt.Fprintf(w, " %s |", markdown(r.rest))
			case r.rest != "" && i > r.restFrom || i >= len(r.cells):
				fmt.Fprint(w, "  |")
			case r.cells[i].style == strong && r.cells[i].text != "":
				fmt.Fprintf(w, " **%s** |", markdown(r.cells[i].text))
			default:
				fmt.Fprintf(w, " %s |", markdown(r.cells[i].text))
			}
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

// shownColumns are the columns that have something to show.
func shownColumns(t table) (shown []int) {
	for i := range t.columns {
		if !emptyColumn(i, t.columns, t.rows) || slices.ContainsFunc(t.rows, func(r row) bool { return r.rest != "" && r.restFrom == i }) {
			shown = append(shown, i)
		}
	}
	return shown
}

// markdown keeps text from being read as markup, as HTML, as a link or as the name of a
// user.
func markdown(s string) string { return markdownEscaper.Replace(s) }

var markdownEscaper = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "|", `\|`, "~", `\~`, "@", "&#64;", "://", "&#58;//", "www.", "www&#46;", "#", `\#`,
)

// claimsTable is what became of the claims, a row for each ratio.
func (r *Report) claimsTable() table {
	t := table{caption: "claims", columns: []column{
		{head: "claim"}, {head: "range", right: true}, {head: "against"}, {head: "verdict"}, {head: "device"}, {head: "size"}, {head: "ratio", right: true}, {head: "95 %"}, {head: "inside", right: true},
	}}
	for _, j := range r.judgements {
		claim := []cell{{text: r.wording.clean(j.Text)}, {text: fmt.Sprintf("%g–%g×", j.Low, j.High)}}
		verdicts := j.Verdicts
		if !slices.ContainsFunc(verdicts, func(v analysis.BaselineVerdict) bool { return len(v.Ratios) > 0 }) && len(verdicts) > 0 {
			// The same reason once for all baselines.
			one := verdicts[0]
			one.Baseline = strings.Join(distinct(verdicts, func(v analysis.BaselineVerdict) string { return v.Baseline }), ", ")
			for _, v := range verdicts[1:] {
				one.Missing = append(one.Missing[:len(one.Missing):len(one.Missing)], v.Missing...)
			}
			one.Missing = distinct(one.Missing, func(s string) string { return s })
			verdicts = []analysis.BaselineVerdict{one}
		}
		for _, v := range verdicts {
			head := append(claim[:2:2], cell{text: r.wording.clean(v.Baseline)}, cell{text: string(v.Verdict), style: claimStyle(v.Verdict)})
			if len(v.Ratios) == 0 {
				t.rows = append(t.rows, row{cells: head, rest: "not measured: " + r.wording.clean(strings.Join(v.Missing, "; ")), restFrom: 4, restStyle: faint})
			}
			for _, q := range v.Ratios {
				ci, share := "none", ""
				if q.CI95 != nil {
					ci, share = r.wording.interval(*q.CI95), fmt.Sprintf("%.1f %%", 100*q.Share)
				}
				t.rows = append(t.rows, row{cells: append(head[:4:4], cell{text: r.wording.clean(r.place(q.Document) + inRuntime(q.Runtime, q.Device))},
					cell{text: r.wording.dimensions(q.M, q.N, q.K)}, cell{text: digits4(q.Value) + "×", style: strong}, cell{text: ci}, cell{text: share})})
			}
			for _, c := range v.Caveats {
				t.rows = append(t.rows, row{cells: append(head[:3:3], cell{}), rest: "caution: " + r.wording.clean(c), restFrom: 4, restStyle: notice})
			}
		}
	}
	return t
}
