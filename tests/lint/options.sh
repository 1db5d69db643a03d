#!/usr/bin/env bash
# Every verb has its page, and page and --help name the same options, with the same letters.
# Options of every verb stand in synscope(8) only.
#   options.sh SYNSCOPE
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1
synscope=$1
[ -x "$synscope" ] || { echo "no $synscope: run the step warnings first"; exit 1; }
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
bad=0

# "-n --numeric" or "--isn" a line, from the help and from the page's list items.
in_help() {
	"$synscope" "$@" --help | sed -nE 's/^ +(-([[:alnum:]]), )? *--([a-z0-9-]+).*/-\2 --\3/p' |
		sed 's/^- //' | grep -vE -- '--(help|version)$' | sort -u
}
in_page() {
	sed -nE 's/^\.It Fl ([[:alnum:]])( , Fl -| Ns , Fl -)([a-z0-9-]+).*/-\1 --\3/p
		s/^\.It Fl -([a-z0-9-]+).*/--\1/p' "$1" | grep -vE -- '--(help|version)$' | sort -u
}
compare() {
	diff "$out/help" "$out/page" >"$out/diff" && return
	sed -n "s|^< |$1: not in the page, but in --help: |p; s|^> |$1: in the page, but not in --help: |p" "$out/diff"
	bad=1
}

in_help >"$out/globals"
cp "$out/globals" "$out/help"
in_page docs/synscope.8 >"$out/page"
compare docs/synscope.8
# They stand in the first paragraph after the usage.
mapfile -t verbs < <("$synscope" --help | awk '/^usage:/ { u = 1 } u && /^$/ { p++ } p == 1 && /^  [a-z]/ { print $1 }')
[ ${#verbs[@]} -gt 0 ] || { echo "no verbs in synscope --help"; exit 1; }
for verb in "${verbs[@]}"; do
	page=docs/synscope-$verb.8
	if [ ! -f "$page" ]; then
		echo "$page: missing"
		bad=1
		continue
	fi
	# "synscope lab run|shell|exec" has options in each of these.
	mapfile -t words < <("$synscope" "$verb" --help | sed -nE "1s/^usage: synscope $verb ([a-z]+(\|[a-z]+)+) .*/\1/p" | tr '|' '\n')
	{
		in_help "$verb"
		for word in "${words[@]}"; do in_help "$verb" "$word"; done
	} | sort -u | comm -23 - "$out/globals" >"$out/help"
	in_page "$page" >"$out/page"
	compare "$page"
	grep -q "^\.Xr synscope-$verb 8" docs/synscope.8 || { echo "docs/synscope.8 does not name synscope-$verb(8)"; bad=1; }
done
exit $bad
