"""Files of nearly 1 MB that stay just below a limit, so that a command does all of its work."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests import bundles, vibs
from tests.hostile.case import Hostile, Make, file_input
from tests.hostile.of_packages import described, packed_in_archive
from tests.hostile.of_payloads import image

_MOST = 950_000
_COMMANDS = (
    "inspect x.vib --files",
    "verify x.vib",
    "lint x.vib",
    "plan x.vib",
    "extract x.vib -C o",
    "evidence change-record x.vib -o record",
)
_OF_A_BUNDLE = (
    "bundle verify x.zip",
    "inspect x.zip",
    "lint x.zip",
    "plan x.zip",
    "evidence change-record x.zip -o record",
)


def _payload(name: str, size: int) -> bytes:
    return vibs.vib(stored=vibs.packed(image(name, size)))


def _many_vibs(count: int) -> bytes:
    vib = vibs.vib()
    return bundles.bundle(outer={f"vib20/more/{number}.vib": vib for number in range(count)})


def _nested(name: str, count: int) -> bytes:
    inner = bundles.zipped([("index.xml", b"<vendorList/>")])
    for _ in range(count):
        inner = bundles.zipped([(name, inner)])
    return inner


def _commented(size: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for number in range(size // 65_600):
            info = zipfile.ZipInfo(f"{number}.vib")
            info.comment = b"x" * 65_000
            file.writestr(info, b"")
        file.comment = b"PK\5\6" * 16_000
    return buffer.getvalue()


def _members(count: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for number in range(count):
            file.writestr(str(number), b"")
    return buffer.getvalue()


_VIBS: dict[str, Callable[[], bytes]] = {
    "depends": partial(described, "depends", 240_000),
    "depends-versions": partial(described, "depends-versions", 590_000),
    "conflicts": partial(described, "conflicts", 250_000),
    "provides": partial(described, "provides", 210_000),
    "files": partial(described, "files", _MOST),
    "replaces-and-provides": partial(described, "replaces-and-provides", 200_000),
    "version-dots": partial(described, "version-dots", 450_000),
    "hwplatforms": partial(described, "hwplatforms", 800_000),
    "conflicts-with-base": partial(described, "conflicts-with-base", 700_000),
    "conflicts-and-provides": partial(described, "conflicts-and-provides", 330_000),
    "payloads": partial(described, "payloads", 95_000),
    "unknown": partial(described, "unknown-same", _MOST),
    "members": partial(packed_in_archive, "members", _MOST),
    "entries": partial(_payload, "files", 5_500_000),
    "folders": partial(_payload, "folders", 5_500_000),
    "symlinks": partial(_payload, "symlinks", 5_500_000),
    "hard-links": partial(_payload, "hard-links", 5_500_000),
    "long-names": partial(_payload, "long-names", 25_000_000),
    "only-long-names": partial(_payload, "only-long-names", 4_000_000),
    "pax": partial(_payload, "pax-many", 4_000_000),
    "pax-global": partial(_payload, "pax-global", 4_000_000),
}
_BUNDLES: dict[str, Callable[[], bytes]] = {
    "vibs": partial(_many_vibs, 500),
    "members": partial(_members, 9_000),
    "members-65535": partial(_members, 65_535),
    "comments": partial(_commented, _MOST),
    "nested-zips": partial(_nested, "a.zip", 200),
    "nested-metadata": partial(_nested, "metadata.zip", 200),
}


def files() -> Iterator[Hostile]:
    """One file at its limit."""
    for name, content in _VIBS.items():
        yield file_input(f"flood/{name}", "x.vib", content, *_COMMANDS)
    for name, content in _BUNDLES.items():
        yield file_input(f"flood/bundle-{name}", "x.zip", content, *_OF_A_BUNDLE)


def hosts() -> Iterator[Hostile]:
    """A host with more VIBs than any has, told of twice each."""
    for count in (200, 500):
        yield Hostile(
            f"flood/host-{count}",
            _host(count),
            (("plan", "x.vib", "--host", "facts.json"),),
        )


def _host(count: int) -> Make:
    def make(folder: Path) -> None:
        descriptors = [vibs.descriptor(name=f"v{n}").decode() for n in range(count)]
        there = [
            {
                "id": f"ACME_bootbank_v{n}_1.0.0-1",
                "name": f"v{n}",
                "version": "1.0.0-1",
                "vendor": "V",
            }
            for n in range(count)
        ]
        facts = {
            "format": "vibforge/host-facts/1",
            "version": "8.0U3",
            "collector": 1,
            "collected": {"vibs": there, "descriptors": descriptors},
        }
        (folder / "facts.json").write_text(json.dumps(facts))
        (folder / "x.vib").write_bytes(vibs.vib())

    return make


def relationships() -> Iterator[Hostile]:
    """VIBs that ask much of each other, in one command and on one host."""
    for name in ("depends-versions", "replaces-and-provides", "provides", "tags"):
        yield Hostile(
            f"flood/together-{name}",
            partial(_together, name),
            (("plan", "x.vib", "y.vib", "--together"),),
        )
    for name, host in {"chain": _chain, "overlays": _overlays}.items():
        yield Hostile(
            f"flood/host-{name}",
            partial(_beside_facts, host),
            (
                ("plan", "x.vib", "--host", "facts.json"),
                ("plan", "--remove", "v0", "--host", "facts.json"),
            ),
        )


def _together(name: str, folder: Path) -> None:
    (folder / "x.vib").write_bytes(described(name, 90_000))
    (folder / "y.vib").write_bytes(vibs.vib(name="y"))


def _beside_facts(installed: Callable[[], Iterator[str]], folder: Path) -> None:
    facts = {
        "format": "vibforge/host-facts/1",
        "version": "8.0U3",
        "vibs": [{"descriptor": text} for text in installed()],
    }
    (folder / "facts.json").write_text(json.dumps(facts))
    (folder / "x.vib").write_bytes(vibs.vib())


def _chain() -> Iterator[str]:
    """Yield VIBs of which each depends on the one before it."""
    for number in range(995):
        yield (
            f'<vib version="5.0"><type>bootbank</type><name>v{number}</name>'
            "<version>1.0.0-1</version><vendor>V</vendor><relationships><depends>"
            f'<constraint name="v{number - 1}"/></depends></relationships></vib>'
        )


def _overlays() -> Iterator[str]:
    """Yield overlays that all claim the same files."""
    for number in range(150):
        text = vibs.descriptor(name=f"v{number}", file_list=[f"etc/x{k}" for k in range(200)])
        yield text.decode().replace("<overlay>false", "<overlay>true")


FAMILIES = (files, hosts, relationships)
