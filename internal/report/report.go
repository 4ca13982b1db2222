package report

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
)

// Report is what all formats for several documents are made from.
type Report struct {
	parts      []part
	judgements []analysis.Judgement
	wording    wording
}

// Input is a document with its text as it was read.
type Input struct {
	analysis.Source
	Raw []byte
}

// part is one document of a report.
type part struct {
	Input
	label string // what tells it from the others; its machine where it is alone
	view  *view
	rows  *runView
}

// New prepares a report on documents, with these claims held against them. A document
// whose figures do not follow from its samples is an *analysis.Altered error.
func New(inputs []Input, claims []analysis.Claim) (*Report, error) {
	r := &Report{}
	var sources []analysis.Source
	for _, in := range inputs {
		sources = append(sources, in.Source)
	}
	judgements, err := analysis.Judge(sources, claims) // which checks the documents
	if err != nil {
		return nil, err
	}
	r.judgements = judgements
	labels := r.labels(inputs)
	for i, in := range inputs {
		r.parts = append(r.parts, part{Input: in, label: labels[i], view: viewOf(in.Document, r.wording), rows: newRunView(in.Document, r.wording)})
	}
	return r, nil
}

// several reports whether documents have to be told apart.
func (r *Report) several() bool { return len(r.parts) > 1 }

// labels names each document by what differs: the machine, the runtime, the day, and
// where that is not enough the time, the build and the file.
func (r *Report) labels(inputs []Input) []string {
	facts := []func(in Input) string{
		func(in Input) string { return in.Document.Host.CPU.Model },
		func(in Input) string { return in.Document.Host.Runtime.Name },
		func(in Input) string { return in.Document.Host.OS + "/" + in.Document.Host.Arch },
		func(in Input) string { return in.Document.Started.UTC().Format("2006-01-02") },
		func(in Input) string { return in.Document.Started.UTC().Format("15:04:05") },
		func(in Input) string { return fmt.Sprintf("%.12s", in.Document.Tool.Commit) },
		func(in Input) string { return filepath.Base(in.Name) },
		func(in Input) string { return in.Name },
	}
	const always = 4 // as many of them are named wherever they differ
	words := make([][]string, len(inputs))
	unique := func() bool {
		return len(distinct(words, func(w []string) string { return strings.Join(w, "\n") })) == len(inputs)
	}
	for i, fact := range facts {
		if len(distinct(inputs, fact)) < 2 || i >= always && unique() {
			continue
		}
		for j, in := range inputs {
			words[j] = append(words[j], r.wording.clean(fact(in)))
		}
	}
	same := !unique()
	labels := make([]string, len(inputs))
	for i, in := range inputs {
		if same { // even the files are the same
			words[i] = append(words[i], fmt.Sprintf("no. %d", i+1))
		}
		labels[i] = r.wording.join(words[i]...)
		if len(inputs) == 1 {
			labels[i] = r.wording.join(r.wording.clean(in.Document.Host.CPU.Model), r.wording.clean(in.Document.Host.Runtime.Name))
		}
	}
	return labels
}

// armName is the name of an arm where all documents are in one figure.
func (r *Report) armName(p part, m result.Measurement, sized bool) string {
	name := p.rows.label(m)
	if sized && (m.Role == result.RoleKernel || m.Role == result.RoleReference) {
		name += " " + r.wording.dimensions(m.Problem.M, m.Problem.N, m.Problem.K)
	}
	if r.several() {
		name = p.label + ": " + name
	}
	return name
}

// sideBySide holds the arms of all documents against each other, a column for each. An
// arm is a device with the same id and, but for the CPU, the same name, in the same
// runtime.
func (r *Report) sideBySide() table {
	type key struct{ label, name, size string }
	var keys []key
	cells := map[key]map[int]result.Measurement{}
	var rates []float64
	for i, p := range r.parts {
		for _, m := range p.rows.products() {
			k := key{p.rows.label(m), "", r.wording.dimensions(m.Problem.M, m.Problem.N, m.Problem.K)}
			if d := p.rows.devices[m.Device]; d.Backend != "cpu" {
				k.name = r.wording.clean(d.Name)
			}
			if cells[k] == nil {
				keys, cells[k] = append(keys, k), map[int]result.Measurement{}
			}
			cells[k][i] = m
			if m.Status == result.StatusOK && m.Summary != nil {
				rates = append(rates, m.Summary.FLOPS)
			}
		}
	}
	unit := rateUnit(rates)
	t := table{caption: "median rates in " + unit.name + ", with the half width of their 95 % intervals", columns: []column{{head: "device"}, {head: "name"}, {head: "size"}}}
	for _, p := range r.parts {
		t.columns = append(t.columns, column{head: p.label, right: true})
	}
	slices.SortStableFunc(keys, func(a, b key) int { return strings.Compare(a.label, b.label) })
	for _, k := range keys {
		line := row{cells: []cell{{text: k.label}, {text: k.name}, {text: k.size}}}
		for i := range r.parts {
			m, ok := cells[k][i]
			c := cell{text: "not measured", style: faint}
			switch {
			case ok && m.Status == result.StatusOK && m.Summary != nil:
				c = cell{text: digits4(m.Summary.FLOPS / unit.factor), style: strong}
				if ci := m.Summary.FLOPSCI95; ci != nil {
					c.text += " ±" + halfWidth(*ci, m.Summary.FLOPS)
				}
			case ok:
				c = cell{text: r.wording.clean(m.Status), style: bad}
			}
			line.cells = append(line.cells, c)
		}
		t.rows = append(t.rows, line)
	}
	return t
}
