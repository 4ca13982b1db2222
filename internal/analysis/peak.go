// Upper bounds: nothing is faster than multiply-adds alone.

package analysis

import (
	"fmt"
	"slices"
	"strings"

	"gpubench/internal/result"
)

// Impossible is the share of the peak above which a rate cannot be right. The 5 % are
// for clocks that were higher while the rate was measured than while the peak was.
const Impossible = 1.05

// impossible reports whether a measurement's rate is above that share.
func impossible(m *result.Measurement) bool { return m.Peak != nil && m.Peak.Share > Impossible }

// refused says why nothing is to be compared with a measurement, though its results were right:
// its times cannot be. It is empty where there is no reason.
func refused(m *result.Measurement) string {
	if impossible(m) {
		return fmt.Sprintf("the rate of %s is %s of the peak of its device, which is impossible", m.ID, percent(m.Peak.Share))
	}
	if n, total := flagged(m, flagEarly); 2*n > total {
		return fmt.Sprintf("the fence may have signalled before the batch was finished in %d of %s of %s", n, Plural(total, "sample"), m.ID)
	}
	return ""
}

// flagEarly marks a sample behind which a submission had to wait, as if it was not finished.
const flagEarly = "fence-early"

// flagged counts the samples of the good launches that have a flag, and all.
func flagged(m *result.Measurement, flag string) (n, total int) {
	for _, l := range m.Launches {
		if l.Status != result.StatusOK {
			continue
		}
		for _, s := range l.Samples {
			total++
			if slices.Contains(s.Flags, flag) {
				n++
			}
		}
	}
	return n, total
}

// bestRate is the best rate that a sample of a measurement reached whose end is not in doubt, 0
// where there is none.
func bestRate(m *result.Measurement) (best float64) {
	for _, l := range m.Launches {
		if l.Status != result.StatusOK {
			continue
		}
		for _, s := range l.Samples {
			if !slices.Contains(s.Flags, flagEarly) {
				best = max(best, float64(m.Problem.FLOP)/(s.HostS/float64(s.Dispatches)))
			}
		}
	}
	return best
}

// Peaks sets the peak of each good measurement whose device one was measured on. It is
// the best rate that a sample of the FMA kernel reached, not the median one: it is to
// be a bound. isa is the best instruction set of the machine, as in Host.CPU. A software device
// has two, its own and that of the processor that it is a program on, and the lower one counts.
func Peaks(ms []result.Measurement, devices []result.Device, isa string) {
	for i := range ms {
		m := &ms[i]
		m.Peak = nil
		if !compared(m) {
			continue
		}
		for j := range ms {
			p := &ms[j]
			if p.Role != result.RolePeak || p.Status != result.StatusOK || p.Summary == nil || p.Runtime != m.Runtime || !bounds(devices, p.Device, m.Device, isa) {
				continue
			}
			if rate := bestRate(p); rate > 0 && (m.Peak == nil || rate < m.Peak.FLOPS) {
				m.Peak = &result.Peak{FLOPS: rate, From: p.ID, Share: m.Summary.FLOPS / rate}
			}
		}
	}
}

// FalsePeaks warns of the peaks of software devices that are above that of the processor.
func FalsePeaks(ms []result.Measurement, devices []result.Device, isa string) {
	for i := range ms {
		m := &ms[i]
		if m.Role != result.RolePeak || m.Status != result.StatusOK || m.Summary == nil {
			continue
		}
		for j := range ms {
			p := &ms[j]
			if j == i || p.Role != result.RolePeak || p.Status != result.StatusOK || p.Runtime != m.Runtime || !bounds(devices, p.Device, m.Device, isa) {
				continue
			}
			if rate := bestRate(p); rate > 0 && m.Summary.FLOPS > Impossible*rate {
				m.Warnings = append(m.Warnings, result.Warning{Code: "impossible", Text: fmt.Sprintf(
					"the rate is %s of the peak of the processor (%s) that this device is a program on, which is impossible: do not quote this", percent(m.Summary.FLOPS/rate), p.ID)})
			}
		}
	}
}

// Unbounded is the warning of a run without peaks.
func Unbounded() result.Warning {
	return result.Warning{Code: "no-bound", Text: "no peak was measured (--limits=false), so nothing bounds the rates: one that no device can reach would not be noticed; measure with --limits before quoting them"}
}

// bounds reports whether the peak of one device is that of another: the device
// itself; for a program that is a device all processors; for a library on the CPU the cpu device with as many threads and with the
// instruction set that the library will choose; for cuBLAS the cuda device that is the same
// card, and for Metal Performance Shaders the device of Metal with the same number, unless
// they multiply in another format, which is faster.
func bounds(devices []result.Device, peak, other, isa string) bool {
	if peak == other {
		return true
	}
	var p, o result.Device
	for _, d := range devices {
		switch d.ID {
		case peak:
			p = d
		case other:
			o = d
		}
	}
	if o.Software && p.ID == "cpu" {
		return p.ISA == isa
	}
	switch o.Backend {
	case "blas":
		return p.Backend == "cpu" && p.Threads == o.Threads && p.ISA == isa
	case "cublas":
		return p.Backend == "cuda" && p.UUID != "" && p.UUID == o.UUID && o.Format() == result.FormatF32
	case "mps":
		return p.Backend == "metal" && p.ID == strings.Replace(o.ID, "mps:", "metal:", 1) && o.Format() == result.FormatF32
	}
	return false
}
