package plots

import (
	"bytes"
	"encoding/xml"
	"image/color"
	"image/png"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
)

// hostile is text that must stay text.
const hostile = `</text><script>alert(1)</script>" onload="x & <b>`

// figures are one of each kind, with texts that may be hostile.
func figures(text string) map[string]Figure {
	samples := []float64{1.01, 1.02, 1.0, 1.5}
	return map[string]Figure{
		"forest": &Forest{Rows: []ForestRow{
			{Label: text, Value: 3.4, Interval: &[2]float64{3.2, 3.6}, Band: &[2]float64{3, 4}, Tone: Good},
			{Label: text, Value: 0.02, Tone: Bad}, {Label: text, Band: &[2]float64{10, 100}, Head: true}, {Label: text, Value: 1, Interval: &[2]float64{1, 1}, Tone: Open},
		}},
		"shares":  &Shares{Bars: []Bar{{Label: text, Share: 0.7, Text: "70 %"}, {Label: text, Share: 1.2, Text: text, Tone: Bad}}},
		"lines":   &Lines{Unit: text, Series: []Series{{Label: text, Points: []LinePoint{{512, 100, &[2]float64{90, 110}}, {1024, 120, nil}}}, {Label: text, Points: []LinePoint{{512, 3, nil}}}}},
		"samples": &Samples{Panels: []Panel{{Label: text, Unit: text, Median: 1.01, Interval: &[2]float64{1, 1.02}, Launches: []Launch{{Name: text, Median: 1.01, Samples: samples}, {Name: "2", Failed: true}}}}},
	}
}

// TestSVG reads the drawings again: they are XML, hold nothing that runs or loads, and
// all of their colours follow the reader.
func TestSVG(t *testing.T) {
	colour := regexp.MustCompile(`(fill|stroke)="(#[0-9a-f]{6})" ?`)
	for name, f := range figures(hostile) {
		for _, width := range []float64{200, 900} {
			for _, inline := range []bool{false, true} {
				svg, err := SVG(f, Options{Width: width, Title: hostile, Alt: hostile, Inline: inline})
				if err != nil {
					t.Fatal(err)
				}
				texts := 0
				for dec := xml.NewDecoder(bytes.NewReader(svg)); ; {
					tok, err := dec.Token()
					if err == io.EOF {
						break
					}
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					start, ok := tok.(xml.StartElement)
					if !ok {
						continue
					}
					if !strings.Contains(" svg title style g path text ", " "+start.Name.Local+" ") {
						t.Errorf("%s holds the element %s", name, start.Name.Local)
					}
					if start.Name.Local == "text" {
						texts++
					}
					attributes := map[string]string{}
					for _, a := range start.Attr {
						attributes[a.Name.Local] = a.Value
						if strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Name.Local, "href") {
							t.Errorf("%s holds the attribute %s", name, a.Name.Local)
						}
					}
					if start.Name.Local == "text" && attributes["textLength"] == "" {
						t.Errorf("%s: a text has no width of its own", name)
					}
					for _, c := range []string{"fill", "stroke"} {
						if v := attributes[c]; v != "" && v != "none" && !strings.Contains(attributes["class"], prefix+c[:1]+"-") {
							t.Errorf("%s: the %s %s does not follow the theme", name, c, v)
						}
						if strings.Contains(attributes["style"], c+":#") {
							t.Errorf("%s: the style %q has a colour of its own", name, attributes["style"])
						}
					}
				}
				if texts == 0 || !colour.Match(svg) {
					t.Errorf("%s shows nothing", name)
				}
			}
		}
	}
}

// TestPNG looks at the pixels: the paper is that of the theme, and something is drawn.
func TestPNG(t *testing.T) {
	for name, f := range figures("cpu 1024") {
		for _, o := range []Options{{Width: 300, Title: "Title"}, {Width: 300, Dark: true}} {
			data, err := PNG(f, o)
			if err != nil {
				t.Fatal(err)
			}
			img, err := png.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if w := img.Bounds().Dx(); w != 600 {
				t.Errorf("%s is %d pixels wide, should be 600", name, w)
			}
			paper := light.paper
			if o.Dark {
				paper = dark.paper
			}
			if r, g, b, _ := img.At(1, 1).RGBA(); uint8(r>>8) != paper.R || uint8(g>>8) != paper.G || uint8(b>>8) != paper.B {
				t.Errorf("%s: the paper is %d %d %d, should be %v", name, r>>8, g>>8, b>>8, paper)
			}
			drawn := 0
			for y := range img.Bounds().Dy() {
				for x := range img.Bounds().Dx() {
					if r, g, b, _ := img.At(x, y).RGBA(); uint8(r>>8) != paper.R || uint8(g>>8) != paper.G || uint8(b>>8) != paper.B {
						drawn++
					}
				}
			}
			if drawn < 1000 {
				t.Errorf("%s: %d pixels are drawn", name, drawn)
			}
		}
	}
}

// TestContrast holds the colours against the paper by the formula of WCAG 2: 4.5 for
// text, 3 for what is drawn.
func TestContrast(t *testing.T) {
	for _, th := range []*theme{light, dark} {
		check := func(name string, c color.RGBA, least float64) {
			if got := contrast(c, th.paper); got < least {
				t.Errorf("%s %v on %v has a contrast of %.2f, should have %g", name, c, th.paper, got, least)
			}
		}
		check("ink", th.ink, 4.5)
		check("faint", th.faint, 4.5)
		check("good", th.good, 4.5)
		check("bad", th.bad, 4.5)
		for i, c := range th.series {
			check("series", c, 3)
			// Neighbours in a legend are told apart by their lightness or their shape.
			for _, d := range th.series[i+1:] {
				if c == d {
					t.Errorf("two series have the colour %v", c)
				}
			}
		}
	}
	if len(light.series) != len(dark.series) || len(shapes) != len(light.series) {
		t.Error("the themes and the shapes do not correspond")
	}
}

func contrast(a, b color.RGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c color.RGBA) float64 {
	part := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*part(c.R) + 0.7152*part(c.G) + 0.0722*part(c.B)
}

// TestTicks sees that axes of any range have labels that differ, and not too many.
func TestTicks(t *testing.T) {
	for _, r := range [][2]float64{{0.9, 1.1}, {0.02, 120}, {3, 3.0001}, {1e-9, 1e9}, {95, 210}, {0.999, 1.001}} {
		for _, room := range []int{2, 7, 20} {
			ticks := logTicks{times: true, room: room}.Ticks(r[0], r[1])
			seen := map[string]bool{}
			for _, k := range ticks {
				if seen[k.Label] {
					t.Errorf("%v with room for %d: the label %s stands twice", r, room, k.Label)
				}
				seen[k.Label] = true
			}
			if len(ticks) < 2 || len(ticks) > max(room, 2) {
				t.Errorf("%v with room for %d: %d ticks", r, room, len(ticks))
			}
		}
		if n := len(few{5}.Ticks(r[0], r[1])); n < 1 || n > 7 {
			t.Errorf("%v: %d linear ticks", r, n)
		}
	}
}

// FuzzFigures draws figures of any size: documents may hold absurd ones.
func FuzzFigures(f *testing.F) {
	f.Add("vulkan:0", 3.4, 3.2, 3.6)
	f.Add("", 0.0, 0.0, 0.0)
	f.Add("x", 1e300, 1e-300, 1e308)
	f.Add("x", 5e-324, 5e-324, 1.7e308)
	f.Fuzz(func(t *testing.T, label string, value, lo, hi float64) {
		for _, v := range []float64{value, lo, hi} {
			if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
				return // no document holds these
			}
		}
		figure := &Forest{Rows: []ForestRow{{Label: label, Value: value, Interval: &[2]float64{lo, hi}}, {Label: label, Value: value, Band: &[2]float64{lo, hi}}}}
		lines := &Lines{Series: []Series{{Label: label, Points: []LinePoint{{Size: value, Rate: lo, Interval: &[2]float64{lo, hi}}, {Size: hi, Rate: value}}}}}
		shares := &Shares{Bars: []Bar{{Label: label, Share: value}, {Label: label, Share: hi}}}
		samples := &Samples{Panels: []Panel{{Label: label, Median: value, Interval: &[2]float64{lo, hi}, Launches: []Launch{{Median: lo, Samples: []float64{value, lo, hi}}, {Samples: []float64{0}}}}}}
		for _, f := range []Figure{figure, lines, shares, samples} {
			if _, err := SVG(f, Options{Width: 350}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
