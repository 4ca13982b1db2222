//go:build cgo && (linux || darwin)

// Finding the loader, the drivers and the devices.

package vk

import (
	"cmp"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"gpubench/internal/backend"
	"gpubench/internal/dynlib"
	"gpubench/internal/result"

	vulkan "github.com/vulkan-go/vulkan"
)

var (
	version11 = vulkan.MakeVersion(1, 1, 0)
	version12 = vulkan.MakeVersion(1, 2, 0)
)

// libraries are the names of the Vulkan loader, or of MoltenVK in its place, in
// the order in which they are tried.
func libraries() []string {
	if runtime.GOOS != "darwin" {
		return []string{"libvulkan.so.1", "libvulkan.so"}
	}
	return slices.Concat(dynlib.Names("libvulkan.1.dylib"), dynlib.Names("libMoltenVK.dylib"))
}

// instance is a connection to the drivers that are installed.
type instance struct {
	*loader
	handle vulkan.Instance
}

// newInstance connects to the drivers; without a loader or a driver its error is
// of kind Absent.
func newInstance(names []string) (*instance, error) {
	l, err := openLoader(names)
	if err != nil {
		e := &backend.Error{
			Kind:   backend.Absent,
			Text:   "vulkan: " + path.Base(names[0]) + " not found",
			Remedy: "install the Vulkan loader (Debian and Ubuntu: apt install libvulkan1; Fedora: dnf install vulkan-loader) and a driver (mesa-vulkan-drivers)",
			Err:    err,
		}
		if runtime.GOOS == "darwin" {
			e.Remedy = "install MoltenVK and the Vulkan loader (brew install molten-vk vulkan-loader)"
		}
		if _, ok := err.(*refused); ok {
			e.Text = "vulkan: a Vulkan loader cannot be used"
		}
		return nil, e
	}
	api := min(l.version(), version12)
	if api < version11 {
		return nil, &backend.Error{
			Kind:   backend.Absent,
			Text:   fmt.Sprintf("vulkan: the loader offers Vulkan %s, and 1.1 is needed", vulkan.Version(api)),
			Remedy: "install a newer Vulkan loader",
		}
	}
	info := vulkan.InstanceCreateInfo{
		SType: vulkan.StructureTypeInstanceCreateInfo,
		PApplicationInfo: &vulkan.ApplicationInfo{
			SType:            vulkan.StructureTypeApplicationInfo,
			PApplicationName: "gpubench\x00",
			PEngineName:      "gpubench\x00",
			ApiVersion:       api,
		},
	}
	// Without this the loader hides MoltenVK.
	if l.hasInstanceExtension("VK_KHR_portability_enumeration") {
		info.Flags = 1 // VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR
		info.PpEnabledExtensionNames = []string{"VK_KHR_portability_enumeration\x00"}
		info.EnabledExtensionCount = 1
	}
	defer info.Free()
	var handle vulkan.Instance
	switch res := vulkan.CreateInstance(&info, nil, &handle); res {
	case vulkan.Success:
	case vulkan.ErrorIncompatibleDriver:
		return nil, noDriver("vkCreateInstance: " + name(res))
	default:
		return nil, failure("vulkan", "vkCreateInstance", res)
	}
	if err := vulkan.InitInstance(handle); err != nil {
		vulkan.DestroyInstance(handle, nil)
		return nil, &backend.Error{Kind: backend.Failed, Text: "vulkan", Err: err}
	}
	return &instance{l, handle}, nil
}

func (in *instance) close() { vulkan.DestroyInstance(in.handle, nil) }

// physical is a device as the driver describes it.
type physical struct {
	handle      vulkan.PhysicalDevice
	info        result.Device
	limits      vulkan.PhysicalDeviceLimits
	maxAlloc    uint64 // maxMemoryAllocationSize in bytes, 0 when unknown
	family      int    // queue family, -1 when none computes
	validBits   uint32 // of a timestamp
	portability bool   // has VK_KHR_portability_subset
	types       []vulkan.MemoryType
	heaps       []vulkan.MemoryHeap
}

// physicals describes every device, in the drivers' order; at least one.
func (in *instance) physicals() ([]*physical, error) {
	var n uint32
	res := vulkan.EnumeratePhysicalDevices(in.handle, &n, nil)
	if res == vulkan.Success && n > mostDevices {
		return nil, &backend.Error{Kind: backend.Failed, Text: fmt.Sprintf("vulkan: vkEnumeratePhysicalDevices: the driver shows %d devices, which cannot be", n), Remedy: "update the driver"}
	}
	handles := make([]vulkan.PhysicalDevice, min(n, mostDevices))
	if res == vulkan.Success && n > 0 {
		res = vulkan.EnumeratePhysicalDevices(in.handle, &n, handles)
	}
	handles = handles[:min(int(n), len(handles))]
	switch {
	case res == vulkan.ErrorInitializationFailed:
		// Every driver that is installed failed to start, so none is here.
		return nil, noDriver("vkEnumeratePhysicalDevices: " + name(res))
	case res < 0:
		return nil, failure("vulkan", "vkEnumeratePhysicalDevices", res)
	case n == 0:
		return nil, noDriver("vkEnumeratePhysicalDevices: 0 devices")
	}
	all := make([]*physical, len(handles))
	for i := range all {
		all[i] = in.physical(i, handles[i])
	}
	return all, nil
}

func (in *instance) physical(index int, handle vulkan.PhysicalDevice) *physical {
	var props vulkan.PhysicalDeviceProperties
	vulkan.GetPhysicalDeviceProperties(handle, &props)
	defer props.Free()
	props.Deref()
	props.Limits.Deref()
	var memory vulkan.PhysicalDeviceMemoryProperties
	vulkan.GetPhysicalDeviceMemoryProperties(handle, &memory)
	defer memory.Free()
	memory.Deref()

	p := &physical{handle: handle, limits: props.Limits}
	var odd nonsense
	odd.checkVersion(props.ApiVersion)
	for i := range odd.claim("types of memory", memory.MemoryTypeCount, mostMemoryTypes) {
		memory.MemoryTypes[i].Deref()
		p.types = append(p.types, memory.MemoryTypes[i])
	}
	for i := range odd.claim("heaps of memory", memory.MemoryHeapCount, mostMemoryHeaps) {
		memory.MemoryHeaps[i].Deref()
		p.heaps = append(p.heaps, memory.MemoryHeaps[i])
	}
	var families uint32
	p.family, p.validBits, families = in.computeFamily(in.handle, handle)
	odd.claim("families of queues", families, mostFamilies)
	odd.claim("extensions", in.extensions(in.handle, handle), mostExtensions)
	if p.validBits > 64 {
		p.validBits = 0
	}
	p.portability = in.hasDeviceExtension(in.handle, handle, "VK_KHR_portability_subset")

	p.info = result.Device{
		ID:      "vulkan:" + strconv.Itoa(index),
		Backend: "vulkan",
		Name:    vulkan.ToString(props.DeviceName[:]),
		Driver:  result.Driver{Version: strconv.FormatUint(uint64(props.DriverVersion), 10)},
		API:     vulkan.Version(props.ApiVersion).String(),
	}
	var more properties
	if props.ApiVersion >= version11 {
		more = in.describe(in.handle, handle, props.ApiVersion)
	}
	p.maxAlloc = more.maxAllocation
	p.info.UUID = more.uuid
	p.info.Driver.ID, p.info.Driver.Name, p.info.Driver.Info = more.driverID, more.driverName, more.driverInfo
	p.info.Class, p.info.Software = classify(props.DeviceType, more.driverID, p.info.Name)
	for _, h := range p.heaps {
		if h.Flags&vulkan.MemoryHeapFlags(vulkan.MemoryHeapDeviceLocalBit) != 0 {
			p.info.MemoryBytes = addMemory(p.info.MemoryBytes, uint64(h.Size))
		}
	}
	p.info.Unified = p.unified()
	p.info.Timestamps = p.family >= 0 && p.validBits > 0 && tick(p.limits.TimestampPeriod) > 0
	p.info.Limits = p.limitsByName(more)
	p.info.Unusable = cmp.Or(odd.unusable(), unusable(props.ApiVersion, p.family))
	return p
}

// unusable says why a device cannot run the kernel, or is empty.
func unusable(api uint32, family int) string {
	switch {
	case api < version11:
		return fmt.Sprintf("it offers Vulkan %s, and the kernel needs 1.1", vulkan.Version(api))
	case family < 0:
		return "it has no queue that computes"
	}
	return ""
}

// Drivers that compute on the CPU, by VkDriverId.
const (
	driverSwiftShader = 10
	driverLLVMpipe    = 13
)

// classify returns the device's class and whether it is a program on the CPU.
// The driver's ID does not always tell: Venus passes the device's name through
// and says VIRTUAL_GPU or INTEGRATED_GPU of a host that has only llvmpipe.
func classify(kind vulkan.PhysicalDeviceType, driverID uint32, name string) (class string, software bool) {
	lower := strings.ToLower(name)
	if kind == vulkan.PhysicalDeviceTypeCpu || driverID == driverSwiftShader || driverID == driverLLVMpipe ||
		strings.Contains(lower, "llvmpipe") || strings.Contains(lower, "swiftshader") {
		return result.ClassCPU, true
	}
	switch kind {
	case vulkan.PhysicalDeviceTypeIntegratedGpu:
		return result.ClassIntegrated, false
	case vulkan.PhysicalDeviceTypeDiscreteGpu:
		return result.ClassDiscrete, false
	case vulkan.PhysicalDeviceTypeVirtualGpu:
		return result.ClassVirtual, false
	}
	return result.ClassOther, false
}

// Memory properties that choose between copying and mapping.
const (
	deviceLocal  = vulkan.MemoryPropertyFlags(vulkan.MemoryPropertyDeviceLocalBit)
	hostVisible  = vulkan.MemoryPropertyFlags(vulkan.MemoryPropertyHostVisibleBit)
	hostCoherent = vulkan.MemoryPropertyFlags(vulkan.MemoryPropertyHostCoherentBit)
	hostCached   = vulkan.MemoryPropertyFlags(vulkan.MemoryPropertyHostCachedBit)
)

// unified reports whether the host should map the device's memory. A discrete
// card may also let it, through a window that is slow to read: that is not meant.
func (p *physical) unified() bool {
	allLocal := !slices.ContainsFunc(p.heaps, func(h vulkan.MemoryHeap) bool {
		return h.Flags&vulkan.MemoryHeapFlags(vulkan.MemoryHeapDeviceLocalBit) == 0
	})
	shared := p.info.Class == result.ClassCPU || p.info.Class == result.ClassIntegrated || allLocal
	return shared && slices.ContainsFunc(p.types, func(t vulkan.MemoryType) bool {
		return t.PropertyFlags&(deviceLocal|hostVisible) == deviceLocal|hostVisible
	})
}

func (p *physical) limitsByName(more properties) map[string]uint64 {
	l := &p.limits
	flag := func(b bool) uint64 {
		if b {
			return 1
		}
		return 0
	}
	return map[string]uint64{
		"maxComputeWorkGroupInvocations": uint64(l.MaxComputeWorkGroupInvocations),
		"maxComputeWorkGroupSize[0]":     uint64(l.MaxComputeWorkGroupSize[0]),
		"maxComputeWorkGroupSize[1]":     uint64(l.MaxComputeWorkGroupSize[1]),
		"maxComputeWorkGroupSize[2]":     uint64(l.MaxComputeWorkGroupSize[2]),
		"maxComputeWorkGroupCount[0]":    uint64(l.MaxComputeWorkGroupCount[0]),
		"maxComputeWorkGroupCount[1]":    uint64(l.MaxComputeWorkGroupCount[1]),
		"maxComputeSharedMemorySize":     uint64(l.MaxComputeSharedMemorySize),
		"maxStorageBufferRange":          uint64(l.MaxStorageBufferRange),
		"maxPushConstantsSize":           uint64(l.MaxPushConstantsSize),
		"maxMemoryAllocationSize":        more.maxAllocation,
		"subgroupSize":                   uint64(more.subgroupSize),
		"timestampPeriodPicoseconds":     uint64(tick(l.TimestampPeriod)*1000 + 0.5),
		"timestampValidBits":             uint64(p.validBits),
		"shaderFloat16":                  flag(more.float16),
		"storageBuffer16BitAccess":       flag(more.storage16),
	}
}

// Devices lists every device of every driver.
func (b *Backend) Devices() ([]result.Device, error) {
	in, err := newInstance(libraries())
	if err != nil {
		return nil, err
	}
	defer in.close()
	all, err := in.physicals()
	if err != nil {
		return nil, err
	}
	devices := make([]result.Device, len(all))
	for i, p := range all {
		devices[i] = p.info
	}
	return devices, nil
}
