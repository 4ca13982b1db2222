package launch

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"gpubench/internal/backend"
	"gpubench/internal/worker"
)

// Closing is a phase of its own, said once and before anything is closed, whatever has
// ended the work before it.
func TestClosingIsAPhase(t *testing.T) {
	failing := &backend.Error{Kind: backend.OutOfMemory, Text: "fake: allocate C"}
	for name, tt := range map[string]struct {
		fake fake
		req  worker.Request
	}{
		"a launch":                       {fake{}, launchRequest()},
		"an empty dispatch":              {fake{}, emptyRequest()},
		"a search":                       {fake{candidates: specs(3)}, searchRequest()},
		"a launch that cannot build":     {fake{buildErr: map[uint32]error{1: failing, 4: failing}}, launchRequest()},
		"a launch with a wrong result":   {fake{wrongElement: 95, wrongBatch: 4}, launchRequest()},
		"a device that does not close":   {fake{closeErr: failing}, launchRequest()},
		"a batch that fails in sampling": {fake{runErr: failing, errBatch: 30}, launchRequest()},
	} {
		f, closedBefore := tt.fake, -1
		if f.wrongBatch == 0 {
			f.wrongElement = -1
		}
		var got events
		synctest.Test(t, func(*testing.T) {
			Handle(context.Background(), &f, nil, tt.req, func(e worker.Event) { // an error is no part of this
				if got = append(got, e); e.Phase == worker.PhaseClose {
					closedBefore = f.closed
				}
			})
		})
		if n := strings.Count(got.kinds(), "phase close"); n != 1 {
			t.Errorf("%s: closing was said %d times: %s", name, n, got.kinds())
		}
		open := 1 // the device, and the program of a launch
		if strings.Contains(got.kinds(), "built") {
			open = 2
		}
		if f.closed-closedBefore != open {
			t.Errorf("%s: %d of %d things were closed after that was said", name, f.closed-closedBefore, open)
		}
	}
}
