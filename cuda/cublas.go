//go:build cgo && linux

// The reference: cuBLAS, opened at run time.

package cuda

import (
	"fmt"
	"strings"

	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// blasLibraries are tried in this order: the newest knows the device best, but may be too
// new for the driver. The toolkit's own folder is not always one of the loader's.
var blasLibraries = []string{
	"libcublas.so.13", "/usr/local/cuda/lib64/libcublas.so.13",
	"libcublas.so.12", "/usr/local/cuda/lib64/libcublas.so.12",
	"libcublas.so.11", "/usr/local/cuda/lib64/libcublas.so.11",
}

// A math mode of cuBLAS (cublasMath_t).
type mathMode struct {
	suffix   string // of the device's id
	mode     int
	unusable func(d result.Device) string
}

var mathModes = []mathMode{
	// CUBLAS_PEDANTIC_MATH: float32 in every step, whatever the environment asks for.
	{"", 2, func(result.Device) string { return "" }},
	// CUBLAS_TF32_TENSOR_OP_MATH, which means float32 on a device without TF32.
	{":tf32", 3, func(d result.Device) string {
		if c := capability(d); c < 80 {
			return fmt.Sprintf("it has compute capability %d.%d, and TF32 is there from 8.0 on", c/10, c%10)
		}
		return ""
	}},
}

// entries lists a device of the driver as the reference does.
func entries(p physical) (list []result.Device) {
	for _, m := range mathModes {
		d := p.info
		d.ID = "cublas" + strings.TrimPrefix(d.ID, "cuda") + m.suffix
		d.Backend = "cublas"
		d.API = ""
		if d.Unusable == "" {
			d.Unusable = m.unusable(p.info)
		}
		list = append(list, d)
	}
	return list
}

// Devices lists every usable device of the driver in each math mode; why one cannot be used
// the backend cuda says. The error is of kind Absent where there is no library, or no device.
func (b *BLAS) Devices() ([]result.Device, error) {
	all, err := blasPhysicals()
	if err != nil {
		return nil, err
	}
	var devices []result.Device
	for _, p := range all {
		if p.info.Unusable != "" {
			continue
		}
		list := entries(p)
		d, err := openBLAS(p, list[0], mathModes[0].mode) // only to an open device the library says what it is
		if err != nil {
			return nil, err
		}
		for i := range list {
			list[i].Name, list[i].Driver = d.info.Name, d.info.Driver
		}
		d.Close()
		devices = append(devices, list...)
	}
	if len(devices) == 0 {
		return nil, &backend.Error{Kind: backend.Absent, Text: "cublas: no device of the backend cuda can be used"}
	}
	return devices, nil
}

// blasPhysicals lists the devices of the driver; its errors are the reference's.
func blasPhysicals() ([]physical, error) {
	all, err := physicals()
	if kindOf(err) == backend.Absent {
		return nil, &backend.Error{Kind: backend.Absent, Text: "cublas: it needs the backend cuda, which is absent"}
	}
	return all, err
}

// Open makes the device with this id ready.
func (b *BLAS) Open(id string) (backend.Device, error) {
	all, err := blasPhysicals()
	if err != nil {
		return nil, err
	}
	var there []string
	for _, p := range all {
		for i, d := range entries(p) {
			there = append(there, d.ID)
			if d.ID != id {
				continue
			}
			return openBLAS(p, d, mathModes[i].mode)
		}
	}
	return nil, noSuchDevice("cublas", id, there)
}

// openBLAS opens a device and the first library that can be used there.
func openBLAS(p physical, info result.Device, mode int) (*device, error) {
	d, err := openDevice(p, info, nil)
	if err != nil {
		return nil, err
	}
	var refused []string
	for _, name := range blasLibraries {
		h, version, missing, err := d.openBLAS(info.ID, name, mode)
		if err == nil {
			d.blas = &h
			d.info.Driver.Name = "cuBLAS " + blasVersion(version)
			d.info.Name = d.info.Driver.Name + " on " + p.info.Name
			d.info.Driver.Info = strings.TrimSpace(name + ", NVIDIA " + p.info.Driver.Info)
			d.info.Driver.Version = fmt.Sprint(version)
			return d, nil
		}
		if !missing {
			refused = append(refused, fmt.Sprintf("%s: %v", name, err))
		}
	}
	d.Close()
	e := &backend.Error{Kind: backend.Absent, Text: "cublas: no cuBLAS library found",
		Remedy: "install one: NVIDIA's package libcublas-12-8 or the like, or pip install nvidia-cublas-cu12 and its folder in LD_LIBRARY_PATH"}
	if len(refused) > 0 {
		e.Text = "cublas: no cuBLAS library can be used: " + strings.Join(refused, "; ")
		e.Remedy = "install one that the driver is new enough for"
	}
	return nil, e
}

// blasVersion writes a version as cublasGetVersion gives it, as in 120805; the first ones
// of 11 had a digit less.
func blasVersion(v int) string {
	if v < 100000 {
		return fmt.Sprintf("%d.%d.%d", v/1000, v/100%10, v%100)
	}
	return fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100)
}
