//go:build cgo && (linux || darwin)

package vk

import (
	"fmt"

	"gpubench/internal/backend"

	vulkan "github.com/vulkan-go/vulkan"
)

var resultNames = map[vulkan.Result]string{
	vulkan.NotReady:                   "VK_NOT_READY",
	vulkan.Timeout:                    "VK_TIMEOUT",
	vulkan.Incomplete:                 "VK_INCOMPLETE",
	vulkan.ErrorOutOfHostMemory:       "VK_ERROR_OUT_OF_HOST_MEMORY",
	vulkan.ErrorOutOfDeviceMemory:     "VK_ERROR_OUT_OF_DEVICE_MEMORY",
	vulkan.ErrorInitializationFailed:  "VK_ERROR_INITIALIZATION_FAILED",
	vulkan.ErrorDeviceLost:            "VK_ERROR_DEVICE_LOST",
	vulkan.ErrorMemoryMapFailed:       "VK_ERROR_MEMORY_MAP_FAILED",
	vulkan.ErrorLayerNotPresent:       "VK_ERROR_LAYER_NOT_PRESENT",
	vulkan.ErrorExtensionNotPresent:   "VK_ERROR_EXTENSION_NOT_PRESENT",
	vulkan.ErrorFeatureNotPresent:     "VK_ERROR_FEATURE_NOT_PRESENT",
	vulkan.ErrorIncompatibleDriver:    "VK_ERROR_INCOMPATIBLE_DRIVER",
	vulkan.ErrorTooManyObjects:        "VK_ERROR_TOO_MANY_OBJECTS",
	vulkan.ErrorFormatNotSupported:    "VK_ERROR_FORMAT_NOT_SUPPORTED",
	vulkan.ErrorFragmentedPool:        "VK_ERROR_FRAGMENTED_POOL",
	-13:                               "VK_ERROR_UNKNOWN",
	vulkan.ErrorOutOfPoolMemory:       "VK_ERROR_OUT_OF_POOL_MEMORY",
	vulkan.ErrorInvalidExternalHandle: "VK_ERROR_INVALID_EXTERNAL_HANDLE",
	vulkan.ErrorFragmentation:         "VK_ERROR_FRAGMENTATION",
	vulkan.ErrorNotPermitted:          "VK_ERROR_NOT_PERMITTED",
	vulkan.ErrorValidationFailed:      "VK_ERROR_VALIDATION_FAILED_EXT",
	vulkan.ErrorInvalidShaderNv:       "VK_ERROR_INVALID_SHADER_NV",
}

// name is the result as Vulkan writes it.
func name(res vulkan.Result) string {
	if s, ok := resultNames[res]; ok {
		return s
	}
	return fmt.Sprintf("VkResult %d", int32(res))
}

// failure is the error for a call at place (vulkan or a device's id) that gave res.
func failure(place, call string, res vulkan.Result) *backend.Error {
	e := backend.Errorf(backend.Failed, "%s: %s: %s", place, call, name(res))
	switch res {
	case vulkan.ErrorOutOfHostMemory:
		e.Kind, e.Remedy = backend.OutOfMemory, "free memory on the host or choose a smaller size"
	case vulkan.ErrorOutOfDeviceMemory, vulkan.ErrorOutOfPoolMemory, vulkan.ErrorFragmentation:
		e.Kind, e.Remedy = backend.OutOfMemory, "close what else uses the device's memory or choose a smaller size"
	case vulkan.ErrorMemoryMapFailed:
		e.Kind, e.Remedy = backend.OutOfMemory, "free address space or choose a smaller size; in a virtual machine, check that its Mesa and its GPU device fit each other"
	case vulkan.ErrorTooManyObjects:
		e.Kind, e.Remedy = backend.Limit, "close what else uses the device"
	case vulkan.ErrorDeviceLost:
		e.Kind, e.Remedy = backend.DeviceLost, "look for the driver's reason in the kernel's log (dmesg); a dispatch that runs for seconds may have met the driver's watchdog: choose a smaller size"
	case vulkan.ErrorInitializationFailed, vulkan.ErrorIncompatibleDriver:
		e.Remedy = "check that the driver is installed whole and that this user may open the device nodes below /dev/dri"
	case vulkan.ErrorInvalidShaderNv:
		e.Remedy = "the driver's compiler refused the kernel: update the driver"
	}
	return e
}
