"""The figures of the previous issue, kept with its files so that the next one can show the change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from sync_worker.clock import utc_text
from sync_worker.reports.archive import issues
from sync_worker.reports.days import instant_from
from sync_worker.reports.document import Figure

FIGURES = "figures.json"


class Figures(NamedTuple):
    """The figures of an issue, its projects (requested and included), and the time of its newest data."""

    newest_at: datetime
    made_at: datetime
    requested: frozenset[int]
    projects: frozenset[int]
    values: Mapping[str, Figure]


def last_before(archive: Path, requested: frozenset[int], newest_at: datetime) -> Figures | None:
    """Return the newest issue with the same choice of projects and older data, if there is one."""
    found = (_read(folder / FIGURES) for folder in issues(archive))
    # Figures of other projects are not comparable, and data that is not newer would be compared with itself.
    earlier = [each for each in found if each and each.requested == requested and each.newest_at < newest_at]
    return max(earlier, key=lambda each: each.made_at, default=None)


def as_file(figures: Figures) -> bytes:
    """Return the figures as JSON: ids and amounts as text, counts as numbers."""
    # Ids are text because many JSON readers round integers above 2**53.
    kept = {
        "newest_data_at": utc_text(figures.newest_at),
        "made_at": utc_text(figures.made_at),
        "requested": [str(each) for each in sorted(figures.requested)],
        "projects": [str(each) for each in sorted(figures.projects)],
        "figures": figures.values,
    }
    return json.dumps(kept, indent=2, default=str).encode() + b"\n"


def _read(path: Path) -> Figures | None:
    """Return the figures; None if they are missing, of an older format, or edited, so that nothing is compared."""
    try:
        kept = json.loads(path.read_bytes())
        newest_at, made_at = instant_from(kept["newest_data_at"]), instant_from(kept["made_at"])
        requested, projects = (frozenset(map(int, kept[name])) for name in ("requested", "projects"))
        values = {name: value if isinstance(value, int) else Decimal(value) for name, value in kept["figures"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
        return None
    return Figures(newest_at, made_at, requested, projects, values) if newest_at and made_at else None
