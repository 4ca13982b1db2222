package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"gpubench/internal/result"
)

// Run prints a result document as tables for a person: the machine, the devices
// that were measured, for each problem a table of rates with their intervals and
// the ratio to the baseline, then warnings as footnotes and what could not be
// measured. The error is the writer's.
func Run(w io.Writer, doc *result.Document, o Options) error {
	p := newPrinter(w, o)
	v := &runView{printer: p, doc: doc, devices: map[string]result.Device{}, ratios: map[string]result.Ratio{}}
	for _, d := range doc.Devices {
		v.devices[d.ID] = d
	}
	for _, r := range doc.Ratios {
		v.ratios[r.Fast] = r
	}
	v.runtimes = len(distinct(doc.Measurements, func(m result.Measurement) string { return m.Runtime })) > 1

	v.header()
	v.runtimeList()
	v.deviceList()
	for _, problem := range distinct(v.products(), problemSize) {
		v.problem(problem)
	}
	v.beside()
	if len(doc.Measurements) == 0 {
		p.line("")
		p.line("Nothing was measured.")
	}
	v.checks()
	v.footnotes()
	v.notMeasured()
	return p.err
}

// runView is a document on its way to the printer.
type runView struct {
	*printer
	doc      *result.Document
	devices  map[string]result.Device
	ratios   map[string]result.Ratio // by the id of the measurement whose speed they express
	runtimes bool                    // rows come from several runtimes
	notes    []note                  // footnotes, in order of first mention
}

// products are the measurements of matrix products: the kernel's and the references'.
func (v *runView) products() []result.Measurement {
	return slices.DeleteFunc(slices.Clone(v.doc.Measurements), func(m result.Measurement) bool {
		return m.Role != result.RoleKernel && m.Role != result.RoleReference
	})
}

func problemSize(m result.Measurement) [3]int {
	return [3]int{m.Problem.M, m.Problem.N, m.Problem.K}
}

// distinct lists the different keys of the values in order of first appearance.
func distinct[T any, K comparable](values []T, key func(T) K) []K {
	var keys []K
	for _, v := range values {
		if k := key(v); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// join puts facts beside each other and leaves out the empty ones.
func (p *printer) join(facts ...string) string {
	facts = slices.DeleteFunc(facts, func(s string) bool { return s == "" })
	return strings.Join(facts, p.pick(" · ", ", "))
}

// header prints where and with what was measured.
func (v *runView) header() {
	v.text(v.host(v.doc.Host), strong)
	var run []string
	for _, k := range distinct(v.products(), func(m result.Measurement) [3]string {
		return [3]string{m.Kernel.Name, m.Kernel.Format, m.Kernel.SPIRVSHA256}
	}) {
		if k[0] != "" {
			run = append(run, v.clean(k[0]+" "+k[1]))
		}
		if k[2] != "" {
			run = append(run, v.clean(fmt.Sprintf("SPIR-V %.12s", k[2])))
		}
	}
	run = append(run, fmt.Sprintf("seed %d", v.doc.Seed), seconds(v.doc.DurationS))
	v.text(v.join(run...), faint)
	if v.doc.Interrupted {
		v.line(v.paint("Interrupted: this is what was measured until then.", notice))
	}
}

// host describes the machine in one line.
func (p *printer) host(h result.Host) string {
	cpus := fmt.Sprintf("%d of %d CPUs usable", h.CPU.Usable, h.CPU.Logical)
	if h.CPU.Quota != nil {
		cpus += fmt.Sprintf(" (quota %.3g)", *h.CPU.Quota)
	}
	memory := ""
	if h.MemoryBytes > 0 {
		memory = binarySize(h.MemoryBytes)
	}
	model := p.clean(h.CPU.Model)
	if model == "" {
		model = "unknown CPU"
	}
	return p.join(model, cpus, p.clean(h.CPU.ISA), memory, p.clean(h.Runtime.Name), p.clean(strings.TrimSpace(h.OS+" "+h.Kernel)))
}

// class is the word for what kind of processor a device is. A program on the CPU
// is called software, whatever API it speaks.
func class(d result.Device) string {
	if d.Software {
		return "software"
	}
	return d.Class
}

// driver describes what drives a device.
func (p *printer) driver(d result.Device) string {
	threads, name, api := "", "", ""
	switch {
	case d.Threads == 1:
		threads = "1 thread"
	case d.Threads > 1:
		threads = fmt.Sprintf("%d threads", d.Threads)
	}
	if d.Backend != "cpu" && d.Role() != result.RoleReference { // which drive themselves
		name = d.Driver.Name
		info := cmp.Or(d.Driver.Info, d.Driver.Version)
		if strings.Contains(info, name) {
			name = info
		} else {
			name += " " + info
		}
	}
	if d.API != "" {
		api = d.Backend + " " + d.API
	}
	return p.join(threads, p.clean(d.ISA), p.clean(name), p.clean(api))
}

// deviceList prints the devices that rows speak of.
func (v *runView) deviceList() {
	var rows []row
	for _, id := range distinct(v.doc.Measurements, func(m result.Measurement) string { return m.Device }) {
		d, known := v.devices[id]
		if !known {
			continue
		}
		rows = append(rows, row{cells: []cell{
			{text: v.clean(id)},
			v.classCell(d),
			{text: v.clean(d.Name)},
			{text: v.driver(d)},
		}})
	}
	if len(rows) == 0 {
		return
	}
	v.line("")
	v.table(2, []column{{head: "device", least: 10}, {head: "class"}, {head: "name", least: 16}, {head: "driver", least: 16}}, rows)
}

// classCell is the class of a device, which stands out when it is software.
func (p *printer) classCell(d result.Device) cell {
	c := cell{text: p.clean(class(d))}
	if d.Software {
		c.style = notice
	}
	return c
}

// label names the arm of a row: its device, with runtime and library where they
// tell it from its neighbours.
func (v *runView) label(m result.Measurement) string {
	s := m.Device
	if v.runtimes && !strings.HasPrefix(s, m.Runtime+"/") { // a device's id may say it already
		s = m.Runtime + "/" + s
	}
	switch m.Role {
	case result.RoleReference, result.RolePeak:
		s += " " + m.Kernel.Name
	case result.RoleOverhead:
		s += " empty dispatch"
	}
	return v.clean(s)
}

// baseline is the label of the row that ratios are to, empty when there are none.
func (v *runView) baseline() string {
	for _, r := range v.doc.Ratios {
		for _, m := range v.doc.Measurements {
			if m.ID == r.Slow {
				return v.label(m)
			}
		}
	}
	return ""
}

// problem prints the table of one problem size.
func (v *runView) problem(size [3]int) {
	var arms []result.Measurement
	var rates []float64
	for _, m := range v.products() {
		if size == [3]int{m.Problem.M, m.Problem.N, m.Problem.K} {
			arms = append(arms, m)
			if m.Status == result.StatusOK && m.Summary != nil {
				rates = append(rates, m.Summary.FLOPS)
			}
		}
	}
	// References stand below the kernel's rows, never among them; the words sort so.
	slices.SortStableFunc(arms, func(a, b result.Measurement) int { return strings.Compare(a.Role, b.Role) })
	unit := rateUnit(rates)
	fastest := 0.0
	for _, r := range rates {
		fastest = max(fastest, r)
	}
	isBaseline := func(id string) bool {
		return slices.ContainsFunc(v.doc.Ratios, func(r result.Ratio) bool { return r.Slow == id })
	}
	columns := []column{
		{head: "device", least: 10},
		{head: "class", least: 5},
		{head: unit.name, right: true},
		{head: "95 %", right: true, drop: 1},
		{bar: true, drop: 5},
		{head: "of peak", right: true, drop: 4},
		{head: "device clock", right: true, drop: 6},
		{head: "vs " + v.baseline(), right: true},
		{head: "95 %", drop: 2},
		{head: "checked", drop: 3},
		{},
	}
	var rows []row
	for _, m := range arms {
		class := v.classCell(v.devices[m.Device])
		if m.Role == result.RoleReference {
			class = cell{text: "reference", style: faint}
		}
		r := row{cells: []cell{{text: v.label(m)}, class}}
		marks := cell{text: v.marks(m), style: notice}
		if m.Status != result.StatusOK || m.Summary == nil { // what went wrong is never a number
			r.rest, r.restFrom, r.restStyle = v.clean(m.Status+": "+m.Reason), 2, notice
			if m.Status == result.StatusFailed {
				r.restStyle = bad
			}
			if marks.text != "" {
				r.rest += " " + marks.text
			}
			rows = append(rows, r)
			continue
		}
		s := m.Summary
		interval, device, ratio, ratioCI, peak := "", "", cell{}, "", cell{}
		if m.Peak != nil {
			peak.text = fmt.Sprintf("%.0f %%", 100*m.Peak.Share)
			if m.Peak.Share > 1.05 {
				peak.style = bad
			}
		}
		if s.FLOPSCI95 != nil {
			interval = v.pick("±", "+-") + halfWidth(*s.FLOPSCI95, s.FLOPS)
		}
		if s.DeviceMedianS != nil && *s.DeviceMedianS > 0 {
			device = digits4(float64(m.Problem.FLOP) / *s.DeviceMedianS / unit.factor)
		}
		if q, ok := v.ratios[m.ID]; ok {
			ratio = cell{text: digits4(q.Value) + v.pick("×", "x"), style: strong}
			if q.CI95 != nil {
				ratioCI = v.interval(*q.CI95)
			}
		} else if isBaseline(m.ID) {
			ratio.text = "baseline"
		}
		r.cells = append(r.cells,
			cell{text: digits4(s.FLOPS / unit.factor), style: strong},
			cell{text: interval},
			cell{drawn: true, part: s.FLOPS / fastest},
			peak,
			cell{text: device},
			ratio,
			cell{text: ratioCI},
			cell{text: plural(m.Verification.Batches, "batch", "batches"), style: good},
			marks)
		rows = append(rows, r)
	}
	v.line("")
	v.line(v.paint(fmt.Sprintf("%d x %d x %d", size[0], size[1], size[2]), strong))
	v.table(2, columns, rows)
}

// beside prints what was looked at beside the products: the time of an empty dispatch
// and the peak of the arithmetic.
func (v *runView) beside() {
	var rates []float64
	for _, m := range v.doc.Measurements {
		if m.Role == result.RolePeak && m.Summary != nil {
			rates = append(rates, m.Summary.FLOPS)
		}
	}
	unit := rateUnit(rates)
	var rows []row
	for _, m := range v.doc.Measurements {
		if m.Role != result.RoleOverhead && m.Role != result.RolePeak {
			continue
		}
		r := row{cells: []cell{{text: v.label(m)}}}
		marks := cell{text: v.marks(m), style: notice}
		if m.Summary == nil {
			r.rest, r.restFrom, r.restStyle = v.clean(m.Status+": "+m.Reason)+" "+marks.text, 1, notice
			rows = append(rows, r)
			continue
		}
		value, ci, middle := v.shortTime(m.Summary.MedianS), m.Summary.CI95S, m.Summary.MedianS
		what := "from submission to fence"
		if m.Role == result.RolePeak {
			value, ci, middle = digits4(m.Summary.FLOPS/unit.factor)+" "+unit.name, m.Summary.FLOPSCI95, m.Summary.FLOPS
			what = "multiply-adds alone: what the arithmetic can do"
		}
		interval := ""
		if ci != nil {
			interval = v.pick("±", "+-") + halfWidth(*ci, middle)
		}
		r.cells = append(r.cells, cell{text: value, style: strong}, cell{text: interval}, cell{text: what, style: faint}, marks)
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		return
	}
	v.line("")
	v.line(v.paint("beside the products", strong))
	v.table(2, []column{{head: "device", least: 10}, {right: true}, {right: true, head: "95 %", drop: 1}, {drop: 2}, {}}, rows)
}

// interval writes two ends.
func (p *printer) interval(ci [2]float64) string {
	lo, hi := digits4(ci[0]), digits4(ci[1])
	if strings.Contains(lo+hi, "e") { // a dash would be read as a sign
		return lo + " to " + hi
	}
	return lo + p.pick("–", "-") + hi
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// marks returns the numbers of the footnotes of a row, as in [1,4-6]: its warnings,
// and what the table itself has to explain.
func (v *runView) marks(m result.Measurement) string {
	var numbers []int
	label := v.label(m)
	if m.Role != result.RoleOverhead && m.Role != result.RolePeak && len(distinct(v.products(), problemSize)) > 1 {
		label += fmt.Sprintf(" at %dx%dx%d", m.Problem.M, m.Problem.N, m.Problem.K)
	}
	note := func(text string) {
		var number int
		v.notes, number = addNote(v.notes, v.clean(text), label)
		numbers = append(numbers, number)
	}
	for _, w := range m.Warnings {
		note(w.Text)
	}
	if s := m.Summary; s != nil && s.FLOPSCI95 == nil && len(m.Warnings) == 0 {
		note(fmt.Sprintf("no interval: %s, and 6 are the least; allow more with --min-time or --launches", plural(s.N, "sample", "samples")))
	}
	return ranges(numbers)
}

// ranges writes numbers in brackets, three or more in a row as a range.
func ranges(numbers []int) string {
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	var parts []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		if j-i >= 2 {
			parts = append(parts, fmt.Sprintf("%d-%d", numbers[i], numbers[j]))
			i = j + 1
			continue
		}
		parts = append(parts, fmt.Sprint(numbers[i]))
		i++
	}
	if len(parts) == 0 {
		return ""
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// checks says below the tables what "checked" means, as far as it was done.
func (v *runView) checks() {
	methods, batches := map[string]bool{}, 0
	sums := map[string]map[string]bool{} // problem and format to checksums
	several := false
	for _, m := range v.doc.Measurements {
		if m.Status != result.StatusOK || m.Verification.Batches == 0 {
			continue
		}
		batches += m.Verification.Batches
		methods[m.Verification.Method] = true
		if s := m.Verification.ExactChecksum; s != "" {
			key := fmt.Sprint(m.Problem.M, m.Problem.N, m.Problem.K, m.Kernel.Format)
			if sums[key] == nil {
				sums[key] = map[string]bool{}
			} else {
				several = true
			}
			sums[key][s] = true
		}
	}
	if batches == 0 {
		return
	}
	how := "every batch whole, "
	switch {
	case methods["full"] && methods["freivalds"]:
		how += "each element or by Freivalds' check, "
	case methods["freivalds"]:
		how += "by Freivalds' check, "
	}
	how += "against float64"
	same := true
	for _, s := range sums {
		same = same && len(s) == 1
	}
	switch {
	case len(sums) == 0:
	case !same:
		how += "; but the integer input gave different bits on different devices"
	case several:
		how += "; the integer input gave the same bits on every device"
	default:
		how += "; the integer input came out exact"
	}
	v.line("")
	v.hang("checked: ", how, faint)
}

// footnotes prints the notes of the rows, then those of the whole run.
func (v *runView) footnotes() {
	if len(v.notes)+len(v.doc.Warnings) > 0 {
		v.line("")
	}
	for i, n := range v.notes {
		v.hang(fmt.Sprintf("[%d] ", i+1), n.String(), notice)
	}
	for _, w := range v.doc.Warnings {
		v.hang("note: ", v.clean(w.Text), notice)
	}
}

// notMeasured lists what is not in the tables, and why.
func (v *runView) notMeasured() {
	measured := map[string]bool{}
	for _, m := range v.doc.Measurements {
		measured[m.Device] = true
	}
	var lines []string
	for _, d := range v.doc.Devices {
		if d.Unusable != "" && !measured[d.ID] {
			lines = append(lines, fmt.Sprintf("%s (%s): %s", d.ID, d.Name, d.Unusable))
		}
	}
	for _, a := range v.doc.Absent {
		lines = append(lines, absentLine(a))
	}
	if len(lines) == 0 {
		return
	}
	v.line("")
	for _, l := range lines {
		v.hang("not measured: ", v.clean(l), faint)
	}
}

// absentLine says why a backend is not there and what to do.
func absentLine(a result.Absent) string {
	s := a.Backend + ": " + strings.TrimPrefix(a.Reason, a.Backend+": ") // reasons begin with the place, too
	if a.Remedy != "" {
		s += "; " + a.Remedy
	}
	return s
}
