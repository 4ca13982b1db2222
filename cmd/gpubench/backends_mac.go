//go:build darwin || gnustep

package main

// systemBackends are those of this operating system alone.
var systemBackends = []string{"metal", "mps"}
