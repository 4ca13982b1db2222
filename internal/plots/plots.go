// Package plots draws the figures of a report by gonum/plot: samples by launch, ratios
// with their intervals against claimed ranges, rates over the size, and shares of
// the peak. It draws what it is given, in the units that it is given, and computes
// nothing.
//
// Colours are told apart by the colour-blind too (they follow Okabe and Ito), and no
// meaning rests on a colour alone. An SVG follows the reader's choice of light or
// dark; text in it keeps its width with any font, so that none is needed.
package plots

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Figure is a plot that fits itself to a width.
type Figure interface {
	// height is what it takes at a width, both in points.
	height(width vg.Length) vg.Length
	draw(c draw.Canvas, t *theme)
}

// Options say how a figure is to be drawn.
type Options struct {
	Width float64 // in points
	Title string  // drawn above the figure where it is not empty
	Alt   string  // what an SVG tells those who cannot see it
	Dark  bool    // for a PNG; an SVG has both
	// Inline is for an SVG inside of a page that has Style in its style sheet.
	Inline bool
}

// titleHeight is the room of a title.
const titleHeight = 26

// theme is a set of colours. Colours of the two themes correspond by name.
type theme struct {
	paper, ink, faint, grid, band color.RGBA
	good, bad                     color.RGBA
	series                        []color.RGBA
}

func rgb(v uint32) color.RGBA {
	return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}
}

func rgbs(values ...uint32) (list []color.RGBA) {
	for _, v := range values {
		list = append(list, rgb(v))
	}
	return list
}

var (
	light = &theme{
		paper: rgb(0xffffff), ink: rgb(0x1f2328), faint: rgb(0x59636e), grid: rgb(0xd8dee4), band: rgb(0xd5e5f6),
		good: rgb(0x006e4f), bad: rgb(0xb43a00),
		series: rgbs(0x0072b2, 0xc45200, 0x00805c, 0xa8528a, 0x8a5d00, 0x2a7fad, 0x555e68),
	}
	dark = &theme{
		paper: rgb(0x0d1117), ink: rgb(0xe6edf3), faint: rgb(0x9198a1), grid: rgb(0x30363d), band: rgb(0x1c3a5a),
		good: rgb(0x2fc79b), bad: rgb(0xff8a4d),
		series: rgbs(0x56b4e9, 0xff9a5c, 0x30c89a, 0xe79bc6, 0xe3b341, 0x9ccaec, 0xb7c0c9),
	}
)

// names lists the colours of a theme by the names of their classes in an SVG.
func (t *theme) names() (names []string, colours []color.RGBA) {
	add := func(name string, c color.RGBA) { names, colours = append(names, name), append(colours, c) }
	add("paper", t.paper)
	add("ink", t.ink)
	add("faint", t.faint)
	add("grid", t.grid)
	add("band", t.band)
	add("good", t.good)
	add("bad", t.bad)
	for i, c := range t.series {
		add(fmt.Sprintf("s%d", i), c)
	}
	return names, colours
}

// PNG draws a figure as a bitmap of twice as many pixels as points.
func PNG(f Figure, o Options) ([]byte, error) {
	t := light
	if o.Dark {
		t = dark
	}
	w, h := size(f, o)
	c := vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(144), vgimg.UseBackgroundColor(t.paper))
	paint(f, o, draw.New(c), t)
	var b bytes.Buffer
	if err := png.Encode(&b, c.Image()); err != nil {
		return nil, fmt.Errorf("plots: %w", err)
	}
	return b.Bytes(), nil
}

// SVG draws a figure as a document, or as an element for a page.
func SVG(f Figure, o Options) ([]byte, error) {
	w, h := size(f, o)
	c := vgsvg.NewWith(vgsvg.UseWH(w, h))
	paint(f, o, draw.New(c), light)
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("plots: %w", err)
	}
	return restyle(b.Bytes(), w, h, o), nil
}

func size(f Figure, o Options) (w, h vg.Length) {
	w = vg.Length(o.Width)
	h = f.height(w)
	if o.Title != "" {
		h += titleHeight
	}
	return w, h
}

func paint(f Figure, o Options, c draw.Canvas, t *theme) {
	if !o.Inline {
		c.SetColor(t.paper)
		c.Fill(c.Rectangle.Path())
	}
	if o.Title != "" {
		s := style(t.ink, 13)
		s.Font.Weight = bold
		c.FillText(s, vg.Point{X: c.Min.X + 6, Y: c.Max.Y - 18}, fit(s, o.Title, c.Max.X-c.Min.X-12))
		c = draw.Crop(c, 0, 0, 0, -titleHeight)
	}
	f.draw(c, t)
}

// bold is the weight of titles.
const bold = 2 // x/image/font.WeightSemiBold is 2, WeightBold 3

// style is that of a text, its place being the left end of its base line.
func style(c color.Color, size float64) draw.TextStyle {
	return draw.TextStyle{Color: c, Font: font.From(plot.DefaultFont, vg.Length(size)), Handler: text.Plain{Fonts: font.DefaultCache}, XAlign: draw.XLeft, YAlign: draw.YBottom}
}

// fit shortens a text to a width.
func fit(s draw.TextStyle, text string, width vg.Length) string {
	if s.Width(text) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && s.Width(string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

// newPlot is an empty plot in the colours of a theme.
func newPlot(t *theme) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil // the paper is drawn already
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle = draw.LineStyle{Color: t.faint, Width: 0.75}
		a.Tick.LineStyle = draw.LineStyle{Color: t.faint, Width: 0.75}
		a.Tick.Length = 3
		a.Padding = 4
		label := a.Tick.Label
		label.Color, label.Font = t.ink, font.From(plot.DefaultFont, 10)
		a.Tick.Label = label
		a.Label.TextStyle.Color, a.Label.TextStyle.Font = t.faint, font.From(plot.DefaultFont, 10)
		a.Label.Padding = 2
	}
	return p
}

// shapes are the outlines of points, as different as their colours.
var shapes = []func(r vg.Length) []vg.Point{
	func(r vg.Length) []vg.Point { return polygon(r, 12, 0) }, // circle
	func(r vg.Length) []vg.Point {
		r *= 0.9
		return []vg.Point{{X: -r, Y: -r}, {X: r, Y: -r}, {X: r, Y: r}, {X: -r, Y: r}}
	}, // square
	func(r vg.Length) []vg.Point { return polygon(1.25*r, 3, 90) },  // triangle
	func(r vg.Length) []vg.Point { return polygon(1.2*r, 4, 0) },    // diamond
	func(r vg.Length) []vg.Point { return polygon(1.25*r, 3, 270) }, // triangle, upside down
	func(r vg.Length) []vg.Point { return polygon(1.1*r, 6, 0) },    // hexagon
	func(r vg.Length) []vg.Point { return polygon(1.15*r, 5, 90) },  // pentagon
}

// points draws one shape at many places, as a single path: thousands of them make a
// small file.
func points(c draw.Canvas, at []vg.Point, shape []vg.Point, colour color.Color) {
	var path vg.Path
	for _, p := range at {
		for i, d := range shape {
			if q := p.Add(d); i == 0 {
				path.Move(q)
			} else {
				path.Line(q)
			}
		}
		path.Close()
	}
	if len(path) > 0 {
		c.SetColor(colour)
		c.Fill(path)
	}
}

// stroke draws a line.
func stroke(c draw.Canvas, colour color.Color, width vg.Length, dashes []vg.Length, line ...vg.Point) {
	c.StrokeLines(draw.LineStyle{Color: colour, Width: width, Dashes: dashes}, line)
}

// fill draws a rectangle.
func fill(c draw.Canvas, colour color.Color, x0, y0, x1, y1 vg.Length) {
	c.FillPolygon(colour, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}

// number writes the label of a tick.
func number(v float64) string {
	if v == 0 {
		return "0" // and not -0
	}
	return fmt.Sprintf("%.6g", v)
}
