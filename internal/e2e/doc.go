// Package e2e tests the programs that make builds, bin/gpubench and
// bin/gpubench-linux-arm64, from outside and as a whole: what they are linked to,
// root directories with next to nothing in them, a measurement of this machine,
// drivers that fail, and the other architecture. It holds tests only.
//
// `make test` builds the programs before. By itself the package skips what needs a
// program or a tool that is not there; a program that is there is taken as it is.
package e2e
