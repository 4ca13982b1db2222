package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
)

// Run prints a result document as tables for a person: the machine, the devices
// that were measured, for each problem a table of rates with their intervals and
// the ratio to the baseline, then warnings as footnotes and what could not be
// measured. The error is the writer's.
func Run(w io.Writer, doc *result.Document, o Options) error {
	p := newPrinter(w, o)
	v := viewOf(doc, p.wording)
	p.text(v.host, strong)
	p.text(v.run, faint)
	if v.interrupted != "" {
		p.line(p.paint(v.interrupted, notice))
	}
	if len(v.runtimes.rows) > 0 {
		p.line("")
		p.table(2, v.runtimes.columns, v.runtimes.rows)
	}
	if len(v.devices.rows) > 0 {
		p.line("")
		p.table(2, v.devices.columns, v.devices.rows)
	}
	perWattShown := false
	for _, t := range slices.Concat(v.problems, v.beside) {
		p.line("")
		p.line(p.paint(t.caption, strong))
		for i, used := range p.table(2, t.columns, t.rows) {
			perWattShown = perWattShown || used && t.columns[i].head == perWatt
		}
	}
	if v.nothing != "" {
		p.line("")
		p.line(v.nothing)
	}
	if v.checks != "" {
		p.line("")
		p.hang("checked: ", v.checks, faint)
	}
	for _, l := range v.cards {
		p.hang("same card: ", l, faint)
	}
	if perWattShown {
		p.hang(perWatt+": ", v.energy, faint)
	}
	if len(v.notes)+len(v.warnings) > 0 {
		p.line("")
	}
	for i, n := range v.notes {
		p.hang(fmt.Sprintf("[%d] ", i+1), n, notice)
	}
	for _, text := range v.warnings {
		p.hang("note: ", text, notice)
	}
	if len(v.missing) > 0 {
		p.line("")
	}
	for _, l := range v.missing {
		p.hang("not measured: ", l, faint)
	}
	if len(v.compared.rows) > 0 {
		p.line("")
		p.line(p.paint(v.compared.caption, strong))
		p.table(2, v.compared.columns, v.compared.rows)
	}
	return p.err
}

// view is what a document says to a person: the model of the terminal's table and of
// the page. All text is clean and in its unit.
type view struct {
	host, run   string   // the machine, and what ran
	interrupted string   // empty when it was not
	runtimes    table    // those of a suite
	devices     table    // those that rows speak of
	problems    []table  // one for each problem
	beside      []table  // empty dispatches and peaks
	nothing     string   // said when nothing was measured
	checks      string   // what "checked" means
	cards       []string // which devices are one card
	energy      string   // what the rates per watt are of
	notes       []string // footnotes by their numbers, from 1
	warnings    []string // about the run as a whole
	missing     []string // what was not measured, and why
	compared    table    // the runtimes of a suite, one against the others
}

// viewOf makes the model of a document.
func viewOf(doc *result.Document, w wording) *view {
	v := newRunView(doc, w)
	out := &view{host: v.host(doc.Host), run: v.header(), runtimes: v.runtimeList(), devices: v.deviceList()}
	if doc.Interrupted {
		out.interrupted = "Interrupted: this is what was measured until then."
	}
	for _, problem := range distinct(v.products(), problemSize) {
		out.problems = append(out.problems, v.problem(problem))
	}
	out.beside = v.beside()
	if len(doc.Measurements) == 0 {
		out.nothing = "Nothing was measured."
	}
	out.checks, out.cards, out.energy = v.checks(), v.cards(), v.energy()
	for _, n := range v.notes {
		out.notes = append(out.notes, n.String())
	}
	for _, w := range doc.Warnings {
		out.warnings = append(out.warnings, v.clean(w.Text))
	}
	out.missing = append(v.notMeasured(), v.runtimesMissing()...)
	out.compared = v.comparison()
	return out
}

// runView is a document on its way to its view.
type runView struct {
	wording
	doc      *result.Document
	devices  map[string]result.Device
	baseline string                        // label of the rows that the table's ratios are to, empty when there are none
	measured map[string]result.Measurement // by id
	ratios   map[string]result.Ratio       // to the baseline, by the id of the measurement whose speed they express
	runtimes bool                          // rows come from several runtimes
	notes    []note                        // footnotes, in order of first mention
}

func newRunView(doc *result.Document, w wording) *runView {
	v := &runView{wording: w, doc: doc, devices: map[string]result.Device{}, measured: map[string]result.Measurement{}, ratios: map[string]result.Ratio{}}
	for _, d := range doc.Devices {
		v.devices[d.ID] = d
	}
	v.runtimes = len(distinct(doc.Measurements, func(m result.Measurement) string { return m.Runtime })) > 1
	for _, m := range doc.Measurements {
		v.measured[m.ID] = m
	}
	for i, r := range doc.Ratios {
		slow := v.label(v.measured[r.Slow])
		if i == 0 { // those to the baseline come first
			v.baseline = slow
		}
		if slow == v.baseline {
			v.ratios[r.Fast] = r
		}
	}
	return v
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
func (p wording) join(facts ...string) string {
	facts = slices.DeleteFunc(facts, func(s string) bool { return s == "" })
	return strings.Join(facts, p.pick(" · ", ", "))
}

// header says with what was measured, and for how long.
func (v *runView) header() string {
	var run []string
	ran := slices.DeleteFunc(v.products(), func(m result.Measurement) bool { return m.Status != result.StatusOK })
	if len(ran) == 0 {
		ran = v.products()
	}
	for _, k := range distinct(ran, func(m result.Measurement) [3]string {
		return [3]string{m.Kernel.Name, m.Kernel.Format, m.Kernel.SPIRVSHA256}
	}) {
		if k[0] != "" {
			run = append(run, v.clean(k[0]+" "+k[1]))
		}
		if k[2] != "" {
			run = append(run, v.clean(fmt.Sprintf("SPIR-V %.12s", k[2])))
		}
	}
	run = append(run, fmt.Sprintf("seed %d", v.doc.Seed), seconds(v.doc.DurationS)+v.searching())
	return v.join(run...)
}

// searching says how much of the run the searches for specializations took.
func (v *runView) searching() string {
	sum := 0.0
	for _, m := range v.doc.Measurements {
		sum += m.Kernel.SearchS
	}
	if sum == 0 {
		return ""
	}
	return ", " + seconds(sum) + " of it searching"
}

// host describes the machine in one line.
func (p wording) host(h result.Host) string {
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
	return p.join(model, cpus, p.clean(h.CPU.ISA), memory, p.clean(runtimeWords(h.Runtime)), p.clean(strings.TrimSpace(h.OS+" "+h.Kernel)))
}

// runtimeWords names where a program runs, and what that is in.
func runtimeWords(r result.Runtime) string {
	words := r.Name
	if words == "container" && r.Declared == "" {
		words = "a container of unknown make"
	}
	if r.On != "" {
		words += " on " + r.On
	}
	return words
}

// class is the word for what kind of processor a device is. A program on the CPU
// is called software, whatever API it speaks.
func class(d result.Device) string {
	if d.Software {
		return "software"
	}
	return d.Class
}

// code is the instruction set of what runs on a device of the processor, with the best one
// that the processor has where it is lower.
func code(d result.Device) string {
	if result.BelowISA(d.Code(), d.ProcessorISA) {
		return d.Code() + " of " + d.ProcessorISA
	}
	return d.Code()
}

// driver describes what drives a device.
func (p wording) driver(d result.Device) string {
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
	return p.join(threads, p.clean(code(d)), p.clean(name), p.clean(api))
}

// deviceList is the table of the devices that rows speak of.
func (v *runView) deviceList() table {
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
	return table{"devices", []column{{head: "device", least: 10}, {head: "class"}, {head: "name", least: 16}, {head: "driver", least: 16}}, rows}
}

// classCell is the class of a device, which stands out when it is software.
func (p wording) classCell(d result.Device) cell {
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
	if v.runtimes {
		s = inRuntime(m.Runtime, s)
	}
	switch m.Role {
	case result.RoleReference, result.RolePeak:
		s += " " + m.Kernel.Name
	case result.RoleOverhead:
		s += " empty dispatch"
	}
	return v.clean(s)
}

// cards says which devices are one card in two ways, and how those compare.
func (v *runView) cards() (lines []string) {
	ids := distinct(v.products(), func(m result.Measurement) string { return m.Device })
	var measured []result.Device
	for _, id := range ids {
		measured = append(measured, v.devices[id])
	}
	for _, group := range analysis.OneCard(measured) {
		if !slices.ContainsFunc(group, func(d result.Device) bool { return d.Backend != group[0].Backend }) {
			lines = append(lines, v.clean(enumeration(group)))
		}
	}
	for _, vulkan := range ids {
		for _, cuda := range ids {
			if !analysis.SameCard(v.devices[vulkan], v.devices[cuda]) {
				continue
			}
			var parts []string
			for _, r := range v.doc.Ratios {
				fast, slow := v.measured[r.Fast], v.measured[r.Slow]
				if fast.Device != cuda || slow.Device != vulkan {
					continue
				}
				part := digits4(r.Value) + v.pick("×", "x")
				if r.CI95 != nil {
					part += " (" + v.interval(*r.CI95) + ")"
				}
				p := problemSize(fast)
				parts = append(parts, fmt.Sprintf("%s at %d x %d x %d", part, p[0], p[1], p[2]))
			}
			text := vulkan + " and " + cuda
			if len(parts) > 0 {
				text += ": CUDA is this many times as fast as Vulkan: " + strings.Join(parts, ", ")
			}
			lines = append(lines, v.clean(text))
		}
	}
	return lines
}

// problem is the table of one problem size.
func (v *runView) problem(size [3]int) table {
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
	columns := []column{
		{head: "device", least: 10},
		{head: "class", least: 5},
		{head: unit.name, right: true},
		{head: "95 %", right: true, drop: 1},
		{bar: true, drop: 5, name: "rate, drawn"},
		{head: "of peak", right: true, drop: 4},
		{head: "device clock", right: true, drop: 6},
		{head: perWatt, right: true, drop: 7},
		{head: "vs " + v.baseline, right: true},
		{head: "95 %", drop: 2},
		{head: "checked", drop: 3},
		{mark: true, name: "notes"},
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
		interval, device, efficiency, ratio, ratioCI, peak := "", "", cell{}, cell{}, "", cell{}
		if s.FLOPPerJoule != nil {
			efficiency.text = digits4(*s.FLOPPerJoule / 1e9)
		}
		if m.Peak != nil {
			peak.text = fmt.Sprintf("%.0f %%", 100*m.Peak.Share)
			if m.Peak.Share > analysis.Impossible {
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
		} else if v.label(m) == v.baseline {
			ratio.text = "baseline"
		}
		r.cells = append(r.cells,
			cell{text: digits4(s.FLOPS / unit.factor), style: strong},
			cell{text: interval},
			cell{drawn: true, part: s.FLOPS / fastest},
			peak,
			cell{text: device},
			efficiency,
			ratio,
			cell{text: ratioCI},
			cell{text: plural(m.Verification.Batches, "batch", "batches"), style: good},
			marks)
		rows = append(rows, r)
	}
	return table{fmt.Sprintf("%d x %d x %d", size[0], size[1], size[2]), columns, rows}
}

// perWatt is the head of a column.
const perWatt = "GFLOP/s/W"

// energy says what the rates per watt are of, if there are any.
func (v *runView) energy() string {
	lo, hi := math.Inf(1), 0.0
	for _, m := range v.products() {
		if m.Summary != nil && m.Summary.EnergyWindowS != nil {
			lo, hi = min(lo, *m.Summary.EnergyWindowS), max(hi, *m.Summary.EnergyWindowS)
		}
	}
	if hi == 0 {
		return ""
	}
	window := fmt.Sprintf("%.1f s", lo)
	if highest := fmt.Sprintf("%.1f s", hi); highest != window {
		window = fmt.Sprintf("%.1f to %s", lo, highest)
	}
	return "by the card's own counter of its energy, all of the card, in " + window + " of each launch, pauses between the batches included"
}

// beside is what was looked at beside the products: the peak of the arithmetic and
// the time of an empty dispatch, each with a table where there are any.
func (v *runView) beside() (tables []table) {
	for _, kind := range []struct{ role, caption string }{
		{result.RolePeak, "peak: multiply-adds alone, what the arithmetic can do"},
		{result.RoleOverhead, "empty dispatch: from submission to fence"},
	} {
		var of []result.Measurement
		var values []float64
		for _, m := range v.doc.Measurements {
			if m.Role != kind.role {
				continue
			}
			of = append(of, m)
			if m.Summary != nil {
				values = append(values, value(m))
			}
		}
		if len(of) == 0 {
			continue
		}
		unit := rateUnit(values)
		if kind.role == result.RoleOverhead {
			unit = v.timeUnit(values)
		}
		var rows []row
		for _, m := range of {
			r := row{cells: []cell{{text: v.label(m)}}}
			marks := cell{text: v.marks(m), style: notice}
			if m.Summary == nil {
				r.rest, r.restFrom, r.restStyle = strings.TrimSpace(v.clean(m.Status+": "+m.Reason)+" "+marks.text), 1, notice
				rows = append(rows, r)
				continue
			}
			ci, interval := m.Summary.FLOPSCI95, ""
			if m.Role == result.RoleOverhead {
				ci = m.Summary.CI95S
			}
			if ci != nil {
				interval = v.pick("±", "+-") + halfWidth(*ci, value(m))
			}
			r.cells = append(r.cells, cell{text: digits4(value(m) / unit.factor), style: strong}, cell{text: interval}, marks)
			rows = append(rows, r)
		}
		tables = append(tables, table{kind.caption, []column{{head: "device", least: 10}, {head: unit.name, right: true}, {right: true, head: "95 %", drop: 1}, {mark: true, name: "notes"}}, rows})
	}
	return tables
}

// value is the figure of a summarised measurement: its rate, or the seconds of an empty
// dispatch.
func value(m result.Measurement) float64 {
	if m.Role == result.RoleOverhead {
		return m.Summary.MedianS
	}
	return m.Summary.FLOPS
}

// interval writes two ends.
func (p wording) interval(ci [2]float64) string {
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

// checks says what "checked" means, as far as it was done.
func (v *runView) checks() string {
	methods, batches := map[string]bool{}, 0
	sums := map[string]map[string]bool{} // problem and format to checksums
	several, halves := false, false
	for _, m := range v.doc.Measurements {
		if m.Status != result.StatusOK || m.Verification.Batches == 0 {
			continue
		}
		batches += m.Verification.Batches
		methods[m.Verification.Method] = true
		if s := m.Verification.ExactChecksum; s != "" {
			key := fmt.Sprint(m.Problem.M, m.Problem.N, m.Problem.K, m.Kernel.Format)
			halves = halves || m.Kernel.Format == result.FormatF16
			if sums[key] == nil {
				sums[key] = map[string]bool{}
			} else {
				several = true
			}
			sums[key][s] = true
		}
	}
	if batches == 0 {
		return ""
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
	if halves && same && several {
		how += ", and that of f16, which is another, came out exact"
	}
	return how
}

// notMeasured lists what is not in the tables, and why.
func (v *runView) notMeasured() []string {
	measured := map[string]bool{}
	for _, m := range v.doc.Measurements {
		measured[m.Device] = true
	}
	var lines []string
	for _, d := range v.doc.Devices {
		if d.Unusable != "" && !measured[d.ID] {
			lines = append(lines, v.clean(fmt.Sprintf("%s (%s): %s", d.ID, d.Name, d.Unusable)))
		}
	}
	// What is not there for one reason in several runtimes is said once.
	absent := func(a result.Absent) string {
		a.Backend = a.Backend[strings.LastIndex(a.Backend, "/")+1:]
		return absentLine(a)
	}
	for _, text := range distinct(v.doc.Absent, absent) {
		var places []string
		for _, a := range v.doc.Absent {
			if place, _, in := strings.Cut(a.Backend, "/"); absent(a) == text {
				if !in {
					place = "native"
				}
				places = append(places, place)
			}
		}
		if v.doc.Runtimes != nil {
			text += " (in " + strings.Join(places, ", ") + ")"
		}
		lines = append(lines, v.clean(text))
	}
	return lines
}

// absentLine says why a backend is not there and what to do.
func absentLine(a result.Absent) string {
	s := a.Backend + ": " + strings.TrimPrefix(a.Reason, a.Backend+": ") // reasons begin with the place, too
	if a.Remedy != "" {
		s += "; " + a.Remedy
	}
	return s
}
