#!/usr/bin/env bash
# Run fuzzers, one after the other: run.sh SECONDS BINARY...
# Each starts from tests/fuzz/corpus/<name>/, which is not written to; what is new goes to
# $FUZZ_OUT (default: a folder that is thrown away), and crashes are kept beside the binary.
# Prints one line a fuzzer and ends non-zero if one crashed.
set -u
cd "$(dirname "$0")" || exit 1
root=$PWD/../..
if [ $# -lt 2 ]; then
	echo "usage: $0 SECONDS BINARY..." >&2
	exit 64
fi
seconds=$1
shift
out=${FUZZ_OUT:-}
if [ -z "$out" ]; then
	out=$(mktemp -d) || exit 71
	trap 'rm -rf "$out"' EXIT
fi

failed=0
for binary in "$@"; do
	case $binary in /*) ;; *) binary=$root/$binary ;; esac
	name=${binary##*/}
	corpus=corpus/${name#fuzz_}
	mkdir -p "$out/$name" "$corpus"
	if "$binary" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
		-max_len=4096 -artifact_prefix="$binary-" "$out/$name" "$corpus" \
		>"$out/$name.log" 2>&1; then
		verdict=ok
	else
		verdict=CRASHED
		failed=1
	fi
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name.log")
	cover=$(sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\) corp: \([0-9]*\).*/\1 edges, \2 features, \3 inputs/p' \
		"$out/$name.log" | tail -n 1)
	printf '%-14s %-7s %s runs, %s\n' "$name" "$verdict" "${runs:-?}" "${cover:-?}"
	[ "$verdict" = ok ] || tail -n 40 "$out/$name.log"
done
exit "$failed"
