package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
)

// runtimeList is the table of a suite's runtimes: what starting a container costs, and
// what the program sees in it.
func (v *runView) runtimeList() table {
	var rows []row
	for _, r := range v.doc.Runtimes {
		name := cell{text: v.clean(r.Name), style: strong}
		if r.Status != result.StatusOK {
			rows = append(rows, row{cells: []cell{name, {text: v.clean(r.Version)}}, rest: unused(r) + ", see below", restFrom: 2, restStyle: notice})
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

// unused words what became of a runtime that is not ok.
func unused(r result.RuntimeReport) string {
	if r.Status == result.StatusSkipped {
		return "not measured"
	}
	return "cannot be used"
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

// comparison is the table that a suite ends in: for each runtime what starting costs,
// how its CPU compares with the host's, and how each of its GPUs with its CPU, at the largest
// problem that was measured.
func (v *runView) comparison() table {
	var size [3]int
	flop := uint64(0)
	for _, m := range v.products() {
		if m.Status == result.StatusOK && m.Problem.FLOP > flop {
			size, flop = problemSize(m), m.Problem.FLOP
		}
	}
	if v.doc.Runtimes == nil || flop == 0 {
		return table{}
	}
	t := table{fmt.Sprintf("runtimes compared at %d x %d x %d", size[0], size[1], size[2]), []column{{head: "runtime", least: 8}, {head: "first line", right: true, drop: 3}, {head: "cpu vs native", right: true},
		{head: "95 %", drop: 2}, {head: "GPU", least: 8}, {head: "vs its cpu", right: true}, {head: "95 %", drop: 1}, {head: "claim"}}, nil}
	claims := v.claimsByArm()
	for _, r := range v.doc.Runtimes {
		name := cell{text: v.clean(r.Name), style: strong}
		if r.Status != result.StatusOK {
			t.rows = append(t.rows, row{cells: []cell{name}, rest: unused(r) + ", see above", restFrom: 1, restStyle: notice})
			continue
		}
		cpu := v.armOf(r.Name, size, "cpu", 0)
		cells := []cell{name, {text: middle(r.FirstLineS)}, {}, {}}
		native := v.armOf("native", size, "", v.threads(cpu))
		switch {
		case r.Name == "native" || cpu == nil || native == nil:
		case cpu.Machine != native.Machine:
			cells[2] = cell{text: "other machine", style: notice}
		default:
			cells[2], cells[3] = v.times(native, cpu)
		}
		gpus := 0
		for _, m := range v.products() {
			d := v.devices[m.Device]
			if m.Runtime != r.Name || problemSize(m) != size || !d.GPU() || m.Status != result.StatusOK {
				continue
			}
			if gpus++; gpus > 1 {
				cells = make([]cell, 4)
			}
			gpu := cell{text: v.clean(strings.TrimPrefix(m.Device, r.Name+"/") + " " + d.Name)}
			var ratio, interval cell
			if cpu != nil {
				ratio, interval = v.times(cpu, &m)
			}
			t.rows = append(t.rows, row{cells: append(cells, gpu, ratio, interval, cell{text: claims[m.ID]})})
		}
		if gpus == 0 {
			gpu := cell{text: "none"}
			if slices.ContainsFunc(v.doc.Measurements, func(m result.Measurement) bool {
				d := v.devices[m.Device]
				return m.Runtime == r.Name && m.Status != result.StatusOK && (d.GPU() || d.Unusable != "")
			}) {
				gpu = cell{text: "not usable, see above", style: notice}
			}
			t.rows = append(t.rows, row{cells: append(cells, gpu, cell{}, cell{}, cell{})})
		}
	}
	return t
}

// armOf is the good measurement of a runtime's CPU: the device with this name or, without
// one, that with so many threads; nil where there is none.
func (v *runView) armOf(runtime string, size [3]int, name string, threads int) *result.Measurement {
	for _, m := range v.products() {
		d := v.devices[m.Device]
		fits := strings.TrimPrefix(m.Device, runtime+"/") == name || name == "" && d.Threads == threads
		if m.Runtime == runtime && m.Role == result.RoleKernel && m.Status == result.StatusOK && d.Backend == "cpu" && problemSize(m) == size && fits {
			return &m
		}
	}
	return nil
}

// threads are those of a measurement's device, 0 for no measurement.
func (v *runView) threads(m *result.Measurement) int {
	if m == nil {
		return 0
	}
	return v.devices[m.Device].Threads
}

// times are how many times as fast as another a measurement was, and the interval of that.
func (v *runView) times(slow, fast *result.Measurement) (ratio, interval cell) {
	i := slices.IndexFunc(v.doc.Ratios, func(r result.Ratio) bool { return r.Slow == slow.ID && r.Fast == fast.ID })
	var r result.Ratio
	if i >= 0 {
		r = v.doc.Ratios[i]
	} else if within, err := analysis.RatioWithin(slow, fast); err == nil {
		r = within
	} else {
		return ratio, interval
	}
	if r.CI95 != nil {
		interval.text = v.interval(*r.CI95)
	}
	return cell{text: digits4(r.Value) + v.pick("×", "x"), style: strong}, interval
}

// claimsByArm are the verdicts on the published claims with all cores as the baseline, by
// the ids of the measurements that they rest on.
func (v *runView) claimsByArm() map[string]string {
	words := map[string]string{}
	judgements, err := analysis.Judge([]analysis.Source{{Name: "this run", Document: v.doc}}, analysis.PublishedClaims())
	if err != nil { // a document that contradicts itself proves no claim
		return words
	}
	for _, j := range judgements {
		for _, b := range j.Verdicts {
			for _, r := range b.Ratios {
				if b.Baseline == "cpu" {
					words[r.Arm] = v.clean(fmt.Sprintf("%g%s%g%s %s", j.Low, v.pick("–", "-"), j.High, v.pick("×", "x"), r.Verdict))
				}
			}
		}
	}
	return words
}

// inRuntime puts a runtime before the id of a device, which may say it already.
func inRuntime(runtime, device string) string {
	if strings.HasPrefix(device, runtime+"/") {
		return device
	}
	return runtime + "/" + device
}

// middle is the median of seconds in words, empty where there are none.
func middle(values []float64) string {
	if len(values) == 0 {
		return ""
	}
	s := slices.Sorted(slices.Values(values))
	return fmt.Sprintf("%.3g s", (s[len(s)/2]+s[(len(s)-1)/2])/2)
}
