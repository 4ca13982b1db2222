package launch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/disturb"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

var testRules = worker.Rules{WarmupS: 0.5, MinSamples: 10, MinTimeS: 0.5, Precision: 0.01, BatchS: 0.02, MaxTimeS: 6}

var small = backend.Problem{M: 20, N: 30, K: 10}

// exactBatches are those of a launch on the exact input; the normal one comes after.
const exactBatches = 3

type events []worker.Event

func (e events) kinds() string {
	var out []string
	for _, ev := range e {
		k := ev.Event
		if k == worker.EventPhase {
			k += " " + ev.Phase
		}
		if len(out) == 0 || out[len(out)-1] != k {
			out = append(out, k)
		}
	}
	return strings.Join(out, ", ")
}

func (e events) samples(kind string) (out []result.Sample) {
	for _, ev := range e {
		if ev.Event == kind {
			out = append(out, *ev.Sample)
		}
	}
	return out
}

func (e events) last(kind string) (last worker.Event) {
	for _, ev := range e {
		if ev.Event == kind {
			last = ev
		}
	}
	return last
}

// handled carries out a request in a bubble with a clock of its own, and with chances that are
// always the same.
func handled(t *testing.T, f *fake, req worker.Request) (out events, err error) {
	t.Helper()
	return handledContext(t, context.Background(), f, req)
}

func handledContext(t *testing.T, ctx context.Context, f *fake, req worker.Request) (out events, err error) {
	t.Helper()
	if f.wrongBatch == 0 {
		f.wrongElement = -1
	}
	synctest.Test(t, func(*testing.T) {
		err = handle(ctx, f, f.meters, rand.New(rand.NewPCG(1, 2)), req, func(e worker.Event) { out = append(out, e) })
	})
	return out, err
}

func launchRequest() worker.Request {
	return worker.Request{Op: worker.OpLaunch, Backend: "fake", Device: "fake:0", Problem: small, Seed: 1,
		Specialization: backend.Specialization{"T": 4}, Rules: testRules}
}

func TestDevices(t *testing.T) {
	got, err := handled(t, &fake{}, worker.Request{Op: worker.OpDevices, Backend: "fake"})
	if err != nil || got.kinds() != "device, done" || got[0].Device.ID != "fake:0" {
		t.Errorf("%v, %v", got, err)
	}
	// One that is asked for by its id is opened, and closed again.
	f := &fake{}
	got, err = handled(t, f, worker.Request{Op: worker.OpDevices, Backend: "fake", Device: "fake:0"})
	if err != nil || got.kinds() != "device, done" || got[0].Device.ID != "fake:0" || len(f.opened) != 1 || f.closed != 1 {
		t.Errorf("%v, %v; opened %v, closed %d", got, err, f.opened, f.closed)
	}
	got, err = handled(t, f, worker.Request{Op: worker.OpDevices, Backend: "fake", Device: "fake:9"})
	var none *backend.Error
	if !errors.As(err, &none) || none.Kind != backend.NoDevice || len(got) != 0 {
		t.Errorf("a device that does not exist: %v, %v", got, err)
	}
	got, err = handled(t, &fake{absent: true}, worker.Request{Op: worker.OpDevices, Backend: "fake"})
	var be *backend.Error
	if !errors.As(err, &be) || be.Kind != backend.Absent || be.Remedy != "install fake" || len(got) != 0 {
		t.Errorf("absent: %v, %v", got, err)
	}
}

func TestLaunch(t *testing.T) {
	f := &fake{}
	got, err := handled(t, f, launchRequest())
	if err != nil {
		t.Fatal(err)
	}
	if want := "opened, built, phase verify, verified, round-trip, phase warmup, verified, warmup, "; !strings.HasPrefix(got.kinds(), want) {
		t.Errorf("events: %s, want them to begin with %s", got.kinds(), want)
	}
	if want := "warmup, phase sample, verified, sample, "; !strings.Contains(got.kinds(), want) || !strings.HasSuffix(got.kinds(), ", verified, sample, phase prove, verified, phase close, done") {
		t.Errorf("events: %s, want %s among them and done last", got.kinds(), want)
	}
	kernel := got.last(worker.EventBuilt).Kernel
	want := &result.Kernel{Name: "matmul", Format: "f32", Accumulate: "f32", SPIRVSHA256: "5b1", Form: "go", FormSHA256: "60", Specialization: map[string]uint32{"T": 4}}
	if !reflect.DeepEqual(kernel, want) {
		t.Errorf("kernel %+v, want %+v", kernel, want)
	}

	samples, warmup := got.samples(worker.EventSample), got.samples(worker.EventWarmup)
	busy := 0.0
	for _, s := range warmup {
		busy += s.HostS
	}
	if busy < testRules.WarmupS {
		t.Errorf("warmed up for %g s, want %g", busy, testRules.WarmupS)
	}
	if warmup[0].Dispatches != 1 {
		t.Errorf("the first batch has %d dispatches: their time was not known yet", warmup[0].Dispatches)
	}
	total := 0.0
	for i, s := range samples {
		total += s.HostS
		if s.HostS < testRules.BatchS || s.Dispatches != samples[0].Dispatches || s.DeviceS != nil || s.Flags == nil {
			t.Errorf("sample %d: %+v", i, s)
		}
		if per := s.HostS / float64(s.Dispatches); math.Abs(per-0.001) > 1e-9 {
			t.Errorf("sample %d: %g s a dispatch, want 0.001", i, per)
		}
	}
	if len(samples) < testRules.MinSamples || total < testRules.MinTimeS || total > testRules.MinTimeS+0.05 {
		t.Errorf("%d samples of %g s together", len(samples), total)
	}
	if stop := got.last(worker.EventDone).Stop; stop != "precision" {
		t.Errorf("stopped by %q", stop)
	}

	v := got.last(worker.EventVerified).Verification
	dispatches := 0
	for _, s := range slices.Concat(warmup, samples) {
		dispatches += s.Dispatches
	}
	// The last batch is one dispatch alone.
	if v.Batches != exactBatches+len(warmup)+len(samples)+1 || v.Dispatches != 1+2*growth+dispatches+1 || v.Varied != 0 || v.Failed != 0 || v.Method != methodFull || v.Bound != normalBound(small.K) ||
		v.MaxError <= 0 || v.MaxError > v.Bound || !strings.HasPrefix(v.ExactChecksum, "sha256:") {
		t.Errorf("verification %+v of %d batches", v, exactBatches+len(warmup)+len(samples)+1)
	}
	if got.last(worker.EventRoundTrip).RoundTripS != 1e-5 || f.empties != emptyTrips+v.Batches-exactBatches {
		t.Errorf("round trip %v of %d empty dispatches", got.last(worker.EventRoundTrip).RoundTripS, f.empties)
	}
	if f.closed != 2 {
		t.Errorf("%d of program and device were closed", f.closed)
	}
}

func TestChecksumIsThatOfTheProduct(t *testing.T) {
	sums := map[string]bool{}
	for _, f := range []*fake{{}, {dispatchS: 1}, {jitter: true}} {
		got, err := handled(t, f, launchRequest())
		if err != nil {
			t.Fatal(err)
		}
		sums[got.last(worker.EventVerified).Verification.ExactChecksum] = true
	}
	a, b, _ := exactInput(small, 1)
	if want := checksum(multiply(small, a, b, nil)); len(sums) != 1 || !sums[want] {
		t.Errorf("checksums %v, want %s alone", sums, want)
	}
}

func TestLaunchesThatFail(t *testing.T) {
	oom := &backend.Error{Kind: backend.OutOfMemory, Text: "fake: allocate C"}
	for _, tt := range []struct {
		name string
		fake fake
		req  func(*worker.Request)
		kind backend.Kind
		text string // of the error
		bad  int    // failed batches in the totals
		ok   int    // good ones, where it matters
	}{
		{name: "wrong element on the exact input", fake: fake{wrongElement: 95, wrongBatch: 1}, kind: backend.WrongResult, text: "exact input: C[3,5] is ", bad: 1},
		{name: "wrong element on the normal input", fake: fake{wrongElement: 95, wrongBatch: 4}, kind: backend.WrongResult, text: "batch 4: C[3,5] is ", bad: 1, ok: 3},
		{name: "wrong element late", fake: fake{wrongElement: 95, wrongBatch: 30}, kind: backend.WrongResult, text: "batch 30: C[3,5] is ", bad: 1, ok: 29},
		{name: "unwritten tile", fake: fake{unwritten: func(_, i int) bool { return i/30 >= 16 && i%30 >= 16 }}, kind: backend.WrongResult, text: "exact input: C[16,16] was never written", bad: 1},
		{name: "last workgroup dropped in the fifth batch", fake: fake{unwritten: func(batch, i int) bool { return batch == 6 && i >= 590 }}, kind: backend.WrongResult, text: "batch 6: dispatch 1 of 25: C[19,20] was never written", bad: 1, ok: 5},
		{name: "a dispatch dropped", fake: fake{dropped: func(b backend.Batch, d, _ int) bool { return b.Dispatches == 25 && d == 6 }}, kind: backend.WrongResult,
			text: "batch 6: dispatch 7 of 25 was dropped: its part of C was never written", bad: 1, ok: 5},
		{name: "a dispatch dropped in ascending order", fake: fake{dropped: func(b backend.Batch, d, _ int) bool { return b.Dispatches == 25 && d == 6 && !b.Descending }}, kind: backend.WrongResult,
			text: "batch 7: dispatch 7 of 25 was dropped: its part of C was never written", bad: 1, ok: 6},
		{name: "the first dispatch dropped", fake: fake{dropped: func(b backend.Batch, d, _ int) bool { return b.Dispatches == 25 && d == 0 }}, kind: backend.WrongResult,
			text: "batch 6: dispatch 1 of 25 was dropped", bad: 1, ok: 5},
		{name: "the last dispatch dropped", fake: fake{dropped: func(b backend.Batch, d, _ int) bool { return b.Dispatches == 25 && d == 24 }}, kind: backend.WrongResult,
			text: "batch 6: dispatch 25 of 25 was dropped", bad: 1, ok: 5},
		{name: "the last four dispatches dropped in ascending order", fake: fake{dropped: func(b backend.Batch, d, _ int) bool { return b.Dispatches == 25 && d > 20 && !b.Descending }}, kind: backend.WrongResult,
			text: "batch 7: dispatch 22 of 25 was dropped", bad: 1, ok: 6},
		{name: "a dispatch dropped on the exact input", fake: fake{dropped: func(b backend.Batch, d, _ int) bool { return b.Dispatches == 10 && d == 5 && !b.Descending }}, kind: backend.WrongResult,
			text: "exact input: dispatch 6 of 10 was dropped", bad: 1, ok: 2},
		{name: "the last workgroup of a dispatch", fake: fake{dropped: func(b backend.Batch, d, i int) bool { return b.Dispatches == 25 && d == 3 && i >= 590 }}, kind: backend.WrongResult,
			text: "batch 6: dispatch 4 of 25: C[19,20] was never written", bad: 1, ok: 5},
		{name: "the first workgroup of a dispatch", fake: fake{dropped: func(b backend.Batch, d, i int) bool { return b.Dispatches == 25 && d == 3 && i < 10 }}, kind: backend.WrongResult,
			text: "batch 7: dispatch 4 of 25: C[0,0] was never written", bad: 1, ok: 6},
		{name: "a wrong element of a dispatch", fake: fake{value: func(b backend.Batch, d, i int, v float32) float32 {
			if b.Dispatches == 25 && d == 3 && i == 35 {
				v++
			}
			return v
		}}, kind: backend.WrongResult, text: "batch 7: dispatch 4 of 25: C[1,5] is ", bad: 1, ok: 6},
		{name: "a write before C", fake: fake{stray: -1}, kind: backend.WrongResult, text: "exact input: the batch wrote outside of C, at index -1 (C has 600 elements)", bad: 1},
		{name: "a write far before C", fake: fake{stray: -64}, kind: backend.WrongResult, text: "exact input: the batch wrote outside of C, at index -64 (C has 600 elements)", bad: 1},
		{name: "a write after C", fake: fake{stray: 1}, kind: backend.WrongResult, text: "exact input: the batch wrote outside of C, at index 600 (C has 600 elements)", bad: 1},
		{name: "a write far after C", fake: fake{stray: 64}, kind: backend.WrongResult, text: "exact input: the batch wrote outside of C, at index 663 (C has 600 elements)", bad: 1},
		{name: "the empty dispatch writes", fake: fake{scribble: true}, kind: backend.WrongResult, text: "the empty dispatch wrote into C"},
		{name: "the empty dispatch loses the device", fake: fake{emptyErr: errDeviceLost}, kind: backend.DeviceLost, text: "empty dispatch: fake: wait for fence", ok: exactBatches},
		{name: "nothing written", fake: fake{unwritten: func(_, _ int) bool { return true }}, kind: backend.WrongResult, text: "exact input: C[0,0] was never written", bad: 1},
		{name: "tf32", fake: fake{rounding: roundTo(11)}, kind: backend.WrongResult, text: "batch 4: C[0,", bad: 1, ok: 3},
		{name: "build fails", fake: fake{buildErr: map[uint32]error{4: backend.Errorf(backend.Failed, "fake: compile: bad")}}, kind: backend.Failed, text: "build: fake: compile: bad"},
		{name: "limit", fake: fake{buildErr: map[uint32]error{4: backend.Errorf(backend.Limit, "fake: T is 4, the device has 2")}}, kind: backend.Limit, text: "build: fake: T is 4"},
		{name: "out of memory", fake: fake{loadErr: oom}, kind: backend.OutOfMemory, text: "load A and B: fake: allocate C"},
		{name: "device lost while verifying", fake: fake{runErr: errDeviceLost, errBatch: 1}, kind: backend.DeviceLost, text: "exact input: run 1 dispatches: fake: wait for fence: device lost: VK_ERROR_DEVICE_LOST"},
		{name: "device lost in mid-run", fake: fake{runErr: errDeviceLost, errBatch: 40}, kind: backend.DeviceLost, text: "batch 40: run 25 dispatches: fake: wait for fence", ok: 39},
		{name: "host clock stands still", fake: fake{dispatchS: math.SmallestNonzeroFloat64, warming: func(int) float64 { return 0 }}, kind: backend.Failed, text: "host clock: a batch of 16384 dispatches took 0 s: it stands still", ok: 9},
		{name: "host clock goes back", fake: fake{warming: func(int) float64 { return -1 }}, kind: backend.Failed, text: "exact input: host clock: a batch of 1 dispatches took -0.001 s"},
		{name: "closing fails", fake: fake{closeErr: errDeviceLost}, kind: backend.DeviceLost, text: "close the device: fake: wait"},
		{name: "no such device", req: func(r *worker.Request) { r.Device = "fake:9" }, kind: backend.NoDevice, text: `fake: there is no device "fake:9"`},
		{name: "empty problem", req: func(r *worker.Request) { r.Problem.K = 0 }, kind: backend.Limit, text: "problem 20x30x0: every dimension must be at least 1"},
		{name: "problem too large", req: func(r *worker.Request) { r.Problem = backend.Problem{M: 1 << 17, N: 1, K: 1 << 17} }, kind: backend.Limit, text: "problem 131072x1x131072: matrix A has more than 2^32 - 1 elements"},
		{name: "rules", req: func(r *worker.Request) { r.Rules.BatchS = 0 }, kind: backend.Failed, text: "launch: the rules make no sense"},
		{name: "operation", req: func(r *worker.Request) { r.Op = "dance" }, kind: backend.Failed, text: `launch: unknown operation "dance" on the kernel "matmul"`},
		{name: "search for the empty kernel", req: func(r *worker.Request) { r.Op, r.Kernel = worker.OpSearch, backend.KernelEmpty }, kind: backend.Failed, text: `launch: unknown operation "search" on the kernel "empty"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := launchRequest()
			if tt.req != nil {
				tt.req(&req)
			}
			got, err := handled(t, &tt.fake, req)
			if err == nil || kindOf(err) != tt.kind || !strings.HasPrefix(err.Error(), tt.text) {
				t.Errorf("%v of kind %s, want %s... of kind %s", err, kindOf(err), tt.text, tt.kind)
			}
			if got.last(worker.EventDone).Event != "" {
				t.Error("a launch that failed said that it was done")
			}
			v := got.last(worker.EventVerified).Verification
			if v == nil {
				v = &result.Verification{}
			}
			if v.Failed != tt.bad || tt.ok > 0 && v.Batches != tt.ok+tt.bad {
				t.Errorf("verification counts %d of %d batches as failed, want %d of %d", v.Failed, v.Batches, tt.bad, tt.ok+tt.bad)
			}
			// What was measured before is there, and nothing of the failed batch.
			if n := len(got.samples(worker.EventWarmup)) + len(got.samples(worker.EventSample)); n > max(0, v.Batches-v.Failed-1) {
				t.Errorf("%d samples from %d good batches", n, v.Batches-v.Failed)
			}
		})
	}
}

// Other last bits, in all of a batch or in one of its dispatches, are not wrong, but
// each is checked in full, and the batch is counted.
func TestVaryingResultsAreCounted(t *testing.T) {
	for _, f := range []*fake{{jitter: true}, {value: func(b backend.Batch, d, i int, v float32) float32 {
		if b.Descending && d == 2 && i == small.M*small.N-1 && v != float32(math.Trunc(float64(v))) {
			v = math.Float32frombits(math.Float32bits(v) ^ 1)
		}
		return v
	}}} {
		got, err := handled(t, f, launchRequest())
		if err != nil {
			t.Fatal(err)
		}
		// The exact input has no last bits, and the first batch on the normal one has one
		// dispatch, as has the last. Of those between the even ones, counted from 1, are descending.
		v := got.last(worker.EventVerified).Verification
		want := (v.Batches-1)/2 - (exactBatches+1)/2
		if f.jitter {
			want = (v.Batches+1)/2 - (exactBatches+1)/2
		}
		if v.Varied != want {
			t.Errorf("jitter %v: %d of %d batches varied", f.jitter, v.Varied, v.Batches)
		}
		if v.Failed != 0 || v.MaxError > v.Bound {
			t.Errorf("verification %+v", v)
		}
	}
}

// Drivers that answer without doing the work, each in its own way: none gives a number.
func TestDriversThatDoNotDoTheWork(t *testing.T) {
	middle := func(i int) bool { return i >= backend.Stagger && i < small.M*small.N-backend.Stagger }
	for _, tt := range []struct {
		name string
		fake fake
		text string
	}{
		{"the middle of all dispatches but the last is missing", fake{dropped: func(b backend.Batch, d, i int) bool { return d < b.Dispatches-1 && middle(i) }}, "exact input: C[2,4] is "},
		{"the middle of every other dispatch is missing", fake{dropped: func(b backend.Batch, d, i int) bool { return d%2 == 0 && d < b.Dispatches-1 && middle(i) }}, "exact input: "},
		{"the middle of one dispatch is missing", fake{dropped: func(b backend.Batch, d, i int) bool { return d == 3 && d < b.Dispatches-1 && middle(i) }}, "dispatch 4 of "},
		{"the products of the first A are remembered", fake{stale: func(batch int) bool { return batch > 6 }}, "C["},
		{"the first dispatch of a batch is computed and the others are copied", fake{copying: 0.1}, "a dispatch takes 0.001 s alone, at best of 10, and 0.0001"},
		{"fill and dispatch of single ones are lost", fake{dispatchS: 0.05, lost: func(batch int) bool { return batch > 6 }}, ""},
		{"only the fill and every second one are lost", fake{dispatchS: 0.05, lost: func(batch int) bool { return batch > 6 && batch%2 == 0 }}, ""},
		{"fill and dispatches are lost", fake{lost: func(batch int) bool { return batch > 6 }}, ""},
		{"the fence is seen before the last dispatch has written", fake{early: func(int) bool { return true }}, "exact input: the fence signalled before the batch was finished"},
		{"the fence is early once", fake{early: func(batch int) bool { return batch == 20 }}, "batch 20: the fence signalled before the batch was finished"},
		{"the fence is early and the results are there", fake{dispatchS: 1e-4, behindS: func(int) float64 { return 0.01 }}, "the fence signals before a batch is finished"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := handled(t, &tt.fake, launchRequest())
			if kindOf(err) != backend.WrongResult || err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%v, want a wrong result and %q", err, tt.text)
			}
			if got.last(worker.EventDone).Event != "" {
				t.Error("the launch said that it was done")
			}
		})
	}
}

// Where a neighbour holds up what is submitted behind some batches, these say so, and the launch
// is good.
func TestSamplesThatMayBeEarlyAreFlagged(t *testing.T) {
	f := &fake{behindS: func(batch int) float64 {
		if batch%4 == 0 {
			return 0.01
		}
		return 0
	}}
	got, err := handled(t, f, launchRequest())
	if err != nil {
		t.Fatal(err)
	}
	flagged, samples := 0, got.samples(worker.EventSample)
	for _, s := range samples {
		if slices.Contains(s.Flags, flagEarly) {
			flagged++
		}
	}
	if flagged < len(samples)/4 || flagged > len(samples)/4+1 {
		t.Errorf("%d of %d samples are flagged", flagged, len(samples))
	}
}

// Of a large C the traces, the place apart and what surrounds them are read each time, and of the
// rest a part that is another one each time; a fault in what is read is seen.
func TestPartsOfALargeC(t *testing.T) {
	p := backend.Problem{M: 700, N: 500, K: 1}
	size := p.M * p.N
	program := &fakeProgram{f: &fake{}, p: p, region: make([]float32, p.MaxRegion())}
	s := &session{random: rand.New(rand.NewPCG(1, 2))}
	b := newBench(s, program, p)
	a, x, err := exactInput(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.load(a, x, newExactChecker(p, a, x)); err != nil {
		t.Fatal(err)
	}
	s.disturbances = disturb.Open()
	defer s.disturbances.Close()
	s.ctx = t.Context()
	if _, err := b.batch(1); err != nil {
		t.Fatal(err)
	}
	for _, descending := range []bool{false, true} {
		order := backend.Batch{Dispatches: 5, Descending: descending, Apart: 3}
		if err := b.fill(order); err != nil {
			t.Fatal(err)
		}
		if _, err := program.Run(order); err != nil {
			t.Fatal(err)
		}
		b.verifier.filled = b.filled
		verify := func() error {
			if err := b.read(order); err != nil {
				t.Fatal(err)
			}
			_, _, err := b.verifier.verify(b.region, order)
			return err
		}
		for range 20 {
			if err := verify(); err != nil {
				t.Fatal(err)
			}
		}
		read := 0
		for _, part := range b.parts(order) {
			read += part[1] - part[0]
		}
		if most := size + size/partOf + 20*backend.Stagger; read > most {
			t.Errorf("%+v: %d elements are read, want %d at most", order, read, most)
		}
		own, last := p.Place(order, 2), p.Place(order, 4)
		for name, at := range map[string]int{"the guard": 3, "the first trace": backend.Stagger + 3, "the end of the last C": p.Shared(4) - backend.Stagger - 1,
			"behind the last C": p.Shared(4) - 1, "the place apart": own, "its middle": own + size/2, "its end": own + size - 1, "behind it": own + size} {
			was := program.region[at]
			program.region[at] = 0.5
			if err := verify(); kindOf(err) != backend.WrongResult {
				t.Errorf("%+v, %s: %v", order, name, err)
			}
			program.region[at] = was
		}
		seen := 0
		program.region[last+size/2] = 0.5
		for range 200 {
			if verify() != nil {
				seen++
			}
		}
		if seen < 3 || seen > 40 {
			t.Errorf("%+v: a wrong element in the middle of the last C was seen %d times in 200, want 12 or so", order, seen)
		}
	}
}

// A remembered product would be right for the same signs only; in the launches of any number of
// rows, no state of the signs comes again soon, nor is that of two batches before the one of now.
func TestSignsDoNotComeAgain(t *testing.T) {
	for _, rows := range []int{1, 2, 3, 15, 16, 32, 1024} {
		s := &session{random: rand.New(rand.NewPCG(1, 2))}
		p := backend.Problem{M: rows, N: 1, K: 1}
		b := newBench(s, &fakeProgram{f: &fake{}, p: p, a: make([]float32, rows)}, p)
		if err := b.load(slices.Repeat([]float32{1}, rows), []float32{1}, nil); err != nil {
			t.Fatal(err)
		}
		b.verifier.good = make([]float32, rows)
		seen, again, before := map[string]bool{}, 0, [2]string{}
		for range 200 {
			if err := b.vary(); err != nil {
				t.Fatal(err)
			}
			state := fmt.Sprint(b.verifier.signs)
			if state == before[0] || state == before[1] {
				again++
			}
			seen[state], before = true, [2]string{before[1], state}
		}
		if least := min(1<<min(rows, 10), 150); len(seen) < least && rows != 15 || rows >= 15 && again > 30 {
			t.Errorf("%d rows: %d states of the signs in 200 batches, %d times one of the two before", rows, len(seen), again)
		}
	}
}

func TestDeviceClock(t *testing.T) {
	device := func(f func(float64) float64) func(float64) *float64 {
		return func(host float64) *float64 { d := f(host); return &d }
	}
	for _, tt := range []struct {
		name   string
		clock  func(float64) *float64
		flags  []string
		absent bool
	}{
		{name: "none", absent: true, flags: []string{}},
		{name: "right", clock: device(func(h float64) float64 { return 0.98 * h }), flags: []string{}},
		{name: "the same", clock: device(func(h float64) float64 { return h }), flags: []string{}},
		{name: "rate differs by 0.05 %", clock: device(func(h float64) float64 { return 1.0005 * h }), flags: []string{}},
		{name: "zero", clock: device(func(h float64) float64 { return 0 }), flags: []string{"device-zero"}},
		{name: "backwards", clock: device(func(h float64) float64 { return -h }), flags: []string{"device-zero"}},
		{name: "too long", clock: device(func(h float64) float64 { return 1.1 * h }), flags: []string{"device-longer-than-host"}},
		{name: "nearly as long", clock: device(func(h float64) float64 { return 0.81 * h }), flags: []string{}},
		{name: "too short", clock: device(func(h float64) float64 { return 0.79 * h }), flags: []string{"device-short"}},
		{name: "not a number", clock: device(func(h float64) float64 { return math.NaN() }), absent: true, flags: []string{"device-invalid"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := handled(t, &fake{deviceS: tt.clock}, launchRequest())
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range got.samples(worker.EventSample) {
				// What disturbs this machine is none of the fake's.
				flags := slices.DeleteFunc(s.Flags, func(f string) bool {
					return slices.Contains([]string{disturb.Preempted, disturb.Throttled, disturb.Stolen, disturb.Paged}, f)
				})
				if !reflect.DeepEqual(flags, tt.flags) {
					t.Fatalf("flags %v, want %v", flags, tt.flags)
				}
				if (s.DeviceS == nil) != tt.absent {
					t.Fatalf("device seconds %v", s.DeviceS)
				}
				if s.DeviceS != nil && *s.DeviceS != *tt.clock(s.HostS) {
					t.Fatalf("the raw reading %v became %v", *tt.clock(s.HostS), *s.DeviceS)
				}
			}
		})
	}
}

// What the round trip takes of the host's time is not missing from the device's.
func TestShortBatchesMayHaveLittleDeviceTime(t *testing.T) {
	for _, tt := range []struct {
		host, device, roundTrip float64
		want                    string
	}{
		{0.100, 0.079, 0.001, ""},
		{0.100, 0.078, 0.001, "device-short"},
		{0.010, 0.004, 0.004, "short"},
		{0.010, 0.0015, 0.004, "short device-short"},
		{0.0999, 0.09, 0.001, "short"},
		{0.1001, 0.09, 0.001, ""},
		{0.01, 0, 0.001, "short device-zero"},
		{0.01, 0.02, 0.001, "short device-longer-than-host"},
	} {
		if got := newSample(backend.Timing{HostS: tt.host, DeviceS: &tt.device}, 1, tt.roundTrip); strings.Join(got.Flags, " ") != tt.want {
			t.Errorf("host %g s, device %g s, round trip %g s: flags %v, want %q", tt.host, tt.device, tt.roundTrip, got.Flags, tt.want)
		}
	}
}

// A device that needs seconds for a dispatch gets its two samples all the same.
func TestTimeLimitLeavesTwoSamples(t *testing.T) {
	req := launchRequest()
	req.Rules.MaxTimeS = 3
	got, err := handled(t, &fake{dispatchS: 4}, req)
	if err != nil {
		t.Fatal(err)
	}
	warmup, samples := got.samples(worker.EventWarmup), got.samples(worker.EventSample)
	if len(warmup) != 1 || len(samples) != leastSamples || got.last(worker.EventDone).Stop != worker.StopTimeLimit {
		t.Errorf("%d warm-up batches, %d samples, stopped by %q", len(warmup), len(samples), got.last(worker.EventDone).Stop)
	}
}

// Noise that never settles is cut off by the limit, in the warm-up as in sampling.
func TestTimeLimitEndsANoisyLaunch(t *testing.T) {
	noise := func(batch int) float64 { return 1 + float64(batch*batch%17) + float64(batch)/8 }
	var got events
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := Handle(context.Background(), &fake{dispatchS: 0.01, warming: noise, wrongElement: -1}, nil, launchRequest(), func(e worker.Event) { got = append(got, e) })
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start).Seconds(); took > testRules.MaxTimeS+0.5 || took < 0.7*testRules.MaxTimeS {
			t.Errorf("the launch took %g s with a limit of %g", took, testRules.MaxTimeS)
		}
	})
	if stop := got.last(worker.EventDone).Stop; stop != worker.StopTimeLimit {
		t.Errorf("stopped by %q", stop)
	}
	busy := 0.0
	for _, s := range got.samples(worker.EventWarmup) {
		busy += s.HostS
	}
	if busy > warmupShare*testRules.MaxTimeS {
		t.Errorf("the warm-up took %g s", busy)
	}
}

// A clock that ramps up is waited for: no sample is taken before two windows agree.
func TestWarmUpWaitsForTheClock(t *testing.T) {
	ramp := func(batch int) float64 { return 1 + 3*math.Exp(-float64(batch)/20) }
	got, err := handled(t, &fake{warming: ramp}, launchRequest())
	if err != nil {
		t.Fatal(err)
	}
	first := 1 + len(got.samples(worker.EventWarmup)) + 1
	if ramp(first-windowLen)/ramp(first) > 1+2*agreement {
		t.Errorf("sampling began at batch %d, where the clock is still at %.0f %%", first, 100/ramp(first))
	}
	steady, err := handled(t, &fake{}, launchRequest())
	if err != nil {
		t.Fatal(err)
	}
	if a, b := len(got.samples(worker.EventWarmup)), len(steady.samples(worker.EventWarmup)); a <= b {
		t.Errorf("the warm-up took %d batches with a ramp and %d without", a, b)
	}
}

func TestFastDispatchesAreBatched(t *testing.T) {
	got, err := handled(t, &fake{dispatchS: 2e-6}, launchRequest())
	if err != nil {
		t.Fatal(err)
	}
	before := 1
	for _, s := range got.samples(worker.EventWarmup) {
		if s.Dispatches > growth*before {
			t.Fatalf("a batch of %d dispatches after one of %d", s.Dispatches, before)
		}
		before = s.Dispatches
	}
	for _, s := range got.samples(worker.EventSample) {
		if s.HostS < testRules.BatchS || s.HostS > 1.3*testRules.BatchS {
			t.Fatalf("a batch lasts %g s, want %g and not much more", s.HostS, testRules.BatchS)
		}
	}
}

// A batch is as long as a hundred empty round trips, and where the most dispatches are
// shorter than that its samples say so.
func TestBatchesHideTheRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		roundTrip, dispatch, least float64
		short                      bool
	}{
		{1e-5, 1e-3, 0.02, false},
		{1e-3, 1e-3, 0.1, false},
		{1e-3, 1e-6, 0.016384, true},
	} {
		got, err := handled(t, &fake{emptyS: tt.roundTrip, dispatchS: tt.dispatch}, launchRequest())
		if err != nil {
			t.Fatal(err)
		}
		if at := got.last(worker.EventRoundTrip).RoundTripS; at != tt.roundTrip {
			t.Errorf("round trip %g s, want %g", at, tt.roundTrip)
		}
		for _, s := range got.samples(worker.EventSample) {
			if s.HostS < tt.least || s.HostS > 1.3*tt.least || slices.Contains(s.Flags, "short") != tt.short {
				t.Fatalf("round trip %g s: a batch of %d dispatches takes %g s, want %g; flags %v, want short among them: %v", tt.roundTrip, s.Dispatches, s.HostS, tt.least, s.Flags, tt.short)
			}
		}
	}
}

func emptyRequest() worker.Request {
	r := launchRequest()
	r.Kernel, r.Problem, r.Specialization = backend.KernelEmpty, backend.Problem{}, nil
	return r
}

func TestEmptyKernel(t *testing.T) {
	f := &fake{candidates: specs(3), deviceS: func(host float64) *float64 { return &host }}
	got, err := handled(t, f, emptyRequest())
	if err != nil {
		t.Fatal(err)
	}
	if want := "opened, built, phase verify, verified, phase warmup, warmup, phase sample, sample, phase close, done"; got.kinds() != want {
		t.Errorf("events: %s, want %s", got.kinds(), want)
	}
	if k := got.last(worker.EventBuilt).Kernel; k.Name != "empty" || k.SPIRVSHA256 != "5b1" || k.Specialization["T"] != 1 {
		t.Errorf("kernel %+v", k)
	}
	if len(f.built) != 1 || f.built[0] != "64x64x64" || f.batches != exactBatches || f.closed != 2 {
		t.Errorf("built %v, %d batches, %d closed", f.built, f.batches, f.closed)
	}
	v := got.last(worker.EventVerified).Verification
	if v.Batches != exactBatches || v.Failed != 0 || v.ExactChecksum == "" || v.Method != "" {
		t.Errorf("verification %+v", v)
	}
	empties, busy := 0, 0.0
	for _, s := range got.samples(worker.EventWarmup) {
		empties += s.Dispatches
		busy += s.HostS
	}
	samples := got.samples(worker.EventSample)
	if busy < testRules.WarmupS || f.empties != empties+len(samples) {
		t.Errorf("%d empty dispatches, of them %d in %g s of warming up and %d samples", f.empties, empties, busy, len(samples))
	}
	for _, s := range samples {
		if s.Dispatches != 1 || s.HostS != 1e-5 || s.DeviceS != nil || len(s.Flags) != 0 {
			t.Fatalf("sample %+v", s)
		}
	}
	if stop := got.last(worker.EventDone).Stop; len(samples) != leastEmptySamples || stop != "precision" {
		t.Errorf("%d samples, stopped by %q", len(samples), stop)
	}

	// Noise that no rule calls settled ends with the most samples, or with the time.
	for _, tt := range []struct {
		rules worker.Rules
		stop  string
		n     int
	}{
		{worker.Rules{WarmupS: 0.5, MinSamples: 10 * mostEmptySamples, MinTimeS: 0.5, Precision: 0.01, BatchS: 0.02, MaxTimeS: 6}, worker.StopSamples, mostEmptySamples},
		{worker.Rules{WarmupS: 0.5, MinSamples: 10 * mostEmptySamples, MinTimeS: 0.5, Precision: 0.01, BatchS: 0.02, MaxTimeS: 0.5}, worker.StopTimeLimit, 0},
	} {
		req := emptyRequest()
		req.Rules = tt.rules
		got, err := handled(t, &fake{emptyS: 1e-3}, req)
		if n := len(got.samples(worker.EventSample)); err != nil || got.last(worker.EventDone).Stop != tt.stop || tt.n > 0 && n != tt.n || n < leastSamples {
			t.Errorf("%v, %d samples, stopped by %q, want %q", err, n, got.last(worker.EventDone).Stop, tt.stop)
		}
	}

	// One that does not work has no round trip.
	_, err = handled(t, &fake{wrongElement: 1, wrongBatch: 1}, emptyRequest())
	if kindOf(err) != backend.WrongResult || !strings.HasPrefix(err.Error(), "exact input: C[0,1] is ") {
		t.Errorf("%v, want a wrong result", err)
	}
	_, err = handled(t, &fake{emptyErr: errDeviceLost}, emptyRequest())
	if kindOf(err) != backend.DeviceLost || !strings.HasPrefix(err.Error(), "empty dispatch: fake: wait") {
		t.Errorf("%v, want a lost device", err)
	}
}

func TestInterruptionEndsALaunch(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	f := &fake{}
	f.before = func() {
		if f.batches == 7 {
			cancel()
		}
	}
	got, err := handledContext(t, ctx, f, launchRequest())
	if !errors.Is(err, context.Canceled) || f.batches != 7 {
		t.Errorf("%v after %d batches", err, f.batches)
	}
	if n := len(got.samples(worker.EventWarmup)); n != 7-exactBatches {
		t.Errorf("%d warm-up samples of the %d were emitted", n, 7-exactBatches)
	}
}

func searchRequest() worker.Request {
	r := launchRequest()
	r.Op, r.Specialization = worker.OpSearch, nil
	return r
}

func specs(n int) (out []backend.Specialization) {
	for i := range n {
		out = append(out, backend.Specialization{"T": uint32(i + 1)})
	}
	return out
}

// line is a candidate in one line.
func line(c *result.Candidate) string {
	s := strings.TrimSpace(fmt.Sprintf("T=%d %s %s", c.Specialization["T"], c.Status, c.Code))
	if c.BestS > 0 {
		s += fmt.Sprintf(" %.3g s on %s", c.BestS, c.Problem)
	}
	if c.Reason != "" {
		s += ": " + c.Reason
	}
	return s
}

func TestSearch(t *testing.T) {
	lost := map[uint32]error{3: errDeviceLost}
	for _, tt := range []struct {
		name string
		fake fake
		want string
		err  string
		kind backend.Kind
	}{
		{
			name: "all are tried, in order",
			fake: fake{candidates: specs(3), secondsOf: func(t uint32) float64 { return []float64{3e-3, 1e-3, 2e-3}[t-1] }},
			want: "T=1 ok 0.003 s on 20x30x10\nT=2 ok 0.001 s on 20x30x10\nT=3 ok 0.002 s on 20x30x10",
		},
		{
			name: "the only one is verified too",
			fake: fake{},
			want: "T=1 ok 0.001 s on 20x30x10",
		},
		{
			name: "a wrong result is never chosen, however fast",
			fake: fake{candidates: specs(2), wrongBatch: 1, wrongElement: 31, wrongT: 2, secondsOf: func(t uint32) float64 { return 1e-3 / float64(t*t) }},
			want: "T=1 ok 0.001 s on 20x30x10\nT=2 failed wrong-result: C[1,1] is 1343231, should be 1343230 (error 1, bound 0)",
		},
		{
			name: "wrong in a later batch only",
			fake: fake{candidates: specs(2), wrongBatch: 3, wrongElement: 31, wrongT: 2, secondsOf: func(t uint32) float64 { return 1e-3 / float64(t*t) }},
			want: "T=1 ok 0.001 s on 20x30x10\nT=2 failed wrong-result: dispatch 1 of 10: C[1,1] is 1343231, should be 1343230 (error 1, bound 0)",
		},
		{
			name: "limits and failures are passed over",
			fake: fake{candidates: specs(3), buildErr: map[uint32]error{1: backend.Errorf(backend.Limit, "fake: too wide"), 3: backend.Errorf(backend.Failed, "fake: no")}},
			want: "T=1 unsupported limit: build: fake: too wide\nT=2 ok 0.001 s on 20x30x10\nT=3 failed failed: build: fake: no",
		},
		{
			name: "a lost device ends the search with what it has",
			fake: fake{candidates: specs(4), buildErr: lost},
			want: "T=1 ok 0.001 s on 20x30x10\nT=2 ok 0.001 s on 20x30x10\nT=3 failed device-lost: build: fake: wait for fence: device lost: VK_ERROR_DEVICE_LOST\nT=4 skipped: the device was lost before",
		},
		{
			name: "all fail",
			fake: fake{candidates: specs(2), buildErr: map[uint32]error{1: backend.Errorf(backend.Limit, "fake: too wide"), 2: backend.Errorf(backend.OutOfMemory, "fake: no")}},
			want: "T=1 unsupported limit: build: fake: too wide\nT=2 failed out-of-memory: build: fake: no",
			err:  "none of 2 specializations works: build: fake: too wide", kind: backend.Limit,
		},
		{
			name: "a wrong result outweighs other failures",
			fake: fake{candidates: specs(2), buildErr: map[uint32]error{1: backend.Errorf(backend.Limit, "fake: too wide")}, wrongBatch: 1},
			want: "T=1 unsupported limit: build: fake: too wide\nT=2 failed wrong-result: C[0,0] is 3108970, should be 3108969 (error 1, bound 0)",
			err:  "none of 2 specializations works: C[0,0] is ", kind: backend.WrongResult,
		},
		{
			name: "the problem exceeds a limit",
			fake: fake{limit: true},
			err:  "fake: problem 20x30x10 exceeds maxFakeSize", kind: backend.Limit,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := handled(t, &tt.fake, searchRequest())
			if (err == nil) != (tt.err == "") || err != nil && (!strings.HasPrefix(err.Error(), tt.err) || kindOf(err) != tt.kind) {
				t.Errorf("error %v, want %q of kind %s", err, tt.err, tt.kind)
			}
			if text := strings.Join(got.tried(t), "\n"); text != tt.want {
				t.Errorf("got\n%s\nwant\n%s", text, tt.want)
			}
		})
	}
}

// Large problems are searched on a smaller one of their shape, whose size depends on what
// the device is; only one that is much slower than its class gets a smaller one.
func TestSearchSize(t *testing.T) {
	large := backend.Problem{M: 640, N: 640, K: 640}
	for _, tt := range []struct {
		name string
		fake fake
		p    backend.Problem
		want []string // problems that were built
	}{
		{"as its class", fake{candidates: specs(2), dispatchS: 1e-5}, large, []string{"160x320x320", "320x640x640", "320x640x640"}},
		{"slow", fake{candidates: specs(2), dispatchS: 0.1}, large, []string{"160x320x320", "160x320x320", "160x320x320"}},
		{"small", fake{candidates: specs(2), dispatchS: 0.5}, small, []string{"20x30x10", "20x30x10"}},
		{"flat", fake{candidates: specs(2), dispatchS: 0.001}, backend.Problem{M: 2, N: 1, K: 1<<24 - 1}, []string{"2x1x8388608", "2x1x16777215", "2x1x16777215"}},
		{"nothing to choose", fake{dispatchS: 0.5}, large, []string{"320x640x640"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := searchRequest()
			req.Problem = tt.p
			got, err := handled(t, &tt.fake, req)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(tt.fake.built, tt.want) {
				t.Errorf("built %v, want %v", tt.fake.built, tt.want)
			}
			if c := got.last(worker.EventTried).Candidate; c.Problem != tt.want[len(tt.want)-1] {
				t.Errorf("%+v", c)
			}
		})
	}
}

// What the parent asks for is tried as it is: no other candidate, order or problem.
func TestSearchOfTheParentsCandidates(t *testing.T) {
	f := &fake{candidates: specs(3), dispatchS: 1e-5}
	req := searchRequest()
	req.Problem = backend.Problem{M: 640, N: 640, K: 640} // twice what the class would get
	req.Candidates = []backend.Specialization{{"T": 3}, {"T": 1}}
	got, err := handled(t, f, req)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"640x640x640", "640x640x640"}; !reflect.DeepEqual(f.built, want) {
		t.Errorf("built %v, want %v", f.built, want)
	}
	if lines := strings.Join(got.tried(t), "|"); lines != "T=3 ok 1e-05 s on 640x640x640|T=1 ok 1e-05 s on 640x640x640" {
		t.Errorf("tried %s", lines)
	}
}

func TestTrialSize(t *testing.T) {
	for _, tt := range []struct {
		device result.Device
		want   uint64
	}{
		{result.Device{Class: result.ClassCPU, Threads: 2}, 1 << 31},
		{result.Device{Class: result.ClassCPU, Software: true}, 1 << 27},
		{result.Device{Class: result.ClassVirtual, Software: true}, 1 << 27},
		{result.Device{Class: result.ClassIntegrated}, 1 << 31},
		{result.Device{Class: result.ClassDiscrete}, 1 << 34},
		{result.Device{Class: result.ClassVirtual}, 1 << 31},
	} {
		if got := trialMACs(tt.device); got != tt.want {
			t.Errorf("%+v: %d", tt.device, got)
		}
	}
}

func TestAgreeing(t *testing.T) {
	all := []backend.Specialization{{"A": 1, "B": 1}, {"A": 2, "B": 1}, {"A": 2, "B": 2}}
	for _, tt := range []struct {
		pinned backend.Specialization
		want   []backend.Specialization
	}{
		{nil, all},
		{backend.Specialization{"A": 2}, all[1:]},
		{backend.Specialization{"A": 2, "B": 2}, all[2:]},
		{backend.Specialization{"B": 7}, []backend.Specialization{{"A": 1, "B": 7}}},
		{backend.Specialization{"C": 0}, []backend.Specialization{{"A": 1, "B": 1, "C": 0}}},
	} {
		if got := agreeing(all, tt.pinned); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.pinned, got, tt.want)
		}
	}
	if len(all[0]) != 2 {
		t.Error("the device's own candidate was changed")
	}
}

// A candidate far behind costs two batches, not all of them.
func TestHopelessCandidatesAreLeft(t *testing.T) {
	for seconds, want := range map[float64]int{0.1: 2, 0.035: 2, 0.025: 1 + leastSearched} {
		f := &fake{candidates: specs(2), secondsOf: func(t uint32) float64 { return []float64{0.01, seconds}[t-1] }}
		if _, err := handled(t, f, searchRequest()); err != nil {
			t.Fatal(err)
		}
		if f.batches != want {
			t.Errorf("%d batches of a candidate of %g s where the best takes 0.01 s, want %d", f.batches, seconds, want)
		}
	}
}

// When the budget is spent the rest is skipped, but something is always tried.
func TestSearchBudget(t *testing.T) {
	f := &fake{candidates: specs(3)}
	f.before = func() { time.Sleep(searchBudget) }
	got, err := handled(t, f, searchRequest())
	if err != nil {
		t.Fatal(err)
	}
	want := "T=1 ok 0.001 s on 20x30x10|T=2 skipped: the 2.5s of a process were over|T=3 skipped: the 2.5s of a process were over"
	if lines := strings.Join(got.tried(t), "|"); lines != want {
		t.Errorf("got %v", lines)
	}

	// What a compiler takes is not the candidates' fault.
	f = &fake{candidates: specs(3), compiling: searchBudget/2 + time.Millisecond}
	got, err = handled(t, f, searchRequest())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range got.tried(t) {
		if !strings.Contains(l, " ok ") {
			t.Errorf("got %s", l)
		}
	}
}

// tried are the candidates of a search, a line each. All of them are announced before the
// first is tried, so that the parent knows those that a dying process leaves.
func (e events) tried(t *testing.T) (lines []string) {
	t.Helper()
	announced := 0
	for _, ev := range e {
		if ev.Event != worker.EventTried {
			continue
		}
		if c := ev.Candidate; c.Status == result.StatusSkipped && c.Reason == "the process ended before it" {
			if announced++; len(lines) > 0 {
				t.Errorf("T=%d is announced after another was tried", c.Specialization["T"])
			}
			continue
		}
		lines = append(lines, line(ev.Candidate))
	}
	if announced != len(lines) {
		t.Errorf("%d of %d candidates were announced", announced, len(lines))
	}
	return lines
}

// A dispatch shorter than a tick of the host's clock fails nothing, and no time is zero: of
// Apple's clock, of one that counts microseconds, and of one that counts milliseconds.
func TestCoarseClock(t *testing.T) {
	for _, tick := range []float64{125e-9 / 3, 1e-6, 1e-4} {
		for _, op := range []string{worker.OpLaunch, worker.OpSearch} {
			req := launchRequest()
			req.Op, req.Problem = op, backend.Problem{M: 1, N: 1, K: 1}
			req.Rules.MaxTimeS = 0.05
			got, err := handled(t, &fake{dispatchS: 30e-9, emptyS: 1e-3, tick: tick}, req)
			if err != nil {
				t.Errorf("%s, ticks of %g s: %v", op, tick, err)
			}
			samples := 0
			for _, e := range got {
				if e.Sample != nil && !(e.Sample.HostS > 0) || e.Event == worker.EventRoundTrip && !(e.RoundTripS > 0) || e.Candidate != nil && e.Candidate.Status != result.StatusSkipped && !(e.Candidate.BestS > 0) {
					t.Errorf("%s, ticks of %g s: %+v has no time", op, tick, e)
				}
				if e.Event == worker.EventSample {
					samples++
					if each := e.Sample.HostS / float64(e.Sample.Dispatches); math.Abs(each-30e-9) > max(tick/e.Sample.HostS, 0.01)*30e-9 {
						t.Errorf("ticks of %g s: a dispatch took %g s in %d dispatches", tick, each, e.Sample.Dispatches)
					}
				}
			}
			if op == worker.OpLaunch && samples < leastSamples {
				t.Errorf("ticks of %g s: %d samples", tick, samples)
			}
		}
	}
}
