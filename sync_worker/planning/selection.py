"""Chooses streams by name, glob or tag, with the parents they need."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from sync_worker.catalog.spec import ScopeKind, StreamSpec
from sync_worker.errors import ConfigurationError

COMPANIES = "companies"
PROJECTS = "projects"


def select(patterns: Iterable[str], streams: Mapping[str, StreamSpec]) -> tuple[StreamSpec, ...]:
    """Return the chosen streams and those they depend on, in catalog order.

    Raises `ConfigurationError` for a pattern that matches nothing, with the nearest name.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        for name in matching(pattern, streams):
            chosen |= _with_parents(streams[name], streams)
    return tuple(spec for name, spec in streams.items() if name in chosen)


def matching(pattern: str, streams: Mapping[str, StreamSpec]) -> list[str]:
    """Return the names of the streams that a name, a glob or a tag matches, without their parents.

    Raises `ConfigurationError` when there are none, with the nearest name.
    """
    tag = pattern.removeprefix("tag:")
    tagged = tag != pattern
    matched = [name for name, spec in streams.items() if (tag in spec.tags if tagged else fnmatchcase(name, pattern))]
    if not matched:
        raise ConfigurationError(f"no stream is called {pattern!r}{_nearest(pattern, streams)}")
    return matched


def _with_parents(spec: StreamSpec, streams: Mapping[str, StreamSpec]) -> set[str]:
    needed = {spec.name, COMPANIES}
    if spec.scope is ScopeKind.PROJECT:
        needed.add(PROJECTS)
    while spec.parent is not None:
        spec = streams[spec.parent.stream]
        needed.add(spec.name)
    return needed


def _nearest(pattern: str, streams: Mapping[str, StreamSpec]) -> str:
    candidates = [*streams, *(f"tag:{tag}" for spec in streams.values() for tag in spec.tags)]
    near = difflib.get_close_matches(pattern, candidates, n=1)
    return (
        f"; did you mean {near[0]}?" if near else "; give names, globs such as *_logs, or tags such as tag:financials"
    )
