#!/usr/bin/env bash
# Step mode in a real terminal: tmux is the terminal, its screens are kept in tests/golden/step
# (EXPECT_UPDATE=1 writes them anew; read the diff like code). TAP on stdout.
set -u
cd "$(dirname "$0")/../.." || exit 1
synscope=$(realpath "${SYNSCOPE:-build/synscope}")
export LC_ALL=C.UTF-8
unset NO_COLOR CLICOLOR_FORCE COLUMNS LINES TMUX
golden=$PWD/tests/golden/step captures=../c
if ! command -v tmux >/dev/null; then
	echo "1..1"
	echo "ok 1 - step mode # SKIP no tmux"
	exit 0
fi
out=$(mktemp -d) || exit 1
ln -s "$PWD/captures" "$out/c"
term=(tmux -L "synscope-$$" -f /dev/null)
trap '"${term[@]}" kill-server 2>/dev/null; rm -rf "$out"' EXIT
count=0 failed=0

result() { # GOOD NAME
	count=$((count + 1))
	if [ "$1" = yes ]; then
		echo "ok $count - $2"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $count - $2"
	head -n 60 "$out/log" 2>/dev/null | sed 's/^/# /'
}

# terminal WIDTH HEIGHT   a shell in a new terminal of that size, in an empty directory
terminal() {
	"${term[@]}" kill-server 2>/dev/null
	rm -rf "$out/here"
	mkdir "$out/here"
	"${term[@]}" new-session -d -x "$1" -y "$2" -c "$out/here" -s t \
		"env PS1='\$ ' HISTFILE= TERM=screen bash --norc"
	await '^\$'
}

keys() { "${term[@]}" send-keys -t t "$@"; }
screen() { "${term[@]}" capture-pane -p -t t "$@" | sed 's/ *$//'; }

# await PATTERN   until a line of the screen matches
await() {
	local i
	for ((i = 0; i < 100; i++)); do
		screen >"$out/log"
		grep -qE -- "$1" "$out/log" && return 0
		sleep 0.1
	done
	return 1
}

awaits() { # NAME PATTERN
	local good=no
	await "$2" && good=yes
	result $good "$1: $2"
}

# shows NAME [OPTION]   until the screen is the one that is kept
shows() {
	local name=$1 i
	shift
	if [ -n "${EXPECT_UPDATE:-}" ]; then
		sleep 1
		screen "$@" >"$golden/$name.expected"
	fi
	for ((i = 0; i < 60; i++)); do
		screen "$@" >"$out/screen"
		cmp -s "$out/screen" "$golden/$name.expected" && { result yes "screen $name"; return; }
		sleep 0.1
	done
	diff "$golden/$name.expected" "$out/screen" >"$out/log" 2>&1
	result no "screen $name"
}

start() { # ARGUMENT...
	keys "$synscope read --step $*" Enter
	await 'segment 0 of'
}

# --- 80 columns, 24 lines, no colour: every key
mkdir -p "$golden"
terminal 80 24
keys 'stty -g >before; export NO_COLOR=1; clear' Enter
start "$captures/lost-third-ack.pcap"
shows start
keys Space && await 'segment 1 of 13'
keys Enter && await 'segment 2 of 13'
keys Right && await 'segment 3 of 13'
keys n && await 'segment 4 of 13'
keys PageDown
awaits "space, enter, right, n and PageDown go on" 'segment 5 of 13'
shows ladder
keys PageUp && await 'segment 4 of 13'
keys Left && await 'segment 3 of 13'
keys b && await 'segment 2 of 13'
keys p
awaits "PageUp, left, b and p go back" 'segment 1 of 13'
keys End && await 'segment 13 of 13'
keys Space
shows end
keys Home && await 'segment 0 of 13'
keys G && await 'segment 13 of 13'
keys g && await 'segment 0 of 13'
keys 1 2 Enter
awaits "Home, End, g, G, a number" 'segment 12 of 13'
keys v && await '  rfc  '
shows rfc
keys v && await '  ledger  '
shows ledger
keys v && await '  ladder  '
keys r && await 'ladder  rel$'
keys r && await 'ladder  raw$'
keys r && await 'ladder  x, y$'
shows symbolic
keys r && await 'ladder  rel\+raw$'
keys s && await 'LISTEN'
shows states
keys f
shows fields
keys e
shows explain
keys e && await 'SYN,ACK'
keys '?'
shows help
keys '?'
keys . && sleep 0.5
screen >"$out/log"
[ -z "$(tr -d '[:space:]' <"$out/log")" ] && good=yes || good=no
result "$good" "a dot blanks the screen"
keys Space
awaits "any key brings it back, and does nothing else" 'segment 12 of 13'
keys Home a
awaits "a plays" 'segment 2 of 13'
keys Space && sleep 1.5
awaits "and a key pauses" 'segment [23] of 13'
keys 4 Enter && await 'segment 4 of 13'
keys x
awaits "x exports" 'wrote synscope-1'
keys q
awaits "leaving prints the story" '^closing'
sleep 0.3
[ "$(cd "$out/here" && echo *)" = "before synscope-1.html synscope-1.pcapng synscope-1.svg synscope-1.txt" ] &&
	[ "$(grep -c 'class="seg ' "$out/here/synscope-1.svg")" = 4 ] && grep -q 'SYN,ACK' "$out/here/synscope-1.txt" && good=yes || good=no
(cd "$out/here" && ls >"$out/log")
result "$good" "what was exported is there, and nothing else"
keys clear Enter 'stty -g | cmp - before && echo same' Enter
awaits "the terminal is as it was" '^same'

# --- whatever happens
start "$captures/closed-port.pcap"
keys C-c
await '^closing'
keys 'echo status $?; stty -g | cmp - before && echo same' Enter
awaits "Ctrl-C: 130" '^status 130'
awaits "and the terminal is as it was" '^same'
for signal in TERM SEGV; do
	keys clear Enter
	start "$captures/closed-port.pcap"
	kill -$signal "$(pgrep -P "$("${term[@]}" display-message -p -t t '#{pane_pid}')" -x synscope)"
	await '\$ $'
	keys "echo; stty -g | cmp - before && echo same after $signal" Enter
	awaits "SIG$signal: the terminal is as it was" "^same after $signal"
done
keys clear Enter "$synscope read --step $captures/closed-port.pcap | cat; echo status \$?" Enter
awaits "not into a pipe" 'standard output should be a terminal'

# --- another size, and what changes while it runs
terminal 120 40
keys 'export NO_COLOR=1; clear' Enter
start "$captures/half-close.pcap --ascii --view rfc"
keys 6 Enter && await 'segment 6 of'
keys s
shows ascii-120
keys v v
shows ladder-120
"${term[@]}" resize-window -t t -x 70 -y 20
shows resized-70
"${term[@]}" resize-window -t t -x 44 -y 9
shows resized-44
keys q

# --- sixteen colours
terminal 80 24
keys 'clear' Enter
start "$captures/simultaneous-close.pcap --color always"
keys 4 Enter && await 'segment 4 of'
shows color -e
keys q

# --- several exchanges
terminal 80 24
start "$captures/several-flows.pcap"
awaits "the first of several" 'flow 1 of'
keys Tab
awaits "tab goes to the next" 'flow 2 of'
keys q

# --- an exchange that goes on: ours is held, the kernel at the other end has its timers
terminal 80 24
if ! "$synscope" lab run client -- true 2>/dev/null; then
	count=$((count + 1))
	echo "ok $count - a live exchange # SKIP no lab"
else
	keys "$synscope lab run client -- $synscope trace --step --data-string hello 192.0.2.2:7; echo status \$?" Enter
	awaits "our SYN waits" 'NEXT  we send SYN  seq 0 '
	keys Space
	awaits "and then our ACK, the answer being there" 'NEXT  we send ACK  seq 1  ack 1 '
	awaits "which the server's state shows" '● SYN-RECEIVED'
	keys d
	awaits "d drops it" 'NOT SENT'
	awaits "the kernel sends its SYN,ACK again" 'SYN,ACK  seq 0  ack 1  again'
	keys m 3
	awaits "m spoils the next" 'we send PSH,ACK  seq 1  ack 1  len 5  BAD CHECKSUM'
	keys Home
	awaits "what was can be looked at meanwhile" 'segment 0 of'
	keys End
	awaits "and what is" 'segment ([0-9]+) of \1'
	keys Space
	awaits "a wrong checksum is sent" 'len 5  BAD CHECKSUM'
	# Our timer, or the kernel's SYN,ACK, gives us more to send; it carries the ACK dropped.
	for i in 1 2 3 4 5 6; do
		await 'NEXT  we send (PSH,)?ACK'
		keys Space
		sleep 0.5
		screen | grep -q '● ESTABLISHED' && break
	done
	awaits "what carries the ACK that was dropped opens" '● ESTABLISHED'
	keys q
	awaits "q lets it go on to its end" '^verdict  open'
	awaits "with the verdict's status" '^status 0'
	keys clear Enter "$synscope lab run client -- $synscope trace --step 192.0.2.2:7; echo status \$?" Enter
	await 'NEXT  we send SYN'
	keys Space
	await 'NEXT  we send ACK'
	keys C-c
	awaits "Ctrl-C resets what is open" 'RST'
	awaits "and says 130" '^status 130'
	keys clear Enter 'stty -a | grep -c " icanon"' Enter
	awaits "the terminal is as it was after that too" '^1$'
fi

echo "1..$count"
[ $failed -eq 0 ]
