"""The reference pages of trx.conf, made of the option table, the profiles and the rules.

docs/generate.py writes them to docs/reference; a test holds them to what is made here.
"""

from collections.abc import Callable, Iterator

from vibforge.esxi.table import TABLE
from vibforge.findings.check import Check
from vibforge.model.certainty import Certainty
from vibforge.report.rules import marked
from vibforge.report.trx_check import UNSUPPORTED
from vibforge.report.trx_tables import takes
from vibforge.trx.catalogue import Catalogue, catalogue
from vibforge.trx.document import shown
from vibforge.trx.option import Option, Standing, default_of
from vibforge.trx.profile import Profile, profiles
from vibforge.trx.release import CANDIDATES, RELEASES, carried_by, span
from vibforge.trx.rules import RULES
from vibforge.trx.subject import Subject

_STANDINGS = {
    Standing.USEFUL: "a reason to have a trx.conf",
    Standing.ROLE: "fixes the host as a client",
    Standing.MANAGED: "ESXi has a way of its own for it",
    Standing.POINTLESS: "does nothing on a client with one port",
    Standing.DANGEROUS: "takes something away that TRX lives on",
    Standing.COLON: "its value has a `:`, which may stop TRX",
    Standing.IMPOSSIBLE: "cannot work from a trx.conf",
}


_MEANING = {
    Certainty.MEASURED: "tried with linuxptp itself",
    Certainty.DOCUMENTED: "written down in public: a manual, a standard, the analysis of TRX",
    Certainty.INFERRED: "follows from what is known",
    Certainty.UNKNOWN: "nobody has shown what TRX does",
}


def options_page() -> str:
    """Return docs/reference/trx-options.md."""
    table = catalogue()
    lines = [
        "# The options that a trx.conf can set",
        "",
        "Made of the option table that ships with vibforge; `make docs` writes it anew.",
        "`vibforge trx options WORD…` searches the same table.",
        "",
        f"Table version {table.version}. {UNSUPPORTED} Sources:",
        "",
        *(f"* {source}." for source in table.sources),
        "",
        *_release_lines(),
        "",
        "## What an option means inside TRX",
        "",
        *(f"* **{standing}**: {meaning}." for standing, meaning in _STANDINGS.items()),
        "",
        "## ptp4l",
        "",
        *(line for option in _own(table) for line in _option(table, option)),
        "## phc2sys",
        "",
        *_phc2sys(table),
        "",
        "## sys2vmw",
        "",
        "Which keys it takes is not known. `vibforge` passes them as they are and says so.",
        "",
        "## Old names",
        "",
        *(f"* `{option.name}`: now `{option.now}`." for option in _old(table)),
    ]
    return "\n".join(lines) + "\n"


def _release_lines() -> Iterator[str]:
    yield f"Releases in the table: {', '.join(RELEASES)}. What TRX carries is not published;"
    yield f"without `--linuxptp` or `--esxi`, {span(CANDIDATES)} count. Inferred, and not sure:"
    yield ""
    yield "| ESXi | linuxptp |"
    yield "| --- | --- |"
    for esxi in TABLE:
        if releases := carried_by(esxi):
            yield f"| {esxi} | {' or '.join(releases)} |"


def _own(table: Catalogue) -> Iterator[Option]:
    return (option for name, option in table.options.items() if option.setting == name)


def _old(table: Catalogue) -> Iterator[Option]:
    return (option for option in table.options.values() if option.now)


def _option(table: Catalogue, option: Option) -> Iterator[str]:
    known = [release for release in RELEASES if option.known_to(release)]
    yield f"### `{option.name}`"
    yield ""
    yield f"{option.does}."
    yield ""
    yield f"* group: {option.group}"
    yield f"* takes: {_taken(option, known)}"
    yield f"* default: {default_of(option, known)}"
    yield f"* since: {'1.6 or before' if option.since == '1.6' else option.since}"
    yield f"* in TRX: **{option.standing}**. {table.reason(option)}"
    if option.note:
        yield f"* {option.note}"
    yield ""


def _taken(option: Option, known: list[str]) -> str:
    by_range: dict[str, list[str]] = {}
    for release in known:
        by_range.setdefault(takes(option, release), []).append(release)
    if len(by_range) == 1:
        return next(iter(by_range))
    return "; ".join(f"{said} ({span(releases)})" for said, releases in by_range.items())


def _phc2sys(table: Catalogue) -> Iterator[str]:
    yield "phc2sys reads past every other option of the table. Whether TRX gives it a file or"
    yield "arguments is not known."
    yield ""
    yield "| option | since | |"
    yield "| --- | --- | --- |"
    for name, use in table.phc2sys.items():
        yield f"| `{name}` | {use.since or 'never'} | {use.why or use.remark} |"


def rules_page(example: Callable[[str, str], bytes]) -> str:
    """Return docs/reference/trx-rules.md.

    Args:
        example: gives the bytes of the example of a rule, by its name and `bad` or `good`.
    """
    lines = [
        "# The rules for a trx.conf",
        "",
        "Made of the rules and of the examples in `trx-rules/`; `make docs` writes it anew.",
        "An **error** stops TRX or loses the setting; a **warning** may; a **note** is to know.",
        'To let one pass: `--allow RULE --because "…"`.',
        "",
        *(f"* {certainty}: {meaning}." for certainty, meaning in _MEANING.items()),
        "",
        UNSUPPORTED,
        "",
        *(line for rule in RULES for line in _rule(rule, example)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _rule(rule: Check[Subject], example: Callable[[str, str], bytes]) -> Iterator[str]:
    yield f"## {rule.name}"
    yield ""
    yield f"*{rule.severity}, {rule.certainty}*"
    yield ""
    yield marked(rule.manual)
    yield ""
    for kind in ("bad", "good"):
        yield f"{kind.capitalize()}:"
        yield ""
        text = example(rule.name, kind).decode("utf-8", "surrogateescape")
        yield from (f"    {shown(line)}" for line in text.removesuffix("\n").split("\n"))
        yield ""


def profiles_page() -> str:
    """Return docs/reference/trx-profiles.md."""
    lines = [
        "# PTP profiles as a trx.conf",
        "",
        "Made of the profiles that ship with vibforge; `make docs` writes it anew.",
        f"`vibforge trx new --profile NAME` writes one. {UNSUPPORTED}",
        "",
        *(line for profile in profiles().values() for line in _profile(profile)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _profile(profile: Profile) -> Iterator[str]:
    yield f"## {profile.name}"
    yield ""
    yield f"{profile.title}. linuxptp {profile.min_linuxptp} or later."
    yield ""
    if profile.impossible:
        yield f"**Not for trx.conf.** {profile.impossible}"
        yield ""
    if profile.domains:
        yield f"* domains: {profile.domains[0]} to {profile.domains[1]}"
    yield f"* ptp4l: {', '.join(f'`{key} {value}`' for key, value in profile.ptp4l.items())}"
    yield f"* phc2sys: {', '.join(f'`{key} {value}`' for key, value in profile.phc2sys.items())}"
    yield from (f"* {note}" for note in profile.notes)
    yield from (f"* source: {source}" for source in profile.sources)
    yield ""
