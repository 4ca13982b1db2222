#!/bin/sh
# Builds the images with podman, buildah or docker, whichever is there (ENGINE names
# one), and writes an archive of each for each platform:
# bin/images/gpubench-{cpu,vulkan}-linux-{amd64,arm64}.tar. On the engine the image for
# this machine is localhost/gpubench:cpu and localhost/gpubench:vulkan.
#
#   IMAGES     which ones: "cpu vulkan"
#   PLATFORMS  for which: "amd64 arm64", or those that can be built here
#   BASE       the base of the vulkan image, docker.io/library/debian:trixie-slim. With
#              BASE=debootstrap it is made by debootstrap, as root and without a
#              registry, for each build
set -eu
cd "$(dirname "$0")/.."
die() { echo "images: $*" >&2; exit 1; }
say() { echo "images: $*" >&2; }

engine=${ENGINE:-}
for e in podman buildah docker; do
	[ -n "$engine" ] || ! command -v $e >/dev/null || engine=$e
done
[ -n "$engine" ] || die "none of podman, buildah and docker is installed: install one (Debian: apt-get install podman runc)"
command -v "$engine" >/dev/null || die "ENGINE=$engine: it is not installed"
[ "$engine" != docker ] || docker info >/dev/null 2>&1 || die "docker is there but its daemon does not answer: start it, or name another engine with ENGINE=podman"

here=$(go env GOARCH)
platforms=${PLATFORMS:-}
if [ -z "$platforms" ]; then
	for a in amd64 arm64; do
		[ "$a" = "$here" ] && [ -x bin/gpubench ] || [ -x "bin/gpubench-linux-$a" ] || continue
		platforms="$platforms $a"
	done
	[ -n "$platforms" ] || die "there is no program to put into an image: run make build"
fi
base=${BASE:-docker.io/library/debian:trixie-slim}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Where cgroups are of version 1, as in some virtual machines, crun refuses to work.
podman() {
	if [ -e /sys/fs/cgroup/cgroup.controllers ] || ! command -v runc >/dev/null; then
		command podman "$@"
	else
		command podman --runtime "$(command -v runc)" "$@"
	fi
}

# build ARCH CONTAINERFILE TAG ARGUMENT... builds an image of the context.
build() {
	arch=$1 file=$2 tag=$3
	shift 3
	set -- --platform "linux/$arch" --network host -f "images/$file" -t "$tag" "$@" \
		--label org.opencontainers.image.title=gpubench \
		--label org.opencontainers.image.description="measures one SPIR-V matrix product on every processor that a container reaches" \
		--label org.opencontainers.image.licenses=MIT \
		--label org.opencontainers.image.revision="$commit" "$context"
	case $engine in
	podman) podman build -q --isolation chroot "$@" >/dev/null ;;
	buildah) buildah build -q --isolation chroot "$@" >/dev/null ;;
	docker) docker build -q "$@" >/dev/null ;;
	*) die "ENGINE=$engine: it must be podman, buildah or docker" ;;
	esac
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
		buildah commit -q --rm "$c" "$base" >/dev/null
		;;
	*) "$engine" import "$tar" "$base" >/dev/null 2>&1 ;;
	esac
}

mkdir -p bin/images
for image in ${IMAGES:-cpu vulkan}; do
	for a in $platforms; do
		program=bin/gpubench-linux-$a
		[ "$a" != "$here" ] || program=bin/gpubench
		[ -x "$program" ] || die "$program is not there: run make build, or make cross for another architecture"
		cp "$program" "$context/gpubench"
		chmod 755 "$context/gpubench"
		name=localhost/gpubench:$image
		tag=$name
		[ "$a" = "$here" ] || tag=$name-$a
		say "building $tag for linux/$a with $engine"
		case $image in
		cpu) build "$a" Containerfile.cpu "$tag" ;;
		vulkan)
			if [ "$a" != "$here" ] && ! [ -e "/proc/sys/fs/binfmt_misc/qemu-$([ "$a" = arm64 ] && echo aarch64 || echo x86_64)" ]; then
				say "skipped gpubench:vulkan for linux/$a: its packages are installed by programs of that architecture; build it there, or register qemu-user with binfmt_misc"
				continue
			fi
			rm -rf "$context/overlay"
			mkdir "$context/overlay"
			if [ "$a" = arm64 ]; then
				build "$a" Containerfile.venus localhost/gpubench-venus
				copy_out localhost/gpubench-venus /overlay "$context/overlay"
			fi
			[ "${BASE:-}" != debootstrap ] || debootstrapped "$a"
			build "$a" Containerfile.vulkan "$tag" --build-arg BASE="$base"
			;;
		venushost) # for tests: the other end of the Venus driver
			cc -O2 -shared -fPIC -o "$context/udmabuf.so" internal/e2e/testdata/venus/udmabuf.c -ldl
			build "$a" ../internal/e2e/testdata/venus/Containerfile "$tag"
			;;
		*) die "IMAGES: there is no image $image; there are cpu and vulkan" ;;
		esac
		out=bin/images/gpubench-$image-linux-$a.tar
		rm -f "$context/saved.tar"
		save "$tag" "$context/saved.tar"
		go run ./images/pack -name "$name" -epoch "$epoch" -o "$out" "$context/saved.tar"
		rm -f "$context/saved.tar"
		say "wrote $out, $(($(wc -c <"$out") / 1000000)) MB"
	done
done
