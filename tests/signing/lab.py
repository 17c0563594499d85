"""Small VIBs, and a lab of certificates made once for all tests that sign."""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import Struct

from tests import vibs
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.signing.key_source import KeySource, open_signer
from vibforge.signing.passphrase import no_passphrase
from vibforge.signing.pki import Issued, KeyKind, SignerRequest, export, init_authority, issue
from vibforge.signing.signer import Signer

NOW = datetime(2026, 5, 1, tzinfo=UTC)
RELEASE_DATE = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)


_DEMO = {
    "name": "demo",
    "version": "1.0-1",
    "vendor": "LAB",
    "release_date": RELEASE_DATE.isoformat(),
}


def descriptor(level: str = "partner") -> bytes:
    """Return a descriptor of two lines, which tools that sign text would change."""
    return vibs.swap(">Acme</desc", ">line one\nline two</desc")(
        vibs.descriptor(acceptance_level=level, **_DEMO)
    )


def vib(level: str = "partner") -> bytes:
    """Make a VIB that claims a level, unsigned."""
    return vibs.vib(acceptance_level=level, **_DEMO)  # type: ignore[arg-type] # fields of it


class Lab(Struct, frozen=True):
    """A CA with one signer for each level and kind of key that is asked for."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder.parent / "store"

    def issued(
        self,
        level: AcceptanceLevel = AcceptanceLevel.PARTNER,
        kind: KeyKind = KeyKind.P256,
        name: str = "",
        dates: tuple[datetime | None, datetime | None] = (None, None),
    ) -> Issued:
        first, last = dates
        wanted = SignerRequest(
            name=name or f"{level}-{kind}", level=level, kind=kind, first=first, last=last
        )
        path = self.folder / "signers" / f"{wanted.name}.pem"
        if not path.exists():
            return issue(self.folder, wanted, NOW)
        loaded = open_signer(self.source(wanted.name), no_passphrase, {})
        return Issued(
            wanted=wanted,
            certificate=loaded.certificates[0],
            certificate_path=path,
            key_path=path.with_suffix(".key"),
        )

    def source(self, name: str) -> KeySource:
        path = self.folder / "signers" / name
        return KeySource(key=f"{path}.key", certificates=(Path(f"{path}.pem"),))

    def signer(
        self,
        level: AcceptanceLevel = AcceptanceLevel.PARTNER,
        kind: KeyKind = KeyKind.P256,
        name: str = "",
    ) -> Signer:
        wanted = self.issued(level, kind, name).wanted
        return open_signer(self.source(wanted.name), no_passphrase, {})


def make_lab(folder: Path) -> Lab:
    init_authority(folder / "ca", NOW, KeyKind.P256)
    export(folder / "ca", folder / "store")
    return Lab(folder / "ca")


def openssl(*arguments: str | Path, input_: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is absent (Debian package openssl)")
    return subprocess.run(
        ["openssl", *map(str, arguments)],
        input=input_,
        capture_output=True,
        check=False,
        timeout=60,
    )
