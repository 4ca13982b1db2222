// One card, reached in two ways.

package analysis

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gpubench/internal/result"
)

// SameCard reports whether the first device is a card through Vulkan and the second the
// same one through CUDA.
func SameCard(vulkan, cuda result.Device) bool {
	return vulkan.Backend == "vulkan" && cuda.Backend == "cuda" && oneUUID(vulkan, cuda)
}

// oneUUID reports whether two devices have the same UUID. Zeros are none: a driver that
// knows none leaves them there.
func oneUUID(a, b result.Device) bool { return strings.Trim(a.UUID, "0") != "" && a.UUID == b.UUID }

// place is the runtime in the id of a device that more than one runtime has.
func place(id string) string {
	at, _, inside := strings.Cut(id, "/")
	if !inside {
		return ""
	}
	return at
}

// OneCard are the devices that are one, each group in the order of the devices: those of
// one runtime that run the kernel and have one UUID, be it through two interfaces, be it
// through two drivers of the same one.
func OneCard(devices []result.Device) (groups [][]result.Device) {
	for i, d := range devices {
		same := func(e result.Device) bool {
			return e.Role() == result.RoleKernel && oneUUID(d, e) && place(d.ID) == place(e.ID)
		}
		if d.Role() != result.RoleKernel || slices.ContainsFunc(devices[:i], same) {
			continue
		}
		group := []result.Device{d}
		for _, e := range devices[i+1:] {
			if same(e) {
				group = append(group, e)
			}
		}
		if len(group) > 1 {
			groups = append(groups, group)
		}
	}
	return groups
}

// Doubles warns of devices that one interface lists twice, as it does where a card has two
// drivers, or one driver two entries. What is measured on them is one card.
func Doubles(devices []result.Device) (list []result.Warning) {
	for _, group := range OneCard(devices) {
		byBackend := map[string][]string{}
		for _, d := range group {
			byBackend[d.Backend] = append(byBackend[d.Backend], fmt.Sprintf("%s (%s, driver %s)", d.ID, d.Name, strings.TrimSpace(cmp.Or(d.Driver.Name, "unknown")+" "+d.Driver.Info)))
		}
		for _, backend := range slices.Sorted(maps.Keys(byBackend)) {
			if entries := byBackend[backend]; len(entries) > 1 {
				list = append(list, result.Warning{Code: "same-card", Text: fmt.Sprintf(
					"%s have the UUID %s and so are one card that is listed %d times, by two drivers or by two entries of one: their rows are of the same hardware; choose one with --device",
					strings.Join(entries, " and "), group[0].UUID, len(entries))})
			}
		}
	}
	return list
}

// CardRatios compares, product by product, each card through CUDA with itself through
// Vulkan: fast is CUDA, slow Vulkan, whichever took longer. Pairs that are among the
// ratios to the baselines already are left out.
func CardRatios(ms []result.Measurement, devices []result.Device, known []result.Ratio) (ratios []result.Ratio) {
	byID := map[string]result.Device{}
	for _, d := range devices {
		byID[d.ID] = d
	}
	for i := range ms {
		for j := range ms {
			slow, fast := &ms[i], &ms[j]
			if !SameCard(byID[slow.Device], byID[fast.Device]) || slow.Runtime != fast.Runtime || !sameMachine(slow, fast) || !compared(slow) || !compared(fast) || !sameWork(slow, fast) || !sameKernel(slow, fast) {
				continue
			}
			if slices.ContainsFunc(known, func(r result.Ratio) bool {
				return r.Slow == slow.ID && r.Fast == fast.ID || r.Slow == fast.ID && r.Fast == slow.ID
			}) {
				continue
			}
			if r, err := RatioWithin(slow, fast); err == nil {
				ratios = append(ratios, r)
			}
		}
	}
	return ratios
}
