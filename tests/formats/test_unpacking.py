import gzip
import zlib
from collections.abc import Callable

import pytest

from tests.vibs import zstd_compressed
from vibforge.errors import FormatError
from vibforge.formats import inflating
from vibforge.formats.unpacking import Compression, Taps, unpack

TEXT = b"content of a payload\n" * 500


def both(data: bytes) -> bytes:
    return gzip.compress(zstd_compressed(data), mtime=0)


FORMS: dict[str, tuple[Callable[[bytes], bytes], tuple[Compression, ...]]] = {
    "plain": (bytes, ()),
    "gzip": (lambda data: gzip.compress(data, mtime=0), (Compression.GZIP,)),
    "zstd": (zstd_compressed, (Compression.ZSTD,)),
    "both": (both, (Compression.GZIP, Compression.ZSTD)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_every_layer_passes_its_tap(form: str, step: int) -> None:
    pack, compression = FORMS[form]
    data = pack(TEXT)
    seen: dict[str, list[bytes]] = {"stored": [], "gunzipped": [], "content": []}
    taps = Taps(**{layer: pieces.append for layer, pieces in seen.items()})
    pieces = (data[start : start + step] for start in range(0, len(data), step))
    found = unpack(pieces, len(data), taps)
    assert found.compression == compression
    assert found.content.read(len(TEXT) + 1) == TEXT
    gunzipped = zlib.decompress(data, 31) if Compression.GZIP in compression else b""
    assert {layer: b"".join(bytes(piece) for piece in got) for layer, got in seen.items()} == {
        "stored": data,
        "gunzipped": gunzipped,
        "content": TEXT,
    }


@pytest.mark.parametrize("form", ["gzip", "zstd", "both"])
def test_each_layer_is_bounded_by_what_is_stored(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflating, "RATIO_FREE", 1000)
    data = FORMS[form][0](bytes(300_000))
    bound = len(data) if form == "both" else 300_000 // inflating.RATIO_LIMIT
    for size, fits in ((max(bound, 300), True), (100, False)):
        if fits:
            assert unpack(iter([data]), size).content.read(300_001) == bytes(300_000)
        else:
            with pytest.raises(FormatError, match="100 bytes unpack to more than 1100 times"):
                unpack(iter([data]), size).content.read(300_001)
