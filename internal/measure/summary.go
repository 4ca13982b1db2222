// From samples to figures. All of it can be computed anew from a document.

package measure

import (
	"fmt"
	"slices"
	"strings"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/stats"
)

// Samples are the host's seconds per dispatch of all good launches.
func Samples(m *result.Measurement) stats.Samples {
	var out stats.Samples
	for _, l := range m.Launches {
		if l.Status == result.StatusOK {
			out = append(out, perDispatch(l.Samples))
		}
	}
	return out
}

func perDispatch(samples []result.Sample) []float64 {
	out := make([]float64, len(samples))
	for i, s := range samples {
		out[i] = s.HostS / float64(s.Dispatches)
	}
	return out
}

// Summarise sets m.Summary from the samples of the good launches: to nil when m is
// not ok. An ok measurement without a usable sample becomes a failed one.
func Summarise(m *result.Measurement) {
	m.Summary = nil
	if m.Status != result.StatusOK {
		return
	}
	s, err := stats.Summarize(Samples(m))
	if err != nil {
		m.Status, m.Code, m.Reason = result.StatusFailed, string(backend.Failed), err.Error()
		return
	}
	flop := float64(m.Problem.FLOP)
	m.Summary = &result.Summary{
		Clock: "host", N: s.N, Launches: s.Launches,
		MedianS: s.Median, CI95S: s.CI95, Q1S: s.Q1, Q3S: s.Q3, MinS: s.Min, MaxS: s.Max, MADS: s.MAD,
		FLOPS:         flop / s.Median,
		DeviceMedianS: deviceMedian(m),
	}
	if s.CI95 != nil { // the longest time is the lowest rate
		m.Summary.FLOPSCI95 = &[2]float64{flop / s.CI95[1], flop / s.CI95[0]}
	}
}

// mostDoubtful is the share of samples whose device clock may be in doubt before none
// is believed: a clock that is wrong so often is not right at other times.
const mostDoubtful = 0.25

// deviceMedian is the median of the device's seconds per dispatch over the samples
// whose device clock is trusted, nil when there are none or too many others.
func deviceMedian(m *result.Measurement) *float64 {
	var trusted []float64
	doubtful := 0
	for _, l := range m.Launches {
		if l.Status != result.StatusOK {
			continue
		}
		for _, s := range l.Samples {
			switch {
			case len(deviceFlags(s)) > 0:
				doubtful++
			case s.DeviceS != nil:
				trusted = append(trusted, *s.DeviceS/float64(s.Dispatches))
			}
		}
	}
	s, err := stats.Summarize(stats.Samples{trusted})
	if err != nil || float64(doubtful) > mostDoubtful*float64(doubtful+len(trusted)) {
		return nil
	}
	return &s.Median
}

// deviceFlags are the flags of a sample that put its device clock in doubt.
func deviceFlags(s result.Sample) (out []string) {
	for _, f := range s.Flags {
		if strings.HasPrefix(f, "device-") {
			out = append(out, f)
		}
	}
	return out
}

// sameWork reports whether two measurements computed the same product in the same
// number format, whatever did it. A reference's routine has a name of its own.
func sameWork(a, b *result.Measurement) bool {
	p, q := a.Problem, b.Problem
	return p.M == q.M && p.N == q.N && p.K == q.K && p.Input == q.Input &&
		(a.Kernel.Name == b.Kernel.Name || a.Role != b.Role) && a.Kernel.Format == b.Kernel.Format && a.Kernel.Accumulate == b.Kernel.Accumulate
}

// Ratios compares each good measurement with each good baseline of the same work:
// fast is the measurement, slow the baseline, whichever took longer. Two baselines
// are compared once, the later one with the earlier. Measurements that ran
// kernels of different SPIR-V are never compared; a warning says so. A reference has
// none, and is compared with the kernel all the same: it did the same work.
func Ratios(ms []result.Measurement, baseline func(i int) bool, seed uint64) ([]result.Ratio, []result.Warning) {
	ratios, warns := []result.Ratio{}, []result.Warning{}
	for b := range ms {
		if !baseline(b) || ms[b].Status != result.StatusOK {
			continue
		}
		for i := range ms {
			if i == b || baseline(i) && i < b || ms[i].Status != result.StatusOK || !sameWork(&ms[i], &ms[b]) {
				continue
			}
			if ms[i].Role == ms[b].Role && ms[i].Kernel.SPIRVSHA256 != ms[b].Kernel.SPIRVSHA256 {
				warns = append(warns, result.Warning{Code: "kernel-differs", Text: fmt.Sprintf(
					"%s and %s are not compared: they ran kernels made from different SPIR-V; measure both with one build of gpubench", ms[i].ID, ms[b].ID)})
				continue
			}
			r, err := stats.RatioOf(Samples(&ms[b]), Samples(&ms[i]), seed)
			if err != nil {
				warns = append(warns, result.Warning{Code: "no-ratio", Text: fmt.Sprintf("%s and %s are not compared: %v", ms[i].ID, ms[b].ID, err)})
				continue
			}
			ratios = append(ratios, result.Ratio{Fast: ms[i].ID, Slow: ms[b].ID, Value: r.Value, CI95: r.CI95, Method: r.Method, Resamples: r.Resamples})
		}
	}
	return ratios, warns
}

// RejectStrayChecksums fails measurements whose product of the exact input is not
// that of the others. There is only one right product for a problem and a seed,
// so where the checksums differ the one with most measurements stands, in a tie
// the one of a baseline, and otherwise none.
func RejectStrayChecksums(ms []result.Measurement, baseline func(i int) bool) {
	done := make([]bool, len(ms))
	for first := range ms {
		if done[first] || ms[first].Status != result.StatusOK {
			continue
		}
		var group []int
		votes, vouched := map[string]int{}, map[string]bool{}
		for i := first; i < len(ms); i++ {
			if ms[i].Status == result.StatusOK && sameWork(&ms[i], &ms[first]) && ms[i].Problem.Seed == ms[first].Problem.Seed {
				done[i] = true
				group = append(group, i)
				sum := ms[i].Verification.ExactChecksum
				votes[sum]++
				vouched[sum] = vouched[sum] || baseline(i)
			}
		}
		if len(votes) == 1 {
			continue
		}
		right, found := standing(votes, vouched)
		for _, i := range group {
			sum := ms[i].Verification.ExactChecksum
			if found && sum == right {
				continue
			}
			ms[i].Status, ms[i].Code = result.StatusFailed, string(backend.WrongResult)
			if found {
				ms[i].Reason = fmt.Sprintf("the product of the exact input differs from that of the other devices: its checksum is %q, theirs %q", sum, right)
			} else {
				ms[i].Reason = fmt.Sprintf("the devices disagree about the product of the exact input and none can be believed: the checksum here is %q", sum)
			}
		}
	}
}

// standing returns the checksum that stands: with most votes, or vouched for by a
// baseline among several with as many.
func standing(votes map[string]int, vouched map[string]bool) (sum string, found bool) {
	most := 0
	for _, n := range votes {
		most = max(most, n)
	}
	var leaders, backed []string
	for s, n := range votes {
		if n == most {
			leaders = append(leaders, s)
			if vouched[s] {
				backed = append(backed, s)
			}
		}
	}
	slices.Sort(leaders)
	switch {
	case len(leaders) == 1:
		return leaders[0], true
	case len(backed) == 1:
		return backed[0], true
	}
	return "", false
}
