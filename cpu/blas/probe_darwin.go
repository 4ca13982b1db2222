//go:build cgo

package blas

// probe finds nothing here: Accelerate, the one library that is looked for, has nothing to
// choose, and macOS forbids much to a copy of a process.
func probe(string, string, bool) (seen, error) { return seen{}, nil }

// wideVectors is false: no processor of Apple's has SVE outside of its matrix unit.
func wideVectors() bool { return false }

func loaded() string { return "" }
