"""Private keys in files: PEM (plain or encrypted), DER and PKCS#12."""

import warnings
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from vibforge.errors import SigningError
from vibforge.signing.certificates import belonging_to, read_certificates
from vibforge.signing.derivation import check_derivation
from vibforge.signing.passphrase import Passphrase
from vibforge.signing.signer import chain_of

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_UNREADABLE = (ValueError, UnsupportedAlgorithm, InternalError)
"""What `cryptography` raises over keys; the last where OpenSSL refuses numbers without end."""
_WRONG_SECRET = "the passphrase is wrong, or the file is damaged"  # noqa: S105 - a message


@dataclass(frozen=True, slots=True)
class KeySigner:
    """Signs with a private key that is at hand."""

    key: PrivateKey
    certificates: tuple[x509.Certificate, ...]

    def sign(self, text: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(text, _ecdsa())


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a key file held: the key, and certificates if there were any."""

    key: PrivateKey
    certificates: tuple[x509.Certificate, ...] = ()


def read_key_file(data: bytes, passphrase: Passphrase, where: str) -> KeyFile:
    """Read a key; the passphrase is asked for only if it is encrypted.

    Raises:
        SigningError: there is no key, the passphrase is wrong, or the kind of key is not for VIBs.
    """
    with warnings.catch_warnings():
        # Oddities of encoding that a later release of the library will refuse.
        warnings.simplefilter("ignore")
        return _read(data, passphrase, where)


def _read(data: bytes, passphrase: Passphrase, where: str) -> KeyFile:
    check_derivation(data, where)
    if b"-----BEGIN " in data:
        return KeyFile(_read_pem(data, passphrase, where), read_certificates(data, where))
    if not data.startswith(b"\x30"):
        raise SigningError("there is no key in it: neither PEM nor PKCS#12", where=where)
    return _read_der(data, where) or _read_pkcs12(data, passphrase, where)


def key_signer(found: KeyFile, others: tuple[x509.Certificate, ...], where: str) -> KeySigner:
    """Join a key with its certificate, which may stand anywhere among those given.

    Raises:
        SigningError: no certificate is for this key.
    """
    certificates = (*others, *found.certificates)
    own = belonging_to(certificates, _public_der(found.key))
    if own is None:
        raise SigningError(
            "there is no certificate"
            if not certificates
            else "the key and the certificate do not match: "
            + "; ".join(one.subject.rfc4514_string() for one in certificates),
            where=where,
            remedy="name the certificate that was issued for this key with --cert",
        )
    return KeySigner(found.key, chain_of(own, certificates))


def _ecdsa() -> ec.ECDSA:
    """Sign with the nonce of RFC 6979 where the library can: same input, same bytes."""
    if deterministic_ec():
        return ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    return ec.ECDSA(hashes.SHA256())


def deterministic_ec() -> bool:
    """Whether a signature with an elliptic-curve key has the same bytes each time here.

    OpenSSL offers it since 3.2; `cryptography` tells by refusing.
    """
    try:
        ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    except UnsupportedAlgorithm:
        return False
    return True


def _read_pem(data: bytes, passphrase: Passphrase, where: str) -> PrivateKey:
    try:
        return _checked(_load_pem(data, None), where)
    except TypeError:
        secret = passphrase()
    except _UNREADABLE as error:
        raise SigningError("there is no private key that can be read", where=where) from error
    try:
        return _checked(_load_pem(data, secret), where)
    except _UNREADABLE as error:
        raise SigningError(_WRONG_SECRET, where=where) from error


def _load_pem(data: bytes, secret: bytes | None) -> object:
    # Checking an RSA key takes 45 ms; a wrong one is found when its signature is verified.
    return serialization.load_pem_private_key(data, secret, unsafe_skip_rsa_key_validation=True)


def _read_der(data: bytes, where: str) -> KeyFile | None:
    try:
        loaded = serialization.load_der_private_key(data, None, unsafe_skip_rsa_key_validation=True)
    except (TypeError, *_UNREADABLE):
        return None
    return KeyFile(_checked(loaded, where))


def _read_pkcs12(data: bytes, passphrase: Passphrase, where: str) -> KeyFile:
    try:
        return _from_pkcs12(data, None, where)
    except _UNREADABLE:
        secret = passphrase()
    try:
        return _from_pkcs12(data, secret, where)
    except _UNREADABLE as error:
        raise SigningError(_WRONG_SECRET, where=where) from error


def _from_pkcs12(data: bytes, secret: bytes | None, where: str) -> KeyFile:
    key, certificate, others = pkcs12.load_key_and_certificates(data, secret)
    if key is None:
        raise SigningError("the PKCS#12 file holds no private key", where=where)
    found = [one for one in (certificate, *others) if one is not None]
    return KeyFile(_checked(key, where), tuple(found))


def _checked(key: object, where: str) -> PrivateKey:
    if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return key
    kind = type(key).__name__.removesuffix("PrivateKey")
    raise SigningError(
        f"a {kind} key cannot sign a VIB",
        where=where,
        remedy="use an RSA key of 2048 bits or more, or one on P-256 or P-384",
    )


def _public_der(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
