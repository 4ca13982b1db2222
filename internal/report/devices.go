package report

import (
	"io"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
)

// Devices prints every device that the backends see, usable or not, and the
// backends that are absent. The error is the writer's.
func Devices(w io.Writer, host result.Host, devices []result.Device, absent []result.Absent, o Options) error {
	p := newPrinter(w, o)
	p.text(p.host(host), strong)
	var rows []row
	var unusable []string
	for _, d := range devices {
		memory := ""
		if d.MemoryBytes > 0 {
			memory = binarySize(d.MemoryBytes)
		}
		usable := cell{text: "yes", style: good}
		if d.Unusable != "" {
			usable = cell{text: "no", style: bad}
			unusable = append(unusable, p.clean(d.ID+" is not usable: "+d.Unusable))
		}
		rows = append(rows, row{cells: []cell{{text: p.clean(d.ID), style: strong}, p.classCell(d), {text: p.clean(d.Name)}, {text: p.driver(d)}, {text: memory}, usable}})
	}
	p.line("")
	if len(rows) == 0 {
		p.line("There is no device.")
	} else {
		p.table(2, []column{
			{head: "device", least: 10}, {head: "class"}, {head: "name", least: 16}, {head: "driver", least: 16},
			{head: "memory", right: true}, {head: "usable"},
		}, rows)
	}
	var cards []string
	for _, a := range devices {
		for _, b := range devices {
			if analysis.SameCard(a, b) {
				cards = append(cards, p.clean(a.ID+" and "+b.ID))
			}
		}
	}
	if len(unusable)+len(absent)+len(cards) > 0 {
		p.line("")
	}
	for _, c := range cards {
		p.hang("same card: ", c, faint)
	}
	for _, u := range unusable {
		p.hang("", u, notice)
	}
	for _, a := range absent {
		p.hang("absent: ", p.clean(absentLine(a)), faint)
	}
	return p.err
}
