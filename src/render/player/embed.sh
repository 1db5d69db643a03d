#!/usr/bin/env bash
# The player's parts as C, for html.c: their bytes, and the hashes that the page's
# Content-Security-Policy allows its one style and its one script by.
set -eu
export LC_ALL=C
cd "$(dirname "$0")"
bytes() { # NAME FILE
	printf 'static const unsigned char %s[] = {' "$1"
	od -An -v -tu1 -w20 "$2" | sed 's/  */,/g; s/^,//; s/$/,/'
	printf '};\n'
}
hash() { # NAME FILE
	local hex
	hex=$(sha256sum "$2" | cut -c1-64 | sed 's/../\\x&/g')
	# shellcheck disable=SC2059  # the format is what makes bytes of it
	printf '#define %s "sha256-%s"\n' "$1" "$(printf "$hex" | base64 -w0)"
}
echo '/* Made by src/render/player/embed.sh. */'
bytes player_top top.html
bytes player_bottom bottom.html
bytes player_style player.css
bytes player_script player.js
hash PLAYER_STYLE_HASH player.css
hash PLAYER_SCRIPT_HASH player.js
