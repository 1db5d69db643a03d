#!/usr/bin/env bash
# The player in a browser without a screen: every key and control, deep links, themes, print,
# what is hostile, and that nothing is loaded. TAP on stdout; skipped where there is no Chromium.
set -u
cd "$(dirname "$0")/../.." || exit 1
synscope=$(realpath "${SYNSCOPE:-build/synscope}")
build=${BUILD:-build/release}
export LC_ALL=C.UTF-8
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
chromium=$(command -v chromium-headless-shell chromium | head -n 1)
if [ -z "$chromium" ]; then
	echo "1..1"
	echo "ok 1 - the player # SKIP no chromium"
	exit 0
fi
count=0 failed=0

result() { # GOOD NAME
	count=$((count + 1))
	if [ "$1" = yes ]; then
		echo "ok $count - $2"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $count - $2"
	head -c 3000 "$out/log" 2>/dev/null | sed 's/^/# /'
}

browse() { # OPTION... URL
	timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --user-data-dir="$out/profile" "$@" 2>"$out/noise"
}

# page FILE CAPTURE OPTION...
page() {
	local file=$1 capture=$2
	shift 2
	"$synscope" read "$@" --html "$out/$file" "captures/$capture" >/dev/null 2>&1
}

page page.html open-data-close.pcap
cp tests/support/player.html "$out/drive.html"
# The frame lies beside the page that drives it; files are strangers to each other otherwise.
browse --disable-web-security --virtual-time-budget=30000 --dump-dom "file://$out/drive.html" |
	sed -n 's/.*<html[^>]* data-result="\([^"]*\)".*/\1/p' >"$out/log"
grep -qE '^[0-9]+ checks$' "$out/log" && good=yes || good=no
result "$good" "every key, control and view ($(head -c 60 "$out/log"))"

# As many sheets as are wanted: the ladder and the transcript, of 16 segments or less.
for capture in open-data-close.pcap keep-alive.pcap filtered-port.pcap; do
	page print.html "$capture"
	browse --print-to-pdf="$out/print.pdf" --no-pdf-header-footer "file://$out/print.html#3" >/dev/null
	n=$(grep -ac '/Type */Page\b' "$out/print.pdf")
	echo "$n pages" >"$out/log"
	[ "$n" -eq 2 ] && good=yes || good=no
	result "$good" "two sheets of paper: $capture"
done

# A longer one: no piece of the ladder is higher than a sheet, and none has a row of another.
page long.html lost-data.pcap
browse --print-to-pdf="$out/print.pdf" --no-pdf-header-footer "file://$out/long.html" >/dev/null
n=$(grep -ac '/Type */Page\b' "$out/print.pdf")
echo "$n pages" >"$out/log"
[ "$n" -eq 4 ] && [ "$(grep -c '^<svg xmlns' "$out/long.html")" = 2 ] &&
	[ "$(awk '/^<svg xmlns/ { s++ } /class="seg / && s == 2 { n++ } END { print n }' "$out/long.html")" = 4 ] &&
	good=yes || good=no
result "$good" "a ladder of 20 segments is cut between two rows"

# Without a script all is there to read.
sed -e 's/<script>.*/<script>/' "$out/page.html" | sed '/^"use strict"/,/^})();/d' >"$out/plain.html"
browse --dump-dom "file://$out/plain.html" >"$out/log"
[ "$(grep -c 'class="seg ' "$out/log")" = 11 ] && [ "$(grep -c '<li id="say-' "$out/log")" = 11 ] &&
	! grep -q 'class="js"' "$out/log" && good=yes || good=no
result "$good" "complete without a script"

# What is hostile stays text: no element of its making, and the player works.
HOSTILE_PAGE=$out/hostile.html "$build/tests/unit/render/test_html" >"$out/log" 2>&1
browse --virtual-time-budget=5000 --dump-dom "file://$out/hostile.html#4" >"$out/log"
[ "$(grep -o '<script' "$out/log" | wc -l)" = 2 ] && ! grep -qiE '<(b|img|iframe|object)[ >]' "$out/log" &&
	grep -q '<html[^>]*class="js"' "$out/log" && grep -q 'aria-current="step"' "$out/log" && good=yes || good=no
result "$good" "hostile strings are inert"

# Several exchanges, one shown at a time.
page several.html several-flows.pcap
browse --virtual-time-budget=5000 --dump-dom "file://$out/several.html#f2-2" >"$out/log"
grep -q '<section class="flow" id="flow-1" hidden=""' "$out/log" &&
	grep -q '<section class="flow" id="flow-2">' "$out/log" &&
	grep -q 'id="f2-seg-2"[^>]*aria-current="step"' "$out/log" && good=yes || good=no
result "$good" "a deep link into another exchange"

echo "1..$count"
[ $failed -eq 0 ]
