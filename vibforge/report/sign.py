"""How signing and the lab CA look, for people and for programs."""

from pathlib import Path

from vibforge.errors import escaped, shell_line
from vibforge.packages.sign import Signed, ToSign
from vibforge.report.paint import Paint
from vibforge.report.units import utc
from vibforge.report.verify import judgement_lines
from vibforge.signing.pki import Issued
from vibforge.signing.stated_time import SigningTime, TimeSource

_SOURCES = {
    TimeSource.NAMED: "as named",
    TimeSource.RELEASE_DATE: "the VIB's release date",
    TimeSource.CERTIFICATE: "the certificate's first moment: the VIB is older than the certificate",
}


def signed_text(signed: Signed, paint: Paint) -> str:
    """Show whose signatures a VIB now has, and what they carry."""
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
    return "\n".join(lines)


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
