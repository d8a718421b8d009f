"""Routes from paths to streams: one for each list of the catalog and each recycle bin with its own path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from sync_worker.catalog.spec import RecycleBin, StreamSpec

_NAME = re.compile(r"\{(\w+)\}")


class Match(NamedTuple):
    """The list of a path and the ids in it."""

    spec: StreamSpec
    in_bin: bool
    ids: Mapping[str, str]


class Routes:
    """All lists by path."""

    def __init__(self, streams: Mapping[str, StreamSpec]) -> None:
        self._routes: list[tuple[re.Pattern[str], StreamSpec, bool]] = []
        for spec in streams.values():
            self._routes.append((_pattern(spec.path), spec, False))
            if isinstance(spec.deletes, RecycleBin) and spec.deletes.path:
                self._routes.append((_pattern(spec.deletes.path), spec, True))

    def match(self, path: str) -> Match | None:
        """Return the list at a path, None if there is none."""
        for pattern, spec, in_bin in self._routes:
            if found := pattern.fullmatch(path):
                return Match(spec, in_bin, found.groupdict())
        return None


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("".join(
        f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(_NAME.split(path))
    ))  # fmt: skip
