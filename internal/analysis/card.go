// One card, reached in two ways.

package analysis

import (
	"slices"

	"gpubench/internal/result"
)

// SameCard reports whether the first device is a card through Vulkan and the second the
// same one through CUDA.
func SameCard(vulkan, cuda result.Device) bool {
	return vulkan.Backend == "vulkan" && cuda.Backend == "cuda" && vulkan.UUID != "" && vulkan.UUID == cuda.UUID
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
