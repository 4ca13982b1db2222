// Whether the machine disturbed a row's samples.

package analysis

import (
	"fmt"
	"slices"

	"gpubench/internal/disturb"
	"gpubench/internal/meter"
	"gpubench/internal/result"
)

// disturbedShare is the part of the samples from which a disturbance is worth a
// warning: the median hardly notices fewer.
const disturbedShare = 0.1

// disturbances says what each disturbance means and what helps, in the order of the
// warnings. Their codes are the flags.
var disturbances = []struct{ flag, while string }{
	{disturb.Frozen, "the process or the whole machine was stopped (frozen), as SIGSTOP, a paused container or virtual machine, or sleep does: their times are not the device's; let it run, and measure again"},
	{disturb.Throttled, "the CPU quota of the process's control group stopped it (throttled): raise the limit or take it away (docker run --cpus, limits.cpu in Kubernetes)"},
	{disturb.Preempted, "other programs held the processors (preempted): close them, or measure on fewer processors (--device cpu:N)"},
	{disturb.Stolen, "the hypervisor gave the processors to others (stolen): measure at a quieter time, or on a machine of its own"},
	{disturb.Paged, "the process waited for pages from a disk (paged): free some memory, or use a smaller --size"},
	{meter.Thermal, "the card was too hot and lowered its clock (gpu-thermal): let it cool down, and look after its fans and the air around it"},
	{meter.Slowdown, "the card's hardware cut its clock to a half or less (gpu-slowdown): look after its cooling and its power supply"},
	{meter.PowerBrake, "the power supply made the card lower its clock (gpu-power-brake): look for what else draws from it"},
	{meter.PowerCap, "the card lowered its clock to stay within its power limit (gpu-power-cap), as large cards do at full work: quote the limit beside the rate (`gpubench devices` shows it)"},
	{meter.Limit, "the voltage or another limit of the board held the card's clock down (gpu-limit): nothing is wrong, but a card with another limit may be faster"},
	{meter.SyncBoost, "the card ran at the clock of the slowest of its group (gpu-sync-boost): take it out of the group"},
	{meter.ClockSetting, "a setting held the card's clock down (gpu-clock-setting): quote it beside the rate; nvidia-smi -q -d CLOCK shows it"},
	{meter.Shared, "another process used the device (shared): end it, or use another card; nvidia-smi shows both"},
}

// disturbed returns a warning for each disturbance that a tenth of the samples of
// the good launches or more are marked with. All of them count in the figures.
func disturbed(m *result.Measurement) (out []result.Warning) {
	marked, total := map[string]int{}, 0
	for _, l := range m.Launches {
		if l.Status != result.StatusOK {
			continue
		}
		for _, s := range l.Samples {
			total++
			for _, d := range disturbances {
				if slices.Contains(s.Flags, d.flag) {
					marked[d.flag]++
				}
			}
		}
	}
	for _, d := range disturbances {
		// Nobody stops a process by chance: one stop is worth a word.
		if n := marked[d.flag]; n > 0 && (d.flag == disturb.Frozen || float64(n) >= disturbedShare*float64(total)) {
			out = append(out, result.Warning{Code: d.flag, Text: fmt.Sprintf("%d of %s were taken while %s", n, Plural(total, "sample"), d.while)})
		}
	}
	return out
}
