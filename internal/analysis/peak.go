// Upper bounds: nothing is faster than multiply-adds alone.

package analysis

import (
	"strings"

	"gpubench/internal/result"
)

// Impossible is the share of the peak above which a rate cannot be right. The 5 % are
// for clocks that were higher while the rate was measured than while the peak was.
const Impossible = 1.05

// impossible reports whether a measurement's rate is above that share.
func impossible(m *result.Measurement) bool { return m.Peak != nil && m.Peak.Share > Impossible }

// Peaks sets the peak of each good measurement whose device one was measured on. It is
// the best rate that a sample of the FMA kernel reached, not the median one: it is to
// be a bound. isa is the best instruction set of the machine, as in Host.CPU.
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
			rate := float64(p.Problem.FLOP) / p.Summary.MinS
			m.Peak = &result.Peak{FLOPS: rate, From: p.ID, Share: m.Summary.FLOPS / rate}
		}
	}
}

// bounds reports whether the peak of one device is that of another: the device
// itself; for a library on the CPU the cpu device with as many threads and with the
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
