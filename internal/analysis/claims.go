// Published claims held against measurements.

package analysis

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"gpubench/internal/result"
	"gpubench/internal/stats"
)

// Claim is a published range of how many times faster one thing is than another.
type Claim struct {
	ID   string `json:"id"`   // short name
	Text string `json:"text"` // as it was published
	// Source says where, and what it leaves open.
	Source string `json:"source"`
	// Low and High are the ends of the range, both inside.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Arm picks the measurements that the claim speaks of.
	Arm Selector `json:"arm"`
	// Baselines are the devices that they are compared with, each by itself: the
	// baseline makes the claim. BaselineNames where there are none.
	Baselines []string `json:"baselines,omitempty"`
}

// Selector picks measurements. What is empty picks all.
type Selector struct {
	OS       string   `json:"os,omitempty"`       // of the host, as Go names it
	Runtime  string   `json:"runtime,omitempty"`  // native, podman, ...
	Backends []string `json:"backends,omitempty"` // vulkan, cuda, cublas, mps, ...
	Format   string   `json:"format,omitempty"`   // number format: f32; without one, any that a baseline has too
	// CPU is true for a claim about processors that are no GPU. Without it only
	// measurements on a GPU count, and never those of a software device.
	CPU bool `json:"cpu,omitempty"`
}

// BaselineNames are the baselines of a claim that names none: the kernel on all cores,
// the kernel on one, and the vendor's or the best free library.
var BaselineNames = []string{"cpu", "cpu:1", "blas"}

// ClaimsSchema names the format of a file of claims.
var ClaimsSchema = result.Schema{Name: "gpubench.claims", Version: "1.0.0"}

//go:embed claims.json
var published []byte

// PublishedClaims are the claims that gpubench was made to judge.
func PublishedClaims() []Claim {
	claims, err := ReadClaims(bytes.NewReader(published), "claims.json")
	if err != nil {
		panic("BUG: analysis: " + err.Error())
	}
	return claims
}

// maxClaims bounds the bytes of a file of claims.
const maxClaims = 1 << 20

// ReadClaims reads a file of claims: one JSON object with the schema gpubench.claims
// and a list of claims. name is the file's name for errors.
func ReadClaims(r io.Reader, name string) ([]Claim, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxClaims+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(data) > maxClaims {
		return nil, fmt.Errorf("%s: more than %d MiB, which is no file of claims", name, maxClaims>>20)
	}
	var file struct {
		Schema result.Schema `json:"schema"`
		Claims []Claim       `json:"claims"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields() // a misspelt selector would pick everything
	if err := d.Decode(&file); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
			err = errors.New("the file ends in the middle")
		}
		return nil, fmt.Errorf("%s: %w; `gpubench help claims` shows the format", name, err)
	}
	if d.More() {
		return nil, fmt.Errorf("%s: there is more after the object", name)
	}
	if file.Schema.Name != ClaimsSchema.Name || !strings.HasPrefix(file.Schema.Version, "1.") {
		return nil, fmt.Errorf("%s: schema %q %q is not %s %s", name, file.Schema.Name, file.Schema.Version, ClaimsSchema.Name, ClaimsSchema.Version)
	}
	if len(file.Claims) == 0 {
		return nil, fmt.Errorf("%s: there are no claims in it", name)
	}
	seen := map[string]bool{}
	for i := range file.Claims {
		c := &file.Claims[i]
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("%s: claims[%d]: %w", name, i, err)
		}
		if seen[c.ID] {
			return nil, fmt.Errorf("%s: claims[%d]: the id %q stands there a second time", name, i, c.ID)
		}
		seen[c.ID] = true
		if len(c.Baselines) == 0 {
			c.Baselines = BaselineNames
		}
	}
	return file.Claims, nil
}

func (c *Claim) check() error {
	switch {
	case c.ID == "":
		return errors.New("id is missing")
	case c.Text == "":
		return errors.New("text is missing")
	case !(c.Low > 0) || !(c.High >= c.Low) || math.IsInf(c.High, 1):
		return fmt.Errorf("the range from low %g to high %g is none", c.Low, c.High)
	case slices.Contains(c.Baselines, ""):
		return errors.New("a baseline has no name")
	}
	return nil
}

// ClaimVerdict is what measurements say about a claim.
type ClaimVerdict string

// The verdicts on a claim. They come from whole intervals.
const (
	Supported    ClaimVerdict = "supported"    // every interval lies inside of the range
	Refuted      ClaimVerdict = "refuted"      // every interval lies outside of it
	Partly       ClaimVerdict = "partly"       // some lie inside and some outside
	Inconclusive ClaimVerdict = "inconclusive" // intervals reach across an end of the range, or there are none
)

// Judgement is a claim with a verdict for each of its baselines.
type Judgement struct {
	Claim
	Verdicts []BaselineVerdict `json:"verdicts"`
}

// BaselineVerdict is the verdict on a claim if this is what it was compared with.
type BaselineVerdict struct {
	Baseline string       `json:"baseline"`
	Verdict  ClaimVerdict `json:"verdict"`
	Missing  []string     `json:"missing"` // what there was no measurement of, or none that counts
	// Caveats say which of its arms and baselines do not make use of their processor.
	Caveats []string     `json:"caveats,omitempty"`
	Ratios  []ClaimRatio `json:"ratios"`
}

// ClaimRatio is one ratio that a verdict rests on.
type ClaimRatio struct {
	Document string       `json:"document"`
	Arm      string       `json:"arm"`      // id of the measurement
	Baseline string       `json:"baseline"` // id of the one that it is compared with
	Runtime  string       `json:"runtime"`
	Device   string       `json:"device"`
	Name     string       `json:"name"`
	M        int          `json:"m"`
	N        int          `json:"n"`
	K        int          `json:"k"`
	Value    float64      `json:"value"`
	CI95     *[2]float64  `json:"ci95"`
	Method   string       `json:"method"`
	Share    float64      `json:"share"`   // of the bootstrap distribution inside of the range; 0 without an interval
	Verdict  ClaimVerdict `json:"verdict"` // supported, refuted or inconclusive
}

// Judge holds claims against documents. Every ratio is computed from samples, arms and
// baselines of the same document, problem and format; where a runtime has no baseline
// of its own, the native one serves. A document whose figures do not follow from its
// samples is an *Altered error.
func Judge(sources []Source, claims []Claim) ([]Judgement, error) {
	var all [][]*armOf
	for _, s := range sources {
		as, err := arms(s)
		if err != nil {
			return nil, err
		}
		all = append(all, as)
	}
	judgements := []Judgement{}
	for _, c := range claims {
		j := Judgement{Claim: c}
		for _, b := range c.Baselines {
			v := BaselineVerdict{Baseline: b, Missing: []string{}, Ratios: []ClaimRatio{}}
			for i, s := range sources {
				if err := v.add(c, s, all[i]); err != nil {
					return nil, err
				}
			}
			if len(v.Ratios) == 0 && len(v.Missing) == 0 {
				v.miss("no measurement of %s", c.Arm)
			}
			v.Verdict = together(v.Ratios)
			j.Verdicts = append(j.Verdicts, v)
		}
		judgements = append(judgements, j)
	}
	return judgements, nil
}

func (v *BaselineVerdict) miss(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(v.Missing, text) {
		v.Missing = append(v.Missing, text)
	}
}

// add judges a claim by the arms of one document.
func (v *BaselineVerdict) add(c Claim, s Source, arms []*armOf) error {
	for _, a := range arms {
		if !c.Arm.picks(s.Document, a) {
			continue
		}
		where := fmt.Sprintf("%s: %s in %s", s.Name, a.Device, a.Runtime)
		switch {
		case !c.Arm.CPU && a.device.Software:
			v.miss("%s is %s, a program on the CPU, which says nothing about a GPU", where, a.device.Name)
			continue
		case !c.Arm.CPU && !a.device.GPU():
			v.miss("%s is no GPU", where)
			continue
		case a.side == nil:
			v.miss("%s, %s: %s: %s", where, problemName(a.Problem), a.Status, a.Reason)
			continue
		}
		base := v.baseline(arms, a)
		if base == nil && c.Arm.Format == "" && a.Kernel.Format != result.FormatF32 {
			continue // no baseline multiplies in it
		}
		if base == nil && !slices.ContainsFunc(arms, v.is) {
			v.miss("%s: %s was not measured; measure it in the same run (--device %s,%s)", s.Name, baselineWords(v.Baseline), v.Baseline, a.Device)
			continue
		}
		if base == nil {
			v.miss("%s: no %s to compare %s with at %s; measure it in the same run (--device %s,%s)", s.Name, baselineWords(v.Baseline), a.Device, problemName(a.Problem), v.Baseline, a.Device)
			continue
		}
		r, err := RatioWithin(base.Measurement, a.Measurement)
		if err != nil {
			return fmt.Errorf("%s: %s and %s: %w", s.Name, a.ID, base.ID, err)
		}
		q := ClaimRatio{Document: s.Name, Arm: a.ID, Baseline: base.ID, Runtime: a.Runtime, Device: a.Device, Name: a.device.Name,
			M: a.Problem.M, N: a.Problem.N, K: a.Problem.K, Value: r.Value, CI95: r.CI95, Method: r.Method, Verdict: Inconclusive}
		if r.CI95 == nil {
			v.miss("%s: too few launches of %s or %s for an interval", s.Name, a.ID, base.ID)
		} else {
			q.Verdict = bounded(inside(*r.CI95, c.Low, c.High), *r.CI95, c.Low, c.High, a.lame != "", base.lame != "")
			slow, fast, paired := samplesOfRatio(base.Measurement, a.Measurement)
			q.Share = stats.ShareInside(slow, fast, paired, c.Low, c.High, s.Document.Seed)
		}
		v.Ratios = append(v.Ratios, q)
		v.caveat(s.Name, "baseline", base, "the ratios are too high, and can neither support the claim nor show that it says too little")
		v.caveat(s.Name, "arm", a, "the ratios are too low, and can neither support the claim nor show that it says too much")
	}
	return nil
}

// caveat notes that an arm does not make use of its processor.
func (v *BaselineVerdict) caveat(document, what string, a *armOf, so string) {
	if a.lame == "" {
		return
	}
	if text := fmt.Sprintf("%s: the %s %s is no measure of the processor: %s; %s", document, what, inRuntime(a), a.lame, so); !slices.Contains(v.Caveats, text) {
		v.Caveats = append(v.Caveats, text)
	}
}

func inRuntime(a *armOf) string { return a.Device + " in " + a.Runtime }

// picks reports whether a claim speaks of an arm, whatever became of it.
func (s Selector) picks(d *result.Document, a *armOf) bool {
	return (s.OS == "" || s.OS == d.Host.OS) && (s.Runtime == "" || s.Runtime == a.Runtime) &&
		(len(s.Backends) == 0 || slices.Contains(s.Backends, a.device.Backend)) &&
		(s.Format == "" || s.Format == a.Kernel.Format) &&
		(a.Role == result.RoleKernel || a.Role == result.RoleReference)
}

// String words what a selector picks.
func (s Selector) String() string {
	var words []string
	if len(s.Backends) > 0 {
		words = append(words, strings.Join(s.Backends, " or "))
	}
	if s.Format != "" {
		words = append(words, s.Format)
	}
	if !s.CPU {
		words = append(words, "on a GPU")
	}
	if s.Runtime != "" {
		words = append(words, "in the runtime "+s.Runtime)
	}
	if s.OS != "" {
		words = append(words, "under "+s.OS)
	}
	if len(words) == 0 {
		return "anything"
	}
	return strings.Join(words, " ")
}

// baseline finds what an arm is to be compared with: a good measurement of the same
// work by the same SPIR-V, in the same runtime or else natively, on the same machine.
func (v *BaselineVerdict) baseline(arms []*armOf, a *armOf) *armOf {
	for _, runtime := range []string{a.Runtime, "native"} {
		for _, b := range arms {
			if v.is(b) && b != a && b.Runtime == runtime && b.side != nil && compared(b.Measurement) && sameWork(a.Measurement, b.Measurement) && sameKernel(a.Measurement, b.Measurement) && sameMachine(a.Measurement, b.Measurement) {
				return b
			}
		}
	}
	return nil
}

// is reports whether an arm is on the baseline's device. On a machine with one core cpu
// is cpu:1 as well.
func (v *BaselineVerdict) is(a *armOf) bool {
	return a.ownID() == v.Baseline || v.Baseline == "cpu:1" && a.ownID() == "cpu" && a.device.Threads == 1
}

// baselineWords describes a baseline.
func baselineWords(id string) string {
	switch id {
	case "cpu":
		return "cpu (all cores)"
	case "cpu:1":
		return "cpu:1 (one core)"
	}
	return id
}

// inside judges one interval by a range.
func inside(ci [2]float64, low, high float64) ClaimVerdict {
	switch {
	case ci[0] >= low && ci[1] <= high:
		return Supported
	case ci[1] < low || ci[0] > high:
		return Refuted
	}
	return Inconclusive
}

// together is the verdict on all ratios of a claim.
func together(ratios []ClaimRatio) ClaimVerdict {
	in, out := 0, 0
	for _, r := range ratios {
		switch r.Verdict {
		case Supported:
			in++
		case Refuted:
			out++
		}
	}
	switch n := len(ratios); {
	case n == 0:
		return Inconclusive
	case in == n:
		return Supported
	case out == n:
		return Refuted
	case in > 0 && out > 0:
		return Partly
	}
	return Inconclusive
}
