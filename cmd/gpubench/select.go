package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gpubench/internal/result"
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

// choose picks the devices to measure, the baseline first, from those that were
// found. Without --device these are the baseline and every usable device of every
// backend but cpu. The second result is all devices for the document: those found,
// and those made up from them, such as cpu:3.
func (s selection) choose(found []result.Device, absent []result.Absent) (chosen, all []result.Device, err error) {
	all = slices.Clone(found)
	named := func(flag, id string) (result.Device, error) {
		d, ok := device(all, id)
		if !ok {
			return d, noDevice(flag, id, found, absent)
		}
		if d.Unusable != "" {
			return d, failf(exitNoDevice, "%s %s: %s cannot be used: %s", flag, id, d.Name, d.Unusable)
		}
		if !slices.ContainsFunc(all, func(x result.Device) bool { return x.ID == id }) {
			all = append(all, d)
		}
		return d, nil
	}
	add := func(d result.Device) {
		if !slices.ContainsFunc(chosen, func(x result.Device) bool { return x.ID == d.ID }) {
			chosen = append(chosen, d)
		}
	}
	for _, b := range s.backends {
		if a := absentBackend(absent, b); a != nil {
			return nil, nil, failf(exitNoDevice, "--backend %s: %s", b, reason(*a))
		}
	}
	if len(s.devices) == 0 {
		if len(s.backends) == 0 || slices.Contains(s.backends, backendOf(s.baseline)) {
			d, err := named("--baseline", s.baseline)
			switch {
			case err == nil:
				add(d)
			case absentBackend(absent, backendOf(s.baseline)) == nil:
				return nil, nil, err
			}
			// An absent backend is in the document with its reason.
		}
		for _, d := range found {
			if d.Backend != "cpu" && d.Unusable == "" {
				add(d)
			}
		}
	}
	for _, id := range s.devices {
		if !slices.Contains(backendNames, id) || id == "cpu" {
			d, err := named("--device", id)
			if err != nil {
				return nil, nil, err
			}
			add(d)
			continue
		}
		n := len(chosen)
		for _, d := range found {
			if d.Backend == id && d.Unusable == "" {
				add(d)
			}
		}
		if len(chosen) == n {
			return nil, nil, noDevice("--device", id, found, absent)
		}
	}
	slices.SortStableFunc(chosen, func(a, b result.Device) int {
		return rank(a.ID == s.baseline) - rank(b.ID == s.baseline)
	})
	if len(chosen) == 0 {
		return nil, nil, failf(exitNoDevice, "there is no device to measure: %s", reasons(found, absent))
	}
	return chosen, all, nil
}

func rank(first bool) int {
	if first {
		return 0
	}
	return 1
}

// device finds a device by id. The cpu backend lists only some of its devices:
// cpu:N is N threads for any N up to those of cpu.
func device(found []result.Device, id string) (result.Device, bool) {
	for _, d := range found {
		if d.ID == id {
			return d, true
		}
	}
	threads, ok := strings.CutPrefix(id, "cpu:")
	n, err := strconv.Atoi(threads)
	for _, d := range found {
		if ok && err == nil && d.ID == "cpu" && n >= 1 && n <= d.Threads && strconv.Itoa(n) == threads {
			d.ID, d.Threads = id, n
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
	if backendOf(id) == "cpu" {
		for _, d := range found {
			if d.ID == "cpu" {
				text = fmt.Sprintf("the cpu backend has cpu and cpu:1 to cpu:%d", d.Threads)
			}
		}
	}
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
