//go:build !helper

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"gpubench/internal/analysis"
	"gpubench/internal/report"
	"gpubench/internal/result"
)

func claimsCommand() *command {
	return &command{
		name:     "claims",
		synopsis: "DOCUMENT... [FLAGS]",
		short:    "judge published claims by result documents",
		long: `Judges three published claims, or those of --claims FILE: "Podman/libkrun Vulkan 3-4x
the CPU", "native macOS MPS 4-6x", "cloud NVIDIA CUDA 10-100x". Each is held against
three baselines, since the baseline makes the claim: the kernel on all cores (cpu), on
one (cpu:1), and the BLAS library (blas).

supported     every interval of a ratio lies inside of the claim's range
refuted       every interval lies outside
partly        some lie inside and some outside, as at different sizes
inconclusive  an interval reaches across an end of the range, or there is none

"inside" is the share of the bootstrap distribution that lies in the range. Software
devices never count as a GPU. Every ratio is computed afresh from the samples, and a
document whose figures do not follow from them is refused.

A file of claims:

  {"schema": {"name": "gpubench.claims", "version": "1.0.0"},
   "claims": [{"id": "mine", "text": "Vulkan is twice the CPU", "source": "a talk",
               "low": 1.8, "high": 2.2, "baselines": ["cpu"],
               "arm": {"os": "linux", "runtime": "native", "backends": ["vulkan"], "format": "f32"}}]}

What is left out of arm picks everything; "cpu": true in it is for claims about
processors that are no GPU.
`,
		flags: func(set *pflag.FlagSet) func(*invocation) error {
			file := set.String("claims", "", "judge the claims in `FILE` instead")
			var baselines list
			set.Var(&baselines, "baseline", "only against these baselines, as in cpu,blas")
			check := set.Bool("check", false, "exit with 6 when a claim is refuted against any baseline")
			asJSON := set.Bool("json", false, "print one JSON object")
			return func(in *invocation) error { return judgeClaims(in, *file, baselines, *check, *asJSON) }
		},
	}
}

// judgementSchema names the format of `claims --json`.
var judgementSchema = result.Schema{Name: "gpubench.judgement", Version: "1.1.0"}

// judgeClaims carries out `gpubench claims`.
func judgeClaims(in *invocation, file string, baselines []string, check, asJSON bool) error {
	if len(in.args) == 0 {
		return failf(exitUsage, "claims: a result document is needed; write `gpubench claims RESULT.json`, after `gpubench run --json RESULT.json`")
	}
	claims := analysis.PublishedClaims()
	if file != "" {
		var err error
		if claims, err = readClaims(file); err != nil {
			return failf(exitUsage, "--claims %w", err)
		}
	}
	for i := range claims {
		if len(baselines) > 0 {
			claims[i].Baselines = baselines
		}
	}
	sources, err := readSources(in.args)
	if err != nil {
		return err
	}
	judgements, err := analysis.Judge(sources, claims)
	if err != nil {
		return judged(err)
	}

	if asJSON {
		err = writeJSON(in, map[string]any{"schema": judgementSchema, "judgements": judgements})
	} else {
		err = answered(report.ClaimsTable(in.stdout, judgements, report.OptionsFor(in.stdout, in.getenv)))
	}
	if err != nil || !check {
		return err
	}
	var refuted []string
	for _, j := range judgements {
		for _, v := range j.Verdicts {
			if v.Verdict == analysis.Refuted {
				refuted = append(refuted, fmt.Sprintf("%s against %s", j.ID, v.Baseline))
			}
		}
	}
	if len(refuted) > 0 {
		return failf(exitClaim, "claims: refuted: %s", strings.Join(refuted, ", "))
	}
	return nil
}

func readClaims(path string) ([]analysis.Claim, error) {
	f, err := os.Open(path)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	return analysis.ReadClaims(f, path)
}

// readSources reads documents and names them by their paths.
func readSources(paths []string) ([]analysis.Source, error) {
	var sources []analysis.Source
	for _, path := range paths {
		doc, err := readDocument(path)
		if err != nil {
			return nil, err
		}
		sources = append(sources, analysis.Source{Name: path, Document: doc})
	}
	return sources, nil
}
