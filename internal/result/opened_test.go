package result

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Each field of a device is either among those that a process must find as they were
// listed, or here, with the reason.
func TestEveryFieldOfADeviceIsCompared(t *testing.T) {
	free := map[string]string{
		"ID":       "a container has it without the runtime's name",
		"Backend":  "the process is that backend's",
		"Limits":   "some change while the device stays: clocks, the compute mode, the working set",
		"Unusable": "a device that is opened can be used",
		"NVML":     "power limits and links change",
		"Library":  "its name, version and core are the device's name, its file is in the driver's text",
		"Steering": "what it changes is in the name and the instruction set",
	}
	opened := reflect.TypeFor[Opened]()
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Device]()) {
		_, compared := opened.FieldByName(f.Name)
		if compared == (free[f.Name] != "") {
			t.Errorf("%s: is it compared (%v), or may it change (%q)?", f.Name, compared, free[f.Name])
		}
	}

	card := Device{Class: ClassDiscrete, Name: "card", Software: true, Driver: Driver{ID: 4, Name: "NVIDIA", Info: "570", Version: "1"}, API: "1.3", UUID: "01",
		MemoryBytes: 5, Timestamps: true, Threads: 3, ISA: "avx2", ProcessorISA: "avx512"}
	was := card.Opened()
	var change func(v reflect.Value, path string)
	change = func(v reflect.Value, path string) {
		if v.Kind() == reflect.Struct {
			for i := range v.NumField() {
				change(v.Field(i), path+"."+v.Type().Field(i).Name)
			}
			return
		}
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		switch v.Kind() {
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Int:
			v.SetInt(v.Int() + 1)
		default:
			v.SetUint(v.Uint() + 1)
		}
		now := card.Opened()
		if list := was.Differences(now); len(list) != 1 {
			t.Errorf("%s changed, and the differences are %q", path, list)
		}
		v.Set(old)
	}
	v := reflect.ValueOf(&card).Elem()
	for i := range v.NumField() {
		if f := v.Type().Field(i); free[f.Name] == "" {
			change(v.Field(i), f.Name)
		}
	}
	if list := was.Differences(card.Opened()); len(list) > 0 {
		t.Errorf("the same device differs in %q", list)
	}
}

// Memory that is shared with the host is as large as a container's limit allows.
func TestSharedMemoryMayChange(t *testing.T) {
	was := Opened{Name: "AMD EPYC", Unified: true, MemoryBytes: 1 << 30}
	now := was
	now.MemoryBytes /= 2
	if list := was.Differences(now); len(list) > 0 {
		t.Errorf("%q", list)
	}
}

func TestChangedNamesBoth(t *testing.T) {
	was := Opened{Name: "NVIDIA GeForce RTX 4090", Class: ClassDiscrete, UUID: "aa", Driver: Driver{Version: "1"}}
	now := Opened{Name: "llvmpipe", Class: ClassCPU, Software: true, Driver: Driver{Version: "1"}}
	want := "vulkan:0 was NVIDIA GeForce RTX 4090 when the devices were listed and is llvmpipe now; " +
		"they differ in name (NVIDIA GeForce RTX 4090, llvmpipe), class (discrete, cpu), software (false, true), UUID (aa, none)"
	if got := was.Changed("vulkan:0", now); got != want {
		t.Errorf("got %s", got)
	}
	if got := was.Changed("vulkan:0", was); got != "" {
		t.Errorf("the same: %s", got)
	}
	now = was
	now.Driver.Version = "2"
	if got := was.Changed("vulkan:0", now); strings.Count(got, was.Name) != 2 || !strings.HasSuffix(got, "they differ in driver's version (1, 2)") {
		t.Errorf("another version: %s", got)
	}
	now.Name = "card\x1b[2J\n"
	if got := was.Changed("vulkan:0", now); strings.ContainsAny(got, "\x1b\n") || !strings.Contains(got, `is "card\x1b[2J\n" now`) {
		t.Errorf("a name that no terminal should get: %q", got)
	}
	if !slices.Equal([]bool{was.GPU(), (Opened{Class: ClassCPU}).GPU(), (Opened{Class: ClassDiscrete, Software: true}).GPU()}, []bool{true, false, false}) {
		t.Error("what a GPU is")
	}
}
