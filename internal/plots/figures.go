package plots

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Tone is what a row is to be seen as, beside the words that say it.
type Tone int

// The tones.
const (
	Neutral Tone = iota
	Good
	Bad
	Open // not decided
)

func (t *theme) tone(tone Tone) color.Color {
	switch tone {
	case Good:
		return t.good
	case Bad:
		return t.bad
	case Open:
		return t.faint
	}
	return t.series[0]
}

// Forest shows ratios with their intervals over one logarithmic axis.
type Forest struct {
	Rows []ForestRow
}

// ForestRow is one ratio, or a heading where it has no value.
type ForestRow struct {
	Label    string
	Value    float64     // 0 for a row without one
	Interval *[2]float64 // nil without one
	Band     *[2]float64 // the range that was claimed, nil without one
	Tone     Tone
	Head     bool // the label stands out
}

// The rows of a figure of rows.
const (
	rowHeight  = 34
	axisHeight = 34
)

func (f *Forest) height(vg.Length) vg.Length {
	return vg.Length(len(f.Rows))*rowHeight + axisHeight + 6
}

func (f *Forest) draw(c draw.Canvas, t *theme) {
	lo, hi := 1.0, 1.0
	see := func(v float64) {
		if v > 0 {
			lo, hi = min(lo, max(v, 1e-9)), max(hi, min(v, 1e9)) // what lies beyond is drawn at the end
		}
	}
	for _, r := range f.Rows {
		see(r.Value)
		for _, ends := range []*[2]float64{r.Interval, r.Band} {
			if ends != nil {
				see(ends[0])
				see(ends[1])
			}
		}
	}
	p := newPlot(t)
	p.X.Min, p.X.Max = lo/1.15, hi*1.15
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, logTicks{times: true, room: int(c.Size().X / 46)}
	p.X.Label.Text = "times as fast as the baseline"
	rows(p, c, t, len(f.Rows), func(c draw.Canvas, x func(float64) vg.Length, i int, top, bottom vg.Length) {
		r := f.Rows[i]
		if r.Band != nil {
			fill(c, t.band, x(r.Band[0]), bottom+1, x(r.Band[1]), top-1)
		}
		stroke(c, t.faint, 0.75, []vg.Length{3, 3}, vg.Point{X: x(1), Y: bottom}, vg.Point{X: x(1), Y: top})
		rowLabel(c, t, r.Label, r.Head, top)
		if !(r.Value > 0) {
			return
		}
		y := bottom + 9
		tone := t.tone(r.Tone)
		if r.Interval != nil {
			a, b := x(r.Interval[0]), x(r.Interval[1])
			stroke(c, tone, 2, nil, vg.Point{X: a, Y: y}, vg.Point{X: b, Y: y})
			stroke(c, tone, 1.5, nil, vg.Point{X: a, Y: y - 4}, vg.Point{X: a, Y: y + 4})
			stroke(c, tone, 1.5, nil, vg.Point{X: b, Y: y - 4}, vg.Point{X: b, Y: y + 4})
		}
		points(c, []vg.Point{{X: x(r.Value), Y: y}}, shapes[[]int{0, 1, 3, 2}[r.Tone]](4), tone)
	})
}

// Shares shows parts of a whole as bars, one below the other.
type Shares struct {
	Bars []Bar
}

// Bar is one share.
type Bar struct {
	Label string
	Share float64 // 1 is the whole
	Text  string  // the share in words
	Tone  Tone
}

func (f *Shares) height(vg.Length) vg.Length {
	return vg.Length(len(f.Bars))*rowHeight + axisHeight + 6
}

func (f *Shares) draw(c draw.Canvas, t *theme) {
	most := 1.0
	for _, b := range f.Bars {
		most = max(most, b.Share)
	}
	p := newPlot(t)
	p.X.Min, p.X.Max = 0, most
	p.X.Label.Text = "% of the peak that multiply-adds alone reach"
	var ticks plot.ConstantTicks
	step := 0.25
	for step*8 < most {
		step *= 2
	}
	for v := 0.0; v <= most; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: number(100 * v)})
	}
	p.X.Tick.Marker = ticks
	rows(p, c, t, len(f.Bars), func(c draw.Canvas, x func(float64) vg.Length, i int, top, bottom vg.Length) {
		b := f.Bars[i]
		stroke(c, t.faint, 0.75, []vg.Length{3, 3}, vg.Point{X: x(1), Y: bottom}, vg.Point{X: x(1), Y: top})
		rowLabel(c, t, b.Label, false, top)
		fill(c, t.tone(b.Tone), x(0), bottom+4, max(x(b.Share), x(0)+1), bottom+13)
		s := style(t.ink, 10)
		at := x(b.Share) + 4
		if room := c.Max.X - s.Width(b.Text); at > room { // inside of the bar
			s.Color, at = t.paper, x(b.Share)-4-s.Width(b.Text)
		}
		c.FillText(s, vg.Point{X: at, Y: bottom + 5}, b.Text)
	})
}

// rowLabel writes the label of a row above what it shows.
func rowLabel(c draw.Canvas, t *theme, label string, head bool, top vg.Length) {
	s := style(t.ink, 11)
	if head {
		s.Font.Weight = bold
	}
	c.FillText(s, vg.Point{X: c.Min.X + 2, Y: top - 14}, fit(s, label, c.Max.X-c.Min.X-4))
}

// rows draws n rows over the horizontal axis of a plot, the first on top.
func rows(p *plot.Plot, c draw.Canvas, t *theme, n int, row func(c draw.Canvas, x func(float64) vg.Length, i int, top, bottom vg.Length)) {
	p.HideY()
	p.Y.Min, p.Y.Max = 0, 1
	p.Add(plotter(func(c draw.Canvas, p *plot.Plot) {
		place, _ := p.Transforms(&c)
		toX := func(v float64) vg.Length { return place(min(max(v, p.X.Min), p.X.Max)) }
		// The label of a tick that has none is the empty one: lines are for the others.
		for _, tick := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
			if tick.Label != "" {
				stroke(c, t.grid, 0.5, nil, vg.Point{X: toX(tick.Value), Y: c.Min.Y}, vg.Point{X: toX(tick.Value), Y: c.Max.Y})
			}
		}
		height := (c.Max.Y - c.Min.Y) / vg.Length(n)
		for i := range n {
			top := c.Max.Y - vg.Length(i)*height
			row(c, toX, i, top, top-height)
		}
	}))
	p.Draw(draw.Crop(c, 14, -14, 4, -2))
}

// plotter is a function that draws into a plot.
type plotter func(c draw.Canvas, p *plot.Plot)

func (f plotter) Plot(c draw.Canvas, p *plot.Plot) { f(c, p) }

// Lines shows rates over sizes, both logarithmic.
type Lines struct {
	Unit   string // of the rates
	Series []Series
}

// Series is what one arm does at several sizes.
type Series struct {
	Label  string
	Points []LinePoint
}

// LinePoint is one rate.
type LinePoint struct {
	Size     float64 // side of a cube of as much work
	Rate     float64
	Interval *[2]float64 // nil without one
}

const legendHeight = 16

func (f *Lines) height(width vg.Length) vg.Length {
	return min(300, 0.75*width) + 60 + legendHeight*vg.Length(len(f.Series))
}

func (f *Lines) draw(c draw.Canvas, t *theme) {
	p := newPlot(t)
	var sizes []float64
	lo, hi := math.Inf(1), 0.0
	for _, s := range f.Series {
		for _, q := range s.Points {
			sizes = append(sizes, q.Size)
			lo, hi = min(lo, q.Rate), max(hi, q.Rate)
			if q.Interval != nil {
				lo, hi = min(lo, q.Interval[0]), max(hi, q.Interval[1])
			}
		}
	}
	if len(sizes) == 0 {
		return
	}
	slices.Sort(sizes)
	sizes = slices.Compact(sizes)
	// A document may hold absurd figures; a logarithm has no place for some of them.
	const least, most = 1e-12, 1e18
	for i := range sizes {
		sizes[i] = min(max(sizes[i], 1), most)
	}
	lo, hi = min(max(lo, least), most), min(max(hi, least), most)
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Min, p.X.Max = sizes[0]/1.2, sizes[len(sizes)-1]*1.2
	p.Y.Min, p.Y.Max = lo/1.3, hi*1.3
	p.X.Label.Text, p.Y.Label.Text = "matrix size", f.Unit
	p.Y.Tick.Marker = logTicks{room: 7}
	// Labels that would stand in each other's way are left out.
	var ticks plot.ConstantTicks
	last := 0.0
	for _, s := range sizes {
		label := ""
		if apart := math.Log(p.X.Max/p.X.Min) * 40 / float64(c.Size().X); last == 0 || math.Log(s/last) > apart {
			label, last = number(math.Round(s)), s
		}
		ticks = append(ticks, plot.Tick{Value: s, Label: label})
	}
	p.X.Tick.Marker = ticks
	p.Add(plotter(func(c draw.Canvas, p *plot.Plot) {
		placeX, placeY := p.Transforms(&c)
		toX := func(v float64) vg.Length { return placeX(min(max(v, p.X.Min), p.X.Max)) }
		toY := func(v float64) vg.Length { return placeY(min(max(v, p.Y.Min), p.Y.Max)) }
		for _, tick := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
			if tick.Label != "" {
				stroke(c, t.grid, 0.5, nil, vg.Point{X: c.Min.X, Y: toY(tick.Value)}, vg.Point{X: c.Max.X, Y: toY(tick.Value)})
			}
		}
		for i, s := range f.Series {
			colour := t.series[i%len(t.series)]
			var line []vg.Point
			for _, q := range s.Points {
				at := vg.Point{X: toX(q.Size), Y: toY(q.Rate)}
				line = append(line, at)
				if q.Interval != nil {
					a, b := toY(q.Interval[0]), toY(q.Interval[1])
					stroke(c, colour, 1.25, nil, vg.Point{X: at.X, Y: a}, vg.Point{X: at.X, Y: b})
					stroke(c, colour, 1.25, nil, vg.Point{X: at.X - 3, Y: a}, vg.Point{X: at.X + 3, Y: a})
					stroke(c, colour, 1.25, nil, vg.Point{X: at.X - 3, Y: b}, vg.Point{X: at.X + 3, Y: b})
				}
			}
			stroke(c, colour, 1.5, dashes[(i/len(t.series))%len(dashes)], line...)
			points(c, line, shapes[i%len(shapes)](4), colour)
		}
	}))
	legend := legendHeight * vg.Length(len(f.Series))
	p.Draw(draw.Crop(c, 6, -10, 4, -legend-8))
	for i, s := range f.Series {
		y := c.Max.Y - legendHeight*vg.Length(i+1) + 2
		colour := t.series[i%len(t.series)]
		stroke(c, colour, 1.5, dashes[(i/len(t.series))%len(dashes)], vg.Point{X: c.Min.X + 8, Y: y + 5}, vg.Point{X: c.Min.X + 32, Y: y + 5})
		points(c, []vg.Point{{X: c.Min.X + 20, Y: y + 5}}, shapes[i%len(shapes)](4), colour)
		label := style(t.ink, 11)
		c.FillText(label, vg.Point{X: c.Min.X + 38, Y: y}, fit(label, s.Label, c.Max.X-c.Min.X-44))
	}
}

// dashes tell series apart that have the same colour.
var dashes = [][]vg.Length{nil, {6, 3}, {2, 3}}

// Samples shows every arm's samples by launch, a panel for each.
type Samples struct {
	Panels []Panel
}

// Panel is one arm.
type Panel struct {
	Label    string
	Unit     string      // of the times
	Median   float64     // of the arm
	Interval *[2]float64 // of the median, nil without one
	Launches []Launch
}

// Launch is one process of an arm.
type Launch struct {
	Name    string // below the axis
	Failed  bool
	Median  float64
	Samples []float64 // in the order in which they were taken
	Of      int       // how many there are in all, drawn or not
}

const (
	panelHeight = 170
	panelWidth  = 400 // from which on there are two in a row
)

func (f *Samples) columns(width vg.Length) int {
	return max(1, min(2, int(width/panelWidth), len(f.Panels)))
}

func (f *Samples) height(width vg.Length) vg.Length {
	n := f.columns(width)
	return panelHeight * vg.Length((len(f.Panels)+n-1)/n)
}

func (f *Samples) draw(c draw.Canvas, t *theme) {
	n := f.columns(c.Max.X - c.Min.X)
	width := (c.Max.X - c.Min.X) / vg.Length(n)
	for i := range f.Panels {
		x, y := c.Min.X+width*vg.Length(i%n), c.Max.Y-panelHeight*vg.Length(i/n+1)
		part := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: x, Y: y}, Max: vg.Point{X: x + width, Y: y + panelHeight}}}
		f.Panels[i].draw(part, t)
	}
}

// manyTimes is from how many times the shortest sample on the longest one makes the axis
// logarithmic: most samples would lie on one line otherwise.
const manyTimes = 3

func (f *Panel) draw(c draw.Canvas, t *theme) {
	label := style(t.ink, 11)
	c.FillText(label, vg.Point{X: c.Min.X + 8, Y: c.Max.Y - 14}, fit(label, f.Label, c.Max.X-c.Min.X-16))
	p := newPlot(t)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, l := range f.Launches {
		for _, s := range l.Samples {
			lo, hi = min(lo, s), max(hi, s)
		}
	}
	if lo > hi {
		lo, hi = 0, 1
	}
	p.Y.Label.Text, p.X.Label.Text = f.Unit, "launch"
	if lo > 0 && hi > manyTimes*lo && hi < 1e18*lo {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logTicks{room: 6}
		p.Y.Min, p.Y.Max = lo/1.1, hi*1.1
	} else {
		margin := max((hi-lo)*0.08, hi*1e-3)
		p.Y.Min, p.Y.Max = lo-margin, hi+margin
		p.Y.Tick.Marker = few{5}
	}
	p.X.Min, p.X.Max = -0.5, float64(len(f.Launches))-0.5
	var ticks plot.ConstantTicks
	every := 1 + len(f.Launches)*26/int(c.Size().X)
	for i, l := range f.Launches {
		name := ""
		if i%every == 0 {
			name = l.Name
		}
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: name})
	}
	p.X.Tick.Marker = ticks
	p.Add(plotter(func(c draw.Canvas, p *plot.Plot) {
		toX, place := p.Transforms(&c)
		toY := func(v float64) vg.Length { return place(min(max(v, p.Y.Min), p.Y.Max)) }
		if f.Interval != nil {
			fill(c, t.band, c.Min.X, toY(f.Interval[0]), c.Max.X, toY(f.Interval[1]))
		}
		if f.Median > 0 {
			stroke(c, t.series[0], 1, []vg.Length{4, 3}, vg.Point{X: c.Min.X, Y: toY(f.Median)}, vg.Point{X: c.Max.X, Y: toY(f.Median)})
		}
		var at []vg.Point
		for i, l := range f.Launches {
			for j, s := range l.Samples {
				x := float64(i) - 0.35 + 0.7*(float64(j)+0.5)/float64(len(l.Samples))
				at = append(at, vg.Point{X: toX(x), Y: toY(s)})
			}
		}
		points(c, at, square, t.series[0])
		for i, l := range f.Launches {
			x := float64(i)
			if l.Median > 0 {
				stroke(c, t.ink, 2, nil, vg.Point{X: toX(x - 0.4), Y: toY(l.Median)}, vg.Point{X: toX(x + 0.4), Y: toY(l.Median)})
			}
			if l.Failed {
				s := style(t.bad, 10)
				s.XAlign = draw.XCenter
				c.FillText(s, vg.Point{X: toX(x), Y: c.Min.Y + 3}, "failed")
			}
		}
	}))
	p.Draw(draw.Crop(c, 6, -10, 2, -18))
}

// square is a sample: small, and four corners in the file.
var square = []vg.Point{{X: -1, Y: -1}, {X: 1, Y: -1}, {X: 1, Y: 1}, {X: -1, Y: 1}}

// few makes about n labelled ticks whose labels tell them apart.
type few struct{ n int }

func (f few) Ticks(lo, hi float64) []plot.Tick {
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/float64(f.n))))
	for _, k := range []float64{1, 2, 2.5, 5, 10} {
		if (hi-lo)/(k*step) <= float64(f.n) {
			step *= k
			break
		}
	}
	var ticks []plot.Tick
	for i := math.Ceil(lo / step); i*step <= hi; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: number(i * step)})
	}
	return ticks
}

// logTicks are ticks at 1, 2 and 5 times powers of ten, or at fewer where they have no
// room, and at more where the axis is short.
type logTicks struct {
	times bool // the labels are factors
	room  int  // for so many labels
}

func (l logTicks) Ticks(lo, hi float64) []plot.Tick {
	label := func(v float64) string {
		text := number(v)
		if l.times {
			text += "×"
		}
		return text
	}
	var found []float64
	for _, of := range [][]float64{{1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9}, {1, 1.5, 2, 3, 4, 5, 7}, {1, 2, 5}, {1, 3}, {1}} {
		found = found[:0]
		for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
			for _, m := range of {
				if v := m * math.Pow(10, e); v >= lo && v <= hi {
					found = append(found, v)
				}
			}
		}
		if len(found) <= max(2, l.room) {
			break
		}
	}
	every := 1 + (len(found)-1)/max(2, l.room)
	var ticks []plot.Tick
	for i, v := range found {
		if i%every == 0 {
			ticks = append(ticks, plot.Tick{Value: v, Label: label(v)})
		}
	}
	if len(ticks) < 2 {
		return []plot.Tick{{Value: lo, Label: label(lo)}, {Value: hi, Label: label(hi)}}
	}
	return ticks
}

// polygon is a regular one with a corner at an angle in degrees.
func polygon(r vg.Length, corners int, angle float64) []vg.Point {
	var list []vg.Point
	for i := range corners {
		sin, cos := math.Sincos(angle*math.Pi/180 + 2*math.Pi*float64(i)/float64(corners))
		list = append(list, vg.Point{X: r * vg.Length(cos), Y: r * vg.Length(sin)})
	}
	return list
}
