"""Every build's own instructions, given to the model: none ends in a refusal that it hides."""

import re
import shlex
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from tests.trees import make_tree
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Release
from vibforge.esxi.table import STOCK_TARGETS
from vibforge.host.command import Command, Flags
from vibforge.host.host import DEFAULT_LEVEL, Host, stock_host
from vibforge.host.install.installer import predict
from vibforge.host.prediction import Branch, Prediction
from vibforge.packages.plan import read_candidate
from vibforge.project.build import build

DATE = {"SOURCE_DATE_EPOCH": "1714564800"}
RELEASES = (*STOCK_TARGETS, Release(8, 0, 3), Release(9, 1))
PATHS = {
    "allowed": "opt/acme/acme.conf",
    "forced": "etc/acme/acme.conf",
    "init script": "etc/init.d/acme",
    "partner's": "etc/rc.local.d/acme",
}


class Shape(Struct, frozen=True):
    """What a project can be, as far as a host cares."""

    level: str
    path: str
    kind: str = "tgz"
    live: tuple[bool, ...] = (True, True)
    """Whether it is installed, and removed, without a reboot."""
    maintenance: bool = False
    layout: str = "plain"
    name: str = "acme"

    @property
    def settings(self) -> dict[str, str]:
        install, remove = (str(allowed).lower() for allowed in self.live)
        asked = str(self.maintenance).lower()
        return {
            "name": self.name,
            "acceptance-level": self.level,
            "live-install-allowed": install,
            "live-remove-allowed": remove,
            "system-requires.maintenance-mode.on-install": asked,
            "system-requires.maintenance-mode.on-remove": asked,
            "layout": self.layout,
        }


LEVELS = tuple(level.value for level in AcceptanceLevel)
FEW = (
    *(Shape(level, path) for level, path in product(LEVELS, PATHS)),
    *(Shape("community", "allowed", live=live) for live in product((True, False), repeat=2)),
    Shape("community", "forced", layout="boot-copy"),
    Shape("partner", "forced", kind="vgz", maintenance=True),
    Shape("community", "allowed", maintenance=True, live=(True, False)),
    Shape("partner", "allowed", name="net-e1000"),
    Shape("community", "forced", name="esx-ui"),
)
ALL = tuple(
    Shape(level, path, kind, live, maintenance, layout)
    for level, path, kind, live, maintenance, layout in product(
        LEVELS,
        PATHS,
        ("tgz", "vgz"),
        product((True, False), repeat=2),
        (True, False),
        ("plain", "boot-copy"),
    )
)


class Told(Struct, frozen=True):
    """What the instructions of a build say: the command, the host's state, the answers."""

    guide: str
    script: str

    @property
    def flags(self) -> Flags:
        """The flags of the one command, which guide and script must have alike."""
        (by_hand,) = re.findall(r"^ +esxcli software vib install (.*)$", self.guide, re.MULTILINE)
        (scripted,) = re.findall(r"^esxcli software vib install (.*)$", self.script, re.MULTILINE)
        words = [each for each in shlex.split(by_hand) if not each.startswith("/")]
        assert words == [w for w in shlex.split(scripted) if not w.startswith("$")]
        return Flags.parse(" ".join(word for word in words if word != "-v"))

    def host(self, release: Release) -> Host:
        """Return a stock host after the steps before the install."""
        level = re.findall(r"acceptance set --level=(\w+)", self.guide)[0]
        asked = AcceptanceLevel.parse(level)
        lowered = min(asked, DEFAULT_LEVEL, key=lambda each: each.rank)
        enters = "Then install, with the full path" in self.guide
        assert enters == ("check_maintenance\n" in self.script)
        host = stock_host(release)
        return replace(host, acceptance_level=lowered, maintenance_mode=enters)

    def answer(self, release: Release) -> str | None:
        """Return what the guide says of a release; None where it does not name it."""
        for names, answer in re.findall(
            r"^\| ([\d., U]+) \| (.*) \| \w+ \|$", self.guide, re.MULTILINE
        ):
            if str(release) in names.split(", "):
                return re.sub(r"\\(.)", r"\1", answer)
        return None


def predictions(told: Told, vib: Path) -> Iterator[tuple[Release, tuple[Branch[Prediction], ...]]]:
    candidate = read_candidate(vib)
    for release in RELEASES:
        command = Command(
            host=told.host(release),
            packages=candidate.packages,
            flags=told.flags,
            refusals=candidate.refusals,
            damage=candidate.damage,
        )
        yield release, predict(command)


def check(shape: Shape, folder: Path) -> None:
    tree = make_tree(folder / "acme", {f"payloads/p/{PATHS[shape.path]}": "#!/bin/sh\n"})
    (tree / "vibforge.toml").write_text(
        'version = "1.0.0-1"\n[[payloads]]\nname = "p"\ntree = "payloads/p"\n'
        f'type = "{shape.kind}"\n'
    )
    built = build(tree, folder / "dist", settings=shape.settings, environment=DATE)
    told = Told(
        (built.folder / "INSTALL.md").read_text(), (built.folder / "install.sh").read_text()
    )
    for release, branches in predictions(told, built.vib_path):
        outcomes = {branch.result.outcome for branch in branches}
        where = f"{shape} on {release}: {[w.result.says for w in branches]}"
        assert any(outcome.installs for outcome in outcomes), where
        answer = told.answer(release)
        assert (answer is None) == (release not in STOCK_TARGETS), where
        if answer is not None:
            assert ("refused" in answer) == any(not out.installs for out in outcomes), where
            assert all(str(outcome) in answer for outcome in outcomes), where


@pytest.mark.parametrize("shape", FEW, ids=str)
def test_instructions_install_what_they_are_for(tmp_path: Path, shape: Shape) -> None:
    check(shape, tmp_path)


@pytest.mark.long
@pytest.mark.slow
def test_instructions_of_every_shape(tmp_path: Path) -> None:
    for number, shape in enumerate(ALL):
        check(shape, tmp_path / str(number))
