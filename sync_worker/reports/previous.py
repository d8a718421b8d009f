"""What an issue counted, kept beside its files, so that the next one can tell the change since."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sync_worker.reports.archive import issues
from sync_worker.reports.days import instant_from
from sync_worker.state.instants import to_text

FIGURES = "figures.json"


class Figures(NamedTuple):
    """The counts of an issue, of which projects, and how new the newest of its data was."""

    newest_at: datetime
    made_at: datetime
    asked: frozenset[int]
    projects: frozenset[int]
    open: int
    overdue: int
    older: int
    with_impact: int


def last_before(archive: Path, figures: Figures) -> Figures | None:
    """The newest issue of the same choice of projects that was made of older data; None where there is none."""
    found = (_read(folder / FIGURES) for folder in issues(archive))
    earlier = [each for each in found if each and each.asked == figures.asked and each.newest_at < figures.newest_at]
    return max(earlier, key=lambda each: each.made_at, default=None)


def as_file(figures: Figures) -> bytes:
    """As it is kept; ids as text, as everywhere."""
    kept = {
        "newest_data_at": to_text(figures.newest_at),
        "made_at": to_text(figures.made_at),
        "asked": _as_texts(figures.asked),
        "projects": _as_texts(figures.projects),
        **{name: getattr(figures, name) for name in _COUNTS},
    }
    return json.dumps(kept, indent=2).encode() + b"\n"


_COUNTS = ("open", "overdue", "older", "with_impact")


def _as_texts(ids: Iterable[int]) -> list[str]:
    return [str(each) for each in sorted(ids)]


def _read(path: Path) -> Figures | None:
    """An issue that was kept without, or that somebody changed, is one that nothing is compared with."""
    try:
        kept = json.loads(path.read_bytes())
        newest_at, made_at = instant_from(kept["newest_data_at"]), instant_from(kept["made_at"])
        asked, projects = (frozenset(map(int, kept[name])) for name in ("asked", "projects"))
        counts = [int(kept[name]) for name in _COUNTS]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Figures(newest_at, made_at, asked, projects, *counts) if newest_at and made_at else None
