package suite

import (
	"context"
	"fmt"
	"os"
	"testing"

	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// workerVariable makes the test binary the program in the image, for one launch: only a
// program that has read the request can seal its events.
const workerVariable = "GPUBENCH_SUITE_TEST_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) != "" {
		os.Exit(worker.Serve(launchInside))
	}
	os.Exit(m.Run())
}

func launchInside(_ context.Context, req worker.Request, emit func(worker.Event)) error {
	if req.Device != "cpu" {
		return fmt.Errorf("the device is %q", req.Device)
	}
	emit(worker.Event{Event: worker.EventPhase, Phase: worker.PhaseSample})
	emit(worker.Event{Event: worker.EventVerified, Verification: &result.Verification{Batches: 1, Dispatches: 1}})
	emit(worker.Event{Event: worker.EventSample, Sample: &result.Sample{HostS: 0.1, Dispatches: 1, Flags: []string{}}})
	emit(worker.Event{Event: worker.EventDone, Stop: "precision"})
	return nil
}
