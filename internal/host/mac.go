// What macOS says of a Mac, as far as it bears on the figures.

package host

import (
	"fmt"
	"strconv"
	"strings"

	"gpubench/internal/result"
)

// Codes of the warnings about a Mac.
const (
	WarnBattery  = "on-battery"     // a Mac that is not plugged in
	WarnLowPower = "low-power-mode" // its low-power mode is on
)

// macFacts asks a Mac. sysctl and pmset return what the command of that name prints for
// a name or an option, empty where it fails.
func macFacts(sysctl func(name string) string, pmset func(options ...string) string) *result.Mac {
	number := func(name string) int {
		n, err := strconv.ParseUint(strings.TrimSpace(sysctl(name)), 10, 16)
		if err != nil {
			return 0
		}
		return int(n)
	}
	m := &result.Mac{
		Version:          strings.TrimSpace(sysctl("kern.osproductversion")),
		Build:            strings.TrimSpace(sysctl("kern.osversion")),
		PerformanceCores: number("hw.perflevel0.logicalcpu"),
		EfficiencyCores:  number("hw.perflevel1.logicalcpu"),
		PowerSource:      powerSource(pmset("-g", "batt")),
		LowPowerMode:     lowPowerMode(pmset("-g")),
	}
	return m
}

// powerSource reads what `pmset -g batt` begins with, "Now drawing from 'AC Power'".
func powerSource(text string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "Now drawing from '"); ok {
			if source, end, ok := strings.Cut(rest, "'"); ok && end == "" {
				return source
			}
		}
	}
	return ""
}

// lowPowerMode reads the settings in use from `pmset -g`: lowpowermode is 0 or 1, and on a
// Mac that also has a mode of high power powermode is 0, 1 for the low one, or 2. It is nil
// where neither is there.
func lowPowerMode(text string) *bool {
	var low *bool
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 2 || f[0] != "lowpowermode" && f[0] != "powermode" {
			continue
		}
		if n, err := strconv.Atoi(f[1]); err == nil {
			on := n == 1 || low != nil && *low
			low = &on
		}
	}
	return low
}

// macWarnings are what a reader should know about the Mac.
func macWarnings(m *result.Mac) (out []result.Warning) {
	if m.PowerSource == "Battery Power" {
		out = append(out, result.Warning{Code: WarnBattery, Text: "the Mac runs on its battery, on which macOS may slow its processors down: plug it in"})
	}
	if m.LowPowerMode != nil && *m.LowPowerMode {
		out = append(out, result.Warning{Code: WarnLowPower, Text: "the Mac is in low-power mode, which slows its processors down: switch it off (System Settings, Battery; or sudo pmset -a lowpowermode 0)"})
	}
	return out
}

// thermalStates are the names of NSProcessInfoThermalState.
var thermalStates = []string{"nominal", "fair", "serious", "critical"}

// ThermalStateName is macOS's word for a thermal state.
func ThermalStateName(state int) string {
	if state < 0 || state >= len(thermalStates) {
		return fmt.Sprintf("thermal state %d", state)
	}
	return thermalStates[state]
}

// ThermalReading is the name of a thermal state among the readings of a launch: 0
// nominal, 1 fair, 2 serious, 3 critical.
const ThermalReading = "thermal_state"
