# Who may include whom: core <- render, core <- edge, all <- client <- main.c.
# One vendor library a file, in the files named below and nowhere else; no vendor header in
# include/. Names the file and line of every breach; exits 1 if there was one.
BEGIN {
	split("core:core render:core,render edge:core,edge client:core,edge,render,client " \
	      "main:client lab:core,edge,render,client bench:core,edge,render,client " \
	      "fuzz:core,edge,render support:core,edge,render oracle:core walk:core,edge", rows, " ")
	for (i in rows) {
		split(rows[i], row, ":")
		n = split(row[2], may, ",")
		for (j = 1; j <= n; j++)
			allowed[row[1], may[j]] = 1
	}
	# What of libc a pure layer may see; stdio.h is there for snprintf (see pure.allow).
	split("assert ctype errno float inttypes limits stdarg stdbool stddef stdint stdio string", pure, " ")
	for (i in pure)
		libc["core", pure[i] ".h"] = libc["render", pure[i] ".h"] = 1
	libc["render", "stdlib.h"] = 1 # an instance is one allocation
	libc["render", "time.h"] = 1   # gmtime_r; that nobody asks a clock there is seen in lint.sh
	# vendor header (prefix) -> the edge files that may have it
	vendor["libnet.h"] = "craft"
	vendor["pcap"] = "capture"
	vendor["nftables/"] = "nftables"
	vendor["libmnl/"] = "route sockdiag lab"
	vendor["cap-ng.h"] = "privs"
	vendor["seccomp.h"] = "privs"
	vendor["nettle/"] = "community"
	vendor["lwip/"] = "stack_lwip"
	vendor["slirp/"] = "stack_slirp"
	vendor["cmocka.h"] = ""
	vendor["jansson.h"] = ""
	# Giving up privilege is one thing, in two steps: capabilities, then system calls.
	together["seccomp.h"] = "cap-ng.h"
}

# Tests of the whole (tests/lab, tests/bench ...) may include all.
function may_have(layer, other) {
	return ((layer, other) in allowed) || layer == "whole"
}

function breach(text) {
	printf "%s:%d: %s\n", FILENAME, FNR, text
	bad = 1
}

function layer_of(path,    part) {
	split(path, part, "/")
	if (path == "src/main.c")
		return "main"
	if (part[1] == "src")
		return part[2]
	if (part[1] == "include" || (part[1] == "tests" && part[2] == "unit"))
		return part[3]
	return part[2] ~ /^(fuzz|support|oracle|walk)$/ ? part[2] : "whole"
}

# Whether the module of this file ("guard" of guard_nft.c) is one of a list of words.
function module_in(path, list,    name, words, n, i) {
	name = path
	sub(/.*\/(test_)?/, "", name)
	n = split(list, words, " ")
	for (i = 1; i <= n; i++)
		if (name == words[i] ".c" || index(name, words[i] "_") == 1)
			return 1
	return 0
}

FNR == 1 {
	layer = layer_of(FILENAME)
	test = FILENAME ~ /^tests\//
	vendor_seen = ""
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, quoted, "\"")
	name = quoted[2]
	n = split(name, part, "/")
	if (part[1] == "synscope") {
		if (!may_have(layer, part[2]))
			breach(layer " may not include " part[2] " (" name ")")
	} else if (test && name ~ /^(\.\.\/)+src\/[a-z]+\/[a-z0-9_]+_internal\.h$/) {
		if (!may_have(layer, part[n - 1]))
			breach(layer " may not include " part[n - 1] " (" name ")")
	} else if (test && name ~ /^(\.\.\/)+((support|walk|stacks)\/[a-z0-9_]+\.h|oracle\/[a-z0-9_]+\.[ch])$/) {
		# a test may have its support, and take in the oracle (a core test links core alone)
	} else if (FILENAME == "tests/mutate/mutable.c" && name == "../../src/core/rules.c") {
		# the table itself, to be changed
	} else if (n != 1) { # a header of one module stands beside it
		breach("\"" name "\": say \"synscope/LAYER/MODULE.h\", or \"NAME.h\" beside the file")
	}
	next
}

/^[ \t]*#[ \t]*include[ \t]*</ {
	name = $0
	sub(/^[^<]*</, "", name)
	sub(/>.*/, "", name)
	for (prefix in vendor) {
		if (index(name, prefix) != 1)
			continue
		group = prefix in together ? together[prefix] : prefix
		if (test) {
			if (prefix == "cmocka.h" && FILENAME != "tests/support/cm.h")
				breach("include support/cm.h, which says what " name " needs before it")
			else if (prefix != "cmocka.h" && prefix != "jansson.h" && !module_in(FILENAME, vendor[prefix]))
				breach("a test of another module may not include " name)
		} else if (FILENAME ~ /^include\//) {
			breach("no vendor header in a contract: " name)
		} else if (layer != "edge" || !module_in(FILENAME, vendor[prefix])) {
			breach(layer " may not include " name " here")
		} else if (vendor_seen != "" && vendor_seen != group) {
			breach("a second vendor, " name ", beside " vendor_seen)
		}
		vendor_seen = group
	}
	if (((layer, "stdint.h") in libc) && !test && !((layer, name) in libc) && FILENAME !~ /^src\/render\/out\.c$/)
		breach(layer " may not include <" name ">")
}

END { exit bad }
