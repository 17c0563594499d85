"""Certificates that have expired or soon will.

This is a warning and never a verdict: hosts of 6.7 do not check dates, and strict rules check them
at the signing time (signatures.md#what-a-host-accepts). The time comes from the caller, so that
the same input gives the same answer.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import Struct

from vibforge.formats.certificate import Certificate, parse_certificate
from vibforge.signing.host_rules import BlockJudgement
from vibforge.signing.signer import Signer

WARNED_DAYS = 30
"""Days before its end from which a certificate is warned of: time to have a new one issued."""


class Expiry(Struct, frozen=True, kw_only=True):
    """A certificate that has expired, or will within `WARNED_DAYS`."""

    subject: str
    not_after: datetime
    expired: bool

    def __str__(self) -> str:
        day = f"{self.not_after:%Y-%m-%d}"
        if not self.expired:
            return f"the certificate {self.subject} expires on {day}"
        return (
            f"the certificate {self.subject} expired on {day}: hosts of 6.7 accept it, other "
            "releases are not known"
        )


def expiries(certificates: Iterable[Certificate], now: datetime) -> tuple[Expiry, ...]:
    """Return the certificates whose last moment has come, or comes within `WARNED_DAYS`."""
    return tuple(
        Expiry(
            subject=certificate.subject,
            not_after=certificate.not_after,
            expired=certificate.not_after <= now,
        )
        for certificate in certificates
        if certificate.not_after - now <= timedelta(days=WARNED_DAYS)
    )


def signer_expiries(signer: Signer, now: datetime) -> tuple[Expiry, ...]:
    """Return the certificates of a signer and its chain that expire.

    Raises:
        FormatError: a certificate cannot be read.
    """
    der = (certificate.public_bytes(Encoding.DER) for certificate in signer.certificates)
    return expiries(map(parse_certificate, der), now)


def block_expiries(judged: BlockJudgement, now: datetime) -> tuple[Expiry, ...]:
    """Return the certificates of a signature that expire, the signer's first."""
    if judged.chain is not None:
        return expiries((each.parsed for each in judged.chain.certificates), now)
    return expiries(filter(None, [judged.check.certificate]), now)
