"""The command that is asked about: VIBs, a verb, flags (install.md#flags)."""

from msgspec import Struct

from vibforge.errors import ModelError
from vibforge.host.host import Host
from vibforge.host.image import Verb
from vibforge.host.package import Package
from vibforge.host.prediction import Refusal


class Flags(Struct, frozen=True, kw_only=True):
    """Which flags the command carries."""

    force: bool = False
    no_sig_check: bool = False
    maintenance_mode: bool = False
    no_live_install: bool = False
    dry_run: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The flags as they are typed."""
        return tuple(_WORDS[name] for name in self.__struct_fields__ if getattr(self, name))

    def __str__(self) -> str:
        return " ".join(self.words)

    @classmethod
    def parse(cls, words: str) -> "Flags":
        """Read `--force --no-sig-check`, or `-f`.

        Raises:
            ModelError: a word is no flag that changes what an install does.
        """
        asked = {"--force" if word == "-f" else word for word in words.split()}
        if unknown := sorted(asked.difference(_WORDS.values())):
            raise ModelError(
                f"no flag of esxcli that a plan knows: {', '.join(unknown)}",
                remedy=f"use {', '.join(_WORDS.values())}",
            )
        return cls(**{name: word in asked for name, word in _WORDS.items()})


_WORDS = {
    "force": "--force",
    "no_sig_check": "--no-sig-check",
    "maintenance_mode": "--maintenance-mode",
    "no_live_install": "--no-live-install",
    "dry_run": "--dry-run",
}
SKIPS = {
    "--force": "dependencies, conflicts, obsolescence, file conflicts, the acceptance comparison, "
    "path rules and the signature",
    "--no-sig-check": "the signature and the path rules",
    "--maintenance-mode": "the check that a live change has maintenance mode",
    "--no-live-install": "the live install: the host must be rebooted",
    "--dry-run": "the download, digests and signature, and every change",
}
"""What is given up with a flag, for people."""

NO_FLAGS = Flags()


class Command(Struct, frozen=True, kw_only=True):
    """One command: which VIBs, onto which host or off it, with which verb and flags."""

    host: Host
    packages: tuple[Package, ...] = ()
    names: tuple[str, ...] = ()
    """The installed VIBs that are to be removed, as esxcli takes their names."""
    verb: Verb = Verb.INSTALL
    flags: Flags = NO_FLAGS
    refusals: tuple[Refusal, ...] = ()
    """What the host's reader refuses before anything else is looked at."""
    damage: tuple[Refusal, ...] = ()
    """What it refuses when it reads the payloads."""
