package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

// pages is where the pages and their screenshots stay after a test, to be looked at.
var pages = filepath.Join("..", "..", "build", "pages")

// writePages makes the pages of the sample reports.
func writePages(t *testing.T, names ...string) (paths []string) {
	t.Helper()
	if err := os.MkdirAll(pages, 0o755); err != nil {
		t.Fatal(err)
	}
	reports := sampleReports(t)
	for _, name := range names {
		var b bytes.Buffer
		if err := reports[name].HTML(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		path, err := filepath.Abs(filepath.Join(pages, name+".html"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// node returns a command of Node.js with the modules of testdata/browser, or skips the
// test where they are not.
func node(t *testing.T, script string) (modules string, command func(args ...string) ([]byte, error)) {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no Node.js here (package nodejs)")
	}
	if modules, err = filepath.Abs(filepath.Join("..", "..", "build", "browser")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "node_modules", "axe-core")); err != nil {
		t.Skip("the npm packages of testdata/browser are not installed in build/browser (make test-setup)")
	}
	return modules, func(args ...string) ([]byte, error) {
		cmd := exec.Command(path, append([]string{filepath.Join("testdata", "browser", script)}, args...)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, stderr.String())
		}
		return out, err
	}
}

// TestPagesInChromium opens pages on a wide and a narrow screen, light and dark. The
// screenshots stay in build/pages.
func TestPagesInChromium(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no Chromium here (package chromium)")
	}
	modules, run := node(t, "look.mjs")
	shots, err := filepath.Abs(filepath.Join(pages, "shots"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := run(append([]string{chromium, shots, modules}, writePages(t, "laptop", "runtimes", "harmful", "days")...)...)
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); ; looked++ {
		var found struct {
			Page, Scheme, Title, Background, Download, DownloadName string
			Width, Overflow                                         int
			Smallest                                                float64
			Console, Requests, Dialogs, Axe, Wide, Texts            []string
		}
		err := dec.Decode(&found)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		where := fmt.Sprintf("%s at %d, %s", found.Page, found.Width, found.Scheme)
		for what, list := range map[string][]string{
			"the console says": found.Console, "it asks for": found.Requests, "a script ran": found.Dialogs, "axe finds": found.Axe,
			"sticks out": found.Wide, "a text of a plot is": found.Texts,
		} {
			for _, l := range list {
				t.Errorf("%s: %s: %s", where, what, l)
			}
		}
		if found.Overflow > 0 {
			t.Errorf("%s: it is %d pixels too wide", where, found.Overflow)
		}
		if found.Smallest < 9.5 {
			t.Errorf("%s: the smallest text of a plot has %.1f pixels", where, found.Smallest)
		}
		if want := map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[found.Scheme]; found.Background != want {
			t.Errorf("%s: the background is %s, should be %s", where, found.Background, want)
		}
		if found.Title != "gpubench report" {
			t.Errorf("%s: the title is %q", where, found.Title)
		}
		if found.Download != "" {
			f, err := os.Open(found.Download)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := result.Read(f, found.DownloadName); err != nil {
				t.Errorf("%s: what is downloaded is no document: %v", where, err)
			}
			f.Close()
		}
	}
	if looked != 16 {
		t.Errorf("%d views were looked at, should be 16", looked)
	}
}

// TestPage looks at pages without a browser.
func TestPage(t *testing.T) {
	for name, r := range sampleReports(t) {
		var b bytes.Buffer
		if err := r.HTML(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		page := b.String()
		if strings.Contains(page, "ZgotmplZ") {
			t.Errorf("%s: the template refused a value", name)
		}
		checkMarkup(t, name, page)
		// What the terminal says the page says too.
		for _, p := range r.parts {
			if !strings.Contains(page, html.EscapeString(p.view.host)) {
				t.Errorf("%s lacks the machine %q", name, p.view.host)
			}
			said := plainText(t, page)
			for _, table := range p.view.problems {
				for _, row := range table.rows {
					for i, c := range row.cells {
						if (row.rest == "" || i < row.restFrom) && !strings.Contains(said, c.text) {
							t.Errorf("%s lacks the cell %q", name, c.text)
						}
					}
					if !strings.Contains(said, row.rest) {
						t.Errorf("%s lacks why a row has no figures: %q", name, row.rest)
					}
				}
			}
			if len(p.view.notes) > 0 && !strings.Contains(page, `-notes"><li>`+html.EscapeString(p.view.notes[0])) {
				t.Errorf("%s lacks the list of footnotes", name)
			}
			for _, text := range append(append(p.view.notes, p.view.warnings...), p.view.missing...) {
				if !strings.Contains(said, text) {
					t.Errorf("%s lacks the note %q", name, text)
				}
			}
		}
		downloads := regexp.MustCompile(`href="data:application/json;base64,([^"]*)"`).FindAllStringSubmatch(page, -1)
		if len(downloads) != len(r.parts) {
			t.Fatalf("%s holds %d documents, should hold %d", name, len(downloads), len(r.parts))
		}
		for i, d := range downloads {
			raw, err := base64.StdEncoding.DecodeString(html.UnescapeString(d[1]))
			if err != nil || !bytes.Equal(raw, r.parts[i].Raw) {
				t.Errorf("%s: document %d differs from what was read (%v)", name, i, err)
			}
		}
	}
}

// allowed are the elements of a page. There is none that runs or loads anything.
var allowed = " html head meta title style body a header h1 h2 h3 p nav ul ol li main div table caption thead tbody tr th td span svg rect g path text figure figcaption pre footer code "

// checkMarkup refuses what a page of ours never holds: whatever got there through the
// text of a document.
func checkMarkup(t *testing.T, name, page string) {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() != io.EOF {
				t.Errorf("%s: %v", name, z.Err())
			}
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			if !strings.Contains(allowed, " "+tok.Data+" ") {
				t.Errorf("%s holds the element %s", name, tok)
			}
			for _, a := range tok.Attr {
				if strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s holds the handler %s of %s", name, a.Key, tok.Data)
				}
				if a.Key == "href" && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "data:application/") || a.Key == "src" {
					t.Errorf("%s leads to %.60s", name, a.Val)
				}
			}
		}
	}
}

// plainText is what a page says.
func plainText(t *testing.T, page string) string {
	t.Helper()
	var b strings.Builder
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			b.WriteString(z.Token().Data)
			b.WriteString("\n")
		}
	}
}

// FuzzPage puts a text wherever a document has room for one: it never becomes markup.
func FuzzPage(f *testing.F) {
	for _, s := range []string{script, `"><img src=x onerror=alert(1)>`, "</style><script>alert(1)</script>", "javascript:alert(1)", "{{.}}", "\x00\xff\u202e", "]]>", "-->"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		in := harmful(t)
		d := *in.Document
		d.Host.CPU.Model, d.Host.Kernel, d.Host.Runtime.Name, d.Argv = s, s, s, []string{s}
		d.Warnings = []result.Warning{{Code: s, Text: s}}
		d.Absent = []result.Absent{{Backend: s, Reason: s, Remedy: s}}
		d.Devices = append([]result.Device{}, d.Devices...)
		for i := range d.Devices {
			d.Devices[i].Name, d.Devices[i].Driver.Name, d.Devices[i].API = s, s, s
		}
		d.Measurements = append([]result.Measurement{}, d.Measurements...)
		for i := range d.Measurements {
			m := &d.Measurements[i]
			m.Runtime, m.Kernel.Form = s, s
			m.Warnings = []result.Warning{{Code: s, Text: s}}
		}
		testdoc.Open(&d)
		in.Document, in.Name = &d, s
		r, err := New([]Input{in, in}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var page bytes.Buffer
		if err := r.HTML(&page); err != nil {
			t.Fatal(err)
		}
		checkMarkup(t, "the page", page.String())
		for _, write := range []func(io.Writer) error{r.Markdown, r.CSV, r.Benchmark} {
			if err := write(io.Discard); err != nil {
				t.Error(err)
			}
		}
		for _, name := range PlotNames {
			if p, err := r.Plot(name); (err != nil) != (name == "peak") || err == nil && p.Title == "" {
				t.Errorf("plot %s: %v", name, err) // only a peak is not in it
			}
		}
	})
}
