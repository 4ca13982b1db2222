//go:build !helper

// What a suite measures where.

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/measure"
	"gpubench/internal/result"
	"gpubench/internal/suite"
)

// place is a runtime whose devices are those that are measured in it.
type place struct {
	*suite.Runtime
	faults []*measure.Unlisted // of its devices, nil for those that have none
	equal  bool                // the last one is the CPU with as many threads as the runtime with the fewest has
}

// newPlace notes which of a runtime's devices could not be looked at, by their ids within it.
func newPlace(rt *suite.Runtime, lost faults) *place {
	p := &place{Runtime: rt}
	for _, d := range rt.Devices {
		p.faults = append(p.faults, lost.of(d.ID))
	}
	return p
}

// choose leaves a runtime the devices that are measured in it, and returns which of them
// could not be looked at. Of those and of the backends that were named the ones are left
// out that are not there, with the reason; there must be one.
func (o *suiteOptions) choose(ctx context.Context, rt *suite.Runtime, backends []string) (lost faults, err error) {
	lost = faults{}
	rt.Failed = slices.DeleteFunc(rt.Failed, func(u measure.Unlisted) bool { return !slices.Contains(backends, u.Backend) })
	usable := slices.DeleteFunc(slices.Clone(rt.Devices), func(d result.Device) bool { return !slices.Contains(backends, d.Backend) })
	rt.Absent = slices.DeleteFunc(rt.Absent, func(a result.Absent) bool { return !slices.Contains(backends, a.Backend) })
	usable = append(usable, lost.stand(o.want, rt.Failed)...)
	look := lost.look(ctx, rt.Runner, o.listing)
	want, left := o.want, error(nil)
	want.devices = nil
	for _, id := range o.want.devices {
		one := selection{devices: []string{id}, baseline: o.want.baseline}
		there, err := one.find(usable, rt.Absent, look)
		if err == nil {
			usable = there
			_, err = one.choose(usable, rt.Absent)
		}
		if err == nil {
			want.devices = append(want.devices, id)
			continue
		}
		left = err
		if absentBackend(rt.Absent, id) == nil {
			rt.Absent = append(rt.Absent, result.Absent{Backend: id, Reason: err.Error()})
		}
	}
	if len(want.devices) == 0 && left != nil {
		return nil, left
	}
	want.backends = slices.DeleteFunc(slices.Clone(o.want.backends), func(b string) bool { return absentBackend(rt.Absent, b) != nil })
	if len(want.backends) == 0 && len(o.want.backends) > 0 {
		want.backends = o.want.backends // the error says why not one is there
	}
	usable, err = want.find(usable, rt.Absent, look)
	if err == nil {
		rt.Devices, err = want.choose(usable, rt.Absent)
		lost.mark(rt.Devices)
	}
	return lost, err
}

// arms are those of all places, and one for each runtime and GPU that is there or was
// asked for and cannot be used.
func (o *suiteOptions) arms(places []*place, found []*suite.Runtime, devices []result.Device) (arms []measure.Arm) {
	problems := o.sizes
	if len(problems) == 0 {
		problems = []backend.Problem{defaultSize(devices)}
	}
	add := func(rt *suite.Runtime, a measure.Arm) {
		a.Runtime, a.Runner, a.Machine = rt.Report.Name, rt.Runner, rt.Machine()
		arms = append(arms, a)
	}
	gpu := slices.ContainsFunc(devices, result.Device.GPU)
	for _, problem := range problems {
		for i, p := range places {
			for j, d := range p.Devices {
				equal := p.equal && j == len(p.Devices)-1
				a := measure.Arm{Device: d, Problem: problem, Baseline: i == 0 && (d.ID == o.want.baseline || equal)}
				if j < len(p.faults) {
					a.Fault = p.faults[j]
				}
				add(p.Runtime, a)
			}
			if p.Fault != nil {
				a := measure.Arm{Device: *p.Fault, Problem: problem}
				if p.Remote() || gpu { // else it may be one that only draws
					a.Unusable = p.Fault.Unusable
				}
				add(p.Runtime, a)
			}
		}
		for _, rt := range found {
			if rt.Report.Status == result.StatusFailed || !rt.Usable() && slices.Contains(o.runtimes, rt.Report.Name) {
				add(rt, measure.Arm{Device: places[0].Devices[0], Problem: problem,
					Unusable: rt.Report.Name + " cannot be used: " + reason(result.Absent{Reason: rt.Report.Reason, Remedy: rt.Report.Remedy})})
			}
		}
	}
	for _, p := range places {
		for _, d := range p.Devices {
			for _, a := range measure.Beside(d) {
				if o.limits {
					add(p.Runtime, a)
				}
			}
		}
	}
	return arms
}

// here are the places that are on the host: what others have is no matter of runtimes.
func here(places []*place) []*place {
	return slices.DeleteFunc(slices.Clone(places), func(p *place) bool { return p.Machine() != "" })
}

// equalise gives each place that may use more processors than another a device with as
// many threads as the least has, unless the devices were named.
func equalise(ctx context.Context, places []*place, wanted bool, limit time.Duration) {
	least := 0
	places = here(places)
	for _, p := range places {
		if n := p.Report.Inside.CPU.Usable; n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	for _, p := range places {
		if _, all := byID(p.Devices, "cpu"); all && wanted && p.Report.Inside.CPU.Usable > least {
			if d, out := measure.Find(ctx, p.Runner, "cpu", fmt.Sprintf("cpu:%d", least), limit); out.Status == result.StatusOK {
				p.Devices, p.equal = append(p.Devices, d), true
			}
		}
	}
}

// differences warns where the runtimes have not the same.
func differences(places []*place) (list []result.Warning) {
	var cpus, memory []string
	least, most, fewest, lo, hi, equal := 0, 0, "", uint64(0), uint64(0), false
	for _, p := range here(places) {
		in := p.Report.Inside
		equal = equal || p.equal
		if n := in.CPU.Usable; n > 0 {
			cpus = append(cpus, fmt.Sprintf("%s %d", p.Report.Name, n))
			if most = max(most, n); least == 0 || n < least {
				least, fewest = n, p.Report.Name
			}
		}
		if n := in.MemoryBytes; n > 0 {
			memory = append(memory, fmt.Sprintf("%s %.1f GiB", p.Report.Name, float64(n)/(1<<30)))
			if hi = max(hi, n); lo == 0 || n < lo {
				lo = n
			}
		}
	}
	if least < most {
		advice := fmt.Sprintf("compare by --device cpu:%d", least)
		if equal {
			advice = fmt.Sprintf("cpu:%d, as many as %s has, is measured where there are more", least, fewest)
		}
		list = append(list, result.Warning{Code: "cores-differ", Text: fmt.Sprintf(
			"the runtimes may not use equally many processors (%s): a ratio of all of one to all of another holds that difference too; %s, or give %s as many",
			strings.Join(cpus, ", "), advice, fewest)})
	}
	// Virtual machines keep some per cent for themselves.
	if float64(hi) > 1.1*float64(lo) {
		list = append(list, result.Warning{Code: "memory-differs", Text: fmt.Sprintf(
			"the runtimes have not the same memory (%s): a size that fits one may not fit another; what fits all runs as fast with more", strings.Join(memory, ", "))})
	}
	if libraries := librariesOf(places); len(libraries) > 1 {
		list = append(list, result.Warning{Code: "library-differs", Text: fmt.Sprintf(
			"the runtimes do not have the same BLAS library with the same code (%s): a ratio of one to another is one of libraries and not of runtimes", strings.Join(libraries, ", "))})
	}
	return list
}

// librariesOf are the different BLAS libraries of the places, each with the first place
// that has it.
func librariesOf(places []*place) (list []string) {
	var seen []string
	for _, p := range places {
		for _, d := range p.Devices {
			if d.Library != nil && !slices.Contains(seen, d.Name) {
				seen = append(seen, d.Name)
				list = append(list, p.Report.Name+" "+d.Name)
			}
		}
	}
	return list
}
