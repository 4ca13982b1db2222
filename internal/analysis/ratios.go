// Ratios of the arms of one document.

package analysis

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/stats"
)

// sameWork reports whether two measurements computed the same product in the same
// number format, whatever did it. A reference's routine has a name of its own.
func sameWork(a, b *result.Measurement) bool {
	p, q := a.Problem, b.Problem
	return p.M == q.M && p.N == q.N && p.K == q.K && p.Input == q.Input &&
		(a.Kernel.Name == b.Kernel.Name || a.Role == result.RoleReference || b.Role == result.RoleReference) && a.Kernel.Format == b.Kernel.Format && a.Kernel.Accumulate == b.Kernel.Accumulate
}

// compared reports whether a measurement takes part in ratios.
func compared(m *result.Measurement) bool {
	return m.Status == result.StatusOK && (m.Role == result.RoleKernel || m.Role == result.RoleReference)
}

// sameKernel reports whether two measurements of one role ran the same SPIR-V. A
// reference has none, and is compared with the kernel all the same: it did the same
// work.
func sameKernel(a, b *result.Measurement) bool {
	return a.Role != b.Role || a.Kernel.SPIRVSHA256 == b.Kernel.SPIRVSHA256
}

// sameMachine reports whether two measurements ran on one machine. What was measured on
// another one says nothing about a container engine, nor about a device beside these
// processors.
func sameMachine(a, b *result.Measurement) bool { return a.Machine == b.Machine }

// Ratios compares each good measurement with each good baseline of the same work:
// fast is the measurement, slow the baseline, whichever took longer. Two baselines
// are compared once, the later one with the earlier. Measurements on different machines
// are not compared. Measurements that ran kernels of different SPIR-V are never compared, nor are those whose rate is impossible;
// a warning says so.
func Ratios(ms []result.Measurement, baseline func(i int) bool) ([]result.Ratio, []result.Warning) {
	ratios, warns := []result.Ratio{}, []result.Warning{}
	for b := range ms {
		if !baseline(b) || !compared(&ms[b]) {
			continue
		}
		for i := range ms {
			if i == b || baseline(i) && i < b || !compared(&ms[i]) || !sameWork(&ms[i], &ms[b]) || !sameMachine(&ms[i], &ms[b]) {
				continue
			}
			if !sameKernel(&ms[i], &ms[b]) {
				warns = append(warns, result.Warning{Code: "kernel-differs", Text: fmt.Sprintf(
					"%s and %s are not compared: they ran kernels made from different SPIR-V; measure both with one build of gpubench", ms[i].ID, ms[b].ID)})
				continue
			}
			r, err := RatioWithin(&ms[b], &ms[i])
			if err != nil {
				warns = append(warns, result.Warning{Code: "no-ratio", Text: fmt.Sprintf("%s and %s are not compared: %v", ms[i].ID, ms[b].ID, err)})
				continue
			}
			ratios = append(ratios, r)
		}
	}
	return ratios, warns
}

// RatioWithin compares two good measurements of one run: round by round, where
// enough rounds have a good launch of both. Where the times of one cannot be right there is
// none, nor where they ran on different machines.
func RatioWithin(slow, fast *result.Measurement) (result.Ratio, error) {
	if !sameMachine(slow, fast) {
		return result.Ratio{}, fmt.Errorf("%s and %s ran on different machines (%s; %s)", slow.ID, fast.ID, machineName(slow), machineName(fast))
	}
	for _, m := range []*result.Measurement{slow, fast} {
		if why := refused(m); why != "" {
			return result.Ratio{}, errors.New(why)
		}
	}
	a, b, paired := samplesOfRatio(slow, fast)
	compare := stats.IndependentRatio
	if paired {
		compare = stats.PairedRatio
	}
	r, err := compare(a.Medians(), b.Medians(), stats.Confidence)
	return result.Ratio{Fast: fast.ID, Slow: slow.ID, Value: r.Value, CI95: r.CI, Method: r.Method}, err
}

func machineName(m *result.Measurement) string { return cmp.Or(m.Machine, "the host") }

// samplesOfRatio are the samples that RatioWithin compares, and whether they are those
// of the same rounds. Each launch has samples.
func samplesOfRatio(slow, fast *result.Measurement) (a, b stats.Samples, paired bool) {
	if a, b = matched(slow, fast); len(a) >= stats.MinLaunches {
		return a, b, true
	}
	empty := func(launch []float64) bool { return len(launch) == 0 }
	return slices.DeleteFunc(Samples(slow), empty), slices.DeleteFunc(Samples(fast), empty), false
}

// matched are the samples of the rounds in which both measurements had a good launch.
func matched(a, b *result.Measurement) (x, y stats.Samples) {
	rounds := map[int][]float64{}
	for _, l := range b.Launches {
		if l.Status == result.StatusOK && len(l.Samples) > 0 {
			rounds[l.Round] = perDispatch(l.Samples)
		}
	}
	for _, l := range a.Launches {
		if other := rounds[l.Round]; l.Status == result.StatusOK && len(l.Samples) > 0 && other != nil {
			x, y = append(x, perDispatch(l.Samples)), append(y, other)
		}
	}
	return x, y
}

// RejectStrayChecksums fails measurements whose product of the exact input is not
// that of the others. There is only one right product for a problem and a seed,
// so where the checksums differ the one with most measurements stands, in a tie
// the one of a baseline, and otherwise none.
func RejectStrayChecksums(ms []result.Measurement, baseline func(i int) bool) {
	done := make([]bool, len(ms))
	for first := range ms {
		if done[first] || !compared(&ms[first]) {
			continue
		}
		var group []int
		votes, vouched := map[string]int{}, map[string]bool{}
		for i := first; i < len(ms); i++ {
			if compared(&ms[i]) && sameWork(&ms[i], &ms[first]) && ms[i].Problem.Seed == ms[first].Problem.Seed {
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
