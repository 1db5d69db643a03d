#!/usr/bin/env bash
# Measure synscope beside its peers, all in one run on one private veth pair, as ratios.
#   HANDSHAKES=200 ROUNDS=25 SEGMENTS=2000000 tests/bench/run.sh [rtt] [process] [listen] [engine]
# rtt      what each tool says the round trip of a handshake took, against the truth: the
#          difference of the kernel's stamps of SYN and SYN-ACK in a tcpdump of the same run
# process  wall time and peak memory of a whole process that asks one port once
# listen   opens and closes a second, and a transfer to curl, beside the kernel's own listener and
#          (opens and closes, if it is installed) scapy's answering machine
# engine   the belief engine alone: nanoseconds a segment, bytes a flow; and `read` of 128000 segments
# Tools take turns, so that a noisy moment hits all of them. The two hosts are network namespaces
# (for an ordinary user inside a user namespace), and gone with this script.
set -u
export LC_ALL=C TZ=UTC
cd "$(dirname "$0")/../.." || exit 1
handshakes=${HANDSHAKES:-200}
rounds=${ROUNDS:-25}
bin=$PWD/${BUILD:-build/release}
server=192.0.2.2
port=7

if [ -z "${SYNSCOPE_BENCH_INSIDE:-}" ]; then
	for tool in nping hping3 nmap tcpdump tshark curl socat nft ethtool jq; do
		PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null ||
			{ echo "bench: $tool is missing: make deps bench" >&2; exit 69; }
	done
	# Not as root of a user namespace: tcpdump would try to become somebody who is not there.
	user=(-U --map-current-user --keep-caps)
	[ "$(id -u)" -ne 0 ] || user=()
	SYNSCOPE_BENCH_INSIDE=1 exec unshare "${user[@]}" -nm --fork --kill-child "$0" "$@"
fi
export NMAP_PRIVILEGED=1 # the capabilities are there, if not the user id 0
PATH=$PATH:/usr/sbin:/sbin

out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"; kill $(jobs -p) 2>/dev/null' EXIT

die() {
	echo "bench: $*" >&2
	exit 71
}

# --- two hosts ------------------------------------------------------------------------
world() {
	(
		set -e
		mount -t tmpfs none /run
		mkdir /run/netns
		ip netns add server
		ip link add veth0 type veth peer name eth0 netns server
		ip addr add 192.0.2.1/24 dev veth0
		ip -n server addr add $server/24 dev eth0
		ip link set lo up
		ip link set veth0 up
		ip -n server link set lo up
		ip -n server link set eth0 up
	) || die "cannot build the two hosts"
	mkfifo "$out/ready"
	ip netns exec server "$bin/tests/bench/server" $port >"$out/ready" &
	[ "$(head -c1 "$out/ready" | wc -c)" -eq 1 ] || die "the server did not start"
}

# --- one handshake by each tool; prints the RTT it reports, in nanoseconds ----------------
# $1 is the source port, by which the truth is found again.
ask_synscope() {
	"$bin/synscope" trace -q -j -n --close rst -g "$1" $server:$port |
		jq -r 'select(.event_type == "verdict") | .verdict.rtt_ns // empty'
}
ask_nping() { # its default waits a second after the last answer; the measured time is the same
	nping -c1 --delay 1ms --tcp -g "$1" -p $port $server |
		sed -nE 's/.*Avg rtt: ([0-9.]+)ms.*/\1/p' | awk '{ printf "%.0f\n", $1 * 1e6 }'
}
ask_hping3() {
	hping3 -c 1 -n -S -s "$1" -p $port $server 2>/dev/null |
		sed -nE 's/.* rtt=([0-9.]+) ms/\1/p' | awk '{ printf "%.0f\n", $1 * 1e6 }'
}
ask_nmap() {
	nmap -n -Pn -sS -g "$1" -p $port -oX - $server |
		sed -nE 's/.*<times srtt="([0-9]+)".*/\1/p' | awk '{ printf "%.0f\n", $1 * 1e3 }'
}
tools=(synscope nping hping3 nmap)

# stdin: numbers; prints count, median, 95th percentile
quantiles() {
	sort -n | awk '{ v[NR] = $1 } END { if (NR == 0) { print "0 - -"; exit }
		print NR, v[int((NR + 1) / 2)], v[int(NR * 0.95 + 0.999)] }'
}

bench_rtt() {
	local i tool said base=20000 keep=()
	[ "$(id -u)" -ne 0 ] || keep=(-Z root)
	tcpdump "${keep[@]}" -i veth0 --nano --immediate-mode -s 96 -B 8192 -U -w "$out/truth.pcap" \
		"tcp port $port" 2>"$out/tcpdump" &
	local tcpdump_pid=$!
	until grep -q 'listening on' "$out/tcpdump"; do
		kill -0 $tcpdump_pid 2>/dev/null || die "tcpdump: $(cat "$out/tcpdump")"
		sleep 0.05
	done
	for ((i = 0; i < handshakes; i++)); do
		for t in "${!tools[@]}"; do
			tool=${tools[t]}
			said=$("ask_$tool" $((base + i * ${#tools[@]} + t)))
			echo "$tool $((base + i * ${#tools[@]} + t)) ${said:-none}" >>"$out/said"
		done
	done
	sleep 0.3
	kill -INT $tcpdump_pid
	wait $tcpdump_pid
	grep -q '^0 packets dropped by kernel' "$out/tcpdump" || die "tcpdump lost packets"
	# The truth: first SYN and first SYN-ACK of each source port, stamps in nanoseconds.
	tcpdump "${keep[@]}" -r "$out/truth.pcap" -n -tt --nano 2>/dev/null | awk -v port=$port '
		{ split($1, t, "."); ns = t[1] % 100000 * 1e9 + t[2]
		  client = $3 ~ "\\." port "$" ? $5 : $3; sub(/:$/, "", client); sub(/.*\./, "", client) }
		/Flags \[S/ && !/, ack / && !(client in syn) { syn[client] = ns }
		/Flags \[S/ && /, ack / && (client in syn) && !(client in done) {
			done[client] = 1; printf "%d %.0f\n", client, ns - syn[client] }' >"$out/truth"
	printf 'RTT of %d handshakes, reported against the kernel stamps of SYN and SYN-ACK (us)\n' "$handshakes"
	printf '%-10s %6s %12s %14s %11s %12s %8s\n' tool said 'true median' 'reported median' \
		'|err| p50' '|err| p95' 'ratio'
	local count p50 p95 ours true_p50 said_p50
	for tool in "${tools[@]}"; do
		awk -v tool="$tool" 'NR == FNR { truth[$1] = $2; next }
			$1 == tool && $3 != "none" && ($2 in truth) {
				e = $3 - truth[$2]; print (e < 0 ? -e : e), truth[$2], $3 }' \
			"$out/truth" "$out/said" >"$out/errors"
		read -r count p50 p95 < <(cut -d' ' -f1 "$out/errors" | quantiles)
		read -r _ true_p50 _ < <(cut -d' ' -f2 "$out/errors" | quantiles)
		read -r _ said_p50 _ < <(cut -d' ' -f3 "$out/errors" | quantiles)
		[ "$tool" = synscope ] && ours=$p50
		awk -v tool="$tool" -v n="$count" -v t="$true_p50" -v s="$said_p50" -v p="$p50" -v q="$p95" -v o="$ours" '
			BEGIN {	if (n == 0) { printf "%-10s %6d\n", tool, n; exit }
				# ours may be 0: the ratio is then to the resolution of the stamps, 1 ns
				printf "%-10s %6d %12.3f %15.3f %11.3f %12.3f %7.0fx\n", tool, n, t / 1e3, s / 1e3,
					p / 1e3, q / 1e3, (p > 0 ? p : 1) / (o > 0 ? o : 1) }'
	done
}

bench_process() {
	local names=("synscope trace, open and fin close" "synscope trace, open and reset" \
		"nping -c1" "nping -c1 --delay 1ms" "hping3 -c1 -S")
	"$bin/tests/bench/runner" "$rounds" \
		"$bin/synscope" trace -n $server:$port -- \
		"$bin/synscope" trace -n --close rst $server:$port -- \
		nping -c1 --tcp -p $port $server -- \
		nping -c1 --delay 1ms --tcp -p $port $server -- \
		hping3 -c 1 -n -S -p $port $server >"$out/runs" || die "runner failed"
	printf '\nOne whole process, %d runs of each in turn\n' "$rounds"
	printf '%-36s %10s %10s %8s %12s %8s %6s\n' command 'wall p50' 'wall p95' ratio 'peak memory' ratio exit
	local i p50 p95 rss ours ours_rss codes
	for i in "${!names[@]}"; do
		read -r _ p50 p95 < <(awk -v i="$i" '$1 == i { print $2 }' "$out/runs" | quantiles)
		read -r _ rss _ < <(awk -v i="$i" '$1 == i { print $3 }' "$out/runs" | quantiles)
		codes=$(awk -v i="$i" '$1 == i { print $4 }' "$out/runs" | sort -un | tr '\n' ' ')
		[ "$i" = 0 ] && ours=$p50 ours_rss=$rss
		awk -v name="${names[i]}" -v p="$p50" -v q="$p95" -v r="$rss" -v o="$ours" -v m="$ours_rss" -v c="$codes" '
			BEGIN { printf "%-36s %7.1f ms %7.1f ms %7.2fx %9.1f MB %7.2fx %6s\n", name, p / 1e6, q / 1e6,
				p / o, r / 1024, r / m, c }'
	done
}

# A server in the other host's place, ready when it says so: name, command...
start() {
	local name=$1 i
	shift
	ip netns exec server "$@" >/dev/null 2>"$out/$name" </dev/null &
	started=$!
	for ((i = 0; i < 400; i++)); do
		grep -q 'listening on' "$out/$name" && return 0
		kill -0 $started 2>/dev/null || break
		sleep 0.05
	done
	die "$name: $(cat "$out/$name")"
}

# Opens and closes a second at a port, ROUNDS_LISTEN times a second: the median.
shakes() { # ADDRESS PORT
	local i
	for ((i = 0; i < rounds_listen; i++)); do
		"$bin/tests/bench/crowd" veth0 "$server_mac" "$1" "$2" shake 1000 32
	done | awk '{ print $8 }' | quantiles | cut -d' ' -f2
}

# Bytes a second by curl from a port that sends without end: the median.
fetches() { # ADDRESS PORT
	local i
	for ((i = 0; i < rounds_listen; i++)); do
		curl -gs --noproxy '*' --http0.9 --max-time 2 -o /dev/null -w '%{speed_download}\n' "http://$1:$2/"
	done | quantiles | cut -d' ' -f2
}

row() { # NAME VALUE KERNEL'S UNIT DIVISOR
	awk -v n="$1" -v v="$2" -v k="$3" -v u="$4" -v d="$5" \
		'BEGIN { printf "%-36s %10.1f %s %8.3fx\n", n, v / d, u, (k > 0 ? v / k : 0) }'
}

bench_listen() {
	local server_mac kernel rounds_listen=${ROUNDS_LISTEN:-5} server6=2001:db8::2
	server_mac=$(ip -n server -j link show eth0 | jq -r '.[0].address')
	(
		set -e
		ip -6 addr add 2001:db8::1/64 dev veth0 nodad
		ip -n server -6 addr add $server6/64 dev eth0 nodad
		ip -n server route add 10.0.0.0/8 via 192.0.2.1
		ip -n server route add 2001:db8:f::/48 via 2001:db8::1
		ethtool -K veth0 tso off gso off gro off tx off
		ip netns exec server ethtool -K eth0 tso off gso off gro off tx off
		ip netns exec server nft 'add table inet keep; add chain inet keep in { type filter hook input priority 0; }
			add rule inet keep in tcp dport 90 drop'
	) >/dev/null 2>"$out/listen" || die "cannot prepare the hosts: $(cat "$out/listen")"
	start echo "$bin/synscope" listen -n -i eth0 --view lines --serve echo 70
	start source "$bin/synscope" listen -n -i eth0 --view lines --serve source 71
	ip netns exec server socat -u OPEN:/dev/zero TCP6-LISTEN:91,fork,ipv6only=0 2>/dev/null &
	printf '\nOpens and closes a second, 32 clients at a time, median of %d seconds each\n' "$rounds_listen"
	kernel=$(shakes $server $port)
	row "kernel's listener and an echo server" "$kernel" "$kernel" "/s" 1
	row "synscope listen --serve echo" "$(shakes $server 70)" "$kernel" "/s" 1
	row "synscope listen --serve echo, IPv6" "$(shakes $server6 70)" "$kernel" "/s" 1
	if /usr/bin/python3 -c 'import scapy.all' 2>/dev/null; then
		start scapy /usr/bin/python3 tests/bench/scapy_answer.py 90 eth0
		row "scapy's answering machine" "$(shakes $server 90)" "$kernel" "/s" 1
		kill $started
	else
		echo "scapy's answering machine: python3-scapy is not installed (make deps)"
	fi
	printf '\nAn endless source to curl, segments of 1460 bytes, median of %d times 2 s\n' "$rounds_listen"
	kernel=$(fetches $server 91)
	row "kernel (socat)" "$kernel" "$kernel" "MB/s" 1000000
	row "synscope listen --serve source" "$(fetches $server 71)" "$kernel" "MB/s" 1000000
	row "synscope listen --serve source, IPv6" "$(fetches "[$server6]" 71)" "$kernel" "MB/s" 1000000
}

bench_engine() {
	printf '\nThe belief engine alone, both ends of every exchange\n'
	"$bin/tests/bench/engine" "${SEGMENTS:-2000000}" || die "engine failed"
	"$bin/tests/bench/engine" --write "$out/mixed.pcap" 128000 || die "cannot write a capture"
	printf '\nread of 128000 segments, the three loads mixed (ns wall, kB, status)\n'
	"$bin/tests/bench/runner" 3 "$bin/synscope" read -q "$out/mixed.pcap" | cut -d' ' -f2-
}

world
[ $# -gt 0 ] || set -- rtt process listen engine
printf 'kernel %s, %s CPUs; %s; %s; %s; %s\n\n' "$(uname -r)" "$(nproc)" "$("$bin/synscope" --version)" \
	"$(nping --version 2>/dev/null | sed -n 's/.*\(Nping version [^ ]*\).*/\1/p')" \
	"hping3 $(hping3 -v 2>/dev/null | sed -n 's/^hping3* version \([^ ]*\).*/\1/p')" \
	"$(nmap --version | sed -n 's/^\(Nmap version [^ ]*\).*/\1/p')"
for what in "$@"; do
	case $what in
	rtt | process | listen | engine) "bench_$what" ;;
	*) die "no such measurement: $what (rtt, process, listen, engine)" ;;
	esac
done
