#!/usr/bin/env bash
# Golden tests: what synscope says of a kept capture must be what it said when somebody read
# it and found it right.
#   run.sh                  compare all, TAP on stdout
#   run.sh --update [NAME]  rewrite NAME.expected, or all; read the diff like code
# LIST has a test a line: name | capture | arguments. The command is
#   synscope ARGUMENTS CAPTURE
# and the expected text is its stdout, followed by "stderr: ..." lines and the exit status when
# it is not 0.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build/release}
synscope=${SYNSCOPE:-$PWD/$build/synscope}
# All that could change the text from one machine to the next.
export TZ=UTC LC_ALL=C.UTF-8 TERM=dumb COLUMNS=80
unset NO_COLOR CLICOLOR_FORCE
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT

mapfile -t tests < <(sed -E 's/[[:blank:]]*#.*//; /^[[:blank:]]*$/d' tests/golden/LIST)

# Split a line of LIST into name, capture and args (an array).
split() {
	local rest
	IFS='|' read -r name capture rest <<<"$1"
	name=${name//[[:blank:]]/} capture=${capture//[[:blank:]]/}
	read -ra args <<<"$rest"
}

run() {
	local status
	timeout 60 "$synscope" "${args[@]}" "captures/$capture" >"$out/text" 2>"$out/err" </dev/null
	status=$?
	sed 's/^/stderr: /' "$out/err" >>"$out/text"
	[ $status -eq 0 ] || echo "exit status $status" >>"$out/text"
}

if [ "${1:-}" = --update ]; then
	found=no
	for line in "${tests[@]}"; do
		split "$line"
		[ -z "${2:-}" ] || [ "$2" = "$name" ] || continue
		found=yes
		run
		cmp -s "$out/text" "tests/golden/$name.expected" && continue
		cp "$out/text" "tests/golden/$name.expected"
		echo "wrote tests/golden/$name.expected"
	done
	[ $found = yes ] || { echo "golden: no test named ${2:-} in tests/golden/LIST" >&2; exit 1; }
	exit 0
fi

echo "1..$((${#tests[@]} + 1))"
n=0
for line in "${tests[@]}"; do
	split "$line"
	run
	n=$((n + 1))
	if diff -u "tests/golden/$name.expected" "$out/text" >"$out/diff" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		head -n 40 "$out/diff" | sed 's/^/# /'
	fi
done
# An expected text that no line of LIST asks for is a test that nobody runs.
printf '%s\n' "${tests[@]}" | sed 's/[[:blank:]]*|.*//' | sort >"$out/names"
find tests/golden -maxdepth 1 -name '*.expected' -printf '%f\n' | sed 's/\.expected$//' | sort >"$out/files"
if diff "$out/names" "$out/files" >"$out/diff"; then
	echo "ok $((n + 1)) - every expected text has its line, and the other way round"
else
	echo "not ok $((n + 1)) - every expected text has its line, and the other way round"
	sed 's/^/# /' "$out/diff"
fi
