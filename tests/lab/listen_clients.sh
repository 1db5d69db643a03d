#!/usr/bin/env bash
# `synscope listen` and clients that know nothing of it, in a private lab: each completes, and
# its kernel's socket ends where RFC 9293 says (asked of sock_diag, by ss). Then a file by curl,
# over wires that lose and reorder, with equal SHA-256. TAP on stdout; SYNSCOPE names the program.
#   LISTEN_TRANSFER_MB=100   of the file (2); that takes minutes (make check-long)
#   LISTEN_CLIENTS='curl ssh'   only these (none: no client, the file alone)
set -u
cd "$(dirname "$0")/../.." || exit 1
synscope=$(realpath "${SYNSCOPE:-build/synscope}")
export PATH=/usr/sbin:/usr/bin:/sbin:/bin SYNSCOPE=$synscope
megabytes=${LISTEN_TRANSFER_MB:-2}
v4=192.0.2.2
v6=2001:db8::2

# result STATUS NAME [FILE...]   one line of TAP, numbered by a file, since labs are processes
result() {
	local n
	n=$(($(cat "$LISTEN_OUT/count") + 1))
	echo $n >"$LISTEN_OUT/count"
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
		return
	fi
	echo "not ok $n - $2"
	shift 2
	tail -n 15 "$@" 2>/dev/null | sed 's/^/# /'
}

skip() {
	local n
	n=$(($(cat "$LISTEN_OUT/count") + 1))
	echo $n >"$LISTEN_OUT/count"
	echo "ok $n - $1 # SKIP $2"
}

have() {
	command -v "$1" >/dev/null
}

# serve PORT OPTION...   a listener on the lab's server, ready when this returns; pid in $listener
serve() {
	local port=$1 i
	shift
	: >"$LISTEN_OUT/server.$port.err"
	"$synscope" lab exec server -- "$synscope" listen -n -i eth0 --view lines "$@" "$port" \
		>/dev/null 2>"$LISTEN_OUT/server.$port.err" </dev/null &
	listener=$!
	listeners+=("$listener")
	for ((i = 0; i < 200; i++)); do
		grep -q 'listening on' "$LISTEN_OUT/server.$port.err" && return 0
		kill -0 "$listener" 2>/dev/null || break
		sleep 0.05
	done
	result 1 "a listener on port $port" "$LISTEN_OUT/server.$port.err"
	return 1
}

stop_all() {
	[ ${#listeners[@]} -eq 0 ] || kill -TERM "${listeners[@]}" 2>/dev/null
	wait
	listeners=()
}

bracket() {
	case $1 in *:*) echo "[$1]" ;; *) echo "$1" ;; esac
}

# sockets ADDRESS PORT   "PORT STATE" of every socket of this host's kernel that goes there
sockets() {
	ss -tanH dst "$(bracket "$1"):$2" | awk '{ n = split($4, part, ":"); print part[n], $1 }' | sort
}

# ends STATES ADDRESS PORT NAME   new sockets, since `before` was taken, end in one of these
# states (a|b); CLOSED: there is none any more
ends() {
	local want=$1 i state=
	for ((i = 0; i < 60; i++)); do
		sockets "$2" "$3" >"$LISTEN_OUT/after"
		state=$(comm -13 "$LISTEN_OUT/before" "$LISTEN_OUT/after" | cut -d' ' -f2 | sort -u | tr '\n' ' ')
		state=${state% }
		case "|$want|" in *"|${state:-CLOSED}|"*) break ;; esac
		sleep 0.05
	done
	case "|$want|" in
	*"|${state:-CLOSED}|"*) result 0 "$4: the kernel's socket ends in ${state:-CLOSED}" ;;
	*)
		echo "# in ${state:-CLOSED} instead of $want" >"$LISTEN_OUT/state"
		result 1 "$4: the kernel's socket ends in $want" "$LISTEN_OUT/state"
		;;
	esac
}

# --- the clients: each is given an address, prints what it got ----------------------------------

hello() {
	printf 'hello, by hand\n'
}
client_ncat() { hello | timeout 20 ncat -n "$1" 7; }
client_socat() { hello | timeout 20 socat -t 10 - "TCP:$(bracket "$1"):7"; }
client_wget() { timeout 20 wget -q --no-proxy -t 1 -O - "http://$(bracket "$1")/"; }
client_curl() { timeout 20 curl -gsS --noproxy '*' "http://$(bracket "$1")/"; }
client_urllib() {
	timeout 20 /usr/bin/python3 -c 'import sys, urllib.request
sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=15).read().decode())' \
		"http://$(bracket "$1")/"
}
# The banners are exchanged; what we say then is no packet, and ssh says so and hangs up.
client_ssh() {
	timeout 20 ssh -v -F none -o BatchMode=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null "nobody@$1" true 2>&1
}
client_chromium() {
	HOME=$LISTEN_OUT timeout 90 chromium --headless --no-sandbox --disable-gpu --no-first-run \
		--disable-dev-shm-usage --disable-background-networking --disable-sync --no-proxy-server \
		--disable-component-update --user-data-dir="$LISTEN_OUT/chromium" \
		--virtual-time-budget=5000 --dump-dom "http://$(bracket "$1")/"
}

# name, command, port, what must be in what it prints, where its socket ends
# shellcheck disable=SC2034  # read by `client`
clients() {
	cat <<'END'
ncat|ncat|7|hello, by hand|TIME-WAIT
socat|socat|7|hello, by hand|TIME-WAIT
wget|wget|80|Served by hand|CLOSED
curl|curl|80|Served by hand|CLOSED
urllib|/usr/bin/python3|80|Served by hand|CLOSED
ssh|ssh|22|remote software version synscope|TIME-WAIT|CLOSED
chromium|chromium|80|<h1 id="synscope">Served by hand</h1>|CLOSED|TIME-WAIT
END
}

# Who closed first waits: RFC 9293 section 3.6. http closes with its last byte, and its client
# goes through CLOSE-WAIT and LAST-ACK to CLOSED; from echo the client goes first, to TIME-WAIT.
# Chromium keeps a second connection, which it never uses, and closes that itself. ssh hangs up
# over our nonsense: first, or with an RST if some of it was not read.
one_client() {
	local name=$1 command=$2 port=$3 text=$4 state=$5 a
	[ -z "${LISTEN_CLIENTS:-}" ] || [[ " $LISTEN_CLIENTS " == *" $name "* ]] || return
	for a in $v4 $v6; do
		if ! have "$command"; then
			skip "$name from $a" "$command is not installed (make deps)"
			continue
		fi
		sockets "$a" "$port" >"$LISTEN_OUT/before"
		"client_$name" "$a" >"$LISTEN_OUT/got" 2>"$LISTEN_OUT/got.err"
		grep -qF -- "$text" "$LISTEN_OUT/got"
		result $? "$name from $a" "$LISTEN_OUT/got" "$LISTEN_OUT/got.err" "$LISTEN_OUT/server.$port.err"
		ends "$state" "$a" "$port" "$name from $a"
	done
}

# Where a socket is while the connection lasts, and after either end has closed alone.
half_way() {
	local a name
	for a in $v4 $v6; do
		sockets "$a" 9 >"$LISTEN_OUT/before"
		exec 3<>"/dev/tcp/$a/9" || return
		ends ESTAB "$a" 9 "open to $a"
		exec 3>&-
		ends FIN-WAIT-2 "$a" 9 "closed by us, and $a does not (--close none)"
		sockets "$a" 80 >"$LISTEN_OUT/before"
		exec 3<>"/dev/tcp/$a/80" || return
		printf 'GET / HTTP/1.0\r\n\r\n' >&3
		ends CLOSE-WAIT "$a" 80 "closed by $a, and not by us"
		exec 3>&-
		ends CLOSED "$a" 80 "and then by us"
		sockets "$a" 1004 >"$LISTEN_OUT/before"
		exec 3<>"/dev/tcp/$a/1004" || return
		printf 'GET / HTTP/1.0\r\n\r\n' >&3
		ends CLOSED "$a" 1004 "reset by $a (--close rst)"
		exec 3>&-
	done
}

inside_clients() {
	local name command port text state
	serve 80 && serve 7 --serve echo && serve 9 --serve sink --close none &&
		serve 1004 --close rst &&
		serve 22 --serve sink --data-string 'SSH-2.0-synscope by hand\r\nno packet at all, this' ||
		return
	while IFS='|' read -r name command port text state; do
		one_client "$name" "$command" "$port" "$text" "$state" </dev/null
	done < <(clients)
	[ -n "${LISTEN_CLIENTS:-}" ] || half_way
	stop_all
	! grep -L 'by hand' "$LISTEN_OUT"/server.*.err | grep -q .
	result $? "every listener ended as it should"
}

inside_transfer() {
	local a from_ms took_ms
	serve 8080 --serve "$LISTEN_OUT/file" || return
	for a in $v4 $v6; do
		from_ms=$(date +%s%3N)
		timeout 1200 curl -gsS --noproxy '*' -o "$LISTEN_OUT/copy" "http://$(bracket "$a"):8080/" \
			2>"$LISTEN_OUT/got.err" && [ "$(sha256sum <"$LISTEN_OUT/copy")" = "$(sha256sum <"$LISTEN_OUT/file")" ]
		local rc=$?
		took_ms=$(($(date +%s%3N) - from_ms))
		echo "# $megabytes MB from $a, $1: $took_ms ms, $((megabytes * 1000000 / (took_ms > 0 ? took_ms : 1))) kB/s"
		result $rc "$megabytes MB by curl from $a, $1, SHA-256 agrees" "$LISTEN_OUT/got.err" \
			"$LISTEN_OUT/server.8080.err"
	done
	stop_all
}

if [ "${1:-}" = inside ]; then
	listeners=()
	"inside_$2" "${3:-}"
	exit 0
fi

# --- outside -------------------------------------------------------------------------------------

LISTEN_OUT=$(mktemp -d) || exit 1
export LISTEN_OUT
trap 'rm -rf "$LISTEN_OUT"' EXIT
echo 0 >"$LISTEN_OUT/count"

if ! "$synscope" lab run --serve none client -- true 2>"$LISTEN_OUT/lab"; then
	if grep -qE 'user namespace|map ids' "$LISTEN_OUT/lab"; then
		skip lab "$(cat "$LISTEN_OUT/lab")"
		echo "1..1"
		exit 0
	fi
fi

"$synscope" lab run --serve none client -- "$0" inside clients
if ! have curl; then
	skip "a file by curl" "curl is not installed (make deps)"
else
	head -c "${megabytes}000000" /dev/urandom >"$LISTEN_OUT/file"
	"$synscope" lab run --serve none client -- "$0" inside transfer "no loss"
	"$synscope" lab run --serve none --loss 1% --reorder 5% client -- "$0" inside transfer \
		"1 % lost, 5 % reordered"
	"$synscope" lab run --serve none --loss 5% --reorder 5% client -- "$0" inside transfer \
		"5 % lost, 5 % reordered"
fi
count=$(cat "$LISTEN_OUT/count")
echo "1..$count"
