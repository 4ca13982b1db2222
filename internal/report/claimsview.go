package report

import (
	"fmt"
	"io"

	"gpubench/internal/analysis"
)

// ClaimsTable prints judgements: each claim, for each of its baselines the ratios and
// the verdict, and what was missing. The error is the writer's.
func ClaimsTable(w io.Writer, judgements []analysis.Judgement, o Options) error {
	p := newPrinter(w, o)
	for i, j := range judgements {
		if i > 0 {
			p.line("")
		}
		p.judgement(j)
	}
	return p.err
}

// judgement prints one claim.
func (p *printer) judgement(j analysis.Judgement) {
	p.text(p.clean(j.ID+": "+j.Text), strong)
	if j.Source != "" {
		p.hang("source: ", p.clean(j.Source), faint)
	}
	p.hang("range:  ", fmt.Sprintf("%g%s to %g%s, %s", j.Low, p.pick("×", "x"), j.High, p.pick("×", "x"), p.clean(j.Arm.String())), faint)
	p.line("")

	var sources []string
	for _, v := range j.Verdicts {
		sources = append(sources, distinct(v.Ratios, func(r analysis.ClaimRatio) string { return r.Document })...)
	}
	several := len(distinct(sources, func(s string) string { return s })) > 1
	columns := []column{
		{head: "against", least: 7},
		{head: "verdict"},
		{head: "device", least: 10},
		{head: "size"},
		{head: "ratio", right: true},
		{head: "95 %"},
		{head: "inside", right: true, drop: 1},
	}
	var rows []row
	for _, v := range j.Verdicts {
		against, verdict := cell{text: p.clean(v.Baseline)}, cell{text: string(v.Verdict), style: claimStyle(v.Verdict)}
		if len(v.Ratios) == 0 {
			rows = append(rows, row{cells: []cell{against, verdict}, rest: "not measured", restFrom: 2, restStyle: faint})
		}
		for _, r := range v.Ratios {
			device := inRuntime(r.Runtime, r.Device)
			if several {
				device = r.Document + ": " + device
			}
			ci, share := "none", ""
			if r.CI95 != nil {
				ci, share = p.interval(*r.CI95), fmt.Sprintf("%.1f %%", 100*r.Share)
			}
			rows = append(rows, row{cells: []cell{against, verdict, {text: p.clean(device)}, {text: p.dimensions(r.M, r.N, r.K)},
				{text: digits4(r.Value) + p.pick("×", "x"), style: strong}, {text: ci}, {text: share}}})
			against, verdict = cell{}, cell{} // once for all ratios of a baseline
		}
	}
	if len(sources) == 0 {
		p.line("  " + p.paint(string(analysis.Inconclusive), claimStyle(analysis.Inconclusive)) + ": nothing was measured that it speaks of")
	} else {
		p.table(2, columns, rows)
	}
	var said, caveats []string
	for _, v := range j.Verdicts {
		said, caveats = append(said, v.Missing...), append(caveats, v.Caveats...)
	}
	itself := func(s string) string { return s }
	said, caveats = distinct(said, itself), distinct(caveats, itself)
	if len(said)+len(caveats) > 0 {
		p.line("")
	}
	for _, c := range caveats {
		p.hang("caution: ", p.clean(c), notice)
	}
	for _, m := range said {
		p.hang("missing: ", p.clean(m), notice)
	}
}

func claimStyle(v analysis.ClaimVerdict) style {
	switch v {
	case analysis.Supported:
		return good
	case analysis.Refuted:
		return bad
	case analysis.Partly:
		return notice
	}
	return plain
}
