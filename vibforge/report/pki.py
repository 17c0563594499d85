"""How the lab CA looks, for people and for programs."""

from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from vibforge.errors import shell_line
from vibforge.operations.pki import WARNING, Issued
from vibforge.report.units import utc


def made_json(command: str, folder: Path) -> dict[str, Any]:
    """Return the facts that all of `pki` tell."""
    return {"format": f"vibforge/pki-{command}/1", "folder": str(folder), "warning": WARNING}


def exported_json(folder: Path, files: tuple[Path, ...]) -> dict[str, Any]:
    """Return the facts of `pki export`."""
    return {**made_json("export", folder), "outputs": [one.name for one in files]}


def issued_json(issued: Issued) -> dict[str, Any]:
    """Return the facts of `pki issue`."""
    return {
        **made_json("issue", issued.certificate_path.parent),
        "outputs": [issued.certificate_path.name, issued.key_path.name],
        "acceptance_level": issued.wanted.level.value,
        "certificate": _certificate_json(issued.certificate),
    }


def revoked_json(folder: Path, certificate: x509.Certificate) -> dict[str, Any]:
    """Return the facts of `pki revoke`."""
    return {**made_json("revoke", folder), "certificate": _certificate_json(certificate)}


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


def _certificate_json(certificate: x509.Certificate) -> dict[str, Any]:
    return {
        "subject": certificate.subject.rfc4514_string(),
        "serial_number": f"{certificate.serial_number:x}",
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
        "not_before": utc(certificate.not_valid_before_utc),
        "not_after": utc(certificate.not_valid_after_utc),
    }
