"""The documentation status of a path: Procore grades an app by its calls of private and deprecated endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_ID = re.compile(r"\{\w+\}|\d+")


class DocumentationStatus(StrEnum):
    """The status of a path in Procore's documentation."""

    DOCUMENTED = "documented"
    DEPRECATED = "deprecated"
    UNDOCUMENTED = "undocumented"


@cache
def documentation_status(path: str) -> DocumentationStatus:
    """Return the status of a path; its ids may be placeholders such as `{project_id}` or numbers."""
    shape = "/".join("*" if _ID.fullmatch(step) else step for step in path.strip("/").split("/"))
    return _documented().get(shape, DocumentationStatus.UNDOCUMENTED)


@cache
def _documented() -> Mapping[str, DocumentationStatus]:
    text = files(__package__).joinpath("documented_paths.txt").read_text("utf-8")
    return MappingProxyType(dict(_lists(text)))


def _lists(text: str) -> Iterator[tuple[str, DocumentationStatus]]:
    """Yield the paths of a tree that is written by indentation."""
    above: list[str] = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, _, mark = line.lstrip().partition(" ")
        above[len(line) - len(line.lstrip()) :] = [name.strip("/")]
        if not name.endswith("/"):
            yield "/".join(above), DocumentationStatus(mark or DocumentationStatus.DOCUMENTED)
