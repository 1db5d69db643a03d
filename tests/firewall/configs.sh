# shellcheck shell=bash disable=SC2034,SC2154
# Every configuration: the path (2: two hosts; 3: a router between; 4: two routers, r1 and r2),
# rules of nftables for its hosts, its truth in words, and what the tool is to say:
#   verdict box manner keeps rewrites fakes
# "hop1+host" is "hop 1 or the host, not to be told apart", and "?" is "cannot be told". It was
# written down before the tool ran; where the truth and what can be told from one end differ,
# the truth has a line of its own.

# Rules for segments on their way through a router, or into a host.
forward() { printf 'table inet t {\nchain f { type filter hook forward priority 0;\n%s\n}\n}\n' "$1"; }
input() { printf 'table inet t {\nchain i { type filter hook input priority 0;\n%s\n}\n}\n' "$1"; }

# --- refusals of the first router, of the second, of the host --------------------------------------
config_r1_drop() {
	rules[r1]=$(forward 'tcp dport 80 drop')
	truth='hop 1 drops; the walk cannot tell its forward filter from what hop 2 does first'
	expect='filtered hop1-2 drop ? - -'
}
config_r1_drop_early() {
	rules[r1]=$(printf 'table inet t {\nchain p { type filter hook prerouting priority -300;\ntcp dport 80 drop\n}\n}\n')
	truth='hop 1 drops before it looks at the TTL'
	expect='filtered hop1 drop ? - -'
}
config_r2_drop() {
	rules[r2]=$(forward 'tcp dport 80 drop')
	truth='hop 2 drops; its forward filter and the host are the same from here'
	expect='filtered hop2+host drop ? - -'
}
config_host_drop() {
	rules[s]=$(input 'tcp dport 80 drop')
	truth='the host drops; the same as the last hop from here'
	expect='filtered hop2+host drop ? - -'
}
config_r1_rst() {
	rules[r1]=$(forward 'tcp dport 80 reject with tcp reset')
	expect='rejected hop1 rst ? - -'
}
config_r2_rst() {
	rules[r2]=$(forward 'tcp dport 80 reject with tcp reset')
	expect='rejected hop2 rst ? - -'
}
config_host_rst() {
	rules[s]=$(input 'tcp dport 80 reject with tcp reset')
	expect='rejected host rst ? - -'
}
config_r1_all_rst() {
	rules[r1]=$(forward 'ip daddr 203.0.113.2 meta l4proto tcp reject with tcp reset')
	truth='hop 1 resets every port of the host'
	expect='rejected hop1 rst ? - -'
}
config_r1_port() {
	rules[r1]=$(forward 'tcp dport 80 reject with icmpx port-unreachable')
	expect='rejected hop1 icmp3/3 ? - -'
}
config_r1_admin() {
	rules[r1]=$(forward 'tcp dport 80 reject with icmpx admin-prohibited')
	expect='rejected hop1 icmp3/13 ? - -'
}
config_r1_host_unreach() {
	rules[r1]=$(forward 'tcp dport 80 reject with icmpx host-unreachable')
	expect='rejected hop1 icmp3/1 ? - -'
}
config_r1_no_route() {
	rules[r1]=$(forward 'tcp dport 80 reject with icmpx no-route')
	expect='rejected hop1 icmp3/0 ? - -'
}
config_r2_host_prohibited() {
	rules[r2]=$(forward 'tcp dport 80 reject with icmp host-prohibited')
	expect='rejected hop2 icmp3/10 ? - -'
}
config_r2_net_prohibited() {
	rules[r2]=$(forward 'tcp dport 80 reject with icmp net-prohibited')
	expect='rejected hop2 icmp3/9 ? - -'
}
config_host_admin() {
	rules[s]=$(input 'tcp dport 80 reject with icmpx admin-prohibited')
	expect='rejected host icmp3/13 ? - -'
}
config_host_port() {
	rules[s]=$(input 'tcp dport 80 reject with icmpx port-unreachable')
	expect='rejected host icmp3/3 ? - -'
}

# --- IPv6 -----------------------------------------------------------------------------------------------
config_v6_r1_drop() {
	family=6
	rules[r1]=$(forward 'tcp dport 80 drop')
	truth='hop 1 drops, as for IPv4'
	expect='filtered hop1-2 drop ? - -'
}
config_v6_r1_rst() {
	family=6
	rules[r1]=$(forward 'tcp dport 80 reject with tcp reset')
	expect='rejected hop1 rst ? - -'
}
config_v6_r2_admin() {
	family=6
	rules[r2]=$(forward 'tcp dport 80 reject with icmpx admin-prohibited')
	expect='rejected hop2 icmp1/1 ? - -'
}
config_v6_r1_policy() {
	family=6
	rules[r1]=$(forward 'tcp dport 80 reject with icmpv6 policy-fail')
	expect='rejected hop1 icmp1/5 ? - -'
}
config_v6_r1_reject_route() {
	family=6
	rules[r1]=$(forward 'tcp dport 80 reject with icmpv6 reject-route')
	expect='rejected hop1 icmp1/6 ? - -'
}
config_v6_host_rst() {
	family=6
	rules[s]=$(input 'tcp dport 80 reject with tcp reset')
	expect='rejected host rst ? - -'
}
config_v6_only_is_v4() {
	rules[r1]=$(forward 'meta nfproto ipv6 tcp dport 80 drop')
	truth='only IPv6 is filtered, and IPv4 was asked'
	expect='open host none nothing - -'
}
config_v6_only_is_v6() {
	family=6
	rules[r1]=$(forward 'meta nfproto ipv6 tcp dport 80 reject with icmpx port-unreachable')
	expect='rejected hop1 icmp1/4 ? - -'
}

# --- state ----------------------------------------------------------------------------------------------
config_stateless_acl() {
	rules[r1]=$(forward 'tcp dport 80 tcp flags & (syn | ack) == syn drop')
	truth='hop 1 drops SYNs alone'
	expect='filtered hop1-2 drop stateless - -'
}
config_stateless_acl_rst() {
	rules[r2]=$(forward 'tcp dport 80 tcp flags & (syn | ack) == syn reject with icmpx admin-prohibited')
	expect='rejected hop2 icmp3/13 stateless - -'
}
config_state_strict() {
	rules[r1]=$(forward $'ct state established,related accept\nct state invalid drop\ntcp dport 80 ct state new accept\ndrop')
	sysctls[r1]='net.netfilter.nf_conntrack_tcp_loose=0'
	expect='open host none window - -'
}
config_state_liberal() {
	rules[r1]=$(forward $'ct state established,related accept\nct state invalid drop\ntcp dport 80 ct state new accept\ndrop')
	sysctls[r1]='net.netfilter.nf_conntrack_tcp_loose=0 net.netfilter.nf_conntrack_tcp_be_liberal=1'
	expect='open host none state - -'
}
config_state_loose() {
	rules[r1]=$(forward $'ct state established,related accept\nct state invalid drop\ntcp dport 80 ct state new accept\ndrop')
	sysctls[r1]='net.netfilter.nf_conntrack_tcp_be_liberal=1'
	truth='hop 1 tracks connections and picks them up in the middle'
	expect='open host none loose? - -'
}
config_state_on_host() {
	rules[s]=$(input $'ct state established,related accept\nct state invalid drop\ntcp dport 80 ct state new accept\ndrop')
	sysctls[s]='net.netfilter.nf_conntrack_tcp_loose=0 net.netfilter.nf_conntrack_tcp_be_liberal=1'
	expect='open host none state - -'
}
config_state_default_rst() {
	rules[r1]=$(forward $'ct state established,related accept\nct state invalid drop\ntcp dport 81 ct state new accept\nmeta l4proto tcp reject with tcp reset')
	sysctls[r1]='net.netfilter.nf_conntrack_tcp_loose=0 net.netfilter.nf_conntrack_tcp_be_liberal=1'
	serve='80:echo 81:echo'
	truth='hop 1 resets every port but 81, which was not asked'
	expect='rejected hop1 rst ? - -'
}
config_notrack() {
	rules[r1]=$'table inet t {\nchain p { type filter hook prerouting priority -300;\ntcp dport 80 notrack\ntcp sport 80 notrack\n}\nchain f { type filter hook forward priority 0;\ntcp dport 80 ct state untracked accept\ntcp sport 80 ct state untracked accept\nmeta l4proto tcp drop\n}\n}\n'
	truth='hop 1 lets port 80 pass without looking at connections'
	expect='open host none nothing - -'
}
config_only_from_53() {
	rules[r1]=$(forward $'tcp sport 53 accept\ntcp dport 80 drop')
	options='--other-port 53'
	truth='hop 1 drops, but not what comes from port 53'
	expect='filtered hop1-2 drop ? - -'
}

# --- fakes ---------------------------------------------------------------------------------------------
proxy_rules=$'table inet t {\nchain p { type filter hook prerouting priority -300;\ntcp dport 80 tcp flags syn notrack\n}\nchain f { type filter hook forward priority 0;\ntcp dport 80 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm\nct state invalid drop\n}\n}\n'
config_synproxy_open() {
	rules[r1]=$proxy_rules
	sysctls[r1]='net.netfilter.nf_conntrack_tcp_loose=0'
	expect='open hop1 none window - SYN_proxy'
}
config_synproxy_closed() {
	rules[r1]=$proxy_rules
	sysctls[r1]='net.netfilter.nf_conntrack_tcp_loose=0'
	serve=81:echo
	truth='the proxy says open; nobody listens behind it'
	expect='open hop1 none state - SYN_proxy'
}
config_v6_synproxy() {
	family=6 works='a SYN proxy for IPv6'
	rules[r2]=$proxy_rules
	sysctls[r2]='net.netfilter.nf_conntrack_tcp_loose=0'
	expect='open hop2 none window - SYN_proxy'
}
config_synproxy_on_host() {
	rules[s]=${proxy_rules/hook forward/hook input}
	sysctls[s]='net.netfilter.nf_conntrack_tcp_loose=0'
	truth='the host has a SYN proxy of its own; from here the same as SYN cookies'
	expect='open host none window - SYN_cookies'
}
config_cookies() {
	sysctls[s]='net.ipv4.tcp_syncookies=2'
	expect='open host none nothing - SYN_cookies'
}

config_rst_on_data() {
	rules[r1]=$(forward 'tcp dport 80 tcp flags & (psh | ack) == psh | ack reject with tcp reset')
	truth='hop 1 lets connections be made, and resets them at the first text'
	expect='open host none nothing - forged_RST'
}
config_drop_data() {
	rules[r1]=$(forward 'tcp dport 80 tcp flags & (psh | ack) == psh | ack drop')
	truth='hop 1 lets connections be made, and drops their text'
	expect='open host none nothing - tarpit?'
}

# --- limits ----------------------------------------------------------------------------------------------
config_syn_limit() {
	rules[r1]=$(forward $'tcp dport 80 tcp flags & (syn | ack) == syn limit rate 1/second burst 1 packets accept\ntcp dport 80 tcp flags & (syn | ack) == syn drop')
	truth='hop 1 lets one SYN a second pass'
	expect='open host none nothing - -'
}

# --- rewriting --------------------------------------------------------------------------------------------
config_mss_clamp() {
	rules[r1]=$(forward 'tcp flags syn tcp option maxseg size set 1400')
	expect='open host none nothing MSS -'
}
config_mss_clamp_last() {
	path=3
	rules[r1]=$(forward 'tcp flags syn tcp option maxseg size set 1400')
	truth='the last hop clamps the MSS: nobody behind it quotes'
	expect='open host none nothing - -'
}
config_no_sack() {
	rules[r1]=$(forward 'tcp dport 80 reset tcp option sack-perm')
	expect='open host none nothing options -'
}
config_no_timestamps() {
	rules[r1]=$(forward 'tcp dport 80 reset tcp option timestamp')
	expect='open host none nothing options -'
}
config_ttl_up() {
	rules[r1]=$(forward 'tcp dport 80 ip ttl set 64')
	truth='hop 1 sets the TTL to 64: nothing quotes it afterwards'
	expect='open host none nothing - -'
}
config_ttl_up_refused() {
	rules[r1]=$(forward 'tcp dport 80 ip ttl set 64')
	rules[s]=$(input 'tcp dport 80 reject with icmpx port-unreachable')
	expect='rejected host icmp3/3 ? TTL -'
}
config_ttl_back() {
	rules[r1]=$(forward 'tcp sport 80 ip ttl set 64')
	truth='hop 1 sets the TTL of the answers of port 80; a transparent proxy would look like that'
	expect='open ? none ? - -'
}
config_ecn_bleached() {
	rules[r1]=$(forward 'ip ecn set not-ect')
	options='--probe walk,walk-ecn,ack,class,talk'
	expect='open host none nothing ECN -'
}
config_dscp_bleached() {
	rules[r1]=$(forward 'ip dscp set cs0')
	options='--probe walk,walk-ecn,ack,class,talk'
	expect='open host none nothing DSCP -'
}
config_isn_rewritten() {
	rules[r1]=$(forward 'tcp dport 80 tcp flags syn tcp sequence set 1000')
	truth='hop 1 changes the sequence number of SYNs, one way only: no connection can come of it'
	expect='inconsistent host none ? ISN -'
}
config_window_rewritten() {
	rules[r1]=$(forward 'tcp dport 80 tcp flags syn tcp window set 1000')
	expect='open host none nothing window -'
}
config_port_forward() {
	port=8080 target=192.0.2.254
	rules[r1]=$'table inet n {\nchain p { type nat hook prerouting priority -100;\nip daddr 192.0.2.254 tcp dport 8080 dnat ip to 203.0.113.2:80\n}\n}\n'
	truth='hop 1, which was asked, forwards the port to the server'
	expect='open host none nothing NAT -'
}
config_masquerade() {
	rules[r2]=$'table inet n {\nchain p { type nat hook postrouting priority 100;\noifname eth1 masquerade\n}\n}\n'
	truth='hop 2 changes our address, and back: nothing shows it'
	expect='open host none nothing - -'
}

# --- short paths --------------------------------------------------------------------------------------------
config_p3_drop() {
	path=3
	rules[r1]=$(forward 'tcp dport 80 drop')
	truth='hop 1 drops, not to be told from the host'
	expect='filtered hop1+host drop ? - -'
}
config_p3_rst() {
	path=3
	rules[r1]=$(forward 'tcp dport 80 reject with tcp reset')
	expect='rejected hop1 rst ? - -'
}
config_p3_all_rst() {
	path=3
	rules[r1]=$(forward 'ip daddr 198.51.100.2 meta l4proto tcp reject with tcp reset')
	expect='rejected hop1 rst ? - -'
}
config_p3_all_drop() {
	path=3
	rules[r1]=$(forward 'ip daddr 198.51.100.2 drop')
	truth='hop 1 drops everything: where the host is, nothing tells'
	expect='filtered hop1... drop ? - -'
}
config_p2_drop() {
	path=2
	rules[s]=$(input 'tcp dport 80 drop')
	truth='the host drops; a bridge before it would look like that'
	expect='filtered host? drop ? - -'
}
config_p2_rst() {
	path=2
	rules[s]=$(input 'tcp dport 80 reject with tcp reset')
	expect='rejected host rst ? - -'
}
config_p2_state() {
	path=2
	rules[s]=$(input $'ct state established,related accept\nct state invalid drop\ntcp dport 80 ct state new accept\nmeta l4proto tcp drop')
	sysctls[s]='net.netfilter.nf_conntrack_tcp_loose=0'
	expect='open host none window - -'
}

# --- no firewall at all ----------------------------------------------------------------------------------------
OPEN='open host none nothing - -'
CLOSED='closed host rst nothing - -'
config_none_p4_open() { expect=$OPEN; }
config_none_p4_closed() { serve=81:echo expect=$CLOSED; }
config_none_p3_open() { path=3 expect=$OPEN; }
config_none_p3_closed() { path=3 serve=81:echo expect=$CLOSED; }
config_none_p2_open() { path=2 expect=$OPEN; }
config_none_p2_closed() { path=2 serve=81:echo expect=$CLOSED; }
config_none_v6_open() { family=6 expect=$OPEN; }
config_none_v6_closed() { family=6 serve=81:echo expect=$CLOSED; }
config_none_loss5() { wire='loss=0.05 seed=3' expect=$OPEN; }
config_none_loss10() { wire='loss=0.10 seed=5' expect=$OPEN; }
config_none_loss20() { wire='loss=0.20 seed=7' expect=$OPEN; }
config_none_loss10_closed() { wire='loss=0.10 seed=9' serve=81:echo expect=$CLOSED; }
config_none_reorder() { wire='reorder=0.3 seed=1' expect=$OPEN; }
config_none_duplicate() { wire='duplicate=0.3 seed=2' expect=$OPEN; }
config_none_slow() { wire='delay_ms=350' expect=$OPEN; }
config_none_very_slow() { wire='delay_ms=700' expect=$OPEN; }
config_none_source_talks() { serve=80:source expect=$OPEN; }
config_none_greets() { serve=80:greet-close expect=$OPEN; }
config_none_never_accepts() { serve=80:never-accept expect=$OPEN; }
config_none_no_read() { serve=80:no-read expect=$OPEN; }
config_none_resets() { serve=80:reset-now expect=$OPEN; }
config_none_defer_accept() { serve=80:defer-accept expect=$OPEN; }
config_none_icmp_limited() {
	sysctls[r1]='net.ipv4.icmp_ratelimit=3000'
	sysctls[r2]='net.ipv4.icmp_ratelimit=3000'
	expect=$OPEN
}
config_none_silent_hops() {
	rules[r1]=$'table inet t {\nchain o { type filter hook output priority 0;\nicmp type time-exceeded drop\n}\n}\n'
	rules[r2]=${rules[r1]}
	expect=$OPEN
}
config_none_bare_tcp() {
	sysctls[s]='net.ipv4.tcp_timestamps=0 net.ipv4.tcp_sack=0 net.ipv4.tcp_window_scaling=0'
	expect=$OPEN
}
config_none_ttl128() { sysctls[s]='net.ipv4.ip_default_ttl=128' expect=$OPEN; }
config_none_ttl255_closed() { sysctls[s]='net.ipv4.ip_default_ttl=255' serve=81:echo expect=$CLOSED; }
config_none_small_mtu() {
	commands[s]='ip link set eth0 mtu 1400'
	expect=$OPEN
}
config_none_one_synack() {
	sysctls[s]='net.ipv4.tcp_synack_retries=0'
	truth='a listener that repeats no SYN,ACK'
	expect='open host none nothing - SYN,ACK_once?'
}
config_none_full_queue() {
	serve=80:never-accept
	sysctls[s]='net.core.somaxconn=1 net.ipv4.tcp_syncookies=0'
	commands[c]='(sleep 0.2; for i in 1 2 3 4 5 6; do timeout 250 ncat -n 203.0.113.2 80 </dev/zero >/dev/null 2>&1 & done) & sleep 1'
	truth='the listener has no room: its kernel drops SYNs'
	expect='filtered hop2+host drop stateless? - -'
}

quick_configs=(r1_drop r1_rst r2_host_prohibited host_rst v6_r1_rst stateless_acl state_strict
	synproxy_open cookies mss_clamp port_forward none_p4_open none_p4_closed none_v6_open)
