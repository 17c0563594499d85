import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from tests import vibs
from tests.hostile import of_keys
from tests.hostile.of_keys import der, pem
from vibforge.errors import SigningError
from vibforge.signing import key_files
from vibforge.signing.key_files import ROUNDS_LIMIT, check_derivation, parse_key_file


def packed(rounds: int) -> bytes:
    own = vibs.signer()
    key, certificate = own.key, own.certificate
    kind = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(rounds)
        .hmac_hash(hashes.SHA256())
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .build(b"secret")
    )
    return pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, kind)


def rounds_of(data: bytes, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the rounds that a file asks for: the least limit that lets it pass."""
    low, high = 0, ROUNDS_LIMIT
    while low < high:
        middle = (low + high) // 2
        monkeypatch.setattr(key_files, "ROUNDS_LIMIT", middle)
        try:
            check_derivation(data, "x")
            high = middle
        except SigningError:
            low = middle + 1
    return low


def test_all_rounds_of_a_pkcs12_file_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rounds_of(packed(1_000), monkeypatch) == 1_000 + 1_000 + 2_048


def test_ber_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose lengths are left open and whose texts are cut into pieces."""
    data = packed(1_000)
    outer = b"\x30\x80" + data[4:] + b"\0\0"
    parse_key_file(outer, lambda: b"secret", "x")
    assert rounds_of(outer, monkeypatch) == 1_000 + 1_000 + 2_048
    start = data.index(b"\x04\x82")
    size = int.from_bytes(data[start + 2 : start + 4])
    text = data[start + 4 : start + 4 + size]
    pieces = b"".join(der(4, text[at : at + 7]) for at in range(0, size, 7))
    assert rounds_of(der(0xA0, der(0x24, pieces)), monkeypatch) == 1_000 + 1_000


@pytest.mark.parametrize("name", [name for name, _ in of_keys.hostile_keys()])
def test_endless_derivations_are_refused(name: str) -> None:
    data = dict(of_keys.hostile_keys())[name]
    with pytest.raises(SigningError, match=r"^me\.key: the passphrase needs more "):
        parse_key_file(data, lambda: b"secret", "me.key")


def test_a_usual_cost_passes() -> None:
    data = packed(600_000)
    check_derivation(data, "x")
    check_derivation(
        pem("ENCRYPTED PRIVATE KEY", of_keys.locked(of_keys.pbes2(of_keys.scrypt(2**14)))), "x"
    )


def test_values_and_their_depth_are_bounded() -> None:
    with pytest.raises(SigningError, match="values"):
        check_derivation(der(0x30, b"\x05\0" * (key_files.VALUE_LIMIT + 1)), "x")
    with pytest.raises(SigningError, match="deep"):
        check_derivation(of_keys.nested(1_000), "x")
