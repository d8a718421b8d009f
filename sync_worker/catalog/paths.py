"""Whether Procore documents the path of a list: it grades an app on calls of private and of deprecated endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_ID = re.compile(r"\{\w+\}|\d+")


class DocumentationStatus(StrEnum):
    """What Procore's documentation says of a path."""

    DOCUMENTED = "documented"
    DEPRECATED = "deprecated"
    UNDOCUMENTED = "undocumented"


@cache
def standing_of(path: str) -> DocumentationStatus:
    """What is known of a path, its ids left open as `{project_id}` or filled in."""
    shape = "/".join("*" if _ID.fullmatch(step) else step for step in path.strip("/").split("/"))
    return _documented().get(shape, DocumentationStatus.UNDOCUMENTED)


@cache
def _documented() -> Mapping[str, DocumentationStatus]:
    text = files(__package__).joinpath("documented_paths.txt").read_text("utf-8")
    return MappingProxyType(dict(_lists(text)))


def _lists(text: str) -> Iterator[tuple[str, DocumentationStatus]]:
    """The paths of a tree that is told by indentation."""
    above: list[str] = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, _, mark = line.lstrip().partition(" ")
        above[len(line) - len(line.lstrip()) :] = [name.strip("/")]
        if not name.endswith("/"):
            yield "/".join(above), DocumentationStatus(mark or DocumentationStatus.DOCUMENTED)
