package main

import (
	"slices"
	"strings"

	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// selection is what the user asked for; empty lists mean no restriction.
type selection struct {
	backends []string
	devices  []string // ids, or names of backends for all of their devices
	baseline string   // id
}

// backendOf is the backend that a device id belongs to.
func backendOf(id string) string {
	name, _, _ := strings.Cut(id, ":")
	return name
}

// wants lists the backends that have to be asked for their devices.
func (s selection) wants() ([]string, error) {
	for _, b := range s.backends {
		if !slices.Contains(backendNames, b) {
			return nil, failf(exitUsage, "--backend %s: %s", b, unknown("backend", b, "", backendNames))
		}
	}
	if b := backendOf(s.baseline); !slices.Contains(backendNames, b) {
		return nil, failf(exitUsage, "--baseline %s: %s", s.baseline, unknown("backend", b, "", backendNames))
	}
	for _, id := range s.devices {
		b := backendOf(id)
		if !slices.Contains(backendNames, b) {
			return nil, failf(exitNoDevice, "--device %s: there is no such device: %s; `gpubench devices` lists them", id, unknown("backend", b, "", backendNames))
		}
		if len(s.backends) > 0 && !slices.Contains(s.backends, b) {
			return nil, failf(exitUsage, "--device %s: --backend %s leaves it out; give one of the two flags", id, strings.Join(s.backends, ","))
		}
	}
	var names []string
	for _, b := range backendNames {
		asked := len(s.backends) == 0 || slices.Contains(s.backends, b)
		if len(s.devices) > 0 {
			asked = slices.ContainsFunc(s.devices, func(id string) bool { return backendOf(id) == b })
		}
		if asked {
			names = append(names, b)
		}
	}
	return names, nil
}

// find adds to the devices that were found those that are named but not listed by
// their backends, such as cpu:1:avx2. look asks a backend for one.
func (s selection) find(found []result.Device, absent []result.Absent, look func(backend, id string) (result.Device, worker.Outcome)) ([]result.Device, error) {
	flag, ids := s.named(absent)
	for _, id := range ids {
		if _, ok := byID(found, id); ok || slices.Contains(backendNames, id) || absentBackend(absent, backendOf(id)) != nil {
			continue
		}
		d, out := look(backendOf(id), id)
		if out.Status != result.StatusOK {
			return nil, failf(exitNoDevice, "%s %s: %s", flag, id, reason(result.Absent{Reason: out.Reason, Remedy: out.Remedy}))
		}
		found = append(found, d)
	}
	return found, nil
}

// named lists the ids that the user gave, and the flag that they come from: the
// baseline alone without --device, where its backend is there and not left out.
func (s selection) named(absent []result.Absent) (flag string, ids []string) {
	if len(s.devices) > 0 {
		return "--device", s.devices
	}
	b := backendOf(s.baseline)
	selected := len(s.backends) == 0 || slices.Contains(s.backends, b)
	if selected && absentBackend(absent, b) == nil { // an absent one is in the document with its reason
		ids = []string{s.baseline}
	}
	return "--baseline", ids
}

// choose picks the devices to measure, the baseline first, from those that were
// found. Without --device these are the baseline, all cores, and every usable device
// of every other backend.
func (s selection) choose(found []result.Device, absent []result.Absent) ([]result.Device, error) {
	var chosen []result.Device
	for _, b := range s.backends {
		if a := absentBackend(absent, b); a != nil {
			return nil, failf(exitNoDevice, "--backend %s: %s", b, reason(*a))
		}
	}
	flag, ids := s.named(absent)
	if len(s.devices) == 0 {
		for _, d := range found {
			if d.Unusable == "" && (d.Backend != "cpu" || d.ID == "cpu") {
				ids = append(ids, d.ID)
			}
		}
	}
	for _, id := range ids {
		devices, err := resolve(flag, id, found, absent)
		if err != nil {
			return nil, err
		}
		for _, d := range devices {
			if _, ok := byID(chosen, d.ID); !ok {
				chosen = append(chosen, d)
			}
		}
	}
	if len(chosen) == 0 {
		return nil, failf(exitNoDevice, "there is no device to measure: %s", reasons(found, absent))
	}
	slices.SortStableFunc(chosen, func(a, b result.Device) int {
		switch s.baseline {
		case b.ID:
			return 1
		case a.ID:
			return -1
		}
		return 0
	})
	return chosen, nil
}

// resolve returns the device with this id or, for the name of a backend, all of
// its usable ones. What is both, as cpu is, means the one device of all cores.
func resolve(flag, id string, found []result.Device, absent []result.Absent) ([]result.Device, error) {
	d, ok := byID(found, id)
	if !ok && slices.Contains(backendNames, id) {
		var devices []result.Device
		for _, d := range found {
			if d.Backend == id && d.Unusable == "" {
				devices = append(devices, d)
			}
		}
		if len(devices) == 0 {
			return nil, noDevice(flag, id, found, absent)
		}
		return devices, nil
	}
	switch {
	case !ok:
		return nil, noDevice(flag, id, found, absent)
	case d.Unusable != "":
		return nil, failf(exitNoDevice, "%s %s: %s cannot be used: %s", flag, id, d.Name, d.Unusable)
	}
	return []result.Device{d}, nil
}

func byID(devices []result.Device, id string) (result.Device, bool) {
	for _, d := range devices {
		if d.ID == id {
			return d, true
		}
	}
	return result.Device{}, false
}

func absentBackend(absent []result.Absent, name string) *result.Absent {
	for i := range absent {
		if absent[i].Backend == name {
			return &absent[i]
		}
	}
	return nil
}

// reason joins why a backend is absent with what to do about it.
func reason(a result.Absent) string {
	if a.Remedy == "" {
		return a.Reason
	}
	return a.Reason + "; " + a.Remedy
}

// noDevice says that a device is not there, and which are.
func noDevice(flag, id string, found []result.Device, absent []result.Absent) error {
	if a := absentBackend(absent, backendOf(id)); a != nil {
		return failf(exitNoDevice, "%s %s: %s", flag, id, reason(*a))
	}
	var ids []string
	for _, d := range found {
		s := d.ID
		if d.Unusable != "" {
			s += " (unusable: " + d.Unusable + ")"
		}
		if d.Backend == backendOf(id) {
			ids = append(ids, s)
		}
	}
	text := "the " + backendOf(id) + " backend has " + strings.Join(ids, ", ")
	return failf(exitNoDevice, "%s %s: there is no such device; %s", flag, id, text)
}

// reasons says why nothing can be measured.
func reasons(found []result.Device, absent []result.Absent) string {
	var list []string
	for _, d := range found {
		if d.Unusable != "" {
			list = append(list, d.ID+": "+d.Unusable)
		}
	}
	for _, a := range absent {
		list = append(list, a.Backend+": "+reason(a))
	}
	if len(list) == 0 {
		return "no backend was asked for its devices"
	}
	return strings.Join(list, "; ")
}
