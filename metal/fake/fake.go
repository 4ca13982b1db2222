//go:build gnustep

// Package fake is a Metal for the tests of package metal, on Linux over GNUstep. Its one
// device runs kernels on the processor, as C++ (see package mslcpu), so that what is
// multiplied comes out right. It fails where it is told to, remembers what was dispatched,
// and counts the objects that nobody has given back.
package fake

/*
#cgo LDFLAGS: -lgnustep-base -lobjc -ldl -lm
#include "fake.h"
#include <stdlib.h>
#include <string.h>
*/
import "C"

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gpubench/internal/msl/mslcpu"
)

// Control is what a test may set. All zero is one good device.
type Control struct {
	NoDevice, Discrete, NoMPS, NoCores, NoRegistry, UnknownFamilies        bool
	MaxBuffer, WorkingSet, GroupMemory, PipelineThreads                    uint64 // 0 for much
	NoQueue, NoFunction, NoPipeline, NoCommandBuffer, NoEncoder, NoProduct bool
	NoBuffer                                                               int  // number of the buffer, from 1, that there is no memory for
	Silent                                                                 bool // what fails says nothing
	CommandError                                                           int  // code with which command buffers end
	Thermal                                                                int  // state of the machine
	Start, End                                                             float64
	HalfBits                                                               int    // significant bits of what a product of float16 writes, 0 for all 11
	WrongElement                                                           int    // number of the element, from 1, that a product writes one too large
	HalfSums                                                               bool   // a product of float16 rounds every sum to it
	Idle                                                                   bool   // command buffers are completed, and nothing in them is carried out
	CompileError                                                           string // message of a compiler that takes no text
}

var compileError string

// Set sets all of it, and forgets what was seen but for the objects that live.
func Set(c Control) {
	flag := func(b bool) C.int {
		if b {
			return 1
		}
		return 0
	}
	C.fake = C.fake_control{
		no_device: flag(c.NoDevice), discrete: flag(c.Discrete), no_mps: flag(c.NoMPS), no_cores: flag(c.NoCores), no_registry: flag(c.NoRegistry),
		unknown_families: flag(c.UnknownFamilies),
		max_buffer:       C.uint64_t(c.MaxBuffer), working_set: C.uint64_t(c.WorkingSet), group_memory: C.uint64_t(c.GroupMemory), pipeline_threads: C.uint64_t(c.PipelineThreads),
		no_queue: flag(c.NoQueue), no_function: flag(c.NoFunction), no_pipeline: flag(c.NoPipeline), no_command_buffer: flag(c.NoCommandBuffer),
		no_encoder: flag(c.NoEncoder), no_product: flag(c.NoProduct), no_buffer: C.int(c.NoBuffer), silent: flag(c.Silent),
		command_error: C.int(c.CommandError), thermal: C.int(c.Thermal), start: C.double(c.Start), end: C.double(c.End),
		half_bits: C.int(c.HalfBits), half_sums: flag(c.HalfSums), wrong_element: C.int(c.WrongElement), idle: flag(c.Idle),
	}
	compileError = c.CompileError
	live := C.fake_seen.live
	C.fake_seen = C.fake_state{live: live}
}

// Dispatch is one that was carried out.
type Dispatch struct {
	Groups, Threads, Offsets [3]uint64
	Size                     [3]uint32
	Product                  int // one of Metal Performance Shaders: bits of an element, else 0
}

// State is what was seen since Set.
type State struct {
	Live           int // objects
	CommandBuffers int
	FastMath       bool
	Version        int    // of the language
	Broken         string // the first rule that was broken, empty for none
	Dispatches     int
	Log            []Dispatch // the last 64 of them
}

// Seen returns it.
func Seen() State {
	s := &C.fake_seen
	out := State{Live: int(s.live), CommandBuffers: int(s.command_buffers), FastMath: s.fast_math != 0, Version: int(s.version),
		Broken: C.GoString(&s.broken[0]), Dispatches: int(s.dispatches)}
	for i := max(0, out.Dispatches-C.FAKE_LOG); i < out.Dispatches; i++ {
		d := s.log[i%C.FAKE_LOG]
		var o Dispatch
		for j := range 3 {
			o.Groups[j], o.Threads[j], o.Offsets[j], o.Size[j] = uint64(d.groups[j]), uint64(d.threads[j]), uint64(d.offsets[j]), uint32(d.size[j])
		}
		o.Product = int(d.product)
		out.Log = append(out.Log, o)
	}
	return out
}

// Dir is where the libraries are made, and found again by the next process.
var Dir = os.TempDir()

//export fakeCompile
func fakeCompile(text, macros *C.char, messages **C.char) *C.char {
	if compileError != "" {
		*messages = C.CString(compileError)
		return nil
	}
	source, defined := C.GoString(text), map[string]string{}
	for line := range strings.Lines(C.GoString(macros)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		defined[name] = value
	}
	names := slices.Sorted(maps.Keys(defined))
	key := sha256.New()
	fmt.Fprintln(key, source)
	for _, name := range names {
		fmt.Fprintln(key, name, defined[name])
	}
	library := filepath.Join(Dir, fmt.Sprintf("gpubench-msl-%x.so", key.Sum(nil)))
	if _, err := os.Stat(library); err != nil {
		made, err := mslcpu.Build(Dir, source, defined, "")
		if err == nil {
			err = os.Rename(made, library)
		}
		if err != nil {
			*messages = C.CString(err.Error())
			return nil
		}
	}
	return C.CString(library)
}
