package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gpubench/internal/analysis"
	"gpubench/internal/plots"
	"gpubench/internal/result"
	"gpubench/internal/stats"
)

// PlotNames are the plots that there are.
var PlotNames = []string{"samples", "ratios", "sizes", "peak"}

// Plot is a figure with what it is called, how it is read, and what it says in words.
type Plot struct {
	Name, Title, Text, Words string
	Figure                   plots.Figure
}

// mostPoints bounds the samples that one figure draws, mostOfLaunch those of one
// launch.
const (
	mostPoints   = 4000
	mostOfLaunch = 200
	leastPoints  = 8
)

// Plot returns the plot of a name for all documents. Where they hold nothing for it
// the error says what is missing.
func (r *Report) Plot(name string) (*Plot, error) {
	p := r.plot(name, r.parts, true)
	if p == nil {
		return nil, fmt.Errorf("there is nothing to draw for the plot %s: %s", name, map[string]string{
			"samples": "no document holds a sample",
			"ratios":  "no document holds a ratio, and there are no claims",
			"sizes":   "no product was measured",
			"peak":    "no peak was measured; do not switch off --limits",
		}[name])
	}
	return p, nil
}

// plot draws what some of the documents hold, nil when that is nothing.
func (r *Report) plot(name string, of []part, claims bool) *Plot {
	switch name {
	case "samples":
		return r.samples(of)
	case "ratios":
		return r.ratios(of, claims)
	case "sizes":
		return r.sizes(of)
	case "peak":
		return r.peaks(of)
	}
	panic("BUG: report: no plot is called " + name)
}

// name is that of an arm in a figure of some of the documents.
func (r *Report) name(p part, m result.Measurement, sized bool, of []part) string {
	if len(of) == 1 {
		alone := *r
		alone.parts = of
		return alone.armName(p, m, sized)
	}
	return r.armName(p, m, sized)
}

// samples is the plot of the samples of every arm by launch.
func (r *Report) samples(of []part) *Plot {
	launches := 0
	for _, p := range of {
		for _, m := range p.Document.Measurements {
			launches += len(m.Launches)
		}
	}
	if launches == 0 {
		return nil
	}
	most := max(leastPoints, min(mostOfLaunch, mostPoints/launches))
	f := &plots.Samples{}
	var inWords []string
	drawn, all := 0, 0
	for _, p := range of {
		for _, m := range p.Document.Measurements {
			if len(m.Launches) == 0 {
				continue
			}
			panel := plots.Panel{Label: r.name(p, m, true, of)}
			samples := stats.Samples{}
			var medians []float64
			for _, l := range m.Launches {
				times := make([]float64, len(l.Samples))
				for i, s := range l.Samples {
					times[i] = s.HostS / float64(s.Dispatches)
				}
				samples = append(samples, times)
				if s, err := stats.Summarize(stats.Samples{times}); err == nil {
					medians = append(medians, s.Median)
				} else {
					medians = append(medians, 0)
				}
			}
			unit := r.wording.timeUnit(slices.DeleteFunc(slices.Clone(medians), func(v float64) bool { return v == 0 }))
			panel.Unit = unit.name
			for i, l := range m.Launches {
				shown := thin(samples[i], most)
				for j := range shown {
					shown[j] /= unit.factor
				}
				all, drawn = all+len(l.Samples), drawn+len(shown)
				panel.Launches = append(panel.Launches, plots.Launch{Name: fmt.Sprint(l.Round + 1), Failed: l.Status != result.StatusOK, Median: medians[i] / unit.factor, Samples: shown})
			}
			if m.Status != result.StatusOK || m.Summary == nil {
				panel.Label += ", " + r.wording.clean(m.Status)
			} else {
				panel.Median = m.Summary.MedianS / unit.factor
				inWords = append(inWords, fmt.Sprintf("%s: %s %s", panel.Label, digits4(panel.Median), unit.name))
				if ci := m.Summary.CI95S; ci != nil {
					panel.Interval = &[2]float64{ci[0] / unit.factor, ci[1] / unit.factor}
				}
			}
			f.Panels = append(f.Panels, panel)
		}
	}
	text := fmt.Sprintf("One panel for each of %s: the time of one dispatch over the launches. Points are samples in the order in which they were taken, thick lines the medians of the launches, the dashed line the median of the arm, the band its 95 %% interval.", plural(len(f.Panels), "arm", "arms"))
	if drawn < all {
		text += fmt.Sprintf(" %d of %d samples are drawn, the shortest and the longest of each launch among them.", drawn, all)
	}
	return &Plot{Name: "samples", Title: "Samples by launch", Text: text, Words: aloud(inWords), Figure: f}
}

// thin keeps at most n values, evenly spread, and the extremes.
func thin(values []float64, n int) []float64 {
	if len(values) <= n {
		return slices.Clone(values)
	}
	lo, hi := slices.Index(values, slices.Min(values)), slices.Index(values, slices.Max(values))
	var out []float64
	last := -1
	for i, v := range values {
		if at := i * (n - 2) / len(values); at > last || i == lo || i == hi {
			out, last = append(out, v), at
		}
	}
	return out
}

// ratios is the forest plot: the ratios of the documents, and below them each claim with
// its range and the ratios that it is judged by.
func (r *Report) ratios(of []part, claims bool) *Plot {
	f := &plots.Forest{}
	inWords := []string{}
	for _, p := range of {
		for _, q := range p.Document.Ratios {
			fast, slow := p.rows.measured[q.Fast], p.rows.measured[q.Slow]
			if p.rows.label(slow) != p.rows.baseline && slow.Runtime != fast.Runtime {
				continue // one runtime against the baseline of another, which says little
			}
			label := r.name(p, fast, true, of) + " vs " + p.rows.label(slow)
			f.Rows = append(f.Rows, plots.ForestRow{Label: r.rowText(label, q.Value, q.CI95), Value: q.Value, Interval: q.CI95})
			inWords = append(inWords, r.rowText(label, q.Value, q.CI95))
		}
	}
	if claims {
		for _, j := range r.judgements {
			f.Rows = append(f.Rows, plots.ForestRow{Label: r.wording.clean("claim: " + j.Text), Band: &[2]float64{j.Low, j.High}, Head: true})
			for _, v := range j.Verdicts {
				for _, q := range v.Ratios {
					label := fmt.Sprintf("%s %s vs %s: %s", r.wording.clean(r.place(q.Document)+q.Runtime+"/"+q.Device), r.wording.dimensions(q.M, q.N, q.K), r.wording.clean(v.Baseline), q.Verdict)
					f.Rows = append(f.Rows, plots.ForestRow{Label: r.rowText(label, q.Value, q.CI95), Value: q.Value, Interval: q.CI95, Band: &[2]float64{j.Low, j.High}, Tone: tone(q.Verdict)})
				}
			}
			inWords = append(inWords, fmt.Sprintf("claim %s, %g to %g: %s", j.ID, j.Low, j.High, r.verdicts(j)))
		}
	}
	if len(f.Rows) == 0 {
		return nil
	}
	return &Plot{Name: "ratios", Title: "Ratios with their 95 % intervals", Figure: f,
		Text: "How many times as fast each is as its baseline, with 95 % intervals, on a logarithmic axis. Shaded are the ranges that were claimed; a ratio held against one is a square where it lies inside, a diamond outside, a triangle where its interval does not decide.", Words: aloud(inWords)}
}

// rowText puts the figures before the label of a ratio, which may be cut off.
func (r *Report) rowText(label string, value float64, ci *[2]float64) string {
	text := digits4(value) + "×"
	if ci != nil {
		text += " (" + r.wording.interval(*ci) + ")"
	}
	return text + "  " + label
}

// place names a document by the name of its source, where there are several.
func (r *Report) place(name string) string {
	if r.several() {
		for _, p := range r.parts {
			if p.Name == name {
				return p.label + ": "
			}
		}
	}
	return ""
}

// verdicts words what became of a claim.
func (r *Report) verdicts(j analysis.Judgement) string {
	var words []string
	for _, v := range j.Verdicts {
		what := string(v.Verdict)
		if len(v.Ratios) == 0 {
			what = "not measured"
		}
		words = append(words, fmt.Sprintf("%s against %s", what, v.Baseline))
	}
	return r.wording.clean(strings.Join(words, ", "))
}

func tone(v analysis.ClaimVerdict) plots.Tone {
	switch v {
	case analysis.Supported:
		return plots.Good
	case analysis.Refuted:
		return plots.Bad
	}
	return plots.Open
}

// sizes is the plot of rates over sizes.
func (r *Report) sizes(of []part) *Plot {
	f := &plots.Lines{}
	var rates []float64
	for _, p := range of {
		for _, m := range p.rows.products() {
			if m.Status == result.StatusOK && m.Summary != nil {
				rates = append(rates, m.Summary.FLOPS)
			}
		}
	}
	if len(rates) == 0 {
		return nil
	}
	unit := rateUnit(rates)
	f.Unit = unit.name
	var words []string
	for _, p := range of {
		at := map[string]int{}
		for _, m := range p.rows.products() {
			if m.Status != result.StatusOK || m.Summary == nil {
				continue
			}
			label := r.name(p, m, false, of)
			if _, ok := at[label]; !ok {
				at[label] = len(f.Series)
				f.Series = append(f.Series, plots.Series{Label: label})
			}
			q := plots.LinePoint{Size: math.Cbrt(float64(m.Problem.M) * float64(m.Problem.N) * float64(m.Problem.K)), Rate: m.Summary.FLOPS / unit.factor}
			if ci := m.Summary.FLOPSCI95; ci != nil && ci[0] > 0 {
				q.Interval = &[2]float64{ci[0] / unit.factor, ci[1] / unit.factor}
			}
			s := &f.Series[at[label]]
			s.Points = append(s.Points, q)
			words = append(words, fmt.Sprintf("%s at %s: %s", label, r.wording.dimensions(m.Problem.M, m.Problem.N, m.Problem.K), digits4(q.Rate)))
		}
	}
	for _, s := range f.Series {
		slices.SortStableFunc(s.Points, func(a, b plots.LinePoint) int { return int(math.Copysign(1, a.Size-b.Size)) })
	}
	return &Plot{Name: "sizes", Title: "Rate over matrix size", Figure: f, Text: "Median rates in " + unit.name + " over the matrix size (the side of a cube of as much work), both logarithmic, with 95 % intervals.", Words: aloud(words)}
}

// peaks is the plot of the shares of the peak.
func (r *Report) peaks(of []part) *Plot {
	f := &plots.Shares{}
	var words []string
	for _, p := range of {
		for _, m := range p.rows.products() {
			if m.Peak == nil {
				continue
			}
			b := plots.Bar{Label: r.name(p, m, true, of), Share: m.Peak.Share, Text: fmt.Sprintf("%.0f %%", 100*m.Peak.Share)}
			if m.Peak.Share > analysis.Impossible {
				b.Text, b.Tone = b.Text+", impossible", plots.Bad
			}
			f.Bars = append(f.Bars, b)
			words = append(words, b.Label+": "+b.Text)
		}
	}
	if len(f.Bars) == 0 {
		return nil
	}
	return &Plot{Name: "peak", Title: "Share of the peak", Figure: f, Text: "Each rate as a share of the peak that multiply-adds alone reached on the device. More than 105 % is impossible.", Words: aloud(words)}
}

// aloud joins what a figure says for those who hear it: not hundreds of rows, which are
// in the tables.
func aloud(words []string) string {
	const most = 40
	if len(words) > most {
		words = append(words[:most:most], "and more, all in the tables")
	}
	return strings.Join(words, "; ") + "."
}
