#!/bin/sh
# Installs what is missing, and only that: `setup.sh build` for building and
# running, `setup.sh test` for the tests as well. Debian and Ubuntu, by apt, as
# root or by sudo; elsewhere it only says what is missing.
set -eu

need=  # packages without which the work cannot be done
want=  # packages without which less of it is done

# needs and wants PACKAGE COMMAND...: the package unless the command succeeds.
needs() { p=$1; shift; "$@" >/dev/null 2>&1 || need="$need $p"; }
wants() { p=$1; shift; "$@" >/dev/null 2>&1 || case "$want " in *" $p "*) ;; *) want="$want $p" ;; esac; }
has() { command -v "$1"; }
library() { PATH="$PATH:/sbin:/usr/sbin" ldconfig -p | grep -q "$1"; }
sbin() { PATH="$PATH:/sbin:/usr/sbin" command -v "$1"; }
archive() { [ -e "$("$1" -print-file-name="$2")" ]; }
driver() { ls /usr/share/vulkan/icd.d/*.json || ls /etc/vulkan/icd.d/*.json; }
lavapipe() { ls /usr/share/vulkan/icd.d/lvp_icd*.json; }
header() { [ -e "$1" ]; }
validation() { ls /usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation*.json; }

what=${1:?usage: setup.sh build|test}
if ! has go >/dev/null; then
	echo "setup: Go is missing: install Go 1.26 or newer from https://go.dev/dl/" >&2
	exit 1
fi
if [ "$(uname -s)" != Linux ]; then
	has cc >/dev/null || { echo "setup: a C compiler is missing: run xcode-select --install" >&2; exit 1; }
	exit 0
fi

needs gcc has gcc
needs libc6-dev archive gcc libc.a
wants libvulkan1 library libvulkan.so.1
wants mesa-vulkan-drivers driver
wants libopenblas0-pthread library libopenblas.so.0
if [ "$what" = test ]; then
	wants mesa-vulkan-drivers lavapipe
	wants vulkan-validationlayers validation
	needs file has file
	wants glslang-tools has glslangValidator
	wants spirv-tools has spirv-val
	wants spirv-cross has spirv-cross
	# The Metal backend's own text runs here too, on GNUstep and a Metal of the tests.
	wants g++ has g++
	wants clang has clang
	wants gobjc archive gcc libobjc.so
	wants libgnustep-base-dev header /usr/include/GNUstep/Foundation/Foundation.h
	wants shellcheck has shellcheck
	wants jq has jq
	wants chromium has chromium
	wants nodejs has node
	wants npm has npm
	wants podman has podman
	wants runc has runc
	wants docker.io sbin dockerd
	wants debootstrap sbin debootstrap
	case $(uname -m) in
	x86_64)
		wants gcc-aarch64-linux-gnu has aarch64-linux-gnu-gcc
		wants libc6-dev-arm64-cross archive aarch64-linux-gnu-gcc libc.a
		wants qemu-user-static has qemu-aarch64-static
		"$(dirname "$0")/ptxas.sh" >/dev/null || echo "setup: going on without NVIDIA's assembler" >&2
		;;
	esac
fi

# modules installs what the tests of the page need from npm, if it is not there yet.
modules() {
	[ "$what" = test ] && has npm >/dev/null || return 0
	cmp -s internal/report/testdata/browser/package-lock.json build/browser/package-lock.json && [ -d build/browser/node_modules ] && return 0
	mkdir -p build/browser
	cp internal/report/testdata/browser/package.json internal/report/testdata/browser/package-lock.json build/browser/
	if said=$(cd build/browser && npm ci --ignore-scripts --no-audit --no-fund 2>&1); then
		return 0
	fi
	rm -rf build/browser
	echo "$said" >&2
	echo "setup: npm failed, going on without the tests that need a browser" >&2
}
if [ -z "$need$want" ]; then
	modules
	exit 0
fi

# give_up TEXT: fatal only where something needed is missing.
give_up() {
	echo "setup: $1" >&2
	if [ -n "$need" ]; then
		echo "setup: missing and needed:$need" >&2
		exit 1
	fi
	echo "setup: going on without:$want" >&2
	modules
	exit 0
}

has apt-get >/dev/null || give_up "this system has no apt-get: install by hand what Debian calls$need$want"
sudo=
if [ "$(id -u)" != 0 ]; then
	has sudo >/dev/null || give_up "apt-get needs root, and there is no sudo: install$need$want"
	sudo=sudo
	[ -t 0 ] || sudo="sudo -n" # nobody is there to type a password
fi

echo "setup: installing$need$want" >&2
# What apt prints is only of interest when it fails.
apt() {
	said=$($sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null 2>&1) || {
		echo "$said" >&2
		return 1
	}
}
install() { [ $# = 0 ] || apt install --no-install-recommends "$@"; }
# The lists of a fresh image are empty or old.
# shellcheck disable=SC2086
if apt update && install $need $want; then
	modules
	exit 0
fi
# shellcheck disable=SC2086
install $need || give_up "apt-get failed"
for p in $want; do
	apt install --no-install-recommends "$p" || missing="${missing-} $p"
done
[ -z "${missing-}" ] || echo "setup: could not be installed, going on without:$missing" >&2
modules
