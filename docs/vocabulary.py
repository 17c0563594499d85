"""The page of the words that all commands share: options, exit codes, units and terms."""

from collections.abc import Iterator
from typing import Any

import typer
from msgspec import Struct

from vibforge.cli import application
from vibforge.cli.exit_codes import markdown

_HEAD = f"""\
# Vocabulary

One word for one thing, in options, JSON, messages and documentation. The tables of options and
arguments are made from the command line itself; a test holds that an option has one short form and
one kind of value wherever it occurs.

## Exit codes

The same in every command, and below each `--help`:

{markdown()}

A command that takes several files (`verify`, `inspect`, `lint`, `plan`) reports every file that it
can read. `--json` lists the others under `unreadable`, each with its path and faults.

## Streams

Results go to standard output; notes, warnings, progress and problems to standard error. A closed
stream (`>&-`) is one that nobody reads; an output that cannot be written (a full disk) is exit
code 2. Letters that the encoding of a stream lacks are written in ASCII.

Colour is for terminals. `NO_COLOR` with any value takes it away, `FORCE_COLOR` with any value gives
it to pipes and files too; `NO_COLOR` counts more. `TERM=dumb` takes it away as well.

On a terminal, and wherever `COLUMNS` is set, lines break between words at the width of the window
and go on below themselves; commands to be copied, digests and paths stay whole. In pipes and files
lines are as long as they are.

## Values

| word | what |
| --- | --- |
| `FILE`, `DIR`, `PATH` | a file, `-` for standard input where told; a folder; a path in a VIB |
| `PROJECT` | a recipe, its folder, a stage directory or a plain tree |
| `VIB`, `BUNDLE` | a file that is one |
| `RELEASE` | of ESXi: `6.7`, `8.0U3`, `8.0.3`; of linuxptp: `4.2` |
| `RULE` | of lint: `VF218`, `VF2`, `path-outside-list`; of trx.conf: `port-section` |
| `LEVEL` | `community`, `partner`, `accepted`, `certified`, or as ESXi prints them |
| `TIME` | ISO 8601: `2024-05-01`, `2024-05-01T12:00:00Z` |
| `KEY=VALUE` | a key of what is made, and its value |
| `N` | a number; of seconds, if it is a time |

An option of which there may be several is repeated; those that take `RELEASE` or `RULE` also take
several joined by commas.
"""
_TERMS = """\
## Terms

| term | what | not |
| --- | --- | --- |
| acceptance level | community, partner, accepted, certified | trust level |
| payload | a tree of files as one member of a VIB | archive |
| entry | a file, folder, link or device of a payload | node |
| member | a file of an ar archive or a zip | |
| folder | where files are; `--directory` and `stage directory` are names given by others | |
| descriptor | descriptor.xml | metadata, which is a bundle's |
| bundle | an offline bundle, the zip | depot, which is a bundle unpacked or served |
| bulletin, component | what a bundle offers; a bulletin with a component's name and version | |
| host, stock host | an ESXi machine; one as after a plain installation | target |
| release | of ESXi or of linuxptp; of other things it is a version | |
| finding | a rule and where it is broken: error, warning or note | |
| fault | what a host would refuse, or what cannot be read | |
| fact | one thing that was verified: held, failed, not checked | |
| verdict | good or bad, as the exit code says | |
| remedy | what to do | fix, hint |
| certainty | measured, documented, inferred or unknown | confidence |
| allow, because | a rule that may be broken, and why | suppress |
| grandmaster | the clock that all others follow | GM, but in `--gm-profile`, `--gm-conf` |
"""
_ARGUMENT = "argument"


class Use(Struct, frozen=True, kw_only=True):
    """An option or argument of one command."""

    command: str
    name: str
    short: str
    value: str
    help: str
    is_option: bool


def commands() -> dict[str, Any]:
    """Return every command, as typer has it, by its words: `bundle create`."""
    return dict(_commands(typer.main.get_command(application([])), ""))


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - typer's own
    if not hasattr(command, "commands"):
        yield name, command
        return
    for word, inner in command.commands.items():
        yield from _commands(inner, f"{name} {word}".strip())


def uses() -> list[Use]:
    """Return every option and argument of every command."""
    return [use for name, command in commands().items() for use in _uses(command, name)]


def _uses(command: Any, name: str) -> Iterator[Use]:  # noqa: ANN401 - typer's own classes
    context = typer.Context(command)
    for each in command.params:
        names = [*each.opts, *each.secondary_opts]
        is_option = each.param_type_name != _ARGUMENT
        shorts = [word for word in names if not word.startswith("--")]
        yield Use(
            command=name,
            name="/".join(word for word in names if word.startswith("--")) or names[0],
            short=shorts[0] if is_option and shorts else "",
            value="" if getattr(each, "is_flag", False) else each.make_metavar(ctx=context),
            help=each.help or "",
            is_option=is_option,
        )


def vocabulary_page() -> str:
    """Return the page as Markdown."""
    found = uses()
    return "\n".join([_HEAD, *_options(found), *_arguments(found), _TERMS])


def _options(found: list[Use]) -> Iterator[str]:
    yield "## Options"
    yield ""
    yield "| option | value | what | commands |"
    yield "| --- | --- | --- | --- |"
    named = sorted({each.name for each in found if each.is_option})
    for name in named:
        same = [each for each in found if each.is_option and each.name == name]
        for meaning in dict.fromkeys(each.help for each in same):
            those = [each for each in same if each.help == meaning]
            first = those[0]
            shown = f"`{name}`" + (f", `{first.short}`" if first.short else "")
            where = _where({each.command for each in those})
            yield f"| {shown} | {_cell(first.value)} | {_plain(meaning)} | {where} |"
    yield ""


def _where(having: set[str]) -> str:
    everywhere = set(commands())
    if len(having) > len(everywhere) // 2:
        return "all but " + ", ".join(sorted(everywhere - having))
    return ", ".join(sorted(having))


def _arguments(found: list[Use]) -> Iterator[str]:
    yield "## Arguments"
    yield ""
    yield "| command | arguments |"
    yield "| --- | --- |"
    for command in dict.fromkeys(each.command for each in found):
        own = [each for each in found if each.command == command and not each.is_option]
        words = "; ".join(f"`{_plain(each.value)}` {_plain(each.help).rstrip('.')}" for each in own)
        if words:
            yield f"| {command} | {words} |"
    yield ""


def _cell(value: str) -> str:
    return f"`{_plain(value)}`" if value else ""


def _plain(text: str) -> str:
    return text.replace("|", "\\|")
