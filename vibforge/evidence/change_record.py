"""The facts of a change record: what a board that approves changes asks about a package."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from vibforge.bundle.opening import OpenBundle
from vibforge.comparison.differences import Comparison, compare_sides
from vibforge.comparison.side import PackedFile, Side, SideKind, VibSide, read_side
from vibforge.errors import FormatError, LimitError, ModelError, is_file
from vibforge.esxi.paths import TRX_CONF
from vibforge.esxi.release import Release
from vibforge.esxi.table import STOCK_TARGETS
from vibforge.esxi.traces import DESCRIPTOR_RULE, is_descriptor_hit
from vibforge.evidence.assessment import (
    AssessedVib,
    Change,
    ControlFinding,
    Risk,
    RiskGrade,
    findings_of,
    risks_of,
)
from vibforge.evidence.attestation_checking import (
    Attestation,
    attestation_facts,
    read_attestation,
)
from vibforge.evidence.results import (
    CLOCK_LOG_LIMIT,
    RESULT_LIMIT,
    Attachment,
    ClockLogResult,
    RehearsalResult,
    read_clock_log,
    read_rehearsal,
)
from vibforge.evidence.sbom import SbomFormat, sbom_of
from vibforge.evidence.steps import (
    ActTraces,
    HostVerdict,
    InstallSteps,
    steps_of,
    traces_of_change,
    verdict_of,
)
from vibforge.files.inputs import read_file
from vibforge.host.host import Host
from vibforge.host.host_state import HostState
from vibforge.host.install_needs import InstallNeeds, Outlook, install_needs, outcomes_of
from vibforge.host.install_needs import outlook as outlook_of
from vibforge.host.package import Package
from vibforge.packages.plan import FilePlan, plan
from vibforge.packages.subjects import opened
from vibforge.packages.verification import Fact, Outcome
from vibforge.project.instruct import WayBack, way_back
from vibforge.project.ledger import (
    FORMAT,
    RECORD_LIMIT,
    RECORD_NAME,
    Record,
    WrittenKind,
    parse_record,
)
from vibforge.project.recorded_vib import recorded_vib
from vibforge.signing.policy import NO_POLICY, TrustPolicy
from vibforge.vib.archive import Vib
from vibforge.vib.descriptor import Descriptor

VIB_LIMIT = 200
"""VIBs of a bundle in one record; the image of a release has about 130."""


class MomentSource(StrEnum):
    """Where the date of a record is from."""

    GIVEN = "--date"
    ENVIRONMENT = "SOURCE_DATE_EPOCH"
    CLOCK = "the clock of the machine that made it"


class Moment(Struct, frozen=True):
    """The date of a record, and where it is from."""

    at: datetime
    source: MomentSource


class CheckedAttestation(Struct, frozen=True, kw_only=True):
    """An attestation, and the facts that were checked."""

    attestation: Attestation
    facts: tuple[Fact, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """Why it does not hold; empty if it does."""
        return tuple(fact.failure for fact in self.facts if fact.outcome is Outcome.FAILED)


class RecordedVib(Struct, frozen=True, kw_only=True):
    """A VIB of the package.

    Attributes:
        package: the VIB as a host sees it.
        needs: what its install requires.
        files: its entries by path, with owner, mode and digest.
        payloads: how each payload is stored.
        signers: who signed it.
        is_hunted: whether the public YARA rule on descriptors fires on it.
    """

    package: Package
    needs: InstallNeeds
    files: dict[str, PackedFile]
    payloads: dict[str, str]
    signers: tuple[str, ...]
    is_hunted: bool

    @property
    def descriptor(self) -> Descriptor:
        return self.package.descriptor


class ChangeRecord(Struct, frozen=True, kw_only=True):
    """All that a change record says.

    Attributes:
        name: the file name of the package.
        is_bundle: whether it is an offline bundle.
        size: its bytes.
        sha256: its SHA-256 in hex.
        purpose: why it is installed and for whom; empty if nobody said.
        made: the date of the record.
        vibs: its VIBs.
        risks: the risks, the gravest first.
        verdicts: what each host does with it.
        steps: the steps that install it.
        traces: what each act leaves in the logs, those of the change first.
        controls: what it does to the controls of hardening guides.
        back: the way back.
        comparison: the differences to the last release; None if none was named.
        rehearsal: the rehearsal of its trx.conf; None if there is none.
        clock_logs: what clock logs say.
        provenance: the build.json of its build; None if there is none.
        attestation: the attestation of its build, checked; None if none was given.
        has_trx_conf: whether it has a trx.conf.
        attachments: the files that go with the record.
    """

    name: str
    is_bundle: bool
    size: int
    sha256: str
    purpose: str
    made: Moment
    vibs: tuple[RecordedVib, ...]
    risks: tuple[Risk, ...]
    verdicts: tuple[HostVerdict, ...]
    steps: InstallSteps
    traces: tuple[ActTraces, ...]
    controls: tuple[ControlFinding, ...]
    back: WayBack
    comparison: Comparison | None
    rehearsal: RehearsalResult | None
    clock_logs: tuple[ClockLogResult, ...]
    provenance: Record | None
    attestation: CheckedAttestation | None
    has_trx_conf: bool
    attachments: tuple[Attachment, ...]

    @property
    def grade(self) -> RiskGrade:
        """The grade of the gravest risk."""
        return self.risks[0].grade

    @property
    def objections(self) -> tuple[str, ...]:
        """Why the evidence speaks against the change; empty if it does not."""
        return tuple(_objections(self))

    @property
    def good(self) -> bool:
        """Whether some host installs the package by the steps, and no evidence is bad."""
        return not self.objections


def _objections(record: ChangeRecord) -> Iterator[str]:
    if not any(verdict.may_install for verdict in record.verdicts):
        yield "No host of this record installs the package, even with the steps."
    if record.rehearsal and not record.rehearsal.good:
        yield f"The rehearsal of the trx.conf does not fit: {record.rehearsal.meaning}."
    if record.attestation and record.attestation.failures:
        yield f"The attestation is not to be trusted: {'; '.join(record.attestation.failures)}."
    if not all(log.good for log in record.clock_logs):
        yield "The clock logs do not show that every limit was kept."


class Question(Struct, frozen=True, kw_only=True):
    """What a record is asked for; `api.change_record` describes the fields."""

    path: Path
    made: Moment
    purpose: str = ""
    previous: Path | None = None
    rehearsal: Path | None = None
    clock_logs: tuple[Path, ...] = ()
    attestation: Path | None = None
    host: Host | None = None
    state: HostState | None = None
    targets: tuple[Release, ...] = STOCK_TARGETS
    policy: TrustPolicy = NO_POLICY
    sboms: bool = True


def change_record(asked: Question) -> ChangeRecord:
    """Collect all that a change record says.

    Raises:
        FormatError: a file cannot be read.
        LimitError: a bundle has too many VIBs, or asks for more work than its size allows.
        ModelError: the rehearsal is of another trx.conf, or there are too many clock logs.
    """
    path = _package_path(asked.path)
    hunted = _hunted(path)
    side = read_side(path)
    if side.kind not in {SideKind.VIB, SideKind.BUNDLE}:
        raise FormatError(
            "neither a VIB nor an offline bundle",
            where=str(path),
            remedy="name a VIB, a bundle, or the build.json or folder of a build",
        )
    planned = _plan(path, asked)
    vibs = _vibs(planned, side, hunted)
    steps = steps_of(planned.candidate, [vib.needs for vib in vibs])
    assessed = [AssessedVib(package=v.package, needs=v.needs, files=v.files) for v in vibs]
    built = _provenance(path, side.sha256)
    confs = {file.digest.hex() for vib in vibs for file in _trx_confs(vib)}
    evidence = _Evidence.read(asked, confs, side.sha256)
    change = Change(
        vib_ids=tuple(vib.package.id for vib in vibs), sha256=side.sha256, purpose=asked.purpose
    )
    return ChangeRecord(
        name=path.name,
        is_bundle=planned.candidate.is_bundle,
        size=path.stat().st_size,
        sha256=side.sha256,
        purpose=asked.purpose,
        made=asked.made,
        vibs=vibs,
        risks=risks_of(assessed, steps, tuple(_more_risks(vibs, evidence, has_conf=bool(confs)))),
        verdicts=tuple(verdict_of(host, planned.candidate, steps) for host in planned.hosts),
        steps=steps,
        traces=traces_of_change(steps),
        controls=findings_of(
            assessed, change, configures_ptp=bool(confs), host=asked.host, state=asked.state
        ),
        back=way_back([vib.descriptor for vib in vibs]),
        comparison=compare_sides(read_side(asked.previous), side) if asked.previous else None,
        rehearsal=evidence.rehearsal,
        clock_logs=evidence.clock_logs,
        provenance=built.record if built else None,
        attestation=evidence.attestation,
        has_trx_conf=bool(confs),
        attachments=(
            *(_sboms(path) if asked.sboms else ()),
            *([built.attachment] if built else ()),
            *evidence.attachments,
        ),
    )


def _sboms(path: Path) -> Iterator[Attachment]:
    for form, name, what in _SBOMS:
        yield Attachment(name=name, data=sbom_of(path, form).data, what=what)


_SBOMS = (
    (SbomFormat.CYCLONEDX, "sbom.cdx.json", "SBOM, CycloneDX 1.6"),
    (SbomFormat.SPDX, "sbom.spdx.json", "SBOM, SPDX 2.3"),
)


def _package_path(path: Path) -> Path:
    """Return the VIB that a folder or build.json of a build describes; other paths unchanged."""
    return recorded_vib(path / RECORD_NAME if path.is_dir() else path)


def _plan(path: Path, asked: Question) -> FilePlan:
    planned = plan([path], host=asked.host, targets=asked.targets, policy=asked.policy)
    if planned.unreadable:
        raise FormatError.from_problems(planned.unreadable[0].problems)
    return planned.files[0]


def _vibs(planned: FilePlan, side: Side, hunted: frozenset[str]) -> tuple[RecordedVib, ...]:
    sides = {vib.id: vib for vib in side.vibs.values()}
    releases = tuple(host.host.release for host in planned.hosts if host.is_known)
    return tuple(
        _recorded(package, sides[package.id], releases, is_hunted=package.id in hunted)
        for package in planned.candidate.packages
    )


def _needs(package: Package, releases: tuple[Release, ...]) -> InstallNeeds:
    """Return what an install requires, as INSTALL.md has it.

    Where that helps on none of the releases, because no flags help on all of them, return what
    helps on those where some flags do.
    """
    light = replace(package, contents=())
    needs = install_needs(light)
    if any(_may_install(outlook) for outlook in outlook_of(package, needs, releases)):
        return needs
    helped = tuple(release for release in releases if install_needs(light, (release,)).flags)
    return install_needs(light, helped) if helped else needs


def _may_install(outlook: Outlook) -> bool:
    return any(outcome.installs for outcome in outcomes_of(outlook.then))


def _recorded(
    package: Package, side: VibSide, releases: tuple[Release, ...], *, is_hunted: bool
) -> RecordedVib:
    return RecordedVib(
        package=package,
        needs=_needs(package, releases),
        files=dict(side.files),
        payloads=dict(side.payloads),
        signers=side.signatures,
        is_hunted=is_hunted,
    )


def _hunted(path: Path) -> frozenset[str]:
    """Return the IDs of the VIBs on whose descriptors the public YARA rule fires.

    Raises:
        FormatError: it is neither a VIB nor a bundle.
        LimitError: there are too many VIBs for one record.
    """
    with opened(path) as subjects:
        found: list[Vib] = [each for each in subjects if isinstance(each, Vib)]
        sources = [s for each in subjects if isinstance(each, OpenBundle) for s in each.sources]
        if len(sources) > VIB_LIMIT:
            raise LimitError(
                f"more than {VIB_LIMIT} VIBs, the limit of a change record",
                where=str(path),
                remedy="split the bundle, or make records of its VIBs",
            )
        found += map(Vib.from_source, sources)
        return frozenset(vib.descriptor.vib_id for vib in found if _is_hit(vib))


def _is_hit(vib: Vib) -> bool:
    descriptor = vib.descriptor
    return is_descriptor_hit(
        vib.descriptor_bytes,
        descriptor.acceptance_level or "",
        descriptor.file_list,
        live_remove_allowed=bool(descriptor.live_remove_allowed),
    )


def _trx_confs(vib: RecordedVib) -> Iterator[PackedFile]:
    return (file for path, file in vib.files.items() if path.endswith(TRX_CONF) and file.digest)


class _Provenance(Struct, frozen=True):
    """The build.json of a build, as read and as it is."""

    record: Record
    data: bytes

    @property
    def attachment(self) -> Attachment:
        return Attachment(name=RECORD_NAME, data=self.data, what="record of the build, unsigned")


def _provenance(path: Path, sha256: str) -> _Provenance | None:
    """Return the build.json beside a file if it describes a build that wrote it."""
    beside = path.parent / RECORD_NAME
    if not is_file(beside):
        return None
    data = read_file(beside, RECORD_LIMIT, FormatError)
    try:
        record = parse_record(data, FORMAT, str(beside))
    except FormatError:  # of something else, or of another version: it says nothing here
        return None
    written = (record.find(kind) for kind in (WrittenKind.VIB, WrittenKind.BUNDLE))
    is_ours = any(file and file.sha256 == sha256 for file in written)
    return _Provenance(record, data) if is_ours else None


class _Evidence(Struct, frozen=True, kw_only=True):
    """What was given beside the package."""

    rehearsal: RehearsalResult | None
    clock_logs: tuple[ClockLogResult, ...]
    attestation: CheckedAttestation | None
    attachments: tuple[Attachment, ...]

    @classmethod
    def read(cls, asked: Question, confs: set[str], sha256: str) -> "_Evidence":
        """Read the rehearsal, which must be of one of these trx.confs, and the other files."""
        attachments: list[Attachment] = []
        rehearsal = None
        if asked.rehearsal is not None:
            rehearsal, copy = read_rehearsal(asked.rehearsal)
            _check_subject(rehearsal, confs, asked.rehearsal)
            attachments.append(copy)
        attestation = None
        if asked.attestation is not None:
            attestation, copy = _checked(asked.attestation, sha256, asked.policy)
            attachments.append(copy)
        if len(asked.clock_logs) > CLOCK_LOG_LIMIT:
            raise ModelError(f"more than {CLOCK_LOG_LIMIT} clock logs")
        logs = [read_clock_log(path, at) for at, path in enumerate(asked.clock_logs, start=1)]
        return cls(
            rehearsal=rehearsal,
            clock_logs=tuple(log for log, _ in logs),
            attestation=attestation,
            attachments=(*attachments, *(copy for _, copy in logs)),
        )


def _checked(path: Path, sha256: str, policy: TrustPolicy) -> tuple[CheckedAttestation, Attachment]:
    """Read an attestation and check it against the digest of the package."""
    data = read_file(path, RESULT_LIMIT, FormatError)
    attestation = read_attestation(path)
    facts = tuple(attestation_facts(attestation, sha256, policy))
    return CheckedAttestation(attestation=attestation, facts=facts), Attachment(
        name="attestation.json", data=data, what="attestation of the build, signed"
    )


def _check_subject(rehearsal: RehearsalResult, confs: set[str], where: Path) -> None:
    """Insist that a rehearsal is of a trx.conf in the package.

    Raises:
        ModelError: it is of another one.
    """
    if rehearsal.sha256 in confs:
        return
    raise ModelError(
        "the rehearsal is of another trx.conf than the package has"
        if confs
        else "a rehearsal for a package without a trx.conf",
        where=str(where),
        remedy="rehearse the trx.conf of the package: vibforge inspect --cat "
        "etc/vmware/trx.conf VIB | vibforge trx rehearse - --json",
    )


def _more_risks(
    vibs: Sequence[RecordedVib], evidence: _Evidence, *, has_conf: bool
) -> Iterator[Risk]:
    for vib in vibs:
        if vib.is_hunted:
            yield Risk(
                grade=RiskGrade.MEDIUM,
                about="detection",
                what=f"The rule {DESCRIPTOR_RULE.name} fires on the descriptor of "
                f"{vib.package.id}.",
            )
    if has_conf:
        yield _rehearsal_risk(evidence.rehearsal)
    if evidence.attestation and evidence.attestation.failures:
        yield Risk(
            grade=RiskGrade.HIGH,
            about="attestation",
            what=f"{'; '.join(evidence.attestation.failures)}.",
        )
    for log in evidence.clock_logs:
        if not log.good:
            yield Risk(
                grade=RiskGrade.HIGH,
                about="clock log",
                what="A limit was exceeded, or the log does not show that it was kept.",
            )


def _rehearsal_risk(rehearsal: RehearsalResult | None) -> Risk:
    if rehearsal is None:
        return Risk(
            grade=RiskGrade.MEDIUM,
            about="trx.conf",
            what="It was not rehearsed, so whether it fits the PTP network is not known.",
        )
    if rehearsal.good:
        return Risk(
            grade=RiskGrade.LOW,
            about="trx.conf",
            what=f"It was rehearsed against {rehearsal.against} with linuxptp "
            f"{rehearsal.linuxptp_release}, and fits.",
        )
    return Risk(
        grade=RiskGrade.HIGH,
        about="trx.conf",
        what=f"Rehearsed against {rehearsal.against}, it does not fit: {rehearsal.meaning}.",
    )
