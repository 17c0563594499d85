import io
from pathlib import Path

import pytest

from tests import bundles, vibs
from tests.budgets import whole_budget
from vibforge.errors import FormatError
from vibforge.formats.tar_reading import pax_records
from vibforge.formats.xml_reading import ATTRIBUTE_LIMIT
from vibforge.formats.zip_archive import open_zip
from vibforge.packages.extract import ExtractOptions, extract, leads_out
from vibforge.packages.subjects import opened
from vibforge.vib.archive import Vib


def archive(descriptor: bytes) -> bytes:
    return vibs.archive([("descriptor.xml", descriptor), ("sig.pkcs7", b"")])


def test_an_element_with_endless_attributes_is_refused_soon() -> None:
    attributes = b" ".join(b'a%d=""' % number for number in range(100_000))
    with pytest.raises(FormatError, match="no start tag in the first 65536 bytes"):
        Vib.from_bytes(archive(b"<vib " + attributes + b"/>"))
    with pytest.raises(FormatError, match=f"more than {ATTRIBUTE_LIMIT} attributes"):
        Vib.from_bytes(archive(b"<vib><a " + attributes + b"/></vib>"))


@pytest.mark.parametrize("record", [b"0 a=\n", b"x a=\n", b"00 a=\n", b" a=\n"])
def test_a_pax_record_that_does_not_advance_ends(record: bytes) -> None:
    with pytest.raises(FormatError, match="pax"):
        pax_records(record)


def test_a_zip_member_without_a_name_is_read_over() -> None:
    data = bundles.zipped([("a.vib", b"x")]).replace(b"a.vib", b"\0.vib")
    with open_zip(io.BytesIO(data), "x.zip", len(data), whole_budget(len(data))) as found:
        assert [member.name for member in found.members] == [""]


def test_links_through_links_cannot_lead_out() -> None:
    links = {"p/up": "..", "z": "p/up/../..", "loop": "loop", "in": "p/up/p"}
    assert leads_out("z", links)
    assert leads_out("loop", links)
    assert not leads_out("in", links)


def test_a_bundle_without_vibs_has_nothing_to_extract(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(bundles.zipped([("index.xml", b"<vendorList/>")]))
    with opened(path) as subjects, pytest.raises(FormatError, match="no VIB"):
        extract(subjects, tmp_path / "out", ExtractOptions())
    assert not (tmp_path / "out").exists()
