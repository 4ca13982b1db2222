// Command testsum runs `go test -json` and says at the end what was skipped and why.
//
//	testsum go test -json ./...
//
// It prints a line for each package and the output of each test that fails, then
// every skipped test with its reason, then "N passed, N failed, N skipped".
// Subtests count as tests. It exits with 1 when anything failed: a test, a
// package that does not build, or the command itself.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: testsum go test -json PACKAGE...")
		os.Exit(2)
	}
	os.Exit(run(os.Stdout, os.Stderr, os.Args[1:]))
}

func run(stdout, stderr io.Writer, command []string) int {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintf(stderr, "testsum: %v\n", err)
		return 1
	}
	s := newSummary(stdout)
	readErr := s.read(out)
	err = cmd.Wait()
	s.print()
	switch {
	case readErr != nil:
		fmt.Fprintf(stderr, "testsum: %v\n", readErr)
		return 1
	case err != nil || s.failed > 0:
		return 1
	case s.passed == 0:
		fmt.Fprintln(stderr, "testsum: no test has run")
		return 1
	}
	return 0
}

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action, Package, ImportPath, Test, Output, FailedBuild string
	Elapsed                                                float64
}

type test struct{ pkg, name string }

type summary struct {
	w                       io.Writer
	passed, failed, skipped int
	skips                   []string
	output                  map[test][]string // of tests that are running
	failedIn                map[string]int    // failed tests of a package
}

func newSummary(w io.Writer) *summary {
	return &summary{w: w, output: map[test][]string{}, failedIn: map[string]int{}}
}

// read takes the events up to the end of r.
func (s *summary) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil {
				fmt.Fprint(s.w, line) // go test prints some errors plainly
			} else {
				s.add(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *summary) add(e event) {
	key := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(s.w, e.Output)
	case "output":
		s.output[key] = append(s.output[key], e.Output)
	case "pass", "skip", "fail":
		if e.Test == "" {
			s.endPackage(e)
		} else {
			s.endTest(key, e)
		}
		delete(s.output, key)
	}
}

func (s *summary) endTest(key test, e event) {
	switch e.Action {
	case "pass":
		s.passed++
	case "fail":
		s.failed++
		s.failedIn[e.Package]++
		fmt.Fprint(s.w, strings.Join(s.output[key], ""))
	case "skip":
		s.skipped++
		s.skips = append(s.skips, fmt.Sprintf("%s %s: %s", e.Package, e.Test, reason(s.output[key])))
	}
}

func (s *summary) endPackage(e event) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(s.w, "ok    %s %.1fs\n", e.Package, e.Elapsed)
	case "fail":
		// A package may fail without a failed test: it does not build, or its
		// process crashed, was ended or exited.
		if s.failedIn[e.Package] == 0 {
			s.failed++
			for key, output := range s.output {
				if key.pkg == e.Package {
					fmt.Fprint(s.w, strings.Join(output, ""))
				}
			}
		}
		fmt.Fprintf(s.w, "FAIL  %s %.1fs\n", e.Package, e.Elapsed)
	} // skip: it has no test files
}

// reason is what a skipped test printed, on one line.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	if said == nil {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

func (s *summary) print() {
	if len(s.skips) > 0 {
		fmt.Fprintln(s.w, "\nskipped:")
		for _, line := range s.skips {
			fmt.Fprintf(s.w, "  %s\n", line)
		}
	}
	fmt.Fprintf(s.w, "\n%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
}
