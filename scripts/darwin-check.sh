#!/bin/sh
# Builds, vets and links the program and all tests for macOS where this is no Mac, with
# clang, lld and a macOS SDK: `darwin-check.sh SDK [arm64|amd64...]`, both unless one is
# named. It runs nothing of it. Apple lets nobody pass an SDK on: have your own.
#
#   CLANG  the compiler, or the newest clang that is installed
#   AR     its archiver, or the llvm-ar beside it
# shellcheck disable=SC2089,SC2090 # go takes the quotes away, and moltenvk.sh
set -eu
usage="usage: make darwin-check SDK=DIR [ARCH=arm64|amd64]"
give_up() { echo "darwin-check: $1" >&2; exit 1; }
[ -n "${1:-}" ] || give_up "no SDK is named; $usage"
sdk=$(cd "$1" 2>/dev/null && pwd) || give_up "$1 is no directory; $usage"
shift
cd "$(dirname "$0")/.."
[ $# != 0 ] || set -- arm64 amd64
for part in usr/include/stdlib.h usr/lib/libSystem.tbd System/Library/Frameworks/Metal.framework System/Library/Frameworks/Foundation.framework/Foundation.tbd; do
	[ -e "$sdk/$part" ] || give_up "$sdk is no whole macOS SDK: it has no $part"
done

clang=${CLANG:-}
for v in "" -22 -21 -20 -19 -18 -17 -16 -15 -14; do
	# The first that has a linker for Mach-O; without a number it is Debian's oldest.
	[ -n "$clang" ] || ! at=$(command -v "clang$v") || ! [ -x "$(dirname "$(readlink -f "$at")")/ld64.lld" ] || clang=$at
done
[ -n "$clang" ] || give_up "no clang with a linker for macOS beside it: install clang and lld of one version (Debian: apt-get install clang-19 lld-19 llvm-19)"
ar=${AR:-$(dirname "$(readlink -f "$(command -v "$clang")")")/llvm-ar}
command -v "$ar" >/dev/null || give_up "there is no $ar: install llvm of clang's version (Debian: apt-get install llvm-19), or name an archiver with AR"
echo "darwin-check: $("$clang" --version | head -n 1); SDK $sdk"

for arch; do
	case $arch in
	arm64) target=arm64-apple-macos13 ;;
	amd64) target=x86_64-apple-macos13 ;;
	*) give_up "$arch: it must be arm64 or amd64" ;;
	esac
	# Go wants no warnings, and clang would give one of a linker that only links need.
	CC="'$clang' -target $target -isysroot '$sdk' -fuse-ld=lld -Qunused-arguments"
	CXX=$CC AR=$ar GOOS=darwin GOARCH=$arch CGO_ENABLED=1 GOFLAGS=''
	export CC CXX AR GOOS GOARCH CGO_ENABLED GOFLAGS
	out=build/darwin-$arch
	mkdir -p "$out"
	scripts/moltenvk.sh "$out"
	CGO_LDFLAGS="-O2 -g '-L$PWD/$out'"
	export CGO_LDFLAGS
	echo "darwin-check: $arch: go build"
	go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$out/gpubench" ./cmd/gpubench
	echo "darwin-check: $arch: go vet"
	go vet ./...
	echo "darwin-check: $arch: go test -exec true, which links every test"
	go test -vet off -exec true ./... >"$out/tests.log" || { grep -v '^ok\|no test files' "$out/tests.log" >&2; give_up "$arch: not all tests could be built"; }
	echo "darwin-check: $arch: $out/gpubench has $(wc -c <"$out/gpubench") bytes; $(grep -c '^ok' "$out/tests.log") test programs were linked; nothing was run"
done
