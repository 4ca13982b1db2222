// Where two arms that are compared ran different specializations.

package analysis

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gpubench/internal/result"
)

// respecialized says in which constants two measurements of the kernel differ; it is empty
// where they ran the same.
func respecialized(a, b *result.Measurement) string {
	if a.Role != result.RoleKernel || b.Role != result.RoleKernel || maps.Equal(a.Kernel.Specialization, b.Kernel.Specialization) {
		return ""
	}
	names := map[string]bool{}
	for _, s := range []map[string]uint32{a.Kernel.Specialization, b.Kernel.Specialization} {
		for name := range s {
			names[name] = true
		}
	}
	value := func(m *result.Measurement, name string) string {
		if v, ok := m.Kernel.Specialization[name]; ok {
			return fmt.Sprint(v)
		}
		return "none"
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if x, y := value(a, name), value(b, name); x != y {
			list = append(list, fmt.Sprintf("%s %s, then %s", name, x, y))
		}
	}
	return strings.Join(list, "; ")
}

// Specializations warns where the same device in two runtimes ran different
// specializations, so that their ratio holds that difference as well. devices are those of
// the measurements.
func Specializations(ms []result.Measurement, devices []result.Device) (warnings []result.Warning) {
	first := map[string]int{} // by device, size and seed, the measurement of the first runtime
	for i := range ms {
		m := &ms[i]
		if m.Status != result.StatusOK || m.Role != result.RoleKernel {
			continue
		}
		key := fmt.Sprint(strings.TrimPrefix(m.Device, m.Runtime+"/"), " ", problemName(m.Problem), " ", devices[i].Threads)
		f, seen := first[key]
		if !seen {
			first[key] = i
			continue
		}
		if diff := respecialized(&ms[f], m); diff != "" && ms[f].Runtime != m.Runtime {
			warnings = append(warnings, result.Warning{Code: "specialization-differs", Text: fmt.Sprintf(
				"at %s %s in %s runs another specialization than in %s (%s), since the two differ in more than their runtime (driver or limits): a ratio between them holds that difference too; give both the same by --specialization or --like",
				problemName(m.Problem), strings.TrimPrefix(m.Device, m.Runtime+"/"), m.Runtime, ms[f].Runtime, diff)})
		}
	}
	return warnings
}
