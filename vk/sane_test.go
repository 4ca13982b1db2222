//go:build cgo && (linux || darwin)

package vk

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gpubench/internal/backend"
)

func withEndings(t *testing.T) (choose func(fault string)) {
	t.Helper()
	return withLayer(t, "endings", "GPUBENCH_ENDING")
}

// What a driver says of a device that cannot be makes the device unusable, in a sentence.
func TestNonsenseInListing(t *testing.T) {
	openAny(t)
	choose := withEndings(t)
	b := New(testKernels(t)...)
	for fault, reason := range map[string]string{
		"memoryTypeCount=33":               "33 types of memory, where 32 are the most; update the driver",
		"memoryTypeCount=4294967295":       "4294967295 types of memory, where 32 are the most",
		"memoryHeapCount=17":               "17 heaps of memory, where 16 are the most",
		"memoryHeapCount=2147483648":       "2147483648 heaps of memory",
		"queueFamilyCount=33":              "33 families of queues, where 32 are the most",
		"queueFamilyCount=4294967295":      "4294967295 families of queues",
		"extensionCount=4294967295":        "4294967295 extensions, where 4096 are the most",
		"apiVersion=4294967295":            "an API version of 0xffffffff",
		"apiVersion=541073408":             "an API version of 0x20402000", // a variant
		"apiVersion=0":                     "it offers Vulkan 0.0.0, and the kernel needs 1.1",
		"memoryTypeCount=99 apiVersion=-1": "an API version of 0xffffffff; 99 types of memory",
	} {
		choose(fault)
		devices, err := b.Devices()
		if err != nil {
			t.Errorf("%s: %v", fault, err)
			continue
		}
		if !strings.Contains(devices[0].Unusable, reason) {
			t.Errorf("%s: unusable because %q, want %q", fault, devices[0].Unusable, reason)
		}
		_, err = b.Open("vulkan:0")
		wantError(t, err, backend.Unusable, "vulkan:0: ", reason)
	}
	for fault, text := range map[string]string{
		"deviceCount=4294967295": "vulkan: vkEnumeratePhysicalDevices: the driver shows 4294967295 devices, which cannot be",
		"deviceCount=257":        "the driver shows 257 devices",
	} {
		choose(fault)
		_, err := b.Devices()
		wantError(t, err, backend.Failed, text)
	}
	// What is only odd costs nothing.
	for _, fault := range []string{"extensionCountAgain=1000000", "the name has no end", "the name is rubbish", "extensions have no end", "heapSize=1.9e19"} {
		choose(fault)
		devices, err := b.Devices()
		if err != nil || len(devices) != 1 || devices[0].Unusable != "" || len(devices[0].Name) == 0 || len(devices[0].Name) > 256 {
			t.Errorf("%s: %v, %+v", fault, err, devices)
		}
	}
}

// A period that is no clock's is none, and the document has no number made of it.
func TestTimestampPeriods(t *testing.T) {
	openAny(t)
	choose := withEndings(t)
	b := New(testKernels(t)...)
	for fault, picoseconds := range map[string]uint64{
		"timestampPeriod=nan": 0, "timestampPeriod=inf": 0, "timestampPeriod=-inf": 0, "timestampPeriod=-1": 0, "timestampPeriod=0": 0, "timestampPeriod=1e30": 0,
		"timestampPeriod=41.667": 41667, "timestampPeriod=1": 1000, "timestampValidBits=65 timestampPeriod=2": 2000, "timestampValidBits=4294967295 timestampPeriod=2": 2000,
	} {
		choose(fault)
		d, err := b.open("vulkan:0")
		if err != nil {
			t.Fatalf("%s: %v", fault, err)
		}
		clock := picoseconds > 0 && !strings.Contains(fault, "Bits")
		if info := d.Info(); info.Timestamps != clock || info.Limits["timestampPeriodPicoseconds"] != picoseconds || info.Limits["timestampValidBits"] > 64 {
			t.Errorf("%s: timestamps %v, %d ps, %d bits", fault, info.Timestamps, info.Limits["timestampPeriodPicoseconds"], info.Limits["timestampValidBits"])
		}
		p := build(t, d, backend.Problem{M: 9, N: 10, K: 11}, nil)
		timing, err := p.Run(backend.Batch{Dispatches: 1})
		if err != nil || (timing.DeviceS != nil) != clock || clock && (math.IsNaN(*timing.DeviceS) || math.IsInf(*timing.DeviceS, 0)) {
			t.Errorf("%s: %+v, %v", fault, timing, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Calls that succeed and give nothing are errors in words.
func TestNonsenseInBuild(t *testing.T) {
	openAny(t)
	choose := withEndings(t)
	b := New(testKernels(t)...)
	for fault, text := range map[string]string{
		"a mapping is NULL": "vulkan:0: vkMapMemory: it succeeded for 192 bytes, but gave no address",
		"a mapping is odd":  "which is not aligned",
		"a buffer is NULL":  "vulkan:0: vkCreateBuffer: it succeeded, but gave no handle",
		"memory is NULL":    "vulkan:0: vkAllocateMemory: it succeeded, but gave no handle",
		"bufferSize=0":      "vulkan:0: vkGetBufferMemoryRequirements: a buffer of 192 bytes needs 0, says the driver, which cannot be",
		"bufferSize=127":    "needs 127, says the driver",
		"bufferSize=1.9e19": "needs 18446744073709551615, says the driver",
		"memoryTypeBits=0":  "the driver has no memory for a buffer",
	} {
		choose(fault)
		_, err := b.Open("vulkan:0")
		if e := wantError(t, err, backend.Failed, text); strings.Contains(fault, "NULL") && e.Remedy == "" {
			t.Errorf("%s: no remedy", fault)
		}
	}
}

// Limits of any value, one or several at a time, end in a product or in a sentence.
func TestLimitsOfAnyValue(t *testing.T) {
	openAny(t)
	choose := withEndings(t)
	b := New(testKernels(t)...)
	names := []string{"maxStorageBufferRange", "maxPushConstantsSize", "maxMemoryAllocationCount", "maxComputeSharedMemorySize", "maxComputeWorkGroupCount", "maxComputeWorkGroupSize",
		"maxComputeWorkGroupInvocations", "minStorageBufferOffsetAlignment", "heapSize", "memoryTypeCount", "memoryHeapCount", "queueFamilyCount", "extensionCount", "apiVersion", "timestampValidBits", "memoryTypeBits"}
	values := []string{"0", "1", "3", "16", "64", "4194304", "4198400", "2147483647", "4294967295"}
	r := rand.New(rand.NewPCG(8, 1))
	built := 0
	for i := range 120 {
		var set []string
		for range 1 + i%3 {
			set = append(set, names[r.IntN(len(names))]+"="+values[r.IntN(len(values))])
		}
		fault := strings.Join(set, " ")
		choose(fault)
		err := tryDevice(b)
		var be *backend.Error
		switch {
		case err == nil:
			built++
		case !errors.As(err, &be) || be.Text == "" || strings.Contains(err.Error(), "runtime error"):
			t.Errorf("%s: %v", fault, err)
		}
	}
	if built == 0 || built == 120 {
		t.Errorf("%d of 120 were built", built)
	}
}

// tryDevice does what a launch does with a device.
func tryDevice(b *Backend) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("runtime error: %v", p)
		}
	}()
	devices, err := b.Devices()
	if err != nil {
		return err
	}
	if _, err := json.Marshal(devices); err != nil {
		return err
	}
	d, err := b.open("vulkan:0")
	if err != nil {
		return err
	}
	defer d.Close()
	problem := backend.Problem{M: 9, N: 10, K: 11}
	specs, err := d.Candidates(backend.KernelMatmul, problem)
	if err != nil {
		return err
	}
	p, err := d.Build(backend.KernelMatmul, problem, specs[0])
	if err != nil {
		return err
	}
	_, err = p.Run(backend.Batch{Dispatches: 2})
	return err
}
