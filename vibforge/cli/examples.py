"""Examples that `--help` shows, by command; a test parses each of them."""

from vibforge.esxi.messages import UNTRUSTED

EXAMPLES = {
    "init": """\
vibforge init my-trx
vibforge init agent --template init-script""",
    "build": """\
vibforge build my-trx
vibforge build my-trx --dry-run
vibforge build my-trx --version 1.2.0-1 --bundle -o out""",
    "bump": """\
vibforge bump my-trx
vibforge bump my-trx --part minor
vibforge bump my-trx --version v2.0.0""",
    "lint": """\
vibforge lint my-trx
vibforge lint dist/*.vib --as sarif >lint.sarif""",
    "plan": """\
vibforge plan acme.vib
vibforge plan acme.vib --host facts.json
vibforge plan acme.vib --esxi 8.0U3 --to 9.0""",
    "explain": f"""\
vibforge explain VF218
vibforge explain "{UNTRUSTED.words}"
vibforge explain esxupdate.log""",
    "host-facts": """\
vibforge host-facts >host-facts.sh
ssh root@HOST sh -s <host-facts.sh >facts.json
ssh root@HOST sh -s trx-conf /etc/ntp.conf <host-facts.sh >facts.json""",
    "host-check": """\
vibforge host-check facts.json
vibforge host-check facts.json --vib dist/build.json --limit g8271-4
vibforge host-check facts.json --vib acme.vib --trx-log log.json""",
    "inspect": """\
vibforge inspect acme.vib
vibforge inspect acme.vib --cat etc/vmware/trx.conf""",
    "diff": """\
vibforge diff acme-1.vib acme-2.vib
vibforge diff acme-1.vib project --format markdown
vibforge diff trx.conf.old trx.conf""",
    "repro": """\
vibforge repro my-trx
vibforge repro my-trx --python py3.14/bin/python --against published.vib
vibforge repro my-trx --vary time-zone --vary locale""",
    "verify": """\
vibforge verify acme.vib fleet.zip
vibforge verify acme.vib --trust host-certs
vibforge verify acme.vib --trust host-certs --require-level partner""",
    "extract": """\
vibforge extract acme.vib -C out
vibforge extract acme.vib etc/vmware/trx.conf -C out
vibforge extract acme.vib --stage -C project""",
    "sign": """\
vibforge sign acme.vib --key me.key --cert me.pem
vibforge sign acme.vib --digest-out digest.bin
vibforge sign acme.vib --cert me.pem --signature-in me.sig""",
    "pki init": "vibforge pki init ca",
    "pki issue": "vibforge pki issue ca me --acceptance-level partner",
    "pki revoke": "vibforge pki revoke ca me",
    "pki export": "vibforge pki export ca -o store",
    "bundle create": """\
vibforge bundle create dist/*.vib -o fleet.zip
vibforge bundle create acme.vib -o fleet.zip --vendor-code ABC --platform 8.0""",
    "bundle inspect": "vibforge bundle inspect fleet.zip",
    "bundle verify": """\
vibforge bundle verify fleet.zip --for component
vibforge bundle verify fleet.zip --trust host-certs --require-signed""",
    "bundle lint": "vibforge bundle lint fleet.zip",
    "bundle add": "vibforge bundle add fleet.zip new.vib -o fleet-2.zip",
    "bundle remove": "vibforge bundle remove fleet.zip 'acme-old*' -o fleet-2.zip",
    "bundle split": "vibforge bundle split fleet.zip -C parts",
    "bundle merge": "vibforge bundle merge a.zip b.zip -o fleet.zip",
    "bundle modernise": "vibforge bundle modernise old.zip -o new.zip",
    "bundle unpack": "vibforge bundle unpack fleet.zip -C depot",
    "bundle serve": "vibforge bundle serve fleet.zip --bind 0.0.0.0 --https",
    "trx check": """\
vibforge trx check trx.conf
echo 'ptp4l:delay_mechanism P2P' | vibforge trx check -""",
    "evidence sbom": """\
vibforge evidence sbom acme.vib -o acme.cdx.json
vibforge evidence sbom acme-bundle.zip --as spdx -o acme.spdx.json""",
    "evidence attest": """\
vibforge evidence attest dist --key me.key --cert me.pem -o acme.intoto.jsonl
vibforge evidence attest dist --cert me.pem --pae-out acme.pae
vibforge evidence attest dist --cert me.pem --signature-in acme.sig -o acme.intoto.jsonl""",
    "evidence change-record": """\
vibforge evidence change-record dist -o record --purpose 'PTP for the trading hosts'
vibforge evidence change-record acme.vib -o record --previous old.vib --host facts.json
vibforge evidence change-record dist -o record --rehearsal rehearsal.json --date 2026-12-01""",
    "trx new": "vibforge trx new --profile default-p2p --domain 24 -o trx.conf",
    "trx profiles": "vibforge trx profiles",
    "trx options": "vibforge trx options delay mechanism",
    "trx show": """\
vibforge trx show trx.conf
vibforge trx show trx.conf --as ptp4l.conf""",
    "trx import": """\
vibforge trx import ptp4l.conf -o trx.conf
vibforge trx import ptp.yaml --as ptpconfig -o trx.conf""",
    "trx export": "vibforge trx export trx.conf --as ptpconfig -o ptp.yaml",
    "trx host": "vibforge trx host --nic 8086:1592",
    "trx fingerprint": "vibforge trx fingerprint ptp4l",
    "trx rehearse": """\
vibforge trx rehearse trx.conf --gm-profile g8275-1
vibforge trx rehearse trx.conf --pcap heard.pcap --html report.html""",
    "trx sniff": """\
vibforge trx sniff heard.pcap
vibforge trx sniff --interface eth0""",
    "trx log": """\
vibforge trx log /var/run/log/trx.log
vibforge trx log esx-host7.tgz --limit g8271-4 --reference-error 100ns
vibforge trx log ptp4l.log --follow --prometheus clock.prom""",
    "schema": """\
vibforge schema >recipe.schema.json
vibforge schema lint""",
    "make": "VIBFORGE_MAKE_PROJECT=my-trx VIBFORGE_MAKE_OUT=dist vibforge make package",
}
