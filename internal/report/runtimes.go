package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gpubench/internal/result"
)

// runtimeList is the table of a suite's runtimes: what starting a container costs, and
// what the program sees in it.
func (v *runView) runtimeList() table {
	var rows []row
	for _, r := range v.doc.Runtimes {
		name := cell{text: v.clean(r.Name), style: strong}
		if r.Status != result.StatusOK {
			rows = append(rows, row{cells: []cell{name, {text: v.clean(r.Version)}}, rest: "cannot be used, see below", restFrom: 2, restStyle: notice})
			continue
		}
		load := ""
		if r.LoadS > 0 {
			load = seconds(r.LoadS)
		}
		gpu := cell{text: "no"}
		if r.GPU {
			gpu.text = "yes"
		}
		nodes := slices.Concat(r.Inside.DRI, r.Inside.NVIDIA)
		rows = append(rows, row{cells: []cell{name, {text: v.clean(r.Version)}, {text: load}, {text: middle(r.FirstLineS)}, {text: middle(r.FirstResultS)},
			{text: v.clean(cmp.Or(strings.Join(nodes, " "), "none"))}, {text: v.clean(cmp.Or(strings.Join(r.Vulkan, ", "), "none"))}, gpu}})
	}
	return table{"runtimes", []column{{head: "runtime", least: 8}, {head: "version", drop: 4}, {head: "image load", right: true, drop: 3}, {head: "first line", right: true},
		{head: "result", right: true, drop: 1}, {head: "GPU nodes", least: 6, drop: 2}, {head: "Vulkan devices", least: 16}, {head: "ran on a GPU"}}, rows}
}

// runtimesMissing says why a runtime was not measured or has no GPU, and what to do.
func (v *runView) runtimesMissing() (lines []string) {
	for _, r := range v.doc.Runtimes {
		if r.Reason != "" {
			lines = append(lines, v.clean(absentLine(result.Absent{Backend: r.Name, Reason: r.Reason, Remedy: r.Remedy})))
		}
	}
	return lines
}

// middle is the median of seconds in words, empty where there are none.
func middle(values []float64) string {
	if len(values) == 0 {
		return ""
	}
	s := slices.Sorted(slices.Values(values))
	return fmt.Sprintf("%.3g s", (s[len(s)/2]+s[(len(s)-1)/2])/2)
}
