//go:build cgo && (darwin || gnustep)

// An opened device: what it can hold, and which shapes fit.

package metal

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/shape"
)

// device implements backend.Device.
type device struct {
	backend *Backend
	props   properties
	info    result.Device
	handle  object
	queue   object

	programs map[*program]struct{}
}

// Devices lists every device that Metal shows.
func (b *Backend) Devices() ([]result.Device, error) {
	all, err := b.all()
	if err != nil {
		return nil, err
	}
	var out []result.Device
	for _, d := range all {
		out = append(out, d.info)
		d.Close()
	}
	return out, nil
}

// all are the devices, none of which has a queue yet; at least one.
func (b *Backend) all() ([]*device, error) {
	var out []*device
	for _, suffix := range b.suffixes {
		for i, h := range listDevices() {
			d := &device{backend: b, props: describe(h), handle: h, programs: map[*program]struct{}{}}
			d.info = d.props.device(b.name, i)
			d.info.ID += suffix
			out = append(out, d)
		}
	}
	if len(out) == 0 {
		return nil, &backend.Error{Kind: backend.Absent, Text: b.name + ": Metal shows no device",
			Remedy: "virtual machines often have none: run gpubench on the Mac itself"}
	}
	return out, nil
}

// device is the entry in the result document.
func (p properties) device(backend string, index int) result.Device {
	var families []string
	for _, f := range []struct {
		name  string
		value uint32
	}{{"Apple", p.appleFamily}, {"Mac", p.macFamily}} {
		if f.value > 0 {
			families = append(families, fmt.Sprintf("%s %d", f.name, f.value))
		}
	}
	d := result.Device{
		ID:          backend + ":" + strconv.Itoa(index),
		Backend:     backend,
		Class:       result.ClassIntegrated,
		Name:        p.name,
		Driver:      result.Driver{Name: "Metal", Info: strings.Join(families, ", ")},
		MemoryBytes: p.workingSet,
		Unified:     p.unified,
		Timestamps:  true,
		Limits: map[string]uint64{
			"maxThreadsPerThreadgroup.width":  p.maxThreads[0],
			"maxThreadsPerThreadgroup.height": p.maxThreads[1],
			"maxThreadgroupMemoryLength":      p.maxGroupBytes,
			"maxBufferLength":                 p.maxBuffer,
			"recommendedMaxWorkingSetSize":    p.workingSet,
		},
	}
	if p.metalFamily > 0 && backend == "metal" {
		d.API = strconv.Itoa(int(p.metalFamily))
	}
	if p.cores > 0 { // the registry's name for it
		d.Limits["gpu-core-count"] = uint64(p.cores)
	}
	switch {
	case !p.unified:
		d.Class = result.ClassDiscrete
		d.Unusable = "it has memory of its own, and the Metal backend would measure the bus to it"
	case backend == "mps" && !p.mps:
		d.Unusable = "Metal Performance Shaders do not support it"
	}
	return d
}

// Open makes the device with this id ready.
func (b *Backend) Open(id string) (backend.Device, error) {
	all, err := b.all()
	if err != nil {
		return nil, err
	}
	var found *device
	var there []string
	for _, d := range all {
		there = append(there, fmt.Sprintf("%s (%s)", d.info.ID, d.info.Name))
		if d.info.ID == id {
			found = d
		} else {
			d.Close()
		}
	}
	if found == nil {
		return nil, &backend.Error{Kind: backend.NoDevice, Text: fmt.Sprintf("%s: there is no device %q", b.name, id),
			Remedy: "choose one of " + strings.Join(there, ", ")}
	}
	if found.info.Unusable != "" {
		found.Close()
		return nil, &backend.Error{Kind: backend.Unusable, Text: fmt.Sprintf("%s: %s cannot run the kernel: %s", id, found.info.Name, found.info.Unusable),
			Remedy: "choose another device"}
	}
	if found.queue = newQueue(found.handle); found.queue == nil {
		found.Close()
		return nil, failure(id, "newCommandQueue", description{text: "Metal made none"})
	}
	return found, nil
}

// Info is the device's entry in the result document.
func (d *device) Info() result.Device {
	info := d.info
	info.Limits = maps.Clone(info.Limits)
	return info
}

// kernel is the kernel with this name.
func (d *device) kernel(name string) (*Kernel, error) {
	for i := range d.backend.kernels {
		if d.backend.kernels[i].name == name {
			return &d.backend.kernels[i], nil
		}
	}
	return nil, backend.Errorf(backend.Limit, "%s: there is no text of the kernel %q", d.info.ID, name)
}

// isReference reports whether the device runs the library's product.
func (d *device) isReference() bool { return d.backend.name == "mps" }

// elementBytes is the size of an element of A, B and C.
func (d *device) elementBytes() uint64 {
	if d.info.Format() == result.FormatF16 {
		return 2
	}
	return 4
}

// Candidates are the specializations worth trying for the problem, the likeliest first;
// of the reference, which chooses for itself, one without constants.
func (d *device) Candidates(kernel string, p backend.Problem) ([]backend.Specialization, error) {
	if d.isReference() {
		if kernel != backend.KernelMatmul {
			return nil, backend.Errorf(backend.Limit, "%s: Metal Performance Shaders multiply matrices only and have no kernel %q", d.info.ID, kernel)
		}
	} else if _, err := d.kernel(kernel); err != nil {
		return nil, err
	}
	if err := d.checkMatrices(kernel, p); err != nil {
		return nil, err
	}
	if d.isReference() {
		return []backend.Specialization{{}}, nil
	}
	var out []backend.Specialization
	var last error
	for _, s := range shape.For(kernel, d.info.Class, p) {
		if last = d.checkShape(p, s); last == nil {
			out = append(out, shape.Specialization(s))
		}
	}
	if len(out) == 0 {
		return nil, last
	}
	return out, nil
}

// checkMatrices returns an error when A, B or C exceeds what the kernel can index or the
// device hold.
func (d *device) checkMatrices(kernel string, p backend.Problem) error {
	var total uint64
	for i, m := range p.Matrices(kernel) {
		if m.Rows < 1 || m.Cols < 1 {
			return backend.Errorf(backend.Limit, "%s: matrix %s is %d x %d: every dimension must be at least 1", d.info.ID, m.Name, m.Rows, m.Cols)
		}
		if max(m.Rows, m.Cols) > 1<<31-1 || uint64(m.Rows)*uint64(m.Cols) > 1<<32-1 {
			return backend.Errorf(backend.Limit, "%s: matrix %s is %d x %d elements, and the kernel's 32-bit indices reach 4294967295", d.info.ID, m.Name, m.Rows, m.Cols)
		}
		size := d.elementBytes() * uint64(bufferLen(kernel, p, i))
		if size > d.props.maxBuffer {
			return &backend.Error{Kind: backend.Limit, Text: fmt.Sprintf("%s: matrix %s needs %d bytes, and maxBufferLength is %d", d.info.ID, m.Name, size, d.props.maxBuffer),
				Remedy: "choose a smaller size"}
		}
		total += size
	}
	if total > d.props.workingSet {
		return &backend.Error{Kind: backend.OutOfMemory,
			Text:   fmt.Sprintf("%s: the three matrices need %d bytes, and recommendedMaxWorkingSetSize is %d", d.info.ID, total, d.props.workingSet),
			Remedy: "choose a smaller size"}
	}
	return nil
}

// bufferLen is the number of elements of A, B or the region of C.
func bufferLen(kernel string, p backend.Problem, i int) int {
	if i == 2 {
		return p.MaxRegion()
	}
	return p.Matrices(kernel)[i].Len()
}

// checkShape returns an error when the workgroup exceeds a limit. How many threads a
// kernel may have in all is only known when it is compiled.
func (d *device) checkShape(p backend.Problem, s shape.Shape) error {
	if err := s.Valid(); err != nil {
		return &backend.Error{Kind: backend.Limit, Text: d.info.ID, Err: err}
	}
	lx, ly := s.Workgroup()
	x, y := shape.Groups(s, p)
	for _, c := range []struct {
		what  string
		asked uint64
		limit string
		most  uint64
	}{
		{"LX", uint64(lx), "maxThreadsPerThreadgroup.width", d.props.maxThreads[0]},
		{"LY", uint64(ly), "maxThreadsPerThreadgroup.height", d.props.maxThreads[1]},
		{"the threadgroup's memory in bytes", s.SharedBytes(), "maxThreadgroupMemoryLength", d.props.maxGroupBytes},
		{"the number of threadgroups across", x, "what fits 32 bits", 1<<32 - 1},
		{"the number of threadgroups down", y, "what fits 32 bits", 1<<32 - 1},
	} {
		if c.asked > c.most {
			return backend.Errorf(backend.Limit, "%s: %s: %s is %d, and %s is %d", d.info.ID, s, c.what, c.asked, c.limit, c.most)
		}
	}
	return nil
}

// Close closes what programs are still open, and the device.
func (d *device) Close() error {
	for p := range d.programs {
		p.Close()
	}
	release(d.queue)
	release(d.handle)
	d.queue, d.handle = nil, nil
	return nil
}
