"""Whether a stock host trusts a vendor's signer who is known by a fingerprint."""

from msgspec.structs import replace

from vibforge.esxi.known_signers import is_trusted_by
from vibforge.esxi.release import Release
from vibforge.esxi.table import row_of
from vibforge.host.package import Package
from vibforge.vib.signature import Signature


def seen_by(release: Release, package: Package) -> Package:
    """Return a VIB with what its signature is worth to a stock host of a release.

    6.5 and 6.7.0 read the first block of a signature alone; later releases try each.
    """
    if package.signature is not Signature.UNKNOWN or not package.known_signers:
        return package
    blocks = package.known_signers[:1] if row_of(release).tried else package.known_signers
    trusted = [is_trusted_by(release, signer, package.level) for signer in blocks]
    if any(trusted):
        return replace(package, signature=Signature.TRUSTED, is_signer_inferred=True)
    if all(verdict is False for verdict in trusted):
        return replace(package, signature=Signature.UNTRUSTED)
    return package
