// Proof of the intervals: many experiments with a known truth, and how often the
// intervals hold it.

package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// noise is how the logarithms of an arm's times scatter.
type noise struct {
	name   string
	launch func(*rand.Rand) float64    // what a whole launch is shifted by
	sample func(*rand.Rand, []float64) // fills the samples of a launch, in the order of time
	round  func(*rand.Rand, []float64) // fills what every arm launched in a round is shifted by, in the order of time; may be nil
}

func normal(sd float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 { return sd * r.NormFloat64() }
}

func exponential(mean float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 { return mean * r.ExpFloat64() }
}

// mixed is slower by step with a probability of p.
func mixed(p, step, sd float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 {
		v := sd * r.NormFloat64()
		if r.Float64() < p {
			v += step
		}
		return v
	}
}

func independent(draw func(*rand.Rand) float64) func(*rand.Rand, []float64) {
	return func(r *rand.Rand, x []float64) {
		for i := range x {
			x[i] = draw(r)
		}
	}
}

// The noises of real runs: what peers.md of other tools and our own documents show.
var noises = []noise{
	// A machine at rest.
	{name: "quiet", launch: normal(0.003), sample: independent(normal(0.005))},
	// Interrupts and other programs only ever slow down.
	{name: "skewed", launch: exponential(0.02), sample: independent(exponential(0.05))},
	// A clock that sinks within each launch, and a machine that warms up over the run.
	{name: "drifting", launch: normal(0.005), sample: func(r *rand.Rand, x []float64) {
		slope := 0.05 * r.Float64()
		for i := range x {
			x[i] = slope*float64(i)/float64(len(x)) + 0.005*r.NormFloat64()
		}
	}, round: func(r *rand.Rand, x []float64) {
		slope := 0.1 * r.NormFloat64()
		for i := range x {
			x[i] = slope * float64(i) / float64(len(x))
		}
	}},
	// Samples that resemble the one before: an autoregression of 0.9.
	{name: "correlated", launch: normal(0.005), sample: func(r *rand.Rand, x []float64) {
		const phi, sd = 0.9, 0.03
		v := sd * r.NormFloat64()
		for i := range x {
			x[i] = v
			v = phi*v + math.Sqrt(1-phi*phi)*sd*r.NormFloat64()
		}
	}},
	// Memory layout: launches differ by more than the samples within them.
	{name: "launches differ", launch: normal(0.05), sample: independent(normal(0.01))},
	// Two clocks, or two cores of different kinds.
	{name: "bimodal samples", launch: normal(0.005), sample: independent(mixed(0.4, 0.1, 0.01))},
	// A launch has good or bad luck as a whole.
	{name: "bimodal launches", launch: mixed(0.3, 0.15, 0.01), sample: independent(normal(0.01))},
	// A neighbour that comes and stays for some rounds.
	{name: "neighbour", launch: exponential(0.02), sample: independent(normal(0.02)), round: func(r *rand.Rand, x []float64) {
		v := 0.0
		for i := range x {
			if r.Float64() < 0.4 {
				v = 0.2 * r.ExpFloat64() * float64(r.IntN(2))
			}
			x[i] = v
		}
	}},
	// Rare and large disturbances: Student's t with 2 degrees of freedom.
	{name: "heavy tails", launch: func(r *rand.Rand) float64 { return 0.01 * r.NormFloat64() / math.Sqrt(r.ExpFloat64()) },
		sample: independent(func(r *rand.Rand) float64 { return 0.02 * r.NormFloat64() / math.Sqrt(r.ExpFloat64()) })},
}

// draw returns the medians of the launches of an arm. shift is what its rounds are
// shifted by.
func (n noise) draw(r *rand.Rand, samples int, log float64, shift []float64) []float64 {
	x, medians := make([]float64, samples), make([]float64, len(shift))
	for i, s := range shift {
		n.sample(r, x)
		slices.Sort(x)
		medians[i] = math.Exp(log + s + n.launch(r) + sortedMedian(x))
	}
	return medians
}

// rounds is the shift of each round that both arms meet.
func rounds(r *rand.Rand, launches int, of ...noise) []float64 {
	sum, x := make([]float64, launches), make([]float64, launches)
	for i, n := range of {
		if n.round == nil || i > 0 && n.name == of[0].name {
			continue
		}
		n.round(r, x)
		for j, v := range x {
			sum[j] += v
		}
	}
	return sum
}

// population are the medians of a great many launches.
func (n noise) population(samples int, seed uint64) []float64 {
	return n.draw(rand.New(rand.NewPCG(21, seed)), samples, 0, make([]float64, 100_001))
}

// medianTruth is the true logarithm of the ratio of the medians of two arms.
func medianTruth(slow, fast []float64) float64 {
	return math.Log(medianOf(slices.Clone(slow)) / medianOf(slices.Clone(fast)))
}

// roundTruth is that of the median of the ratios within a round. The two are equal
// where the arms are alike or one of them is symmetric.
func roundTruth(slow, fast []float64) float64 {
	x := make([]float64, len(slow))
	for i := range x {
		x[i] = math.Log(slow[i] / fast[i])
	}
	return medianOf(x)
}

// A simulation's experiments and the samples of a launch of either arm, as on a fast
// device and on a slow one.
const (
	experiments = 4000
	manySamples = 31
	fewSamples  = 12
)

// pairsOfNoise are both arms alike, and one of them on a quiet device.
func pairsOfNoise() (pairs [][2]noise) {
	for _, n := range noises {
		pairs = append(pairs, [2]noise{n, n})
	}
	for _, n := range noises[1:] {
		pairs = append(pairs, [2]noise{n, noises[0]})
	}
	return append(pairs, [2]noise{noises[1], noises[6]})
}

// coverage is how often an experiment's interval holds the truth, and how wide it is:
// its half width in per cent, the median over the experiments.
type coverage struct {
	pair  string
	rate  float64
	width float64
}

func (c coverage) String() string {
	return fmt.Sprintf("%-34s %5.1f %%   +-%.2g %%", c.pair, 100*c.rate, 100*c.width)
}

// trueLog is the logarithm of the ratio of 3.3 by which the slow arm is slower.
const trueLog = 1.2

// simulate runs so many experiments for each pair of noises. One gets a source and the two
// noises and returns the interval; truth is that of a ratio, from populations without
// that factor.
func simulate(t *testing.T, truth func(slow, fast []float64) float64, one func(r *rand.Rand, slow, fast noise) *[2]float64, experiments int) []coverage {
	t.Helper()
	slows, fasts := map[string][]float64{}, map[string][]float64{}
	for _, n := range noises {
		slows[n.name], fasts[n.name] = n.population(manySamples, 1), n.population(fewSamples, 2)
	}
	pairs := pairsOfNoise()
	out := make([]coverage, len(pairs))
	var wg sync.WaitGroup
	for p, pair := range pairs {
		wg.Go(func() {
			slow, fast := pair[0], pair[1]
			want := math.Exp(trueLog + truth(slows[slow.name], fasts[fast.name]))
			r := rand.New(rand.NewPCG(31, uint64(p)))
			held, widths := 0, make([]float64, experiments)
			for i := range widths {
				ci := one(r, slow, fast)
				if ci[0] <= want && want <= ci[1] {
					held++
				}
				widths[i] = math.Expm1(halfWidth(ci))
			}
			out[p] = coverage{slow.name + " / " + fast.name, float64(held) / float64(experiments), medianOf(widths)}
		})
	}
	wg.Wait()
	var b strings.Builder
	for _, c := range out {
		fmt.Fprintf(&b, "\n  %v", c)
	}
	t.Log(b.String())
	return out
}

// wantBetween fails where a rate is further outside than chance allows: four
// standard errors of the simulation.
func wantBetween(t *testing.T, rates []coverage, lo, hi float64) {
	t.Helper()
	for _, c := range rates {
		if slack := 4 * math.Sqrt(c.rate*(1-c.rate)/experiments); c.rate < lo-slack || c.rate > hi+slack {
			t.Errorf("%s: %.2f %%, want %.0f to %.0f", c.pair, 100*c.rate, 100*lo, 100*hi)
		}
	}
}

// fixed simulates ratios of arms that have so many launches in the same rounds.
func fixed(t *testing.T, launches int) []coverage {
	return simulate(t, roundTruth, func(r *rand.Rand, slow, fast noise) *[2]float64 {
		shift := rounds(r, launches, slow, fast)
		ratio, err := PairedRatio(slow.draw(r, manySamples, trueLog, shift), fast.draw(r, fewSamples, 0, shift), Confidence)
		if err != nil {
			panic(err)
		}
		return ratio.CI
	}, experiments)
}

func TestPairedRatioCovers(t *testing.T) {
	for _, launches := range []int{DefaultLaunches, 6, 20} {
		t.Run(fmt.Sprint(launches), func(t *testing.T) {
			wantBetween(t, fixed(t, launches), 0.93, 0.97)
		})
	}
}

// Below six launches it is Student's t, which needs a shape not far from normal: a
// launch that has good or bad luck as a whole is none.
func TestFewLaunchesCover(t *testing.T) {
	for _, launches := range []int{3, 5} {
		t.Run(fmt.Sprint(launches), func(t *testing.T) {
			wantBetween(t, fixed(t, launches), 0.93, 0.98)
		})
	}
}

// The rule by which package measure adds rounds when it is given time: after the
// first ones it decides once how many more there should be. Looking at the data
// has a price, which is why the rule is not the default.
func TestMoreRoundsCover(t *testing.T) {
	wantBetween(t, simulate(t, roundTruth, func(r *rand.Rand, slow, fast noise) *[2]float64 {
		const first, most = DefaultLaunches, 4 * DefaultLaunches
		shift := rounds(r, most, slow, fast)
		a, b := slow.draw(r, manySamples, trueLog, shift), fast.draw(r, fewSamples, 0, shift)
		ratio, _ := PairedRatio(a[:first], b[:first], Confidence)
		n := min(max(first, Needed(ratio.CI, first, 0.03)), most)
		ratio, _ = PairedRatio(a[:n], b[:n], Confidence)
		return ratio.CI
	}, experiments), 0.92, 0.97)
}

// Equal arms are called different in at most 5 %: at a threshold of nothing that is
// the interval that does not hold 1.
func TestEqualArmsAreSeldomCalledDifferent(t *testing.T) {
	for _, n := range noises {
		r := rand.New(rand.NewPCG(41, 42))
		different, beyond := 0, 0
		for range experiments {
			shift := rounds(r, DefaultLaunches, n)
			ratio, err := PairedRatio(n.draw(r, manySamples, 0, shift), n.draw(r, manySamples, 0, shift), Confidence)
			if err != nil {
				t.Fatal(err)
			}
			if v := ratio.Verdict(0); v == Faster || v == Slower {
				different++
			}
			if v := ratio.Verdict(0.02); v == Faster || v == Slower {
				beyond++
			}
		}
		rate := float64(different) / experiments
		t.Logf("%-17s called different: %.1f %%, by more than 2 %%: %.1f %%", n.name, 100*rate, 100*float64(beyond)/experiments)
		if slack := 4 * math.Sqrt(0.05*0.95/experiments); rate > 0.05+slack {
			t.Errorf("%s: equal arms are called different in %.1f %%", n.name, 100*rate)
		}
	}
}

// Arms of two runs, each of which meets rounds of its own. Where the machine
// changes over minutes, the launches of one run do not tell how far the next run will
// be off, and nothing computed from them can: those noises are told and not judged.
func TestIndependentRatioCovers(t *testing.T) {
	rates := simulate(t, medianTruth, func(r *rand.Rand, slow, fast noise) *[2]float64 {
		a := slow.draw(r, manySamples, trueLog, rounds(r, DefaultLaunches, slow))
		b := fast.draw(r, fewSamples, 0, rounds(r, DefaultLaunches, fast))
		ratio, err := IndependentRatio(a, b, Confidence)
		if err != nil {
			panic(err)
		}
		return ratio.CI
	}, experiments)
	rates = slices.DeleteFunc(rates, func(c coverage) bool {
		return strings.HasPrefix(c.pair, "drifting") || strings.HasPrefix(c.pair, "neighbour")
	})
	wantBetween(t, rates, 0.93, 0.985)
}

// The median of one arm. What shifts whole rounds shifts the median of a run; the
// truth is that of the arm without it.
func TestSummaryCovers(t *testing.T) {
	for _, n := range noises {
		r := rand.New(rand.NewPCG(51, 52))
		truth := medianOf(n.population(fewSamples, 3))
		held := 0
		for range experiments {
			var s Samples
			for range DefaultLaunches {
				x := make([]float64, fewSamples)
				n.sample(r, x)
				shift := n.launch(r)
				for i := range x {
					x[i] = math.Exp(x[i] + shift)
				}
				s = append(s, x)
			}
			sum, err := Summarize(s)
			if err != nil {
				t.Fatal(err)
			}
			if sum.CI95[0] <= truth && truth <= sum.CI95[1] {
				held++
			}
		}
		c := coverage{pair: n.name, rate: float64(held) / experiments}
		t.Logf("%-17s %.1f %%", n.name, 100*c.rate)
		wantBetween(t, []coverage{c}, 0.93, 0.97)
	}
}
