//go:build helper

package main

// commands lists what the program inside of the static one is for: the children's work
// alone, so that neither the fonts of the plots nor anything else is there twice.
func commands() []*command { return []*command{workerCommand()} }
