package measure

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// machine is a Runner on which candidates take known times, with noise.
type machine struct {
	rand  *rand.Rand
	times []float64 // of the candidates, which are {"T": 1}, {"T": 2}, ...
	noise noise
	takes time.Duration // a process
}

// noise is by what factors a process and a candidate in it are slower.
type noise struct {
	name      string
	process   float64 // standard deviation of the logarithm, alike for all candidates
	candidate float64 // of each candidate by itself
	disturbed float64 // how often a neighbour comes while one candidate is tried
	by        float64 // by how much it then slows it at most
}

var noises = []noise{
	{name: "quiet", process: 0.01, candidate: 0.004},
	{name: "launches differ", process: 0.05, candidate: 0.015},
	{name: "a neighbour now and then", process: 0.03, candidate: 0.01, disturbed: 0.1, by: 2},
	{name: "work beside", process: 0.1, candidate: 0.05, disturbed: 0.5, by: 4},
}

func (m *machine) Run(_ context.Context, req worker.Request, _ time.Duration, on func(worker.Event)) worker.Outcome {
	if req.Op != worker.OpSearch {
		return worker.Outcome{Status: result.StatusFailed, Code: string(backend.Limit), Reason: "only searches are simulated"}
	}
	time.Sleep(m.takes)
	on(worker.Event{Event: worker.EventOpened, Opened: req.Expect})
	specs := req.Candidates
	if specs == nil {
		for i := range m.times {
			specs = append(specs, backend.Specialization{"T": uint32(i + 1)})
		}
	}
	tried := func(c result.Candidate) { on(worker.Event{Event: worker.EventTried, Candidate: &c}) }
	for _, s := range specs {
		tried(result.Candidate{Specialization: s, Status: result.StatusSkipped, Reason: "the process ended before it"})
	}
	process := math.Exp(m.noise.process * m.rand.NormFloat64())
	for _, s := range specs {
		t := m.times[s["T"]-1] * process * math.Exp(m.noise.candidate*m.rand.NormFloat64())
		if m.rand.Float64() < m.noise.disturbed {
			t *= 1 + (m.noise.by-1)*m.rand.Float64()
		}
		tried(result.Candidate{Specialization: s, Status: result.StatusOK, BestS: t, Problem: "100x100x50"})
	}
	return worker.Outcome{Status: result.StatusOK}
}

// searched is what a search on the machine chooses, by its index, and the processes that
// it took.
func (m *machine) searched(seed uint64) (chosen, processes int) {
	p := plan("cpu")
	p.Launches, p.Seed = 9, seed
	ms, _, _, _ := Run(context.Background(), m, p, nil, nil)
	k := ms[0].Kernel
	return slices.IndexFunc(k.Search, func(c result.Candidate) bool { return c.Chosen }), k.SearchProcesses
}

// landscape draws the times of n candidates: some near the best, others far.
func landscape(r *rand.Rand, n int) (times []float64) {
	for range n {
		times = append(times, 1e-3*(1+0.6*math.Pow(r.Float64(), 2)))
	}
	return times
}

// How often does a second search on the same machine choose another candidate, and what
// does the choice cost? The machines are drawn at random: 4 to 10 candidates, a third of
// them within 7 % of the best.
func TestSecondSearchChoosesTheSame(t *testing.T) {
	const machines = 400
	for _, tt := range []struct {
		noise
		other float64 // machines on which the second search may choose another one
		loss  float64 // that the choices may take longer than the best, on average
	}{
		{noises[0], 0.04, 0.006},
		{noises[1], 0.07, 0.01},
		{noises[2], 0.07, 0.01},
		{noises[3], 0.5, 0.1}, // nothing can be told there; the row says so
	} {
		r := rand.New(rand.NewPCG(1, 2))
		other, processes, loss, worst := 0, 0, 0.0, 0.0
		for i := range machines {
			m := &machine{rand: r, times: landscape(r, 4+i%7), noise: tt.noise}
			a, n := m.searched(uint64(i))
			b, _ := m.searched(uint64(i + machines))
			if a != b {
				other++
			}
			slower := m.times[a]/slices.Min(m.times) - 1
			processes, loss, worst = processes+n, loss+slower/machines, max(worst, slower)
		}
		t.Logf("%-25s another candidate in %4.1f %%, %4.1f processes, the choice is slower than the best by %.1f %% on average, %.1f %% at most", tt.name, 100*float64(other)/machines, float64(processes)/machines, 100*loss, 100*worst)
		if float64(other)/machines > tt.other || loss > tt.loss {
			t.Errorf("%s: another candidate in %.1f %% of the second searches, and %.1f %% lost", tt.name, 100*float64(other)/machines, 100*loss)
		}
	}
}

// Arms on devices of one kind share one choice, whatever their ids and runtimes: a thing
// measured twice is the same thing.
func TestEqualArmsShareOneChoice(t *testing.T) {
	two := func(d result.Device) result.Device { d.Threads = 2; return d }
	gpu := func(id string, edit func(*result.Device)) result.Device {
		d := result.Device{ID: id, Backend: "vulkan", Class: result.ClassDiscrete, Name: "card", UUID: "a" + id, MemoryBytes: 1 << 30, Limits: map[string]uint64{"x": 1}}
		if edit != nil {
			edit(&d)
		}
		return d
	}
	arm := func(d result.Device) Arm { return Arm{Device: d, Problem: problem} }
	for _, tt := range []struct {
		name   string
		a, b   Arm
		shared bool
	}{
		{"cpu and cpu:2 of two processors", arm(two(device("cpu"))), arm(two(device("cpu:2"))), true},
		{"in a container, where the processor has another name", arm(two(device("cpu"))), Arm{Device: func() result.Device { d := two(device("docker/cpu")); d.Backend, d.Name = "cpu", "virtual"; return d }(), Problem: problem, Runtime: "docker"}, true},
		{"in a container on another machine", arm(two(device("cpu"))), Arm{Device: two(device("cpu")), Problem: problem, Runtime: "docker", Machine: "AMD EPYC 9654 (buildserver01)"}, false},
		{"fewer threads", arm(two(device("cpu"))), arm(device("cpu:1")), false},
		{"another instruction set", arm(device("cpu")), arm(func() result.Device { d := device("cpu"); d.ISA = "avx2"; return d }()), false},
		{"another size", arm(device("cpu")), Arm{Device: device("cpu"), Problem: backend.Problem{M: 1, N: 1, K: 1}}, false},
		{"two cards of one kind", arm(gpu("vulkan:0", nil)), arm(gpu("vulkan:1", nil)), true},
		{"two cards", arm(gpu("vulkan:0", nil)), arm(gpu("vulkan:1", func(d *result.Device) { d.Name = "another" })), false},
		{"another driver", arm(gpu("vulkan:0", nil)), arm(gpu("docker/vulkan:0", func(d *result.Device) { d.Driver.Version = "2" })), false},
		{"other limits", arm(gpu("vulkan:0", nil)), arm(gpu("vulkan:1", func(d *result.Device) { d.Limits = map[string]uint64{"x": 2} })), false},
		{"pinned to other values", arm(device("cpu")), Arm{Device: device("cpu"), Problem: problem, Pin: backend.Specialization{"T": 2}, PinnedBy: "--specialization"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			m := &machine{rand: r, times: []float64{1e-3, 1e-3, 1e-3, 1e-3}, noise: noises[1]}
			p := plan()
			p.Launches, p.Arms = 9, []Arm{tt.a, tt.b}
			ms, _, _, _ := Run(context.Background(), m, p, nil, nil)
			first, second := ms[0].Kernel, ms[1].Kernel
			if shared := second.ChosenBy == "search of m0"; shared != tt.shared || first.ChosenBy != "search" || (second.SearchProcesses == 0) != tt.shared {
				t.Errorf("chosen by %q and %q, in %d processes", first.ChosenBy, second.ChosenBy, second.SearchProcesses)
			}
			if tt.shared && first.Specialization["T"] != second.Specialization["T"] {
				t.Errorf("%v and %v", first.Specialization, second.Specialization)
			}
		})
	}
}

// The first process sees all candidates; the later ones try those that are left, in an
// order of their own, on the same problem.
func TestSearchIsInterleaved(t *testing.T) {
	s := &script{tried: []result.Candidate{
		{Specialization: map[string]uint32{"T": 1}, Status: "ok", BestS: 1, Problem: "10x20x30"},
		{Specialization: map[string]uint32{"T": 2}, Status: "ok", BestS: 1.01, Problem: "10x20x30"},
		{Specialization: map[string]uint32{"T": 3}, Status: "ok", BestS: 9, Problem: "10x20x30"},
		{Specialization: map[string]uint32{"T": 4}, Status: "failed", Code: "wrong-result", Reason: "C[0,0] is 1", Problem: "10x20x30"},
		{Specialization: map[string]uint32{"T": 5}, Status: "ok", BestS: 1.02, Problem: "10x20x30"},
	}}
	p := plan("cpu")
	p.Launches = 9
	o := measure(one(s), p)
	orders := map[string]bool{}
	for n, r := range s.requests {
		if r.Op != worker.OpSearch {
			continue
		}
		var order []uint32
		for _, c := range r.Candidates {
			order = append(order, c["T"])
		}
		orders[fmt.Sprint(order)] = true
		want := [][]uint32{nil, {1, 2, 3, 5}, {1, 2, 5}}[min(n, 2)]
		if sorted := slices.Sorted(slices.Values(order)); !slices.Equal(sorted, want) {
			t.Errorf("process %d tried %v, want %v", n, order, want)
		}
		if size := (backend.Problem{M: 10, N: 20, K: 30}); n > 0 && r.Problem != size || n == 0 && r.Problem != problem {
			t.Errorf("process %d: problem %v", n, r.Problem)
		}
	}
	if len(orders) < 5 {
		t.Errorf("only the orders %v", orders)
	}
	k := o.ms[0].Kernel
	if k.SearchProcesses != 9 || k.SearchS <= 0 || k.ChosenBy != "search" || !k.Search[0].Chosen || len(k.Search[1].TimesS) != 9 || len(k.Search[2].TimesS) != 2 ||
		k.Search[1].Ratio != 1.01 || k.Search[1].RatioCI == nil || k.Search[3].Status != "failed" || k.Search[3].Code != "wrong-result" {
		t.Errorf("%+v", k)
	}
}

// A candidate that ends the process is found out, and costs no other.
func TestCandidatesThatEndTheProcess(t *testing.T) {
	for _, tt := range []struct {
		name      string
		out       worker.Outcome
		processes int // that tried it
		warning   string
	}{
		{"crash", worker.Outcome{Code: worker.CodeSignal, Signal: "SIGSEGV", Reason: "the process was killed by SIGSEGV"}, mostCrashes, "search-repeated"},
		{"hang", worker.Outcome{Code: worker.CodeTimeLimit, Reason: "the process was ended by its time limit"}, 1, "search-repeated"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			deadly := &deadly{machine: machine{rand: rand.New(rand.NewPCG(5, 6)), times: []float64{1e-3, 1e-4, 2e-3}, noise: noises[0]}, at: 2, out: tt.out}
			p := plan("cpu")
			p.Launches = 9
			ms, _, _, _ := Run(context.Background(), deadly, p, nil, nil)
			k := ms[0].Kernel
			if !k.Search[0].Chosen || k.Search[1].Status != result.StatusFailed || k.Search[1].Code != CodeCrashed || k.Search[1].Reason != tt.out.Reason || k.Search[2].Status != result.StatusOK {
				t.Errorf("%+v", k.Search)
			}
			if deadly.died != tt.processes {
				t.Errorf("it was tried by %d processes, want %d", deadly.died, tt.processes)
			}
			if got := codes(ms[0].Warnings); !strings.HasPrefix(got, tt.warning) {
				t.Errorf("warnings %q", got)
			}
		})
	}
}

// deadly is a machine on which one candidate ends the process.
type deadly struct {
	machine
	at   uint32
	out  worker.Outcome
	died int
}

func (d *deadly) Run(ctx context.Context, req worker.Request, limit time.Duration, on func(worker.Event)) worker.Outcome {
	dead := false
	out := d.machine.Run(ctx, req, limit, func(e worker.Event) {
		c := e.Candidate
		if dead = dead || c != nil && c.Status == result.StatusOK && c.Specialization["T"] == d.at; !dead {
			on(e)
		}
	})
	if dead {
		d.died++
		out = d.out
		out.Status = result.StatusFailed
	}
	return out
}

// What is slow to compile or to run ends the search after the fewest processes that have
// an interval.
func TestSearchIsBoundedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &machine{rand: rand.New(rand.NewPCG(7, 8)), times: []float64{1e-3, 1e-3}, noise: noises[3], takes: 5 * time.Second}
		p := plan("cpu")
		p.Launches = 9
		ms, _, _, _ := Run(context.Background(), slow, p, nil, nil)
		if k := ms[0].Kernel; k.SearchProcesses != leastProcesses || k.SearchS != 15 {
			t.Errorf("%d processes in %v s", k.SearchProcesses, k.SearchS)
		}
	})
}
