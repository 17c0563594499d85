import zlib
from collections.abc import Callable

import pytest

from tests.budgets import limit, whole_budget
from tests.vibs import packed, zstd_compressed, zstd_in_gzip
from vibforge.errors import LimitError
from vibforge.formats.budget import Work
from vibforge.formats.inflating import Codec, Taps, unpack

TEXT = b"content of a payload\n" * 500


FORMS: dict[str, tuple[Callable[[bytes], bytes], tuple[Codec, ...]]] = {
    "plain": (bytes, ()),
    "gzip": (packed, (Codec.GZIP,)),
    "zstd": (zstd_compressed, (Codec.ZSTD,)),
    "both": (zstd_in_gzip, (Codec.GZIP, Codec.ZSTD)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_every_layer_passes_its_tap(form: str, step: int) -> None:
    pack, compression = FORMS[form]
    data = pack(TEXT)
    seen: dict[str, list[bytes]] = {"stored": [], "gunzipped": [], "content": []}
    taps = Taps(**{layer: pieces.append for layer, pieces in seen.items()})
    pieces = (data[start : start + step] for start in range(0, len(data), step))
    found = unpack(pieces, whole_budget(len(data)), taps)
    assert found.compression == compression
    assert found.content.read(len(TEXT) + 1) == TEXT
    gunzipped = zlib.decompress(data, 31) if Codec.GZIP in compression else b""
    assert {layer: b"".join(bytes(piece) for piece in got) for layer, got in seen.items()} == {
        "stored": data,
        "gunzipped": gunzipped,
        "content": TEXT,
    }


@pytest.mark.parametrize("form", FORMS)
def test_all_layers_share_one_budget(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pack, compression = FORMS[form]
    data = pack(TEXT)
    gunzipped = zlib.decompress(data, 31) if Codec.GZIP in compression else b""
    most = len(gunzipped) + (len(TEXT) if Codec.ZSTD in compression else 0)
    limit(monkeypatch, Work.UNPACKED, most)
    assert unpack(iter([data]), whole_budget()).content.read(len(TEXT) + 1) == TEXT
    if compression:
        limit(monkeypatch, Work.UNPACKED, most - 1)
        with pytest.raises(LimitError):
            unpack(iter([data]), whole_budget()).content.read(len(TEXT) + 1)
