//go:build cgo && linux

package cuda

import (
	"fmt"
	"slices"

	"gpubench/internal/backend"
)

const remedyDriver = "install NVIDIA's driver; in a container give it the GPU: docker run --gpus all, or podman run --device nvidia.com/gpu=all; in WSL install the driver on Windows"

// Results of the driver (CUresult) that a user can do something about.
const (
	success                = 0
	outOfMemory            = 2
	notInitialized         = 3
	stubLibrary            = 34
	deviceUnavailable      = 46
	noDevice               = 100
	invalidDevice          = 101
	deviceNotLicensed      = 102
	invalidImage           = 200
	noBinaryForGPU         = 209
	eccUncorrectable       = 214
	invalidPTX             = 218
	nvlinkUncorrectable    = 220
	jitCompilerNotFound    = 221
	unsupportedPTXVersion  = 222
	jitCompilationDisabled = 223
	contained              = 226
	operatingSystem        = 304
	illegalAddress         = 700
	launchOutOfResources   = 701
	launchTimeout          = 702
	contextIsDestroyed     = 709
	assertion              = 710
	hardwareStackError     = 714
	illegalInstruction     = 715
	misalignedAddress      = 716
	invalidAddressSpace    = 717
	invalidPC              = 718
	launchFailed           = 719
	tensorMemoryLeak       = 721
	notPermitted           = 800
	notSupported           = 801
	systemNotReady         = 802
	systemDriverMismatch   = 803
	compatNotSupported     = 804
	mpsConnectionFailed    = 805
	mpsClientTerminated    = 810
	unknown                = 999
)

// Results after which the device does nothing more for this process.
var lost = []int{eccUncorrectable, nvlinkUncorrectable, contained, illegalAddress, launchTimeout, contextIsDestroyed, assertion,
	hardwareStackError, illegalInstruction, misalignedAddress, invalidAddressSpace, invalidPC, launchFailed, tensorMemoryLeak, mpsClientTerminated}

// failure is the error for a call at place (cuda or a device's id) that gave res while
// something was being done.
func failure(place, doing, call string, res int) *backend.Error {
	e := backend.Errorf(backend.Failed, "%s: %s: %s: %s", place, doing, call, resultName(res))
	e.Remedy = remedies[res]
	switch {
	case res == outOfMemory:
		e.Kind = backend.OutOfMemory
	case res == launchOutOfResources:
		e.Kind = backend.Limit
	case res == deviceUnavailable, res == noBinaryForGPU, res == unsupportedPTXVersion, res == jitCompilerNotFound, res == jitCompilationDisabled:
		e.Kind = backend.Unusable
	case slices.Contains(lost, res):
		e.Kind = backend.DeviceLost
		if e.Remedy == "" {
			e.Remedy = "look for the driver's reason in the kernel's log (dmesg, lines with NVRM or Xid), and update the driver"
		}
	case e.Remedy == "" && res >= mpsConnectionFailed && res < mpsClientTerminated:
		e.Remedy = "look after the MPS server (nvidia-cuda-mps-control), or run without it: unset CUDA_MPS_PIPE_DIRECTORY"
	}
	return e
}

var remedies = map[int]string{
	outOfMemory:            "close what else uses the device's memory (nvidia-smi lists it) or choose a smaller size",
	notInitialized:         "load the driver's kernel modules: nvidia-smi does it, or modprobe nvidia nvidia_uvm",
	stubLibrary:            "take the toolkit's folder of stubs out of LD_LIBRARY_PATH, so that the driver's own libcuda.so.1 is found",
	deviceUnavailable:      "another process has the device for itself: end it, or let the device be shared: nvidia-smi -c DEFAULT",
	noDevice:               "check CUDA_VISIBLE_DEVICES and that nvidia-smi lists a device; " + remedyContainer,
	invalidDevice:          "check CUDA_VISIBLE_DEVICES",
	deviceNotLicensed:      "a virtual GPU needs a licence: see nvidia-smi -q",
	invalidImage:           "update the driver",
	noBinaryForGPU:         "update the driver",
	eccUncorrectable:       "the card's memory is damaged: see nvidia-smi -q -d ECC, and reset or replace the card",
	invalidPTX:             "the driver's compiler refused the kernel: update the driver",
	jitCompilerNotFound:    "the driver's libnvidia-ptxjitcompiler.so.1 is missing: install the driver whole; " + remedyContainer,
	unsupportedPTXVersion:  "the driver is too old for this kernel: update it",
	jitCompilationDisabled: "unset CUDA_DISABLE_PTX_JIT",
	contained:              "the card met an error that it contained, of its memory perhaps: see dmesg for lines with Xid and nvidia-smi -q -d ECC,ROW_REMAPPER, and reset the card",
	operatingSystem:        "check that the driver's kernel modules are loaded and that this user may open /dev/nvidiactl and /dev/nvidia-uvm",
	launchOutOfResources:   "this specialization takes more registers than the device has; another may fit",
	launchTimeout:          "the watchdog of a display ended the kernel: choose a smaller size, or measure a card without a display",
	notPermitted:           "another program, such as a profiler, holds the device back: end it",
	notSupported:           "update the driver",
	systemNotReady:         "start NVIDIA's fabric manager, of the driver's version: systemctl start nvidia-fabricmanager",
	systemDriverMismatch:   "the driver was updated while its kernel module stayed: reboot, or load the module anew",
	compatNotSupported:     "this device does not take NVIDIA's forward compatibility package: take its folder (compat) out of LD_LIBRARY_PATH, or update the driver",
	unknown:                "see dmesg for lines with NVRM; if /dev/nvidia-uvm is missing, modprobe nvidia_uvm",
}

const remedyContainer = "in a container: docker run --gpus all, or podman run --device nvidia.com/gpu=all"

// initFailure is the error for a cuInit that gave res: there is a driver, and no use of it.
func initFailure(res int) error {
	e := failure("cuda", "start the driver", "cuInit", res)
	e.Kind = backend.Absent
	if e.Remedy == "" {
		e.Remedy = "check that nvidia-smi works here"
	}
	return e
}

// Results of cuBLAS (cublasStatus_t).
var blasStatus = map[int]string{
	1: "CUBLAS_STATUS_NOT_INITIALIZED", 3: "CUBLAS_STATUS_ALLOC_FAILED", 7: "CUBLAS_STATUS_INVALID_VALUE", 8: "CUBLAS_STATUS_ARCH_MISMATCH",
	11: "CUBLAS_STATUS_MAPPING_ERROR", 13: "CUBLAS_STATUS_EXECUTION_FAILED", 14: "CUBLAS_STATUS_INTERNAL_ERROR",
	15: "CUBLAS_STATUS_NOT_SUPPORTED", 16: "CUBLAS_STATUS_LICENSE_ERROR",
}

// blasFailure is the error for a call of cuBLAS that gave status.
func blasFailure(place, doing, call string, status int) *backend.Error {
	name := blasStatus[status]
	if name == "" {
		name = fmt.Sprintf("cublasStatus_t %d", status)
	}
	e := backend.Errorf(backend.Failed, "%s: %s: %s: %s", place, doing, call, name)
	switch status {
	case 1:
		e.Remedy = "install a cuBLAS that this driver is new enough for"
	case 3:
		e.Kind, e.Remedy = backend.OutOfMemory, remedies[outOfMemory]
	case 8:
		e.Kind, e.Remedy = backend.Unusable, "install a cuBLAS that has code for this device"
	case 13:
		e.Kind, e.Remedy = backend.DeviceLost, "look for the driver's reason in the kernel's log (dmesg, lines with NVRM or Xid)"
	}
	return e
}
