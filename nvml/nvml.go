//go:build linux && cgo

package nvml

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/dl"
	nv "github.com/NVIDIA/go-nvml/pkg/nvml"
	"golang.org/x/sys/unix"

	"gpubench/internal/meter"
	"gpubench/internal/result"
)

// libraryName is the file that comes with the driver.
const libraryName = "libnvidia-ml.so.1"

// Remedies for a machine on which it cannot be used, and for a card that it does not show.
const (
	remedyLibrary = "it comes with NVIDIA's driver; in a container add utility to NVIDIA_DRIVER_CAPABILITIES, as in compute,utility,graphics"
	remedyCard    = "make the card visible to the process (NVIDIA_VISIBLE_DEVICES of the container), or update the driver"
)

// card is what is called of a device: only functions that read.
type card interface {
	GetUUID() (string, nv.Return)
	GetName() (string, nv.Return)
	GetClockInfo(nv.ClockType) (uint32, nv.Return)
	GetMaxClockInfo(nv.ClockType) (uint32, nv.Return)
	GetPowerUsage() (uint32, nv.Return)
	GetTemperature(nv.TemperatureSensors) (uint32, nv.Return)
	GetCurrentClocksEventReasons() (uint64, nv.Return)
	GetCurrentClocksThrottleReasons() (uint64, nv.Return)
	GetUtilizationRates() (nv.Utilization, nv.Return)
	GetTotalEnergyConsumption() (uint64, nv.Return)
	GetComputeRunningProcesses() ([]nv.ProcessInfo, nv.Return)
	GetProcessUtilization(uint64) ([]nv.ProcessUtilizationSample, nv.Return)
	GetEccMode() (nv.EnableState, nv.EnableState, nv.Return)
	GetMigMode() (int, int, nv.Return)
	GetPersistenceMode() (nv.EnableState, nv.Return)
	GetEnforcedPowerLimit() (uint32, nv.Return)
	GetPowerManagementDefaultLimit() (uint32, nv.Return)
	GetPowerManagementLimitConstraints() (uint32, uint32, nv.Return)
	GetCurrPcieLinkGeneration() (int, nv.Return)
	GetCurrPcieLinkWidth() (int, nv.Return)
	GetMaxPcieLinkGeneration() (int, nv.Return)
	GetMaxPcieLinkWidth() (int, nv.Return)
}

// library is the loaded library.
type library struct {
	nv    nv.Interface
	names bool // process numbers are those of this process's namespace
	self  uint32
}

// isNVIDIA reports whether NVIDIA's own driver runs the device, so that its library
// knows it. Nouveau's devices (NVK) and those of a virtual machine's host it does not.
func isNVIDIA(d result.Device) bool {
	const proprietary = 4 // VkDriverId
	switch {
	case d.Software:
		return false
	case d.Backend == "vulkan":
		return d.Driver.ID == proprietary
	}
	return d.Backend == "cuda" || d.Backend == "cublas"
}

// Open opens the meter of a device that NVIDIA's driver runs, found by its UUID, and
// says what is known of the card. Both are nil for other devices.
func Open(d result.Device) (meter.Meter, *result.NVML) {
	if !isNVIDIA(d) {
		return nil, nil
	}
	l, err := load(libraryName)
	if err != nil {
		return nil, unavailable(err, remedyLibrary)
	}
	return l.open(d)
}

func unavailable(err error, remedy string) *result.NVML {
	return &result.NVML{Unavailable: err.Error(), Remedy: remedy, Missing: []string{}}
}

// load loads and initialises the library.
func load(path string) (*library, error) {
	// go-nvml says of a library that cannot be loaded only that it is not there, and
	// calls nvmlInit in what may be no such library.
	file := dl.New(path, dl.RTLD_LAZY|dl.RTLD_GLOBAL)
	if err := file.Open(); err != nil {
		return nil, fmt.Errorf("%s cannot be loaded: %w", path, err)
	}
	defer file.Close()
	for _, name := range []string{"nvmlInit_v2", "nvmlShutdown", "nvmlErrorString", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUUID"} {
		if file.Lookup(name) != nil {
			return nil, fmt.Errorf("%s is too old or not NVIDIA's: it lacks %s", path, name)
		}
	}
	l := &library{nv: nv.New(nv.WithLibraryPath(path)), names: initialPIDs(), self: uint32(os.Getpid())}
	if ret := l.nv.Init(); ret != nv.SUCCESS {
		return nil, fmt.Errorf("%s cannot be initialised: %s", path, name(ret))
	}
	return l, nil
}

// initialPIDs reports whether this process is in the machine's first namespace of
// process numbers, whose numbers the driver shows.
func initialPIDs() bool {
	const initial = "pid:[4026531836]" // PROC_PID_INIT_INO
	at, err := os.Readlink("/proc/self/ns/pid")
	return err == nil && at == initial
}

// name is the name of what a call returned. The library's own words need the library.
func name(r nv.Return) string {
	switch r {
	case nv.ERROR_NOT_SUPPORTED:
		return "not supported"
	case nv.ERROR_NO_PERMISSION:
		return "not permitted"
	case nv.ERROR_FUNCTION_NOT_FOUND:
		return "not in this driver"
	case nv.ERROR_GPU_IS_LOST:
		return "the card is lost"
	case nv.ERROR_DRIVER_NOT_LOADED:
		return "the driver is not loaded"
	case nv.ERROR_LIB_RM_VERSION_MISMATCH:
		return "the library is of another version than the driver; reboot after an update of the driver"
	}
	return fmt.Sprintf("%v (%d)", r, int32(r))
}

// gauge implements meter.Meter for one card.
type gauge struct {
	lib     *library
	card    card
	is      result.Meter
	reasons func() (uint64, nv.Return)
	// What this driver's library and this card can do, by function.
	can     map[string]bool
	divided bool   // MIG
	seen    uint64 // microseconds: newest sample of GetProcessUtilization
}

// open finds the card of a device. The library is given back with the meter, or at once.
func (l *library) open(d result.Device) (meter.Meter, *result.NVML) {
	c, is, err := l.find(d.UUID)
	if err != nil {
		l.nv.Shutdown()
		return nil, unavailable(err, remedyCard)
	}
	g := &gauge{lib: l, card: c, is: is, can: map[string]bool{}}
	return g, g.facts()
}

// find returns the card with this UUID, in hexadecimal without dashes. An instance of a
// divided card is found by its own UUID too; what is read is then of the whole card.
func (l *library) find(uuid string) (card, result.Meter, error) {
	is := result.Meter{Library: "NVML"}
	if uuid == "" {
		return nil, is, fmt.Errorf("the device has no UUID by which its card could be found")
	}
	count, ret := l.nv.DeviceGetCount()
	if ret != nv.SUCCESS {
		return nil, is, fmt.Errorf("the cards cannot be counted: %s", name(ret))
	}
	var failed []string
	for i := range count {
		dev, ret := l.nv.DeviceGetHandleByIndex(i)
		if ret == nv.SUCCESS {
			var whole string
			whole, ret = dev.GetUUID()
			switch {
			case ret == nv.SUCCESS && plain(whole) == plain(uuid):
				is.UUID = plain(whole)
			case l.instance(dev, uuid):
				is.UUID, is.Card = plain(uuid), plain(whole)
			}
			if is.UUID != "" {
				if l.has("nvmlDeviceGetName") {
					is.Name, _ = dev.GetName()
				}
				return dev, is, nil
			}
		}
		if ret != nv.SUCCESS {
			failed = append(failed, fmt.Sprintf("card %d cannot be read: %s", i, name(ret)))
		}
	}
	return nil, is, fmt.Errorf("none of the %d cards that NVML shows has the UUID %s%s", count, uuid, strings.Join(append([]string{""}, failed...), "; "))
}

// plain is a UUID without the words and dashes around its digits.
func plain(uuid string) string {
	uuid = strings.ToLower(uuid)
	uuid = strings.TrimPrefix(strings.TrimPrefix(uuid, "gpu-"), "mig-")
	return strings.ReplaceAll(uuid, "-", "")
}

// instance reports whether an instance of a divided card has this UUID.
func (l *library) instance(dev nv.Device, uuid string) bool {
	if !l.has("nvmlDeviceGetMigMode", "nvmlDeviceGetMaxMigDeviceCount", "nvmlDeviceGetMigDeviceHandleByIndex") {
		return false
	}
	if now, _, ret := dev.GetMigMode(); ret != nv.SUCCESS || now != nv.DEVICE_MIG_ENABLE {
		return false
	}
	most, ret := dev.GetMaxMigDeviceCount()
	for i := 0; ret == nv.SUCCESS && i < most; i++ {
		mig, found := dev.GetMigDeviceHandleByIndex(i)
		if found != nv.SUCCESS {
			continue // no instance in this place
		}
		if is, found := mig.GetUUID(); found == nv.SUCCESS && plain(is) == plain(uuid) {
			return true
		}
	}
	return false
}

// has reports whether the library has all these functions.
func (l *library) has(functions ...string) bool {
	return !slices.ContainsFunc(functions, func(f string) bool { return l.nv.Extensions().LookupSymbol(f) != nil })
}

// first calls a function for the first time, if the library has it, and notes whether
// it may be called again and why not.
func (g *gauge) first(missing *[]string, what, function string, call func() nv.Return) bool {
	ret := nv.ERROR_FUNCTION_NOT_FOUND
	if g.lib.has(function) {
		ret = call()
	}
	g.can[function] = ret == nv.SUCCESS
	if ret != nv.SUCCESS {
		*missing = append(*missing, what+" ("+name(ret)+")")
	}
	return ret == nv.SUCCESS
}

// Functions that are called again and again.
const (
	fnClock       = "nvmlDeviceGetClockInfo"
	fnPower       = "nvmlDeviceGetPowerUsage"
	fnTemperature = "nvmlDeviceGetTemperature"
	fnReasons     = "nvmlDeviceGetCurrentClocksEventReasons"
	fnReasonsOld  = "nvmlDeviceGetCurrentClocksThrottleReasons" // before driver 535
	fnUtilization = "nvmlDeviceGetUtilizationRates"
	fnEnergy      = "nvmlDeviceGetTotalEnergyConsumption"
	fnProcesses   = "nvmlDeviceGetComputeRunningProcesses"
	fnProcessUse  = "nvmlDeviceGetProcessUtilization"
)

// facts reads what does not change in a run, and tries everything else once.
func (g *gauge) facts() *result.NVML {
	f := &result.NVML{Missing: []string{}}
	c, m := g.card, &f.Missing
	g.first(m, "driver version", "nvmlSystemGetDriverVersion", func() (ret nv.Return) {
		f.Driver, ret = g.lib.nv.SystemGetDriverVersion()
		return ret
	})
	on := func(to **bool, state nv.EnableState) {
		is := state == nv.FEATURE_ENABLED
		*to = &is
	}
	g.first(m, "ECC", "nvmlDeviceGetEccMode", func() nv.Return {
		now, _, ret := c.GetEccMode()
		if ret == nv.SUCCESS {
			on(&f.ECC, now)
		}
		return ret
	})
	g.first(m, "MIG", "nvmlDeviceGetMigMode", func() nv.Return {
		now, _, ret := c.GetMigMode()
		if ret == nv.SUCCESS {
			g.divided = now == nv.DEVICE_MIG_ENABLE
			f.MIG = &g.divided
		}
		return ret
	})
	g.first(m, "persistence", "nvmlDeviceGetPersistenceMode", func() nv.Return {
		now, ret := c.GetPersistenceMode()
		if ret == nv.SUCCESS {
			on(&f.Persistence, now)
		}
		return ret
	})
	g.first(m, "power limit", "nvmlDeviceGetEnforcedPowerLimit", func() nv.Return {
		mw, ret := c.GetEnforcedPowerLimit()
		f.PowerLimitW = known(float64(mw)/1000, ret)
		return ret
	})
	g.first(m, "default power limit", "nvmlDeviceGetPowerManagementDefaultLimit", func() nv.Return {
		mw, ret := c.GetPowerManagementDefaultLimit()
		f.DefaultPowerLimitW = known(float64(mw)/1000, ret)
		return ret
	})
	g.first(m, "range of the power limit", "nvmlDeviceGetPowerManagementLimitConstraints", func() nv.Return {
		lo, hi, ret := c.GetPowerManagementLimitConstraints()
		f.MinPowerLimitW, f.MaxPowerLimitW = known(float64(lo)/1000, ret), known(float64(hi)/1000, ret)
		return ret
	})
	g.first(m, "highest clocks", "nvmlDeviceGetMaxClockInfo", func() nv.Return {
		sm, ret := c.GetMaxClockInfo(nv.CLOCK_SM)
		f.MaxSMClockMHz = known(sm, ret)
		memory, ret2 := c.GetMaxClockInfo(nv.CLOCK_MEM)
		f.MaxMemoryClockMHz = known(memory, ret2)
		return max(ret, ret2)
	})
	for _, link := range []struct {
		what, function string
		call           func() (int, nv.Return)
		to             *int
	}{
		{"PCIe generation", "nvmlDeviceGetCurrPcieLinkGeneration", c.GetCurrPcieLinkGeneration, &f.PCIeGeneration},
		{"PCIe width", "nvmlDeviceGetCurrPcieLinkWidth", c.GetCurrPcieLinkWidth, &f.PCIeWidth},
		{"highest PCIe generation", "nvmlDeviceGetMaxPcieLinkGeneration", c.GetMaxPcieLinkGeneration, &f.MaxPCIeGeneration},
		{"highest PCIe width", "nvmlDeviceGetMaxPcieLinkWidth", c.GetMaxPcieLinkWidth, &f.MaxPCIeWidth},
	} {
		g.first(m, link.what, link.function, func() nv.Return {
			n, ret := link.call()
			*link.to = max(0, known(n, ret))
			return ret
		})
	}

	g.first(m, "clocks", fnClock, func() nv.Return { _, ret := c.GetClockInfo(nv.CLOCK_SM); return ret })
	g.first(m, "power", fnPower, func() nv.Return { _, ret := c.GetPowerUsage(); return ret })
	g.first(m, "temperature", fnTemperature, func() nv.Return { _, ret := c.GetTemperature(nv.TEMPERATURE_GPU); return ret })
	var none []string
	g.reasons = c.GetCurrentClocksEventReasons
	if !g.first(&none, "", fnReasons, func() nv.Return { _, ret := g.reasons(); return ret }) {
		g.reasons = c.GetCurrentClocksThrottleReasons
		g.can[fnReasons] = g.first(m, "what holds the clock down", fnReasonsOld, func() nv.Return { _, ret := g.reasons(); return ret })
	}
	g.first(m, "utilization", fnUtilization, func() nv.Return { _, ret := c.GetUtilizationRates(); return ret })
	g.first(m, "energy", fnEnergy, func() nv.Return { _, ret := c.GetTotalEnergyConsumption(); return ret })
	if g.divided && g.can[fnEnergy] {
		g.can[fnEnergy] = false
		*m = append(*m, "energy (the counter is of the whole card, and this is one of its instances)")
	}
	g.first(m, "processes", fnProcesses, func() nv.Return { _, ret := c.GetComputeRunningProcesses(); return ret })
	g.first(m, "utilization by others", fnProcessUse, func() nv.Return {
		if !g.lib.names {
			return nv.ERROR_NO_PERMISSION // the numbers of the processes mean nothing here
		}
		samples, ret := c.GetProcessUtilization(0)
		for _, s := range samples { // what was before this launch
			g.seen = max(g.seen, s.TimeStamp)
		}
		if ret == nv.ERROR_NOT_FOUND { // nobody has used it for a while
			return nv.SUCCESS
		}
		return ret
	})
	return f
}

// known is x, or 0 where the call failed.
func known[T any](x T, ret nv.Return) (zero T) {
	if ret != nv.SUCCESS {
		return zero
	}
	return x
}

// reasons are the flags of NVML's bits. Idleness, bit 0, is no flag: before and after
// a batch a card is idle.
var reasons = []struct {
	bits uint64
	flag string
}{
	{nv.ClocksEventReasonSwPowerCap, meter.PowerCap},
	{nv.ClocksThrottleReasonHwPowerBrakeSlowdown, meter.PowerBrake},
	{nv.ClocksEventReasonSwThermalSlowdown | nv.ClocksThrottleReasonHwThermalSlowdown, meter.Thermal},
	{nv.ClocksThrottleReasonHwSlowdown, meter.Slowdown},
	{nv.ClocksEventReasonBoardLimit | nv.ClocksEventReasonReliability, meter.Limit},
	{nv.ClocksEventReasonSyncBoost, meter.SyncBoost},
	{nv.ClocksEventReasonApplicationsClocksSetting | nv.ClocksEventReasonDisplayClockSetting, meter.ClockSetting},
}

// Card is the card by its own words.
func (g *gauge) Card() result.Meter { return g.is }

// Read reads clocks, power, temperature, utilization, and what holds the clock down.
func (g *gauge) Read() meter.Reading {
	r := meter.Reading{Values: make(map[string]float64, 8)}
	set := func(what string, x float64, ret nv.Return) {
		if ret == nv.SUCCESS {
			r.Values[what] = x
		}
	}
	if g.can[fnReasons] {
		bits, ret := g.reasons()
		set(meter.Reasons, float64(bits), ret)
		for _, reason := range reasons {
			if ret == nv.SUCCESS && bits&reason.bits != 0 {
				r.Flags = append(r.Flags, reason.flag)
			}
		}
	}
	if g.can[fnClock] {
		sm, ret := g.card.GetClockInfo(nv.CLOCK_SM)
		set(meter.SMClock, float64(sm), ret)
		memory, ret := g.card.GetClockInfo(nv.CLOCK_MEM)
		set(meter.MemoryClock, float64(memory), ret)
	}
	if g.can[fnPower] {
		mw, ret := g.card.GetPowerUsage()
		set(meter.Power, float64(mw)/1000, ret)
	}
	if g.can[fnTemperature] {
		c, ret := g.card.GetTemperature(nv.TEMPERATURE_GPU)
		set(meter.Temperature, float64(c), ret)
	}
	if g.can[fnUtilization] {
		u, ret := g.card.GetUtilizationRates()
		set(meter.Utilization, float64(u.Gpu), ret)
	}
	return r
}

// Company counts the processes that compute on the card, and what share of it those
// took that are not this one.
//
// In a container the numbers of processes are not those that the driver shows, and
// this process cannot be found among them: then one of them may be this one, and all
// others are others.
func (g *gauge) Company() meter.Reading {
	r := meter.Reading{Values: map[string]float64{}}
	others := 0
	if g.can[fnProcesses] {
		if list, ret := g.card.GetComputeRunningProcesses(); ret == nv.SUCCESS {
			others = len(list)
			self := slices.ContainsFunc(list, func(p nv.ProcessInfo) bool { return p.Pid == g.lib.self })
			if self || !g.lib.names && others > 0 {
				others--
			}
			r.Values[meter.Others] = float64(others)
		}
	}
	if g.can[fnProcessUse] {
		samples, ret := g.card.GetProcessUtilization(g.seen)
		newest := map[uint32]nv.ProcessUtilizationSample{}
		for _, s := range samples {
			if ret == nv.SUCCESS && s.Pid != g.lib.self && s.TimeStamp >= newest[s.Pid].TimeStamp && alive(s.Pid) {
				newest[s.Pid] = s
			}
			g.seen = max(g.seen, s.TimeStamp)
		}
		if ret == nv.SUCCESS || ret == nv.ERROR_NOT_FOUND {
			share := 0.0
			for _, s := range newest {
				share += float64(s.SmUtil)
			}
			r.Values[meter.OthersUtilization] = share
		}
	}
	if others > 0 || r.Values[meter.OthersUtilization] > 0 {
		r.Flags = append(r.Flags, meter.Shared)
	}
	return r
}

// alive reports whether a process still is: the launch before this one is still among
// the samples when this one begins.
func alive(pid uint32) bool { return !errors.Is(unix.Kill(int(pid), 0), unix.ESRCH) }

// Energy is the counter of the whole card since the driver was loaded.
func (g *gauge) Energy() (joules float64, ok bool) {
	if !g.can[fnEnergy] {
		return 0, false
	}
	mj, ret := g.card.GetTotalEnergyConsumption()
	return float64(mj) / 1000, ret == nv.SUCCESS
}

// EnergySource names the counter.
func (g *gauge) EnergySource() string { return "nvmlDeviceGetTotalEnergyConsumption, the whole card" }

// Close gives the library back.
func (g *gauge) Close() { g.lib.nv.Shutdown() }
