// What a run has come to, at its end or so far.

package measure

import (
	"slices"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
)

// Results are the measurements of a run with all that follows from them.
type Results struct {
	Measurements []result.Measurement // of each arm, in the plan's order
	Ratios       []result.Ratio
	Warnings     []result.Warning // about the run as a whole
}

// results draws the conclusions from the launches until now, and leaves the arms as
// they are. unfinished says that more launches were planned: an arm without a good
// one is skipped then.
func (r *run) results(unfinished bool) Results {
	baseline := func(i int) bool { return r.plan.Arms[i].Baseline }
	ms := make([]result.Measurement, len(r.arms))
	for i := range r.arms {
		a := *r.arms[i]
		a.m.Warnings = slices.Clone(a.m.Warnings)
		r.conclude(&a, unfinished)
		ms[i] = a.m
	}
	analysis.RejectStrayChecksums(ms, baseline)
	for i := range ms {
		analysis.Conclude(&ms[i])
	}
	devices := make([]result.Device, len(r.arms))
	for i, a := range r.arms {
		devices[i] = a.Device
	}
	analysis.Peaks(ms, devices, r.plan.ISA)
	analysis.FalsePeaks(ms, devices, r.plan.ISA)
	for i := range ms {
		ms[i].Warnings = append(ms[i].Warnings, analysis.Warnings(&ms[i], devices[i])...)
	}
	analysis.WarnOfSlow(ms, devices)
	ratios, warns := analysis.Ratios(ms, baseline)
	ratios = append(ratios, analysis.CardRatios(ms, devices, ratios)...)
	warns = append(warns, analysis.Specializations(ms, devices)...)
	return Results{ms, ratios, append(warns, analysis.Clocks(ms, devices)...)}
}
