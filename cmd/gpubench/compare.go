//go:build !helper

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"gpubench/internal/analysis"
	"gpubench/internal/report"
	"gpubench/internal/result"
)

func compareCommand() *command {
	return &command{
		name:     "compare",
		synopsis: "BASE NEW... [FLAGS]",
		short:    "ratios with intervals between result documents",
		long: `Every ratio is computed afresh from the samples, and a document whose figures do
not follow from them is refused. The verdict comes from the whole interval: faster or
slower when it lies beyond the threshold, same when it lies within, unclear when it
does not decide. The more arms are compared, the wider are these intervals, so that
all verdicts together are right with 95 %. Arms that ran different SPIR-V, another
format or another problem never get a ratio; they are listed with the reason.

Conditions for --fail-on: slower (the interval says so), unclear, failed (in NEW),
missing (nothing in NEW can be held against an arm of BASE). slower:5% and
unclear:5% have a threshold of their own. Any that is met makes the exit code 5.
Where NEW ran another specialization than BASE the ratio may be no change of the device,
and the verdict is unclear: measure NEW by gpubench run --like BASE.
`,
		flags: func(set *pflag.FlagSet) func(*invocation) error {
			threshold := &percent{value: 0.02, lo: 0, hi: 1}
			set.Var(threshold, "threshold", "ignore differences up to `PERCENT`")
			failOn := &conditions{}
			set.Var(failOn, "fail-on", "fail on `CONDITION`, as in slower:2%; may be given again")
			asJSON := set.Bool("json", false, "print one JSON object")
			return func(in *invocation) error { return compare(in, threshold.value, failOn.list, *asJSON) }
		},
	}
}

// conditions is the flag --fail-on.
type conditions struct {
	list  []analysis.Condition
	texts []string
}

func (c *conditions) Set(text string) error {
	for _, part := range strings.Split(text, ",") {
		kind, limit, limited := strings.Cut(part, ":")
		d := analysis.Condition{Kind: kind, Threshold: -1}
		if !slices.Contains(analysis.Conditions, kind) {
			return fmt.Errorf("%s", unknown("condition", kind, "", analysis.Conditions))
		}
		if limited {
			if kind != "slower" && kind != "unclear" {
				return fmt.Errorf("%s has no threshold; write %s alone", kind, kind)
			}
			p := percent{lo: 0, hi: 1}
			if err := p.Set(limit); err != nil {
				return err
			}
			d.Threshold = p.value
		}
		c.list = append(c.list, d)
		c.texts = append(c.texts, part)
	}
	return nil
}

func (c *conditions) Type() string   { return "CONDITION" }
func (c *conditions) String() string { return strings.Join(c.texts, ",") }

// comparisonSchema names the format of `compare --json`.
var comparisonSchema = result.Schema{Name: "gpubench.comparison", Version: "1.1.0"}

// compare carries out `gpubench compare`.
func compare(in *invocation, threshold float64, failOn []analysis.Condition, asJSON bool) error {
	if len(in.args) < 2 {
		return failf(exitUsage, "compare: two result documents at least are needed; write `gpubench compare BASE.json NEW.json`")
	}
	sources, err := readSources(in.args)
	if err != nil {
		return err
	}
	var comparisons []*analysis.Comparison
	for _, new := range sources[1:] {
		c, err := analysis.Compare(sources[0], new, threshold)
		if err != nil {
			return judged(err)
		}
		comparisons = append(comparisons, c)
	}

	if asJSON {
		err = writeJSON(in, map[string]any{"schema": comparisonSchema, "comparisons": comparisons})
	} else {
		err = answered(report.CompareTable(in.stdout, comparisons, report.OptionsFor(in.stdout, in.getenv)))
	}
	if err != nil {
		return err
	}
	var met []string
	for _, c := range comparisons {
		if c.Pairs == 0 {
			met = append(met, fmt.Sprintf("%s and %s have no arm in common that both measured", c.Base, c.New))
		}
		for _, d := range failOn {
			for _, r := range d.Meets(c) {
				what := d.Kind
				if d.Threshold >= 0 {
					what += " by more than " + formatPercent(d.Threshold)
				}
				work := fmt.Sprintf("%dx%dx%d", r.M, r.N, r.K)
				if r.Role == result.RoleOverhead {
					work = "empty dispatch"
				}
				if d.Kind == "slower" && r.Specialization != "" {
					what += fmt.Sprintf(" with another specialization (%s), which may be why: measure again with --like %s", r.Specialization, c.Base)
				}
				met = append(met, fmt.Sprintf("%s: %s %s is %s", c.New, r.Device, work, what))
			}
		}
	}
	if len(met) > 0 {
		return failf(exitComparison, "compare: %s", strings.Join(met, "; "))
	}
	return nil
}

// judged gives the error of a document that contradicts itself its exit code.
func judged(err error) error {
	var altered *analysis.Altered
	if errors.As(err, &altered) {
		return &failure{exitWrong, err}
	}
	return err
}
