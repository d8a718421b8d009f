"""Loads the named statements of `sql/queries.sql` and the migrations beside it, once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_NAME_LINE = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def queries() -> Mapping[str, str]:
    """All named statements."""
    _, *parts = _NAME_LINE.split(files(__package__).joinpath("sql/queries.sql").read_text("utf-8"))
    return MappingProxyType(dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True)))


@cache
def migrations(dialect: str) -> tuple[tuple[str, str], ...]:
    """Name and SQL of each migration of a database, in order."""
    folder = files(__package__).joinpath("sql", dialect)
    found = sorted((entry.name.removesuffix(".sql"), entry.read_text("utf-8")) for entry in folder.iterdir())
    return tuple(found)
