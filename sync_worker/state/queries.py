"""Loads the named statements of `sql/queries.sql` and of the migrations in the same folder, once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from string import Template
from types import MappingProxyType

from sync_worker.state.dialect import WORDS

_NAME_LINE = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def queries() -> Mapping[str, str]:
    """Return all named statements."""
    return MappingProxyType(_statements(files(__package__).joinpath("sql/queries.sql").read_text("utf-8")))


@cache
def migrations(dialect: str) -> Mapping[str, Sequence[str]]:
    """Return the statements of each migration of a database by its name, in order."""
    folder = files(__package__).joinpath("sql")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name[:4].isdigit())
    texts = {name: Template(folder.joinpath(name).read_text("utf-8")).substitute(WORDS[dialect]) for name in names}
    return MappingProxyType(
        {name.removesuffix(".sql"): tuple(_statements(text).values()) for name, text in texts.items()}
    )


def _statements(text: str) -> dict[str, str]:
    # Named, so that nothing has to look for the `;` that ends a statement: it may stand in a text or a function body.
    _, *parts = _NAME_LINE.split(text)
    return dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))
