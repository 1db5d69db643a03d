#!/usr/bin/env bash
# docs/states.md is what the table prints. TAP on stdout.
cd "$(dirname "$0")/../.." || exit 1
echo 1..1
if "${SYNSCOPE:-build/synscope}" explain --markdown | diff - docs/states.md >&2; then
	echo "ok 1 - docs/states.md is printed from the table"
else
	echo "not ok 1 - docs/states.md is not what the table says: make states"
	exit 1
fi
