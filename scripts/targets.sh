#!/bin/sh
# Asks for every system that gpubench is for, without a compiler or headers of it, whether
# all packages and their tests load and have no fault in their types: `targets.sh`, or
# `targets.sh OS/ARCH...` for some.
#
# C files that stay in a build which has none of the package's cgo files end it before it
# begins, and that is seen only with cgo on, for such a system. The last one has no
# backend at all, so that it shows every C file which lacks a constraint.
set -eu
cd "$(dirname "$0")/.."
[ $# != 0 ] || set -- linux/amd64 linux/arm64 linux/riscv64 darwin/arm64 darwin/amd64 openbsd/riscv64

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/typecheck" ./internal/typecheck

# loads OS ARCH CGO DEPTH TAGS [DIRECTORY] looks at what a build for that system begins with.
loads() {
	# A compiler is asked for nothing, but with cgo on there has to be one.
	GOFLAGS='' GOOS=$1 GOARCH=$2 CGO_ENABLED=$3 CC=false CXX=false go list -C "${6:-.}" -e -deps -test -tags "$5" \
		-json=ImportPath,Dir,GoFiles,CgoFiles,Imports,ImportMap,Module,Error ./... >"$work/listing"
	"$work/typecheck" "$2" "$4" <"$work/listing" >"$work/found" && return
	[ $? = 1 ] || exit 1
	sed "s|^|targets: $1/$2, CGO_ENABLED=$3${5:+, -tags $5}: |" "$work/found" >>"$work/wrong"
}

for target; do
	go tool dist list | grep -qx "$target" || { echo "targets: $target is no OS/ARCH that Go knows: see go tool dist list" >&2; exit 2; }
	os=${target%/*} arch=${target#*/}
	loads "$os" "$arch" 0 types ""
	loads "$os" "$arch" 1 types ""
	loads "$os" "$arch" 1 list "" images/kubernetes
	loads "$os" "$arch" 1 list helper
	[ "$os" != linux ] || loads "$os" "$arch" 1 list static,netgo,osusergo
	[ "$os" != linux ] || loads "$os" "$arch" 1 list gnustep
done
[ -e "$work/wrong" ] || exit 0
head -n 40 "$work/wrong" >&2
! grep -q "source files not allowed" "$work/wrong" ||
	echo "targets: a C file needs the build constraint of its package's cgo files, such as //go:build cgo && linux" >&2
exit 1
