#!/bin/sh
# Makes a libMoltenVK.a in the directory that is given, for the linker on macOS, with CC
# and AR where they are set; CC may have arguments, which are quoted as for go.
#
# vulkan-go wants MoltenVK when it is linked, for a function that nobody calls; gpubench
# opens the Vulkan loader or MoltenVK when it runs, and does without where neither is
# installed. So the linker gets this in its place.
set -eu
dir=${1:?usage: moltenvk.sh DIRECTORY}
mkdir -p "$dir"
eval "set -- ${CC:-cc}"
echo 'void *vkGetInstanceProcAddr(void *instance, const char *name) { return (void)instance, (void)name, (void *)0; }' |
	"$@" -c -x c -o "$dir/moltenvk.o" -
rm -f "$dir/libMoltenVK.a"
"${AR:-ar}" rcs "$dir/libMoltenVK.a" "$dir/moltenvk.o"
rm "$dir/moltenvk.o"
