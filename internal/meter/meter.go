// Package meter is what a device tells about itself beside its work: clocks, power,
// temperature, what holds its clock down, who else uses it. A batch that was held down
// or shared is not dropped. It is marked, so that a reader can tell what the kernel can
// do from what the card was allowed to.
//
// It holds the names alone; package nvml reads them. The static program, which can
// load no driver, thus has no meters and needs none.
package meter

import "gpubench/internal/result"

// Flags of a sample: the reasons for which the device did not run at the clock that it
// could run at, and one for company.
const (
	// PowerCap: the card kept its power at the limit. Work that uses all of a large card
	// does that to it.
	PowerCap = "gpu-power-cap"
	// PowerBrake: the power supply asked for less.
	PowerBrake = "gpu-power-brake"
	// Thermal: the card or its memory was too hot.
	Thermal = "gpu-thermal"
	// Slowdown: the hardware halved its clock or did worse, for heat or for power.
	Slowdown = "gpu-slowdown"
	// Limit: the voltage or another limit of the board, or one for its long life.
	Limit = "gpu-limit"
	// SyncBoost: cards that are tied together run at the clock of the slowest.
	SyncBoost = "gpu-sync-boost"
	// ClockSetting: somebody has set a clock (application clocks, a display).
	ClockSetting = "gpu-clock-setting"
	// Shared: another process has work on the device.
	Shared = "shared"
)

// Names of readings.
const (
	SMClock           = "sm_clock_mhz"
	MemoryClock       = "memory_clock_mhz"
	Power             = "power_w" // what the driver shows: on most cards a mean over a second
	Temperature       = "temperature_c"
	Reasons           = "clock_reasons_bits"         // NVML's bit mask of what holds the clock down
	Utilization       = "utilization_percent"        // by whomever, over the driver's last period
	OthersUtilization = "others_utilization_percent" // by other processes
	Others            = "other_processes"            // that have work on the device; where their number is not known for certain, the least that it can be
)

// Reading is what could be read at one time: values by name, and flags of a sample
// that was taken then.
type Reading struct {
	Values map[string]float64
	Flags  []string
}

// Meter reads one device and changes nothing on it. What cannot be read is missing
// from a reading; nothing is an error. Its methods are called from one goroutine at a
// time.
type Meter interface {
	// Card says which card it reads.
	Card() result.Meter
	// Read reads what may be read while the device works.
	Read() Reading
	// Company reads who else uses the device, which may take milliseconds and hold up
	// the driver: it is for the time between two batches.
	Company() Reading
	// Energy is what the device has taken since some time in the past, in joules. It is
	// false where there is no counter, and where it counts more than this device.
	Energy() (joules float64, ok bool)
	// EnergySource says what Energy reads, for the result.
	EnergySource() string
	Close()
}

// Source opens the meter of a device and says what is known of the card. Both are
// nil for a device that has none. Where a device should have a meter and has not, the
// facts say why.
type Source func(result.Device) (Meter, *result.NVML)
