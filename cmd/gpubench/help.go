package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

func helpCommand() *command {
	return &command{
		name:     "help",
		synopsis: "[COMMAND]",
		short:    "explain a command",
		flags: func(*pflag.FlagSet) func(*invocation) error {
			return func(in *invocation) error {
				if len(in.args) == 0 {
					return write(in.stdout, overview())
				}
				c := find(in.args[0])
				if c == nil || c.hidden {
					return failf(exitUsage, "help: %s", unknown("command", in.args[0], "", names()))
				}
				return write(in.stdout, usage(c))
			}
		},
	}
}

// overview is the help of the whole program.
func overview() string {
	var b strings.Builder
	b.WriteString(`gpubench measures one SPIR-V matrix product on the CPU and on every GPU it finds,
checks every result it times, and says with an interval how the devices compare.

Usage: gpubench COMMAND [FLAGS]

`)
	for _, c := range commands() {
		if !c.hidden {
			fmt.Fprintf(&b, "  %-9s %s\n", c.name, c.short)
		}
	}
	b.WriteString(`
Start with:  gpubench run
More about a command:  gpubench help COMMAND

Exit codes: 0 done, 1 a measurement failed, 2 wrong usage, 3 a result was wrong or a
document contradicts itself, 4 no such device, 5 a comparison failed, 6 a claim was
refuted (with --check), 130 interrupted (143 by SIGTERM).
`)
	return b.String()
}

// usage is the help of one command.
func usage(c *command) string {
	set := pflag.NewFlagSet(c.name, pflag.ContinueOnError)
	set.SortFlags = false
	c.flags(set)
	s := fmt.Sprintf("gpubench %s: %s\n\nUsage: gpubench %s %s\n", c.name, c.short, c.name, c.synopsis)
	s = strings.TrimRight(s, " \n") + "\n"
	if c.long != "" {
		s += "\n" + c.long
	}
	if set.HasFlags() {
		const dull = "[=true|false]" // what pflag adds to the flags that need no value
		s += "\nFlags:\n" + strings.ReplaceAll(set.FlagUsagesWrapped(80), dull, strings.Repeat(" ", len(dull)))
	}
	return s
}
