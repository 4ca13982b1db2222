// Does what runs on the processor make use of it?

package analysis

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gpubench/internal/result"
)

// lame is the share of the kernel's rate below which a library is no measure of what the
// processor can do, whatever it says of itself: good ones differ from the kernel by a
// quarter, and one instruction set from the next by a half.
const lame = 0.6

// BelowProcessor says in a sentence why what runs on a device is below what the processor
// has, and what to do. It is empty where it is not, or where nobody knows.
func BelowProcessor(d result.Device) string {
	if !d.BelowProcessor() {
		return ""
	}
	if d.Library == nil {
		return fmt.Sprintf("%s runs %s code although the processor has %s%s", d.ID, d.ISA, d.ProcessorISA, because(d, "unset it", ""))
	}
	l := d.Library
	remedy := "install a newer one"
	if l.Fixed {
		remedy = "it was built for this processor alone: install a build that chooses (DYNAMIC_ARCH)"
	}
	if len(l.Refused) > 0 {
		remedy = "a better one was tried (" + strings.Join(l.Refused, "; ") + "): " + remedy
	}
	code := fmt.Sprintf("its code for %s (%s)", l.Core, l.ISA)
	if l.ISA == "generic" {
		code = fmt.Sprintf("code for no processor in particular (%s)", l.Core)
	}
	return fmt.Sprintf("%s %s runs %s although the processor has %s%s", l.Name, l.Version, code, d.ProcessorISA,
		because(d, "unset it, if the library computes rightly without it", remedy))
}

// because names the variables that chose what runs on a device, with the remedy, or else
// gives another one.
func because(d result.Device, remedy, other string) string {
	if len(d.Steering) == 0 {
		if other == "" {
			return ""
		}
		return ": " + other
	}
	var set []string
	for _, name := range slices.Sorted(maps.Keys(d.Steering)) {
		set = append(set, name+"="+d.Steering[name])
	}
	return fmt.Sprintf(", with %s in the environment: %s", strings.Join(set, ", "), remedy)
}

// processor tells what a reader must know of a device of the processor.
func processor(d result.Device) (out []result.Warning) {
	warn := func(code, format string, args ...any) {
		out = append(out, result.Warning{Code: code, Text: fmt.Sprintf(format, args...)})
	}
	l := d.Library
	switch why := BelowProcessor(d); {
	case why != "" && l == nil:
		warn("cpu-below-processor", "%s; ratios to it are too high, and this is not what the processor can do", why)
	case why != "":
		warn("reference-below-processor", "%s; ratios to it are too high, and this is not what the processor can do", why)
	case l != nil && l.ISA == "" && l.Core != "":
		warn("reference-core-unknown", "which instruction set the code of %s %s for %q is for is not known, so whether the library makes use of the processor is not either", l.Name, l.Version, l.Core)
	}
	if l != nil && l.Raised != "" {
		warn("reference-raised", "left alone %s %s runs its code for %s here; gpubench had it take that for %s, which was tried first and is right", l.Name, l.Version, l.Raised, l.Core)
	}
	return out
}

// Slow says of each good measurement of a library on the processor that is far slower than
// the kernel with as many threads in the same runtime that it is no measure of the
// processor. The text is by the measurement's id.
func Slow(ms []result.Measurement, devices []result.Device) map[string]string {
	byID := map[string]result.Device{}
	for _, d := range devices {
		byID[d.ID] = d
	}
	slow := map[string]string{}
	for i := range ms {
		ref := &ms[i]
		d := byID[ref.Device]
		if d.Backend != "blas" || !compared(ref) || ref.Summary == nil {
			continue
		}
		for j := range ms {
			kernel := &ms[j]
			k := byID[kernel.Device]
			if k.Backend != "cpu" || k.Threads != d.Threads || kernel.Runtime != ref.Runtime || !compared(kernel) || !sameWork(kernel, ref) {
				continue
			}
			r, err := RatioWithin(ref, kernel)
			if err != nil || r.CI95 == nil || r.CI95[0] <= 1/lame {
				continue
			}
			slow[ref.ID] = fmt.Sprintf("%s reaches %s of the rate of %s%s: something that slow is no measure of what the processor can do, and ratios to it are too high; the library may not fit the processor (install another or a newer one), or other programs may hold up its threads (end them)",
				d.Name, percent(1/r.Value), kernel.Device, ofPeak(ref, kernel))
		}
	}
	return slow
}

// ofPeak compares two measurements with their peak, where there is one.
func ofPeak(ref, kernel *result.Measurement) string {
	if ref.Peak == nil || kernel.Peak == nil {
		return ""
	}
	return fmt.Sprintf(" (%s of the peak of the arithmetic, against %s)", percent(ref.Peak.Share), percent(kernel.Peak.Share))
}

// WarnOfSlow adds the warnings of Slow to the measurements that they are about.
func WarnOfSlow(ms []result.Measurement, devices []result.Device) {
	slow := Slow(ms, devices)
	for i := range ms {
		if text := slow[ms[i].ID]; text != "" {
			ms[i].Warnings = append(ms[i].Warnings, result.Warning{Code: "reference-slow", Text: text})
		}
	}
}

// bounded is what is left of a verdict on a claim whose arm or baseline is slower than the
// processor can be: against such a baseline the ratio is too high, with such an arm too
// low, so that only what lies beyond the other end of the range is refuted.
func bounded(v ClaimVerdict, ci [2]float64, low, high float64, slowArm, slowBase bool) ClaimVerdict {
	switch {
	case v == Refuted && ci[1] < low && !slowArm, v == Refuted && ci[0] > high && !slowBase:
		return Refuted
	case slowArm || slowBase:
		return Inconclusive
	}
	return v
}
