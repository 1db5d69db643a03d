#!/usr/bin/env bash
# Everything a machine can say about the sources. One line a step, ok or FAIL; all steps run
# whatever happens, and the status is 1 if any failed.
#   lint.sh [STEP...]     only these; LINT_BUILD=DIR (build/lint) and LINT_JOBS=N (nproc)
set -u
export LC_ALL=C.UTF-8
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$(dirname "$0")/../.." || exit 1
here=tests/lint
build=${LINT_BUILD:-build/lint}
jobs=${LINT_JOBS:-$(nproc)}
cc=${CC:-gcc}
shopt -s nullglob
headers=(include/synscope/*/*.h)
sources=(src/*.c src/*/*.c)
internal=(src/*/*.h)
tests=(tests/*/*.[ch] tests/*/*/*.[ch])
scripts=(.ci/run tests/*.sh tests/*/*.sh tests/support/hooks/* src/*/*/*.sh)
manuals=(docs/*.[1-9])
strict=(-std=c11 -D_GNU_SOURCE '-DSYNSCOPE_VERSION="0"' -Iinclude -Wall -Wextra -Wpedantic
	-Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror)
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT

# --- the steps: silence and 0, or what is wrong and 1 ----------------------------------

# Who may include whom.
step_layers() {
	awk -f $here/layers.awk "${headers[@]}" "${sources[@]}" "${internal[@]}" "${tests[@]}"
}

# Each header compiles alone, and its guard is its path in capitals.
step_headers() {
	local h want bad=0
	for h in "${headers[@]}" "${internal[@]}" tests/*/*.h; do
		want=${h#include/}
		want=$(tr 'a-z/.' 'A-Z__' <<<"${want/#src\//synscope/}")
		if [ "$(grep -m1 '^#ifndef' "$h")" != "#ifndef $want" ] ||
			[ "$(grep -m1 '^#define' "$h")" != "#define $want" ]; then
			echo "$h: the guard should be $want"
			bad=1
		fi
		printf '#include "%s"\ntypedef int nothing_else;\n' "$h" >"$out/alone.c"
		$cc "${strict[@]}" -I. -fsyntax-only "$out/alone.c" || {
			echo "$h: does not compile alone"
			bad=1
		}
	done
	return $bad
}

# Only files with tables switch the formatter off. A test may: bytes stand under their captions.
step_fences() {
	local f bad=0
	while IFS= read -r f; do
		grep -qxF "$f" $here/fences.list && continue
		echo "$f: clang-format off, and not in $here/fences.list"
		bad=1
	done < <(grep -l 'clang-format off' "${headers[@]}" "${sources[@]}" "${internal[@]}")
	return $bad
}

# Nothing unfinished, no path of somebody's machine, no stray blanks.
step_words() {
	local bad=0
	if git grep -nIE '\b(T[O]DO|F[I]XME|X[X]X|H[A]CK)\b' -- . ':!LICENSE'; then
		echo "words of unfinished work"
		bad=1
	fi
	if git grep -nIE '(^|[^[:alnum:]._$}])/(home|root|work|Users)/' -- .; then
		echo "paths of one machine"
		bad=1
	fi
	if git grep -nIE '[[:blank:]]+$' -- . ':!*.expected' ':!captures' ':!LICENSE'; then
		echo "blanks at the end of lines"
		bad=1
	fi
	return $bad
}

# Everything builds with every warning an error, tests and benchmarks included.
step_warnings() {
	nice make -k -j"$jobs" --no-print-directory PROFILE=release BUILD="$build" WERROR=1 CC="$cc" binaries \
		2>&1 | grep -vE '^  (CC|AR|LD) ' >&2
	return "${PIPESTATUS[0]}"
}

# Symbols that an archive needs and does not have itself: "object: symbol".
undefined_of() {
	{
		nm --defined-only -g "$1" | sed -n 's/^[0-9a-f]* [A-Z] /defined /p'
		nm -A -u "$1" | sed -n 's/^[^:]*:\([^:]*\): *[Uw] \(.*\)/needs \1 \2/p'
	} | awk '$1 == "defined" { has[$2] = 1 } $1 == "needs" && !($3 in has) { print $2 ": " $3 }'
}

# The core needs nothing from outside but what pure.allow names.
step_pure() {
	[ -f "$build/libcore.a" ] || { echo "no $build/libcore.a: run the step warnings first"; return 1; }
	undefined_of "$build/libcore.a" >"$out/undefined"
	awk 'NR == FNR { if (!/^#/) allowed[$1] = 1; next }
	     !($2 in allowed) { sub(/\.o:/, ".c", $1); print "src/core/" $1 ": core calls " $2; bad = 1 }
	     END { exit bad }' $here/pure.allow "$out/undefined"
}

# Edges and renderers do not speak to the terminal and do not end the process; a child made by
# fork leaves by _exit. Renderers have no clock and open nothing but through out.c.
step_quiet() {
	local layer bad=0 voice='exit|quick_exit|abort|printf|vprintf|puts|putchar|fprintf|vfprintf|fputs|fputc|fwrite|perror|err|errx|warn|warnx|stdout|stderr|error|syslog'
	local world='time|clock_gettime|gettimeofday|open|open64|fopen|fopen64|socket|read|write|getenv|secure_getenv|system|popen'
	for layer in edge render; do
		[ -f "$build/lib$layer.a" ] || { echo "no $build/lib$layer.a: run the step warnings first"; return 1; }
		undefined_of "$build/lib$layer.a" | sed -E 's/ __(.*)_chk$/ \1/' >"$out/undefined"
		sed -i "s|^|src/$layer/|" "$out/undefined"
		grep -E ": ($voice)\$" "$out/undefined" && bad=1
		[ $layer = edge ] || { sed '/out\.o:/d' "$out/undefined" | grep -E ": ($world)\$" && bad=1; }
	done
	return $bad
}

# Contracts name the parameters that exist.
step_contracts() {
	local f bad=0
	for f in "${sources[@]}"; do
		clang -std=c11 -D_GNU_SOURCE '-DSYNSCOPE_VERSION="0"' -Iinclude -I"$build/gen" -fsyntax-only \
			-Wdocumentation -Werror "$f" || bad=1
	done
	return $bad
}

# Function size, parameters and likely mistakes: .clang-tidy says which and why. The tests
# are spared the analyzer, which costs most and says least there, and the size of functions, which
# are tables of cases; tests/stacks needs other stacks' headers. LINT_DEEP=1 lets it look four
# times as long at each function.
step_tidy() {
	local depth=(--extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=mode=shallow)
	[ -z "${LINT_DEEP:-}" ] || depth=()
	make -s BUILD="$build" compile_commands.json >/dev/null || return 1
	{
		printf '%s\n' "${sources[@]}"
		printf -- '--checks=-clang-analyzer-*,-bugprone-*,-readability-function-size,-misc-unused-parameters %s\n' \
			"${tests[@]}" | grep '\.c$' | grep -v ' tests/stacks/'
	} | nice xargs -P "$jobs" -L 1 clang-tidy --quiet -p . "${depth[@]}" >"$out/tidy.log" 2>&1 && return
	grep -vE '^[0-9]+ warnings? (generated|treated)' "$out/tidy.log"
	return 1
}

# Types of printf arguments are left to gcc -Wformat, which knows the promotions. Without
# --library=posix: it takes any static function named accept for the system call. In capture.c
# an ioctl's request holds the address of a local, and does not outlive it.
step_cppcheck() {
	mkdir -p "$build/cppcheck"
	nice cppcheck --quiet -j "$jobs" --std=c11 --language=c --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability --cppcheck-build-dir="$build/cppcheck" \
		--suppress=invalidPrintfArgType_uint --suppress=invalidPrintfArgType_sint \
		--suppress=autoVariables:src/edge/capture.c \
		-D_GNU_SOURCE -DSYNSCOPE_VERSION='"0"' -Iinclude "${sources[@]}"
}

step_shellcheck() {
	shellcheck -x "${scripts[@]}"
}

# What mandoc says of pages it refers to depends on the machine.
step_manuals() {
	! mandoc -T lint "${manuals[@]}" 2>&1 | grep -vE 'referenced manual not found|outdated mandoc\.db'
}

# Every option in a verb's --help is in its manual, and the other way round.
step_options() {
	$here/options.sh "$build/synscope"
}

step_format() {
	local f bad=0
	for f in "${headers[@]}" "${sources[@]}" "${internal[@]}" "${tests[@]}"; do
		clang-format "$f" | cmp -s - "$f" && continue
		echo "$f: make format would change it"
		bad=1
	done
	return $bad
}

# --- run them ----------------------------------------------------------------------------
steps=("$@")
[ $# -gt 0 ] || steps=(layers headers fences words shellcheck manuals format warnings pure quiet
	options contracts cppcheck tidy)
failed=0
for step in "${steps[@]}"; do
	begun=$SECONDS
	if "step_$step" >"$out/$step" 2>&1; then
		printf 'ok    %s (%d s)\n' "$step" $((SECONDS - begun))
	else
		printf 'FAIL  %s\n' "$step"
		sed 's/^/      /' "$out/$step" | head -n 60
		failed=$((failed + 1))
	fi
done
[ $failed -eq 0 ] || { printf 'lint: %d of %d steps failed\n' $failed ${#steps[@]}; exit 1; }
