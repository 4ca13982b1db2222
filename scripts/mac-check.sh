#!/bin/sh
# Builds gpubench on a Mac, tests what reaches the GPU, and measures it at small sizes:
# natively, and then once more beside the containers of each engine that is there.
#
# It leaves two files to send in the directory that is given, mac-check unless told otherwise:
# the result document mac-check.json, and mac-check.log with all that was printed. The
# document is that of gpubench suite, or the one of gpubench run where that left none; the
# latter stays in native.json. A step that fails does not end it, so that the log has what
# comes after as well; it then exits with 1.
set -eu
cd "$(dirname "$0")/.."
out=${1:-mac-check}

if [ "$(uname -s)" != Darwin ]; then
	echo "mac-check: this is $(uname -s), not macOS: run it on a Mac" >&2
	exit 1
fi
if ! command -v cc >/dev/null || ! cc --version >/dev/null 2>&1; then
	echo "mac-check: there is no C compiler: run xcode-select --install, and then this again" >&2
	exit 1
fi
if ! command -v go >/dev/null; then
	echo "mac-check: Go is missing: install Go 1.26 or newer from https://go.dev/dl/, and then run this again" >&2
	exit 1
fi
mkdir -p "$out"
rm -f "$out/mac-check.json" "$out/native.json" "$out/mac-check.log" "$out/failed" "$out/status"

# step COMMAND...: runs it, on the terminal and in the log.
step() {
	{
		echo
		echo "=== $*"
		status=0
		"$@" 2>&1 </dev/null || status=$?
		if [ "$status" != 0 ]; then
			echo "=== failed with exit status $status: $*"
			echo "$*" >>"$out/failed"
		fi
		echo "$status" >"$out/status"
	} | tee -a "$out/mac-check.log"
}

say() { echo "mac-check: $*" | tee -a "$out/mac-check.log"; }

# answers COMMAND...: whether an engine is there and answers within half a minute.
answers() {
	command -v "$1" >/dev/null && perl -e 'alarm 30; exec @ARGV' "$@" >/dev/null 2>&1 </dev/null
}

# What the machine says of itself. None of it names the user or the machine's owner.
step sw_vers
step uname -m
step sysctl machdep.cpu.brand_string hw.memsize hw.perflevel0.logicalcpu hw.perflevel1.logicalcpu
step sh -c 'ioreg -rc IOAccelerator -d 1 | grep -E "gpu-core-count|IOClass|MetalPluginName"'
step pmset -g batt
step cc --version
step go version
step git rev-parse HEAD

# go test links as make build does; see the Makefile.
step make build
step make mac-test
step otool -L bin/gpubench
step bin/gpubench devices
step bin/gpubench run --quiet --size 256,1024,1000x777x555 --launches 3 --json "$out/native.json"

# The engines. Of these, podman and docker can build images.
engines='' builds=''
! answers podman info || engines="$engines podman" builds=1
! answers docker info || engines="$engines docker" builds=1
! answers container system status || engines="$engines container"
echo
say "container engines that answer:${engines:- none; docs/macos.md says how to get them}"
if [ -n "$builds" ]; then
	step make images
elif [ -n "$engines" ]; then
	say "without podman or docker there is nothing to build the image with"
fi
step bin/gpubench suite --quiet --size 256,1024 --launches 3 --json "$out/mac-check.json"
case $(cat "$out/status") in
0 | 1 | 3) ;; # all was measured that could be
*) rm -f "$out/mac-check.json" ;;
esac
if [ ! -e "$out/mac-check.json" ] && [ -e "$out/native.json" ]; then
	say "gpubench suite left no document; that of gpubench run takes its place"
	cp "$out/native.json" "$out/mac-check.json"
fi
step pmset -g therm

if [ -e "$out/failed" ]; then
	echo
	echo "mac-check: these steps failed:"
	sed 's/^/  /' "$out/failed"
	echo "mac-check: please send $out/mac-check.log, and $out/mac-check.json if it is there"
	exit 1
fi
echo
echo "mac-check: all steps passed; please send $out/mac-check.json and $out/mac-check.log"
