#!/usr/bin/env bash
# Time, packets and wrong answers of `firewall` beside nmap (and masscan, where it is): 1000 ports,
# open, closed and filtered mixed, at the same politeness and at full speed; then all ports of a
# host. In a lab of its own: client, router that drops, server. Run by `make bench`.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build/release}
if [ "${1:-}" != inside ]; then
	for tool in unshare ip nft jq; do
		command -v $tool >/dev/null || { echo "firewall: skipped, there is no $tool"; exit 0; }
	done
	exec unshare -Urnm "$0" inside
fi
synscope=$PWD/$build/synscope
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"; kill %1 2>/dev/null' EXIT
mount -t tmpfs none /run && mkdir -p /run/netns || exit 1
for h in c r s; do
	ip netns add $h
	ip netns exec $h ip link set lo up
done
ip link add eth0 netns c type veth peer name eth0 netns r
ip link add eth1 netns r type veth peer name eth0 netns s
for e in "c eth0 192.0.2.1" "r eth0 192.0.2.254" "r eth1 198.51.100.254" "s eth0 198.51.100.2"; do
	read -r h i a <<<"$e"
	ip netns exec "$h" ethtool -K "$i" tx off rx off gso off >/dev/null 2>&1
	ip netns exec "$h" ip addr add "$a/24" dev "$i"
	ip netns exec "$h" ip link set "$i" up
done
ip netns exec r sysctl -qw net.ipv4.ip_forward=1
ip netns exec c ip route add default via 192.0.2.254
ip netns exec s ip route add default via 198.51.100.254
# Of ports 1 to 1000 every tenth is dropped, ten are open, the rest is closed.
dropped=$(seq -s, 10 10 1000)
open='1 101 201 301 401 501 601 701 801 901'
serve=()
for p in $open; do serve+=("$p:sink"); done
ip netns exec r nft -f - <<END
table inet t {
chain f { type filter hook forward priority 0;
tcp dport { $dropped } drop
}
}
END
ip netns exec s "$PWD/$build/tests/firewall/hosts" serve "${serve[@]}" >"$out/ready" 2>&1 &
until [ -s "$out/ready" ]; do sleep 0.02; done

truth() { # UPTO
	for p in $open; do echo "$p open"; done
	seq 1 "$1" | awk -v open=" $open " '
		index(open, " " $1 " ") { next }
		{ print $1, $1 <= 1000 && $1 % 10 == 0 ? "filtered" : "closed" }'
}
measure() { # NAME UPTO PARSER COMMAND...
	local name=$1 upto=$2 parser=$3 before after begun seconds wrong
	shift 3
	before=$(ip netns exec c ip -j -s link show eth0 | jq '.[0].stats64.tx.packets')
	begun=$(date +%s.%N)
	ip netns exec c "$@" >"$out/raw" 2>"$out/err"
	seconds=$(echo "$(date +%s.%N) $begun" | awk '{ printf "%.2f", $1 - $2 }')
	after=$(ip netns exec c ip -j -s link show eth0 | jq '.[0].stats64.tx.packets')
	$parser | sort >"$out/got"
	wrong=$(truth "$upto" | sort | comm -23 - "$out/got" | wc -l)
	printf '  %-36s %8s s %8d packets %6d wrong of %d\n' "$name" "$seconds" $((after - before)) "$wrong" "$upto"
}
of_synscope() { jq -r 'select(.event_type == "port" and (.port.control | not)) | "\(.dest_port) \(.port.verdict)"' "$out/raw"; }
# In nmap's XML ports stand one by one, or, where many are alike, as ranges.
of_nmap() {
	tr '>' '\n' <"$out/raw" | awk -F'"' '
		/<port protocol/ { port = $4 }
		/<state state/ { print port, $2 }
		/<extraports/ { state = $2 }
		/<extrareasons/ {
			n = split($8, ranges, ",")
			for (i = 1; i <= n; i++) {
				split(ranges[i], ends, "-")
				last = ends[2] != "" ? ends[2] : ends[1]
				for (p = ends[1] + 0; p <= last + 0; p++)
					print p, state
			}
		}'
}

echo "firewall, 1000 ports: 10 open, 890 closed, 100 filtered"
measure "synscope, 100 a second" 1000 of_synscope "$synscope" firewall -j --no-control --rate 100 198.51.100.2:1-1000
measure "nmap -sS --max-rate 100" 1000 of_nmap nmap -n -Pn -oX - -sS --max-rate 100 -p 1-1000 198.51.100.2
measure "synscope, full speed" 1000 of_synscope "$synscope" firewall -j --no-control --rate 0 198.51.100.2:1-1000
measure "nmap -sS -T5" 1000 of_nmap nmap -n -Pn -oX - -sS -T5 -p 1-1000 198.51.100.2
echo "firewall, all ports of a host, full speed"
measure "synscope" 65535 of_synscope "$synscope" firewall -j --rate 0 198.51.100.2:-
measure "nmap -sS -T5" 65535 of_nmap nmap -n -Pn -oX - -sS -T5 -p- 198.51.100.2
if command -v masscan >/dev/null; then
	of_masscan() { sed -n 's|^Discovered \(open\|closed\) port \([0-9]*\)/tcp.*|\2 \1|p' "$out/raw"; }
	measure "masscan (says nothing of filtered)" 65535 of_masscan masscan --rate 100000 --wait 2 --show open,closed -p1-65535 198.51.100.2
else
	echo "  masscan: not installed"
fi
