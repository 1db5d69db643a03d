#!/usr/bin/env bash
# The verb `lab`, from outside: exit status, streams, servers, filters, wire, and that
# nothing is left. TAP on stdout. SYNSCOPE names the program.
set -u
synscope=${SYNSCOPE:-build/synscope}
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
count=0 failed=0

# ok NAME STATUS-WANTED STATUS-GOT [TEXT-WANTED]   the text in $out/1 or $out/2
ok() {
	count=$((count + 1))
	if [ "$2" -eq "$3" ] && { [ $# -lt 4 ] || grep -qF -- "$4" "$out/1" "$out/2"; }; then
		echo "ok $count - $1"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $count - $1"
	echo "# status $3 instead of $2${4:+, wanted: $4}"
	sed 's/^/# /' "$out/1" "$out/2"
}

lab() {
	timeout 60 "$synscope" lab "$@" >"$out/1" 2>"$out/2" </dev/null
}

# A kernel client in bash: say $3, print what comes back. Runs in the lab.
# shellcheck disable=SC2016  # it is for the shell inside
talk='exec 3<>"/dev/tcp/$0/$1" || exit 9; printf %s "$2" >&3; timeout 5 head -c "$3" <&3'

if ! lab run client -- true; then
	if grep -qE 'user namespace|map ids' "$out/2"; then
		echo "ok 1 - lab # SKIP $(cat "$out/2")"
		echo "1..1"
		exit 0
	fi
fi

# --- status and streams -------------------------------------------------------------------
lab run client -- sh -c 'exit 9'
ok "the command's status is ours" 9 $?
# shellcheck disable=SC2016
lab run server -- sh -c 'kill -TERM $$'
ok "a signal is 128 and its number" 143 $?
lab run server -- no-such-command-anywhere
ok "a command that is not there is 127" 127 $? "cannot run no-such-command-anywhere"
lab run server -- /dev/null
ok "a command that cannot be executed is 126" 126 $?
printf 'in' | timeout 60 "$synscope" lab run client -- sh -c 'cat; echo err >&2' >"$out/1" 2>"$out/2"
ok "standard streams are the caller's" 0 $? in
ok "and standard error too" 0 0 err
lab run client sh -c 'id -u'
ok "-- may be left out, and the command is root" 0 $? 0
lab run -v --router router -- true
ok "-v prints the hosts" 0 $? "198.51.100.2, 2001:db8:2::2"

# --- usage -----------------------------------------------------------------------------------
for words in "" "upwards" "up client" "up --join" "status x" "down x" "run" "run client" "run router -- true" "run switch -- true" \
	"run --serve echo client true" "run --serve echo:0 client true" \
	"run --serve echo:7:5 client true" "run --serve source:19 client true" \
	"run --serve connect:5 client true" "run --serve parrot:7 client true" \
	"run --filter allow:1 client true" "run --filter drop:99999 client true" \
	"run --drop-to-server 1,,2 client true" "run --drop-to-client 0 client true" \
	"run --loss 1.5 client true" "run --delay soon client true" "shell client true" \
	"exec server"; do
	# shellcheck disable=SC2086  # words
	lab $words
	ok "usage error: lab $words" 64 $? "synscope: "
done
lab run --help
ok "the help lists the usual servers" 0 $? "source:19:1000000"
env -u SYNSCOPE_LAB_SERVER_NETNS timeout 60 "$synscope" lab exec server -- true >"$out/1" 2>"$out/2"
ok "lab exec outside a lab says so" 69 $? "not in a lab"

# --- servers, filters, wire ----------------------------------------------------------------
lab run client -- bash -c "$talk" 192.0.2.2 7 hello 5
ok "the usual echo, IPv4" 0 $? hello
lab run client -- bash -c "$talk" 2001:db8::2 7 hello 5
ok "the usual echo, IPv6" 0 $? hello
lab run --router client -- bash -c "$talk" 2001:db8:2::2 7 hello 5
ok "through a router" 0 $? hello
lab run --serve greet-close:80 --serve sink:81 client -- bash -c "$talk" 192.0.2.2 80 "" 5
ok "a server of one's own" 0 $? hello
lab run --serve greet-close:80 client -- bash -c "$talk" 192.0.2.2 7 hello 5
ok "in place of the usual ones" 9 $? refused
lab run --serve none client -- bash -c "$talk" 192.0.2.2 7 hello 5
ok "or none" 9 $? refused
lab run client -- bash -c "$talk" 192.0.2.2 82 "" 1
ok "the usual rejected port" 9 $? "No route to host"
lab run --router client -- bash -c "$talk" 198.51.100.2 82 "" 1
ok "and on the router" 9 $? "No route to host"
lab run client -- timeout 0.3 bash -c "$talk" 192.0.2.2 81 "" 1
ok "the usual filtered port" 124 $?
lab run --filter none client -- bash -c "$talk" 192.0.2.2 81 "" 1
ok "no filters" 9 $? refused
lab run --filter reject:7:no-route client -- bash -c "$talk" 192.0.2.2 7 "" 1
ok "a filter of one's own" 9 $? "Network is unreachable"
# shellcheck disable=SC2016
lab run --delay 150ms client -- bash -c 'a=${EPOCHREALTIME/./}; exec 3<>/dev/tcp/192.0.2.2/7
	b=${EPOCHREALTIME/./}; [ $((b - a)) -ge 300000 ] && [ $((b - a)) -lt 900000 ]'
ok "a delay each way" 0 $?
# shellcheck disable=SC2016
lab run --drop-to-server 1 --drop-to-client 5,6 client -- bash -c 'a=${EPOCHREALTIME/./}
	exec 3<>/dev/tcp/192.0.2.2/7; b=${EPOCHREALTIME/./}; [ $((b - a)) -ge 950000 ]'
ok "a lost SYN" 0 $?
lab run client -- bash -c "$talk | cksum" 192.0.2.2 19 "" 1000000
want=$(cat "$out/1")
lab run --loss 10% --duplicate 10% --reorder 10% --corrupt 2% --seed 5 client -- \
	bash -c "$talk | cksum" 192.0.2.2 19 "" 1000000
ok "a bad wire, and all arrives" 0 $? "$want"
lab run client -- "$synscope" lab exec server -- sh -c 'cat /proc/net/if_inet6'
ok "lab exec goes to another host" 0 $? 20010db8000000000000000000000002

# --- the end -----------------------------------------------------------------------------------

# How many processes are in the network namespace $1.
inhabitants() {
	readlink /proc/[0-9]*/ns/net 2>/dev/null | grep -cxF "$1"
}

# Wait until nobody is left in namespace $1. @return whether that is so
deserted() {
	for _ in $(seq 100); do
		[ "$(inhabitants "$1")" -eq 0 ] && return 0
		sleep 0.05
	done
	return 1
}

here=$(readlink /proc/self/ns/net)
# shellcheck disable=SC2016
lab run client -- bash -c 'readlink /proc/self/ns/net; setsid sleep 300 >/dev/null 2>&1 & disown'
ok "a command that leaves a daemon" 0 $?
deserted "$(cat "$out/1")"
ok "the daemon is gone with the lab" 0 $?

# shellcheck disable=SC2016
"$synscope" lab run --router --delay 1ms client -- bash -c \
	'setsid sleep 300 & readlink /proc/self/ns/net; sleep 300' >"$out/1" 2>"$out/2" &
opener=$!
for _ in $(seq 200); do
	[ -s "$out/1" ] && break
	sleep 0.05
done
there=$(cat "$out/1")
[ -n "$there" ] && [ "$there" != "$here" ] && [ "$(inhabitants "$there")" -ge 2 ]
ok "a lab in full swing" 0 $?
kill -KILL $opener
wait $opener 2>/dev/null
deserted "$there"
ok "killed, it leaves nobody" 0 $?

# --- a lab that stays --------------------------------------------------------------------------

# Inside another lab, where no lab of the user's is in the way, and with which this one ends.
cat >"$out/stays.sh" <<'STAYS'
synscope=$1
set -x
"$synscope" lab status && exit 1
"$synscope" lab up -q --router | grep '^router' || exit 2
"$synscope" lab up --router && exit 3
"$synscope" lab status | grep '^servers echo:7 ' || exit 4
"$synscope" lab run --join client -- "$synscope" trace -n 198.51.100.2:7 | grep '^verdict  open' || exit 5
"$synscope" lab run --join router -- sh -c 'ip -o link | grep -c eth' | grep -x 2 || exit 6
"$synscope" lab run --join --loss 5% client -- true && exit 7
"$synscope" lab run --join client -- sh -c 'exit 42'
[ $? -eq 42 ] || exit 8
"$synscope" lab run --join client -- sleep 300 &
sleep 0.3
"$synscope" lab down || exit 9
wait $!
[ $? -eq 137 ] || exit 10
"$synscope" lab down && exit 11
"$synscope" lab up -q --serve none >&2 || exit 12
"$synscope" lab run --join client -- "$synscope" lab status && exit 13
pkill -KILL -f 'lab up -q --serve none'
sleep 0.3
"$synscope" lab status && exit 14
exit 0
STAYS
lab run --serve none client -- bash "$out/stays.sh" "$synscope"
ok "lab up, status, run --join, down" 0 $?

echo "1..$count"
[ $failed -eq 0 ]
