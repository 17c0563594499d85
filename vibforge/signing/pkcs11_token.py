"""Keys in a token: a hardware security module, a YubiKey, SoftHSM; reached by PKCS#11.

A key is named by a URI as of RFC 7512: `pkcs11:token=lab;object=signer?module-path=/usr/lib/…so`.
The PIN comes as any passphrase does; `pin-value` in a URI would be an argument, and is refused.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_to_bytes

from cryptography.hazmat.primitives.asymmetric import ec, utils

from vibforge.errors import SigningError
from vibforge.signing.certificates import read_certificates
from vibforge.signing.signer import chain_of, public_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509

    from vibforge.signing.passphrase import Passphrase

SCHEME = "pkcs11:"
"""What a key's name starts with that lies in a token."""

_PATH_KEYS = frozenset({"token", "serial", "object", "id", "type"})
_QUERY_KEYS = frozenset({"module-path"})


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyUri:
    """Which key of which token, by what library; empty parts do not narrow the search."""

    module_path: str
    token: str = ""
    serial: str = ""
    label: str = ""
    key_id: bytes = b""

    @property
    def shown(self) -> str:
        """The key's name for messages."""
        named = {"token": self.token, "serial": self.serial, "object": self.label}
        parts = [f"{name}={value}" for name, value in named.items() if value]
        parts += [f"id={self.key_id.hex()}"] if self.key_id else []
        return SCHEME + ";".join(parts)

    @classmethod
    def parse(cls, text: str, default_module: str = "") -> KeyUri:
        """Read a URI.

        Raises:
            SigningError: it is none, holds the PIN, or names no library.
        """
        path, _, query = text.removeprefix(SCHEME).partition("?")
        given = {**_parts(path, ";", _PATH_KEYS), **_parts(query, "&", _QUERY_KEYS)}
        module = unquote(given.get("module-path", "")) or default_module
        if not module:
            raise SigningError(
                "the PKCS#11 library is not named",
                where=text,
                remedy="add ?module-path=/path/to/library.so, or set PKCS11_MODULE_PATH",
            )
        return cls(
            module_path=module,
            token=unquote(given.get("token", "")),
            serial=unquote(given.get("serial", "")),
            label=unquote(given.get("object", "")),
            key_id=unquote_to_bytes(given.get("id", "")),
        )


@dataclass(frozen=True, slots=True)
class TokenSigner:
    """Signs with a key that never leaves its token; each signature logs in once."""

    uri: KeyUri
    passphrase: Passphrase
    certificates: tuple[x509.Certificate, ...]

    def sign(self, text: bytes) -> bytes:
        from pkcs11 import Mechanism  # noqa: PLC0415 - only with a token

        with _open(self.uri, self.passphrase) as session:
            key = _private_key(session, self.uri)
            if isinstance(public_key(self.certificates[0]), ec.EllipticCurvePublicKey):
                raw = key.sign(hashlib.sha256(text).digest(), mechanism=Mechanism.ECDSA)
                half = len(raw) // 2
                first, second = int.from_bytes(raw[:half]), int.from_bytes(raw[half:])
                return utils.encode_dss_signature(first, second)
            return bytes(key.sign(text, mechanism=Mechanism.SHA256_RSA_PKCS))


def token_signer(
    uri: KeyUri, passphrase: Passphrase, others: tuple[x509.Certificate, ...]
) -> TokenSigner:
    """Join a key of a token with its certificate: one of `others`, else the token's own.

    Raises:
        SigningError: no library, token, key or certificate, or a wrong PIN.
    """
    if others:
        # The signature is verified with it afterwards, so that a wrong one cannot pass.
        return TokenSigner(uri, passphrase, chain_of(others[0], others))
    stored = _stored_certificates(uri)
    if not stored:
        raise SigningError(
            "the token holds no certificate of that name",
            remedy="name the certificate that was issued for this key with --cert",
        )
    return TokenSigner(uri, passphrase, chain_of(stored[0], stored))


def _parts(text: str, separator: str, known: frozenset[str]) -> dict[str, str]:
    found = {}
    for part in filter(None, text.split(separator)):
        name, _, value = part.partition("=")
        if name == "pin-value":
            raise SigningError(
                "a PIN does not belong into a URI, where others can see it",
                remedy="use --passphrase-file, --passphrase-fd or --passphrase-env",
            )
        if name not in known:
            raise SigningError(
                f"a PKCS#11 URI with {name!r} is not understood",
                remedy=f"use {', '.join(sorted(known))}",
            )
        found[name] = value
    return found


@contextmanager
def _explained(uri: KeyUri) -> Iterator[None]:
    """Turn what the library and the token say into a `SigningError`."""
    try:
        from pkcs11 import exceptions  # noqa: PLC0415 - only with a token
    except ImportError as error:
        raise SigningError(
            "keys in tokens need the package python-pkcs11",
            remedy="pip install 'vibforge[pkcs11]'",
        ) from error
    sayings: dict[type[Exception], str] = {
        exceptions.PinIncorrect: "the PIN is wrong; tokens lock after a few wrong ones",
        exceptions.PinLocked: "the PIN is locked",
        exceptions.PinLenRange: "the PIN is wrong; tokens lock after a few wrong ones",
        exceptions.PKCS11Error: "the PKCS#11 library cannot be used",
        exceptions.NoSuchToken: "there is no such token",
        exceptions.NoSuchKey: "the token holds no private key of that name",
        exceptions.MultipleObjectsReturned: "several keys have that name; add id= to the URI",
        exceptions.MultipleTokensReturned: "several tokens are plugged in; add token= to the URI",
    }
    try:
        yield
    except exceptions.PKCS11Error as error:
        refused = f"the token refuses: {type(error).__name__} {error}".rstrip()
        what = sayings.get(type(error), refused)
        raise SigningError(what, where=uri.shown) from error
    except (RuntimeError, OSError) as error:
        raise SigningError(
            f"the PKCS#11 library cannot be used: {error}", where=uri.module_path
        ) from error


@contextmanager
def _open(uri: KeyUri, passphrase: Passphrase | None) -> Iterator[Any]:
    with _explained(uri):
        import pkcs11  # noqa: PLC0415 - only with a token

        token = pkcs11.lib(uri.module_path).get_token(
            token_label=uri.token or None, token_serial=uri.serial.encode() or None
        )
        pin = passphrase().decode("utf-8", "surrogateescape") if passphrase else None
        with token.open(user_pin=pin) as session:
            yield session


def _private_key(session: Any, uri: KeyUri) -> Any:  # noqa: ANN401 - its classes are untyped
    from pkcs11 import ObjectClass  # noqa: PLC0415 - only with a token

    return session.get_key(
        object_class=ObjectClass.PRIVATE_KEY, label=uri.label or None, id=uri.key_id or None
    )


def _stored_certificates(uri: KeyUri) -> tuple[x509.Certificate, ...]:
    """Return the token's certificates, the one of the key's name first; they are public."""
    with _open(uri, None) as session:
        from pkcs11 import Attribute, ObjectClass  # noqa: PLC0415 - only with a token

        named: list[x509.Certificate] = []
        others: list[x509.Certificate] = []
        for found in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE}):
            same_label = uri.label and found[Attribute.LABEL] == uri.label
            same_id = uri.key_id and found[Attribute.ID] == uri.key_id
            group = named if same_label or same_id else others
            group += read_certificates(bytes(found[Attribute.VALUE]), uri.shown)
        return (*named, *others) if named else ()
