"""Sign with a key in a PKCS#11 token: a hardware security module, a YubiKey, SoftHSM.

An RFC 7512 URI names the key: `pkcs11:token=lab;object=signer?module-path=/usr/lib/…so`. The PIN is
read like any passphrase; `pin-value` in a URI is refused, because arguments are visible to others.

The library of a token is native code that runs in this process. Only the user may choose it: with
an option, in PKCS11_MODULE_PATH, or in a URI on the command line. A recipe may only repeat it.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_to_bytes

from cryptography.hazmat.primitives.asymmetric import ec, utils
from msgspec import Struct

from vibforge.errors import SigningError, shell_line
from vibforge.signing.signer import chain_of, parse_certificates, public_key
from vibforge.vib.identity import TOKEN_SCHEME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509

    from vibforge.signing.passphrase import Passphrase

_PATH_KEYS = frozenset({"token", "serial", "object", "id", "type"})
_QUERY_KEYS = frozenset({"module-path"})


class KeyUri(Struct, frozen=True, kw_only=True):
    """A key of a token and the library that reaches it; empty parts match every token or key."""

    module_path: str
    token: str = ""
    serial: str = ""
    label: str = ""
    key_id: bytes = b""

    @property
    def shown(self) -> str:
        """The key's name in messages."""
        named = {"token": self.token, "serial": self.serial, "object": self.label}
        parts = [f"{name}={value}" for name, value in named.items() if value]
        parts += [f"id={self.key_id.hex()}"] if self.key_id else []
        return TOKEN_SCHEME + ";".join(parts)

    @classmethod
    def parse(cls, text: str, users_module: str = "", *, of_recipe: bool = False) -> KeyUri:
        """Read a URI.

        Args:
            text: the URI.
            users_module: the library that the user named outside the URI; empty if none.
            of_recipe: whether the URI comes from a recipe, which must not choose the library.

        Raises:
            SigningError: the URI is malformed, contains the PIN, or names no library or one that
                the user did not allow.
        """
        path, _, query = text.removeprefix(TOKEN_SCHEME).partition("?")
        given = {**_parts(path, ";", _PATH_KEYS), **_parts(query, "&", _QUERY_KEYS)}
        own = unquote(given.get("module-path", ""))
        if of_recipe and own not in {"", users_module}:
            raise SigningError(
                f"the recipe asks to load the PKCS#11 library {own}, which is code that would run "
                "here; you did not allow it",
                where="signing.key",
                remedy="if you trust it, name it yourself: "
                f"{shell_line('--pkcs11-module', own)}, or in PKCS11_MODULE_PATH",
            )
        module = own or users_module
        if not module or "\0" in module:
            raise SigningError(
                "the URI names no PKCS#11 library" if not module else "no file has such a name",
                where=text,
                remedy="name it with --pkcs11-module /path/to/library.so, or set "
                "PKCS11_MODULE_PATH",
            )
        return cls(
            module_path=module,
            token=unquote(given.get("token", "")),
            serial=unquote(given.get("serial", "")),
            label=unquote(given.get("object", "")),
            key_id=unquote_to_bytes(given.get("id", "")),
        )


class TokenSigner(Struct, frozen=True):
    """Signs with a key inside a token; each signature logs in once."""

    uri: KeyUri
    passphrase: Passphrase
    certificates: tuple[x509.Certificate, ...]

    def check(self) -> None:
        """Log in once and find the key, so that a wrong PIN is reported before any file is signed.

        Raises:
            SigningError: the token, its key or the PIN cannot be used.
        """
        with _open(self.uri, self.passphrase) as session:
            _private_key(session, self.uri)

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


def require_pkcs11() -> None:
    """Check that python-pkcs11 is installed.

    Raises:
        SigningError: the package is missing; the remedy names the extra.
    """
    try:
        import pkcs11  # noqa: F401, PLC0415 - only tests that it loads
    except ImportError as error:
        raise SigningError(
            "keys in tokens need the package python-pkcs11",
            remedy="install it: pip install 'vibforge[pkcs11]'",
        ) from error


def token_signer(
    uri: KeyUri, passphrase: Passphrase, others: tuple[x509.Certificate, ...]
) -> TokenSigner:
    """Return a signer from a key of a token and its certificate: one of `others`, else the token's.

    Raises:
        SigningError: the library, token, key or certificate is missing, or the PIN is wrong.
    """
    if others:
        # The signature is verified with this certificate afterwards, so a wrong one cannot pass.
        return TokenSigner(uri, passphrase, chain_of(others[0], others))
    stored = _stored_certificates(uri)
    if not stored:
        raise SigningError(
            f"the token holds no certificate for {uri.shown}",
            remedy="name the certificate that was issued for this key with --cert",
        )
    return TokenSigner(uri, passphrase, chain_of(stored[0], stored))


def _parts(text: str, separator: str, known: frozenset[str]) -> dict[str, str]:
    parts = {}
    for number, part in enumerate(filter(None, text.split(separator)), start=1):
        name, _, value = part.partition("=")
        if name not in known:
            # The message does not repeat an unknown part: it may be a secret in the wrong place.
            raise SigningError(
                f"part {number} of the PKCS#11 URI has an unknown name",
                remedy=f"use only {', '.join(sorted(known))}",
            )
        parts[name] = value
    return parts


@contextmanager
def _explained(uri: KeyUri) -> Iterator[None]:
    """Turn errors of the library and the token into a `SigningError`."""
    from pkcs11 import exceptions  # noqa: PLC0415 - only with a token

    explanations: dict[type[Exception], str] = {
        exceptions.PinIncorrect: "the PIN is wrong; tokens lock after a few wrong ones",
        exceptions.PinLocked: "the PIN is locked; unlock it with the token's own tool",
        exceptions.PinLenRange: "the PIN is wrong; tokens lock after a few wrong ones",
        exceptions.PKCS11Error: "the PKCS#11 library cannot be used",
        exceptions.NoSuchToken: "there is no such token; check that it is plugged in",
        exceptions.NoSuchKey: "the token holds no private key of this name",
        exceptions.MultipleObjectsReturned: "several keys have this name; add id= to the URI",
        exceptions.MultipleTokensReturned: "several tokens are plugged in; add token= to the URI",
    }
    try:
        yield
    except exceptions.PKCS11Error as error:
        refused = f"the token refuses: {type(error).__name__} {error}".rstrip()
        what = explanations.get(type(error), refused)
        raise SigningError(what, where=uri.shown) from error
    except UnicodeError as error:
        raise SigningError("the PIN is not UTF-8 text", where=uri.shown) from error
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
    from pkcs11 import Attribute, ObjectClass, exceptions  # noqa: PLC0415 - only with a token

    wanted: dict[Any, Any] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
    if uri.label:
        wanted[Attribute.LABEL] = uri.label
    if uri.key_id:
        wanted[Attribute.ID] = uri.key_id
    # With several keys `get_key` leaves a search open, and Python warns about it later.
    keys = list(session.get_objects(wanted))
    if len(keys) > 1:
        raise exceptions.MultipleObjectsReturned
    if not keys:
        raise exceptions.NoSuchKey
    return keys[0]


def _stored_certificates(uri: KeyUri) -> tuple[x509.Certificate, ...]:
    """Return the token's certificates, the key's own first; reading them needs no PIN.

    Empty if no certificate has the key's label or id.
    """
    with _open(uri, None) as session:
        from pkcs11 import Attribute, ObjectClass  # noqa: PLC0415 - only with a token

        named: list[x509.Certificate] = []
        others: list[x509.Certificate] = []
        for stored in list(session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE})):
            same_label = uri.label and stored[Attribute.LABEL] == uri.label
            same_id = uri.key_id and stored[Attribute.ID] == uri.key_id
            group = named if same_label or same_id else others
            group += parse_certificates(bytes(stored[Attribute.VALUE]), uri.shown)
        return (*named, *others) if named else ()
