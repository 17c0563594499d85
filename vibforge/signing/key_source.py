"""Open the key that a user names: a file, `env:NAME`, or a `pkcs11:` URI."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from cryptography import x509
from msgspec import Struct

from vibforge.errors import SigningError
from vibforge.signing import key_files, pkcs11_token
from vibforge.signing.passphrase import Passphrase, no_passphrase
from vibforge.signing.signer import SIZE_LIMIT, Signer, parse_certificates
from vibforge.vib.identity import ENVIRONMENT_SCHEME, TOKEN_SCHEME, check_key_name, check_no_secret

MODULE_VARIABLE = "PKCS11_MODULE_PATH"
"""The environment variable that names the PKCS#11 library for URIs without `module-path`."""


class KeySource(Struct, frozen=True, kw_only=True):
    """Where a key is, and the files with its certificate and chain, in any order."""

    key: str
    certificates: tuple[Path, ...] = ()
    of_recipe: bool = False
    """Whether a recipe names the key; its URI must not choose which library is loaded."""


def open_signer(
    source: KeySource,
    passphrase: Passphrase = no_passphrase,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Signer:
    """Return a signer for the key that a user named.

    Args:
        source: the key, and the files of its certificates.
        passphrase: called if the key is encrypted or in a token.
        environment: the variables for `env:NAME` and PKCS11_MODULE_PATH.

    Raises:
        ModelError: `source.key` is not a name; it may be the key itself.
        SigningError: the key cannot be read, it is encrypted and there is no passphrase, or key and
            certificate do not match.

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

    data = _key_data(source.key, environment)
    key_file = key_files.parse_key_file(data, passphrase, source.key)
    return key_files.key_signer(key_file, others, source.key)


def _token_signer(
    source: KeySource, passphrase: Passphrase, environment: Mapping[str, str]
) -> Signer:

    pkcs11_token.require_pkcs11()
    module = environment.get(MODULE_VARIABLE, "")
    uri = pkcs11_token.KeyUri.parse(source.key, module, of_recipe=source.of_recipe)
    return pkcs11_token.token_signer(uri, passphrase, read_certificate_files(source.certificates))


def read_certificate_files(paths: Sequence[Path]) -> tuple[x509.Certificate, ...]:
    """Return the certificates of files, in order.

    Raises:
        SigningError: a file cannot be read, or holds no certificate.
    """
    certificates: list[x509.Certificate] = []
    for path in paths:
        in_file = parse_certificates(read_small_file(path), str(path))
        if not in_file:
            raise SigningError(
                "the file holds no certificate",
                where=str(path),
                remedy="name a certificate in PEM or DER",
            )
        certificates += in_file
    return tuple(certificates)


def check_names_a_file(path: Path) -> None:
    """Refuse a path that is a key or certificate itself, or names an object in a token.

    Raises:
        ModelError: the path is a key or a certificate itself.
        SigningError: the path is a pkcs11: URI.
    """
    text = str(path)
    check_no_secret(text)
    if text.startswith(TOKEN_SCHEME):
        pkcs11_token.require_pkcs11()
        raise SigningError(
            "this names an object in a token; the option needs a file",
            where=text,
            remedy="to sign, name the token's key with --key; leave --cert out if the token also "
            "holds the certificate",
        )


def read_small_file(path: Path) -> bytes:
    """Read a file of keys, certificates or signatures.

    Raises:
        ModelError: `path` is not a name; it may be a key itself.
        SigningError: the file cannot be read, or is too large.
    """
    check_names_a_file(path)
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no file has such a name"
        raise SigningError(
            f"the file cannot be read: {reason}",
            where=str(path),
            remedy="check the path and its permissions",
        ) from error
    if len(data) > SIZE_LIMIT:
        raise SigningError(
            f"the file has more than {SIZE_LIMIT} bytes, the limit for keys, certificates and "
            "signatures",
            where=str(path),
        )
    return data


def _key_data(key: str, environment: Mapping[str, str]) -> bytes:
    if not key.startswith(ENVIRONMENT_SCHEME):
        return read_small_file(Path(key))
    name = key.removeprefix(ENVIRONMENT_SCHEME)
    if name not in environment:
        raise SigningError(
            "the environment variable is not set",
            where=key,
            remedy="put the key into the variable as PEM, or name a key file",
        )
    return environment[name].encode("utf-8", "surrogateescape")
