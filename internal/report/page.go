package report

import (
	"bytes"
	"cmp"
	"compress/gzip"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"gpubench/internal/plots"
	"gpubench/internal/result"
	"gpubench/internal/stats"
)

//go:embed page.html
var pageText string

// pageTemplate escapes by context all that it is given; only plots and the download are
// markup of our own.
var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the template shows.
type page struct {
	Title, Summary, Footer string
	Style                  template.CSS
	Many                   bool
	SideBySide, Claims     *pageTable
	Figures, Ratios        []pageFigure
	Parts                  []pagePart
}

// pagePart is one document.
type pagePart struct {
	ID, Label, Host, Run, Interrupted, Nothing, Checks string
	Tables                                             []*pageTable
	Notes, Warnings, Missing, Cards                    []string
	Figures                                            []pageFigure
	Time, Checked, Ran                                 *pageTable
	Failures                                           []pageNote
	Warned                                             *pageTable
	Facts                                              []pageFacts
	Download                                           *pageDownload
}

type pageNote struct{ What, Why, Said string }

type pageFacts struct {
	Caption string
	Rows    []pageFact
}

type pageFact struct{ What, Text string }

type pageDownload struct {
	Name, Size string
	Href       template.URL
}

type pageFigure struct {
	Title, Text, Words string
	Wide, Narrow       template.HTML
}

type pageTable struct {
	Caption, Label string
	Head           []pageHead
	Rows           [][]pageCell
}

type pageHead struct {
	Text, Class string
	Hidden      bool
}

type pageCell struct {
	Text, Class, Bar, Href string
	Header                 bool
	Span                   int
}

// The widths of the figures on a page, for a screen and for a phone.
const (
	wideFigure   = 1040
	narrowFigure = 350
)

// HTML writes the page: one file, which asks nothing of anywhere. The error is the
// writer's, or that of a figure that cannot be drawn.
func (r *Report) HTML(w io.Writer) error {
	p := page{Title: "gpubench report", Style: template.CSS(plots.Style()), Many: r.several()}
	var err error
	figure := func(list *[]pageFigure, of []part, claims bool, names ...string) {
		for _, name := range names {
			if plot := r.plot(name, of, claims); plot != nil && err == nil {
				var f pageFigure
				if f, err = newPageFigure(plot); err == nil {
					*list = append(*list, f)
				}
			}
		}
	}
	if r.several() {
		p.Summary = fmt.Sprintf("%d documents, told apart by what differs", len(r.parts))
		p.SideBySide = newPageTable(r.sideBySide(), "")
		if len(r.parts) <= mostLines {
			figure(&p.Figures, r.parts, false, "sizes")
		}
	} else {
		d := r.parts[0].Document
		p.Summary = r.wording.join(r.parts[0].label, d.Started.UTC().Format("2 January 2006, 15:04 UTC"), seconds(d.DurationS))
	}
	figure(&p.Ratios, r.parts, true, "ratios")
	if len(r.judgements) > 0 {
		p.Claims = newPageTable(r.claimsTable(), "")
	}
	for i, part := range r.parts {
		q := r.newPagePart(part, fmt.Sprintf("d%d", i+1))
		figure(&q.Figures, r.parts[i:i+1], false, "sizes", "peak", "samples")
		q.Download = newPageDownload(part)
		p.Parts = append(p.Parts, q)
	}
	if err != nil {
		return err
	}
	tools := distinct(r.parts, func(p part) string { return p.Document.Tool.Version })
	p.Footer = fmt.Sprintf("Measured by gpubench %s. Times are by the host's clock; intervals are of 95 %% and come from the launches.", r.wording.clean(strings.Join(tools, ", ")))
	return pageTemplate.Execute(w, p)
}

// mostLines is for how many documents all rates fit into one figure.
const mostLines = 6

func newPageFigure(p *Plot) (f pageFigure, err error) {
	f = pageFigure{Title: p.Title, Text: p.Text, Words: p.Words}
	for _, size := range []struct {
		width float64
		to    *template.HTML
	}{{wideFigure, &f.Wide}, {narrowFigure, &f.Narrow}} {
		svg, err := plots.SVG(p.Figure, plots.Options{Width: size.width, Alt: p.Title, Inline: true})
		if err != nil {
			return f, err
		}
		*size.to = template.HTML(svg)
	}
	return f, nil
}

// styleClasses are the classes of the styles of cells.
var styleClasses = map[style]string{strong: "strong", faint: "faint", good: "good", bad: "bad", notice: "notice"}

// shortCell is how many columns of text a cell keeps on one line.
const shortCell = 26

// newPageTable makes the page's table of one of the model. notes is the id of the list
// that footnotes are in.
func newPageTable(t table, notes string) *pageTable {
	p := &pageTable{Caption: t.caption, Label: "table: " + t.caption}
	shown := shownColumns(t)
	for _, i := range shown {
		c := t.columns[i]
		h := pageHead{Text: c.head}
		switch {
		case c.bar:
			h.Class = "bar"
		case c.right:
			h.Class = "right"
		}
		if h.Text == "" {
			h.Text, h.Hidden = cmp.Or(c.name, "more"), true
		}
		p.Head = append(p.Head, h)
	}
	for _, r := range t.rows {
		var cells []pageCell
		for k, i := range shown {
			if r.rest != "" && i >= r.restFrom {
				cells = append(cells, pageCell{Text: r.rest, Class: strings.TrimSpace("wide " + styleClasses[r.restStyle]), Span: len(shown) - k})
				break
			}
			var c cell
			if i < len(r.cells) {
				c = r.cells[i]
			}
			out := pageCell{Text: c.text, Class: styleClasses[c.style], Header: i == 0 && c.text != ""}
			switch {
			case t.columns[i].bar && c.drawn:
				out.Bar = fmt.Sprintf("%.1f", 100*max(0.005, min(1, c.part)))
			case t.columns[i].mark && c.text != "" && notes != "":
				out.Href = "#" + notes
			}
			switch {
			case t.columns[i].right:
				out.Class = strings.TrimSpace("right " + out.Class)
			case width(out.Text) <= shortCell:
				out.Class = strings.TrimSpace("short " + out.Class)
			}
			cells = append(cells, out)
		}
		p.Rows = append(p.Rows, cells)
	}
	return p
}

// newPagePart makes all of one document but its figures and the download.
func (r *Report) newPagePart(p part, id string) pagePart {
	v := p.view
	q := pagePart{ID: id, Label: p.label, Host: v.host, Run: v.run, Interrupted: v.interrupted, Nothing: v.nothing, Checks: v.checks,
		Notes: v.notes, Warnings: v.warnings, Missing: v.missing, Cards: v.cards,
		Time: newPageTable(r.timeTable(p), ""), Checked: newPageTable(r.checkTable(p), ""), Ran: newPageTable(r.kernelTable(p), ""), Facts: r.facts(p)}
	tables := slices.Concat(v.problems, v.beside, []table{v.devices})
	if len(v.runtimes.rows) > 0 {
		tables = append(tables, v.runtimes)
	}
	if len(v.compared.rows) > 0 {
		tables = append(tables, v.compared)
	}
	for _, t := range tables {
		q.Tables = append(q.Tables, newPageTable(t, id+"-notes"))
	}
	clean := r.wording.clean
	warned := table{caption: "what a reader should know", columns: []column{{head: "of"}, {head: "code"}, {head: "what happened, and what to do"}}}
	warn := func(of string, w result.Warning) {
		warned.rows = append(warned.rows, row{cells: []cell{{text: of}, {text: clean(w.Code), style: faint}, {text: clean(w.Text)}}})
	}
	for _, w := range p.Document.Warnings {
		warn("the run", w)
	}
	for _, m := range p.Document.Measurements {
		arm := r.name(p, m, true, []part{p})
		if m.Status != result.StatusOK {
			q.Failures = append(q.Failures, pageNote{What: arm, Why: clean(m.Status + ": " + m.Reason)})
		}
		for _, l := range m.Launches {
			if l.Status != result.StatusOK {
				var said []string
				for _, s := range l.Stderr {
					said = append(said, clean(s))
				}
				why := l.Reason
				if l.Signal != "" && !strings.Contains(why, l.Signal) {
					why += " (" + l.Signal + ")"
				}
				q.Failures = append(q.Failures, pageNote{What: fmt.Sprintf("%s, launch %d", arm, l.Round+1), Why: clean(why), Said: strings.Join(said, "\n")})
			}
		}
		for _, w := range m.Warnings {
			warn(arm, w)
		}
	}
	q.Warned = newPageTable(warned, "")
	return q
}

// timeTable says where the time of the launches of each arm went.
func (r *Report) timeTable(p part) table {
	t := table{caption: "median seconds of a launch", columns: []column{
		{head: "device"}, {head: "launches", right: true}, {head: "in all", right: true}, {head: "start, build, checks", right: true}, {head: "warm-up", right: true}, {head: "samples", right: true}, {head: "specializations tried before", right: true},
	}}
	for _, m := range p.Document.Measurements {
		var all, rest, warm, timed []float64
		for _, l := range m.Launches {
			if l.Status != result.StatusOK {
				continue
			}
			w, s := hostSeconds(l.Warmup), hostSeconds(l.Samples)
			all, warm, timed, rest = append(all, l.DurationS), append(warm, w), append(timed, s), append(rest, max(0, l.DurationS-w-s))
		}
		out := row{cells: []cell{{text: r.name(p, m, true, []part{p})}}}
		if len(all) == 0 {
			out.rest, out.restFrom, out.restStyle = "no good launch", 1, faint
			t.rows = append(t.rows, out)
			continue
		}
		out.cells = append(out.cells, cell{text: fmt.Sprint(len(all))})
		for _, times := range [][]float64{all, rest, warm, timed} {
			s, err := stats.Summarize(stats.Samples{times})
			c := cell{text: "0"} // no launch has warmed up
			if err == nil {
				c.text = digits4(s.Median)
			}
			out.cells = append(out.cells, c)
		}
		tried := ""
		if n := len(m.Kernel.Search); n > 0 {
			tried = fmt.Sprint(n)
		}
		out.cells = append(out.cells, cell{text: tried})
		t.rows = append(t.rows, out)
	}
	return t
}

func hostSeconds(samples []result.Sample) (sum float64) {
	for _, s := range samples {
		sum += s.HostS
	}
	return sum
}

// checkTable says how each arm was checked.
func (r *Report) checkTable(p part) table {
	t := table{caption: "how the results were checked", columns: []column{
		{head: "device"}, {head: "batches", right: true}, {head: "wrong", right: true}, {head: "dispatches", right: true}, {head: "not bit-equal", right: true}, {head: "largest error", right: true}, {head: "bound", right: true}, {head: "method"}, {head: "hash of the exact product"},
	}}
	for _, m := range p.Document.Measurements {
		v := m.Verification
		out := row{cells: []cell{{text: r.name(p, m, true, []part{p})}}}
		if v.Batches == 0 {
			out.rest, out.restFrom, out.restStyle = "nothing was checked", 1, faint
			t.rows = append(t.rows, out)
			continue
		}
		wrong := cell{text: fmt.Sprint(v.Failed)}
		if v.Failed > 0 {
			wrong.style = bad
		}
		dispatches := ""
		if v.Dispatches > 0 {
			dispatches = fmt.Sprint(v.Dispatches)
		}
		largest, bound := "", "" // an empty dispatch has no product to be wrong
		if v.Bound > 0 {
			largest, bound = fmt.Sprintf("%.3e", v.MaxError), fmt.Sprintf("%.3e", v.Bound)
		}
		t.rows = append(t.rows, row{cells: append(out.cells, cell{text: fmt.Sprint(v.Batches)}, wrong, cell{text: dispatches}, cell{text: fmt.Sprint(v.Varied)},
			cell{text: largest}, cell{text: bound}, cell{text: r.wording.clean(v.Method)}, cell{text: r.wording.clean(short(v.ExactChecksum, 26))})})
	}
	return t
}

// kernelTable says exactly what ran.
func (r *Report) kernelTable(p part) table {
	t := table{caption: "what ran", columns: []column{{head: "device"}, {head: "kernel"}, {head: "format, sums"}, {head: "form"}, {head: "SPIR-V"}, {head: "form's hash"}, {head: "specialization"}}}
	clean := r.wording.clean
	for _, m := range p.Document.Measurements {
		k := m.Kernel
		var constants []string
		for _, name := range slices.Sorted(maps.Keys(k.Specialization)) {
			constants = append(constants, fmt.Sprintf("%s=%d", name, k.Specialization[name]))
		}
		t.rows = append(t.rows, row{cells: []cell{{text: r.name(p, m, true, []part{p})}, {text: clean(k.Name)}, {text: clean(k.Format + ", " + k.Accumulate)}, {text: clean(k.Form)},
			{text: clean(short(k.SPIRVSHA256, 12))}, {text: clean(short(k.FormSHA256, 12))}, {text: clean(strings.Join(constants, " "))}}})
	}
	return t
}

// short is the beginning of a hash.
func short(s string, n int) string { return fmt.Sprintf("%.*s", n, s) }

// facts are the environment in full.
func (r *Report) facts(p part) []pageFacts {
	d, clean := p.Document, r.wording.clean
	h := d.Host
	list := func(caption string, pairs ...string) pageFacts {
		f := pageFacts{Caption: caption}
		for i := 0; i < len(pairs); i += 2 {
			f.Rows = append(f.Rows, pageFact{pairs[i], cmp.Or(clean(pairs[i+1]), "none")})
		}
		return f
	}
	quota, memory := "", "unknown"
	if h.CPU.Quota != nil {
		quota = fmt.Sprintf("%.4g processors", *h.CPU.Quota)
	}
	if h.MemoryBytes > 0 {
		memory = binarySize(h.MemoryBytes)
	}
	commit := cmp.Or(d.Tool.Commit, "unknown")
	if d.Tool.Dirty {
		commit += ", changed"
	}
	kind := "dynamic"
	if d.Tool.Static {
		kind = "static"
	}
	out := []pageFacts{
		list("machine", "processor", h.CPU.Model, "instruction set", h.CPU.ISA, "processors", fmt.Sprintf("%d usable of %d logical", h.CPU.Usable, h.CPU.Logical), "quota", quota, "memory", memory,
			"system", strings.TrimSpace(h.OS+" "+h.Kernel)+", "+h.Arch, "runtime", runtimeWords(h.Runtime), "declared as", h.Runtime.Declared, "signs of it", strings.Join(h.Runtime.Evidence, ", "), "/dev/dri", strings.Join(h.DRI, ", ")),
		list("run", "command", "gpubench "+strings.Join(d.Argv, " "), "started", d.Started.UTC().Format("2006-01-02 15:04:05 UTC"), "took", seconds(d.DurationS), "seed", fmt.Sprint(d.Seed),
			"gpubench", d.Tool.Version+", "+kind+", "+d.Tool.Go, "commit", commit, "document", filepath.Base(p.Name)+", "+d.Schema.Name+" "+d.Schema.Version),
	}
	for _, dev := range d.Devices {
		var limits []string
		for _, name := range slices.Sorted(maps.Keys(dev.Limits)) {
			limits = append(limits, fmt.Sprintf("%s %d", name, dev.Limits[name]))
		}
		pairs := []string{"name", dev.Name, "class", class(dev)}
		for _, f := range [][2]string{
			{"driver", r.wording.driver(dev)}, {"uuid", dev.UUID}, {"limits", strings.Join(limits, ", ")}, {"not usable", dev.Unusable},
		} {
			if f[1] != "" {
				pairs = append(pairs, f[0], f[1])
			}
		}
		if dev.MemoryBytes > 0 {
			pairs = append(pairs, "memory", binarySize(dev.MemoryBytes))
		}
		out = append(out, list("device "+clean(dev.ID), pairs...))
	}
	return out
}

// mostPlain is the size up to which a document is held in a page as it is.
const mostPlain = 1 << 20

// newPageDownload packs the raw document.
func newPageDownload(p part) *pageDownload {
	d := &pageDownload{Name: clean(filepath.Base(p.Name), true), Size: binarySize(uint64(len(p.Raw)))}
	kind, body := "application/json", p.Raw
	if len(body) > mostPlain {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is one that there is
		z.Write(p.Raw)                                  // a buffer takes all
		z.Close()
		kind, body, d.Name = "application/gzip", b.Bytes(), d.Name+".gz"
	}
	d.Href = template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(body))
	return d
}
