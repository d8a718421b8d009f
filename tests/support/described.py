"""Checks of records against Procore's OpenAPI description: types, nested objects and allowed values of fields.

`tests/data/described_fields.json` holds those facts by stream: a field's type, `string enum(a|b)` for one that holds
one of a few words, an object for a nested record, an array with one of them for many; an object with a `*` may hold
more. Null is allowed everywhere, as the description hardly ever says which fields are always there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

Shape = Any

DESCRIBED: Mapping[str, Mapping[str, Shape]] = json.loads(
    (Path(__file__).parents[1] / "data" / "described_fields.json").read_text(encoding="utf-8")
)

_ENUM = re.compile(r"(.+) enum\((.*)\)", re.DOTALL)
_ARRAY = re.compile(r"array<(.+)>")


def violations(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Yield everything in a value that the description does not allow, with its path."""
    if value is None:
        return
    if isinstance(shape, Mapping):
        yield from _violations_of_object(shape, value, path)
    elif isinstance(shape, list):
        yield from _violations_of_array(shape[0], value, path)
    elif enum := _ENUM.fullmatch(shape):
        yield from _violations_of_words(enum[1], enum[2].split("|"), value, path)
    elif array := _ARRAY.fullmatch(shape):
        yield from _violations_of_array(array[1], value, path)
    elif not any(_CHECKS[type_](value) for type_ in shape.split("|")):
        yield f"{path}: {value!r} is no {shape}"


def _violations_of_object(shape: Mapping[str, Shape], value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no object"
        return
    for name, inner in value.items():
        if name in shape:
            yield from violations(shape[name], inner, f"{path}.{name}".lstrip("."))
        elif "*" not in shape and not name.startswith("custom_field_"):
            yield f"{path}.{name}: not described"


def _violations_of_array(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: {value!r} is no array"
        return
    for inner in value:
        yield from violations(shape, inner, f"{path}[]")


def _violations_of_words(type_: str, words: list[str], value: Any, path: str) -> Iterator[str]:
    for word in value if type_.startswith("array") and isinstance(value, list) else [value]:
        if word not in words:
            yield f"{path}: {word!r} is none of {'|'.join(words)[:80]}"


def _parses(parse: Callable[[str], Any], text: Any) -> bool:
    try:
        return isinstance(text, str) and parse(text) is not None
    except ValueError:
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "date": lambda value: _parses(date.fromisoformat, value),
    "datetime": lambda value: _parses(datetime.fromisoformat, value) and len(value) > 10,
    "object": lambda value: isinstance(value, dict),
    "unknown": lambda _: True,
    "any": lambda _: True,
}
