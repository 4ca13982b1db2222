// Which children get a second attempt.

package measure

import (
	"context"
	"regexp"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// repeatedly has run start a child and, where again says so of its outcome, a second
// and last one. It returns the outcome that counts.
func repeatedly(ctx context.Context, again func(worker.Outcome) bool, run func(attempt int) worker.Outcome) worker.Outcome {
	out := run(1)
	if again(out) && ctx.Err() == nil {
		out = run(2)
	}
	return out
}

// crashed is the rule for children that only have to list or to search: some drivers
// crash at random, and one crash must not cost a whole device. How often a driver
// crashes in a launch is part of what is measured, so launches have a stricter rule.
func crashed(out worker.Outcome) bool {
	return out.Code == worker.CodeSignal || out.Code == worker.CodeExit || out.Code == worker.CodeProtocol
}

// randomFault is a crash of a driver that is known to come at random, whatever is
// computed: the same launch mostly succeeds when it is repeated.
type randomFault struct {
	driver string
	signal string         // that ends the process
	says   *regexp.Regexp // a line that the driver prints before
	source string         // where it is known from
}

// randomFaults are those of Venus, the driver inside virtual machines that hands
// Vulkan on to their host through rings in shared memory. It aborts the process when
// the host's end of a ring has failed or is thought to have stopped.
var randomFaults = []randomFault{
	{"Venus", "SIGABRT", regexp.MustCompile(`\bvn_ring_submit abort on fatal\b`), // vn_ring.c; one run in 10 to 15
		"https://github.com/libkrun/libkrun/issues/377"},
	{"Venus", "SIGABRT", regexp.MustCompile(`\bMESA-VIRTIO: .*\baborting on ring fatal error at iter \d`), // the same, found while waiting
		"https://github.com/libkrun/libkrun/issues/377"},
	{"Venus", "SIGABRT", regexp.MustCompile(`\bMESA-VIRTIO: .*\baborting on expired ring alive status at iter \d`), // a race of its watchdog
		"vn_relax in Mesa's src/virtio/vulkan/vn_common.c"},
}

// knownFault returns the random fault that ended a process in this way, and the line
// that gives it away, or nil.
func knownFault(code, signal string, stderr []string) (*randomFault, string) {
	for i := range randomFaults {
		f := &randomFaults[i]
		if code != worker.CodeSignal || signal != f.signal {
			continue
		}
		for _, line := range stderr {
			if f.says.MatchString(line) {
				return f, line
			}
		}
	}
	return nil, ""
}

// struckAtRandom is the rule for launches.
func struckAtRandom(out worker.Outcome) bool {
	f, _ := knownFault(out.Code, out.Signal, out.Stderr)
	return f != nil
}

// repeated reports whether the launch at this index was repeated, so that the next
// one stands for it.
func repeated(launches []result.Launch, i int) bool {
	return i+1 < len(launches) && launches[i+1].Attempt == 2
}

// warnOfRepetitions says how many of the arm's launches were repeated, and why.
func (a *arm) warnOfRepetitions() {
	n, total := 0, 0
	var fault *randomFault
	var line string
	for i, l := range a.m.Launches {
		if !repeated(a.m.Launches, i) {
			total++
			continue
		}
		if n++; n == 1 {
			fault, line = knownFault(l.Code, l.Signal, l.Stderr)
		}
	}
	if n > 0 {
		a.warn("launch-repeated", "%d of %s ended in a fault of the %s driver that is known to be random (%s: %s; see %s) and %s repeated once in a fresh process; the figures are of the processes that succeeded: update the driver and the virtual machine if it comes often",
			n, analysis.Plural(total, "launch"), fault.driver, fault.signal, line, fault.source, map[bool]string{true: "was", false: "were"}[n == 1])
	}
}
