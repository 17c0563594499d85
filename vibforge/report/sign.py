"""How signing and the lab CA look, for people and for programs."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from vibforge.errors import escaped, shell_line
from vibforge.packages.sign import Signed, ToSign
from vibforge.packages.sign_files import SignedFiles
from vibforge.report.paint import Paint
from vibforge.report.plain import plain
from vibforge.report.units import utc
from vibforge.report.verify import judgement_lines
from vibforge.signing.expiry import Expiry
from vibforge.signing.judging import claim
from vibforge.signing.pki import Issued
from vibforge.signing.stated_time import SigningTime, TimeSource

_SOURCES = {
    TimeSource.NAMED: "as named",
    TimeSource.RELEASE_DATE: "the VIB's release date",
    TimeSource.CERTIFICATE: "the certificate's first moment: the VIB is older than the certificate",
}


def signed_text(result: SignedFiles, paint: Paint) -> str:
    """Show what was signed: one VIB with all that its signatures are worth, or a line for each."""
    if len(result.vibs) == 1 and result.found[0][1].bundle is None:
        lines = _vib_lines(result.vibs[0], paint)
    else:
        lines = list(_set_lines(result, paint))
    return "\n".join([*lines, *expiry_lines(result.expiring, paint)])


def _vib_lines(signed: Signed, paint: Paint) -> list[str]:
    level = signed.judgement.level
    lines = [
        paint(f"{signed.vib_id} is signed", "strong"),
        f"  VIB          {escaped(str(signed.path))}",
        f"  level        {level.esxcli_name}",
        f"  signing time {time_text(signed.stated)}",
        "",
        *judgement_lines(signed.judgement, paint),
    ]
    if not level.needs_signature:
        lines.append(paint("  ! ", "warn") + "No host looks at the signature of a community VIB.")
    return lines


def _set_lines(result: SignedFiles, paint: Paint) -> Iterator[str]:
    """Yield the signer, then each file with its VIBs."""
    if not result.found:
        yield "No file was signed."
        return
    certificate = result.vibs[0].judgement.blocks[-1].check.certificate if result.vibs else None
    count = len(result.found)
    files = "1 file is" if count == 1 else f"{count} files are"
    yield paint(f"{files} signed", "strong") + (
        f" by {plain(certificate.subject)}" if certificate else ""
    )
    for _path, file in result.found:
        yield f"  {escaped(str(file.path))}"
        if file.bundle:
            yield f"    SHA-256 {file.bundle.sha256}"
        for signed in file.vibs:
            yield from _set_vib_lines(signed, paint)


def _set_vib_lines(signed: Signed, paint: Paint) -> Iterator[str]:
    level = signed.judgement.level.esxcli_name
    yield f"    {plain(signed.vib_id)}, {level}, {utc(signed.signing_time)}"
    claimed = claim(signed.judgement)
    if claimed.held is False:
        yield from (paint("    ! ", "warn") + f"{plain(reason)}." for reason in claimed.reasons)


def expiry_lines(expiring: Iterable[Expiry], paint: Paint) -> Iterator[str]:
    """Yield a warning for each certificate that has expired, or soon will."""
    for each in expiring:
        text = plain(str(each))
        yield paint("  ! ", "warn") + f"{text[0].upper()}{text[1:]}."


def time_text(stated: SigningTime) -> str:
    """Show a signing time and where it comes from."""
    return f"{utc(stated.moment)}, {_SOURCES[stated.source]}"


def to_sign_text(request: ToSign, files: tuple[Path, ...]) -> str:
    """Show what a service elsewhere shall sign."""
    time = utc(request.signing_time)
    back = f"--cert CERT.pem --signature-in SIGNATURE --signing-time {time}"
    return "\n".join(
        [
            f"To be signed elsewhere: {request.signable.vib.descriptor.vib_id}",
            f"  signing time {time_text(request.stated)}",
            f"  SHA-256      {request.digest.hex()}",
            *(f"  written      {escaped(str(name))}" for name in files),
            "",
            "Sign the digest with PKCS#1 v1.5 or ECDSA, then give the signature back with",
            f"  {shell_line('vibforge', 'sign', request.signable.path)} {back}",
        ]
    )


def issued_text(issued: Issued) -> str:
    """Show a signer that was issued."""
    return "\n".join(
        [
            f"{issued.certificate.subject.rfc4514_string()} signs {issued.wanted.level} VIBs:",
            "  vibforge sign FILE.vib "
            + shell_line("--key", issued.key_path, "--cert", issued.certificate_path),
            f"  valid until {utc(issued.certificate.not_valid_after_utc)}",
        ]
    )
