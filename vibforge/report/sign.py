"""How signing looks, for people and for programs."""

from pathlib import Path
from typing import Any

from vibforge.errors import escaped, shell_line
from vibforge.operations.sign import Signed
from vibforge.operations.sign_elsewhere import ToSign
from vibforge.report.paint import Paint
from vibforge.report.trust import judgement_json, judgement_lines
from vibforge.report.units import utc
from vibforge.signing.making import SigningTime, TimeSource

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


def signed_json(signed: Signed) -> dict[str, Any]:
    """Return the facts of `sign --json`."""
    return {
        "format": "vibforge/sign/1",
        "vib_id": signed.vib_id,
        "path": str(signed.path),
        "signing_time": utc(signed.signing_time),
        "signing_time_source": signed.stated.source.value,
        "trust": judgement_json(signed.judgement),
    }


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


def to_sign_json(request: ToSign, files: tuple[Path, ...]) -> dict[str, Any]:
    """Return the facts of `sign --digest-out --json`."""
    return {
        "format": "vibforge/sign-request/1",
        "vib_id": request.signable.vib.descriptor.vib_id,
        "path": str(request.signable.path),
        "signing_time": utc(request.signing_time),
        "signing_time_source": request.stated.source.value,
        "sha256": request.digest.hex(),
        "signed_text": request.text.hex(),
        "outputs": [str(name) for name in files],
    }
