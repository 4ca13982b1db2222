// Readings of the device's meter before, during and after each batch.

package launch

import (
	"fmt"
	"slices"
	"time"

	"gpubench/internal/meter"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

const (
	// What hangs in a driver must not hang the launch: a meter that has not been opened
	// or has not answered within these is left alone for good.
	openPatience = 5 * time.Second
	patience     = time.Second

	// Readings go through a lock of the driver that submitting takes too. Hence none is
	// taken near the submission, and only where a hundred of them fit into the batch, by
	// what the one before it cost.
	readingsShare = 100
	// duringEvery is the time between two readings in a batch at least, and mostDuring
	// how many a batch has at most.
	duringEvery = 50 * time.Millisecond
	mostDuring  = 16
	// companyEvery is the time between two looks at the list of processes, which took
	// 4.5 ms by one report (MangoHud's pull request 2104), where clocks took microseconds.
	companyEvery = 500 * time.Millisecond
	// keptBatches is of how many batches the readings are kept, evenly spread over the
	// longest time that a launch may take. All count for the flags.
	keptBatches = 32

	// energyWindow is the shortest time for which the energy says something: the counter
	// advances every 10 to 100 ms.
	energyWindow = time.Second
	tickWithin   = 200 * time.Millisecond
	tickPoll     = 2 * time.Millisecond
)

// openMeter opens a device's meter, or leaves it alone where that hangs.
func openMeter(source meter.Source, d result.Device) (meter.Meter, *result.NVML) {
	if source == nil {
		return nil, nil
	}
	type opened struct {
		meter meter.Meter
		facts *result.NVML
	}
	done := make(chan opened, 1)
	go func() {
		m, facts := source(d)
		if m != nil {
			if why := another(m.Card(), d); why != "" {
				m.Close()
				m, facts = nil, &result.NVML{Unavailable: why, Remedy: "update the driver", Missing: []string{}}
			}
		}
		done <- opened{m, facts}
	}()
	select {
	case o := <-done:
		return o.meter, o.facts
	case <-time.After(openPatience):
		return nil, &result.NVML{Unavailable: fmt.Sprintf("the driver's library did not answer within %v", openPatience),
			Remedy: "look for the driver's messages in the kernel's log (dmesg), and reboot", Missing: []string{}}
	}
}

// watch reads a meter in a goroutine of its own. A nil *watch reads nothing.
type watch struct {
	meter meter.Meter
	jobs  chan func()
	ended chan struct{} // closed when the goroutine is
	dead  bool          // it did not answer
	start time.Time     // of the request
	every time.Duration // between batches whose readings are kept

	expected time.Duration // of the next batch, 0 when unknown
	cost     time.Duration // of the last reading
	keptAt   time.Time

	readings  []result.Telemetry // of the last batch
	flags     []string           // of that batch
	company   meter.Reading
	companyAt time.Time
	stop      chan struct{} // ends the readings during a batch
	during    chan struct{} // closed when they have ended
	taken     *[]taken      // them; only after that

	began   float64 // joules
	beganAt time.Time
}

// taken is a reading with its time.
type taken struct {
	meter.Reading
	when string
	at   time.Time
	cost time.Duration
}

// newWatch starts to read a meter, which it closes in the end. longest is what the
// launch may take in seconds.
func newWatch(m meter.Meter, start time.Time, longest float64) *watch {
	if m == nil {
		return nil
	}
	w := &watch{meter: m, jobs: make(chan func()), ended: make(chan struct{}), start: start,
		every: time.Duration(longest / keptBatches * float64(time.Second))}
	go func() {
		defer close(w.ended)
		defer m.Close()
		for job := range w.jobs {
			job()
		}
	}()
	return w
}

// close ends the goroutine; one that hangs is left behind.
func (w *watch) close() {
	if w == nil {
		return
	}
	close(w.jobs)
	w.wait(w.ended)
}

// post has the goroutine carry out a job.
func (w *watch) post(job func()) (done chan struct{}) {
	done = make(chan struct{})
	w.jobs <- func() {
		defer close(done)
		job()
	}
	return done
}

// wait reports whether what it waits for has come. Nothing that a job writes may be read
// before.
func (w *watch) wait(done chan struct{}) bool {
	select {
	case <-done:
	case <-time.After(patience):
		w.dead = true
	}
	return !w.dead
}

// read takes a reading; it is called by the goroutine.
func (w *watch) read(when string) taken {
	t := taken{when: when, at: time.Now()}
	t.Reading = w.meter.Read()
	t.cost = time.Since(t.at)
	return t
}

// begin is called before a batch is submitted.
func (w *watch) begin() {
	if w == nil {
		return
	}
	w.readings, w.flags, w.stop = nil, nil, nil
	if w.dead {
		return
	}
	var before taken
	company, companyAt := w.company, w.companyAt
	if !w.wait(w.post(func() {
		if time.Since(companyAt) >= companyEvery {
			company, companyAt = w.meter.Company(), time.Now()
		}
		before = w.read(result.Before)
	})) {
		return
	}
	w.company, w.companyAt, w.cost = company, companyAt, before.cost
	w.keep(before)

	first := w.expected / 2
	if first <= 0 || readingsShare*w.cost > w.expected {
		return
	}
	interval := max(duringEvery, w.expected/mostDuring, readingsShare*w.cost)
	stop, list := make(chan struct{}), new([]taken)
	w.stop, w.taken = stop, list
	w.during = w.post(func() {
		next := time.NewTimer(first)
		defer next.Stop()
		for len(*list) < mostDuring {
			select {
			case <-stop:
				return
			case <-next.C:
			}
			t := w.read(result.During)
			select {
			case <-stop: // it may be one of afterwards
				return
			default:
			}
			*list = append(*list, t)
			next.Reset(interval)
		}
	})
}

// end is called when the batch is done, and returns its flags.
func (w *watch) end() []string {
	if w == nil || w.dead {
		return nil
	}
	if w.stop != nil {
		close(w.stop)
		if !w.wait(w.during) {
			return nil
		}
		for _, t := range *w.taken {
			w.keep(t)
		}
	}
	var after taken
	if w.wait(w.post(func() { after = w.read(result.After) })) {
		w.keep(after)
	}
	for _, f := range w.company.Flags {
		w.flag(f)
	}
	return w.flags
}

// keep adds a reading to those of the batch.
func (w *watch) keep(t taken) {
	for _, f := range t.Flags {
		w.flag(f)
	}
	values := t.Values
	if t.when == result.Before {
		for name, v := range w.company.Values {
			values[name] = v
		}
	}
	if len(values) > 0 {
		w.readings = append(w.readings, result.Telemetry{AtS: t.at.Sub(w.start).Seconds(), When: t.when, Values: values})
	}
}

func (w *watch) flag(f string) {
	if !slices.Contains(w.flags, f) {
		w.flags = append(w.flags, f)
	}
}

// send emits the readings of the last batch, if the ones before are long enough ago.
// sample is the batch's index among the samples, nil in the warm-up.
func (w *watch) send(sample *int, emit func(worker.Event)) {
	if w == nil || len(w.readings) == 0 || !w.keptAt.IsZero() && time.Since(w.keptAt) < w.every {
		return
	}
	w.keptAt = time.Now()
	for _, t := range w.readings {
		t.Sample = sample
		emit(worker.Event{Event: worker.EventTelemetry, Telemetry: &t})
	}
}

// beginEnergy is called before the first sample, and returns for how long samples
// must be taken for their energy to mean something: 0 where it cannot be read.
func (w *watch) beginEnergy() time.Duration {
	if w == nil || w.dead {
		return 0
	}
	ok := false
	if !w.wait(w.post(func() { w.began, w.beganAt, ok = w.tick() })) || !ok {
		w.beganAt = time.Time{}
		return 0
	}
	return energyWindow
}

// endEnergy is called after the last sample. It returns nil where there is no energy.
func (w *watch) endEnergy(flop uint64) *result.Energy {
	if w == nil || w.dead || w.beganAt.IsZero() {
		return nil
	}
	var joules float64
	var at time.Time
	ok := false
	if !w.wait(w.post(func() { joules, at, ok = w.tick() })) || !ok || joules <= w.began {
		return nil
	}
	return &result.Energy{Joules: joules - w.began, WindowS: at.Sub(w.beganAt).Seconds(), FLOP: flop, Source: w.meter.EnergySource()}
}

// tick waits for the counter to advance, so that what was read belongs to the time at
// which it was read, and not to some time since it last did. It is called by the
// goroutine.
func (w *watch) tick() (joules float64, at time.Time, ok bool) {
	first, ok := w.meter.Energy()
	for deadline := time.Now().Add(tickWithin); ok; {
		time.Sleep(tickPoll)
		joules, ok = w.meter.Energy()
		if at = time.Now(); joules != first || at.After(deadline) {
			break
		}
	}
	return joules, at, ok
}
