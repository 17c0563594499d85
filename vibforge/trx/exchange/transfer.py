"""What goes over into a trx.conf, and what cannot."""

from collections.abc import Iterator

from msgspec import Struct, field

from vibforge.trx.conf import TrxConf, is_default, shown
from vibforge.trx.option import CANDIDATES, Catalogue, Standing, catalogue


class Loss(Struct, frozen=True, kw_only=True):
    """One thing that did not go over: where it stood, what it said and why.

    `harmless` marks what does not change how a client of TRX works: a default, what TRX settles
    itself, what belongs to another system or to a port that was not chosen.
    """

    where: str
    says: str
    why: str
    harmless: bool = False


class Imported(Struct, frozen=True, kw_only=True):
    """A trx.conf made of something else, and what of it stayed behind."""

    conf: TrxConf
    losses: tuple[Loss, ...]

    @property
    def complete(self) -> bool:
        return all(loss.harmless for loss in self.losses)


class Collector(Struct):
    """Collects settings for a trx.conf; a later one of the same option replaces the earlier."""

    table: Catalogue = field(default_factory=catalogue)
    settings: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)

    def take(self, namespace: str, key: str, value: str, where: str) -> None:
        """Take one setting over, or say why it cannot be."""
        why, harmless = self._obstacle(namespace, key, value)
        option = self.table.options.get(key)
        if why or option is None:
            self.lose(where, f"{key} {value}", why, harmless=harmless)
        else:
            self.settings.pop((namespace, option.setting), None)
            self.settings[namespace, option.setting] = (key, value)

    def lose(self, where: str, says: str, why: str, *, harmless: bool = False) -> None:
        loss = Loss(where=where, says=shown(says.strip()), why=why, harmless=harmless)
        self.losses.append(loss)

    def imported(self) -> Imported:
        """Return what was collected, ptp4l before phc2sys, each in the order of its coming."""
        return Imported(conf=TrxConf.of(self._ordered()), losses=tuple(self.losses))

    def _ordered(self) -> Iterator[tuple[str, str, str]]:
        for wanted in ("ptp4l", "phc2sys"):
            for (namespace, _), (key, value) in self.settings.items():
                if namespace == wanted:
                    yield namespace, key, value

    def _obstacle(self, namespace: str, key: str, value: str) -> tuple[str, bool]:
        """Why a setting cannot go over, and whether that is harmless; ("", False) if it can."""
        option = self.table.options.get(key)
        if option is None:
            return "no linuxptp has this option", False
        if not value or not value.isprintable():
            return "linuxptp would not read it: it has no value, or one that cannot be seen", False
        default = is_default(option, value, CANDIDATES)
        use = self.table.phc2sys.get(option.setting) if namespace == "phc2sys" else None
        if option.standing is Standing.IMPOSSIBLE:
            return "it is the default" if default else self.table.reason(option), default
        if ":" in value:
            return "its `:` may stop TRX" + (", and it is the default" if default else ""), default
        return (use.why, False) if use and use.since is None else ("", False)
