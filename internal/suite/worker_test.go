package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gpubench/internal/measure"
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
	emit(worker.Event{Event: worker.EventSample, Sample: &result.Sample{HostS: 0.001, Dispatches: 1, Flags: []string{}}})
	emit(worker.Event{Event: worker.EventDone, Stop: "precision"})
	return nil
}

// Where the program in a container cannot list the devices of a backend, the others are
// there, and that one is known with its reason; --timeout goes inside.
func TestListingThatFailsInside(t *testing.T) {
	lost := measure.Unlisted{Backend: "vulkan", Code: worker.CodeSignal, Reason: "its devices could not be listed: killed by SIGSEGV"}
	text, err := json.Marshal(inside{Listing: measure.Listing{Devices: []result.Device{cpu}, Absent: []result.Absent{}, Failed: []measure.Unlisted{lost}},
		Host: result.Host{OS: "linux", CPU: result.CPU{Usable: 2}, DRI: []string{"/dev/dri/renderD128"}}})
	if err != nil {
		t.Fatal(err)
	}
	list := fmt.Sprintf("*' devices --json --timeout 7s') echo '%s'; echo 'gpubench: vulkan: killed' >&2; exit 1 ;;\n", text)
	standIn(t, "docker", dockerLinux+there+list+answers(t, cpu))
	rt := open(t.Context(), "docker", Options{Image: "i", Version: program, ListLimit: 7 * time.Second})
	if rt.Runner == nil || len(rt.Devices) != 1 || !slices.Equal(rt.Failed, []measure.Unlisted{lost}) {
		t.Errorf("%+v, devices %+v, failed %+v", rt.Report, rt.Devices, rt.Failed)
	}
	if rt.Fault != nil {
		t.Errorf("the same GPU is a fault twice: %+v", rt.Fault)
	}
	// An exit code without a failed backend is one of the engine.
	standIn(t, "docker", dockerLinux+there+"*' devices --json') echo '{}'; echo 'docker: no space left' >&2; exit 125 ;;\n"+answers(t, cpu))
	if rt := open(t.Context(), "docker", Options{Image: "i", Version: program}); rt.Runner != nil || !strings.Contains(rt.Report.Reason, "no space left") {
		t.Errorf("%+v", rt.Report)
	}
}
