"""Revocation lists: which certificates an issuer has taken back."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from vibforge.errors import FormatError
from vibforge.formats.certificate import ODDITIES, oddities_passed
from vibforge.trust.link import Link


@dataclass(frozen=True, kw_only=True, slots=True)
class RevocationList:
    """A CRL, valid from `this_update` to `next_update`; None if it states no end."""

    issuer: str
    issuer_der: bytes = field(repr=False)
    this_update: datetime
    next_update: datetime | None
    signature_digest: str
    loaded: x509.CertificateRevocationList = field(repr=False, compare=False)

    def is_of(self, issuer: Link) -> bool:
        """Whether the list bears the name of `issuer`."""
        return self.issuer_der == issuer.subject_der

    def is_signed_by(self, issuer: Link) -> bool:
        """Whether the key of `issuer` made the list."""
        signature, text = self.loaded.signature, self.loaded.tbs_certlist_bytes
        return issuer.has_signed(self.signature_digest, signature, text)

    def names(self, certificate: Link) -> bool:
        """Whether the list takes `certificate` back."""
        number = certificate.says.serial_number
        if number < 0:  # the library looks none of these up
            return any(entry.serial_number == number for entry in self.loaded)
        return self.loaded.get_revoked_certificate_by_serial_number(number) is not None


def read_revocation_list(der: bytes) -> RevocationList:
    """Read a list in DER.

    Raises:
        FormatError: it is no revocation list.
    """
    try:
        with oddities_passed():
            return _read(x509.load_der_x509_crl(der))
    except ODDITIES as error:
        raise FormatError(f"a revocation list cannot be read: {error}") from error


def _read(loaded: x509.CertificateRevocationList) -> RevocationList:
    return RevocationList(
        issuer=loaded.issuer.rfc4514_string(),
        issuer_der=loaded.issuer.public_bytes(),
        this_update=loaded.last_update_utc,
        next_update=loaded.next_update_utc,
        signature_digest=_digest_of(loaded),
        loaded=loaded,
    )


def _digest_of(loaded: x509.CertificateRevocationList) -> str:
    algorithm = loaded.signature_hash_algorithm
    return algorithm.name if algorithm else "none"


def lists_of(issuer: Link, lists: Iterable[RevocationList]) -> list[RevocationList]:
    """Return those of `lists` that bear the name of `issuer`."""
    return [one for one in lists if one.is_of(issuer)]
