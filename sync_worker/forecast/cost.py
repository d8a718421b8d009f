"""Costs of lists in calls, from stored row counts and page sizes; a list takes at least one page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from math import ceil
from typing import NamedTuple

from sync_worker.catalog.spec import StreamSpec, SyncMode
from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.clock import utc_text
from sync_worker.destination.protocol import Parameter, Transaction
from sync_worker.model import Scope, Verdict
from sync_worker.planning.options import StreamOptions
from sync_worker.planning.pages import learned_sizes, page_size
from sync_worker.planning.partitions import Partition
from sync_worker.planning.read_plan import ReadPlan, full_nested_every
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.planning.windows import SLACK, Part
from sync_worker.state.history import LatestScope, latest_by_scope
from sync_worker.state.permissions import read_refusals

_DAY = timedelta(days=1)
PROBED_EVERY = timedelta(days=7)
"""Interval at which a list that stays refused is tried again, and at which projects' tools are listed."""


class Basis(StrEnum):
    """The source of a cost."""

    STORED = "stored"
    REFUSED = "refused"
    """The last sweep was refused."""
    PROBED = "probed"
    OTHERS = "others"
    """Copied from the same stream in other projects."""
    LEAST = "least"
    """The minimum, as nothing is known about the list."""


class Cost(NamedTuple):
    """The calls that a partition takes this time, and those for reading it in full (`whole`)."""

    calls: int
    whole: int
    basis: Basis


def pages_of(rows: int, per_page: int | None) -> int:
    """Return the number of pages for that many rows: at least one, and exactly one without paging."""
    return 1 if per_page is None else max(1, ceil(rows / per_page))


def least_cost(spec: StreamSpec, parts: Sequence[Part]) -> Cost:
    """Return the least cost of an unknown list: one page for each part, and none for a nested list."""
    return Cost(0 if spec.parent is not None else len(parts), 0, Basis.LEAST)


class StoredCosts:
    """Costs from the rows in the database; each stream is counted once."""

    def __init__(
        self,
        view: Transaction,
        streams: Mapping[str, StreamSpec],
        options: Callable[[str], StreamOptions],
        now: datetime,
    ) -> None:
        self._view = view
        self._streams = streams
        self._options = options
        self._last: Mapping[tuple[str, Scope], LatestScope] = latest_by_scope(view)
        self._page_sizes = learned_sizes(view, now)
        self._refused = {(refusal.subject, refusal.scope) for refusal in read_refusals(view)}
        self._counts = cache(self._counted)

    def per_page(self, spec: StreamSpec) -> int | None:
        """Return the page size of a stream; None without paging."""
        return page_size(spec, self._options(spec.name), self._page_sizes)

    def refused(self, partition: Partition) -> Cost | None:
        """Return the cost of one more refusal if the last sweep was refused; 0 if the project itself is not listed."""
        spec, scope = partition
        last = self._last.get((spec.name, scope))
        if last is None or last.verdict != Verdict.NOT_PERMITTED:
            return None
        is_remembered = not self._refused.isdisjoint({(spec.name, scope), (spec.tool, scope)})
        return Cost(max(last.requests, int(is_remembered)), 0, Basis.REFUSED)

    def cost(self, partition: Partition, plan: ReadPlan, parts: Sequence[Part]) -> Cost | None:
        """Return the cost of reading these parts; None if too little is stored."""
        spec, scope = partition
        if not parts:
            # A backfill was stopped after it had read all of them.
            return Cost(0, 0, Basis.STORED)
        if spec.parent is not None:
            return self._nested(partition, plan)
        rows = self._rows(spec, scope)
        if rows is None:
            return None
        whole = pages_of(rows, self.per_page(spec))
        calls = sum(1 if whole == 1 else self._pages_in(partition, part) or whole for part in parts)
        return Cost(calls + int(plan.signal is not None), whole, Basis.STORED)

    def _nested(self, partition: Partition, plan: ReadPlan) -> Cost | None:
        spec, scope = partition
        if spec.parent is None or plan.parents is None:
            raise ValueError(f"{spec.name} is not nested")
        parents = self._rows(self._streams[spec.parent.stream], scope)
        if parents is None:
            return None
        found = self._counts(spec.name, (*_scope_columns(spec), spec.parent.param), None)
        per_page, key = self.per_page(spec), _scope_values(spec, scope)
        pages = {values[-1]: pages_of(rows, per_page) for values, rows in found.items() if values[:-1] == key}
        # A parent without stored rows still costs the one call that shows that it has none.
        calls = sum(pages.get(parent, 1) for parent in plan.parents)
        return Cost(calls, parents + sum(pages.values()) - len(pages), Basis.STORED)

    def _rows(self, spec: StreamSpec, scope: Scope) -> int | None:
        """Return the live rows of a list; None if it was never complete."""
        rows = self._counts(spec.name, _scope_columns(spec), None).get(_scope_values(spec, scope))
        last = self._last.get((spec.name, scope))
        return rows if rows is not None else 0 if last is not None and last.mark is not None else None

    def _pages_in(self, partition: Partition, part: Part) -> int | None:
        """Return the pages of a part of a list; None if the part is the whole list."""
        spec, scope = partition
        if part.dates is not None and spec.date_window is not None:
            column, first, last = spec.date_window.field, str(part.dates.start_on), str(part.dates.end_on)
        elif part.window.start is None and part.dates is None:
            return None
        elif spec.cursor is not None and part.window.start is not None:
            column, first, last = spec.cursor.field, utc_text(part.window.start), utc_text(part.window.end)
        else:
            return 1
        if column not in spec.columns:
            return 1
        found = self._counts(spec.name, _scope_columns(spec), (column, first, last))
        return pages_of(found.get(_scope_values(spec, scope), 0), self.per_page(spec))

    def _counted(
        self, stream: str, by: tuple[str, ...], between: tuple[str, str, str] | None
    ) -> dict[tuple[Parameter, ...], int]:
        return self._view.live_counts(self._streams[stream], by, between) if self._view.has_table(stream) else {}


def _scope_columns(spec: StreamSpec) -> tuple[str, ...]:
    return tuple(name for name in ("company_id", "project_id") if name in spec.scope_columns)


def _scope_values(spec: StreamSpec, scope: Scope) -> tuple[Parameter, ...]:
    return tuple(value for name, value in scope._asdict().items() if name in spec.scope_columns)


def calls_a_day(spec: StreamSpec, cost: Cost, above: StreamSpec | None, options: StreamOptions, ticks: float) -> float:
    """Return the calls of a partition per day, on a schedule of `ticks` a day, while few records change."""
    if ticks == 0:
        return 0.0
    if cost.basis is Basis.REFUSED:
        return cost.calls * _DAY / PROBED_EVERY
    every = _full_every(spec, above, options)
    if every is not None:
        return _times_a_day(ticks, every) * cost.whole
    if spec.mode is SyncMode.DATE_WINDOW:
        return ticks + cost.whole / options.reread.everything_days
    if not options.follows_deletes:
        return ticks
    signals = _times_a_day(ticks, options.deleted_every) if spec.deletes is not None else 0.0
    # A full read replaces the call that the tick would make anyway.
    return ticks + signals + _times_a_day(ticks, options.reconcile_every) * (cost.whole - 1)


def _full_every(spec: StreamSpec, above: StreamSpec | None, options: StreamOptions) -> timedelta | None:
    """Return the interval between full reads of a stream that can only be read in full; else None."""
    if spec.name in (COMPANIES, PROJECTS):
        return timedelta(0)
    if spec.name == PROJECT_TOOLS.name:
        return PROBED_EVERY
    if above is not None:
        return full_nested_every(above, options)
    return options.full_refresh_every if spec.mode is SyncMode.FULL_REFRESH else None


def _times_a_day(ticks: float, every: timedelta) -> float:
    """Return the number of times a day that work is due: at the first tick at least `every` after the last time."""
    return ticks / max(1, ceil((every - SLACK) / (_DAY / ticks)))


USUAL_CALLS_AN_HOUR = 3_600
"""The limit that Procore documents (rate limiting), used until an answer has shown the limit of this app."""


class Pace(NamedTuple):
    """The rate at which calls may be spent."""

    limit: int
    """Calls per hour that Procore allows."""
    granted: int
    """Our share of `limit`."""
    a_second: float | None = None

    def hours(self, calls: int) -> float:
        """Return the hours that calls take: an hour for each share that is used up, then the rest at full speed."""
        # The last share ends with its last call and not with its hour.
        waits, rest = divmod(max(0, calls - 1), self.granted)
        return waits + min(1.0, (rest + 1) / ((self.a_second or self.granted / 3_600) * 3_600))
