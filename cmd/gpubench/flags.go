package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"gpubench/internal/backend"
)

// flagError words what is wrong with the flags of a command, and what to do.
func flagError(c *command, set *pflag.FlagSet, err error) error {
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	var unknownFlag *pflag.NotExistError
	switch {
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s %s: %w", invalid.GetFlag().Name, quoteIfEmpty(invalid.GetValue()), errors.Unwrap(invalid))
	case errors.As(err, &missing):
		return fmt.Errorf("--%s: a value is missing; see `gpubench help %s`", missing.GetFlag().Name, c.name)
	case errors.As(err, &unknownFlag) && unknownFlag.GetSpecifiedShortnames() == "":
		var known []string
		set.VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		return fmt.Errorf("%s: %s (see `gpubench help %s`)", c.name, unknown("flag", unknownFlag.GetSpecifiedName(), "--", known), c.name)
	case errors.As(err, &unknownFlag):
		return fmt.Errorf("%s: unknown flag -%s; flags have two dashes: see `gpubench help %s`", c.name, unknownFlag.GetSpecifiedShortnames(), c.name)
	}
	return fmt.Errorf("%s: %w; see `gpubench help %s`", c.name, err, c.name)
}

func quoteIfEmpty(s string) string {
	if s == "" {
		return `""`
	}
	return s
}

// unknown words that a name does not exist, with the nearest ones that do.
func unknown(what, name, prefix string, known []string) string {
	best, distance := "", 1+max(1, len(name)/2) // further away it is no misspelling
	for _, k := range known {
		d := editDistance(name, k)
		if strings.HasPrefix(k, name) && len(name) > 1 {
			d = 1
		}
		if d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("unknown %s %s%s; did you mean %s%s?", what, prefix, name, prefix, best)
	}
	var list []string
	for _, k := range known {
		list = append(list, prefix+k)
	}
	if len(list) == 0 {
		return fmt.Sprintf("unknown %s %s%s; there is none", what, prefix, name)
	}
	return fmt.Sprintf("unknown %s %s%s; there are %s", what, prefix, name, strings.Join(list, ", "))
}

// editDistance is Levenshtein's: the fewest insertions, deletions and
// substitutions of bytes that make b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// maxDimension keeps every index within 32 bits with a sign.
const maxDimension = math.MaxInt32

// sizes is a flag with matrix sizes: 1024,2048x1024x512.
type sizes struct{ list []backend.Problem }

func (s *sizes) Set(text string) error {
	for _, part := range strings.Split(text, ",") {
		p, err := parseSize(part)
		if err != nil {
			return err
		}
		if !slices.Contains(s.list, p) {
			s.list = append(s.list, p)
		}
	}
	return nil
}

func (s *sizes) Type() string { return "LIST" }

func (s *sizes) String() string {
	var list []string
	for _, p := range s.list {
		if p.M == p.N && p.N == p.K {
			list = append(list, strconv.Itoa(p.M))
		} else {
			list = append(list, p.String())
		}
	}
	return strings.Join(list, ",")
}

// parseSize reads 1024 or MxNxK.
func parseSize(text string) (backend.Problem, error) {
	const example = "write 1024, or 2048x1024x512 for M x N x K"
	parts := strings.Split(strings.ToLower(strings.TrimSpace(text)), "x")
	if len(parts) != 1 && len(parts) != 3 {
		return backend.Problem{}, fmt.Errorf("%q has %d dimensions; %s", text, len(parts), example)
	}
	var d [3]int
	for i := range d {
		part := parts[i%len(parts)]
		n, err := strconv.Atoi(part)
		switch {
		case errors.Is(err, strconv.ErrRange), err == nil && n > maxDimension:
			return backend.Problem{}, fmt.Errorf("a dimension is at most %d; %s", maxDimension, example)
		case err != nil:
			return backend.Problem{}, fmt.Errorf("%q is not a whole number; %s", part, example)
		case n < 1:
			return backend.Problem{}, fmt.Errorf("a dimension is at least 1; %s", example)
		}
		d[i] = n
	}
	return backend.Problem{M: d[0], N: d[1], K: d[2]}, nil
}

// percent is a flag that needs its percent sign, since 1 could mean 1 or 100 %.
type percent struct {
	value  float64 // 0.01 is 1 %
	lo, hi float64
}

func (p *percent) Set(text string) error {
	v, err := parsePercent(text)
	if err != nil {
		return err
	}
	if v < p.lo || v > p.hi {
		return fmt.Errorf("it must lie between %s and %s", formatPercent(p.lo), formatPercent(p.hi))
	}
	p.value = v
	return nil
}

func (p *percent) Type() string   { return "PERCENT" }
func (p *percent) String() string { return formatPercent(p.value) }

func formatPercent(v float64) string { return strconv.FormatFloat(100*v, 'g', 6, 64) + "%" }

// parsePercent reads 2% as 0.02.
func parsePercent(text string) (float64, error) {
	number, found := strings.CutSuffix(strings.TrimSpace(text), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || v != v {
		return 0, fmt.Errorf("%q is not a number of percent; write 1%%", text)
	}
	if !found {
		return 0, fmt.Errorf("the unit is missing; write %s%% for percent", number)
	}
	return v / 100, nil
}

// duration is a flag with a time, within bounds.
type duration struct {
	value  time.Duration
	lo, hi time.Duration
}

func (d *duration) Set(text string) error {
	v, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return errors.New("not a time; write 0.5s, 30s or 2m")
	case v < d.lo || v > d.hi:
		return fmt.Errorf("it must lie between %v and %v", d.lo, d.hi)
	}
	d.value = v
	return nil
}

func (d *duration) Type() string { return "TIME" }

// String is 0 for a time that means none, which pflag then does not call a default.
func (d *duration) String() string {
	if d.value == 0 {
		return "0"
	}
	return d.value.String()
}

// count is a flag with a whole number within bounds.
type count struct{ value, lo, hi int }

func (c *count) Set(text string) error {
	v, err := strconv.Atoi(text)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return errors.New("not a whole number")
	case err != nil || v < c.lo || v > c.hi:
		return fmt.Errorf("it must lie between %d and %d", c.lo, c.hi)
	}
	c.value = v
	return nil
}

func (c *count) Type() string   { return "N" }
func (c *count) String() string { return strconv.Itoa(c.value) }

// list is a flag with names separated by commas, which may be given again.
type list []string

func (l *list) Set(text string) error {
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			return errors.New("a name is empty; separate names by one comma each")
		}
		if !slices.Contains(*l, name) {
			*l = append(*l, name)
		}
	}
	return nil
}

func (l *list) Type() string   { return "LIST" }
func (l *list) String() string { return strings.Join(*l, ",") }

// choice is a flag whose value is one of a few words.
type choice struct {
	value string
	of    []string
}

func (c *choice) Set(text string) error {
	if !slices.Contains(c.of, text) {
		return fmt.Errorf("there is only %s", strings.Join(c.of, ", "))
	}
	c.value = text
	return nil
}

func (c *choice) Type() string   { return "NAME" }
func (c *choice) String() string { return c.value }
