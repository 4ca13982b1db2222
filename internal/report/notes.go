// Footnotes: one for all rows that a warning concerns.

package report

import (
	"regexp"
	"slices"
	"strings"
)

// note is a footnote. Rows whose texts differ only in numbers share one.
type note struct {
	texts  []string // different ones, in order of first mention
	labels []string // of the rows that said each of them first
}

var numberPattern = regexp.MustCompile(`[0-9]+(\.[0-9]+)*( ?%)?`)

// alike reports whether two texts differ in numbers only.
func alike(a, b string) bool {
	return numberPattern.ReplaceAllString(a, "#") == numberPattern.ReplaceAllString(b, "#")
}

// addNote notes a text for a row and returns its number, from 1.
func addNote(notes []note, text, label string) ([]note, int) {
	for i := range notes {
		n := &notes[i]
		if !alike(n.texts[0], text) {
			continue
		}
		if !slices.Contains(n.texts, text) {
			n.texts, n.labels = append(n.texts, text), append(n.labels, label)
		}
		return notes, i + 1
	}
	return append(notes, note{texts: []string{text}, labels: []string{label}}), len(notes) + 1
}

// mostNumbers is how many rows' numbers a sentence bears beside each other.
const mostNumbers = 2

// String is the text, with the numbers of both rows where two differ: "by 6.5 % (cpu),
// 10 % (vulkan:0)". Of more rows the first one's stand for all.
func (n note) String() string {
	switch {
	case len(n.texts) == 1:
		return n.texts[0]
	case len(n.texts) > mostNumbers:
		return n.texts[0] + " (the numbers are those of " + n.labels[0] + "; likewise with others: " + strings.Join(n.labels[1:], ", ") + ")"
	}
	words := numberPattern.Split(n.texts[0], -1)
	numbers := make([][]string, len(n.texts))
	for i, t := range n.texts {
		numbers[i] = numberPattern.FindAllString(t, -1)
	}
	var b strings.Builder
	labelled := false
	for k, w := range words {
		b.WriteString(w)
		if k == len(numbers[0]) {
			break
		}
		if !slices.ContainsFunc(numbers, func(of []string) bool { return of[k] != numbers[0][k] }) {
			b.WriteString(numbers[0][k])
			continue
		}
		for i, of := range numbers {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(of[k])
			if !labelled {
				b.WriteString(" (" + n.labels[i] + ")")
			}
		}
		labelled = true
	}
	return b.String()
}
