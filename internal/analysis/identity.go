// Is what ran what the document says that ran?

package analysis

import (
	"fmt"
	"slices"

	"gpubench/internal/result"
)

// namedSince is the minor version of the format from which launches say which device they
// had.
const namedSince = 2

// strangers are the places of a document that name another device, or none, than the one
// that they belong to.
func strangers(d *result.Document) (found []string) {
	devices := map[string]result.Device{}
	for _, dev := range d.Devices {
		devices[dev.ID] = dev
	}
	for i := range d.Measurements {
		m := &d.Measurements[i]
		if text := stranger(m, devices[m.Device]); text != "" {
			found = append(found, fmt.Sprintf("measurements[%d].%s", i, text))
		}
	}
	for i, r := range d.Runtimes {
		if r.GPU != RanOnGPU(r.Name, d.Measurements) {
			found = append(found, fmt.Sprintf("runtimes[%d].gpu is %v, and the launches say otherwise", i, r.GPU))
		}
	}
	return found
}

// stranger is a launch or a search of a measurement that did not have the device that its
// entry describes, or a meter that did not read it. It is empty when there is none.
func stranger(m *result.Measurement, dev result.Device) string {
	listed := dev.Opened()
	if s := m.SearchedOn; s != nil && m.Status == result.StatusOK {
		if text := listed.Changed(dev.ID, *s); text != "" {
			return "searched_on: " + text
		}
	}
	for i, l := range m.Launches {
		at := fmt.Sprintf("launches[%d]", i)
		if l.Status != result.StatusOK {
			continue
		}
		if l.Opened == nil {
			return at + ": status is ok, but it does not say which device it opened"
		}
		if text := listed.Changed(dev.ID, *l.Opened); text != "" {
			return at + ".opened: " + text
		}
		switch {
		case l.Meter == nil || l.Meter.Unavailable != "":
			if l.Energy != nil {
				return at + ".energy: it is of no card"
			}
		case l.Meter.UUID != l.Opened.UUID || l.Meter.UUID == "":
			return fmt.Sprintf("%s.meter: it reads the card %q, and the device is %q", at, l.Meter.UUID, l.Opened.UUID)
		}
	}
	return ""
}

// RanOnGPU reports whether a measurement of a runtime is right and of a GPU that is no
// software, by what its launches opened.
func RanOnGPU(runtime string, ms []result.Measurement) bool {
	return slices.ContainsFunc(ms, func(m result.Measurement) bool {
		return m.Runtime == runtime && m.Status == result.StatusOK && slices.ContainsFunc(m.Launches, func(l result.Launch) bool {
			return l.Status == result.StatusOK && l.Opened != nil && l.Opened.GPU()
		})
	})
}
