"""The requests of a sweep, decided before the first one from what is stored and what is due."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sync_worker.catalog.spec import Parent, StreamSpec, SyncMode
from sync_worker.destination.protocol import Transaction
from sync_worker.model import DateRange, RunRequest, Scope, Window
from sync_worker.planning.options import StreamOptions
from sync_worker.planning.partitions import Partition
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.planning.windows import (
    FULL_NESTED_EVERY,
    PARENT_PROBED_EVERY,
    SLACK,
    Now,
    Part,
    Period,
    backfill_parts,
    before,
    cursor_window,
    due_depth,
    is_ahead,
    is_due,
    log_dates,
    nested_depth,
    reread_dates,
    trusted,
    window_of,
)
from sync_worker.state.backfills import backfilled_parts
from sync_worker.state.checkpoints import Checkpoint, read_checkpoint
from sync_worker.state.deletes import is_any_held, read_signal
from sync_worker.state.last_reads import LastRead, ReadDepth, parents_read, read_last_reads
from sync_worker.state.permissions import RefusalKind, parents_refused


class ReadPlan(NamedTuple):
    """The requests of one sweep."""

    window: Window
    """The time range that the ledger shows."""
    depth: ReadDepth = ReadDepth.FULL
    dates: DateRange | None = None
    """The days of a daily log."""
    parents: Mapping[int | str, str] | None = None
    """The parents that a nested stream is read for, by id, with the hashes of their rows."""
    missing_parents: Collection[str] = ()
    """Parents that it was read for before and that no longer exist."""
    unchanged_parents: int = 0
    """How many parents are left out because they have not changed since it was read for them."""
    refused_parents: Sequence[RefusalKind] = ()
    """How Procore refused the lists of the parents that are not tried again yet."""
    every_day: DateRange | None = None
    """All days of a daily log."""
    detects_deletes: bool = False
    """True if a complete sweep decides which rows were deleted."""
    signal: Window | None = None
    """The window over which the tool is asked for its own list of deleted records."""
    reconciles: bool = False
    """True if the sweep reads again what could have been asked for its changes only."""
    mark: datetime | None = None
    """The stored high-water mark."""
    parts: Sequence[Part] = ()
    """The parts of a backfill that it has not read yet."""


@dataclass(frozen=True, slots=True)
class ReadPlanner:
    """Plans the sweeps of one run; usable as long as `view` is open."""

    view: Transaction
    streams: Mapping[str, StreamSpec]
    options: Callable[[str], StreamOptions]
    request: RunRequest
    now: Now
    log_starts: Mapping[int, date]
    """The first day of the daily logs of each project."""

    def plan_partition(self, partition: Partition) -> ReadPlan:
        """Return what to read of a partition now."""
        checkpoint = read_checkpoint(self.view, partition.spec.name, partition.scope)
        plan = self._plan(partition, trusted(checkpoint, self.now))
        return plan._replace(mark=None if checkpoint is None else checkpoint.mark)

    def plan_backfill(self, partition: Partition, period: Period) -> ReadPlan:
        """Return what a backfill reads of a partition, with the parts that it has not read yet."""
        spec, scope = partition
        parts = backfill_parts(spec, period.days, self.now.later)
        done = backfilled_parts(self.view, period.request, spec.name, scope)
        is_whole = parts[0].window.start is None
        window = Window(None, self.now.later) if is_whole else window_of(period.days)
        # All of them: what happened in the period need not have changed the parent since.
        parents = None if spec.parent is None else self._live_parents(spec.parent, scope)
        return ReadPlan(window, parents=parents, parts=[part for part in parts if part.name not in done])

    def _plan(self, partition: Partition, checkpoint: Checkpoint | None) -> ReadPlan:
        spec = partition.spec
        if spec.parent is not None:
            return self._plan_nested(partition, spec.parent)
        if spec.mode is SyncMode.DATE_WINDOW:
            return self._plan_days(partition, checkpoint)
        everything = ReadPlan(Window(None, self.now.later))
        if spec.name in (COMPANIES, PROJECTS):
            # They decide which scopes exist: a project that was permitted lately is an old record, and one that is not
            # listed any more may still exist.
            return everything
        if spec.mode is SyncMode.FULL_REFRESH:
            return everything._replace(detects_deletes=self.options(spec.name).follows_deletes)
        return self._plan_changes(partition, checkpoint)

    def _plan_changes(self, partition: Partition, checkpoint: Checkpoint | None) -> ReadPlan:
        options = self.options(partition.spec.name)
        last_full = read_last_reads(self.view, *_key(partition)).get(ReadDepth.FULL)
        every = self._sooner_if_held(partition, options.reconcile_every)
        is_full_due = options.follows_deletes and is_due(last_full and last_full.read_at, self.now, every)
        # Without the filter of changes: a record that is not in the answer then is deleted.
        if self.request.full_refresh or checkpoint is None or is_full_due:
            reconciles = checkpoint is not None and not self.request.full_refresh
            window = Window(None, self.now.later)
            return ReadPlan(window, detects_deletes=options.follows_deletes, reconciles=reconciles)
        window = cursor_window(checkpoint, self.now, options.lookback)
        return ReadPlan(window, ReadDepth.INCREMENTAL, signal=self._deleted_window(partition, last_full))

    def _sooner_if_held(self, partition: Partition, every: timedelta) -> timedelta:
        """Return how often everything is read: sooner where held deletes wait for a second sweep to agree."""
        if not is_any_held(self.view, *_key(partition)):
            return every
        return timedelta(0) if self.request.is_manual else min(every, self.options(partition.spec.name).deleted_every)

    def _deleted_window(self, partition: Partition, last_full: LastRead | None) -> Window | None:
        """Return the window for the tool's list of deleted records; None if it has no such list or is not due.

        A list that was refused is requested only as often as its stream is read in full, which finds the same deletes.
        """
        options = self.options(partition.spec.name)
        if partition.spec.deletes is None or not options.follows_deletes:
            return None
        last = read_signal(self.view, *_key(partition))
        known = [at for at in (last and last.asked_at, last_full and last_full.read_at) if at is not None]
        believed = [at for at in known if not is_ahead(at, self.now.later + self.now.passed)]
        since = min(max(believed, default=self.now.earlier), self.now.earlier)
        is_refused = last is not None and last.refused
        every = options.reconcile_every if is_refused else options.deleted_every
        if (self.request.is_manual and not is_refused) or is_due(since, self.now, every):
            return Window(before(since, options.lookback), self.now.later)
        return None

    def _plan_days(self, partition: Partition, checkpoint: Checkpoint | None) -> ReadPlan:
        spec, scope = partition
        options = self.options(spec.name)
        last_reads = read_last_reads(self.view, *_key(partition))
        first_on = options.start_on or self.log_starts[scope.project_id or 0]
        is_full = self.request.full_refresh
        depth = ReadDepth.FULL if is_full else due_depth(options.reread, last_reads, first_on, self.now)
        dates = reread_dates(options.reread, depth, checkpoint, first_on, self.now)
        # Without the day in the record, nobody can say which rows belong to the days that were read.
        has_day = spec.date_window is not None and spec.date_window.field in spec.columns
        return ReadPlan(
            window_of(dates),
            depth,
            dates,
            every_day=log_dates(first_on, self.now),
            detects_deletes=options.follows_deletes and has_day,
        )

    def _plan_nested(self, partition: Partition, parent: Parent) -> ReadPlan:
        options = self.options(partition.spec.name)
        parents = self._live_parents(parent, partition.scope)
        last_reads = read_last_reads(self.view, *_key(partition))
        done = parents_read(self.view, *_key(partition))
        every = self._sooner_if_held(partition, self._full_nested_every(parent, options))
        depth = ReadDepth.FULL if self.request.full_refresh else nested_depth(last_reads, self.now, every)
        refused = self._refused_parents(partition, parents)
        wanted = {key: row_hash for key, row_hash in parents.items() if key not in refused}
        full = ReadPlan(
            Window(None, self.now.later),
            depth,
            parents=wanted,
            missing_parents=done.keys() - set(map(str, parents)),
            refused_parents=list(refused.values()),
            detects_deletes=options.follows_deletes,
        )
        if depth is ReadDepth.FULL:
            return full
        changed = {key: row_hash for key, row_hash in wanted.items() if done.get(str(key)) != row_hash}
        # A window with a beginning, so that the ledger's reader does not take it for a proof of all children.
        window = Window(min(last_reads[ReadDepth.INCREMENTAL].read_at, self.now.earlier), self.now.later)
        return full._replace(window=window, parents=changed, unchanged_parents=len(wanted) - len(changed))

    def _live_parents(self, parent: Parent, scope: Scope) -> dict[int | str, str]:
        of_scope = {name: value for name, value in scope._asdict().items() if value is not None}
        rows = self.view.live_values(self.streams[parent.stream], [parent.key, "_row_hash"], of_scope)
        return {key: str(row_hash) for key, row_hash in rows if key is not None}

    def _refused_parents(self, partition: Partition, parents: Mapping[int | str, str]) -> dict[int | str, RefusalKind]:
        """Return the parents that are left out: their lists were refused and the parents are as they were then."""
        if self.request.reads_all:
            return {}
        refused = parents_refused(self.view, *_key(partition))
        return {
            key: known.kind
            for key, row_hash in parents.items()
            if (known := refused.get(str(key)))
            and known.row_hash == row_hash
            # A probe further ahead than any was ever set was set by a wrong clock.
            and self.now.earlier < known.probe_at - SLACK <= self.now.later + PARENT_PROBED_EVERY
        }

    def _full_nested_every(self, parent: Parent, options: StreamOptions) -> timedelta:
        above = self.streams[parent.stream]
        is_by_schedule = above.mode is SyncMode.INCREMENTAL or not self.request.is_manual
        if options.nested_everything_every is not None or is_by_schedule:
            return full_nested_every(above, options)
        return timedelta(0)


def full_nested_every(above: StreamSpec, options: StreamOptions) -> timedelta:
    """Return how often a schedule reads a stream nested in `above` for all parents."""
    if options.nested_everything_every is not None:
        return options.nested_everything_every
    # Only an incremental parent shows by a change of its own that its children may have changed.
    return FULL_NESTED_EVERY if above.mode is SyncMode.INCREMENTAL else options.full_refresh_every


def _key(partition: Partition) -> tuple[str, Scope]:
    return partition.spec.name, partition.scope
