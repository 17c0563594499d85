"""What a change record says, section by section, and the folder that it is written into."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from vibforge import __version__
from vibforge.comparison.differences import Comparison
from vibforge.errors import escaped
from vibforge.esxi.controls import Control
from vibforge.esxi.release import Certainty
from vibforge.esxi.traces import CODE_RULE, DESCRIPTOR_RULE, Detection
from vibforge.evidence.assessment import ControlFinding, RiskGrade, Standing, level_words
from vibforge.evidence.change_record import ChangeRecord, CheckedAttestation, RecordedVib
from vibforge.evidence.results import Attachment
from vibforge.evidence.steps import ActTraces, HostVerdict
from vibforge.host.prediction import Branch, Prediction
from vibforge.packages.verification import Outcome
from vibforge.project.ledger import Record
from vibforge.report.diff import diff_lines, merged
from vibforge.report.diff import summary as diff_summary
from vibforge.report.paint import Paint
from vibforge.report.plan import host_state
from vibforge.report.plan_summary import remedy_line, verdict_words
from vibforge.report.sections import (
    Block,
    Bullets,
    Cell,
    Code,
    Facts,
    Heading,
    Lines,
    Marked,
    Paragraph,
    Section,
    Table,
    markdown,
)
from vibforge.report.trx_check import UNSUPPORTED
from vibforge.report.units import mode, nanoseconds, size, utc

SHOWN_FILES = 400
"""Files of a VIB in the table; record.json has all."""
SHOWN_DIFFERENCES = 200
"""Differences in the table; record.json has all."""
_SHOWN_DIFFS = 20
"""Texts whose diff is printed."""
_DIGEST = 16
_SHOWN_FACT = 300
_NO_COLOUR = Paint(on=False)
_GRADES = {RiskGrade.HIGH: "bad", RiskGrade.MEDIUM: "warn", RiskGrade.LOW: "good"}
_STANDINGS = {Standing.KEPT: "good", Standing.NOT_KEPT: "bad", Standing.NOT_KNOWN: "warn"}
_LIMITS = (
    "What hosts do is predicted, and the names of events are from documents: nothing was tried on "
    "your hosts."
)
_OUTCOMES = {
    Outcome.HELD: "good",
    Outcome.WARNING: "warn",
    Outcome.NOT_CHECKED: "warn",
    Outcome.FAILED: "bad",
}
_NOT_NAMED = "No earlier release was named: --previous VIB compares with one."


def title_of(record: ChangeRecord) -> str:
    """Return the title of a record: the package, and its version if it is one VIB."""
    if len(record.vibs) != 1:
        return f"Change record: {record.name}"
    descriptor = record.vibs[0].descriptor
    return f"Change record: {descriptor.name} {descriptor.version}"


def verdict_of(record: ChangeRecord) -> str:
    """Return the verdict in a sentence or two."""
    if record.objections:
        return f"{' '.join(record.objections)} Risk: {record.grade}."
    sure = [each for each in record.verdicts if each.installs]
    open_ = [each for each in record.verdicts if each.may_install and not each.installs]
    words = [
        f"{_names(hosts)} {what}"
        for hosts, what in ((sure, "take the package"), (open_, "may take it or refuse it"))
        if hosts
    ]
    return f"By the steps below, {'; '.join(words)}. Risk: {record.grade}."


def _names(hosts: Sequence[HostVerdict]) -> str:
    """Name hosts in a sentence."""
    if any(not host.plan.label.startswith("stock") for host in hosts):
        return "hosts like this one"
    releases = [str(host.plan.host.release) for host in hosts]
    return f"stock hosts of {' and '.join(filter(None, (', '.join(releases[:-1]), releases[-1])))}"


def change_record_markdown(record: ChangeRecord, attachments: Sequence[Attachment]) -> str:
    """Return a record as Markdown.

    Args:
        record: the record.
        attachments: all files of the folder but the record itself.
    """
    return markdown(title_of(record), sections_of(record, attachments))


def sections_of(record: ChangeRecord, attachments: Sequence[Attachment]) -> tuple[Section, ...]:
    """Return the sections of a record; the page and the Markdown show the same."""
    return (
        Section("summary", "Summary", tuple(_summary(record))),
        Section("risk", "Risk", tuple(_risk(record))),
        Section("files", "What it puts on the host", tuple(_files(record))),
        Section("difference", "Difference to the last release", tuple(_difference(record))),
        Section("releases", "On which releases", tuple(_releases(record))),
        Section("steps", "Steps", tuple(_steps(record))),
        Section("tests", "Rehearsal and clock logs", tuple(_tests(record))),
        Section("traces", "What the host records, and who raises an alarm", tuple(_traces(record))),
        Section("controls", "Controls and waivers", tuple(_controls(record))),
        Section("back", "Way back", tuple(_back(record))),
        Section("provenance", "Provenance", tuple(_provenance(record))),
        Section("evidence", "Files of this record", tuple(_evidence(attachments))),
        Section("made", "About this record", tuple(_made(record))),
    )


def _summary(record: ChangeRecord) -> Iterator[Block]:
    yield Paragraph(verdict_of(record))
    yield Facts(tuple(_package_facts(record)))
    for vib in record.vibs:
        if len(record.vibs) > 1:
            yield Heading(vib.package.id)
        yield Facts(tuple(_vib_facts(vib)))


def _package_facts(record: ChangeRecord) -> Iterator[tuple[str, Cell]]:
    yield "package", record.name
    yield "kind", "offline bundle" if record.is_bundle else "VIB"
    yield "size", size(record.size)
    yield "SHA-256", record.sha256
    yield "purpose", record.purpose or "[why it is installed, and for whom]"
    yield "risk", Marked(record.grade, _GRADES[record.grade])


def _vib_facts(vib: RecordedVib) -> Iterator[tuple[str, Cell]]:
    descriptor = vib.descriptor
    yield "VIB", vib.package.id
    yield "name", descriptor.name
    yield "version", descriptor.version
    yield "vendor", descriptor.vendor
    yield "what it is", descriptor.summary
    if descriptor.description not in {"", descriptor.summary}:
        yield "what it does", descriptor.description
    yield "acceptance level", vib.package.level.esxcli_name
    yield "signature", _signature(vib)
    yield "released", descriptor.release_date or "not stated"


def _signature(vib: RecordedVib) -> Cell:
    signers = "; ".join(vib.signers)
    if not signers:
        return Marked("unsigned", "bad")
    return f"{vib.package.signature}: {signers}"


def _risk(record: ChangeRecord) -> Iterator[Block]:
    yield Table(
        (("risk", False), ("about", False), ("what", False)),
        tuple((Marked(r.grade, _GRADES[r.grade]), r.about, r.what) for r in record.risks),
    )
    yield Paragraph(
        "high: a protection of the host is switched off or skipped, or evidence is against the "
        "change. medium: something is not known, the service is interrupted, or a program starts "
        "by itself. low: every protection of the host stays as it is."
    )


def _files(record: ChangeRecord) -> Iterator[Block]:
    for vib in record.vibs:
        if len(record.vibs) > 1:
            yield Heading(vib.package.id)
        files = [(path, file) for path, file in vib.files.items() if file.kind != "folder"]
        rows = tuple(
            (
                f"/{path}" + (f" → {file.link}" if file.link else ""),
                file.kind,
                mode(file.mode),
                "root" if file.owner == "0:0" else file.owner,
                size(file.size) if file.digest else "-",
                f"{file.digest.hex()[:_DIGEST]}…" if file.digest else "-",
            )
            for path, file in files[:SHOWN_FILES]
        )
        names = ("path", "kind", "mode", "owner")
        columns = (*((name, False) for name in names), ("size", True), ("SHA-256", False))
        yield Table(columns, rows)
        if len(files) > SHOWN_FILES:
            yield Paragraph(f"and {len(files) - SHOWN_FILES} more files, see record.json.")
        payloads = tuple(vib.payloads.items())[:SHOWN_FILES]
        yield Facts(tuple((f"payload {name}", stored) for name, stored in payloads))
    yield Paragraph("record.json and the SBOMs have the whole digest of each file.")


def _difference(record: ChangeRecord) -> Iterator[Block]:
    found = record.comparison
    if found is None:
        yield Paragraph(_NOT_NAMED)
        return
    yield Paragraph(f"{old_name(found)} → {record.name}: {diff_summary(found)}.")
    if not found.differences:
        return
    columns = tuple((name, False) for name in ("about", "what", "was", "is"))
    differences = tuple(merged(found.differences))
    shown = differences[:SHOWN_DIFFERENCES]
    yield Table(
        columns,
        tuple((f"{d.section} {d.vib}".strip(), d.name, d.old or "-", d.new or "-") for d in shown),
    )
    if len(differences) > SHOWN_DIFFERENCES:
        yield Paragraph(f"and {len(differences) - SHOWN_DIFFERENCES} more, see record.json.")
    for difference in [each for each in shown if each.lines][:_SHOWN_DIFFS]:
        yield Heading(difference.name)
        yield Lines(diff_lines(difference), "diff")


def old_name(found: Comparison) -> str:
    """Return the file name of the last release: its folder is nobody's business."""
    return Path(found.old.label).name


def _releases(record: ChangeRecord) -> Iterator[Block]:
    yield Paragraph(
        "As vibforge plan predicts; no host was asked. How sure each answer is stands in square "
        "brackets: measured, documented, inferred or unknown."
    )
    columns = ("host", "as it is", "by the steps below", "with Secure Boot on")
    yield Table(tuple((name, False) for name in columns), tuple(_verdict_rows(record.verdicts)))
    warnings = dict.fromkeys(
        text
        for verdict in record.verdicts
        for text in (*verdict.plan.hopeless, *verdict.plan.warnings)
    )
    if warnings:
        yield Bullets(tuple(warnings))
    if helps := tuple(_helps(record.verdicts)):
        yield Heading("What helps where the steps do not")
        yield Bullets(helps)


def _verdict_rows(verdicts: Sequence[HostVerdict]) -> Iterator[tuple[Cell, ...]]:
    """Yield a row for the hosts that do the same, as the summary of a plan does."""
    rows: dict[tuple[Cell, ...], list[HostVerdict]] = {}
    for verdict in verdicts:
        asked = verdict.plan.routes[0]
        secure = verdict.with_secure_boot
        cells = (
            _words(asked.branches),
            _words(verdict.with_steps),
            "-" if secure is None else _words(secure),
        )
        rows.setdefault((host_state(verdict.plan), *cells), []).append(verdict)
    for key, hosts in rows.items():
        first = hosts[0].plan
        others = "".join(f", {each.plan.host.release}" for each in hosts[1:])
        yield (f"{first.label}{others} {host_state(first)}", *key[1:])


def _helps(verdicts: Sequence[HostVerdict]) -> Iterator[str]:
    """Yield what helps on hosts that refuse the package in spite of the steps."""
    found: dict[str, list[str]] = {}
    for verdict in verdicts:
        remedies = verdict.plan.remedies
        if not verdict.may_install and remedies and remedies[0].steps:
            name = str(verdict.plan.host.release)
            found.setdefault(remedy_line(remedies[0]), []).append(name)
    for line, names in found.items():
        yield f"{', '.join(names)}: {line}"


def _words(branches: Sequence[Branch[Prediction]]) -> Cell:
    """Return the outcomes in a colour; behind them, what they depend on and how sure they are."""
    outcomes = dict.fromkeys(str(branch.result.outcome) for branch in branches)
    told = list(dict.fromkeys(verdict_words(branch, _NO_COLOUR).strip() for branch in branches))
    more = told[0].removeprefix(next(iter(outcomes))).strip() if len(told) == 1 else ""
    installs = [branch.result.outcome.installs for branch in branches]
    role = "good" if all(installs) else "warn" if any(installs) else "bad"
    return Marked(" or ".join(outcomes), role, more or f"({'; or '.join(told)})")


def _steps(record: ChangeRecord) -> Iterator[Block]:
    steps = record.steps
    yield Lines(steps.commands, "sh")
    needs = [
        ("acceptance level of the host", f"{steps.level.esxcli_name} or lower"),
        ("flags", " ".join(steps.flags) or "none"),
        ("maintenance mode", "required" if steps.needs_maintenance else "not required"),
        ("reboot", "required" if steps.needs_reboot else "only if esxcli asks for it"),
    ]
    yield Facts(tuple(needs))
    if steps.reasons:
        yield Bullets(steps.reasons)
    yield Paragraph("Note the level that the first command prints; the way back restores it.")
    if record.provenance is not None:
        yield Paragraph(
            "The INSTALL.md and install.sh of the build have each step with its checks."
        )


def _tests(record: ChangeRecord) -> Iterator[Block]:
    rehearsal = record.rehearsal
    if rehearsal is not None:
        role = "good" if rehearsal.good else "bad"
        yield Heading("Rehearsal")
        yield Facts(
            (
                ("verdict", Marked(f"{rehearsal.verdict}: {rehearsal.meaning}", role)),
                ("against", rehearsal.against),
                ("linuxptp", rehearsal.linuxptp_release),
                ("trx.conf, SHA-256", rehearsal.sha256),
                ("limits", rehearsal.limits or "-"),
            )
        )
    elif record.has_trx_conf:
        yield Paragraph("The trx.conf was not rehearsed: --rehearsal FILE takes the result.")
    else:
        yield Paragraph("The package has no trx.conf, so there is nothing to rehearse.")
    for number, log in enumerate(record.clock_logs, start=1):
        yield Heading(f"Clock log {number}")
        role = ("good" if log.good else "bad") if log.verdicts else "warn"
        words = "every limit was kept" if log.good else "not every limit was shown to be kept"
        yield Facts(
            (
                ("verdict", Marked(words if log.verdicts else "no limit was named", role)),
                ("logs, SHA-256", ", ".join(source.sha256 for source in log.sources) or "-"),
            )
        )
        if log.verdicts:
            columns = ("host", "limit", "verdict", "max |TE| with budget")
            yield Table(
                tuple((name, False) for name in columns),
                tuple(
                    (
                        each.host_name,
                        f"{each.limit} ({nanoseconds(each.limit_ns)})",
                        each.verdict,
                        "-" if each.total_ns is None else nanoseconds(each.total_ns),
                    )
                    for each in log.verdicts
                ),
            )
        if log.unproven:
            yield Bullets(log.unproven)
    if not record.clock_logs:
        yield Paragraph("No clock log was given: --clock-log FILE takes the result of one.")


def _traces(record: ChangeRecord) -> Iterator[Block]:
    parts = [each for each in record.traces if each.is_part]
    others = [each for each in record.traces if not each.is_part]
    yield Paragraph(
        "Tell the SOC in advance. The names are from the vendor's documents and were not tried on "
        "a host; ? means that none was found."
    )
    yield Heading("This change and its way back")
    yield _trace_table(parts)
    yield Heading("Detection rules that fire")
    yield _rule_table(parts)
    yield Heading("Rules that look at files")
    columns = ("rule", "publisher", "result", "looks for")
    yield Table(tuple((name, False) for name in columns), tuple(_file_rules(record)))
    yield Heading("What other flags would add")
    yield _trace_table(others)
    yield Heading("Rules that would fire on them")
    yield _rule_table(others)


def _trace_table(acts: Sequence[ActTraces]) -> Table:
    """Return the traces of acts; those that say the same stand in one row."""
    columns = tuple((name, False) for name in ("act", "trace", "name", "what it says", "how sure"))
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for each in acts:
        for trace in each.traces:
            key = (each.act, trace.kind, trace.says, trace.certainty)
            rows.setdefault(key, []).append(trace.name)
    return Table(
        columns,
        tuple(
            (act, kind, Code(", ".join(names)), says, certainty)
            for (act, kind, says, certainty), names in rows.items()
        ),
    )


def _rule_table(acts: Sequence[ActTraces]) -> Table:
    found: dict[Detection, list[str]] = {}
    for each in acts:
        for rule in each.detections:
            found.setdefault(rule, []).append(each.act)
    names = ("rule", "publisher", "fires on", "looks for", "priority", "how sure")
    return Table(
        tuple((name, False) for name in names),
        tuple(
            (
                " ".join(filter(None, (rule.name, rule.id))),
                rule.publisher,
                ", ".join(acts),
                "; ".join(rule.matches),
                "; ".join(filter(None, (rule.priority, rule.technique))) or "-",
                rule.certainty,
            )
            for rule, acts in found.items()
        ),
    )


def _file_rules(record: ChangeRecord) -> Iterator[tuple[Cell, ...]]:
    hunted = [vib.package.id for vib in record.vibs if vib.is_hunted]
    result = Marked(f"fires on {', '.join(hunted)}", "bad") if hunted else "does not fire"
    rule = DESCRIPTOR_RULE
    yield rule.name, rule.publisher, result, "; ".join(rule.matches)
    rule = CODE_RULE
    yield rule.name, rule.publisher, "? not evaluated: run YARA", "; ".join(rule.matches)


def _controls(record: ChangeRecord) -> Iterator[Block]:
    yield Paragraph(
        "Numbers of the STIG for VCF 9 and vSphere 8, of the vendor's Security Configuration Guide "
        "(SCG) for 9.0 and 9.1, and what they map to."
    )
    for finding in record.controls:
        yield Heading(str(finding.subject))
        yield Facts(tuple(_control_facts(finding)))
        if finding.waiver:
            yield Paragraph("Wording of a waiver:")
            yield Lines(tuple(finding.waiver.split("\n")))


def _control_facts(finding: ControlFinding) -> Iterator[tuple[str, Cell]]:
    yield (
        "control",
        Marked(f"{finding.standing} [{finding.certainty}]", _STANDINGS[finding.standing]),
    )
    yield "why", finding.why
    yield "asks", finding.evidence.asks
    yield "numbers", "; ".join(map(_number, finding.controls))
    yield "show it with", Code("; ".join(finding.evidence.commands))
    if finding.observed:
        yield "facts of the host", finding.observed


def _number(control: Control) -> str:
    severity = f" (severity {control.severity})" if control.severity else ""
    doubt = " ?" if control.certainty is Certainty.UNKNOWN else ""
    return f"{control.guide} {control.id}{severity}{doubt}"


def _back(record: ChangeRecord) -> Iterator[Block]:
    built = record.provenance is not None
    yield Paragraph("With the remove.sh of the build, or by hand:" if built else "By hand:")
    yield Lines(record.back.commands, "sh")
    yield Bullets(record.back.requirements)
    if record.back.then:
        yield Paragraph(record.back.then)
    if record.comparison is not None:
        yield Paragraph(
            f"For the release before ({old_name(record.comparison)}), install it afterwards by its "
            "own instructions."
        )


def _provenance(record: ChangeRecord) -> Iterator[Block]:
    if record.attestation is not None:
        yield from _attestation(record.attestation)
    elif record.provenance is None:
        yield Paragraph(
            "Not known: there is no build.json of vibforge beside the package, and no attestation "
            "was given."
        )
    if record.provenance is not None:
        yield from _build_facts(record.provenance)


def _attestation(found: CheckedAttestation) -> Iterator[Block]:
    stated = found.attestation
    yield Heading("Attestation")
    yield Facts(
        (
            ("builder", stated.builder or "not stated"),
            ("build type", stated.build_type or "not stated"),
            ("built", utc(stated.moment) if stated.moment else "not stated"),
        )
    )
    yield Table(
        (("checked", False), ("outcome", False), ("why", False)),
        tuple(
            (fact.statement, Marked(fact.outcome, _OUTCOMES[fact.outcome]), fact.reason or "-")
            for fact in found.facts
        ),
    )


def _build_facts(provenance: Record) -> Iterator[Block]:
    yield Heading("Record of the build")
    facts = provenance.facts
    labels = {
        "vibforge": "built by vibforge",
        "codec": "compressed by",
        "compression_level": "compression",
        "release_date": "release date",
        "release_date_source": "date from",
    }
    pairs: list[tuple[str, Cell]] = [
        (label, str(facts[key])[:_SHOWN_FACT]) for key, label in labels.items() if key in facts
    ]
    pairs += [("signed with", ", ".join(map(str, facts.get("certificates") or ())) or "no key")]
    yield Facts(tuple(pairs))
    yield Paragraph(
        "From the build.json beside the package, whose digest of the package is right. It is not "
        "signed: who can change the folder can change it."
    )


def _evidence(attachments: Sequence[Attachment]) -> Iterator[Block]:
    columns = (("file", False), ("what", False), ("size", True), ("SHA-256", False))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (each.name, each.what, size(len(each.data)), each.sha256) for each in attachments
    )
    yield Table(columns, rows)
    yield Paragraph(
        "SHA256SUMS has the digests of all files of the folder; sha256sum -c checks it."
    )


def _made(record: ChangeRecord) -> Iterator[Block]:
    yield Facts(
        (
            ("made", f"{utc(record.made.at)}, by {record.made.source}"),
            ("with", f"vibforge {__version__}"),
            ("limits", _LIMITS),
        )
    )
    if record.has_trx_conf:
        yield Paragraph(UNSUPPORTED)


def change_record_text(
    record: ChangeRecord, folder: Path, names: Sequence[str], paint: Paint
) -> str:
    """Return what was written, for people.

    Args:
        record: the record.
        folder: the folder that it was written into.
        names: the files in it.
        paint: colours the text.
    """
    role = "bad" if record.objections else _GRADES[record.grade]
    lines = [paint(escaped(title_of(record)), "strong")]
    lines.append(f"  {paint(escaped(verdict_of(record)), role)}")
    lines += [
        f"  {escaped(f'{vib.package.id}: {level_words(vib.package)}')}" for vib in record.vibs
    ]
    broken = [str(each.subject) for each in record.controls if each.waiver]
    lines.append(f"  Waivers needed for: {', '.join(broken) or 'none'}")
    lines.append(f"{escaped(str(folder))}: {', '.join(names)}")
    return "\n".join(lines)
