"""What the rules look at: a file, the releases it must work with, and what it sets in effect."""

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from vibforge.trx.conf import Line, LineForm, TrxConf, ValueRefusal, number_of, refusal
from vibforge.trx.option import Catalogue, Letter, Option

_LINUXPTP = ("ptp4l", "phc2sys")

_MOST_GUESSES = 50
"""Names of one file that are compared with all options: a comparison takes a millisecond."""


class Subject(Struct, frozen=True, kw_only=True):
    """A trx.conf under judgement.

    `configstore` is what the host's ConfigStore says, by its key; it may be empty.
    """

    conf: TrxConf
    catalogue: Catalogue
    releases: tuple[str, ...]
    configstore: Mapping[str, str]
    known: tuple[tuple[Line, Option], ...]
    effective: Mapping[tuple[str, str], Line]
    _judged: dict[tuple[str, str], Mapping[str, ValueRefusal]] = field(default_factory=dict)
    _guessed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        conf: TrxConf,
        catalogue: Catalogue,
        releases: tuple[str, ...],
        configstore: Mapping[str, str],
    ) -> "Subject":
        """Look up each setting of ptp4l and phc2sys; the last one of a name is in effect."""
        known = tuple(
            (line, catalogue.options[line.key])
            for line in conf.settings
            if line.namespace in _LINUXPTP and line.key in catalogue.options
        )
        return cls(
            conf=conf,
            catalogue=catalogue,
            releases=releases,
            configstore=configstore,
            known=known,
            effective={(line.namespace, option.setting): line for line, option in known},
        )

    def lines(self, form: LineForm) -> Iterator[Line]:
        return (line for line in self.conf.lines if line.form is form)

    def unknown(self) -> Iterator[Line]:
        """The settings of ptp4l and phc2sys whose key no linuxptp has."""
        for line in self.conf.settings:
            if line.namespace in _LINUXPTP and line.key and line.key not in self.catalogue.options:
                yield line

    def letter(self, line: Line) -> Letter | None:
        """The command-line letter that the key of `line` is, if it is one."""
        table = self.catalogue
        letters = table.ptp4l_letters if line.namespace == "ptp4l" else table.phc2sys_letters
        return letters.get(f"-{line.key.removeprefix('-')}")

    def of_program(self, namespace: str) -> Iterator[tuple[Line, Option]]:
        return ((line, option) for line, option in self.known if line.namespace == namespace)

    def refusals(self, option: Option, value: str) -> Mapping[str, ValueRefusal]:
        """Which of the releases refuse `value`, and why; empty where all take it."""
        found = self._judged.get((option.name, value))
        if found is None:
            judged = ((release, refusal(option, value, release)) for release in self.releases)
            found = {release: why for release, why in judged if why is not None}
            self._judged[option.name, value] = found
        return found

    def nearest(self, name: str) -> tuple[str, ...]:
        """The names that `name` may be a slip of, for the first fifty different ones."""
        if name not in self._guessed:
            if len(self._guessed) >= _MOST_GUESSES:
                return ()
            self._guessed[name] = self.catalogue.nearest(name)
        return self._guessed[name]

    def setting(self, key: str, namespace: str = "ptp4l") -> Line | None:
        """The line that is in effect for the option, under either of its names."""
        return self.effective.get((namespace, key))

    def number(self, key: str) -> int | float | None:
        """The number that ptp4l is given for the option, None where the file says none."""
        line = self.setting(key)
        return number_of(self.catalogue.options[key].kind, line.value) if line else None

    def word(self, key: str) -> str:
        """The word that ptp4l is given for the option, in small letters; empty where none is."""
        line = self.setting(key)
        return line.value.casefold() if line else ""
