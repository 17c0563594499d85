"""The command to predict: VIBs, a verb, flags (install.md#flags)."""

from msgspec import Struct

from vibforge.errors import ModelError
from vibforge.host.host import Host
from vibforge.host.image import Verb
from vibforge.host.package import Package
from vibforge.host.prediction import Refusal


class Flags(Struct, frozen=True, kw_only=True):
    """The flags of `esxcli software vib` that change what a command does."""

    force: bool = False
    no_sig_check: bool = False
    maintenance_mode: bool = False
    no_live_install: bool = False
    dry_run: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The flags as a user types them."""
        return tuple(_WORDS[name] for name in self.__struct_fields__ if getattr(self, name))

    def __str__(self) -> str:
        return " ".join(self.words)

    @classmethod
    def parse(cls, words: str) -> "Flags":
        """Read `--force --no-sig-check`, or `-f`.

        Raises:
            ModelError: a word is not a flag that changes what an install does.
        """
        given = {"--force" if word == "-f" else word for word in words.split()}
        if unknown := sorted(given.difference(_WORDS.values())):
            raise ModelError(
                f"not a flag that vibforge can predict: {', '.join(unknown)}",
                remedy=f"use {', '.join(_WORDS.values())}",
            )
        return cls(**{name: word in given for name, word in _WORDS.items()})


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
    "--maintenance-mode": "the check that the host is in maintenance mode for a live change",
    "--no-live-install": "the live install: the host must be rebooted",
    "--dry-run": "the download, digests and signature, and every change",
}
"""What a host skips with each flag, as text."""

NO_FLAGS = Flags()


class Command(Struct, frozen=True, kw_only=True):
    """One command: the host, the VIBs to install or remove, the verb and the flags."""

    host: Host
    packages: tuple[Package, ...] = ()
    names: tuple[str, ...] = ()
    """The installed VIBs to remove, by a name that esxcli accepts."""
    verb: Verb = Verb.INSTALL
    flags: Flags = NO_FLAGS
    refusals: tuple[Refusal, ...] = ()
    """Refusals of the host's reader, before every other check."""
    damage: tuple[Refusal, ...] = ()
    """Refusals when the host reads the payloads."""
