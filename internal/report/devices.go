package report

import (
	"fmt"
	"io"
	"strings"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
)

// Devices prints every device that the backends see, usable or not, the backends that are
// absent, and those that failed when they were asked. The error is the writer's.
func Devices(w io.Writer, host result.Host, devices []result.Device, absent, failed []result.Absent, o Options) error {
	p := newPrinter(w, o)
	p.text(p.host(host), strong)
	var rows []row
	var unusable, cards []string
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
		if d.NVML != nil {
			cards = append(cards, p.clean(d.ID)+": "+p.card(*d.NVML))
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
	var same []string
	for _, group := range analysis.OneCard(devices) {
		same = append(same, p.clean(enumeration(group)))
	}
	if len(unusable)+len(cards)+len(same)+len(absent)+len(failed) > 0 {
		p.line("")
	}
	for _, c := range same {
		p.hang("same card: ", c, faint)
	}
	for _, c := range cards {
		p.hang("", c, faint)
	}
	for _, u := range unusable {
		p.hang("", u, notice)
	}
	for _, f := range failed {
		p.hang("failed: ", p.clean(absentLine(f)), notice)
	}
	for _, a := range absent {
		p.hang("absent: ", p.clean(absentLine(a)), faint)
	}
	return p.err
}

// enumeration is a list of devices in words: a, b and c.
func enumeration(devices []result.Device) string {
	var ids []string
	for _, d := range devices {
		ids = append(ids, d.ID)
	}
	last := len(ids) - 1
	return strings.Join(ids[:last], ", ") + " and " + ids[last]
}

// card says what NVIDIA's library knows of a card.
func (p *printer) card(n result.NVML) string {
	if n.Unavailable != "" {
		s := "no telemetry: " + n.Unavailable
		if n.Remedy != "" {
			s += "; " + n.Remedy
		}
		return p.clean(s)
	}
	var facts []string
	fact := func(known bool, format string, args ...any) {
		if known {
			facts = append(facts, fmt.Sprintf(format, args...))
		}
	}
	state := func(name string, on *bool) {
		if on != nil {
			facts = append(facts, name+map[bool]string{true: " on", false: " off"}[*on])
		}
	}
	fact(n.PowerLimitW > 0 && n.DefaultPowerLimitW > 0 && n.PowerLimitW != n.DefaultPowerLimitW, "power limit %.4g W instead of %.4g W", n.PowerLimitW, n.DefaultPowerLimitW)
	fact(n.PowerLimitW > 0 && (n.DefaultPowerLimitW == 0 || n.PowerLimitW == n.DefaultPowerLimitW), "power limit %.4g W", n.PowerLimitW)
	fact(n.MaxSMClockMHz > 0, "up to %d MHz", n.MaxSMClockMHz)
	fact(n.MaxMemoryClockMHz > 0, "memory up to %d MHz", n.MaxMemoryClockMHz)
	fact(n.MaxPCIeGeneration > 0 && n.MaxPCIeWidth > 0, "PCIe %d x%d", n.MaxPCIeGeneration, n.MaxPCIeWidth)
	fact(n.PCIeWidth > 0 && n.PCIeWidth < n.MaxPCIeWidth, "x%d in use", n.PCIeWidth)
	state("ECC", n.ECC)
	state("MIG", n.MIG)
	state("persistence", n.Persistence)
	fact(len(n.Missing) > 0, "cannot be read: %s", strings.Join(n.Missing, ", "))
	return p.clean(p.join(facts...))
}
