// Gpubench measures one SPIR-V matrix product on every processor that it can
// reach, checks every result that it times, and says how the devices compare.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/pflag"

	"gpubench/internal/dynlib"
)

func main() {
	ownPipeErrors()
	leaveWorkingDirectory(os.Stderr)
	var stdout io.Writer = os.Stdout
	if stdoutWasClosed() {
		stdout = closed{}
	}
	os.Exit(run(context.Background(), stdout, os.Stderr, os.Args[1:], os.Getenv))
}

// leaveWorkingDirectory takes the working directory out of where the processes that load
// drivers and libraries look for them: all of those are started after it.
func leaveWorkingDirectory(stderr io.Writer) {
	for _, name := range dynlib.Variables {
		value := os.Getenv(name)
		clean, dropped := dynlib.Clean(value)
		if clean == value {
			continue
		}
		if os.Setenv(name, clean); clean == "" {
			os.Unsetenv(name)
		}
		for _, dir := range dropped {
			fmt.Fprintf(stderr, "gpubench: %s has the relative directory %q: nothing is loaded from below the working directory; give it from / on\n", name, dir)
		}
	}
}

// Exit codes. 130 and 143 are those of a shell for SIGINT and SIGTERM.
const (
	exitOK          = 0
	exitFailed      = 1  // an arm failed, or the answer could not be written
	exitUsage       = 2  // the command line is wrong
	exitWrong       = 3  // a result was wrong, or a document contradicts itself
	exitNoDevice    = 4  // a device or backend that was asked for is not there
	exitComparison  = 5  // a comparison failed
	exitClaim       = 6  // a claim was refuted, and --check asked for that
	exitBug         = 70 // gpubench itself is at fault
	exitInterrupted = 130
	exitTerminated  = 143
)

// failure is an error with the exit code that it leads to.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func failf(code int, format string, args ...any) error {
	return &failure{code, fmt.Errorf(format, args...)}
}

// invocation is what a command gets to work with.
type invocation struct {
	ctx            context.Context
	stdout, stderr io.Writer
	argv           []string // all arguments of the program
	args           []string // what is left of them after the flags
	getenv         func(string) string
}

// command is one word of the command line.
type command struct {
	name     string
	synopsis string // arguments and flags, in a line
	short    string
	long     string
	// flags defines the command's flags and returns what runs it with them.
	flags  func(*pflag.FlagSet) func(*invocation) error
	hidden bool
}

// run is the whole program. It returns the exit code.
func run(ctx context.Context, stdout, stderr io.Writer, args []string, getenv func(string) string) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(stderr, "gpubench: this is a fault of gpubench itself, please report it with what follows: %v\n%s", p, debug.Stack())
			code = exitBug
		}
	}()
	err := dispatch(&invocation{ctx: ctx, stdout: stdout, stderr: stderr, argv: args, getenv: getenv})
	if err == nil {
		return exitOK
	}
	var status workerExit
	if errors.As(err, &status) {
		return int(status)
	}
	fmt.Fprintf(stderr, "gpubench: %v\n", err)
	var f *failure
	if errors.As(err, &f) {
		return f.code
	}
	return exitFailed
}

// dispatch finds the command and runs it.
func dispatch(in *invocation) error {
	if len(in.argv) == 0 {
		io.WriteString(in.stderr, overview())
		return failf(exitUsage, "no command given")
	}
	name, rest := in.argv[0], in.argv[1:]
	switch name {
	case "--help", "-h":
		name = "help"
	case "--version":
		name = "version"
	}
	c := find(name)
	if c == nil {
		return failf(exitUsage, "%s", unknown("command", name, "", names()))
	}
	set := pflag.NewFlagSet(c.name, pflag.ContinueOnError)
	set.SortFlags = false
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	do := c.flags(set)
	err := set.Parse(rest)
	if errors.Is(err, pflag.ErrHelp) {
		return write(in.stdout, usage(c))
	}
	if err != nil {
		return &failure{exitUsage, flagError(c, set, err)}
	}
	in.args = set.Args()
	return do(in)
}

// find returns the command with this name, or nil.
func find(name string) *command {
	for _, c := range commands() {
		if c.name == name {
			return c
		}
	}
	return nil
}

// names lists the commands that a user may give.
func names() []string {
	var list []string
	for _, c := range commands() {
		if !c.hidden {
			list = append(list, c.name)
		}
	}
	return list
}

// noArguments refuses what is left of the command line after the flags.
func (in *invocation) noArguments() error {
	if len(in.args) == 0 {
		return nil
	}
	name := in.argv[0]
	return failf(exitUsage, "%s: %q is one argument too many; see `gpubench help %s`", name, in.args[0], name)
}

// write prints an answer. It is an error like any other when nobody can read it.
func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return answered(err)
}

// answered words an error of writing the answer.
func answered(err error) error {
	if err == nil {
		return nil
	}
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("standard output: %w", err)
}
