#!/usr/bin/env bash
# Configurations with and without a firewall, each in namespaces of its own, beside its truth.
#   run.sh [--tap] [--quick] [NAME...]     JOBS=8 PEERS=1 (nmap, hping3, nping beside it)
# Fields: verdict, box, manner, what it keeps, rewrites, fakes; "?" cannot be told, a "?" behind
# a word: only possible.
set -u
cd "$(dirname "$0")/../.." || exit 1
export BUILD=${BUILD:-build/release} PEERS=${PEERS:-}
export SYNSCOPE=${SYNSCOPE:-$PWD/$BUILD/synscope}
LOGS=${LOGS:-$BUILD/firewall}
export LOGS
tap='' quick=''
while [ $# -gt 0 ]; do
	case $1 in
	--tap) tap=1 ;;
	--quick) quick=1 ;;
	*) break ;;
	esac
	shift
done
# shellcheck source=tests/firewall/configs.sh
. tests/firewall/configs.sh
names=("$@")
if [ $# -eq 0 ]; then
	if [ -n "$quick" ]; then
		names=("${quick_configs[@]}")
	else
		mapfile -t names < <(compgen -A function config_ | sed 's/^config_//')
	fi
fi
missing=''
for tool in unshare ip nft jq ethtool; do
	command -v $tool >/dev/null || missing="$missing $tool"
done
[ -n "$missing" ] || unshare -Urnm true 2>/dev/null || missing=" user namespaces"
if [ -n "$missing" ]; then
	[ -n "$tap" ] && echo "1..1" && echo "ok 1 - firewall # SKIP there is no$missing here"
	[ -n "$tap" ] || echo "skipped: there is no$missing here"
	exit 0
fi
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
begun=$SECONDS
printf '%s\n' "${names[@]}" | xargs -P "${JOBS:-8}" -I '{}' \
	timeout -k 5 260 unshare -Urnm tests/firewall/one.sh '{}' >"$out" 2>"$out.err"
rm -f "$out.err"

wrong=0 skipped=0 good=0
[ -n "$tap" ] && echo "1..${#names[@]}"
[ -n "$tap" ] || printf '%-24s %-6s %s\n' CONFIGURATION RESULT "FOUND (verdict, by, how, keeps, rewrites, fakes)"
n=0
for name in "${names[@]}"; do
	n=$((n + 1))
	IFS='|' read -r _ result fields expect truth peers < <(grep "^$name|" "$out" || echo "$name|WRONG|no result|||")
	case $result in
	ok) good=$((good + 1)) ;;
	skip) skipped=$((skipped + 1)) ;;
	*) wrong=$((wrong + 1)) ;;
	esac
	if [ -n "$tap" ]; then
		case $result in
		ok) echo "ok $n - $name: $fields" ;;
		skip) echo "ok $n - $name # SKIP $fields" ;;
		*) echo "not ok $n - $name" && echo "# found    $fields" && echo "# expected $expect" ;;
		esac
		continue
	fi
	printf '%-24s %-6s %s\n' "$name" "$result" "$fields"
	[ "$result" = WRONG ] && printf '%31s %s   <- expected\n' '' "$expect"
	[ -n "$truth" ] && printf '%31s truth: %s\n' '' "$truth"
	[ -n "$peers" ] && printf '%31s %s\n' '' "$peers"
done
[ -n "$tap" ] || printf '%d right, %d wrong, %d skipped, %d s\n' $good $wrong $skipped $((SECONDS - begun))
[ $wrong -eq 0 ]
