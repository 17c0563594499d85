#!/bin/sh
# The recipe that public scripts for VIBs share: everything is read four times, on one processor.
# usage: shell_build.sh TREE OUTPUT
set -eu
tree=$1
out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tar -C "$tree" -czf "$work/payload1" .
files=$(tar tf "$work/payload1" | grep -v '/$' | sed 's|^\./||; s|.*|<file>&</file>|')
size=$(stat -c %s "$work/payload1")
sha256=$(sha256sum "$work/payload1" | cut -d ' ' -f 1)
sha256_plain=$(zcat "$work/payload1" | sha256sum | cut -d ' ' -f 1)
sha1_plain=$(zcat "$work/payload1" | sha1sum | cut -d ' ' -f 1)
cat >"$work/descriptor.xml" <<EOF
<vib version="5.0"><type>bootbank</type><name>bench</name><version>1.0.0-1</version>
<vendor>bench</vendor><summary>bench</summary><description>bench</description>
<release-date>$(date -u +%Y-%m-%dT%H:%M:%S.000000+00:00)</release-date><urls/>
<relationships><depends/><conflicts/><replaces/><provides/><compatibleWith/></relationships>
<software-tags/><system-requires><maintenance-mode>false</maintenance-mode></system-requires>
<file-list>$files</file-list><acceptance-level>community</acceptance-level>
<live-install-allowed>true</live-install-allowed><live-remove-allowed>true</live-remove-allowed>
<cimom-restart>false</cimom-restart><stateless-ready>true</stateless-ready><overlay>false</overlay>
<payloads><payload name="payload1" type="tgz" size="$size">
<checksum checksum-type="sha-256" verify-process="gunzip">$sha256_plain</checksum>
<checksum checksum-type="sha-256">$sha256</checksum>
<checksum checksum-type="sha-1" verify-process="gunzip">$sha1_plain</checksum>
</payload></payloads></vib>
EOF
: >"$work/sig.pkcs7"
cd "$work"
rm -f "$out"
ar qcD "$out" descriptor.xml sig.pkcs7 payload1 2>/dev/null
