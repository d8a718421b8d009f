"""What reading costs in calls, told from what is stored: a list takes a page at least, and a page holds so many rows.

Used by runner's forecast. Asks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from math import ceil
from typing import NamedTuple

from sync_worker.catalog.spec import StreamSpec, SyncMode
from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.destination.protocol import Parameter, Transaction
from sync_worker.model import Scope, Verdict
from sync_worker.planning.options import StreamOptions
from sync_worker.planning.pages import learned_sizes, page_size
from sync_worker.planning.partitions import Partition
from sync_worker.planning.read_plan import ReadPlan, nested_everything_every
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.planning.windows import SLACK, Part
from sync_worker.state.history import LastReading, last_readings
from sync_worker.state.instants import to_text
from sync_worker.state.permissions import read_refusals

_DAY = timedelta(days=1)
PROBED_EVERY = timedelta(days=7)
"""How often what is refused is tried again, once it has been refused for a while."""


class Basis(StrEnum):
    """What a cost is told from."""

    STORED = "stored"
    REFUSED = "refused"
    """It may not be read, as was told last time."""
    PROBED = "probed"
    OTHERS = "others"
    """The same stream in other projects."""
    LEAST = "least"
    """Nothing tells: it is the least that it can be."""


class Cost(NamedTuple):
    """The calls that reading a partition takes: this time, and whenever all of it is read."""

    calls: int
    whole: int
    basis: Basis


def pages_of(rows: int, per_page: int | None) -> int:
    """How many pages so many rows fill; an empty list is a page too, one without paging never more."""
    return 1 if per_page is None else max(1, ceil(rows / per_page))


class StoredCosts:
    """Costs as far as the database tells them; each stream is counted once."""

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
        self._last: Mapping[tuple[str, Scope], LastReading] = last_readings(view)
        self._page_sizes = learned_sizes(view, now)
        self._refused = {(refusal.subject, refusal.scope) for refusal in read_refusals(view)}
        self._counts = cache(self._counted)

    def per_page(self, spec: StreamSpec) -> int | None:
        """How many rows a page of a stream holds."""
        return page_size(spec, self._options(spec.name), self._page_sizes)

    def refused(self, partition: Partition) -> Cost | None:
        """What it costs to be refused again, where the last reading was; a project that is not listed costs nothing."""
        spec, scope = partition
        last = self._last.get((spec.name, scope))
        if last is None or last.verdict != Verdict.NOT_PERMITTED:
            return None
        is_remembered = not self._refused.isdisjoint({(spec.name, scope), (spec.tool, scope)})
        return Cost(max(last.requests, int(is_remembered)), 0, Basis.REFUSED)

    def cost(self, partition: Partition, asked: ReadPlan, parts: Sequence[Part]) -> Cost | None:
        """What reading these parts costs; None where too little is stored to tell."""
        spec, scope = partition
        signal = int(asked.signal is not None)
        if not parts:
            # A backfill that was stopped has read them already.
            return Cost(0, 0, Basis.STORED)
        if spec.parent is not None:
            return self._nested(partition, asked)
        rows = self._rows(spec, scope)
        if rows is None:
            return None
        whole = pages_of(rows, self.per_page(spec))
        calls = sum(whole if whole == 1 or _is_whole(part) else self._pages_in(partition, part) for part in parts)
        return Cost(calls + signal, whole, Basis.STORED)

    def is_known(self, spec: StreamSpec, scope: Scope) -> bool:
        """Whether a list was ever read to its end."""
        return self._rows(spec, scope) is not None

    def _nested(self, partition: Partition, asked: ReadPlan) -> Cost | None:
        spec, scope = partition
        if spec.parent is None or asked.parents is None:
            raise ValueError(f"{spec.name} is not nested")
        above = self._rows(self._streams[spec.parent.stream], scope)
        if above is None:
            return None
        per_page, key = self.per_page(spec), _values(spec, scope)
        found = self._counts(spec.name, (*_scope_columns(spec), spec.parent.param), None)
        pages = {values[-1]: pages_of(rows, per_page) for values, rows in found.items() if values[:-1] == key}
        calls = sum(pages.get(parent, 1) for parent in asked.parents)
        return Cost(calls, above + sum(pages.values()) - len(pages), Basis.STORED)

    def _rows(self, spec: StreamSpec, scope: Scope) -> int | None:
        found = self._counts(spec.name, _scope_columns(spec), None).get(_values(spec, scope))
        last = self._last.get((spec.name, scope))
        return found if found is not None else 0 if last is not None and last.mark is not None else None

    def _pages_in(self, partition: Partition, part: Part) -> int:
        spec, scope = partition
        if part.dates is not None and spec.date_window is not None:
            column, first, last = spec.date_window.field, str(part.dates.start_on), str(part.dates.end_on)
        elif spec.cursor is not None and part.window.start is not None:
            column, first, last = spec.cursor.field, to_text(part.window.start), to_text(part.window.end)
        else:
            return 1
        if column not in spec.columns:
            return 1
        found = self._counts(spec.name, _scope_columns(spec), (column, first, last))
        return pages_of(found.get(_values(spec, scope), 0), self.per_page(spec))

    def _counted(
        self, stream: str, by: tuple[str, ...], between: tuple[str, str, str] | None
    ) -> dict[tuple[Parameter, ...], int]:
        return self._view.live_counts(self._streams[stream], by, between) if self._view.has_table(stream) else {}


def _is_whole(part: Part) -> bool:
    return part.dates is None and part.window.start is None


def _scope_columns(spec: StreamSpec) -> tuple[str, ...]:
    return tuple(name for name in ("company_id", "project_id") if name in spec.scope_columns)


def _values(spec: StreamSpec, scope: Scope) -> tuple[Parameter, ...]:
    return tuple(value for name, value in scope._asdict().items() if name in spec.scope_columns)


def calls_a_day(spec: StreamSpec, cost: Cost, above: StreamSpec | None, options: StreamOptions, ticks: float) -> float:
    """What a partition costs a day on a schedule of so many ticks, when hardly anything changes."""
    if ticks == 0:
        return 0.0
    if cost.basis is Basis.REFUSED:
        return cost.calls * _DAY / PROBED_EVERY
    every = _whole_every(spec, above, options)
    if every is not None:
        return _times(ticks, every) * cost.whole
    if spec.mode is SyncMode.DATE_WINDOW:
        return ticks + cost.whole / options.reread.everything_days
    return ticks + _for_deletes(spec, cost, options, ticks)


def _whole_every(spec: StreamSpec, above: StreamSpec | None, options: StreamOptions) -> timedelta | None:
    """How often a stream is read whole that is read in no other way."""
    if spec.name in (COMPANIES, PROJECTS):
        return timedelta(0)
    if spec.name == PROJECT_TOOLS.name:
        return PROBED_EVERY
    if above is not None:
        return nested_everything_every(above, options)
    return options.full_refresh_every if spec.mode is SyncMode.FULL_REFRESH else None


def _for_deletes(spec: StreamSpec, cost: Cost, options: StreamOptions, ticks: float) -> float:
    if not options.follows_deletes:
        return 0.0
    signals = _times(ticks, options.deleted_every) if spec.deletes is not None else 0.0
    return signals + _times(ticks, options.reconcile_every) * (cost.whole - 1)


def _times(ticks: float, every: timedelta) -> float:
    """How often a day something is due that is done at a tick, and no sooner than `every` after the last time."""
    apart = _DAY / ticks
    return ticks / max(1, ceil((every - SLACK) / apart))


USUAL_CALLS_AN_HOUR = 3_600
"""What Procore's documentation names, for as long as no answer has told the limit of this app."""


class Pace(NamedTuple):
    """How fast calls may be spent: those an hour that Procore allows, our share of them, and the most a second."""

    limit: int
    granted: int
    a_second: float | None = None

    def hours(self, calls: int) -> float:
        """How long so many calls take: full hours of waiting for the next share, then as fast as it goes."""
        waits, rest = divmod(max(0, calls - 1), self.granted)
        return waits + min(1.0, (rest + 1) / ((self.a_second or self.granted / 3_600) * 3_600))
