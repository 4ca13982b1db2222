//go:build cgo && linux

// Finding the devices, and an opened one.

package cuda

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"strconv"
	"strings"

	"gpubench/internal/backend"
	"gpubench/internal/ptx"
	"gpubench/internal/result"
)

// The limits that bear on the kernels (CUdevice_attribute).
var attributes = map[string]int{
	"MAX_THREADS_PER_BLOCK":                1,
	"MAX_BLOCK_DIM_X":                      2,
	"MAX_BLOCK_DIM_Y":                      3,
	"MAX_GRID_DIM_X":                       5,
	"MAX_GRID_DIM_Y":                       6,
	"MAX_SHARED_MEMORY_PER_BLOCK":          8,
	"WARP_SIZE":                            10,
	"MAX_REGISTERS_PER_BLOCK":              12,
	"CLOCK_RATE":                           13,
	"MULTIPROCESSOR_COUNT":                 16,
	"KERNEL_EXEC_TIMEOUT":                  17,
	"INTEGRATED":                           18,
	"COMPUTE_MODE":                         20,
	"ECC_ENABLED":                          32,
	"MEMORY_CLOCK_RATE":                    36,
	"GLOBAL_MEMORY_BUS_WIDTH":              37,
	"L2_CACHE_SIZE":                        38,
	"MAX_THREADS_PER_MULTIPROCESSOR":       39,
	"COMPUTE_CAPABILITY_MAJOR":             75,
	"COMPUTE_CAPABILITY_MINOR":             76,
	"MAX_SHARED_MEMORY_PER_BLOCK_OPTIN":    97,
	"MAX_REGISTERS_PER_MULTIPROCESSOR":     82,
	"MAX_SHARED_MEMORY_PER_MULTIPROCESSOR": 81,
}

// limitPrefix is what the API's names of the attributes begin with.
const limitPrefix = "CU_DEVICE_ATTRIBUTE_"

// computeModeProhibited is a value of COMPUTE_MODE.
const computeModeProhibited = 2

// physical is a device that the driver shows.
type physical struct {
	handle handle
	info   result.Device // as the backend cuda lists it
}

// physicals lists every device of the driver.
func physicals() ([]physical, error) {
	if err := open(); err != nil {
		return nil, err
	}
	v, err := version()
	if err != nil {
		return nil, err
	}
	n, err := deviceCount()
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, &backend.Error{Kind: backend.Absent, Text: "cuda: the driver has no device", Remedy: remedies[noDevice]}
	}
	text, _ := os.ReadFile("/proc/driver/nvidia/version") // WSL has none
	all := make([]physical, n)
	for i := range all {
		h, err := deviceAt(i)
		if err != nil {
			return nil, err
		}
		all[i] = physical{h, describe(i, h, v, moduleVersion(string(text)))}
	}
	return all, nil
}

func describe(number int, h handle, version int, driver string) result.Device {
	d := result.Device{
		ID:          fmt.Sprintf("cuda:%d", number),
		Backend:     "cuda",
		Class:       result.ClassDiscrete,
		Name:        h.name(),
		Driver:      result.Driver{Name: "NVIDIA", Info: driver, Version: strconv.Itoa(version)},
		API:         fmt.Sprintf("%d.%d", version/1000, version%1000/10),
		UUID:        h.uuid(),
		MemoryBytes: h.memory(),
		Timestamps:  true,
		Limits:      map[string]uint64{},
	}
	for name, a := range attributes {
		if v, ok := h.attribute(a); ok && v >= 0 {
			d.Limits[limitPrefix+name] = uint64(v)
		}
	}
	if limit(d, "INTEGRATED") != 0 {
		d.Class, d.Unified = result.ClassIntegrated, true
	}
	major, minor := limit(d, "COMPUTE_CAPABILITY_MAJOR"), limit(d, "COMPUTE_CAPABILITY_MINOR")
	switch {
	case capability(d) < ptx.MinTarget:
		d.Unusable = fmt.Sprintf("it has compute capability %d.%d, and the kernels are translated for %d.%d and newer", major, minor, ptx.MinTarget/10, ptx.MinTarget%10)
	case limit(d, "COMPUTE_MODE") == computeModeProhibited:
		d.Unusable = fmt.Sprintf("its compute mode is prohibited; nvidia-smi -i %d -c DEFAULT allows it", number)
	}
	return d
}

// limit is one of a device's by its attribute's name, 0 where the driver does not tell.
func limit(d result.Device, name string) uint64 { return d.Limits[limitPrefix+name] }

// capability is the compute capability as in 90 for 9.0.
func capability(d result.Device) int {
	return int(10*limit(d, "COMPUTE_CAPABILITY_MAJOR") + limit(d, "COMPUTE_CAPABILITY_MINOR"))
}

// moduleVersion is the version of the driver's kernel module in what it says of itself,
// as in 550.54.15; empty when that is nowhere in it.
func moduleVersion(text string) string {
	for _, word := range strings.Fields(text) {
		parts := strings.Split(word, ".")
		numbers := len(parts) >= 2
		for _, p := range parts {
			_, err := strconv.ParseUint(p, 10, 16)
			numbers = numbers && err == nil
		}
		if numbers {
			return word
		}
	}
	return ""
}

// Devices lists every device of the driver.
func (b *Backend) Devices() ([]result.Device, error) {
	all, err := physicals()
	if err != nil {
		return nil, err
	}
	devices := make([]result.Device, len(all))
	for i, p := range all {
		devices[i] = p.info
	}
	return devices, nil
}

// device implements backend.Device, for the kernels and for cuBLAS.
type device struct {
	pointers
	info     result.Device
	kernels  []Kernel
	blas     *blasHandle // instead of kernels
	programs map[*program]struct{}
}

// Open makes the device with this id ready. It takes the calling goroutine's thread for
// it until it is closed: the driver keeps the context by thread.
func (b *Backend) Open(id string) (backend.Device, error) {
	all, err := physicals()
	if err != nil {
		return nil, err
	}
	var there []string
	for _, p := range all {
		if p.info.ID == id {
			return openDevice(p, p.info, b.kernels)
		}
		there = append(there, fmt.Sprintf("%s (%s)", p.info.ID, p.info.Name))
	}
	return nil, noSuchDevice("cuda", id, there)
}

func noSuchDevice(name, id string, there []string) error {
	return &backend.Error{Kind: backend.NoDevice, Text: fmt.Sprintf("%s: there is no device %q", name, id), Remedy: "choose one of " + strings.Join(there, ", ")}
}

func openDevice(p physical, info result.Device, kernels []Kernel) (*device, error) {
	if info.Unusable != "" {
		return nil, &backend.Error{
			Kind:   backend.Unusable,
			Text:   fmt.Sprintf("%s: %s cannot run the kernel: %s", info.ID, info.Name, info.Unusable),
			Remedy: "choose another device",
		}
	}
	d := &device{pointers: pointers{device: p.handle}, info: info, kernels: kernels, programs: map[*program]struct{}{}}
	runtime.LockOSThread()
	if err := d.init(info.ID); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Info is the device's entry in the result document.
func (d *device) Info() result.Device {
	info := d.info
	info.Limits = maps.Clone(info.Limits)
	return info
}

// Close frees the device and what was built on it.
func (d *device) Close() error {
	for p := range d.programs {
		p.Close()
	}
	if d.blas != nil {
		d.blas.close()
	}
	d.pointers.close()
	runtime.UnlockOSThread()
	return nil
}

// checkMatrices returns an error when A, B or C exceeds what the kernels can count or the
// device can hold.
func (d *device) checkMatrices(kernel string, p backend.Problem) error {
	var total uint64
	for i, m := range p.Matrices(kernel) {
		if m.Rows < 1 || m.Cols < 1 {
			return backend.Errorf(backend.Limit, "%s: matrix %s is %d x %d: every dimension must be at least 1", d.info.ID, m.Name, m.Rows, m.Cols)
		}
		// Indices are 32 bits wide and their arithmetic is assumed not to leave them.
		if max(m.Rows, m.Cols) > 1<<31-1 || uint64(m.Rows)*uint64(m.Cols) > 1<<31-1 {
			return backend.Errorf(backend.Limit, "%s: matrix %s is %d x %d elements, and indices reach 2147483647", d.info.ID, m.Name, m.Rows, m.Cols)
		}
		n := uint64(m.Len())
		if i == 2 {
			n = uint64(p.MaxRegion())
		}
		total += 4 * n
	}
	if most := d.info.MemoryBytes; most > 0 && total > most {
		return &backend.Error{
			Kind:   backend.OutOfMemory,
			Text:   fmt.Sprintf("%s: the three matrices need %d bytes, and the device has %d", d.info.ID, total, most),
			Remedy: "choose a smaller size",
		}
	}
	return nil
}
