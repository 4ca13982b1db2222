#!/bin/sh
# Runs every fuzz target for a while: `fuzz.sh 30s`.
set -eu
time=${1:?usage: fuzz.sh TIME}
grep -rlE --include='*_test.go' '^func Fuzz' . | while read -r file; do
	# shellcheck disable=SC2013 # a name has no spaces
	for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/p' "$file"); do
		echo "fuzz: $(dirname "$file") $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1s "$(dirname "$file")" </dev/null
	done
done
