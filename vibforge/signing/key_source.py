"""The one name that a key goes by: a file, `env:NAME`, or a `pkcs11:` URI."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from cryptography import x509

from vibforge.errors import SigningError
from vibforge.model.names import check_key_name
from vibforge.signing.certificates import SIZE_LIMIT, read_certificates
from vibforge.signing.passphrase import Passphrase, no_passphrase
from vibforge.signing.signer import Signer

ENVIRONMENT_SCHEME = "env:"
"""What a key's name starts with that an environment variable holds, as PEM."""
MODULE_VARIABLE = "PKCS11_MODULE_PATH"
"""Names the PKCS#11 library where a URI does not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeySource:
    """Where a key is, and the files with its certificate and chain, in any order."""

    key: str
    certificates: tuple[Path, ...] = ()


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
    """
    check_key_name(source.key)
    others = read_certificate_files(source.certificates)
    if source.key.startswith("pkcs11:"):
        from vibforge.signing.pkcs11_token import (  # noqa: PLC0415 - only with a token
            KeyUri,
            token_signer,
        )

        uri = KeyUri.parse(source.key, environment.get(MODULE_VARIABLE, ""))
        return token_signer(uri, passphrase, others)
    from vibforge.signing.key_files import (  # noqa: PLC0415 - not with a token
        key_signer,
        read_key_file,
    )

    found = read_key_file(_key_data(source.key, environment), passphrase, source.key)
    return key_signer(found, others, source.key)


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


def read_small_file(path: Path) -> bytes:
    """Read a file of keys, certificates or signatures.

    Raises:
        SigningError: it cannot be read, or is larger than any of these.
    """
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise SigningError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) > SIZE_LIMIT:
        raise SigningError(f"more than {SIZE_LIMIT} bytes", where=str(path))
    return data


def _key_data(key: str, environment: Mapping[str, str]) -> bytes:
    if not key.startswith(ENVIRONMENT_SCHEME):
        return read_small_file(Path(key))
    name = key.removeprefix(ENVIRONMENT_SCHEME)
    if name not in environment:
        raise SigningError(f"the environment has no {name}", where=key)
    return environment[name].encode("utf-8")
