#!/usr/bin/env bash
# The same in one pass with pigz and tee: the best that a shell does.
# usage: best_shell_build.sh TREE OUTPUT
set -euo pipefail
tree=$1
out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tar -C "$tree" -cvf - --index-file="$work/names" . |
    tee >(sha256sum | cut -d ' ' -f 1 >"$work/sha256_plain") \
        >(sha1sum | cut -d ' ' -f 1 >"$work/sha1_plain") |
    pigz -6n |
    tee >(sha256sum | cut -d ' ' -f 1 >"$work/sha256") >"$work/payload1"
while [ ! -s "$work/sha256" ] || [ ! -s "$work/sha256_plain" ] || [ ! -s "$work/sha1_plain" ]; do
    sleep 0.001
done
files=$(grep -v '/$' "$work/names" | sed 's|^\./||; s|.*|<file>&</file>|')
size=$(stat -c %s "$work/payload1")
cat >"$work/descriptor.xml" <<EOF
<vib version="5.0"><type>bootbank</type><name>bench</name><version>1.0.0-1</version>
<vendor>bench</vendor><summary>bench</summary><description>bench</description>
<release-date>2024-01-01T00:00:00.000000+00:00</release-date><urls/>
<relationships><depends/><conflicts/><replaces/><provides/><compatibleWith/></relationships>
<software-tags/><system-requires><maintenance-mode>false</maintenance-mode></system-requires>
<file-list>$files</file-list><acceptance-level>community</acceptance-level>
<live-install-allowed>true</live-install-allowed><live-remove-allowed>true</live-remove-allowed>
<cimom-restart>false</cimom-restart><stateless-ready>true</stateless-ready><overlay>false</overlay>
<payloads><payload name="payload1" type="tgz" size="$size">
<checksum checksum-type="sha-256" verify-process="gunzip">$(cat "$work/sha256_plain")</checksum>
<checksum checksum-type="sha-256">$(cat "$work/sha256")</checksum>
<checksum checksum-type="sha-1" verify-process="gunzip">$(cat "$work/sha1_plain")</checksum>
</payload></payloads></vib>
EOF
: >"$work/sig.pkcs7"
cd "$work"
rm -f "$out"
ar qcD "$out" descriptor.xml sig.pkcs7 payload1 2>/dev/null
