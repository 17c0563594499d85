"""How SBOMs and provenance look, for people."""

from pathlib import Path

from vibforge.errors import escaped, shell_line
from vibforge.evidence.attesting import Attested, ToAttest
from vibforge.evidence.sbom import Sbom
from vibforge.report.sign import time_text


def sbom_text(made: Sbom, output: Path) -> str:
    """Show which SBOM was written, and what it names."""
    contents = made.contents
    count = f"{contents.file_count} file" + ("" if contents.file_count == 1 else "s")
    return f"{escaped(str(output))}: {made.format.full_name} of {contents.name}, {count}"


def attested_text(attested: Attested, output: Path) -> str:
    """Show what was attested, and by whom."""
    return "\n".join(
        [
            f"{escaped(str(output))}: SLSA v1 provenance of {escaped(attested.build.vib.name)}",
            f"  SHA-256      {attested.build.sha256}",
            f"  signer       {escaped(attested.certificate.subject.rfc4514_string())}",
            f"  key id       {attested.key_id}",
            f"  time         {time_text(attested.stated)}",
        ]
    )


def to_attest_text(request: ToAttest, output: Path) -> str:
    """Show what a service elsewhere shall sign."""
    again = shell_line("vibforge", "evidence", "attest", request.build.vib)
    return "\n".join(
        [
            f"To be signed elsewhere: the provenance of {escaped(request.build.vib.name)}",
            f"  written      {escaped(str(output))}",
            f"  SHA-256      {request.sha256}",
            "",
            "Sign the SHA-256 with PKCS#1 v1.5 or ECDSA, then give the signature back with",
            f"  {again} --cert CERT.pem --signature-in SIGNATURE",
        ]
    )
