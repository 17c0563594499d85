"""Explain rules and the messages of hosts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from vibforge.api.arguments import typed_errors
from vibforge.errors import FormatError
from vibforge.files.inputs import FileSource
from vibforge.host import known_messages
from vibforge.packages import lint
from vibforge.trx import rules

if TYPE_CHECKING:
    from vibforge.findings.check import Check
    from vibforge.host.known_messages import Recognised

_RULE_ID = re.compile(r"VF\d+", re.IGNORECASE)
_RULE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Explanation(Struct, frozen=True, kw_only=True):
    """What a text means.

    Attributes:
        rule: the rule of lint or for trx.conf that was asked for.
        messages: the messages of hosts that stand in the text, in their order.
    """

    rule: Check[Any] | None = None
    messages: tuple[Recognised, ...] = ()

    @property
    def good(self) -> bool:
        """Whether something in the text is known."""
        return self.rule is not None or bool(self.messages)


@typed_errors
def explain(message: str | Path) -> Explanation:
    """Explain a rule, or the messages of hosts in a text or log: why, and what helps.

    Args:
        message: the id or name of a rule (`VF218`, `port-section`), or a text with a host's
            message; a `Path` is a file with a log.

    Raises:
        ModelError: it is the id of a rule that does not exist.
        FormatError: the file cannot be read.

    Examples:
        >>> from pathlib import Path
        >>> from vibforge import Explanation, explain
        >>> explanation: Explanation = explain("Host is not changed.")
        >>> explanation.messages[0].message.id
        'host-not-changed'
        >>> explain("VF218").rule.name
        'path-outside-list'
        >>> explain(Path("esxupdate.log")).good
        True
    """
    if isinstance(message, Path):
        return Explanation(messages=known_messages.recognise(_log(message)))
    word = message.strip()
    is_id = _RULE_ID.fullmatch(word) is not None
    rule = find_manual(word) if is_id or _RULE_NAME.fullmatch(word) else None
    if rule is not None:
        return Explanation(rule=rule)
    if is_id:
        raise lint.unknown_rule(word)
    return Explanation(messages=known_messages.recognise(message))


def find_manual(word: str) -> Check[Any] | None:
    """Return the rule of lint of this id or name, else the rule for trx.conf of this name."""
    return lint.find_rule(word) or rules.BY_NAME.get(word.strip().lower())


def _log(path: Path) -> str:
    """Return the start of a log, as far as it is searched."""
    try:
        with FileSource.from_path(path).open() as file:
            return file.read(known_messages.TEXT_LIMIT).decode("utf-8", "replace")
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", where=str(path)) from error
