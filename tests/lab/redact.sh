#!/usr/bin/env bash
# --redact: whoever took part, what is told is the same. Each capture is told twice, the second
# time with all its addresses (and MAC addresses) exchanged for others, in every form of output;
# not a byte may differ. TAP on stdout.
set -u
cd "$(dirname "$0")/../.." || exit 1
synscope=$(realpath "${SYNSCOPE:-build/synscope}")
export LC_ALL=C.UTF-8
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
count=0 failed=0

result() { # GOOD NAME
	count=$((count + 1))
	if [ "$1" = yes ]; then
		echo "ok $count - $2"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $count - $2"
	head -n 30 "$out/log" 2>/dev/null | sed 's/^/# /'
}

# Other addresses whose words have the same sum, so that every checksum is as it was.
cat >"$out/disguise.py" <<'END'
import sys
data = open(sys.argv[1], "rb").read()
for old, new in ((b"\xc0\x00\x02", b"\x0a\x14\xb7"), (b"\x20\x01\x0d\xb8", b"\xfd\x00\x30\xb8")):
    parts = data.split(old)
    if len(old) == 4:
        data = new.join(parts)
        continue
    # c000 02NN has the sum of 0a14 b7(NN + ec), where NN is below 14
    data = parts[0]
    for part in parts[1:]:
        data += new + bytes([part[0] + 0xec]) + part[1:]
open(sys.argv[2], "wb").write(data)
END

told() { # DIRECTORY CAPTURE
	local view
	mkdir -p "$1"
	for view in ladder rfc ledger lines; do
		"$synscope" read --redact -vv --view $view "$2"
	done >"$1/text" 2>&1
	"$synscope" read --redact -j --svg "$1/x.svg" --html "$1/x.html" -w "$1/x.pcapng" "$2" >"$1/json" 2>&1
	"$synscope" read --redact -w "$1/x.pcap" "$2" >"$1/again" 2>&1
}

story='select(.event_type == "segment") |
	[.n, .src_ip, .tcp.seq, .tcp.flags, .tcp.options, .server.state, (if .tcp.len == 0 then .tcp.checksum else 0 end)]'
same=yes hidden=yes readable=yes
for capture in captures/open-data-close.pcap captures/open-data-close-ip6.pcap captures/prohibited-port.pcap \
	captures/prohibited-port-ip6.pcap captures/icmp-kinds.pcap captures/fast-open.pcap captures/cooked-v2.pcap \
	captures/several-flows.pcap captures/hostile-options.pcap captures/ip6-extensions.pcap captures/snapped.pcap; do
	python3 "$out/disguise.py" "$capture" "$out/capture"
	cmp -s "$capture" "$out/capture" && { echo "$capture: nothing to disguise" >"$out/log"; same=no; }
	told "$out/a" "$capture"
	cp "$out/capture" "$out/b.pcap"
	told "$out/b" "$out/b.pcap"
	diff -r "$out/a" "$out/b" >"$out/diff" || { cp "$out/diff" "$out/log"; same=no; echo "$capture" >>"$out/log"; }
	grep -aqE '10\.20\.183|fd00:30b8|"payload"|community_id|synscope read' "$out"/b/* && { grep -aoE '10\.20\.183.*|fd00:30b8.*|"payload".{30}|synscope read.*' "$out"/b/* >"$out/log"; hidden=no; }
	# the packets tell the same story again, checksums and all, as far as they go
	"$synscope" read -j "$out/b/x.pcapng" 2>/dev/null | jq -c "$story" >"$out/pcapng"
	jq -c "$story" "$out/b/json" >"$out/told"
	case $capture in *ip6-ext* | *hostile* | *snapped*) continue ;; esac
	diff "$out/told" "$out/pcapng" >"$out/diff" || { cp "$out/diff" "$out/log"; readable=no; echo "$capture" >>"$out/log"; }
done
result "$same" "the same is told, whoever it was"
result "$hidden" "no address, no payload, no command line"
result "$readable" "the packets tell the same"

"$synscope" read captures/open-data-close.pcap --with-payload --redact --html "$out/x.html" >"$out/text"
grep -q 'says:' "$out/x.html" && good=no || good=yes
result "$good" "--with-payload has nothing to show"

tshark -r "$out/b/x.pcapng" -o ip.check_checksum:TRUE -Y 'ip.checksum.status == 0' >"$out/log" 2>/dev/null
[ ! -s "$out/log" ] && good=yes || good=no
result "$good" "IP checksums of the packets are right"

echo "1..$count"
[ $failed -eq 0 ]
