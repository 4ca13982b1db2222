package worker

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"gpubench/internal/result"
)

// What the parent wanted and what the child did may cross: the child's own end
// counts where it came first.
func TestOutcomeOfARace(t *testing.T) {
	done := &Event{Event: EventDone, Stop: "precision"}
	for _, tt := range []struct {
		name   string
		end    string // shell words that end the process
		cause  error
		last   *Event
		status string
		code   string
		reason string
	}{
		{"done at the time limit", "exit 0", errTimeLimit, done, result.StatusOK, "", ""},
		{"done at the interruption", "exit 0", context.Canceled, done, result.StatusOK, "", ""},
		{"crashed at the time limit", "kill -SEGV $$", errTimeLimit, nil, result.StatusFailed, CodeSignal, "the process was killed by SIGSEGV while sampling"},
		{"killed at the time limit", "kill -KILL $$", errTimeLimit, nil, result.StatusFailed, CodeTimeLimit,
			"the process was ended by its time limit of 90 s while sampling; the driver may hang"},
		{"killed at the interruption", "kill -KILL $$", context.Canceled, nil, result.StatusFailed, CodeInterrupted,
			"the process was ended by the interruption of the run while sampling"},
		{"done, and killed before it exited", "kill -KILL $$", context.Canceled, done, result.StatusFailed, CodeInterrupted,
			"the process was ended by the interruption of the run after it was done"},
		{"done, but rubbish before", "exit 0", &protocolError{"printed rubbish"}, done, result.StatusFailed, CodeProtocol, "the process printed rubbish"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command("/bin/sh", "-c", tt.end)
			cmd.Run() // its error is in ProcessState
			e := ending{req: launch, limit: 90 * time.Second, cause: tt.cause, ended: true, state: cmd.ProcessState, last: tt.last, phase: "sampling", duration: 1}
			out := e.outcome()
			if out.Status != tt.status || out.Code != tt.code || out.Reason != tt.reason {
				t.Errorf("got %+v\nwant %s, code %q, reason %q", out, tt.status, tt.code, tt.reason)
			}
		})
	}
}
