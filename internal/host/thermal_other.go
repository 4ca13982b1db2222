//go:build !cgo || !(darwin || gnustep)

package host

// ThermalState is how hot macOS says that the machine is: 0 for nominal, 1 fair, 2
// serious, 3 critical. It is not ok where the operating system has no such word.
func ThermalState() (state int, ok bool) { return 0, false }
