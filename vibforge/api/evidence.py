"""Evidence about packages: SBOMs and provenance."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vibforge.api.arguments import (
    aware,
    optional_path,
    path_of,
    paths_of,
    policy_of,
    targets_of,
    typed_errors,
)
from vibforge.errors import ModelError
from vibforge.evidence import attestation_checking, attesting, sbom
from vibforge.evidence import change_record as record_making
from vibforge.files import inputs, publication
from vibforge.host import facts, host_state
from vibforge.packages import sign as packages_sign
from vibforge.signing import key_source
from vibforge.signing import passphrase as signing_passphrase
from vibforge.vib import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from vibforge.evidence.attesting import Attested, ToAttest
    from vibforge.evidence.change_record import ChangeRecord, Moment
    from vibforge.evidence.sbom import Sbom
    from vibforge.signing.signer import Signer
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
def attest(  # noqa: PLR0913 - each one is a thing that a caller decides
    build: str | Path,
    output: str | Path | None = None,
    *,
    key: str = "",
    certificates: str | Path | Iterable[str | Path] = (),
    passphrase: Callable[[], bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    signature: str | Path | None = None,
    signer: Signer | None = None,
    builder: str = "",
    source: str | Path | None = None,
) -> Attested:
    """Attest how a VIB was built: an in-toto statement with SLSA v1 provenance, signed as DSSE.

    What it states comes from the build.json beside the VIB. The VIB may have been signed since.

    Args:
        build: the folder that `build` wrote, its build.json, or the VIB in it.
        output: the file to write; None to write none, the bytes are in `envelope` of the result.
        key: the certificate's key: a PEM or PKCS#12 file, `env:NAME` for PEM in the environment, or
            a `pkcs11:` URI.
        certificates: files with the certificate and its chain.
        passphrase: called if the key is encrypted or lies in a token; returns the passphrase or
            PIN.
        environment: the variables for `env:NAME` and PKCS11_MODULE_PATH; those of the process if
            None.
        signature: a signature that was made elsewhere, see `to_attest`; instead of `key`.
        signer: a key that `open_signer` opened; instead of `key`.
        builder: URI of the builder, such as the address of the pipeline.
        source: the folder of the project, to state its git commit, from which no file may differ.

    Raises:
        FormatError: there is no build.json, it is about another VIB, or the VIB is damaged.
        SigningError: the key or certificate cannot sign, or a payload was changed.
        ModelError: the key's name is not a name, `builder` is not a URI, or `source` is not what a
            commit has.
        OutputError: the file cannot be written.

    Examples:
        >>> from vibforge import Attested, attest, build, verify
        >>> made = build("my-trx", "dist")
        >>> signed = {"key": "me.key", "certificates": "me.pem"}
        >>> attested: Attested = attest("dist", "dist/acme.intoto.jsonl", **signed)
        >>> verify(made.vib_path, trust="root.pem", attestation="dist/acme.intoto.jsonl").good
        True
        >>> verify("acme.vib", trust="root.pem", attestation="dist/acme.intoto.jsonl").good
        False
    """
    if signer is None:
        signer = packages_sign.choose_signer(
            key_source.KeySource(key=key, certificates=_paths(certificates)),
            optional_path(signature),
            passphrase or signing_passphrase.no_passphrase,
            os.environ if environment is None else environment,
        )
    made = attesting.attest(path_of(build), signer, builder, optional_path(source))
    if (file := optional_path(output)) is not None:
        publication.write_file(file, made.envelope)
    return made


@typed_errors
def to_attest(
    build: str | Path,
    output: str | Path | None = None,
    *,
    certificates: str | Path | Iterable[str | Path],
    builder: str = "",
    source: str | Path | None = None,
) -> ToAttest:
    """Return what a service elsewhere shall sign for an attestation.

    The same build, signer and builder give the same bytes again.

    Args:
        build: the folder that `build` wrote, its build.json, or the VIB in it.
        output: a file to write the text to whose SHA-256 shall be signed: DSSE's PAE.
        certificates: files with the signer's certificate first.
        builder: URI of the builder; the same as in `attest`.
        source: the folder of the project; the same as in `attest`.

    Raises:
        FormatError: there is no build.json, it is about another VIB, or the VIB is damaged.
        SigningError: the certificate cannot sign, or a payload was changed.
        ModelError: `builder` is not a URI, or `source` is not what a commit has.
        OutputError: the file cannot be written.

    Examples:
        >>> from vibforge import ToAttest, build, to_attest
        >>> made = build("my-trx", "dist")
        >>> request: ToAttest = to_attest("dist", "text.pae", certificates="me.pem")
        >>> request.text[:39]
        b'DSSEv1 28 application/vnd.in-toto+json '
    """
    request = attesting.to_attest(
        path_of(build), _paths(certificates), builder, optional_path(source)
    )
    if (file := optional_path(output)) is not None:
        publication.write_file(file, request.text)
    return request


def _paths(certificates: str | Path | Iterable[str | Path]) -> tuple[Path, ...]:
    return paths_of(certificates) if certificates else ()


@typed_errors
def change_record(  # noqa: PLR0913 - each one is a thing that a caller decides
    package: str | Path,
    *,
    previous: str | Path | None = None,
    rehearsal: str | Path | None = None,
    clock_logs: Iterable[str | Path] = (),
    attestation: str | Path | None = None,
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
        attestation: the attestation of its build, see `attest`; needs `trust`.
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
        ModelError: the rehearsal is of another trx.conf than the package has, there is an
            attestation and nobody to trust, the facts of the host are malformed, or
            SOURCE_DATE_EPOCH is no number of seconds.
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
    facts_file, claim, policy = optional_path(host), optional_path(attestation), policy_of(trust)
    if claim is not None:
        attestation_checking.require_trust(claim, policy)
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
            attestation=claim,
            host=facts.read_facts(told, str(host)) if facts_file is not None else None,
            state=host_state.read_state(told, str(host)) if facts_file is not None else None,
            targets=targets_of(esxi),
            policy=policy,
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
