//go:build !helper

// Specializations that are given and not searched for: --specialization and --like.

package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gpubench/internal/backend"
	"gpubench/internal/measure"
	"gpubench/internal/result"
	"gpubench/kernels"
)

// pin is one --specialization.
type pin struct {
	device string // id, or empty for all devices that run the kernel
	values backend.Specialization
}

// pins is the flag --specialization: DEVICE@NAME=VALUE,... or NAME=VALUE,...
type pins []pin

func (p *pins) Type() string { return "LIST" }

func (p *pins) String() string {
	var list []string
	for _, one := range *p {
		text := one.values.String()
		if one.device != "" {
			text = one.device + "@" + text
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

func (p *pins) Set(text string) error {
	one := pin{values: backend.Specialization{}}
	list := text
	if device, rest, named := strings.Cut(text, "@"); named {
		if device == "" {
			return errors.New("a device is missing before @; write vulkan:0@TM=8, or TM=8 for all devices")
		}
		one.device, list = device, rest
	}
	known := constantNames()
	for _, part := range strings.Split(list, ",") {
		name, number, ok := strings.Cut(strings.TrimSpace(part), "=")
		v, err := strconv.ParseUint(number, 10, 32)
		switch {
		case !ok || name == "":
			return fmt.Errorf("%q is no constant with its value; write TM=8,TN=2", part)
		case !slices.Contains(known, name):
			return errors.New(unknown("specialization constant", name, "", known))
		case err != nil:
			return fmt.Errorf("the value of %s is %q, and must be a whole number below 2^32", name, number)
		}
		if old, twice := one.values[name]; twice && old != uint32(v) {
			return fmt.Errorf("%s has two values", name)
		}
		one.values[name] = uint32(v)
	}
	for _, other := range *p {
		if other.device == one.device {
			return fmt.Errorf("there are two of them for %s; put all constants into one", cmp.Or(one.device, "all devices"))
		}
	}
	*p = append(*p, one)
	return nil
}

// constantNames are the specialization constants that a product may have on some backend.
func constantNames() []string {
	names := map[string]bool{}
	for _, v := range kernels.CPUVariants {
		if v.Kernel == backend.KernelMatmul {
			for name := range v.Specialization {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// pin gives the arms what --specialization and --like say, the former before the latter,
// and that for one device before that for all. The warnings are of arms that --like has
// nothing for, which are searched.
func (o *runOptions) pin(plan measure.Plan) ([]result.Warning, error) {
	used := make([]bool, len(o.pins))
	var missing []string
	for i := range plan.Arms {
		a := &plan.Arms[i]
		runtime := cmp.Or(a.Runtime, plan.Runtime)
		if a.Kernel != "" || a.Device.Role() != result.RoleKernel {
			continue
		}
		if at := o.pins.of(a.Device.ID, runtime); at >= 0 {
			used[at] = true
			a.Pin, a.PinnedBy = o.pins[at].values, "--specialization"
			continue
		}
		if o.likeDocument == nil {
			continue
		}
		if values := likeArm(o.likeDocument, a, runtime); values != nil {
			a.Pin, a.PinnedBy = values, "--like "+o.like
		} else {
			missing = append(missing, fmt.Sprintf("%s at %v", a.Device.ID, a.Problem))
		}
	}
	for i, p := range o.pins {
		if !used[i] && p.device != "" {
			return nil, failf(exitNoDevice, "--specialization %s@...: no device of that name runs the kernel here; `gpubench devices` lists them", p.device)
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	return []result.Warning{{Code: "like-missing", Text: fmt.Sprintf(
		"--like %s: it holds no good measurement of the same device and size for %s; their specialization is searched for", o.like, strings.Join(missing, ", "))}}, nil
}

// of is the index of the pin for a device in a runtime, -1 for none.
func (p pins) of(id, runtime string) int {
	own := ownID(id, runtime)
	for _, fits := range []func(device string) bool{
		func(d string) bool { return d == id },
		func(d string) bool { return d == own },
		func(d string) bool { return d == "" },
	} {
		if i := slices.IndexFunc(p, func(one pin) bool { return fits(one.device) }); i >= 0 {
			return i
		}
	}
	return -1
}

// ownID is a device's id in its runtime: in a document of several it may bear the runtime's
// name.
func ownID(id, runtime string) string { return strings.TrimPrefix(id, runtime+"/") }

// likeArm is the specialization with which a document measured an arm's size on the arm's
// device, whatever its driver: that may be what is compared. It is nil where there is no
// such measurement. One of the same runtime and id comes before the others.
func likeArm(d *result.Document, a *measure.Arm, runtime string) backend.Specialization {
	devices := map[string]result.Device{}
	for _, dev := range d.Devices {
		devices[dev.ID] = dev
	}
	own := ownID(a.Device.ID, runtime)
	var best *result.Measurement
	most := 0
	for i := range d.Measurements {
		m := &d.Measurements[i]
		dev := devices[m.Device]
		same := m.Role == result.RoleKernel && m.Status == result.StatusOK && len(m.Kernel.Specialization) > 0 &&
			m.Problem.M == a.Problem.M && m.Problem.N == a.Problem.N && m.Problem.K == a.Problem.K &&
			dev.Backend == a.Device.Backend && dev.Threads == a.Device.Threads && dev.ISA == a.Device.ISA &&
			(dev.Backend == "cpu" || dev.Name == a.Device.Name)
		if !same {
			continue
		}
		near := 1
		if ownID(m.Device, m.Runtime) == own {
			near += 2
		}
		if m.Runtime == runtime {
			near++
		}
		if near > most {
			best, most = m, near
		}
	}
	if best == nil {
		return nil
	}
	return asSearched(d, best)
}

// asSearched is a measurement's specialization as the search knew it, without the constants
// that the backend filled in.
func asSearched(d *result.Document, m *result.Measurement) backend.Specialization {
	searched := m
	if id, shared := strings.CutPrefix(m.Kernel.ChosenBy, "search of "); shared {
		if i := slices.IndexFunc(d.Measurements, func(o result.Measurement) bool { return o.ID == id }); i >= 0 {
			searched = &d.Measurements[i]
		}
	}
	for _, c := range searched.Kernel.Search {
		if c.Chosen && len(c.Specialization) > 0 {
			return c.Specialization
		}
	}
	return m.Kernel.Specialization
}
