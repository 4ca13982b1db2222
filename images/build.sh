#!/bin/sh
# Builds the images with podman, buildah or docker, the first that answers (ENGINE names
# one), and writes an archive of each for each platform:
# bin/images/gpubench-{cpu,vulkan}-linux-{amd64,arm64}.tar. On the engine the image for
# this machine is localhost/gpubench:cpu and localhost/gpubench:vulkan.
#
#   IMAGES     which ones: "cpu vulkan"
#   PLATFORMS  for which: "amd64 arm64", or those that can be built here
#   BASE       the base of the vulkan image, docker.io/library/debian:trixie-slim. With
#              BASE=debootstrap it is made by debootstrap, as root and without a
#              registry, for each build
#   FEDORA     the base that the Venus driver comes from, registry.fedoraproject.org/fedora:44
#   VENUS      the Venus driver of libkrun's authors in the vulkan image, which virtual
#              machines on Apple silicon need: its version, or none. By default the image
#              for arm64 has the version of images/Containerfile.venus
#
# Where this is not Linux the program for the images is built in a container.
set -eu
cd "$(dirname "$0")/.."
die() { echo "images: $*" >&2; exit 1; }
say() { echo "images: $*" >&2; }

system=$(uname -s)
here=$(go env GOARCH)

# answers ENGINE succeeds where it answers within half a minute. macOS has no timeout.
answers() {
	if command -v perl >/dev/null; then
		perl -e 'alarm 30; exec @ARGV' "$1" info
	else
		"$1" info
	fi >/dev/null 2>&1 </dev/null
}

# mute ENGINE says what to do about one that does not answer.
mute() {
	case $1-$system in
	podman-Linux) echo "podman is there but does not answer: see what podman info says" ;;
	podman-*) echo "podman is there but does not answer: run podman machine start (before the first time podman machine init)" ;;
	docker-*) echo "docker is there but its daemon does not answer: start it" ;;
	*) echo "$1 is there but does not answer: see what $1 info says" ;;
	esac
}

engine=${ENGINE:-}
if [ -n "$engine" ]; then
	case $engine in podman | buildah | docker) ;; *) die "ENGINE=$engine: it must be podman, buildah or docker" ;; esac
	command -v "$engine" >/dev/null || die "ENGINE=$engine: it is not installed"
	answers "$engine" || die "ENGINE=$engine: $(mute "$engine"), or name another engine"
fi
silent=
for e in podman buildah docker; do
	[ -z "$engine" ] || break
	command -v $e >/dev/null || continue
	if answers $e; then engine=$e; else silent="$silent${silent:+; }$(mute $e)"; fi
done
if [ -z "$engine" ]; then
	die "${silent:-none of podman, buildah and docker is installed: install one (Debian: apt-get install podman runc; macOS: brew install podman)}"
fi
[ -z "$silent" ] || say "$silent; going on with $engine"

if [ "$system" != Linux ]; then
	case " ${IMAGES:-} " in *" venushost "*) die "the image venushost is for tests on Linux" ;; esac
fi
platforms=${PLATFORMS:-}
[ "$system" = Linux ] || platforms=${platforms:-$here}
if [ -z "$platforms" ]; then
	for a in amd64 arm64; do
		[ "$a" = "$here" ] && [ -x bin/gpubench ] || [ -x "bin/gpubench-linux-$a" ] || continue
		platforms="$platforms $a"
	done
	[ -n "$platforms" ] || die "there is no program to put into an image: run make build"
fi
base=${BASE:-docker.io/library/debian:trixie-slim}
fedora=${FEDORA:-registry.fedoraproject.org/fedora:44}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
# An image is one manifest here, not a list with one that says how it was built.
export BUILDX_NO_DEFAULT_ATTESTATIONS=1
commit=$(git rev-parse HEAD 2>/dev/null || true)

# The engine may be in a virtual machine: it is sent what is below here, and reads no
# other file of this machine.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
context=$work/context
mkdir "$context"

# Where cgroups are of version 1, as in some virtual machines, crun refuses to work.
podman() {
	if [ "$system" != Linux ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || ! command -v runc >/dev/null; then
		command podman "$@"
	else
		command podman --runtime "$(command -v runc)" "$@"
	fi
}

# build ARCH CONTAINERFILE TAG CONTEXT ARGUMENT... builds an image of a context.
build() {
	on=$1 file=$2 into=$3 from=$4
	shift 4
	# Docker's older builder, which is what is left without its plugin, keeps no caches.
	caches=
	[ "$engine" != docker ] || docker buildx version >/dev/null 2>&1 || caches='s/--mount=[^ ]* *//g'
	sed "$caches" "$file" >"$from/Containerfile"
	set -- --platform "linux/$on" --network host -f "$from/Containerfile" -t "$into" "$@" \
		--label org.opencontainers.image.title=gpubench \
		--label org.opencontainers.image.description="measures one SPIR-V matrix product on every processor that a container reaches" \
		--label org.opencontainers.image.licenses=MIT \
		--label org.opencontainers.image.revision="${commit:-unknown}" "$from"
	# So a build needs no more rights than this shell has.
	[ "$system" != Linux ] || [ "$engine" = docker ] || set -- --isolation chroot "$@"
	"$engine" build "$@" >"$work/log" 2>&1 || {
		tail -n 30 "$work/log" >&2
		die "$engine could not build $into for linux/$on from $file; what it said last is above"
	}
}

# save TAG FILE writes an image in the form of docker save.
save() {
	case $engine in
	podman) podman save -q --format docker-archive -o "$2" "$1" ;;
	buildah) buildah push -q "$1" "docker-archive:$2" ;;
	*) "$engine" save -o "$2" "$1" ;;
	esac
}

has() { # TAG
	case $engine in
	buildah) buildah inspect --type image "$1" ;;
	*) "$engine" image inspect "$1" ;;
	esac >/dev/null 2>&1
}

copy_out() { # TAG DIRECTORY TO
	case $engine in
	buildah)
		c=$(buildah from "$1")
		# shellcheck disable=SC2016
		buildah unshare sh -c 'cp -R "$(buildah mount "$0")$1/." "$2"' "$c" "$2" "$3"
		buildah rm "$c" >/dev/null
		;;
	*)
		c=$($engine create "$1" true)
		$engine cp "$c:$2/." "$3"
		$engine rm "$c" >/dev/null
		;;
	esac
}

debootstrapped() { # ARCH
	[ "$(id -u)" = 0 ] || die "BASE=debootstrap needs root"
	command -v debootstrap >/dev/null || die "debootstrap is not installed: run make test-setup"
	tar=build/debian-trixie-$1.tar
	if [ ! -s "$tar" ]; then
		say "making a base with debootstrap"
		# Near the other build products and never on a file system without devices.
		root=$(mktemp -d)
		debootstrap --variant=minbase --arch "$1" trixie "$root/d" >"$root/log" 2>&1 || { tail -5 "$root/log" >&2; rm -rf "$root"; die "debootstrap failed"; }
		rm -rf "$root"/d/var/cache/apt/archives/*.deb "$root"/d/var/lib/apt/lists/*
		mkdir -p build
		tar -C "$root/d" --exclude=./dev/* --exclude=./proc/* --exclude=./sys/* -cf "$tar.new" .
		mv "$tar.new" "$tar"
		rm -rf "$root"
	fi
	base=localhost/gpubench-debian:trixie-$1
	has "$base" && return
	case $engine in
	buildah)
		c=$(buildah from scratch)
		buildah add -q "$c" "$tar" / >/dev/null
		buildah config --arch "$1" "$c"
		buildah commit -q --rm "$c" "$base" >/dev/null
		;;
	podman) podman import --arch "$1" "$tar" "$base" >/dev/null 2>&1 ;;
	docker) docker import --platform "linux/$1" "$tar" "$base" >/dev/null 2>&1 ;;
	esac
}

# sources lists the files that a build needs: all that git knows or would add.
sources() {
	if git rev-parse >/dev/null 2>&1; then
		git -c core.quotePath=off ls-files --cached --others --exclude-standard
	else
		find . '(' -path ./bin -o -path ./build -o -path ./cmd/gpubench/helper ')' -prune -o -type f -print
	fi | while IFS= read -r f; do
		[ ! -e "$f" ] || printf './%s\n' "${f#./}"
	done
}

# emulated ARCH succeeds where programs of an architecture run here in some way.
emulated() {
	[ "$system" != Linux ] || [ "$1" = "$here" ] || [ -e "/proc/sys/fs/binfmt_misc/qemu-$([ "$1" = arm64 ] && echo aarch64 || echo x86_64)" ]
}

# builds ARCH succeeds where make can build the program for an architecture.
builds() {
	[ "$1" = "$here" ] || { [ "$1" = arm64 ] && command -v aarch64-linux-gnu-gcc >/dev/null; }
}

# linux_program ARCH sets program to the static program for an architecture, of this
# commit, and builds it in a container where nothing on this machine can.
linux_program() {
	program=bin/gpubench-linux-$1 how="make cross"
	[ "$system-$1" != "Linux-$here" ] || program=bin/gpubench how="make build"
	if [ "$system" != Linux ] || { [ ! -x "$program" ] && ! builds "$1"; }; then
		emulated "$1" || die "$program is not there, nor a cross compiler or an emulator to build it with: build it on linux/$1, or register qemu-user with binfmt_misc (Debian: apt-get install qemu-user-static binfmt-support)"
		how="make images again"
		say "building $program in a container with $engine"
		rm -rf "$work/source" "$work/out"
		mkdir "$work/source" "$work/out"
		sources | tar -cf "$work/source.tar" -T -
		tar -xf "$work/source.tar" -C "$work/source"
		dirty=false
		[ -z "$(git status --porcelain 2>/dev/null)" ] || dirty=true
		build "$1" images/Containerfile.build "localhost/gpubench-build:$1" "$work/source" \
			--build-arg GOPROXY="$(go env GOPROXY)" --build-arg COMMIT="$commit" --build-arg DIRTY="$dirty"
		copy_out "localhost/gpubench-build:$1" /out "$work/out"
		mkdir -p bin
		mv "$work/out/gpubench" "$program"
	fi
	[ -x "$program" ] || die "$program is not there: run $how"
	grep -aq "$commit" "$program" || die "$program is not of the commit that is checked out, ${commit:-which git does not know}: run $how, or leave linux/$1 out of PLATFORMS"
}

# vulkan ARCH TAG VERSION builds the vulkan image with that version of the Venus driver,
# the one that Containerfile.venus names, or none.
vulkan() {
	rm -rf "$context/overlay"
	mkdir "$context/overlay"
	if [ "$3" != none ]; then
		build "$1" images/Containerfile.venus "localhost/gpubench-driver:$1" "$context" --build-arg FEDORA="$fedora" ${3:+--build-arg MESA="$3"}
		copy_out "localhost/gpubench-driver:$1" /overlay "$context/overlay"
	fi
	build "$1" images/Containerfile.vulkan "$2" "$context" --build-arg BASE="$base"
}

mkdir -p bin/images
for a in $platforms; do
	linux_program "$a"
	for image in ${IMAGES:-cpu vulkan}; do
		cp "$program" "$context/gpubench"
		chmod 755 "$context/gpubench"
		name=localhost/gpubench:$image
		tag=$name
		[ "$a" = "$here" ] || tag=$name-$a
		say "building $tag for linux/$a with $engine"
		case $image in
		cpu) build "$a" images/Containerfile.cpu "$tag" "$context" ;;
		vulkan)
			if ! emulated "$a"; then
				say "skipped gpubench:vulkan for linux/$a: its packages are installed by programs of that architecture; build it there, or register qemu-user with binfmt_misc (Debian: apt-get install qemu-user-static binfmt-support)"
				continue
			fi
			[ "${BASE:-}" != debootstrap ] || debootstrapped "$a"
			vulkan "$a" "$tag" "${VENUS:-$([ "$a" = arm64 ] || echo none)}"
			;;
		venushost) # for tests: the image as virtual machines on Apple silicon get it, and the other end of its driver
			cc -O2 -shared -fPIC -o "$context/udmabuf.so" internal/e2e/testdata/venus/udmabuf.c -ldl
			cp -R internal/e2e/testdata/venus/fedora "$context"
			build "$a" internal/e2e/testdata/venus/Containerfile localhost/gpubench-fedora "$context"
			fedora=localhost/gpubench-fedora base=localhost/gpubench-fedora vulkan "$a" "$tag" "${VENUS:-}"
			;;
		*) die "IMAGES: there is no image $image; there are cpu and vulkan" ;;
		esac
		out=bin/images/gpubench-$image-linux-$a.tar
		rm -f "$work/saved.tar"
		save "$tag" "$work/saved.tar"
		go run ./images/pack -name "$name" -epoch "$epoch" -o "$out" "$work/saved.tar"
		rm -f "$work/saved.tar"
		say "wrote $out, $(($(wc -c <"$out") / 1000000)) MB"
	done
done
