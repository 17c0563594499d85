"""Every flag, level and Secure Boot cell of install.md#flags, on a 6.7 host."""

import pytest
from msgspec.structs import replace

from tests.host.packages import package
from tests.releases import ESXI_65, ESXI_67, ESXI_80
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Certainty, Release
from vibforge.host.command import NO_FLAGS, Command, Flags
from vibforge.host.host import stock_host
from vibforge.host.install.installer import predict
from vibforge.vib.signature import Signature

SAYS = {
    "ok": "Operation finished successfully.",
    "list": "[VibValidationError]",
    "stage": "failed a check of extensibility rules",
    "level": "[AcceptanceConfigError]",
    "unsigned": "does not contain a signature",
}
FLAGS = ("", "--no-sig-check", "--force", "--force --no-sig-check")
UNSIGNED = """
VIB        path     host       SB   none      no-sig    force     both
community  outside  community  off  list      ok        ok        ok
community  outside  partner    off  list      level     ok        ok
community  outside  accepted   off  list      level     ok        ok
community  outside  certified  off  list      level     ok        ok
partner    outside  community  off  list      ok        ok        ok
partner    outside  partner    off  list      ok        ok        ok
partner    outside  accepted   off  list      level     ok        ok
partner    outside  certified  off  list      level     ok        ok
accepted   outside  community  off  unsigned  ok        ok        ok
accepted   outside  partner    off  unsigned  ok        ok        ok
accepted   outside  accepted   off  unsigned  ok        ok        ok
accepted   outside  certified  off  level     level     ok        ok
certified  outside  community  off  unsigned  ok        ok        ok
certified  outside  partner    off  unsigned  ok        ok        ok
certified  outside  accepted   off  unsigned  ok        ok        ok
certified  outside  certified  off  unsigned  ok        ok        ok
community  outside  community  on   list      list      stage     stage
community  outside  partner    on   list      list      level     level
community  outside  accepted   on   list      list      level     level
community  outside  certified  on   list      list      level     level
partner    outside  community  on   list      list      unsigned  unsigned
partner    outside  partner    on   list      list      unsigned  unsigned
partner    outside  accepted   on   list      list      level     level
partner    outside  certified  on   list      list      level     level
accepted   outside  community  on   unsigned  unsigned  unsigned  unsigned
accepted   outside  partner    on   unsigned  unsigned  unsigned  unsigned
accepted   outside  accepted   on   unsigned  unsigned  unsigned  unsigned
accepted   outside  certified  on   level     level     level     level
certified  outside  community  on   unsigned  unsigned  unsigned  unsigned
certified  outside  certified  on   unsigned  unsigned  unsigned  unsigned
community  allowed  community  off  ok        ok        ok        ok
community  allowed  partner    off  level     level     ok        ok
community  allowed  certified  off  level     level     ok        ok
partner    allowed  community  off  unsigned  ok        ok        ok
partner    allowed  partner    off  unsigned  ok        ok        ok
partner    allowed  accepted   off  level     level     ok        ok
community  allowed  community  on   ok        ok        ok        ok
community  allowed  partner    on   level     level     level     level
partner    allowed  community  on   unsigned  unsigned  unsigned  unsigned
partner    allowed  partner    on   unsigned  unsigned  unsigned  unsigned
partner    allowed  accepted   on   level     level     level     level
"""
SIGNED = """
VIB        path     host       SB   none      no-sig    force     both
partner    allowed  partner    on   ok        ok        ok        ok
partner    allowed  partner    off  ok        ok        ok        ok
partner    outside  partner    on   list      list      stage     stage
partner    outside  partner    off  list      ok        ok        ok
accepted   outside  partner    on   ok        ok        ok        ok
certified  outside  certified  on   ok        ok        ok        ok
"""

Cell = tuple[str, str, str, str, str, str, Signature]


def cells(table: str, signature: Signature) -> list[Cell]:
    rows = [line.split() for line in table.strip().splitlines()[1:]]
    return [
        (vib, path, host, secure_boot, flags, says, signature)
        for vib, path, host, secure_boot, *outcomes in rows
        for flags, says in zip(FLAGS, outcomes, strict=True)
    ]


@pytest.mark.parametrize(
    "cell",
    [*cells(UNSIGNED, Signature.MISSING), *cells(SIGNED, Signature.TRUSTED)],
    ids=lambda cell: " ".join(cell[:5]) + f" {cell[6]}",
)
def test_cell(cell: Cell) -> None:
    vib, path, host_level, secure_boot, flags, says, signature = cell
    host = replace(
        stock_host(ESXI_67),
        acceptance_level=AcceptanceLevel.parse(host_level),
        secure_boot=secure_boot == "on",
    )
    files = {"outside": ("etc/vmware/trx.conf",), "allowed": ("opt/x/trx.conf",)}[path]
    offered = package(level=vib, files=files, signature=signature)
    (branch,) = predict(Command(host=host, packages=(offered,), flags=Flags.parse(flags)))
    assert SAYS[says] in branch.result.says
    assert branch.result.certainty is Certainty.MEASURED


def test_65_refuses_the_flag_itself_under_secure_boot() -> None:
    host = replace(stock_host(ESXI_65), secure_boot=True)
    command = Command(host=host, packages=(package(),), flags=Flags(no_sig_check=True))
    (branch,) = predict(command)
    assert "Secure Boot enabled: Cannot skip signature checks" in branch.result.says


def test_force_and_the_level_are_open_from_70_on() -> None:
    command = Command(host=stock_host(ESXI_80), packages=(package(),), flags=Flags(force=True))
    says = {branch.result.says.split("]")[0].strip() for branch in predict(command)}
    assert says == {"Operation finished successfully.", "[AcceptanceConfigError"}
    assert all(len(branch.assumptions.conditions) == 1 for branch in predict(command))


def test_a_dry_run_does_not_see_the_signature() -> None:
    unsigned = package(level="accepted")
    command = Command(host=stock_host(ESXI_67), packages=(unsigned,), flags=Flags(dry_run=True))
    (branch,) = predict(command)
    assert branch.result.dry_run
    assert branch.result.says.startswith("Dryrun only, host not changed.")


@pytest.mark.parametrize("flags", [NO_FLAGS, Flags(force=True), Flags(force=True, dry_run=True)])
def test_nothing_gets_past_the_missing_digest_of_80(flags: Flags) -> None:
    old = package(checksums=package().descriptor.payloads[0].checksums[1:])
    host = replace(stock_host(Release(8, 0, 2)), acceptance_level=AcceptanceLevel.COMMUNITY)
    (branch,) = predict(Command(host=host, packages=(old,), flags=flags))
    assert "does not have sha-256 gunzip checksum" in branch.result.says
    assert branch.result.causes[0].rule == "VF305"


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        ("", NO_FLAGS),
        ("-f", Flags(force=True)),
        ("--force --dry-run", Flags(force=True, dry_run=True)),
        ("--no-live-install", Flags(no_live_install=True)),
    ],
)
def test_flags_are_read_as_they_are_typed(words: str, flags: Flags) -> None:
    assert Flags.parse(words) == flags
    assert Flags.parse(str(flags)) == flags
