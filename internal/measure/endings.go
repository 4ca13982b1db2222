// What becomes of an arm whose launches end badly.

package measure

import (
	"fmt"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// hangsInARow is how many launches in a row may hang until an arm is given up: each one
// costs a whole time limit, and a device that hangs twice hangs again.
const hangsInARow = 2

// hangs reports whether the last launches of an arm all hung.
func hangs(launches []result.Launch) bool {
	if len(launches) < hangsInARow {
		return false
	}
	for _, l := range launches[len(launches)-hangsInARow:] {
		if l.Code != worker.CodeTimeLimit {
			return false
		}
	}
	return true
}

// tally counts an arm's launches, each repeated one once. failed is the first that failed
// of itself, nil for none.
func (a *arm) tally() (good, failures, launches int, failed *result.Launch) {
	for i := range a.m.Launches {
		if repeated(a.m.Launches, i) {
			continue
		}
		launches++
		switch l := &a.m.Launches[i]; {
		case l.Status == result.StatusOK:
			good++
		case l.Code != CodeInterrupted:
			failures++
			if failed == nil {
				failed = l
			}
		}
	}
	return good, failures, launches, failed
}

// endFailing ends an arm of which no launch was good, or not most: those that were are
// the ones that the fault let through, and speak for no device that is used.
func (a *arm) endFailing(good, failures, launches int, failed *result.Launch) {
	text := fmt.Sprintf("none of %d launches succeeded", launches)
	if good > 0 {
		text = fmt.Sprintf("%d of %s failed, and figures take more good ones than that", failures, analysis.Plural(good+failures, "launch"))
	}
	if hangs(a.m.Launches) {
		text += fmt.Sprintf("; no more were started when %d in a row had hung", hangsInARow)
	}
	a.end(failed.Code, fmt.Sprintf("%s; launch %d: %s", text, failed.Round+1, failed.Reason))
}
