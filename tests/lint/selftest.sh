#!/usr/bin/env bash
# Each step of lint must be able to fail. A tree of a few lines is built on which all of them
# pass; then one breach after the other is planted, and its step has to find it.
set -u
export LC_ALL=C.UTF-8 LINT_BUILD=build/lint LINT_JOBS=1
cd "$(dirname "$0")/../.." || exit 1
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{include/synscope/{core,edge,render,client},src/{core,edge,render,client},tests,docs,.ci}
cp -r Makefile VERSION .clang-format .clang-tidy .gitignore "$tree"
cp -r tests/lint "$tree/tests/lint"
cd "$tree" || exit 1
rm tests/lint/selftest.sh

cat >include/synscope/core/good.h <<'END'
/* A header to find nothing wrong with. */
#ifndef SYNSCOPE_CORE_GOOD_H
#define SYNSCOPE_CORE_GOOD_H

/**
 * Say how much.
 * @param count of what
 * @return twice that
 */
int good_twice(int count);

#endif
END
cat >src/core/good.c <<'END'
#include "synscope/core/good.h"

int good_twice(int count)
{
	return 2 * count;
}
END
for layer in edge render client; do
	printf '#include "synscope/core/good.h"\n\nint %s_more(int n);\n\nint %s_more(int n)\n{\n\treturn good_twice(n) + 1;\n}\n' \
		$layer $layer >src/$layer/$layer.c
done
cat >src/main.c <<'END'
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "say") == 0)
		puts("usage: synscope say\n\n  -w, --word WORD   a word\n\n  -q, --quiet  less");
	else
		puts("usage: synscope VERB\n\n  say   say a word\n\n  -q, --quiet  less");
	return 0;
}
END
page() { # name, its options
	printf '.Dd November 24, 2026\n.Dt %s 8\n.Os\n.Sh NAME\n.Nm %s\n.Nd something\n.Sh DESCRIPTION\n.Nm\nis what\n' "${1^^}" "$1"
	[ "$1" != synscope ] || printf '.Xr synscope-say 8\nsays.\n'
	printf '.Bl -tag -width Ds\n%s\nText.\n.El\n' "$2"
}
page synscope '.It Fl q , Fl -quiet' >docs/synscope.8
page synscope-say '.It Fl w , Fl -word Ar word' >docs/synscope-say.8
printf '#!/bin/sh\necho hello\n' >.ci/run
git init -q . && git add -A

planted=$tree/planted
failures=0
check() { # wanted result, step, what
	local got=ok
	tests/lint/lint.sh "$2" >"$planted.out" 2>&1 || got=FAIL
	if [ $got = "$1" ]; then
		printf 'ok    %s: %s\n' "$2" "$3"
	else
		printf 'FAIL  %s: %s: said %s\n' "$2" "$3" $got
		cat "$planted.out"
		failures=$((failures + 1))
	fi
}

for step in layers headers fences words shellcheck manuals format warnings pure quiet options \
	contracts cppcheck tidy; do
	check ok $step 'nothing wrong'
done

# plant STEP WHAT FILE TEXT: append TEXT, a format, to FILE; build if the step reads archives;
# check; undo
# shellcheck disable=SC2059
plant() {
	cp "$3" "$planted" 2>/dev/null || rm -f "$planted"
	printf "$4" >>"$3"
	git add -A -- "$3"
	case $1 in pure | quiet) tests/lint/lint.sh warnings >/dev/null 2>&1 ;; esac
	check FAIL "$1" "$2"
	if [ -f "$planted" ]; then cp "$planted" "$3"; else rm -f "$3"; fi
	git add -A
}

plant layers 'core includes edge' src/core/good.c '#include "synscope/edge/x.h"\n'
plant layers 'render includes edge' src/render/render.c '#include "synscope/edge/x.h"\n'
plant layers 'main includes core' src/main.c '#include "synscope/core/good.h"\n'
plant layers 'two vendors in one file' src/edge/privs.c '#include <cap-ng.h>\n#include <pcap.h>\n'
plant layers 'a vendor where it does not belong' src/edge/clock.c '#include <libnet.h>\n'
plant layers 'a vendor in a contract' include/synscope/edge/craft.h '#include <libnet.h>\n'
plant layers 'core reads a clock header' src/core/good.c '#include <time.h>\n'
plant headers 'a guard that is not the path' include/synscope/core/bad.h '#ifndef BAD_H\n#define BAD_H\n#endif\n'
plant headers 'does not compile alone' include/synscope/core/bad.h \
	'#ifndef SYNSCOPE_CORE_BAD_H\n#define SYNSCOPE_CORE_BAD_H\nuint8_t bad(void);\n#endif\n'
plant fences 'the formatter is off' src/core/good.c '/* clang-format off */\n'
plant words 'unfinished work' src/core/good.c '/* T''ODO: more */\n'
plant words 'a path of one machine' docs/synscope.8 'see /ho''me/me/file\n'
plant words 'blanks at the end of a line' Makefile '# x \n'
plant shellcheck 'an unquoted variable' .ci/run "rm \$1\\n"
plant manuals 'an unknown macro' docs/synscope.8 '.Xx\n'
plant format 'a space too many' src/core/good.c 'int  x;\n'
plant warnings 'an unused variable' src/core/good.c 'static int unused;\n'
plant pure 'core asks the time' src/core/late.c \
	'#include <time.h>\nlong late(void);\nlong late(void)\n{\n\treturn time(0);\n}\n'
plant quiet 'an edge prints' src/edge/loud.c \
	'#include <stdio.h>\nvoid loud(int n);\nvoid loud(int n)\n{\n\tprintf("%%d", n);\n}\n'
plant quiet 'a renderer opens a file' src/render/nosy.c \
	'#include <fcntl.h>\nint nosy(void);\nint nosy(void)\n{\n\treturn open("x", 0);\n}\n'
plant options 'an option in the page alone' docs/synscope-say.8 '.Bl -tag\n.It Fl -loud\nLouder.\n.El\n'
plant contracts 'a parameter that is not there' include/synscope/core/good.h \
	'/**\n * Do.\n * @param n how often\n */\nvoid good_do(int count);\n'
plant cppcheck 'reads past an array' src/core/late.c \
	'int late(void);\nint late(void)\n{\n\tint a[2] = {0, 1};\n\treturn a[2];\n}\n'
plant tidy 'a function of 80 lines' src/core/long.c \
	"int late(int n);\nint late(int n)\n{\n$(for i in $(seq 80); do printf '\\tn += %s;\\n' "$i"; done)\\treturn n;\\n}\\n"
plant tidy 'seven parameters' src/core/many.c \
	'int many(int a, int b, int c, int d, int e, int f, int g);\nint many(int a, int b, int c, int d, int e, int f, int g)\n{\n\treturn a + b + c + d + e + f + g;\n}\n'
mv docs/synscope-say.8 "$planted.page"
check FAIL options 'a verb without its page'
mv "$planted.page" docs/synscope-say.8

[ $failures -eq 0 ] || { printf 'selftest: %d failed\n' $failures; exit 1; }
