"""What ptp4l and phc2sys would make of a trx.conf: files, and a table of what is in effect.

All `ptp4l` settings land in the `[global]` section, in the order of the file; that phc2sys gets a
file of its own is likely and not shown (its keys may be command-line letters).
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from vibforge.errors import Problem, TrxError
from vibforge.trx.conf import NAMESPACES, Line, LineForm, TrxConf, shown
from vibforge.trx.option import CANDIDATES, Catalogue, Option, catalogue, default_of, shown_default

UNKNOWN = "unknown"
"""Stands for the default and meaning of a key that is not in the catalogue."""


class Effect(Struct, frozen=True, kw_only=True):
    """One setting in effect: its value, the default, the line it comes from, what it does.

    `line` is 0 where nothing sets it and the default holds. `note` says what keeps the value from
    having an effect, or what is not known of it.
    """

    namespace: str
    key: str
    value: str
    default: str
    line: int
    does: str
    note: str = ""


def stopping_lines(conf: TrxConf) -> tuple[Line, ...]:
    """The lines at which trx-ctl is known to stop, so that TRX does not start."""
    return tuple(line for line in conf.lines if line.form is LineForm.PORT)


def linuxptp_file(conf: TrxConf, namespace: str) -> str:
    """Return the file that TRX would make for `ptp4l` or `phc2sys`: `[global]` and its settings.

    Repeated keys stay repeated: linuxptp takes the last one. Lines that are no settings are left
    out; what trx-ctl does with them is not known.

    Raises:
        TrxError: TRX would not start with this trx.conf, or a setting would open a section.
    """
    problems = [
        Problem(
            what=f"`{shown(line.text.strip())}` names a port: TRX does not start",
            where=f"line {line.number}",
            remedy=f"Write `{shown(f'{line.namespace}:{line.key} {line.value}')}`.",
        )
        for line in stopping_lines(conf)
    ]
    settings = [line for line in conf.settings if line.namespace == namespace]
    problems += [
        Problem(what=f"`{shown(line.key)}` is a section header", where=f"line {line.number}")
        for line in settings
        if line.key.startswith("[")
    ]
    if problems:
        raise TrxError.from_problems(problems)
    return "".join(["[global]\n", *(f"{line.key} {line.value}\n" for line in settings)])


def effects(
    conf: TrxConf, *, releases: Sequence[str] = CANDIDATES, everything: bool = False
) -> tuple[Effect, ...]:
    """Return what is in effect, by namespace: what the file sets, and the rest on request.

    Args:
        conf: the file.
        releases: the releases whose defaults count.
        everything: also the options that the file does not set, with their defaults.
    """
    table = catalogue()
    found = list(_set_ones(conf, table, releases))
    if everything:
        given = {(effect.namespace, _setting(table, effect.key)) for effect in found}
        found += [
            effect
            for effect in _defaults(table, releases)
            if (effect.namespace, effect.key) not in given
        ]
    return tuple(sorted(found, key=lambda effect: _rank(effect.namespace)))


def _rank(namespace: str) -> int:
    return NAMESPACES.index(namespace) if namespace in NAMESPACES else len(NAMESPACES)


def _setting(table: Catalogue, key: str) -> str:
    option = table.options.get(key)
    return option.setting if option else key


def _set_ones(conf: TrxConf, table: Catalogue, releases: Sequence[str]) -> Iterator[Effect]:
    last = {(line.namespace, _setting(table, line.key)): line for line in conf.settings}
    for (namespace, _), line in last.items():
        option = table.options.get(line.key) if namespace != "sys2vmw" else None
        yield Effect(
            namespace=namespace,
            key=line.key,
            value=line.value,
            default=_default(table, namespace, option, releases) if option else UNKNOWN,
            line=line.number,
            does=option.does if option else UNKNOWN,
            note=_note(table, namespace, option),
        )


def _note(table: Catalogue, namespace: str, option: Option | None) -> str:
    if namespace == "sys2vmw":
        return "which keys sys2vmw takes is not known"
    if option is None:
        return "linuxptp has no such option"
    if namespace != "phc2sys":
        return ""
    use = table.phc2sys.get(option.setting)
    if use is None:
        return "phc2sys ignores it"
    return use.why or use.remark


def _defaults(table: Catalogue, releases: Sequence[str]) -> Iterator[Effect]:
    for option in table.options.values():
        if option.now or not any(option.known_to(release) for release in releases):
            continue
        yield _default_effect(table, "ptp4l", option, releases)
        if option.name in table.phc2sys:
            yield _default_effect(table, "phc2sys", option, releases)


def _default_effect(
    table: Catalogue, namespace: str, option: Option, releases: Sequence[str]
) -> Effect:
    default = _default(table, namespace, option, releases)
    return Effect(
        namespace=namespace,
        key=option.name,
        value=default,
        default=default,
        line=0,
        does=option.does,
        note=_note(table, namespace, option),
    )


def _default(table: Catalogue, namespace: str, option: Option, releases: Sequence[str]) -> str:
    use = table.phc2sys.get(option.setting) if namespace == "phc2sys" else None
    if use and use.default is not None:
        return shown_default(use.default)
    known = [release for release in releases if option.known_to(release)]
    return default_of(option, known) if known else "unknown to these releases"
