"""Carry the steps of a remedy out with vibforge's own commands, and plan again."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import tomli_w
from msgspec import Struct, field
from msgspec.structs import replace

from tests.host.packages import package
from tests.host.refusals import Case
from tests.signing.lab import Lab, make_lab
from tests.trees import make_tree
from vibforge.errors import VibforgeError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.host.command import NO_FLAGS, Flags
from vibforge.host.host import Host
from vibforge.host.remedy import OF_THE_VIB, Remedy, RemedyStep
from vibforge.host.routes import Route
from vibforge.packages.plan import HostPlan, plan
from vibforge.packages.sign import Existing, sign_vib
from vibforge.packages.subjects import opened
from vibforge.project.build import build
from vibforge.project.stage import extract_stage
from vibforge.signing.policy import TrustPolicy
from vibforge.signing.store import read_store

DATE = {"SOURCE_DATE_EPOCH": "1714564800"}
Table = dict[str, Any]


def _rename(table: Table, _tree: Path) -> None:
    table["name"] = table["name"].replace("/", "-")[:35]


def _forget_itself(table: Table, _tree: Path) -> None:
    for kind in ("conflicts", "replaces"):
        listed = table["relationships"].get(kind, [])
        table["relationships"][kind] = [name for name in listed if name != table["name"]]


def _provide_no_base(table: Table, _tree: Path) -> None:
    table["relationships"].pop("provides")


def _move_files(_table: Table, tree: Path) -> None:
    (tree / "opt" / "acme").mkdir(parents=True, exist_ok=True)
    for path in [each for each in tree.rglob("*") if each.is_file()]:
        path.rename(tree / "opt" / "acme" / path.name)


_CHANGES: Mapping[str, Callable[[Table, Path], None]] = {
    "with a name of at most": _rename,
    "without relationships that name the VIB itself": _forget_itself,
    "without providing esx-version": _provide_no_base,
    "with new paths for files that conflict": _move_files,
    "with payloads of type tgz or vgz": lambda table, _: table["payloads"][0].update(type="tgz"),
}
"""What a step asks for, and how the project of a build is changed for it."""


class Thing(Struct, frozen=True):
    """A case as it is now: its file, and the host that it is for."""

    case: Case
    path: Path
    host: Host


class Workshop(Struct, dict=True):
    """A folder for VIBs, whom the hosts trust, and a signer whom they do not."""

    folder: Path
    lab: Lab
    numbers: Iterator[int] = field(default_factory=count)
    done: dict[tuple[Path, str], Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.policy = TrustPolicy(store=read_store([self.lab.store]))
        self.stranger = make_lab(self.folder / "stranger")

    def file(self, case: Case) -> Path:
        """Write a case as a file."""
        path = self._new("vib") / "acme.vib"
        path.write_bytes(case.unsigned())
        if case.signature in {"trusted", "broken"}:
            sign_vib(path, self.lab.signer())
        if case.signature == "stranger":
            sign_vib(path, self.stranger.signer())
        if case.signature == "broken":
            path.write_bytes(path.read_bytes().replace(b">Acme<", b">Acne<"))
        return path

    def plan(self, thing: Thing, flags: Flags = NO_FLAGS, route: Route = Route.INSTALL) -> HostPlan:
        (file,) = plan(
            [thing.path], host=thing.host, flags=flags, route=route, policy=self.policy
        ).files
        return file.hosts[0]

    def carry_out(self, remedy: Remedy, thing: Thing) -> HostPlan:
        """Do what the steps say, in the order in which they can be done."""
        for step in remedy.steps:
            thing = self._do(step, thing)
        return self.plan(thing, Flags.parse(" ".join(remedy.flags)))

    def _do(self, step: RemedyStep, thing: Thing) -> Thing:
        """Do one step; what a step makes of a file is kept, as many hosts ask for the same."""
        if step.key not in OF_THE_VIB:
            return self._do_anew(step, thing)
        key = (thing.path, step.words)
        if key not in self.done:
            self.done[key] = self._do_anew(step, thing).path
        return replace(thing, path=self.done[key])

    def _do_anew(self, step: RemedyStep, thing: Thing) -> Thing:
        if step.flag:
            return thing
        if step.host_level is not None:
            return replace(thing, host=replace(thing.host, acceptance_level=step.host_level))
        match step.key:
            case "maintenance":
                return replace(thing, host=replace(thing.host, maintenance_mode=True))
            case "provider":
                provider = package("acme-base", level="certified")
                installed = (*thing.host.installed, provider)
                return replace(thing, host=replace(thing.host, installed=installed))
            case "fetch":
                return replace(thing, path=self._from_sources(thing.case))
            case "rebuild":
                return self._rebuilt(thing, step.words)
            case "boot-copy":
                return self._rebuilt(thing, step.words, layout="boot-copy")
            case "sign":
                return self._signed(thing, step.words)
            case other:
                raise AssertionError(f"nobody knows how to carry out {other}")

    def _rebuilt(self, thing: Thing, words: str, **settings: str) -> Thing:
        """Make a project of the VIB, change it as the words say, and build it anew."""
        project = self._project(thing)
        recipe = project / "vibforge.toml"
        table: Table = tomllib.loads(recipe.read_text())
        for asked, change in _CHANGES.items():
            if asked in words:
                change(table, project / table["payloads"][0]["tree"])
        table |= {"version": f"{next(self.numbers)}.0.0-1", **settings}
        recipe.write_text(tomli_w.dumps(table))
        built = build(project, self._new("dist"), environment=DATE, instructions=False)
        return replace(thing, path=built.vib_path)

    def _project(self, thing: Thing) -> Path:
        """Take the VIB apart; where that is not possible, begin with its sources."""
        project = self._new("project")
        try:
            with opened(thing.path) as subjects:
                extract_stage(subjects[0], project)
        except VibforgeError:
            self._write_sources(thing.case, project)
        return project

    def _from_sources(self, case: Case) -> Path:
        project = self._new("sources")
        self._write_sources(case, project)
        return build(project, self._new("dist"), environment=DATE, instructions=False).vib_path

    def _write_sources(self, case: Case, project: Path) -> None:
        make_tree(project / "payloads/payload1", dict.fromkeys(case.files, "x\n"))
        table = {
            "name": case.vib_name,
            "version": "1.0.0-1",
            "acceptance-level": case.level,
            "relationships": {},
            "payloads": [{"name": "payload1", "tree": "payloads/payload1"}],
        }
        (project / "vibforge.toml").write_text(tomli_w.dumps(table))

    def _signed(self, thing: Thing, words: str) -> Thing:
        level = thing.case.level
        if "build the VIB again" in words and level == "community":
            level = "partner"
            thing = self._rebuilt(thing, words, **{"acceptance-level": level})
        signer = self.lab.signer(AcceptanceLevel.parse(level))
        signed = self._new("signed") / thing.path.name
        sign_vib(thing.path, signer, output=signed, existing=Existing.REPLACE)
        return replace(thing, path=signed)

    def _new(self, what: str) -> Path:
        folder = self.folder / f"{what}{next(self.numbers)}"
        folder.mkdir()
        return folder
