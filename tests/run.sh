#!/usr/bin/env bash
# Run groups of tests (unit, golden, mutate, lab) and print what failed, what was
# skipped and why, and last of all the line "N passed, N failed, N skipped".
# Every test program speaks TAP; a program that dies without its plan is a failure.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build/release}
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
passed=0 failed=0 skipped=0

# Count one program's TAP in $out/tap; $1 is its name, $2 its exit status.
tally() {
	local name=$1 rc=$2 ok notok skip plan
	skip=$(grep -cE '^(ok|not ok).*# SKIP' "$out/tap")
	ok=$(grep -E '^ok ' "$out/tap" | grep -vc '# SKIP')
	notok=$(grep -E '^not ok ' "$out/tap" | grep -vc '# SKIP')
	plan=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$out/tap" | awk '{n += $1} END {print n + 0}')
	if [ $((ok + notok + skip)) -ne "$plan" ] || { [ "$rc" -ne 0 ] && [ "$notok" -eq 0 ]; }; then
		notok=$((notok + 1))
		printf 'FAIL  %s ended early: status %s, %s of %s tests reported\n' \
			"$name" "$rc" "$((ok + notok + skip - 1))" "$plan"
		tail -n 20 "$out/err" "$out/tap"
	fi
	if [ "$notok" -gt 0 ]; then
		printf 'FAIL  %s\n' "$name"
		grep -E -A12 '^not ok ' "$out/tap" | grep -v '^ok ' | head -80
		tail -n 40 "$out/err"
	else
		printf 'ok    %s (%s)\n' "$name" "$ok"
	fi
	grep -E '# SKIP' "$out/tap" | sed "s|^|skip  $name: |"
	passed=$((passed + ok)) failed=$((failed + notok)) skipped=$((skipped + skip))
}

# Run one program; what it said is kept under its name, for count().
run() { # PROGRAM NAME [ARGUMENT...]
	local bin=$1 name=$2 at=$out/${2//\//_}
	shift 2
	CMOCKA_MESSAGE_OUTPUT=TAP SYNSCOPE=$PWD/$build/synscope BUILD=$build \
		timeout -k 10 280 "$bin" "$@" >"$at.tap" 2>"$at.err" </dev/null
	echo $? >"$at.rc"
	echo "$name" >>"$out/$lane"
}

# It counts the namespaces of the machine, which others make too.
alone=tests/lab/test_kill.c

programs() { # GROUP: the C ones of it
	local src
	for src in tests/"$1"/test_*.c tests/"$1"/*/test_*.c; do
		[ ! -e "$src" ] || [ "$src" = "$alone" ] || run "$build/${src%.c}" "${src%.c}"
	done
}

scripts() { # GROUP FIRST: every second one
	local src
	local -a all=(tests/"$1"/*.sh)
	for src in "${!all[@]}"; do
		[ $((src % 2)) -ne "$2" ] || run "${all[src]}" "${all[src]}"
	done
}

# Count what the lanes have run.
count() {
	local name at
	while read -r name; do
		at=$out/${name//\//_}
		mv "$at.tap" "$out/tap"
		mv "$at.err" "$out/err"
		tally "$name" "$(cat "$at.rc")"
	done < <(cat "$out"/lane.* 2>/dev/null)
	rm -f "$out"/lane.*
}

for group in "$@"; do
	lane=lane.1
	case $group in
	unit) programs unit ;;
	lab) # they mostly wait: three at a time
		run "$build/${alone%.c}" "${alone%.c}"
		programs lab &
		lane=lane.2 scripts lab 0 &
		lane=lane.3 scripts lab 1 &
		wait
		;;
	golden)
		run tests/golden/run.sh tests/golden/run.sh
		run tests/golden/states.sh tests/golden/states.sh
		;;
	mutate) run tests/mutate/run.sh tests/mutate/run.sh 50 ;; # make mutate takes them all
	esac
	count
done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
