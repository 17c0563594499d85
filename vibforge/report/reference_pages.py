"""The reference pages that are made from the code: trx.conf, recipes, JSON."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from vibforge.esxi.release import Certainty
from vibforge.esxi.table import TABLE
from vibforge.findings.check import Check
from vibforge.project.recipe_reading import recipe_schema
from vibforge.report.explain import marked
from vibforge.report.schema import Schema, definition, schema, schema_names
from vibforge.report.trx_check import UNSUPPORTED
from vibforge.report.trx_tables import takes
from vibforge.trx.conf import shown
from vibforge.trx.option import (
    CANDIDATES,
    RELEASES,
    Catalogue,
    Option,
    Standing,
    carried_by,
    catalogue,
    default_of,
    span,
)
from vibforge.trx.profile import Profile, profiles
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


def trx_rules_page(example: Callable[[str, str], bytes]) -> str:
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


_HEAD = """\
# Every key of a recipe

A recipe is a `vibforge.toml`. This page is made from the schema that `vibforge schema` prints; to
have an editor complete the keys, save it and put `#:schema recipe.schema.json` on the first line.

Texts take `${NAME}` and `${NAME:-default}` from the environment; `$${` stands for `${`.
`vibforge build --set KEY=VALUE` goes over any key: `--set payloads[0].type=vgz`.
"""


def recipe_page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *_table("Top level", recipe_schema())])


def _table(title: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield "| key | takes | default | what |"
    yield "| --- | --- | --- | --- |"
    inner = []
    required = schema.get("required", [])
    for key, of in schema["properties"].items():
        default = "required" if key in required else _default(of)
        yield f"| `{key}` | {_takes(of)} | {default} | {of.get('description', '')} |"
        table = of.get("items", of)
        table = next((part for part in table.get("anyOf", []) if "properties" in part), table)
        if "properties" in table:
            inner.append((key, table))
    yield ""
    for key, table in inner:
        name = key if title == "Top level" else f"{title.strip('`')}.{key}"
        yield from _table(f"`{name}`", table)


def _default(of: dict[str, Any]) -> str:
    value = of.get("default")
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _takes(of: dict[str, Any]) -> str:
    if "enum" in of:
        return ", ".join(f"`{word}`" for word in of["enum"])
    if "anyOf" in of:
        return " or ".join(_takes(part) for part in of["anyOf"])
    if of["type"] == "array":
        return f"array of {_takes(of['items'])}"
    names = {"string": "text", "boolean": "true or false", "integer": "number", "object": "table"}
    return names[of["type"]]


_SCHEMA_REFERENCE_HEAD = """\
# JSON

`--json` prints one object, indented by two spaces, in ASCII; the same input gives the same bytes.
This page is made from the JSON Schemas (draft 2020-12), which `vibforge schema NAME` prints: the
name of `vibforge/inspect/1` is `inspect`. They are strict: there are no other keys. The schemas
are derived from the types in `vibforge/report/documents`, which are what is printed.

Within `/1` keys may be added, none is renamed or removed, and none changes its meaning or its unit.
A shape that cannot stay so gets the next number, and the changelog names it. Only the newest number
of a shape is printed and described; a program that meets several releases of vibforge looks at
`format` first.
Sizes are bytes, modes octal text like `"0644"`, digests and serial numbers hexadecimal in lower
case, times ISO 8601 in UTC like `"2024-05-01T12:00:00Z"`; texts of a descriptor stand as they are.
What is not there is `null`, or an empty list. Keys that end with `_seconds` or `_ns` say it.

Problems stand on standard error, as texts, and the exit code tells of them. Commands that take
several files (`verify`, `inspect`, `lint`, `plan`) list those that they could not read under
`unreadable`, each with its faults.
"""


def json_page() -> str:
    """Return the page as Markdown."""
    lines = [_SCHEMA_REFERENCE_HEAD]
    for name in schema_names():
        whole = schema(name)
        lines += [f"## {whole['title']}", "", _one_line(whole["description"]), ""]
        lines += _schema_reference_table(whole, whole.get("$defs", {}))
    lines += ["# Shared shapes", ""]
    for name, (shape, known) in sorted(_shared().items()):
        lines += [
            f"## {name}",
            "",
            _one_line(shape["description"]),
            "",
            *_schema_reference_table(shape, known),
        ]
    return "\n".join(lines)


@cache
def _shared() -> dict[str, tuple[Schema, Schema]]:
    """Return the objects with a section of their own, each with the definitions around it.

    They are those that stand in several places, and those of which there is one of several kinds.
    """
    places: dict[str, set[str]] = {}
    shapes: dict[str, tuple[Schema, Schema]] = {}
    for document in schema_names():
        whole = schema(document)
        known = whole.get("$defs", {})
        for owner, shape in (*known.items(), (document, whole)):
            for part in shape.get("properties", {}).values():
                names = [name for name in _names(part) if "properties" in known[name]]
                for name in names:
                    places.setdefault(name, set()).update({owner, *(names if names[1:] else ())})
                    shapes[name] = known[name], known
    return {name: shapes[name] for name, owners in places.items() if len(owners) > 1}


def _names(part: Schema) -> Iterator[str]:
    for each in (part, *part.get("anyOf", ()), *_choices(part.get("items", {}))):
        if name := definition({"$ref": each["$ref"]} if "$ref" in each else {}):
            yield name


def _choices(part: Schema) -> tuple[Schema, ...]:
    return (part, *part.get("anyOf", ()))


def _schema_reference_table(shape: Schema, known: Schema) -> Iterator[str]:
    yield "| key | holds | what |"
    yield "| --- | --- | --- |"
    yield from _rows(shape, known, "")
    yield ""


def _rows(shape: Schema, known: Schema, prefix: str) -> Iterator[str]:
    for key, part in shape["properties"].items():
        name = definition(part)
        what = part.get("description") or known[name or ""]["description"]
        text = _one_line(what).replace("|", "\\|")
        yield f"| `{prefix}{key}` | {_holds(part, known)} | {text} |"
        for each in _names(part):
            if "properties" in known[each] and each not in _shared():
                dots = "[]." if "items" in part else "."
                yield from _rows(known[each], known, f"{prefix}{key}{dots}")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _holds(part: Schema, known: Schema) -> str:
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        return ", ".join(f"`{word}`" for word in part["enum"])
    if name := part.get("$ref") and definition(part):
        if "enum" in known[name]:
            return _holds(known[name], known)
        return f"[{name}](#{name.lower()})" if name in _shared() else "object"
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(_holds(each, known) for each in part["anyOf"]))
    kind = str(part.get("type", "anything"))
    if kind == "array":
        items = part.get("items") or part.get("prefixItems", [{}])[0]
        return f"list of {_holds(items, known)}"
    if isinstance(part.get("additionalProperties"), dict) and part["additionalProperties"]:
        return f"object of {_holds(part['additionalProperties'], known)}"
    return kind
