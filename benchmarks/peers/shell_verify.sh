#!/bin/sh
# How digests are checked by hand: unpack, then three passes.
# usage: shell_verify.sh VIB PAYLOAD
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
vib=$(realpath "$1")
cd "$work"
ar x "$vib"
chmod 600 "$2"
sha256sum "$2"
gzip -dc <"$2" | sha256sum
gzip -dc <"$2" | sha1sum
