//go:build linux && cgo

package nvml

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	nv "github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxa100"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxh200"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/server"

	"gpubench/internal/meter"
	"gpubench/internal/result"
)

// self is the process number of the tests' own process.
const self = 4242

// state is what a card of the mock server shows. NVIDIA's own mock has identity and
// MIG; the rest is set here.
type state struct {
	reasons   uint64
	energy    uint64 // mJ
	processes []uint32
	samples   []nv.ProcessUtilizationSample
	ret       nv.Return // of every reading
	calls     int       // of readings
}

// rig makes a card of the mock show a state, and fails the test when anything is
// called that changes a setting.
func rig(t testing.TB, dev nv.Device, s *state) *server.Device {
	d := dev.(*server.Device)
	forbid(t, &d.Device)
	ok := func() nv.Return { s.calls++; return s.ret }
	d.GetClockInfoFunc = func(c nv.ClockType) (uint32, nv.Return) {
		return map[nv.ClockType]uint32{nv.CLOCK_SM: 1830, nv.CLOCK_MEM: 3201}[c], ok()
	}
	d.GetMaxClockInfoFunc = func(c nv.ClockType) (uint32, nv.Return) {
		return map[nv.ClockType]uint32{nv.CLOCK_SM: 1980, nv.CLOCK_MEM: 3201}[c], ok()
	}
	d.GetPowerUsageFunc = func() (uint32, nv.Return) { return 612345, ok() }
	d.GetTemperatureFunc = func(nv.TemperatureSensors) (uint32, nv.Return) { return 61, ok() }
	d.GetCurrentClocksEventReasonsFunc = func() (uint64, nv.Return) { return s.reasons, ok() }
	d.GetUtilizationRatesFunc = func() (nv.Utilization, nv.Return) { return nv.Utilization{Gpu: 97, Memory: 12}, ok() }
	d.GetTotalEnergyConsumptionFunc = func() (uint64, nv.Return) { return s.energy, ok() }
	d.GetComputeRunningProcessesFunc = func() ([]nv.ProcessInfo, nv.Return) {
		var list []nv.ProcessInfo
		for _, p := range s.processes {
			list = append(list, nv.ProcessInfo{Pid: p})
		}
		return list, ok()
	}
	d.GetProcessUtilizationFunc = func(after uint64) ([]nv.ProcessUtilizationSample, nv.Return) {
		list := slices.DeleteFunc(slices.Clone(s.samples), func(p nv.ProcessUtilizationSample) bool { return p.TimeStamp <= after })
		if len(list) == 0 && s.ret == nv.SUCCESS {
			return nil, nv.ERROR_NOT_FOUND
		}
		return list, ok()
	}
	d.GetEccModeFunc = func() (nv.EnableState, nv.EnableState, nv.Return) {
		return nv.FEATURE_ENABLED, nv.FEATURE_DISABLED, ok()
	}
	d.GetPersistenceModeFunc = func() (nv.EnableState, nv.Return) { return nv.FEATURE_DISABLED, ok() }
	d.GetEnforcedPowerLimitFunc = func() (uint32, nv.Return) { return 650000, ok() }
	d.GetPowerManagementDefaultLimitFunc = func() (uint32, nv.Return) { return 700000, ok() }
	d.GetPowerManagementLimitConstraintsFunc = func() (uint32, uint32, nv.Return) { return 200000, 700000, ok() }
	d.GetCurrPcieLinkGenerationFunc = func() (int, nv.Return) { return 4, ok() }
	d.GetCurrPcieLinkWidthFunc = func() (int, nv.Return) { return 8, ok() }
	d.GetMaxPcieLinkGenerationFunc = func() (int, nv.Return) { return 5, ok() }
	d.GetMaxPcieLinkWidthFunc = func() (int, nv.Return) { return 16, ok() }
	return d
}

// changes are the beginnings of the names of functions that change something.
var changes = []string{"Set", "Reset", "Clear", "Freeze", "Create", "PowerSmoothing", "WorkloadPowerProfileClear", "WorkloadPowerProfileSet", "WorkloadPowerProfileUpdate"}

func isChange(name string) bool {
	return slices.ContainsFunc(changes, func(c string) bool { return strings.HasPrefix(name, c) })
}

func forbid(t testing.TB, d *mock.Device) (forbidden int) {
	v := reflect.ValueOf(d).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if f := v.Field(i); strings.HasSuffix(name, "Func") && isChange(name) {
			forbidden++
			f.Set(reflect.MakeFunc(f.Type(), func([]reflect.Value) []reflect.Value {
				t.Errorf("%s was called: it changes the card", name)
				var out []reflect.Value
				for r := range f.Type().NumOut() {
					out = append(out, reflect.Zero(f.Type().Out(r)))
				}
				return out
			}))
		}
	}
	return forbidden
}

// h200 is the library with eight of NVIDIA's mock H200, the fifth of which is rigged.
func h200(t testing.TB, s *state) (*library, *server.Device, result.Device) {
	srv := dgxh200.New()
	d := rig(t, srv.Devices[4], s)
	return &library{nv: srv, names: true, self: self}, d, vulkan(d.UUID)
}

// vulkan is a card as the Vulkan backend shows it.
func vulkan(uuid string) result.Device {
	return result.Device{ID: "vulkan:0", Backend: "vulkan", Class: result.ClassDiscrete, Driver: result.Driver{ID: 4},
		UUID: strings.ReplaceAll(strings.TrimPrefix(uuid, "GPU-"), "-", "")}
}

func TestFacts(t *testing.T) {
	l, _, dev := h200(t, &state{})
	m, f := l.open(dev)
	if m == nil {
		t.Fatal(f.Unavailable)
	}
	defer m.Close()
	yes, no := true, false
	want := &result.NVML{
		Driver: "550.54.15", ECC: &yes, MIG: &no, Persistence: &no, PowerLimitW: 650, DefaultPowerLimitW: 700, MinPowerLimitW: 200, MaxPowerLimitW: 700,
		MaxSMClockMHz: 1980, MaxMemoryClockMHz: 3201, PCIeGeneration: 4, PCIeWidth: 8, MaxPCIeGeneration: 5, MaxPCIeWidth: 16, Missing: []string{},
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got %+v\nwant %+v", f, want)
	}
}

func TestReading(t *testing.T) {
	for _, tt := range []struct {
		bits  uint64
		flags string
	}{
		{nv.ClocksEventReasonNone, ""},
		{nv.ClocksEventReasonGpuIdle, ""},
		{nv.ClocksEventReasonApplicationsClocksSetting, "gpu-clock-setting"},
		{nv.ClocksEventReasonSwPowerCap, "gpu-power-cap"},
		{nv.ClocksThrottleReasonHwSlowdown | nv.ClocksThrottleReasonHwThermalSlowdown, "gpu-thermal gpu-slowdown"},
		{nv.ClocksThrottleReasonHwSlowdown | nv.ClocksThrottleReasonHwPowerBrakeSlowdown, "gpu-power-brake gpu-slowdown"},
		{nv.ClocksEventReasonSwThermalSlowdown, "gpu-thermal"},
		{nv.ClocksEventReasonSyncBoost, "gpu-sync-boost"},
		{nv.ClocksEventReasonDisplayClockSetting, "gpu-clock-setting"},
		{nv.ClocksEventReasonBoardLimit, "gpu-limit"},
		{nv.ClocksEventReasonReliability, "gpu-limit"},
	} {
		s := &state{reasons: tt.bits}
		l, _, dev := h200(t, s)
		m, _ := l.open(dev)
		got := m.Read()
		want := map[string]float64{meter.SMClock: 1830, meter.MemoryClock: 3201, meter.Power: 612.345, meter.Temperature: 61,
			meter.Utilization: 97, meter.Reasons: float64(tt.bits)}
		if !maps.Equal(got.Values, want) || strings.Join(got.Flags, " ") != tt.flags {
			t.Errorf("bits %#x: got %+v, want %v and %q", tt.bits, got, want, tt.flags)
		}
	}
}

// Every function that the library lacks, and every one that fails, costs what it reads
// and nothing else. One that the library lacks must not even be called.
func TestEachFunctionMayBeMissing(t *testing.T) {
	for _, tt := range []struct {
		function string
		missing  string   // what is missing of the card
		values   []string // what is missing of a reading
		fail     func(*server.Device, nv.Return)
	}{
		{fnClock, "clocks", []string{meter.SMClock, meter.MemoryClock},
			func(d *server.Device, r nv.Return) {
				d.GetClockInfoFunc = func(nv.ClockType) (uint32, nv.Return) { return 7, r }
			}},
		{fnPower, "power", []string{meter.Power}, func(d *server.Device, r nv.Return) {
			d.GetPowerUsageFunc = func() (uint32, nv.Return) { return 7, r }
		}},
		{fnTemperature, "temperature", []string{meter.Temperature}, func(d *server.Device, r nv.Return) {
			d.GetTemperatureFunc = func(nv.TemperatureSensors) (uint32, nv.Return) { return 7, r }
		}},
		{fnUtilization, "utilization", []string{meter.Utilization}, func(d *server.Device, r nv.Return) {
			d.GetUtilizationRatesFunc = func() (nv.Utilization, nv.Return) { return nv.Utilization{Gpu: 7}, r }
		}},
		{fnEnergy, "energy", nil, func(d *server.Device, r nv.Return) {
			d.GetTotalEnergyConsumptionFunc = func() (uint64, nv.Return) { return 7, r }
		}},
		{fnProcesses, "processes", []string{meter.Others}, func(d *server.Device, r nv.Return) {
			d.GetComputeRunningProcessesFunc = func() ([]nv.ProcessInfo, nv.Return) { return make([]nv.ProcessInfo, 3), r }
		}},
		{fnProcessUse, "utilization by others", []string{meter.OthersUtilization}, func(d *server.Device, r nv.Return) {
			d.GetProcessUtilizationFunc = func(uint64) ([]nv.ProcessUtilizationSample, nv.Return) {
				return []nv.ProcessUtilizationSample{{Pid: 1, SmUtil: 50, TimeStamp: 9}}, r
			}
		}},
		{"nvmlDeviceGetEccMode", "ECC", nil, func(d *server.Device, r nv.Return) {
			d.GetEccModeFunc = func() (nv.EnableState, nv.EnableState, nv.Return) { return 1, 1, r }
		}},
		{"nvmlDeviceGetMigMode", "MIG", nil, func(d *server.Device, r nv.Return) {
			d.GetMigModeFunc = func() (int, int, nv.Return) { return 1, 1, r }
		}},
		{"nvmlDeviceGetPersistenceMode", "persistence", nil, func(d *server.Device, r nv.Return) {
			d.GetPersistenceModeFunc = func() (nv.EnableState, nv.Return) { return 1, r }
		}},
		{"nvmlDeviceGetEnforcedPowerLimit", "power limit", nil, func(d *server.Device, r nv.Return) {
			d.GetEnforcedPowerLimitFunc = func() (uint32, nv.Return) { return 7, r }
		}},
		{"nvmlDeviceGetMaxPcieLinkWidth", "highest PCIe width", nil, func(d *server.Device, r nv.Return) {
			d.GetMaxPcieLinkWidthFunc = func() (int, nv.Return) { return 7, r }
		}},
	} {
		check := func(how, reason string, l *library, dev result.Device) {
			t.Helper()
			m, f := l.open(dev)
			if m == nil {
				t.Errorf("%s %s: no meter: %s", tt.function, how, f.Unavailable)
				return
			}
			if want := []string{tt.missing + " (" + reason + ")"}; !slices.Equal(f.Missing, want) {
				t.Errorf("%s %s: missing %q, want %q", tt.function, how, f.Missing, want)
			}
			values := m.Read().Values
			company := m.Company()
			maps.Copy(values, company.Values)
			for _, v := range []string{meter.SMClock, meter.MemoryClock, meter.Power, meter.Temperature, meter.Utilization, meter.Reasons, meter.Others, meter.OthersUtilization} {
				if _, has := values[v]; has == slices.Contains(tt.values, v) {
					t.Errorf("%s %s: %s is there: %v", tt.function, how, v, has)
				}
			}
			if len(company.Flags) > 0 {
				t.Errorf("%s %s: flags %v of nobody", tt.function, how, company.Flags)
			}
			if _, ok := m.Energy(); ok == (tt.function == fnEnergy) {
				t.Errorf("%s %s: energy: %v", tt.function, how, ok)
			}
		}
		l, d, dev := h200(t, &state{})
		l.nv.(*server.Server).LookupSymbolFunc = func(name string) error {
			if name == tt.function {
				return errors.New("undefined symbol")
			}
			return nil
		}
		tt.fail(d, nv.SUCCESS)
		v := reflect.ValueOf(&d.Device).Elem()
		if f := v.FieldByName(strings.TrimPrefix(tt.function, "nvmlDevice") + "Func"); f.IsValid() {
			f.SetZero() // so that a call of it panics
		} else {
			t.Fatalf("%s has no mock", tt.function)
		}
		check("is missing", "not in this driver", l, dev)
		for ret, reason := range map[nv.Return]string{nv.ERROR_NOT_SUPPORTED: "not supported", nv.ERROR_NO_PERMISSION: "not permitted", nv.ERROR_GPU_IS_LOST: "the card is lost",
			nv.ERROR_UNKNOWN: "ERROR_UNKNOWN (999)"} {
			l, d, dev := h200(t, &state{})
			tt.fail(d, ret)
			check("fails", reason, l, dev)
		}
	}
}

// Drivers before 535 know the reasons under another name.
func TestReasonsOfOldDrivers(t *testing.T) {
	l, d, dev := h200(t, &state{})
	l.nv.(*server.Server).LookupSymbolFunc = func(name string) error {
		if name == fnReasons {
			return errors.New("undefined symbol")
		}
		return nil
	}
	d.GetCurrentClocksEventReasonsFunc = nil
	d.GetCurrentClocksThrottleReasonsFunc = func() (uint64, nv.Return) { return nv.ClocksEventReasonSwPowerCap, nv.SUCCESS }
	m, f := l.open(dev)
	if got := m.Read(); !slices.Equal(got.Flags, []string{meter.PowerCap}) || len(f.Missing) > 0 {
		t.Errorf("%+v, missing %v", got, f.Missing)
	}
	d.GetCurrentClocksThrottleReasonsFunc = func() (uint64, nv.Return) { return 7, nv.ERROR_NOT_SUPPORTED }
	m, f = l.open(dev)
	if _, ok := m.Read().Values[meter.Reasons]; ok || !slices.Equal(f.Missing, []string{"what holds the clock down (not supported)"}) {
		t.Errorf("missing %v", f.Missing)
	}
}

// A card that is lost in the middle gives readings of nothing.
func TestLostCard(t *testing.T) {
	s := &state{reasons: nv.ClocksEventReasonSwPowerCap, processes: []uint32{self, 7}}
	l, _, dev := h200(t, s)
	m, _ := l.open(dev)
	s.ret = nv.ERROR_GPU_IS_LOST
	if r, c := m.Read(), m.Company(); len(r.Values)+len(r.Flags)+len(c.Flags) > 0 {
		t.Errorf("%+v, %+v", r, c)
	}
	if _, ok := m.Energy(); ok {
		t.Error("it still counts energy")
	}
}

func TestCompany(t *testing.T) {
	alive := uint32(os.Getppid()) // of another process
	for _, tt := range []struct {
		name      string
		names     bool // numbers of processes are ours
		processes []uint32
		samples   []nv.ProcessUtilizationSample
		others    float64
		share     float64 // -1 when unknown
		shared    bool
	}{
		{"nobody", true, nil, nil, 0, 0, false},
		{"alone", true, []uint32{self}, []nv.ProcessUtilizationSample{{Pid: self, TimeStamp: 20, SmUtil: 99}}, 0, 0, false},
		{"another", true, []uint32{self, 7}, nil, 1, 0, true},
		{"another, and this one not listed", true, []uint32{7}, nil, 1, 0, true},
		{"another that is no compute process", true, []uint32{self}, []nv.ProcessUtilizationSample{{Pid: alive, TimeStamp: 19, SmUtil: 90}, {Pid: alive, TimeStamp: 20, SmUtil: 30}}, 0, 30, true},
		{"the launch before", true, []uint32{self}, []nv.ProcessUtilizationSample{{Pid: 1<<30 + 1, TimeStamp: 20, SmUtil: 99}}, 0, 0, false},
		{"what was before", true, []uint32{self}, []nv.ProcessUtilizationSample{{Pid: alive, TimeStamp: 10, SmUtil: 99}}, 0, 0, false},
		{"alone in a container", false, []uint32{31337}, nil, 0, -1, false},
		{"in a container that hides all", false, nil, nil, 0, -1, false},
		{"two in a container", false, []uint32{31337, 31338}, []nv.ProcessUtilizationSample{{Pid: alive, TimeStamp: 20, SmUtil: 50}}, 1, -1, true},
	} {
		s := &state{samples: []nv.ProcessUtilizationSample{{Pid: alive, TimeStamp: 10, SmUtil: 99}}}
		l, _, dev := h200(t, s)
		l.names = tt.names
		m, _ := l.open(dev)
		s.processes, s.samples = tt.processes, tt.samples
		for range 2 {
			got := m.Company()
			share, known := got.Values[meter.OthersUtilization]
			if !known {
				share = -1
			}
			if got.Values[meter.Others] != tt.others || share != tt.share || slices.Contains(got.Flags, meter.Shared) != tt.shared {
				t.Errorf("%s: %+v", tt.name, got)
			}
			if tt.share > 0 { // seen once, it is not counted again
				tt.share, tt.shared = 0, tt.others > 0
			}
		}
	}
}

func TestEnergyCounter(t *testing.T) {
	s := &state{energy: 123456789}
	l, _, dev := h200(t, s)
	m, _ := l.open(dev)
	if j, ok := m.Energy(); !ok || j != 123456.789 {
		t.Errorf("%v J, %v", j, ok)
	}
	if !strings.Contains(m.EnergySource(), fnEnergy) {
		t.Error(m.EnergySource())
	}
}

func TestCardIsFoundByUUID(t *testing.T) {
	l, d, dev := h200(t, &state{})
	for _, uuid := range []string{dev.UUID, strings.ToUpper(dev.UUID), d.UUID} {
		dev.UUID = uuid
		if m, f := l.open(dev); m == nil || m.(*gauge).card != card(d) {
			t.Errorf("%s: %+v", uuid, f)
		} else if is := m.Card(); is != (result.Meter{Library: "NVML", Name: "NVIDIA H200 141GB HBM3e", UUID: plain(d.UUID)}) {
			t.Errorf("%s: it reads %+v", uuid, is)
		}
	}
	shut := 0
	l.nv.(*server.Server).ShutdownFunc = func() nv.Return { shut++; return nv.SUCCESS }
	l.nv.(*server.Server).Devices[2].(*server.Device).GetUUIDFunc = func() (string, nv.Return) { return "", nv.ERROR_GPU_IS_LOST }
	for uuid, want := range map[string]string{
		"00000000000000000000000000000000": "none of the 8 cards that NVML shows has the UUID 00000000000000000000000000000000; card 2 cannot be read: the card is lost",
		"":                                 "the device has no UUID by which its card could be found",
	} {
		dev.UUID = uuid
		if m, f := l.open(dev); m != nil || f.Unavailable != want || f.Remedy == "" {
			t.Errorf("%s: %+v", uuid, f)
		}
	}
	if shut != 2 {
		t.Errorf("the library was given back %d times", shut)
	}
	l.nv.(*server.Server).DeviceGetCountFunc = func() (int, nv.Return) { return 0, nv.ERROR_UNINITIALIZED }
	if m, f := l.open(vulkan(d.UUID)); m != nil || !strings.Contains(f.Unavailable, "cannot be counted: ERROR_UNINITIALIZED") {
		t.Errorf("%+v", f)
	}
}

// What is read of an instance of a divided card is that of the whole card, and its
// energy is nobody's.
func TestDividedCard(t *testing.T) {
	srv := dgxa100.New()
	d := rig(t, srv.Devices[1], &state{energy: 5})
	d.MigMode = nv.DEVICE_MIG_ENABLE
	d.GetMaxMigDeviceCountFunc = func() (int, nv.Return) { return 7, nv.SUCCESS }
	d.GetMigDeviceHandleByIndexFunc = func(i int) (nv.Device, nv.Return) {
		if i != 3 {
			return nil, nv.ERROR_NOT_FOUND
		}
		return &mock.Device{GetUUIDFunc: func() (string, nv.Return) { return "MIG-4c3d2b1a-0000-5000-8000-00000000abcd", nv.SUCCESS }}, nv.SUCCESS
	}
	l := &library{nv: srv, names: true, self: self}
	for _, uuid := range []string{"4c3d2b1a000050008000" + "00000000abcd", d.UUID} {
		m, f := l.open(result.Device{Backend: "cuda", UUID: uuid})
		if m == nil {
			t.Fatal(f.Unavailable)
		}
		if !*f.MIG || !slices.Equal(f.Missing, []string{"energy (the counter is of the whole card, and this is one of its instances)"}) {
			t.Errorf("%+v", f)
		}
		if _, ok := m.Energy(); ok {
			t.Error("the energy of the whole card is taken for that of an instance")
		}
		if m.Read().Values[meter.SMClock] != 1830 {
			t.Error("no clock")
		}
		whole := plain(d.UUID)
		if is := m.Card(); uuid == d.UUID && (is.UUID != whole || is.Card != "") || uuid != d.UUID && (is.UUID != uuid || is.Card != whole) {
			t.Errorf("it reads %+v", is)
		}
	}
}

func TestOtherDevices(t *testing.T) {
	for _, d := range []result.Device{
		{Backend: "cpu", Class: result.ClassCPU, Name: "NVIDIA Grace"},
		{Backend: "vulkan", Class: result.ClassCPU, Software: true, Driver: result.Driver{ID: 13}},
		{Backend: "vulkan", Class: result.ClassDiscrete, Driver: result.Driver{ID: 3}},
		{Backend: "vulkan", Class: result.ClassDiscrete, Name: "NVIDIA (NVK)", Driver: result.Driver{ID: 24}},
		{Backend: "vulkan", Class: result.ClassVirtual, Name: "Virtio-GPU Venus (NVIDIA H100)", Driver: result.Driver{ID: 22}},
		{Backend: "blas"},
	} {
		if m, f := Open(d); m != nil || f != nil {
			t.Errorf("%+v: %+v, %+v", d, m, f)
		}
	}
	for _, d := range []result.Device{vulkan(""), {Backend: "cuda"}, {Backend: "cublas"}} {
		if !isNVIDIA(d) {
			t.Errorf("%+v is not NVIDIA's", d)
		}
	}
}

func TestNeverChangesACard(t *testing.T) {
	if n := forbid(t, &mock.Device{}); n < 40 {
		t.Errorf("only %d functions are forbidden; has the mock other names?", n)
	}
	for i := range reflect.TypeFor[card]().NumMethod() {
		if name := reflect.TypeFor[card]().Method(i).Name; !strings.HasPrefix(name, "Get") {
			t.Errorf("%s can be called", name)
		}
	}
	s := &state{reasons: nv.ClocksEventReasonSwPowerCap, energy: 1, processes: []uint32{self, 1}}
	l, d, dev := h200(t, s)
	m, _ := l.open(dev)
	for range 3 {
		m.Read()
		m.Company()
		m.Energy()
	}
	m.Close()
	if s.calls < 40 || len(d.SetMigModeCalls()) > 0 {
		t.Errorf("%d calls", s.calls)
	}
	// The mock of the server has setters too, and no test sets them: a call panics.
	text, err := os.ReadFile("nvml.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if at := strings.Index(string(text), "."+c); at >= 0 {
			t.Errorf("nvml.go calls %.40s", text[at:])
		}
	}
}

// build builds the library that stands in for the driver's, with what nvmlInit returns.
func build(t testing.TB, init string) string {
	t.Setenv("STANDIN_NVML", init)
	path := filepath.Join(t.TempDir(), libraryName)
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-o", path, "testdata/standin/libnvidia-ml.c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return path
}

// A library as old as can be is read for what it has. This shows that the program is
// linked lazily: it would not start otherwise, and a function that the library lacks
// would end it.
func TestLibraryThatLacksNearlyAll(t *testing.T) {
	path := build(t, "0")
	dev := vulkan("GPU-00010203-0405-0607-0809-0a0b0c0d0e0f")
	for range 2 { // a second time after it was given back
		l, err := load(path)
		if err != nil {
			t.Fatal(err)
		}
		m, f := l.open(dev)
		if m == nil {
			t.Fatal(f.Unavailable)
		}
		if got := m.Read(); !maps.Equal(got.Values, map[string]float64{meter.Power: 300}) || len(got.Flags) > 0 {
			t.Errorf("%+v", got)
		}
		if got := m.Company(); len(got.Values)+len(got.Flags) > 0 {
			t.Errorf("%+v", got)
		}
		if _, ok := m.Energy(); ok || len(f.Missing) != 19 || !slices.Contains(f.Missing, "ECC (not in this driver)") {
			t.Errorf("%d are missing: %q", len(f.Missing), f.Missing)
		}
		m.Close()
	}
}

func TestLibraryThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.so")
	if err := os.WriteFile(empty, []byte("no library"), 0o666); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.so")
	cmd := exec.Command("gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", other)
	cmd.Stdin = strings.NewReader("int nvmlInit_v2(void) { return 0; }")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	whole := build(t, "0")
	for _, tt := range []struct{ path, init, want string }{
		{filepath.Join(dir, "none.so"), "0", "cannot open shared object file: No such file or directory"},
		{empty, "0", "file too short"},
		{other, "0", "is too old or not NVIDIA's: it lacks nvmlShutdown"},
		{whole, "9", "cannot be initialised: the driver is not loaded"},
		{whole, "18", "the library is of another version than the driver; reboot after an update of the driver"},
		{whole, "17", "cannot be initialised: of the stand-in (17)"},
	} {
		t.Setenv("STANDIN_NVML", tt.init)
		if l, err := load(tt.path); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.path) {
			t.Errorf("%s: %+v, %v, want %q", tt.path, l, err, tt.want)
		}
	}
}

// Without the library everything else works, and the device says what is missing.
func TestNoLibrary(t *testing.T) {
	if _, err := load(libraryName); err == nil {
		t.Skip("NVIDIA's driver is installed here")
	}
	m, f := Open(vulkan("GPU-00010203-0405-0607-0809-0a0b0c0d0e0f"))
	if m != nil || f == nil || !strings.Contains(f.Unavailable, "libnvidia-ml.so.1 cannot be loaded: libnvidia-ml.so.1: cannot open shared object file") ||
		!strings.Contains(f.Remedy, "NVIDIA_DRIVER_CAPABILITIES") {
		t.Errorf("%+v, %+v", m, f)
	}
}

// What a reading costs beside what the driver does.
func BenchmarkRead(b *testing.B) {
	l, _, dev := h200(b, &state{})
	m, _ := l.open(dev)
	for b.Loop() {
		m.Read()
	}
}

// The same by way of C, of the one function that the stand-in has.
func BenchmarkReadPowerByC(b *testing.B) {
	l, err := load(build(b, "0"))
	if err != nil {
		b.Fatal(err)
	}
	m, _ := l.open(vulkan("GPU-00010203-0405-0607-0809-0a0b0c0d0e0f"))
	defer m.Close()
	for b.Loop() {
		m.Read()
	}
}
