"""The vendor's signing certificates, known by the SHA-256 of their DER or by their issuer.

Fingerprints are facts read off public, vendor-signed VIBs; the certificates are not shipped. To be
known by name is not to be trusted: only a trust store says whom a host believes.
"""

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Release
from vibforge.esxi.table import row_of

_CERTIFIED = "VMware Certified VIB Signing"
_ACCEPTED = "VMware Accepted VIB Signing"

_KNOWN = (
    (
        "321690a8e06810b184032f073c305a082112bdad5870ef2e8953e01be956d710",
        f"{_CERTIFIED}, RSA 4096, self-signed, 2017 to 2037",
    ),
    (
        "071176e1029e41285a7855ef89cb2589415aa076476fcdf37ba062d4ef1b3ee9",
        f"{_CERTIFIED}, EC P-256, self-signed, 2021 to 2031",
    ),
    (
        "4476e1b3ce65b5a6e8d2dcad62ce539a07e475c32821d20e74476038432fbcf9",
        f"{_ACCEPTED}, RSA 4096, 2019 to 2029",
    ),
    (
        "03f3337b1c70455def7e9f3cb80c2e6c282566c7db4c8e536eb80c3e639cca64",
        f"{_ACCEPTED}, EC P-256, 2022 to 2031",
    ),
    (
        "131cbb0f7f3e9bb2b15455d47d55b1bd6c59e48bde6bc00bb0e0033cf7b5036e",
        f"{_ACCEPTED}, RSA 4096, 2019 to 2022, issued by the old VMware Root CA",
    ),
)

_OLD_ROOT = "issued by the old VMware Root CA"
_TEST_ROOT = "VMware Test Root CA"
_NEWER_SIGNERS = Release(7, 0)
"""The first release line that came out after the newer signers of the level accepted."""


def known_signer(sha256: str, issuer: str = "") -> str:
    """Return what a vendor's certificate is; empty for any other.

    Args:
        sha256: its fingerprint in hex.
        issuer: the name of its issuer in RFC 4514 form; the vendor's root for tests is known by it.
    """
    of_tests = f"a certificate below {_TEST_ROOT}, which no release trusts"
    return dict(_KNOWN).get(sha256, of_tests if _TEST_ROOT in issuer else "")


def is_trusted_by(release: Release, signer: str, level: AcceptanceLevel) -> bool | None:
    """Whether a stock host trusts a known signer at a level; None where nobody here can tell.

    6.5.0 and 6.7.0 trust the signers of the level accepted below the old root, although their
    certificates have expired, and not those that followed (tried on both). They know no signer with
    an elliptic curve. Vendor VIBs built for later releases are signed by the newer ones.
    """
    name = {AcceptanceLevel.CERTIFIED: _CERTIFIED, AcceptanceLevel.ACCEPTED: _ACCEPTED}.get(level)
    if name is None or not signer.startswith(f"{name}, "):
        return False if _TEST_ROOT in signer else None
    is_old = _OLD_ROOT in signer
    if row_of(release).tried:
        return f"{name}, RSA" in signer and (is_old or level is AcceptanceLevel.CERTIFIED)
    if is_old or f"{name}, RSA" not in signer:
        return None
    return True if level is AcceptanceLevel.CERTIFIED or release >= _NEWER_SIGNERS else None


def is_outdated(known: str) -> bool:
    """Whether a known signer hangs on a root that is expired or meant for tests."""
    return _OLD_ROOT in known or _TEST_ROOT in known
