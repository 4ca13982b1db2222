package report

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// digits4 writes v with four significant digits and without an exponent where
// that stays readable.
func digits4(v float64) string {
	a := math.Abs(v)
	switch {
	case v == 0:
		return "0"
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "-" // no figure is better than a false one
	case a < 1e-4 || a >= 1e8:
		return strconv.FormatFloat(v, 'e', 3, 64)
	}
	// Rounding first decides how many digits stand before the point: 999.96 is
	// 1000 and not 1000.0.
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 3, 64), 64)
	before := int(math.Floor(math.Log10(math.Abs(rounded)))) + 1
	return strconv.FormatFloat(rounded, 'f', max(0, 4-before), 64)
}

// unit is a power of ten with its name.
type unit struct {
	name   string
	factor float64
}

// rateUnit picks the one unit in which all rates (FLOP/s) of a table are shown:
// GFLOP/s, which readers know, unless every figure would be below 1 or above
// 1000 in it.
func rateUnit(rates []float64) unit {
	lo, hi := math.Inf(1), 0.0
	for _, r := range rates {
		lo, hi = min(lo, r), max(hi, r)
	}
	switch {
	case len(rates) == 0:
	case hi < 1e6:
		return unit{"kFLOP/s", 1e3}
	case hi < 1e9:
		return unit{"MFLOP/s", 1e6}
	case lo >= 1e12:
		return unit{"TFLOP/s", 1e12}
	}
	return unit{"GFLOP/s", 1e9}
}

// timeUnit picks the one unit in which all seconds of a table are shown, so that the
// median of them is between 1 and 1000 in it.
func (p wording) timeUnit(seconds []float64) unit {
	units := []unit{{"s", 1}, {"ms", 1e-3}, {p.pick("µs", "us"), 1e-6}, {"ns", 1e-9}}
	if len(seconds) == 0 {
		return units[1]
	}
	sorted := slices.Sorted(slices.Values(seconds))
	middle := sorted[len(sorted)/2]
	for _, u := range units {
		if middle >= u.factor {
			return u
		}
	}
	return units[3]
}

// halfWidth is half the width of an interval in percent of its middle value v.
func halfWidth(ci [2]float64, v float64) string {
	p := 100 * (ci[1] - ci[0]) / 2 / v
	switch {
	case math.IsNaN(p) || math.IsInf(p, 0):
		return "-"
	case p < 0.1:
		return strconv.FormatFloat(p, 'f', 2, 64) + " %"
	case p < 10:
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	}
	return strconv.FormatFloat(p, 'f', 0, 64) + " %"
}

// binarySize writes bytes in the largest binary unit that leaves at least 1.
func binarySize(bytes uint64) string {
	v, names := float64(bytes), []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	for len(names) > 1 && v >= 1024 {
		v, names = v/1024, names[1:]
	}
	if v >= 100 || names[0] == "B" {
		return strconv.FormatFloat(v, 'f', 0, 64) + " " + names[0]
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + names[0]
}

// seconds writes a wall-clock time for a reader: 41.2 s, 3m20s.
func seconds(s float64) string {
	if s < 100 {
		return strconv.FormatFloat(s, 'f', 1, 64) + " s"
	}
	return time.Duration(math.Round(s) * float64(time.Second)).String()
}
