"""Explain what a host said: find its messages in a text, however they were printed or pasted."""

from vibforge.host.known_messages import Recognised, recognise


def explain(text: str) -> tuple[Recognised, ...]:
    """Return the messages that stand in a text, each once, in the order in which they appear."""
    return recognise(text)
