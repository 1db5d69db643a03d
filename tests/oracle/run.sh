#!/usr/bin/env bash
# Build the oracle and run it: tests/oracle/run.sh --depth 5, --hostile, --stacks,
# --lives 2, --walks N --seed N, -v for every difference. See main.c.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build/release}
make -s BUILD="$build" "$build/libcore.a"
"${CC:-cc}" -std=c11 -O2 -Iinclude -D_GNU_SOURCE tests/oracle/*.c "$build/libcore.a" \
	-o "$build/oracle"
exec "$build/oracle" "$@"
