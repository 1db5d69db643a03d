#!/usr/bin/env bash
# Pictures of every kept capture: whole, nothing clipped, no two texts over each other, and
# readable by who reads SVG (librsvg, Chromium), where these are installed. TAP on stdout.
set -u
cd "$(dirname "$0")/../.." || exit 1
synscope=$(realpath "${SYNSCOPE:-build/synscope}")
export LC_ALL=C.UTF-8
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
count=0 failed=0

result() { # GOOD NAME
	count=$((count + 1))
	if [ "$1" = yes ]; then
		echo "ok $count - $2"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $count - $2"
	head -n 40 "$out/log" 2>/dev/null | sed 's/^/# /'
}

skip() { # NAME WHY
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# draw NAME OPTION...   every capture, as NAME/CAPTURE.svg
draw() {
	local name=$1 capture
	shift
	mkdir -p "$out/$name"
	for capture in captures/*.pcap captures/*.pcapng; do
		timeout 60 "$synscope" read "$@" --svg "$out/$name/$(basename "$capture").svg" "$capture" \
			>/dev/null 2>>"$out/noise"
	done
}

looks() { # NAME
	python3 tests/support/boxes.py "$out/$1"/*.svg >"$out/log" 2>&1 && good=yes || good=no
	result "$good" "every picture is whole: $1"
}

draw plain
looks plain
draw much -vv --with-payload --time abs --numbers raw
looks much
draw symbolic -v --numbers symbolic --theme dark
looks symbolic
draw one --flow 1 --numbers rel --time delta --theme print -q
looks one

# The test of boxes must be able to fail.
printf '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 99 50"><text x="1" y="20" font-size="10">ab</text><text x="5" y="24" font-size="10">c</text><text x="90" y="45" font-size="10">abc</text></svg>' >"$out/bad.svg"
python3 tests/support/boxes.py "$out/bad.svg" >"$out/log"
[ "$(grep -c 'overlap' "$out/log")" = 1 ] && [ "$(grep -c 'clipped' "$out/log")" = 1 ] && good=yes || good=no
result "$good" "what is clipped or overlaps is found"

# As many groups as segments, and a sentence in each.
good=yes
for capture in captures/*.pcap; do
	n=$("$synscope" read -j "$capture" 2>/dev/null | grep -cE '"event_type":"(segment|icmp)"')
	file=$out/plain/$(basename "$capture").svg
	[ "$(grep -c '^<g id="[^"]*seg-[0-9]*" class="seg ' "$file")" = "$n" ] || { echo "$capture: $n" >"$out/log"; good=no; }
done
result "$good" "a group for every segment"

"$synscope" read --svg "$out/step.svg" --svg-steps 20 captures/open-data-close.pcap >/dev/null 2>"$out/log"
[ "$(find "$out" -maxdepth 1 -name 'step-*.svg' | wc -l)" = 11 ] && [ -f "$out/step-11.svg" ] &&
	[ "$(grep -c 'class="seg' "$out/step-04.svg")" = 4 ] && cmp -s "$out/step.svg" "$out/step-11.svg" &&
	[ "$(cat "$out"/step*.svg | grep -o 'viewBox="[^"]*"' | sort -u | wc -l)" = 1 ] &&
	[ -z "$(find "$out" -name '*.part')" ] && good=yes || good=no
result "$good" "steps: as many as there are, of one size, the last one whole"

if command -v rsvg-convert >/dev/null; then
	good=yes
	for file in "$out"/plain/*.svg "$out"/symbolic/*.svg; do
		rsvg-convert "$file" -o "$out/x.png" 2>"$out/log" && [ -s "$out/x.png" ] || good=no
	done
	result "$good" "librsvg draws all of them"
else
	skip "librsvg draws all of them" "no rsvg-convert"
fi

# In Chromium, with the fonts that are really there.
chromium=$(command -v chromium-headless-shell chromium | head -n 1)
if [ -n "$chromium" ]; then
	{
		echo '<!DOCTYPE html><meta charset="utf-8"><body>'
		cat "$out"/much/*.svg "$out"/plain/*.svg
		cat tests/support/boxes.html
	} >"$out/all.html"
	timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --dump-dom "file://$out/all.html" \
		2>/dev/null | sed -n 's/.*data-faults="\([^"]*\)".*/\1/p' >"$out/log"
	[ "$(cat "$out/log")" = "none of $(cat "$out"/much/*.svg "$out"/plain/*.svg | grep -c '<svg')" ] && good=yes || good=no
	result "$good" "Chromium: nothing clipped, nothing overlaps"
else
	skip "Chromium: nothing clipped, nothing overlaps" "no chromium"
fi

echo "1..$count"
[ $failed -eq 0 ]
