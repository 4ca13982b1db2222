// Which device a process had, and whether it is the one that was listed.

package result

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Opened is a device as its driver described it to the process that opened it. An index
// into a driver's list is no name: when a card is lost, another device has its index.
type Opened struct {
	Class       string `json:"class" jsonschema:"cpu, integrated, discrete, virtual or other"`
	Name        string `json:"name" jsonschema:"name that the driver gives; for cpu the model of the processor, for a reference the library"`
	Software    bool   `json:"software" jsonschema:"true when the device is a program on the CPU"`
	Driver      Driver `json:"driver" jsonschema:"the driver, or the library of a reference"`
	API         string `json:"api" jsonschema:"version of the API that the device offers"`
	UUID        string `json:"uuid" jsonschema:"device UUID in hexadecimal, empty when the backend has none"`
	MemoryBytes uint64 `json:"memory_bytes" jsonschema:"device-local memory in bytes, 0 when unknown"`
	Unified     bool   `json:"unified" jsonschema:"true when the host can map device memory"`
	Timestamps  bool   `json:"timestamps" jsonschema:"true when the device can time its own work"`
	Threads     int    `json:"threads" jsonschema:"CPU threads used by the cpu and blas backends, 0 for others"`
	ISA         string `json:"isa" jsonschema:"instruction set of the cpu backend, empty for others"`
	// Of the processor, for the backends that run on it.
	ProcessorISA string `json:"processor_isa,omitempty" jsonschema:"best instruction set of the processor, for the cpu and blas backends"`
}

// Opened is what a process that opens the device must find.
func (d Device) Opened() Opened {
	return Opened{Class: d.Class, Name: d.Name, Software: d.Software, Driver: d.Driver, API: d.API, UUID: d.UUID,
		MemoryBytes: d.MemoryBytes, Unified: d.Unified, Timestamps: d.Timestamps, Threads: d.Threads, ISA: d.ISA, ProcessorISA: d.ProcessorISA}
}

// GPU reports whether the device is a graphics processor and not software.
func (o Opened) GPU() bool { return Device{Class: o.Class, Software: o.Software}.GPU() }

// Differences says in which respects a device is another one than that which was listed,
// each with both values; it is empty for the same one. Memory that the device shares with
// the host is none of them: it changes with a container's limit.
func (o Opened) Differences(now Opened) (list []string) {
	differ := func(what string, was, is any) {
		if was != is {
			list = append(list, fmt.Sprintf("%s (%v, %v)", what, shown(was), shown(is)))
		}
	}
	differ("name", o.Name, now.Name)
	differ("class", o.Class, now.Class)
	differ("software", o.Software, now.Software)
	differ("UUID", o.UUID, now.UUID)
	differ("driver's id", o.Driver.ID, now.Driver.ID)
	differ("driver's name", o.Driver.Name, now.Driver.Name)
	differ("driver's text", o.Driver.Info, now.Driver.Info)
	differ("driver's version", o.Driver.Version, now.Driver.Version)
	differ("API", o.API, now.API)
	differ("unified memory", o.Unified, now.Unified)
	if !o.Unified && !now.Unified {
		differ("bytes of memory", o.MemoryBytes, now.MemoryBytes)
	}
	differ("timestamps", o.Timestamps, now.Timestamps)
	differ("threads", o.Threads, now.Threads)
	differ("instruction set", o.ISA, now.ISA)
	differ("processor's instruction set", o.ProcessorISA, now.ProcessorISA)
	return list
}

// shown is a value as a sentence may hold it: a driver's text may have anything in it.
func shown(v any) any {
	s, ok := v.(string)
	switch {
	case !ok:
		return v
	case s == "":
		return "none"
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return strconv.QuoteToGraphic(s)
	}
	return s
}

// Changed says that the device with this id is not the one that was listed, with both names
// and what tells them apart. It is empty when it is.
func (o Opened) Changed(id string, now Opened) string {
	list := o.Differences(now)
	if len(list) == 0 {
		return ""
	}
	return fmt.Sprintf("%s was %s when the devices were listed and is %s now; they differ in %s", id, shown(o.Name), shown(now.Name), strings.Join(list, ", "))
}

// Meter is what the readings of a launch are of.
type Meter struct {
	Library     string `json:"library,omitempty" jsonschema:"what reads: NVML"`
	Name        string `json:"name,omitempty" jsonschema:"name of the card"`
	UUID        string `json:"uuid,omitempty" jsonschema:"UUID in hexadecimal by which it was found, which is that of the device that was opened"`
	Card        string `json:"card,omitempty" jsonschema:"UUID of the whole card, where the device is one of its instances and the readings are of all"`
	Unavailable string `json:"unavailable,omitempty" jsonschema:"why there are no readings, where there are none"`
}
