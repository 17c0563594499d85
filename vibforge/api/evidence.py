"""Evidence about packages: SBOMs and provenance."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vibforge.api.arguments import (
    aware,
    optional_path,
    path_of,
    policy_of,
    targets_of,
    typed_errors,
)
from vibforge.errors import ModelError
from vibforge.evidence import change_record as record_making
from vibforge.evidence import sbom
from vibforge.files import inputs, publication
from vibforge.host import facts, host_state
from vibforge.vib import identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from vibforge.evidence.change_record import ChangeRecord, Moment
    from vibforge.evidence.sbom import Sbom
    from vibforge.signing.store import TrustStore


@typed_errors
def make_sbom(
    package: str | Path, output: str | Path | None = None, *, form: str = "cyclonedx"
) -> Sbom:
    """Describe a VIB or bundle by an SBOM that names every file with its digests.

    The same package gives the same bytes: no clock, no random number, no name of a machine.

    Args:
        package: the VIB or offline bundle.
        output: the file to write; None to write none, the bytes are in `data` of the result.
        form: "cyclonedx" for CycloneDX 1.6, "spdx" for SPDX 2.3, both as JSON.

    Raises:
        ModelError: `form` is neither.
        FormatError: the package is neither a VIB nor a bundle, or cannot be read to its end.
        LimitError: it has more than 10,000 files, or asks for more work than its size allows.
        NotPossibleHereError: the extra `evidence` is not installed.
        OutputError: the file cannot be written.

    Examples:
        >>> import json
        >>> from vibforge import Sbom, make_sbom
        >>> described: Sbom = make_sbom("acme.vib", "acme.cdx.json")
        >>> component = json.loads(described.data)["metadata"]["component"]
        >>> component["name"], component["version"]
        ('acme', '1.0.0-1')
    """
    made = sbom.sbom_of(path_of(package), sbom.format_of(form))
    if (file := optional_path(output)) is not None:
        publication.write_file(file, made.data)
    return made


@typed_errors
def change_record(  # noqa: PLR0913 - each one is a thing that a caller decides
    package: str | Path,
    *,
    previous: str | Path | None = None,
    rehearsal: str | Path | None = None,
    clock_logs: Iterable[str | Path] = (),
    host: str | Path | None = None,
    esxi: str | Iterable[str] = (),
    trust: str | Path | Iterable[str | Path] | TrustStore = (),
    purpose: str = "",
    date: datetime | None = None,
    sboms: bool = True,
    environment: Mapping[str, str] | None = None,
) -> ChangeRecord:
    """Collect what a board that approves changes asks about a package.

    The command of this name writes the result into a folder, as a page, Markdown and JSON. An
    unsigned package is recorded as such; that alone does not make the verdict bad.

    Args:
        package: a VIB, an offline bundle, or the build.json or folder of a build.
        previous: the last release, to compare with.
        rehearsal: what `vibforge trx rehearse --json` printed about the trx.conf in the package.
        clock_logs: what `vibforge trx log --json` printed, up to 20 files.
        host: the facts of a host; if None, predict for stock hosts.
        esxi: the releases of the stock hosts: `8.0U3`; 6.5 to 9.0 if none is named.
        trust: whom the hosts trust: a folder of certificates, PEM files, or `read_store`.
        purpose: why it is installed, and for whom.
        date: the date of the record, UTC unless it has a time zone; if None, SOURCE_DATE_EPOCH,
            or else the present.
        sboms: whether to make SBOMs, which need the extra `evidence`.
        environment: the variables for SOURCE_DATE_EPOCH; those of the process if None.

    Raises:
        FormatError: a file cannot be read.
        ModelError: the rehearsal is of another trx.conf than the package has, the facts of the host
            are malformed, or SOURCE_DATE_EPOCH is no number of seconds.
        LimitError: a file asks for more work than its size allows.
        NotPossibleHereError: SBOMs are to be made, and the extra `evidence` is not installed.

    Examples:
        >>> from vibforge import ChangeRecord, change_record
        >>> record: ChangeRecord = change_record("acme.vib", purpose="PTP for the lab", sboms=False)
        >>> record.good, str(record.grade)
        (True, 'high')
        >>> [str(each.subject) for each in record.controls if each.waiver][:2]
        ['acceptance level', 'Secure Boot']
        >>> record.back.commands[0]
        'esxcli software vib remove -n acme'
    """
    facts_file = optional_path(host)
    told = (
        inputs.read_file(facts_file, facts.SIZE_LIMIT, ModelError)
        if facts_file is not None
        else b""
    )
    return record_making.change_record(
        record_making.Question(
            path=path_of(package),
            made=_moment_of(date, os.environ if environment is None else environment),
            purpose=purpose,
            previous=optional_path(previous),
            rehearsal=optional_path(rehearsal),
            clock_logs=tuple(map(path_of, clock_logs)),
            host=facts.read_facts(told, str(host)) if facts_file is not None else None,
            state=host_state.read_state(told, str(host)) if facts_file is not None else None,
            targets=targets_of(esxi),
            policy=policy_of(trust),
            sboms=sboms,
        )
    )


def _moment_of(date: datetime | None, environment: Mapping[str, str]) -> Moment:
    """Return the date of a record, and where it is from.

    Raises:
        ModelError: SOURCE_DATE_EPOCH is no number of seconds.
    """
    source = record_making.MomentSource
    if (given := aware(date)) is not None:
        return record_making.Moment(given, source.GIVEN)
    if text := environment.get("SOURCE_DATE_EPOCH"):
        try:
            seconds = identity.ReleaseDate.parse(text).epoch
        except ModelError as error:
            raise ModelError(
                f"SOURCE_DATE_EPOCH is {text!r}", remedy="set it to seconds since 1970, or unset it"
            ) from error
        return record_making.Moment(datetime.fromtimestamp(seconds, UTC), source.ENVIRONMENT)
    return record_making.Moment(datetime.now(UTC).replace(microsecond=0), source.CLOCK)
