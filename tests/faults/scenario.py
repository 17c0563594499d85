"""Commands that write, each with its inputs and what was there before."""

import hashlib
import random
import shutil
import stat
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Struct

from tests import vibs
from tests.signing.lab import NOW
from tests.trees import make_tree, sparse, trx_tree
from vibforge.cli import main
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.signing.pki import KeyKind, SignerRequest, init_authority, issue

OUTPUT = "out"
"""The folder in which a command writes."""

Look = Callable[[Path], str]


class Scenario(Struct, frozen=True, kw_only=True):
    """A command, run in a folder that `prepare` has filled.

    `again` is the command to run where SIGKILL has left a part, `fresh` whether the folder has to
    be removed first, `once` that what is done is not done again; `look` tells what a file holds,
    its digest if it is not given. What works `in_steps` has one result whole before it begins the
    next: the VIB, then the bundle of it.
    """

    words: tuple[str, ...]
    prepare: Callable[[Path], None]
    again: tuple[str, ...] = ()
    fresh: bool = False
    once: bool = False
    in_steps: bool = False
    look: Look | None = None

    @property
    def after_a_kill(self) -> tuple[str, ...]:
        return self.again or self.words


def seen(folder: Path, look: Look | None = None) -> dict[str, str]:
    """Return what is below a folder: mode and content of files, kinds of the rest."""
    return {str(path.relative_to(folder)): _one(path, look) for path in folder.rglob("*")}


def _one(path: Path, look: Look | None) -> str:
    if path.is_symlink():
        return f"link {path.readlink()}"
    if path.is_dir():
        return "folder"
    found = look(path) if look else hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{stat.S_IMODE(path.stat().st_mode):04o} {found}"


def _done(*words: str | Path) -> None:
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        assert main([str(word) for word in words]) == 0, words


def _small(folder: Path) -> None:
    trx_tree(folder / "p")


def _small_and_old(folder: Path, *options: str) -> None:
    _small(folder)
    make_tree(folder / "older", {"opt/x": "another content\n", "opt/y": "y" * 3000})
    named = ("--set", "name=p", "--vendor", "Acme")
    _done("build", folder / "older", *named, "-o", folder / OUTPUT, *options)


def _small_and_old_bundle(folder: Path) -> None:
    """The bundle of the older one is removed with it."""
    _small_and_old(folder, "--bundle")


def _large(folder: Path) -> None:
    """Three payloads, one of which goes through a file on its way."""
    chance = random.Random(1)
    make_tree(
        folder / "p/payloads",
        {
            "random/opt/random": chance.randbytes(9 << 20),
            "small/opt/small": "x\n",
        },
    )
    sparse(folder / "p/payloads/sparse/opt/sparse", 20 << 20)


@cache
def _lab(home: Path) -> Path:
    """A CA and its signers, with keys whose signatures are the same each time."""
    init_authority(home, NOW, KeyKind.RSA_2048)
    wanted = SignerRequest(
        name="s", level=AcceptanceLevel.PARTNER, kind=KeyKind.RSA_2048, first=None, last=None
    )
    issue(home, wanted, NOW)
    return home


def _with_lab(folder: Path) -> None:
    shutil.copytree(_lab(folder.parent / "lab"), folder / "lab")


_SIGNING = """name = "p"
version = "1.0.0-1"
summary = "s"
vendor = "VFG"
acceptance-level = "partner"
release-date = 2024-05-01T12:00:00Z

[[payloads]]
name = "payload1"
tree = "tree"

[signing]
key = "../lab/signers/s.key"
certificates = ["../lab/signers/s.pem"]

[bundle]
vendor-code = "VFG"
"""


def _signing(folder: Path) -> None:
    _with_lab(folder)
    make_tree(folder / "p", {"vibforge.toml": _SIGNING, "tree/opt/p": "x\n"})


def _signable(folder: Path) -> None:
    _with_lab(folder)
    (folder / OUTPUT).mkdir()
    (folder / OUTPUT / "a.vib").write_bytes(vibs.vib(acceptance_level="partner"))
    (folder / OUTPUT / "a.vib").chmod(0o644)


def _several(folder: Path) -> None:
    for name in ("a", "b", "c"):
        vibs.write(folder, name)


def _several_and_old(folder: Path) -> None:
    _several(folder)
    _done("bundle", "create", *_CODE, "-o", folder / "out/x.zip", folder / "a.vib")


def _signable_bundle(folder: Path) -> None:
    _with_lab(folder)
    _several_and_old(folder)
    (folder / OUTPUT / "x.zip").chmod(0o644)


def _packed(folder: Path) -> None:
    (folder / "a.vib").write_bytes(vibs.MIXED_VIB)


def _packed_and_taken_out(folder: Path) -> None:
    _packed(folder)
    _done("extract", folder / "a.vib", "-C", folder / OUTPUT)
    (folder / OUTPUT / vibs.CONF.path).write_text("edited since\n")


def _bundled(folder: Path) -> None:
    _several(folder)
    words = (folder / f"{name}.vib" for name in "abc")
    _done("bundle", "create", *_CODE, "-o", folder / "x.zip", *words)


def _nothing(folder: Path) -> None:
    del folder


def _lab_to_write(folder: Path) -> None:
    shutil.copytree(_lab(folder.parent / "lab"), folder / OUTPUT)


def _key_or_certificate(path: Path) -> str:
    """Tell whether a file of a lab is whole: keys are new each time."""
    data = path.read_bytes()
    if path.suffix == ".key":
        load_pem_private_key(data, None)
    elif path.suffix == ".pem":
        x509.load_pem_x509_certificates(data)
    elif path.suffix in {".crl", ".partial"}:
        return f"a list of {len(x509.load_pem_x509_crl(data))}"
    else:
        return hashlib.sha256(data).hexdigest()
    return "whole"


_CODE = ("--vendor-code", "VFG")
_SIGN = ("--key", "lab/signers/s.key", "--cert", "lab/signers/s.pem")
_FORCED = ("extract", "a.vib", "-C", OUTPUT, "--force")
_BOOT_COPY = ("--layout", "boot-copy", "--set", "payloads[0].type=vgz")

_OVERWRITING = ("build", "p", "-o", OUTPUT, "--overwrite", "--vendor", "Acme")

SCENARIOS = {
    "build": Scenario(words=("build", "p", "-o", OUTPUT), prepare=_small),
    "build over an older one": Scenario(words=_OVERWRITING, prepare=_small_and_old),
    "build over an older one with a bundle": Scenario(
        words=_OVERWRITING, prepare=_small_and_old_bundle
    ),
    "build three payloads, --bundle": Scenario(
        words=(
            "build",
            "p",
            "-o",
            OUTPUT,
            "--compression",
            "fast",
            "--bundle",
            "--set",
            "bundle.vendor-code=VFG",
        ),
        prepare=_large,
        in_steps=True,
    ),
    "build signed, --bundle": Scenario(
        words=("build", "p", "-o", OUTPUT), prepare=_signing, in_steps=True
    ),
    "build --layout boot-copy": Scenario(
        words=("build", "p", "-o", OUTPUT, *_BOOT_COPY), prepare=_small
    ),
    "sign in place": Scenario(
        words=("sign", "out/a.vib", *_SIGN),
        again=("sign", "out/a.vib", *_SIGN, "--replace"),
        prepare=_signable,
    ),
    "sign --output": Scenario(
        words=("sign", "out/a.vib", *_SIGN, "-o", "out/b.vib"), prepare=_signable
    ),
    "sign a bundle in place": Scenario(
        words=("sign", "out/x.zip", *_SIGN),
        again=("sign", "out/x.zip", *_SIGN, "--replace"),
        prepare=_signable_bundle,
    ),
    "evidence sbom": Scenario(
        words=("evidence", "sbom", "out/a.vib", "-o", "out/a.json"), prepare=_signable
    ),
    "evidence change-record": Scenario(
        words=("evidence", "change-record", "a.vib", "-o", OUTPUT, "--date", "2026-12-01"),
        prepare=_packed,
    ),
    "bundle create": Scenario(
        words=("bundle", "create", *_CODE, "-o", "out/x.zip", "a.vib", "b.vib", "c.vib"),
        prepare=_several_and_old,
    ),
    "bundle remove": Scenario(
        words=("bundle", "remove", "x.zip", "a", "-o", "out/x.zip"), prepare=_bundled
    ),
    "bundle unpack": Scenario(
        words=("bundle", "unpack", "x.zip", "-C", OUTPUT), prepare=_bundled, fresh=True
    ),
    "extract": Scenario(words=("extract", "a.vib", "-C", OUTPUT), again=_FORCED, prepare=_packed),
    "extract --force": Scenario(words=_FORCED, prepare=_packed_and_taken_out),
    "extract --stage": Scenario(
        words=("extract", "a.vib", "-C", OUTPUT, "--stage"),
        again=("extract", "a.vib", "-C", OUTPUT, "--stage", "--force"),
        prepare=_packed,
    ),
    "init": Scenario(words=("init", OUTPUT), prepare=_nothing, once=True),
    "pki init": Scenario(
        words=("pki", "init", OUTPUT, "--key-type", "p-256"),
        prepare=_nothing,
        fresh=True,
        look=_key_or_certificate,
    ),
    "pki issue": Scenario(
        words=("pki", "issue", OUTPUT, "t", "--key-type", "p-256"),
        once=True,
        prepare=_lab_to_write,
        look=_key_or_certificate,
    ),
    "pki revoke": Scenario(
        words=("pki", "revoke", OUTPUT, "s"),
        once=True,
        prepare=_lab_to_write,
        look=_key_or_certificate,
    ),
    "pki export": Scenario(words=("pki", "export", "lab", "-o", OUTPUT), prepare=_with_lab),
    "trx new": Scenario(
        words=("trx", "new", "--profile", "g8275-1", "-o", "out/trx.conf"),
        prepare=lambda folder: (folder / OUTPUT).mkdir(),
    ),
}
