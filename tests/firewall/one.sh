#!/usr/bin/env bash
# One configuration, inside namespaces of its own (run.sh makes them): build the path, set the
# rules, run the tool, print "name|result|fields|truth|peers". Everything ends with this process.
#   one.sh NAME
set -u
here=$(dirname "$0")
# shellcheck source=tests/firewall/configs.sh
. "$here/configs.sh"
name=$1
hosts=$(realpath "${BUILD:-build/release}/tests/firewall/hosts")
synscope=$(realpath "${SYNSCOPE:-build/synscope}")
mount -t tmpfs none /run && mkdir -p /run/netns || exit 70
ip link set lo up

# --- what a configuration may say ------------------------------------------------------------
path=4 family=4 port=80 target='' options='' wire='' serve="80:echo" control=''
truth='' expect='' works='' why_skip=''
declare -A rules=() sysctls=() commands=()
config_"$name"
[ -n "$expect" ] || { echo "$name: no truth"; exit 70; }

in_host() { # HOST COMMAND...
	local h=$1
	shift
	ip netns exec "$h" "$@"
}

link() { # HOST IF HOST IF
	ip link add "$2" netns "$1" type veth peer name "$4" netns "$3" || exit 70
	local h i
	for h in "$1 $2" "$3 $4"; do
		i=${h#* } h=${h% *}
		in_host "$h" ethtool -K "$i" tx off rx off gso off gro off tso off >/dev/null 2>&1
		in_host "$h" ip link set "$i" up
	done
}

address() { # HOST IF V4/LEN V6/LEN
	in_host "$1" ip addr add "$3" dev "$2"
	in_host "$1" ip -6 addr add "$4" dev "$2" nodad
}

make_host() {
	ip netns add "$1"
	in_host "$1" ip link set lo up
	in_host "$1" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
		net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 >/dev/null 2>&1
}

router() {
	make_host "$1"
	in_host "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

make_host c
make_host s
first=c first_if=eth0
if [ -n "$wire" ]; then
	make_host w
	link c eth0 w left
	first=w first_if=right
fi
case $path in
2)
	link $first $first_if s eth0
	address c eth0 192.0.2.1/24 2001:db8:1::1/64
	address s eth0 192.0.2.2/24 2001:db8:1::2/64
	server4=192.0.2.2 server6=2001:db8:1::2
	;;
3 | 4)
	router r1
	link $first $first_if r1 eth0
	address c eth0 192.0.2.1/24 2001:db8:1::1/64
	address r1 eth0 192.0.2.254/24 2001:db8:1::fe/64
	in_host c ip route add default via 192.0.2.254
	in_host c ip -6 route add default via 2001:db8:1::fe
	;;
esac
case $path in
3)
	link r1 eth1 s eth0
	address r1 eth1 198.51.100.254/24 2001:db8:2::fe/64
	address s eth0 198.51.100.2/24 2001:db8:2::2/64
	in_host s ip route add default via 198.51.100.254
	in_host s ip -6 route add default via 2001:db8:2::fe
	server4=198.51.100.2 server6=2001:db8:2::2
	;;
4)
	router r2
	link r1 eth1 r2 eth0
	link r2 eth1 s eth0
	address r1 eth1 198.51.100.1/24 2001:db8:2::1/64
	address r2 eth0 198.51.100.254/24 2001:db8:2::fe/64
	address r2 eth1 203.0.113.254/24 2001:db8:3::fe/64
	address s eth0 203.0.113.2/24 2001:db8:3::2/64
	in_host r1 ip route add default via 198.51.100.254
	in_host r1 ip -6 route add default via 2001:db8:2::fe
	in_host r2 ip route add 192.0.2.0/24 via 198.51.100.1
	in_host r2 ip -6 route add 2001:db8:1::/64 via 2001:db8:2::1
	in_host s ip route add default via 203.0.113.254
	in_host s ip -6 route add default via 2001:db8:3::fe
	server4=203.0.113.2 server6=2001:db8:3::2
	;;
esac
if [ -n "$wire" ]; then
	# shellcheck disable=SC2086
	in_host w "$hosts" wire left right $wire >/run/wire 2>/run/wire.err &
	until [ -s /run/wire ] || [ -s /run/wire.err ]; do sleep 0.02; done
fi
for h in "${!sysctls[@]}"; do
	for s in ${sysctls[$h]}; do in_host "$h" sysctl -qw "$s" 2>/run/sysctl.err || why_skip="no sysctl ${s%=*} here"; done
done
for h in "${!rules[@]}"; do
	in_host "$h" nft -f - <<<"${rules[$h]}" 2>/run/nft.err || why_skip="nft: $(head -n 1 /run/nft.err)"
done
for h in "${!commands[@]}"; do in_host "$h" bash -c "${commands[$h]}" || why_skip="a command failed"; done
# shellcheck disable=SC2086
in_host s "$hosts" serve $serve >/run/serve 2>/run/serve.err &
until [ -s /run/serve ] || [ -s /run/serve.err ]; do sleep 0.02; done
sleep 0.3 # until the kernels' own reports are over
[ "$family" = 6 ] && server=$server6 || server=$server4
[ -n "$target" ] && server=$target

# Where the kernel's own client gets no connection, the rules do not do what they say.
if [ -n "$works" ] && ! in_host c timeout 5 ncat -z "$server" "$port" 2>/run/ncat.err; then
	why_skip="this kernel has not $works that works: its own client gets no connection"
fi
if [ -n "$why_skip" ]; then
	printf '%s|skip|%s|%s||\n' "$name" "$why_skip" "$expect"
	exit 0
fi

# --- the tool ------------------------------------------------------------------------------------
[ "$family" = 6 ] && where="[$server]:$port" || where="$server:$port"
[ -n "$control" ] && options="$options --control $control"
# shellcheck disable=SC2086
in_host c timeout 200 "$synscope" firewall -j $options "$where" >/run/out 2>/run/err
status=$?
fields=$(jq -r --argjson port "$port" 'select(.event_type == "port" and .dest_port == $port) | .port |
	def may(c): if c == "possible" then "?" else "" end;
	[.verdict,
	 (if .by.box == "host" then "host"
	  elif .by.box == "before" then
	   (if .by.hop_min == null then "not-host" elif .by.hop_min == .by.hop_max then "hop\(.by.hop_min)" else "hop\(.by.hop_min)-\(.by.hop_max)" end)
	  elif .by.box == "before_or_host" then
	   (if .by.hop_max == null then "hop\(.by.hop_min)..." else "hop\(.by.hop_min)+host" end)
	  else "?" end) + (if .by.box == "unknown" then "" else may(.by.confidence) end),
	 (if .how.kind == "icmp" then "icmp\(.how.icmp_type)/\(.how.icmp_code)" else .how.kind end),
	 (if .keeps == "unknown" then "?" else .keeps + may(.keeps_confidence) end),
	 (if .rewrites == [] then "-" else (.rewrites | join(",")) end),
	 (if .fakes == null then "-" else (.fakes | gsub(" "; "_")) + may(.fakes_confidence) end)] | join(" ")' /run/out 2>/dev/null)
result=ok
[ "$fields" = "$expect" ] || result=WRONG
[ -n "$fields" ] || fields="status $status: $(head -n 1 /run/err)"

# --- what others say of the same -------------------------------------------------------------------
peers=''
if [ -n "${PEERS:-}" ]; then
	six=()
	[ "$family" = 6 ] && six=(-6)
	sleep 7 # the ICMP limiters' buckets fill up again
	n=$(in_host c nmap -n -Pn "${six[@]}" -sS --reason -p "$port" "$server" 2>/dev/null | sed -n "s|^$port/tcp *\([^ ]*\) *[^ ]* *\(.*\)|\1 \2|p")
	if [ "$family" = 4 ]; then
		h=$(in_host c timeout 10 hping3 -n -c 2 -S -p "$port" "$server" 2>/dev/null | sed -n 's/.*\(flags=[A-Z]*\).*/\1/p; s/^ICMP \(.*\) from.*/ICMP \1/p' | head -n 1)
	else
		h='(no IPv6)'
	fi
	np=$(in_host c timeout 10 nping "${six[@]}" -c 2 --tcp -p "$port" "$server" 2>/dev/null | sed -n 's/^RCVD.*TCP.* \([SRAFPU]*\) ttl.*/\1/p; s/^RCVD.*ICMP.*\(type=[0-9]*.code=[0-9]*\).*/\1/p' | head -n 1)
	peers="nmap: ${n:-nothing}; hping3: ${h:-nothing}; nping: ${np:-nothing}"
fi
printf '%s|%s|%s|%s|%s|%s\n' "$name" "$result" "$fields" "$expect" "$truth" "$peers"
if [ "$result" = WRONG ] || [ -n "${KEEP:-}" ]; then
	mkdir -p "${LOGS:-/tmp}" && cp /run/out "${LOGS:-/tmp}/firewall-$name.json"
fi
exit 0
