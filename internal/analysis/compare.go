// One document held against another.

package analysis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gpubench/internal/result"
	"gpubench/internal/stats"
)

// Source is a result document with the name that it is spoken of by, a path as a
// rule.
type Source struct {
	Name     string
	Document *result.Document
}

// What became of an arm in a comparison.
const (
	Compared      = "compared"       // both sides have samples: Ratio is set
	Failed        = "failed"         // the new side has no valid figure
	BaseFailed    = "base-failed"    // only the base has none
	Missing       = "missing"        // the new document has no such arm
	Added         = "added"          // the base has no such arm
	NotComparable = "not-comparable" // the nearest arm of the other side ran something else
)

// Comparison holds one document against another, arm by arm.
type Comparison struct {
	Base      string  `json:"base"`
	New       string  `json:"new"`
	Threshold float64 `json:"threshold"` // ratios within 1/(1+threshold) and 1+threshold are the same
	// Pairs is how many arms are compared, Confidence the one of each interval of a
	// verdict, so that all of them together have 95 %.
	Pairs      int      `json:"pairs"`
	Confidence float64  `json:"confidence"`
	Rows       []Row    `json:"rows"`
	Notes      []string `json:"notes"`

	BaseDocument *result.Document `json:"-"`
	NewDocument  *result.Document `json:"-"`
}

// Row is one arm of a Comparison.
type Row struct {
	Status  string        `json:"status"`
	Reason  string        `json:"reason"` // why it is not compared, empty when it is
	Runtime string        `json:"runtime"`
	Backend string        `json:"backend"`
	Device  string        `json:"device"`
	Name    string        `json:"name"`
	Role    string        `json:"role"`
	Kernel  string        `json:"kernel"`
	Format  string        `json:"format"`
	SPIRV   string        `json:"spirv_sha256"`
	M       int           `json:"m"`
	N       int           `json:"n"`
	K       int           `json:"k"`
	Base    *Side         `json:"base"` // null when the base has no samples of it
	New     *Side         `json:"new"`
	Ratio   *RatioOfSides `json:"ratio"`
	Verdict string        `json:"verdict"` // faster, slower, same or unclear; empty unless compared
	// Specialization says in which constants the two sides differ. Then a ratio is no
	// change of the device alone, and the verdict never more than unclear or same.
	Specialization string `json:"specialization"`
}

// Side is what the samples of one document say about an arm, computed afresh.
type Side struct {
	ID        string      `json:"id"` // of the measurement in its document
	N         int         `json:"n"`
	Launches  int         `json:"launches"`
	MedianS   float64     `json:"median_s"`
	CI95S     *[2]float64 `json:"ci95_s"`
	FLOPS     float64     `json:"flops"` // 0 for the empty dispatch
	FLOPSCI95 *[2]float64 `json:"flops_ci95"`
}

// RatioOfSides is how many times faster the new side is than the base.
type RatioOfSides struct {
	Value  float64     `json:"value"`
	CI95   *[2]float64 `json:"ci95"`
	Method string      `json:"method"`
	// CIVerdict is the interval of the verdict. It is wider than CI95 where several
	// arms are compared: all of these intervals together hold the truth with 95 %.
	CIVerdict *[2]float64 `json:"ci_verdict"`
}

// VerdictAt judges the row's ratio at a practical threshold (0.02 is 2 %). It is
// empty for a row that was not compared.
func (r *Row) VerdictAt(threshold float64) stats.Verdict {
	v := r.asMeasured(threshold)
	if r.Specialization != "" && (v == stats.Faster || v == stats.Slower) {
		return stats.Unclear
	}
	return v
}

// asMeasured is the verdict on the ratio, whatever it comes from.
func (r *Row) asMeasured(threshold float64) stats.Verdict {
	if r.Ratio == nil {
		return ""
	}
	return stats.Ratio{Value: r.Ratio.Value, CI: r.Ratio.CIVerdict}.Verdict(threshold)
}

// Compare matches the arms of two documents and computes every ratio from the
// samples; the summaries and ratios that the documents hold are not used. Arms
// that ran different SPIR-V, another number format, another problem or in another
// runtime never get a ratio: they are rows that say so, and so are arms that one
// side lacks. A document whose figures do not follow from its samples is an
// *Altered error.
//
// Of many true equals some differ by chance. The verdicts therefore come from
// intervals that all together hold the truth with 95 %, by Bonferroni's inequality;
// and where a launch's rate moved in the course of a run, they are wider by
// that, since the next run may begin where this one ended.
func Compare(base, new Source, threshold float64) (*Comparison, error) {
	c := &Comparison{Base: base.Name, New: new.Name, Threshold: threshold, Rows: []Row{}, Notes: []string{}, BaseDocument: base.Document, NewDocument: new.Document}
	olds, err := arms(base)
	if err != nil {
		return nil, err
	}
	news, err := arms(new)
	if err != nil {
		return nil, err
	}
	if a, b := base.Document.Host.CPU.Model, new.Document.Host.CPU.Model; a != b {
		c.note("the documents come from different processors: %s and %s", a, b)
	}
	for _, s := range []Source{base, new} {
		if s.Document.Interrupted {
			c.note("%s: the run was interrupted, so arms may lack launches", s.Name)
		}
	}

	partner := match(olds, news)
	pairs := 0
	for i, o := range olds {
		if n := partner[i]; n != nil && o.side != nil && n.side != nil && len(differences(o, n)) == 0 {
			pairs++
		}
	}
	c.Pairs, c.Confidence = pairs, 1-(1-stats.Confidence)/float64(max(pairs, 1))
	for i := range olds {
		if err := c.add(olds[i], partner[i]); err != nil {
			return nil, err
		}
	}
	c.noteCommonShift()
	for _, n := range news {
		if !slices.Contains(partner, n) {
			r := n.row(Added, fmt.Sprintf("%s has no such arm", base.Name))
			r.New = n.side
			c.Rows = append(c.Rows, r)
		}
	}
	return c, nil
}

// leastForShift is the fewest products that show that all moved.
const leastForShift = 3

// noteCommonShift says so where every product became faster, or every one slower, by
// more than the threshold: the machine may have changed, and not what ran on it.
func (c *Comparison) noteCommonShift() {
	lo, hi, n := math.Inf(1), 0.0, 0
	for _, r := range c.Rows {
		if r.Ratio != nil && r.Role != result.RoleOverhead {
			lo, hi, n = min(lo, r.Ratio.Value), max(hi, r.Ratio.Value), n+1
		}
	}
	if n < leastForShift {
		return
	}
	switch {
	case lo > 1+c.Threshold:
		c.note("every product is faster, by %s to %s: the machine may have changed (its clock, its neighbours), and not what ran on it", percent(lo-1), percent(hi-1))
	case hi < 1/(1+c.Threshold):
		c.note("every product is slower, by %s to %s: the machine may have changed (its clock, its neighbours), and not what ran on it", percent(1/hi-1), percent(1/lo-1))
	}
}

// noteCode tells where the sides of a product ran code for different instruction sets, and
// where one is below what its processor has.
func (c *Comparison) noteCode(o, n *armOf) {
	if o.Role == result.RoleOverhead {
		return
	}
	x, y := o.device.Code(), n.device.Code()
	coreOf := func(d result.Device) string {
		if d.Library == nil || d.Library.Core == "" {
			return ""
		}
		return "the library's for " + d.Library.Core + ", "
	}
	if p, q := coreOf(o.device)+x, coreOf(n.device)+y; p != q {
		c.note("%s did not run the same code: %s in %s, %s in %s; a difference is one of that code, and need not be one of the machine", o.Device, cmp.Or(p, "unknown"), c.Base, cmp.Or(q, "unknown"), c.New)
	}
	if o.lame != "" && o.lame == n.lame {
		c.note("in both %s is no measure of the processor: %s", o.Device, o.lame)
		return
	}
	for _, side := range []struct {
		name string
		arm  *armOf
	}{{c.Base, o}, {c.New, n}} {
		if side.arm.lame != "" {
			c.note("in %s %s is no measure of the processor: %s", side.name, side.arm.Device, side.arm.lame)
		}
	}
}

// note adds a note, once: several sizes of a device have the same ones.
func (c *Comparison) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(c.Notes, text) {
		c.Notes = append(c.Notes, text)
	}
}

// armOf is one measurement with its device and what its samples say.
type armOf struct {
	*result.Measurement
	device result.Device
	side   *Side  // nil when it has no valid figure
	lame   string // why it does not show what its processor can do, empty where it does
}

// ownID is the id of the arm's device in its runtime: in a document of several runtimes it may
// bear the runtime's name.
func (a *armOf) ownID() string { return strings.TrimPrefix(a.Device, a.Runtime+"/") }

// arms recomputes every measurement of a document but the peaks, which are bounds
// and no results.
func arms(s Source) ([]*armOf, error) {
	d := s.Document
	if err := Check(d); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	devices := map[string]result.Device{}
	for _, dev := range d.Devices {
		devices[dev.ID] = dev
	}
	measured := slices.Clone(d.Measurements)
	for i := range measured {
		if m := &measured[i]; m.Status == result.StatusOK {
			summary, err := summarize(m)
			if err != nil {
				return nil, fmt.Errorf("%s: measurements[%d]: status is ok, but: %w", s.Name, i, err)
			}
			m.Summary = summary
		}
	}
	Peaks(measured, d.Devices, d.Host.CPU.ISA)
	slow := Slow(measured, d.Devices)
	var arms []*armOf
	for i := range measured {
		m := &measured[i]
		if m.Role == result.RolePeak {
			continue
		}
		a := &armOf{Measurement: m, device: devices[m.Device]}
		a.lame = cmp.Or(BelowProcessor(a.device), slow[m.ID])
		if impossible(m) {
			m.Status, m.Reason = result.StatusFailed, fmt.Sprintf("impossible: %s of the peak that multiply-adds alone reached on the device", percent(m.Peak.Share))
		} else if why := refused(m); why != "" {
			m.Status, m.Reason = result.StatusFailed, why
		}
		if m.Status == result.StatusOK {
			sum := m.Summary
			a.side = &Side{ID: m.ID, N: sum.N, Launches: sum.Launches, MedianS: sum.MedianS, CI95S: sum.CI95S, FLOPS: sum.FLOPS, FLOPSCI95: sum.FLOPSCI95}
		}
		arms = append(arms, a)
	}
	return arms, nil
}

// row makes the row of an arm without figures.
func (a *armOf) row(status, reason string) Row {
	return Row{
		Status: status, Reason: reason,
		Runtime: a.Runtime, Backend: a.device.Backend, Device: a.Device, Name: a.device.Name, Role: a.Role,
		Kernel: a.Kernel.Name, Format: a.Kernel.Format, SPIRV: a.Kernel.SPIRVSHA256,
		M: a.Problem.M, N: a.Problem.N, K: a.Problem.K,
	}
}

// add appends the row of a base arm with its partner, which may be nil.
func (c *Comparison) add(o, n *armOf) error {
	if n == nil {
		r := o.row(Missing, fmt.Sprintf("%s has no such arm", c.New))
		r.Base = o.side
		c.Rows = append(c.Rows, r)
		return nil
	}
	r := o.row(Compared, "")
	r.Base, r.New = o.side, n.side
	switch diff := differences(o, n); {
	case len(diff) > 0:
		r.Status, r.Reason = NotComparable, strings.Join(diff, "; ")
	case n.side == nil:
		r.Status, r.Reason = Failed, fmt.Sprintf("%s: %s", n.Status, n.Reason)
	case o.side == nil:
		r.Status, r.Reason = BaseFailed, fmt.Sprintf("in %s: %s: %s", c.Base, o.Status, o.Reason)
	default:
		if o.device.Name != n.device.Name {
			c.note("%s was %s and is %s", o.Device, o.device.Name, n.device.Name)
		}
		c.noteCode(o, n)
		if err := c.judge(&r, o, n); err != nil {
			return fmt.Errorf("%s, %s: %w", o.Device, problemName(o.Problem), err)
		}
	}
	c.Rows = append(c.Rows, r)
	return nil
}

// judge computes the ratio of a row and its verdict.
func (c *Comparison) judge(r *Row, o, n *armOf) error {
	slow, fast := Samples(o.Measurement).Medians(), Samples(n.Measurement).Medians()
	q, err := stats.IndependentRatio(slow, fast, stats.Confidence)
	if err != nil {
		return err
	}
	wide, err := stats.IndependentRatio(slow, fast, c.Confidence)
	if err != nil {
		return err
	}
	for _, side := range []struct {
		name string
		arm  *armOf
	}{{c.Base, o}, {c.New, n}} {
		if change, significant := RunDrift(side.arm.Measurement); significant && wide.CI != nil {
			c.note("%s: %s changed by %s in the course of the run; its verdicts allow for as much again", side.name, o.Device, percent(math.Abs(change)))
			wide.CI = &[2]float64{wide.CI[0] / (1 + math.Abs(change)), wide.CI[1] * (1 + math.Abs(change))}
		}
	}
	r.Ratio = &RatioOfSides{Value: q.Value, CI95: q.CI, Method: q.Method, CIVerdict: wide.CI}
	if r.Specialization = respecialized(o.Measurement, n.Measurement); r.Specialization != "" {
		c.note("%s at %s ran another specialization (%s): the ratio holds that difference too, and is no verdict on the device; measure %s again with --like %s", o.Device, problemName(o.Problem), r.Specialization, c.New, c.Base)
	}
	r.Verdict = string(r.VerdictAt(c.Threshold))
	return nil
}

func problemName(p result.Problem) string { return fmt.Sprintf("%dx%dx%d", p.M, p.N, p.K) }

// differences lists why two arms on one device must not share a ratio.
func differences(a, b *armOf) []string {
	var diff []string
	tell := func(what, x, y string) {
		if x != y {
			diff = append(diff, fmt.Sprintf("%s differs: %s, then %s", what, x, y))
		}
	}
	tell("runtime", a.Runtime, b.Runtime)
	tell("machine", machineName(a.Measurement), machineName(b.Measurement))
	tell("problem", problemName(a.Problem), problemName(b.Problem))
	// An arm that failed before its kernel was built knows no more than these two.
	if (a.side == nil || b.side == nil) && (a.Kernel.SPIRVSHA256 == "" || b.Kernel.SPIRVSHA256 == "") {
		return diff
	}
	tell("kernel", a.Kernel.Name, b.Kernel.Name)
	tell("number format", a.Kernel.Format, b.Kernel.Format)
	tell("format of the sums", a.Kernel.Accumulate, b.Kernel.Accumulate)
	if x, y := a.Kernel.SPIRVSHA256, b.Kernel.SPIRVSHA256; x != y {
		diff = append(diff, fmt.Sprintf("SPIR-V differs: %.12s, then %.12s", x, y))
	}
	return diff
}

// match finds for each old arm its partner among the new ones, or nil. Arms that
// may share a ratio are paired first, on the device with the same name and id,
// then the same name, then the same id (a new driver often changes the name);
// what is left over is paired with the arm of the same device that differs least,
// so that the row can say how.
func match(olds, news []*armOf) []*armOf {
	partner := make([]*armOf, len(olds))
	taken := map[*armOf]bool{}
	pair := func(fits func(o, n *armOf) bool) {
		for i, o := range olds {
			for _, n := range news {
				if partner[i] == nil && !taken[n] && sameRole(o, n) && fits(o, n) {
					partner[i], taken[n] = n, true
				}
			}
		}
	}
	sameID := func(o, n *armOf) bool { return o.ownID() == n.ownID() }
	sameName := func(o, n *armOf) bool {
		return o.device.Name == n.device.Name && o.device.Threads == n.device.Threads && o.device.ISA == n.device.ISA
	}
	comparable := func(o, n *armOf) bool { return len(differences(o, n)) == 0 }
	pair(func(o, n *armOf) bool { return comparable(o, n) && sameID(o, n) && sameName(o, n) })
	pair(func(o, n *armOf) bool { return comparable(o, n) && sameName(o, n) })
	pair(func(o, n *armOf) bool { return comparable(o, n) && sameID(o, n) })
	for most := 1; most <= 2; most++ {
		pair(func(o, n *armOf) bool {
			return len(differences(o, n)) == most && (sameID(o, n) || sameName(o, n))
		})
	}
	return partner
}

func sameRole(a, b *armOf) bool {
	return a.device.Backend == b.device.Backend && a.Role == b.Role
}

// A Condition is a reason to call a comparison failed: --fail-on of the command
// line.
type Condition struct {
	Kind      string  // slower, unclear, failed or missing
	Threshold float64 // for slower and unclear; below 0 means the comparison's own
}

// Conditions lists the kinds that there are.
var Conditions = []string{"slower", "unclear", "failed", "missing"}

// Meets returns the rows of a comparison that meet the condition. A row is slower also
// where another specialization may be the reason: that a regression of the driver led the
// search there cannot be excluded. Missing covers
// every arm of the base that the new document cannot be held against: arms that it
// lacks, and those that ran something else there.
func (d Condition) Meets(c *Comparison) []Row {
	threshold := d.Threshold
	if threshold < 0 {
		threshold = c.Threshold
	}
	var rows []Row
	for _, r := range c.Rows {
		switch v := r.VerdictAt(threshold); {
		case d.Kind == "slower" && r.asMeasured(threshold) == stats.Slower,
			d.Kind == "unclear" && v == stats.Unclear,
			d.Kind == "failed" && r.Status == Failed,
			d.Kind == "missing" && (r.Status == Missing || r.Status == NotComparable):
			rows = append(rows, r)
		}
	}
	return rows
}
