// Do the figures of a document follow from its samples?

package analysis

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gpubench/internal/result"
)

// Altered is the error of a document whose figures do not follow from its samples.
type Altered struct {
	Findings []string // each a place and what is wrong there
}

func (e *Altered) Error() string {
	const most = 3
	shown := e.Findings[:min(len(e.Findings), most)]
	text := strings.Join(shown, "; ")
	if more := len(e.Findings) - len(shown); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return "the document was changed after it was measured: " + text + "; use the file as gpubench wrote it, or measure again"
}

// checkedSince is the minor version of the format from which documents have a digest
// and summaries by launches.
const checkedSince = 1

// driftSince is the minor version from which a clock that drifts has no device median.
const driftSince = 2

// Check recomputes the digests, summaries, ratios and peaks of a document and returns an
// *Altered error that names what differs. It finds whoever edits a sample or a
// figure; without a secret nothing finds whoever edits all of them together. Documents
// of a format before 1.1 hold summaries of another kind and pass.
func Check(d *result.Document) error {
	var minor int
	if _, err := fmt.Sscanf(d.Schema.Version, "1.%d.", &minor); err != nil || minor < checkedSince {
		return nil
	}
	var found []string
	if minor >= namedSince {
		found = strangers(d)
	}
	find := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	again := slices.Clone(d.Measurements)
	for i := range again {
		m := &again[i]
		path := fmt.Sprintf("measurements[%d]", i)
		if got := digest(m); got != m.Digest {
			find("%s: the samples do not have the digest that stands there", path)
		}
		if what := unverified(m); what != "" {
			find("%s.verification: %s", path, what)
		}
		if m.Verification.Failed > 0 && m.Status == result.StatusOK {
			find("%s: status is ok, but %d batches were wrong", path, m.Verification.Failed)
		}
		if m.Status != result.StatusOK {
			if m.Summary != nil {
				find("%s: status is %s, but there is a summary", path, m.Status)
			}
			m.Summary = nil
			continue
		}
		for j, l := range m.Launches {
			if l.Energy != nil && l.Energy.FLOP != work(m, l) {
				find("%s.launches[%d].energy.flop is %d, but the samples did %d", path, j, l.Energy.FLOP, work(m, l))
			}
		}
		if good, failed := launches(m); minor >= majoritySince && failed >= good {
			find("%s: status is ok, but %d of %s failed", path, failed, Plural(good+failed, "launch"))
		}
		s, err := summarize(m)
		if err != nil {
			find("%s: status is ok, but: %v", path, err)
			m.Status, m.Summary = result.StatusFailed, nil
			continue
		}
		if minor < driftSince && s.DeviceMedianS == nil { // a drift of the device's clock did not matter then
			s.DeviceMedianS = m.Summary.DeviceMedianS
		}
		if diff := differs(*m.Summary, *s); diff != "" {
			find("%s.summary.%s", path, diff)
		}
		m.Summary = s
	}
	Peaks(again, d.Devices, d.Host.CPU.ISA)
	for i := range again {
		was, is := d.Measurements[i].Peak, again[i].Peak
		if (was == nil) != (is == nil) || was != nil && (was.From != is.From || !near(was.FLOPS, is.FLOPS) || !near(was.Share, is.Share)) {
			find("measurements[%d].peak does not follow from the measurements of role peak", i)
		}
	}
	byID := map[string]*result.Measurement{}
	for i := range again {
		byID[again[i].ID] = &again[i]
	}
	for i, r := range d.Ratios {
		slow, fast := byID[r.Slow], byID[r.Fast]
		switch {
		case !compared(slow) || !compared(fast) || !sameWork(slow, fast) || !sameKernel(slow, fast) || !sameMachine(slow, fast):
			find("ratios[%d]: %s and %s have no ratio", i, r.Fast, r.Slow)
		default:
			q, err := RatioWithin(slow, fast)
			if err != nil || !near(r.Value, q.Value) || !nearInterval(r.CI95, q.CI95) {
				find("ratios[%d] does not follow from the samples of %s and %s", i, r.Fast, r.Slow)
			}
		}
	}
	RejectStrayChecksums(again, func(int) bool { return false })
	for i := range again {
		if m := &again[i]; m.Status != d.Measurements[i].Status && m.Summary != nil {
			find("measurements[%d]: status is ok, but %s", i, m.Reason)
		}
	}
	if len(found) > 0 {
		return &Altered{found}
	}
	return nil
}

// near allows for what another processor's rounding can change.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b)) }

func nearInterval(a, b *[2]float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return near(a[0], b[0]) && near(a[1], b[1])
}

// differs names the first figure in which a summary is not the one computed again.
func differs(was, is result.Summary) string {
	for _, v := range []struct {
		name    string
		was, is float64
	}{
		{"n", float64(was.N), float64(is.N)}, {"launches", float64(was.Launches), float64(is.Launches)},
		{"median_s", was.MedianS, is.MedianS}, {"q1_s", was.Q1S, is.Q1S}, {"q3_s", was.Q3S, is.Q3S},
		{"min_s", was.MinS, is.MinS}, {"max_s", was.MaxS, is.MaxS}, {"mad_s", was.MADS, is.MADS}, {"flops", was.FLOPS, is.FLOPS},
	} {
		if !near(v.was, v.is) {
			return fmt.Sprintf("%s is %g, but the samples say %g", v.name, v.was, v.is)
		}
	}
	for _, v := range []struct {
		name    string
		was, is *[2]float64
	}{{"ci95_s", was.CI95S, is.CI95S}, {"flops_ci95", was.FLOPSCI95, is.FLOPSCI95}} {
		if !nearInterval(v.was, v.is) {
			return v.name + " is not the interval that the samples give"
		}
	}
	for _, v := range []struct {
		name    string
		was, is *float64
	}{{"device_median_s", was.DeviceMedianS, is.DeviceMedianS}, {"flop_per_joule", was.FLOPPerJoule, is.FLOPPerJoule}, {"energy_window_s", was.EnergyWindowS, is.EnergyWindowS}} {
		if (v.was == nil) != (v.is == nil) || v.was != nil && !near(*v.was, *v.is) {
			return v.name + " is not what the launches say"
		}
	}
	return ""
}

// majoritySince is the minor version from which most launches of an arm have to be good.
const majoritySince = 2

// launches counts those of a measurement that were good and those that failed of
// themselves and were not repeated.
func launches(m *result.Measurement) (good, failed int) {
	for i, l := range m.Launches {
		switch {
		case l.Status == result.StatusOK:
			good++
		case l.Code == codeInterrupted || i+1 < len(m.Launches) && m.Launches[i+1].Attempt == 2:
		default:
			failed++
		}
	}
	return good, failed
}

// codeInterrupted is the code of a launch that was ended with its run.
const codeInterrupted = "interrupted"

// unverified says how more was timed than was verified, or is empty. Each sample, of the
// warm-up too, is one batch that was verified before; an empty dispatch has nothing to verify.
func unverified(m *result.Measurement) string {
	if m.Role == result.RoleOverhead {
		return ""
	}
	batches, dispatches := 0, 0
	for _, l := range m.Launches {
		for _, samples := range [][]result.Sample{l.Warmup, l.Samples} {
			batches += len(samples)
			for _, s := range samples {
				dispatches += s.Dispatches
			}
		}
	}
	switch v := m.Verification; {
	case batches > v.Batches-v.Failed:
		return fmt.Sprintf("there are samples of %d batches, and %d were verified", batches, v.Batches-v.Failed)
	case dispatches > v.Dispatches:
		return fmt.Sprintf("there are samples of %d dispatches, and %d were verified", dispatches, v.Dispatches)
	}
	return ""
}

// work is the FLOP of all samples of a launch.
func work(m *result.Measurement, l result.Launch) (flop uint64) {
	for _, s := range l.Samples {
		flop += m.Problem.FLOP * uint64(s.Dispatches)
	}
	return flop
}
