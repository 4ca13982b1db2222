// The static program's way to a GPU driver: it turns itself into a dynamic one.

package worker

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"gpubench/internal/backend"
)

// Become replaces the process by the program whose gzip-compressed bytes are in
// program, with these arguments and this environment, and with all descriptors
// that are not close-on-exec, the three standard streams above all. It needs
// neither /proc nor a place to write: the program is executed from memory, and
// from a temporary file that has no name any more only where the system forbids
// that (vm.memfd_noexec=2).
//
// Become returns only when that failed, always with a *backend.Error of kind
// Absent: without the program no driver and no library can be loaded, and that is
// not a fault of the measurement.
func Become(program []byte, argv, env []string) error {
	f, err := openMemory()
	if err == nil {
		err = unpack(f, program)
		if err == nil {
			err = execFile(f, argv, env)
		}
		f.Close()
	}
	if refused(err) {
		err = becomeFile(program, argv, env, err)
	}
	switch {
	case errors.Is(err, unix.ENOENT):
		// The file is there: what is missing is the interpreter that it names.
		return &backend.Error{Kind: backend.Absent, Text: "no dynamic loader (ld-linux) in this root, so no GPU driver and no BLAS library can be loaded", Remedy: remedyImage}
	case refused(err):
		return &backend.Error{Kind: backend.Absent, Text: "this system lets no program be run from memory or from a temporary file, so no GPU driver and no BLAS library can be loaded", Err: err,
			Remedy: "set TMPDIR to a writable directory on a file system that is not mounted noexec"}
	}
	return &backend.Error{Kind: backend.Absent, Text: "the program that loads GPU drivers and BLAS libraries cannot be run", Err: err}
}

// refused reports whether an error may be the system's policy, so that another
// place is worth trying.
func refused(err error) bool {
	return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS)
}

// openMemory makes a file that exists in memory only and may be executed.
func openMemory() (*os.File, error) {
	fd, err := unix.MemfdCreate("gpubench", unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3 every such file was executable
		fd, err = unix.MemfdCreate("gpubench", unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), "memfd:gpubench"), nil
}

// unpack writes the program to f.
func unpack(f *os.File, program []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(program))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, z)
	return err
}

// becomeFile tries temporary files, and returns before if none can be made.
func becomeFile(program []byte, argv, env []string, before error) error {
	err := before
	for _, dir := range []string{os.TempDir(), "/dev/shm", "/var/tmp", "/run"} {
		f, ferr := openNameless(dir, program)
		if ferr != nil {
			continue
		}
		err = execFile(f, argv, env)
		f.Close()
		if !refused(err) {
			break
		}
	}
	return err
}

// openNameless makes an executable file in dir and removes its name. It is open
// for reading only: no file that is open for writing can be executed.
func openNameless(dir string, program []byte) (*os.File, error) {
	w, err := os.CreateTemp(dir, "gpubench-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(w.Name())
	err = errors.Join(unpack(w, program), w.Chmod(0o700), w.Close())
	if err != nil {
		return nil, err
	}
	return os.Open(w.Name())
}

// execFile replaces the process by an open file.
func execFile(f *os.File, argv, env []string) error {
	path := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	if _, err := os.Stat(path); err == nil {
		// It stays open: where binfmt_misc has an emulator run it, as for an image of another
		// architecture, the emulator opens this path once more.
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil {
			return os.NewSyscallError("fcntl", err)
		}
		return os.NewSyscallError("execve", syscall.Exec(path, argv, env))
	}

	// No /proc, so it must be execveat, which package syscall does not have.
	argvp, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return err
	}
	envp, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return err
	}
	empty, err := syscall.BytePtrFromString("")
	if err != nil {
		return err
	}
	// The kernel refuses new threads while it replaces the process, and the Go
	// runtime would call that fatal. With one processor, held by a raw system call,
	// nothing else runs that could ask for one.
	runtime.GOMAXPROCS(1)
	_, _, errno := syscall.RawSyscall6(unix.SYS_EXECVEAT, f.Fd(), uintptr(unsafe.Pointer(empty)),
		uintptr(unsafe.Pointer(&argvp[0])), uintptr(unsafe.Pointer(&envp[0])), unix.AT_EMPTY_PATH, 0)
	runtime.KeepAlive(argvp)
	runtime.KeepAlive(envp)
	return os.NewSyscallError("execveat", errno)
}
