#!/bin/sh
# Gets NVIDIA's assembler and disassemblers, with which the tests look at the PTX that
# internal/ptx makes: `ptxas.sh` prints the folder that holds ptxas, cuobjdump and
# nvdisasm, and fetches them first where it must.
#
# They come from Debian's package nvidia-cuda-toolkit, 87 MB, which is unpacked and not
# installed. apt fetches it with a configuration of its own, from the mirror and by the
# keys and proxies that the system's apt already uses; the system's sources stay as they
# are. The programs are NVIDIA's and must not be passed on: they stay in the user's
# cache.
# shellcheck disable=SC3044,SC2016 # complete is a function of ours, and apt expands the format
set -eu

version=12.4 # of CUDA; names the folder
suite=trixie
package=nvidia-cuda-toolkit

give_up() { echo "ptxas: $1" >&2; exit 1; }

cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/gpubench/cuda-$version
tools="ptxas cuobjdump nvdisasm"
complete() { for t in $tools; do [ -x "$1/$t" ] || return 1; done; }
if complete "$cache"; then
	echo "$cache"
	exit 0
fi

[ "$(uname -sm)" = "Linux x86_64" ] || give_up "the programs are for Linux on x86-64 alone"
for t in apt-get dpkg-deb; do
	command -v "$t" >/dev/null || give_up "$t is missing: on Debian and Ubuntu the programs can be fetched; elsewhere put $tools of CUDA $version into $cache"
done

# The mirror is where the system has its own Debian packages from.
mirror=$(apt-get indextargets --format '$(ORIGIN)|$(SITE)|$(REPO_URI)' 2>/dev/null | sed -n 's/^Debian|[^|]*|//p' | grep -v security | head -n 1)
[ -n "$mirror" ] || mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | sed -nE 's/^(URIs:|deb( \[[^]]*\])?) +([^ ]*debian)\/? ?.*/\3/p' | head -n 1)
[ -n "$mirror" ] || give_up "this system's apt has no Debian mirror"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keys" ] || give_up "$keys is missing: install debian-archive-keyring"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/archives/partial"
echo "deb [signed-by=$keys arch=amd64] $mirror $suite non-free" >"$work/sources.list"
cat >"$work/apt.conf" <<EOF
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "-";
Dir::State::Lists "$work/lists";
Dir::Cache "$work";
APT::Sandbox::User "$(id -un)";
Acquire::Retries "2";
EOF
echo "ptxas: fetching $package (87 MB) from $mirror into $cache" >&2
cd "$work"
for step in update "download $package"; do
	# shellcheck disable=SC2086
	APT_CONFIG="$work/apt.conf" apt-get -qq $step >"$work/log" 2>&1 || { cat "$work/log" >&2; give_up "$mirror $suite could not be reached, or has no $package"; }
done
dpkg-deb --fsys-tarfile "$work/$package"_*.deb | tar -x ./usr/bin/ptxas ./usr/bin/cuobjdump ./usr/bin/nvdisasm
mkdir -p "$(dirname "$cache")"
complete "$work/usr/bin" || give_up "the package lacks one of $tools"
rm -rf "$cache"
mv "$work/usr/bin" "$cache"
echo "$cache"
