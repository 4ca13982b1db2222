package plots

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// prefix is that of the classes of colours.
const prefix = "gb-"

// Style is the style sheet of the colours, for a page that holds figures. Paper shows
// them as on paper.
func Style() string {
	return rules(light) + "@media screen and (prefers-color-scheme:dark){" + rules(dark) + "}"
}

// rules are those of one theme. A colour both fills and strokes what has its class;
// which of the two is seen, the attributes of the element decide.
func rules(t *theme) string {
	var b strings.Builder
	names, colours := t.names()
	for i, n := range names {
		fmt.Fprintf(&b, ".%[1]sf-%[2]s{fill:%[3]s}.%[1]ss-%[2]s{stroke:%[3]s}", prefix, n, hex(colours[i]))
	}
	return b.String()
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

var (
	styleAttribute = regexp.MustCompile(`style="([^"]*)"`)
	textElement    = regexp.MustCompile(`(?s)<text ([^>]*)>([^<]*)</text>`)
	fontSize       = regexp.MustCompile(`font-size:([0-9.]+)px`)
)

// restyle makes of what vgsvg wrote an SVG whose colours are classes and whose texts
// have the widths that they were set with.
func restyle(svg []byte, w, h vg.Length, o Options) []byte {
	classes := map[string]string{}
	names, colours := light.names()
	for i, c := range colours {
		classes[hex(c)] = names[i]
	}
	start := bytes.Index(svg, []byte("<g "))
	body := styleAttribute.ReplaceAllStringFunc(string(svg[start:]), func(attribute string) string {
		var of, rest, plain []string
		for _, d := range strings.Split(attribute[len(`style="`):len(attribute)-1], ";") {
			name, value, _ := strings.Cut(d, ":")
			class, known := classes[strings.ToLower(value)]
			switch {
			case (name == "fill" || name == "stroke") && known:
				plain = append(plain, fmt.Sprintf(`%s="%s"`, name, strings.ToLower(value)))
				of = append(of, prefix+name[:1]+"-"+class)
			case name == "font-family": // these have the same widths
				rest = append(rest, "font-family:'Liberation Sans',Arimo,Arial,Helvetica,sans-serif")
			case name == "font-variant" || name == "font-style" || d == "font-weight:normal" || d == "":
			default:
				rest = append(rest, d)
			}
		}
		if len(of) > 0 {
			plain = append(plain, fmt.Sprintf(`class="%s"`, strings.Join(of, " ")))
		}
		if len(rest) > 0 {
			plain = append(plain, fmt.Sprintf(`style="%s"`, strings.Join(rest, ";")))
		}
		return strings.Join(plain, " ")
	})
	body = textElement.ReplaceAllStringFunc(body, func(element string) string {
		m := textElement.FindStringSubmatch(element)
		size := fontSize.FindStringSubmatch(m[1])
		if size == nil || m[2] == "" {
			return element
		}
		points, _ := strconv.ParseFloat(size[1], 64)
		f := font.From(plot.DefaultFont, vg.Length(points))
		if strings.Contains(m[1], "font-weight") {
			f.Weight = bold
		}
		face := font.DefaultCache.Lookup(f, f.Size)
		width := face.Width(html.UnescapeString(m[2]))
		return fmt.Sprintf(`<text textLength="%.2f" lengthAdjust="spacingAndGlyphs" %s>%s</text>`, width.Points(), m[1], m[2])
	})

	var b bytes.Buffer
	alt := html.EscapeString(o.Alt)
	if o.Inline {
		fmt.Fprintf(&b, `<svg viewBox="0 0 %.5g %.5g" role="img" aria-label="%s" style="width:100%%;max-width:%.5gpx;height:auto">`, w.Points(), h.Points(), alt, w.Points())
	} else {
		b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
		fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.5g" height="%.5g" viewBox="0 0 %.5g %.5g" role="img" aria-label="%s">`, w.Points(), h.Points(), w.Points(), h.Points(), alt)
		fmt.Fprintf(&b, "\n<title>%s</title>\n<style>%s</style>\n", alt, Style())
	}
	b.WriteString(body)
	return b.Bytes()
}
