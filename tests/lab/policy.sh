#!/usr/bin/env bash
# A policy beside what is found, as a CI job would use it: exit status, differences, JUnit
# (checked by its schema), TAP, and today's answers written down and read again. In a lab with a
# router that refuses some ports. TAP on stdout.
set -u
cd "$(dirname "$0")/../.." || exit 1
synscope=$(realpath "${SYNSCOPE:-build/synscope}")
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
count=0
[ "$("$synscope" lab run client -- echo yes 2>/dev/null)" = yes ] || {
	echo "1..1"
	echo "ok 1 - policy # SKIP no lab here"
	exit 0
}

result() { # STATUS NAME
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		head -c 3000 "$out/1" "$out/2" 2>/dev/null | sed 's/^/# /'
	fi
}
in_lab() { # WORDS...: firewall, in the lab
	timeout 120 "$synscope" lab run --router --serve echo:80 --filter reject:25:admin-prohibited \
		--filter reject:26:tcp-reset --filter drop:27 client -- "$synscope" firewall "$@" >"$out/1" 2>"$out/2"
}

cat >"$out/good" <<'END'
# what the router of this lab should do
198.51.100.2:80    open
198.51.100.2:25    rejected by hop 1 with icmp-admin-prohibited
198.51.100.2:26    rejected by 192.0.2.254 with rst
198.51.100.2:27    filtered
198.51.100.2:9000  closed by host with rst
END
in_lab --probe walk,class --expect "$out/good" --junit "$out/good.xml" --tap "$out/good.tap"
status=$?
[ $status -eq 0 ] && grep -qx 'policy: 5 of 5 as expected' "$out/1"
result $? "what is as expected ends with 0"
grep -qx '1\.\.5' "$out/good.tap" && [ "$(grep -c '^ok ' "$out/good.tap")" -eq 5 ]
result $? "TAP has a line for each port"
if command -v xmllint >/dev/null; then
	xmllint --noout --schema tests/support/junit.xsd "$out/good.xml" 2>"$out/2"
	result $? "JUnit's report follows its schema"
else
	count=$((count + 1))
	echo "ok $count - JUnit's report follows its schema # SKIP no xmllint"
fi

sed 's/:80 .*/:80 closed/; s/admin-prohibited/port-unreachable/' "$out/good" >"$out/bad"
in_lab --probe walk,class --expect "$out/bad" --junit "$out/bad.xml" --tap -
[ $? -eq 1 ] && [ "$(grep -c '^not ok ' "$out/1")" -eq 2 ] && grep -q '^# expected closed, found open by' "$out/1"
result $? "what is not ends with 1, and says what was found"
if command -v xmllint >/dev/null; then
	xmllint --noout --schema tests/support/junit.xsd "$out/bad.xml" 2>"$out/2" &&
		[ "$(xmllint --xpath 'count(//failure)' "$out/bad.xml")" = 2 ]
	result $? "failures are in the report"
else
	count=$((count + 1))
	echo "ok $count - failures are in the report # SKIP no xmllint"
fi

in_lab --probe walk,class --write-policy "$out/today" 198.51.100.2:25-27,80 && [ "$(wc -l <"$out/today")" -eq 4 ]
result $? "today's answers are written down"
in_lab --probe walk,class --expect "$out/today"
result $? "and are those of the next run"

echo '198.51.100.2:80 perhaps' >"$out/wrong"
in_lab --expect "$out/wrong"
[ $? -eq 65 ] && grep -q "wrong:1: " "$out/2"
result $? "a policy that cannot be read names its line"
in_lab --expect /nonexistent
[ $? -eq 66 ]
result $? "a policy that is not there"

in_lab -j --probe walk 198.51.100.2:80 && [ "$(tail -n 1 "$out/1" | cut -c1-200 | grep -c '"event_type":"end"')" -eq 1 ]
result $? "JSON lines end with end"
in_lab -w "$out/x.pcapng" --probe talk 198.51.100.2:80 && "$synscope" read --view lines "$out/x.pcapng" | grep -q 'SYN,ACK'
result $? "the packets are written too"
echo "1..$count"
