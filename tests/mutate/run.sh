#!/usr/bin/env bash
# Change the transition table (src/core/rules.c), one row and one thing at a time (mutable.c). A
# test must notice each change, unless there is nothing to notice: differ.c asks both tables
# everything that can be asked, and their answers are the same. The comparison of docs/states.md
# with the table, which would notice anything, is not among the tests.
#   run.sh [EVERY]      each EVERYth mutant only (default 1: all)
# MUTATE_TESTS names the programs, the quick ones first. TAP on stdout.
set -u
cd "$(dirname "$0")/../.." || exit 1
every=${1:-1}
differ=${BUILD:-build/release}/tests/mutate/differ
read -ra tests <<<"${MUTATE_TESTS:?which programs}"
jobs=2
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
export CMOCKA_MESSAGE_OUTPUT=STDOUT

# What is the same to a program, of the mutants numbered in $out/left.
put_through() {
	local j
	for ((j = 0; j < jobs; j++)); do
		awk -v jobs=$jobs -v j=$j 'NR % jobs == j' "$out/left" >"$out/part$j"
		MUTATE=@$out/part$j nice -n 10 "$@" >"$out/done$j" 2>"$out/err$j" </dev/null &
	done
	wait
	cat "$out"/done* >"$out/done"
	if [ "$(wc -l <"$out/done")" -ne "$(wc -l <"$out/left")" ]; then
		echo "Bail out! $1 did not come to its end"
		cat "$out"/err* >&2
		exit 1
	fi
	awk '$2 == "survived" { print $1 }' "$out/done" | sort -n >"$out/left"
}

count() { wc -l <"$out/$1"; }

echo 1..2
# The table as it is passes; else being noticed means nothing.
for test in "${tests[@]}"; do
	if ! "$test" >"$out/whole" 2>&1 </dev/null; then
		echo "Bail out! $test fails without any mutation"
		cat "$out/whole" >&2
		exit 1
	fi
done

# number, row, section, sentence, mutation
MUTATE=list "$differ" >"$out/all"
awk -F'\t' -v every="$every" 'NR % every == 0 { print $1 }' "$out/all" >"$out/put"
cp "$out/put" "$out/left"
for test in "${tests[@]}"; do
	before=$(count left)
	[ "$before" -eq 0 ] || put_through "$test"
	echo "# ${test##*/}: $((before - $(count left))) noticed"
done
cp "$out/left" "$out/survived"
put_through "$differ" "$("$differ")"
cp "$out/left" "$out/same"
sort "$out/survived" >"$out/a" && sort "$out/same" | comm -23 "$out/a" - >"$out/wrong"

echo "# $(cut -f2 "$out/all" | sort -u | wc -l) rows, $(count put) mutants:" \
	"$(($(count put) - $(count survived))) killed, $(count same) the same to everything that can" \
	"happen, $(count wrong) survived"
if [ -s "$out/wrong" ]; then
	awk -F'\t' 'NR == FNR { wrong[$1] = 1; next }
		$1 in wrong { print "# survived: " $1 ", row " $2 ", " $3 ": " $4 " [" $5 "]" }' \
		"$out/wrong" "$out/all"
	echo "not ok 1 - every mutant of the table is noticed, or the same"
else
	echo "ok 1 - every mutant of the table is noticed, or the same"
fi
if cut -f3,4 "$out/all" | uniq | sort | uniq -d | grep .; then
	echo "not ok 2 - every row has a name of its own"
	exit 1
fi
echo "ok 2 - every row has a name of its own"
[ ! -s "$out/wrong" ]
