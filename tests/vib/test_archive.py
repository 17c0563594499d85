"""The tolerances and refusals of a VIB's container, on made cases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import vibs
from vibforge import Vib
from vibforge.errors import FormatError, VibforgeError
from vibforge.formats.ar import NAME_TABLE_LIMIT
from vibforge.formats.xml_reading import SIZE_LIMIT
from vibforge.vib import archive as vib_module

TEXT = vibs.descriptor()
DESCRIPTOR, SIGNATURE = ("descriptor.xml", TEXT), ("sig.pkcs7", b"")
EXTRA = ("extra", b"x")
ESX4 = [("debian-binary", b"2.0\n"), ("control.tar.gz", b"")]


def faults(*members: tuple[str, bytes], tail: bytes = b"") -> list[str]:
    return [str(fault) for fault in Vib.from_bytes(vibs.archive(members, tail)).faults]


def test_members_in_order_have_no_faults() -> None:
    assert faults(DESCRIPTOR, SIGNATURE) == []
    assert faults(("descriptor.xml/", TEXT), ("sig.pkcs7/", b""), ("extra/", b"x")) == []


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ([SIGNATURE, DESCRIPTOR], "the first member is sig.pkcs7, not descriptor.xml"),
        ([DESCRIPTOR], "there is no member sig.pkcs7"),
        ([DESCRIPTOR, EXTRA, SIGNATURE], "the second member is extra, not sig.pkcs7"),
        ([DESCRIPTOR, SIGNATURE, EXTRA, EXTRA], "more than one member is called extra"),
        ([DESCRIPTOR, DESCRIPTOR, SIGNATURE], "more than one member is called descriptor.xml"),
    ],
)
def test_what_a_host_refuses_is_a_fault(members: list[tuple[str, bytes]], fault: str) -> None:
    assert any(found.startswith(fault) for found in faults(*members))


def test_a_tail_is_a_fault_and_comes_back() -> None:
    data = vibs.archive([DESCRIPTOR, SIGNATURE]) + b"more"
    vib = Vib.from_bytes(data)
    assert "4 bytes follow the last member" in map(str, vib.faults)
    assert vib.to_bytes() == data


def test_the_first_of_two_members_counts() -> None:
    vib = Vib.from_bytes(vibs.archive([DESCRIPTOR, SIGNATURE, EXTRA, ("extra", b"other")]))
    (payload,) = vib.payloads
    with vib.source.open() as stream:
        assert b"".join(vib.stored(payload, stream)) == b"x"


def test_payloads_without_their_other_half_are_kept() -> None:
    text = vibs.descriptor('<payload name="gone" type="vgz"/>')
    vib = Vib.from_bytes(vibs.archive([("descriptor.xml", text), SIGNATURE, EXTRA]))
    found = {each.name: (each.declared is None, each.member is None) for each in vib.payloads}
    assert found == {"extra": (True, False), "gone": (False, True)}


@pytest.mark.parametrize("signature", [b"", b"\n", b" \r\n\t"])
def test_blank_signatures_are_none(signature: bytes) -> None:
    assert not Vib.from_bytes(vibs.vib(signature=signature)).is_signed


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        (b"<!DOCTYPE html><html></html>", "an HTML page"),
        (b"\n\n<html>", "an HTML page"),
        (b'<?xml version="1.0"?>\n<html xmlns="x">', "an HTML page"),
        (TEXT, "an XML document"),
        (b"PK\x03\x04", "a zip file"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (vibs.VMTAR_IMAGE, "a vmtar"),
        (vibs.GNU_IMAGE, "a tar file"),
        (vibs.zstd_compressed(b"x"), "a zstd file"),
        (b"\x7fELF", "an ELF program"),
        (b"-----BEGIN PKCS7-----", "a PEM file"),
        (b"\0" * 99, "not a VIB"),
        (vibs.archive(ESX4), "a package for ESX 4"),
        (vibs.archive([SIGNATURE]), "without descriptor.xml"),
        (b"!<arch>\n", "without descriptor.xml"),
        (vibs.archive([("descriptor.xml", b"")]), "not an XML document"),
    ],
)
def test_what_is_no_vib_is_told_by_name(data: bytes, told: str) -> None:
    with pytest.raises(FormatError) as error:
        Vib.from_bytes(data, "a.vib")
    assert told in str(error.value)
    assert error.value.problems[0].where.startswith("a.vib")


def test_large_members_are_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vib_module, "SIGNATURE_LIMIT", 10)
    with pytest.raises(FormatError, match="11 bytes; the limit is 10"):
        Vib.from_bytes(vibs.vib(signature=b"x" * 11))
    monkeypatch.setattr(vib_module, "DESCRIPTOR_LIMIT", 10)
    with pytest.raises(FormatError, match="the limit is 10"):
        Vib.from_bytes(vibs.vib())
    assert SIZE_LIMIT > 10


def test_every_cut_comes_back_or_is_refused() -> None:
    data = vibs.signed_vib()
    for end in range(len(data)):
        try:
            vib = Vib.from_bytes(data[:end])
        except VibforgeError:
            continue
        assert vib.to_bytes() == data[:end]


names = st.text("abcdefghijklmnop-._", min_size=1, max_size=15).filter(
    lambda name: name not in {"descriptor.xml", "sig.pkcs7"}
)


@given(
    payloads=st.lists(st.tuples(names, st.binary(max_size=40)), max_size=4),
    signature=st.binary(max_size=40),
    tail=st.binary(max_size=9),
)
def test_any_members_come_back(
    payloads: list[tuple[str, bytes]], signature: bytes, tail: bytes
) -> None:
    members = [DESCRIPTOR, ("sig.pkcs7", signature), *payloads]
    data = vibs.archive(members, tail)
    assert Vib.from_bytes(data).to_bytes() == data


def test_a_bad_archive_is_told_with_the_name_of_the_file() -> None:
    with pytest.raises(
        FormatError, match=r"the table of long names has \d+ bytes; the limit is"
    ) as caught:
        Vib.from_bytes(vibs.archive([("//", bytes(NAME_TABLE_LIMIT + 1))]), "a.vib")
    assert caught.value.problems[0].where == "a.vib"


@pytest.mark.parametrize(
    ("data", "remedy"),
    [
        (b"<html>", "fetch the file itself"),
        (b"<HEAD>", "fetch the file itself"),
        (b"<body>", "fetch the file itself"),
        (b"", "fetch it again"),
        (b"version https://git-lfs", "git lfs pull"),
        (TEXT, "name the .vib or the bundle"),
        (b"PK\3\4", ""),
    ],
)
def test_what_to_do_about_another_file_is_said(data: bytes, remedy: str) -> None:
    with pytest.raises(FormatError) as caught:
        Vib.from_bytes(data)
    assert remedy in caught.value.problems[0].remedy
    assert bool(remedy) is bool(caught.value.problems[0].remedy)
