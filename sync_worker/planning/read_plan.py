"""What a sweep asks for, frozen before its first call by what is stored and due."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sync_worker.catalog.spec import Parent, StreamSpec, SyncMode
from sync_worker.destination.protocol import Transaction
from sync_worker.model import DateRange, Scope, Window
from sync_worker.planning.options import StreamOptions
from sync_worker.planning.partitions import Partition
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.planning.windows import (
    NESTED_EVERYTHING_EVERY,
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


class Terms(NamedTuple):
    """What holds for all that a run asks: what time it is, and whether everything or what is not due is read.

    `log_starts` are the first days of the daily logs of each project.
    """

    now: Now
    full_refresh: bool
    is_manual: bool
    log_starts: Mapping[int, date]

    @property
    def bound(self) -> datetime:
        """Where windows end."""
        return self.now.later

    @property
    def reads_all(self) -> bool:
        """True if the run reads what is not due too: a manual run, or a full refresh."""
        return self.is_manual or self.full_refresh


class ReadPlan(NamedTuple):
    """What a sweep asks for: `window` as the ledger tells it, how far back it reaches, the days of a daily log.

    `parents` are those that a nested stream is read for, by id, with the hashes of their rows; `parents_gone` those
    that it was read for and that are no more; `unchanged_parents` is how many have not moved since they were read for,
    `refused_parents` how the lists of others were refused, which are not tried again yet. `every_day` are all days that
    a daily log is read of. Once complete, the sweep `settles` what is deleted, or asks the tool itself over the window
    `signal`. One that `reconciles` reads again what could be asked for its changes alone. `mark` is the one that is
    stored.
    """

    window: Window
    reach: ReadDepth = ReadDepth.EVERYTHING
    dates: DateRange | None = None
    parents: Mapping[int | str, str] | None = None
    parents_gone: Collection[str] = ()
    unchanged_parents: int = 0
    refused_parents: Sequence[RefusalKind] = ()
    every_day: DateRange | None = None
    settles: bool = False
    signal: Window | None = None
    reconciles: bool = False
    mark: datetime | None = None


def plan_partition(
    view: Transaction, partition: Partition, streams: Mapping[str, StreamSpec], options: StreamOptions, terms: Terms
) -> ReadPlan:
    """What is to be read of a partition now."""
    checkpoint = read_checkpoint(view, partition.spec.name, partition.scope)
    asked = _ask(view, partition, trusted(checkpoint, terms.now), streams, options, terms)
    return asked._replace(mark=None if checkpoint is None else checkpoint.mark)


def _ask(
    view: Transaction,
    partition: Partition,
    checkpoint: Checkpoint | None,
    streams: Mapping[str, StreamSpec],
    options: StreamOptions,
    terms: Terms,
) -> ReadPlan:
    spec = partition.spec
    if spec.parent is not None:
        return _ask_nested(view, partition, spec.parent, streams[spec.parent.stream], options, terms)
    if spec.mode is SyncMode.DATE_WINDOW:
        return _ask_days(view, partition, checkpoint, options, terms)
    if spec.name in (COMPANIES, PROJECTS):
        # They say which scopes there are: a project that is newly permitted to us is an old record, and one that is
        # not shown any more may still be there.
        return ReadPlan(Window(None, terms.bound))
    if spec.mode is SyncMode.FULL_REFRESH:
        return ReadPlan(Window(None, terms.bound), settles=options.follows_deletes)
    return _ask_changes(view, partition, checkpoint, options, terms)


def plan_backfill(
    view: Transaction, partition: Partition, streams: Mapping[str, StreamSpec], period: Period, bound: datetime
) -> tuple[ReadPlan, list[Part]]:
    """What a backfill asks of a partition, and in which parts: those that it has not read yet."""
    spec, scope = partition
    every = backfill_parts(spec, period.days, bound)
    done = backfilled_parts(view, period.request, spec.name, scope)
    window = Window(None, bound) if every[0].window.start is None else window_of(period.days)
    parents = None if spec.parent is None else live_parents(view, spec.parent, streams[spec.parent.stream], scope)
    return ReadPlan(window, parents=parents), [part for part in every if part.name not in done]


def live_parents(view: Transaction, parent: Parent, above: StreamSpec, scope: Scope) -> dict[int | str, str]:
    """The parents of a scope with the hashes of their rows; `above` is their stream."""
    of_scope = {name: value for name, value in scope._asdict().items() if value is not None}
    rows = view.live_values(above, [parent.key, "_row_hash"], of_scope)
    return {key: str(row_hash) for key, row_hash in rows if key is not None}


def _ask_changes(
    view: Transaction, partition: Partition, checkpoint: Checkpoint | None, options: StreamOptions, terms: Terms
) -> ReadPlan:
    spec, scope = partition
    whole = read_last_reads(view, spec.name, scope).get(ReadDepth.EVERYTHING)
    every = _sooner(view, partition, options.reconcile_every, options, terms)
    is_due_whole = options.follows_deletes and is_due(whole and whole.read_at, terms.now, every)
    if terms.full_refresh or checkpoint is None or is_due_whole:
        known = checkpoint is not None and not terms.full_refresh
        return ReadPlan(Window(None, terms.bound), settles=options.follows_deletes, reconciles=known)
    window = cursor_window(checkpoint, terms.now, options.lookback)
    return ReadPlan(window, ReadDepth.RECENT, signal=_signal(view, partition, whole, options, terms))


def _sooner(
    view: Transaction, partition: Partition, every: timedelta, options: StreamOptions, terms: Terms
) -> timedelta:
    """How often everything is read: sooner than usual where deletes wait for a second sweep to agree."""
    if not is_any_held(view, partition.spec.name, partition.scope):
        return every
    return timedelta(0) if terms.is_manual else min(every, options.deleted_every)


def _signal(
    view: Transaction, partition: Partition, whole: LastRead | None, options: StreamOptions, terms: Terms
) -> Window | None:
    """Over which window the tool is asked for its deleted records; None where it has no such list, or not yet again.

    A list that may not be read is asked for as seldom as its stream is read whole, which tells the same.
    """
    spec, scope = partition
    if spec.deletes is None or not options.follows_deletes:
        return None
    last = read_signal(view, spec.name, scope)
    told = [at for at in (last and last.asked_at, whole and whole.read_at) if at is not None]
    believed = [at for at in told if not is_ahead(at, terms.now.later)]
    since = min(max(believed, default=terms.now.earlier), terms.now.earlier)
    is_refused = last is not None and last.refused
    every = options.reconcile_every if is_refused else options.deleted_every
    if (terms.is_manual and not is_refused) or is_due(since, terms.now, every):
        return Window(before(since, options.lookback), terms.bound)
    return None


def _ask_days(
    view: Transaction, partition: Partition, checkpoint: Checkpoint | None, options: StreamOptions, terms: Terms
) -> ReadPlan:
    spec, scope = partition
    read = read_last_reads(view, spec.name, scope)
    first_on = options.start_on or terms.log_starts[scope.project_id or 0]
    reach = ReadDepth.EVERYTHING if terms.full_refresh else due_depth(options.reread, read, first_on, terms.now)
    dates = reread_dates(options.reread, reach, checkpoint, first_on, terms.now)
    every_day = log_dates(first_on, terms.now)
    tells_day = spec.date_window is not None and spec.date_window.field in spec.columns
    return ReadPlan(window_of(dates), reach, dates, every_day=every_day, settles=options.follows_deletes and tells_day)


def _ask_nested(
    view: Transaction, partition: Partition, parent: Parent, above: StreamSpec, options: StreamOptions, terms: Terms
) -> ReadPlan:
    spec, scope = partition
    parents = live_parents(view, parent, above, scope)
    read = read_last_reads(view, spec.name, scope)
    done = parents_read(view, spec.name, scope)
    every = _sooner(view, partition, _nested_everything_every(above, options, terms), options, terms)
    reach = ReadDepth.EVERYTHING if terms.full_refresh else nested_depth(read, terms.now, every)
    refused_parents = _denied(view, partition, parents, terms)
    asked_for = {key: row_hash for key, row_hash in parents.items() if key not in refused_parents}
    whole = ReadPlan(
        Window(None, terms.bound),
        reach,
        parents=asked_for,
        parents_gone=done.keys() - set(map(str, parents)),
        refused_parents=list(refused_parents.values()),
        settles=options.follows_deletes,
    )
    if reach is ReadDepth.EVERYTHING:
        return whole
    moved = {key: row_hash for key, row_hash in asked_for.items() if done.get(str(key)) != row_hash}
    # A window with a beginning: whoever looks for proof of all children must not take this for it.
    window = Window(min(read[ReadDepth.RECENT].read_at, terms.now.earlier), terms.bound)
    return whole._replace(window=window, parents=moved, unchanged_parents=len(asked_for) - len(moved))


def _denied(
    view: Transaction, partition: Partition, parents: Mapping[int | str, str], terms: Terms
) -> dict[int | str, RefusalKind]:
    """The parents whose lists are not asked for, because they were refused and the parent is as it was then."""
    if terms.is_manual or terms.full_refresh:
        return {}
    refused = parents_refused(view, partition.spec.name, partition.scope)
    return {
        key: known.kind
        for key, row_hash in parents.items()
        if (known := refused.get(str(key)))
        and known.row_hash == row_hash
        # A probe further ahead than any was ever set was set by a wrong clock.
        and terms.now.earlier < known.probe_at - SLACK <= terms.now.later + PARENT_PROBED_EVERY
    }


def _nested_everything_every(above: StreamSpec, options: StreamOptions, terms: Terms) -> timedelta:
    if options.nested_everything_every is None and above.mode is not SyncMode.INCREMENTAL and terms.is_manual:
        return timedelta(0)
    return nested_everything_every(above, options)


def nested_everything_every(above: StreamSpec, options: StreamOptions) -> timedelta:
    """How often a stream nested in `above` is read for all parents, by schedule."""
    if options.nested_everything_every is not None:
        return options.nested_everything_every
    # Nothing says that any other parent moves when its children do.
    return NESTED_EVERYTHING_EVERY if above.mode is SyncMode.INCREMENTAL else options.full_refresh_every
