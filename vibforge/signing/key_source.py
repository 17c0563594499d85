"""The one name that a key goes by: a file, `env:NAME`, or a `pkcs11:` URI."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from cryptography import x509
from msgspec import Struct

from vibforge.errors import SigningError
from vibforge.signing import key_files, pkcs11_token
from vibforge.signing.passphrase import Passphrase, no_passphrase
from vibforge.signing.signer import SIZE_LIMIT, Signer, read_certificates
from vibforge.vib.identity import ENVIRONMENT_SCHEME, TOKEN_SCHEME, check_key_name, check_no_secret

MODULE_VARIABLE = "PKCS11_MODULE_PATH"
"""The environment variable with the PKCS#11 library, for URIs without one and for recipes."""


class KeySource(Struct, frozen=True, kw_only=True):
    """Where a key is, and the files with its certificate and chain, in any order."""

    key: str
    certificates: tuple[Path, ...] = ()
    of_recipe: bool = False
    """Whether a recipe names the key: then a URI may not choose which library is loaded."""


def open_signer(
    source: KeySource,
    passphrase: Passphrase = no_passphrase,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Signer:
    """Make a signer of what a user named.

    Args:
        source: the key, and the files of its certificates.
        passphrase: is called if the key is encrypted, or lies in a token.
        environment: for `env:NAME` and PKCS11_MODULE_PATH.

    Raises:
        ModelError: the key's name is no name, but perhaps the key.
        SigningError: it cannot be read, is encrypted without a passphrase, or key and certificate
            do not match.

    Examples:
        >>> from pathlib import Path
        >>> from vibforge import KeySource, build, open_signer
        >>> signer = open_signer(KeySource(key="me.key", certificates=(Path("me.pem"),)))
        >>> for site in ("north", "south"):
        ...     settings = {"name": f"acme-{site}", "acceptance-level": "partner"}
        ...     _ = build("my-trx", f"sites/{site}", settings=settings, signer=signer)
    """
    check_key_name(source.key)
    if source.key.startswith(TOKEN_SCHEME):
        return _token_signer(source, passphrase, environment)
    others = read_certificate_files(source.certificates)

    found = key_files.read_key_file(_key_data(source.key, environment), passphrase, source.key)
    return key_files.key_signer(found, others, source.key)


def _token_signer(
    source: KeySource, passphrase: Passphrase, environment: Mapping[str, str]
) -> Signer:

    pkcs11_token.require_pkcs11()
    module = environment.get(MODULE_VARIABLE, "")
    uri = pkcs11_token.KeyUri.parse(source.key, module, of_recipe=source.of_recipe)
    return pkcs11_token.token_signer(uri, passphrase, read_certificate_files(source.certificates))


def read_certificate_files(paths: Sequence[Path]) -> tuple[x509.Certificate, ...]:
    """Read the certificates of files, in order.

    Raises:
        SigningError: one cannot be read, or holds no certificate.
    """
    found: list[x509.Certificate] = []
    for path in paths:
        certificates = read_certificates(read_small_file(path), str(path))
        if not certificates:
            raise SigningError("there is no certificate in it", where=str(path))
        found += certificates
    return tuple(found)


def check_names_a_file(path: Path) -> None:
    """Refuse what is no file: a key or certificate itself, or an object in a token.

    Raises:
        ModelError: the path is a key or a certificate itself.
        SigningError: it is a pkcs11: URI.
    """
    text = str(path)
    check_no_secret(text)
    if text.startswith(TOKEN_SCHEME):
        pkcs11_token.require_pkcs11()
        raise SigningError(
            "only a file will do here, and this names an object in a token",
            where=text,
            remedy="for a signature, name the token's key with --key, and leave --cert out if the "
            "token holds the certificate too",
        )


def read_small_file(path: Path) -> bytes:
    """Read a file of keys, certificates or signatures.

    Raises:
        ModelError: the path is no name, but perhaps a key.
        SigningError: it cannot be read, or is larger than any of these.
    """
    check_names_a_file(path)
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no file has such a name"
        raise SigningError(f"cannot be read: {reason}", where=str(path)) from error
    if len(data) > SIZE_LIMIT:
        raise SigningError(f"more than {SIZE_LIMIT} bytes", where=str(path))
    return data


def _key_data(key: str, environment: Mapping[str, str]) -> bytes:
    if not key.startswith(ENVIRONMENT_SCHEME):
        return read_small_file(Path(key))
    name = key.removeprefix(ENVIRONMENT_SCHEME)
    if name not in environment:
        raise SigningError("the environment variable that holds the key is not set", where=key)
    return environment[name].encode("utf-8", "surrogateescape")
