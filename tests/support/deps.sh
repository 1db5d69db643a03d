#!/usr/bin/env bash
# Install what is missing, and only that, with the system's package manager.
#   deps.sh [GROUP...]     build, test, lint; without a group all three
# Each thing is asked for by trying (is the header found, does the command run), so a
# library built by hand counts, and a machine that has all needs no privilege at all.
set -u
export LC_ALL=C

# group | what to try | Debian package
deps() {
	cat <<'END'
build|command gcc|gcc
build|command make|make
build|command pkg-config|pkg-config
build|header libnet.h|libnet1-dev
build|header pcap/pcap.h|libpcap-dev
build|header nftables/libnftables.h|libnftables-dev
build|header libmnl/libmnl.h|libmnl-dev
build|header cap-ng.h|libcap-ng-dev
build|header seccomp.h|libseccomp-dev
build|header nettle/sha1.h|nettle-dev
test|header cmocka.h|libcmocka-dev
test|header jansson.h|libjansson-dev
test|header lwip/lwipopts.h|liblwip-dev
test|header slirp/libslirp.h|libslirp-dev
test|command tshark|tshark
test|command tcpdump|tcpdump
test|command nmap|nmap
test|command nping|nmap
test|command hping3|hping3
test|command ip|iproute2
test|command nft|nftables
test|command ethtool|ethtool
test|command ncat|ncat
test|command socat|socat
test|command curl|curl
test|command jq|jq
test|command wget|wget
test|command ssh|openssh-client
test|command chromium|chromium
test|command xmllint|libxml2-utils
test|command mandoc|mandoc
test|command tmux|tmux
test|command python3|python3
test|command rsvg-convert|librsvg2-bin
test|command unshare|util-linux
test|command setpriv|util-linux
test|command setcap|libcap2-bin
test|command pgrep|procps
test|module jsonschema|python3-jsonschema
test|module scapy.all|python3-scapy
lint|command clang|clang
lint|command clang-format|clang-format
lint|command clang-tidy|clang-tidy
lint|command cppcheck|cppcheck
lint|command shellcheck|shellcheck
lint|command mandoc|mandoc
lint|command valgrind|valgrind
lint|fuzzer clang|libclang-rt-dev
END
}

# The one above is the Debian name but for this: it carries clang's version.
package_name() {
	if [ "$1" != libclang-rt-dev ]; then
		echo "$1"
	elif command -v clang >/dev/null; then
		echo "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
	fi # else: known in the second round, when clang is there
}

# sbin is not in every user's PATH; what is there is there.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

present() {
	case $1 in
	command) command -v "$2" ;;
	header) echo "#include <$2>" | gcc -D_GNU_SOURCE -E -x c - ;;
	# The system's python3: that is where the package manager puts modules.
	module) /usr/bin/python3 -c "import $2" ;;
	fuzzer) clang -print-runtime-dir && [ -n "$(find "$(clang -print-resource-dir)" \
		-name '*clang_rt.fuzzer*' -print -quit)" ] ;;
	esac >/dev/null 2>&1
}

# Print the packages that would bring what is missing of the groups "$@".
missing() {
	deps | while IFS='|' read -r group probe package; do
		case " $* " in *" $group "*) ;; *) continue ;; esac
		# shellcheck disable=SC2086  # "kind name" is two words on purpose
		present $probe || package_name "$package"
	done | sort -u
}

die() {
	echo "deps: $*" >&2
	exit 1
}

[ $# -gt 0 ] || set -- build test lint
for group in "$@"; do
	case $group in build | test | lint) ;; *) die "no group $group (build, test, lint)" ;; esac
done

# Two rounds: what depends on the version of something installed in the first.
for round in 1 2; do
	mapfile -t packages < <(missing "$@")
	[ ${#packages[@]} -gt 0 ] || exit 0
	command -v apt-get >/dev/null ||
		die "missing (Debian's names): ${packages[*]}; install them with this system's package manager"
	apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300)
	if [ "$(id -u)" -ne 0 ]; then
		sudo=(sudo)
		[ -t 0 ] || sudo+=(-n) # nobody is there to type a password
		if ! command -v sudo >/dev/null || ! "${sudo[@]}" true 2>/dev/null; then
			die "needs root to run: apt-get install ${packages[*]}"
		fi
		apt=("${sudo[@]}" "${apt[@]}")
	fi
	echo "deps: installing ${packages[*]}"
	[ "$round" = 2 ] || "${apt[@]}" update ||
		echo "deps: apt-get update failed; trying with the lists that are here" >&2
	"${apt[@]}" install --no-install-recommends "${packages[@]}" </dev/null ||
		die "failed: apt-get install ${packages[*]}"
done
mapfile -t packages < <(missing "$@")
[ ${#packages[@]} -eq 0 ] || die "still missing after installing: ${packages[*]}"
