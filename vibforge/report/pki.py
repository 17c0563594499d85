"""How the lab CA looks, for people and for programs."""

from vibforge.errors import shell_line
from vibforge.operations.pki import Issued
from vibforge.report.units import utc


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
