// What a run has come to, at its end or so far.

package measure

import (
	"slices"

	"gpubench/internal/result"
	"gpubench/internal/stats"
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
	RejectStrayChecksums(ms, baseline)
	for i := range ms {
		Summarise(&ms[i])
		ms[i].Warnings = append(ms[i].Warnings, warnings(&ms[i], r.plan.Arms[i].Device, r.plan.Rules)...)
	}
	made := map[pair]ratio{}
	ratios, warns := compare(ms, baseline, func(slow, fast *result.Measurement) (stats.Ratio, error) {
		key := pair{slow.ID, fast.ID, len(slow.Launches), len(fast.Launches)}
		known, ok := r.ratios[key]
		if !ok {
			known.Ratio, known.err = stats.RatioOf(Samples(slow), Samples(fast), r.plan.Seed)
		}
		made[key] = known
		return known.Ratio, known.err
	})
	r.ratios = made
	return Results{ms, ratios, warns}
}

// pair names two arms with their launches until then. A launch changes the ratios of
// one arm only, and each takes a tenth of a second: the others are not made again.
type pair struct {
	slow, fast   string
	nSlow, nFast int
}

type ratio struct {
	stats.Ratio
	err error
}
