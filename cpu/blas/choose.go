//go:build cgo && (linux || darwin)

package blas

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"gpubench/internal/host"
	"gpubench/internal/result"
	"gpubench/internal/steering"
)

// seen is what a probe found: a library whose core can be chosen, or nothing.
type seen struct {
	library string // OpenBLAS, BLIS or empty
	core    string
	value   string // of the library's variable, which names the core that was asked for
}

// processorISA is the best instruction set of the processor, as far as it matters to a
// library.
func processorISA() string {
	best := host.ISA()
	if best == "neon" && wideVectors() {
		return "sve"
	}
	return best
}

// choice is which core a library was made to take, and why not a better one.
type choice struct {
	raised  string // the core that it chose, where it was made to take a better one
	refused []string

	variable string // that is set while the library is loaded, empty for none
}

// done takes back what told the library.
func (c *choice) done() {
	if c.variable != "" {
		os.Unsetenv(c.variable)
	}
}

// choose sees to it, before a library is loaded here, that it takes the best core for the
// processor that it has. What the user's environment chooses stays: there may be a reason,
// such as a build that computes wrongly on this processor. A better core counts only when
// the library takes it, survives and multiplies rightly. The error is of a library that
// does not survive being loaded.
func choose(path, isa string) (c choice, err error) {
	first, err := probe(path, "", false)
	var dead *killed
	if errors.As(err, &dead) {
		return c, fmt.Errorf("%w while it was loaded%s", err, because())
	}
	variable, own := coreVariable[first.library], isaOf(first.library, first.core)
	if err != nil || !result.BelowISA(own, isa) || os.Getenv(variable) != "" {
		return c, nil // a copy that could not be made shows nothing
	}
	for _, core := range better[first.library][isa] {
		if !result.BelowISA(own, isaOf(first.library, core)) {
			continue
		}
		s, err := probe(path, core, true)
		switch {
		case err != nil:
			c.refused = append(c.refused, fmt.Sprintf("%s: %v", core, err))
		case !result.BelowISA(own, isaOf(s.library, s.core)): // the library does not have it
		default:
			os.Setenv(variable, s.value)
			c.raised, c.variable = first.core, variable
			return c, nil
		}
	}
	return c, nil
}

// because names the variables that may be why a library does not survive.
func because() string {
	var set []string
	for _, library := range []string{"OpenBLAS", "BLIS", "MKL"} {
		for name, value := range steering.Code(library, os.Environ()) {
			set = append(set, name+"="+value)
		}
	}
	if len(set) == 0 {
		return ""
	}
	slices.Sort(set)
	return " (" + strings.Join(set, ", ") + " is set: unset it, or name a core that the library has)"
}

// killed is the end of a copy of this process by a signal.
type killed struct{ signal string }

func (k *killed) Error() string { return "the process was killed by " + k.signal }

// describe is the library as the result document has it.
func (l *library) describe() *result.Library {
	return &result.Library{Name: l.name, Version: l.version, Core: l.core, ISA: isaOf(l.name, l.core), File: l.file,
		Raised: l.choice.raised, Refused: l.choice.refused, Fixed: l.name == "OpenBLAS" && !strings.Contains(" "+l.config+" ", " DYNAMIC_ARCH ")}
}

var mklKernels = regexp.MustCompile(`/libmkl_(def|mc|mc3|avx|avx2|avx512|avx512_mic)\.so`)

// lookMKL finds the core of MKL once it has multiplied: the library of kernels that it
// has loaded for the processor. It has no call that tells.
func (l *library) lookMKL() {
	if m := mklKernels.FindStringSubmatch(loaded()); l.name == "MKL" && m != nil {
		l.core = m[1]
	}
}
