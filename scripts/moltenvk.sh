#!/bin/sh
# Makes a libMoltenVK.a in the directory that is given, for the linker on macOS.
#
# vulkan-go wants MoltenVK when it is linked, for a function that nobody calls; gpubench
# opens the Vulkan loader or MoltenVK when it runs, and does without where neither is
# installed. So the linker gets this in its place.
set -eu
dir=${1:?usage: moltenvk.sh DIRECTORY}
mkdir -p "$dir"
echo 'void *vkGetInstanceProcAddr(void *instance, const char *name) { return (void)instance, (void)name, (void *)0; }' |
	"${CC:-cc}" -c -x c -o "$dir/moltenvk.o" -
rm -f "$dir/libMoltenVK.a"
ar rcs "$dir/libMoltenVK.a" "$dir/moltenvk.o"
rm "$dir/moltenvk.o"
