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

for group in "$@"; do
	case $group in
	unit | lab)
		if [ "$group" = unit ]; then glob="tests/unit/*/test_*.c"; else glob="tests/lab/test_*.c"; fi
		for src in $glob; do
			[ -e "$src" ] || continue
			bin=$build/${src%.c}
			CMOCKA_MESSAGE_OUTPUT=TAP SYNSCOPE=$PWD/$build/synscope \
				timeout -k 10 280 "$bin" >"$out/tap" 2>"$out/err" </dev/null
			tally "${src%.c}" $?
		done
		for src in tests/"$group"/*.sh; do
			[ -e "$src" ] || continue
			SYNSCOPE=$PWD/$build/synscope BUILD=$build \
				timeout -k 10 280 "$src" >"$out/tap" 2>"$out/err" </dev/null
			tally "$src" $?
		done
		;;
	golden)
		for src in tests/golden/run.sh tests/golden/states.sh; do
			SYNSCOPE=$PWD/$build/synscope \
				timeout -k 10 280 "$src" >"$out/tap" 2>"$out/err" </dev/null
			tally "$src" $?
		done
		;;
	mutate) # a sample: make mutate takes them all
		timeout -k 10 280 tests/mutate/run.sh 50 >"$out/tap" 2>"$out/err" </dev/null
		tally tests/mutate/run.sh $?
		;;
	esac
done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
