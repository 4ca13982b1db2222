//go:build !helper

package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"gpubench/internal/analysis"
	"gpubench/internal/plots"
	"gpubench/internal/report"
	"gpubench/internal/result"
)

// reportFormats are the formats of a report, which are also the endings of its files.
var reportFormats = []string{"html", "svg", "png", "md", "csv", "txt"}

func reportCommand() *command {
	return &command{
		name:     "report",
		synopsis: "DOCUMENT... -o FILE [FLAGS]",
		short:    "a page, plots, Markdown, CSV or benchstat's format from result documents",
		long: `Makes a report from result documents. Several (machines, days) are put side by side
and told apart by what differs. The format comes from the ending of FILE:

.html  one page with everything: tables, plots, environment, checks, warnings, and the
       documents themselves for download; it asks nothing of anywhere
.svg   one plot: ratios (with the claimed ranges), samples (by launch), sizes (rate over
.png   matrix size) or peak (share of what the arithmetic can do)
.md    tables for an issue or a pull request
.csv   one row a sample, in seconds and FLOP/s
.txt   Go's benchmark format for benchstat, one line a launch

A document whose figures do not follow from its samples is refused.
`,
		flags: func(set *pflag.FlagSet) func(*invocation) error {
			o := &reportOptions{}
			set.StringVarP(&o.out, "output", "o", "", "write the report to `FILE`, whole or not at all; - for standard output")
			set.StringVar(&o.format, "format", "", "`FORMAT` whatever the ending: "+strings.Join(reportFormats, ", "))
			set.StringVar(&o.plot, "plot", "ratios", "for svg and png, the plot `NAME`: "+strings.Join(report.PlotNames, ", "))
			set.BoolVar(&o.dark, "dark", false, "a dark png; an svg and the page follow the reader's choice")
			set.IntVar(&o.width, "width", 900, "for svg and png, the width in points (a png has twice as many pixels)")
			set.StringVar(&o.claims, "claims", "", "hold the claims in `FILE` against the documents instead of the published ones")
			return func(in *invocation) error { return o.run(in) }
		},
	}
}

// reportOptions are the flags of `gpubench report`.
type reportOptions struct {
	out, format, plot, claims string
	dark                      bool
	width                     int
}

// The widths of a plot in points that can be drawn and looked at.
const (
	leastWidth = 200
	mostWidth  = 4000
)

// check completes the flags.
func (o *reportOptions) check(in *invocation) error {
	if len(in.args) == 0 {
		return failf(exitUsage, "report: a result document is needed; write `gpubench report RESULT.json -o report.html`, after `gpubench run --json RESULT.json`")
	}
	if o.out == "" {
		return failf(exitUsage, "report: where to is missing; add -o report.html, or -o - --format md for standard output")
	}
	if o.format == "" {
		o.format = strings.ToLower(strings.TrimPrefix(filepath.Ext(o.out), "."))
		if !slices.Contains(reportFormats, o.format) {
			return failf(exitUsage, "-o %s: the ending does not say which format: use one of %s, or --format", o.out, strings.Join(reportFormats, ", "))
		}
	}
	if !slices.Contains(reportFormats, o.format) {
		return failf(exitUsage, "--format %s: %s", o.format, unknown("format", o.format, "", reportFormats))
	}
	if !slices.Contains(report.PlotNames, o.plot) {
		return failf(exitUsage, "--plot %s: %s", o.plot, unknown("plot", o.plot, "", report.PlotNames))
	}
	if o.width < leastWidth || o.width > mostWidth {
		return failf(exitUsage, "--width %d: it must be between %d and %d", o.width, leastWidth, mostWidth)
	}
	return nil
}

// run carries out `gpubench report`.
func (o *reportOptions) run(in *invocation) error {
	if err := o.check(in); err != nil {
		return err
	}
	claims := analysis.PublishedClaims()
	if o.claims != "" {
		var err error
		if claims, err = readClaims(o.claims); err != nil {
			return failf(exitUsage, "--claims %w", err)
		}
	}
	inputs, err := readInputs(in.args)
	if err != nil {
		return err
	}
	r, err := report.New(inputs, claims)
	if err != nil {
		return judged(err)
	}
	var b bytes.Buffer
	if err := o.write(&b, r); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if o.out == "-" {
		return write(in.stdout, b.String())
	}
	if err := result.WriteBytes(o.out, b.Bytes()); err != nil {
		return fmt.Errorf("-o %w", err)
	}
	return nil
}

// write writes the report in its format.
func (o *reportOptions) write(w io.Writer, r *report.Report) error {
	switch o.format {
	case "html":
		return r.HTML(w)
	case "md":
		return r.Markdown(w)
	case "csv":
		return r.CSV(w)
	case "txt":
		return r.Benchmark(w)
	}
	p, err := r.Plot(o.plot)
	if err != nil {
		return err
	}
	draw := plots.SVG
	if o.format == "png" {
		draw = plots.PNG
	}
	picture, err := draw(p.Figure, plots.Options{Width: float64(o.width), Title: p.Title, Alt: p.Text + " " + p.Words, Dark: o.dark})
	if err != nil {
		return err
	}
	_, err = w.Write(picture)
	return err
}

// readInputs reads documents and keeps their texts, several at a time. The error is that
// of the first in the order of the paths.
func readInputs(paths []string) ([]report.Input, error) {
	inputs, errs := make([]report.Input, len(paths)), make([]error, len(paths))
	var all sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, path := range paths {
		all.Add(1)
		free <- struct{}{}
		go func() {
			defer func() { <-free; all.Done() }()
			var raw bytes.Buffer
			doc, err := readThrough(path, func(r io.Reader) io.Reader { return io.TeeReader(r, &raw) })
			inputs[i], errs[i] = report.Input{Source: analysis.Source{Name: path, Document: doc}, Raw: raw.Bytes()}, err
		}()
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return inputs, nil
}
