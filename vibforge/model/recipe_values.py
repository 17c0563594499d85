"""Plain TOML values, held against the kinds that a recipe's keys take."""

from datetime import date, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from vibforge.errors import ModelError
from vibforge.model.recipe_settings import Setting, setting_value


def required_kind(kind: Any) -> Any:  # noqa: ANN401 - a type or a union
    """Return the type without `None`."""
    if get_origin(kind) is UnionType:
        return next(part for part in get_args(kind) if part is not NoneType)
    return kind


_NAMES = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    list: "an array",
    dict: "a table",
}


def typed(kind: type, value: Any) -> Any:  # noqa: ANN401
    """Return the value if it is of that kind.

    Raises:
        ModelError: it is not.
    """
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ModelError(f"{describe(value)} stands where {_NAMES[kind]} belongs")
    return value


def as_text(value: Any) -> str:  # noqa: ANN401
    """Return a text, or a TOML date as one.

    Raises:
        ModelError: it is something else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        raise ModelError("a number stands where a text belongs", remedy="quote it")
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(typed(str, value))


def as_list(value: Any) -> list[Any]:  # noqa: ANN401
    """Return the elements of an array, also of one given as a setting.

    Raises:
        ModelError: it is no array.
    """
    plain = setting_value(list, value) if isinstance(value, Setting) else value
    return list(typed(list, plain))


def describe(value: Any) -> str:  # noqa: ANN401
    """Return a few words for what a value is, without the value: it may be a secret."""
    return _NAMES.get(type(value), "a date or a number with a fraction")


def one_of(kind: type[StrEnum], text: str) -> StrEnum:
    """Return the word of an enumeration.

    Raises:
        ModelError: the text is none of its words.
    """
    if text not in set(kind):
        raise ModelError(f"{text!r} is none of {', '.join(kind)}")
    return kind(text)
