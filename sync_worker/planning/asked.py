"""What a sweep asks for, frozen before its first call by what is stored and due."""

from __future__ import annotations

from collections.abc import Mapping
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
    cursor_window,
    due_reach,
    nested_reach,
    reread_dates,
    window_of,
)
from sync_worker.state.checkpoints import read_checkpoint
from sync_worker.state.rereads import Reach, parents_read, read_rereads


class Terms(NamedTuple):
    """What holds for all that a run asks: where its windows end, and whether everything or what is not due is read.

    `first_on` is the first day of each project's daily logs.
    """

    bound: datetime
    everything: bool
    by_hand: bool
    first_on: Mapping[int, date]


class Asked(NamedTuple):
    """What a sweep asks for: `window` as the ledger tells it, how far back it reaches, the days of a daily log.

    `parents` are those that a nested stream is read for, by id, with the hashes of their rows.
    """

    window: Window
    reach: Reach = Reach.EVERYTHING
    dates: DateRange | None = None
    parents: Mapping[int | str, str] | None = None


def ask(
    view: Transaction, partition: Partition, streams: Mapping[str, StreamSpec], options: StreamOptions, terms: Terms
) -> Asked:
    """What is to be read of a partition now."""
    spec, scope = partition
    if spec.parent is not None:
        return _ask_nested(view, partition, spec.parent, streams[spec.parent.stream], options, terms)
    if spec.mode is SyncMode.DATE_WINDOW:
        return _ask_days(view, partition, options, terms)
    # Companies and projects say which scopes there are: a project that is newly permitted to us is an old record.
    if terms.everything or spec.mode is SyncMode.FULL_REFRESH or spec.name in (COMPANIES, PROJECTS):
        return Asked(Window(None, terms.bound))
    return Asked(cursor_window(read_checkpoint(view, spec.name, scope), terms.bound, options.lookback))


def live_parents(view: Transaction, parent: Parent, above: StreamSpec, scope: Scope) -> dict[int | str, str]:
    """The parents of a scope with the hashes of their rows; `above` is their stream."""
    of_scope = {name: value for name, value in scope._asdict().items() if value is not None}
    rows = view.live_values(above, [parent.key, "_row_hash"], of_scope)
    return {key: str(row_hash) for key, row_hash in rows if key is not None}


def _ask_days(view: Transaction, partition: Partition, options: StreamOptions, terms: Terms) -> Asked:
    spec, scope = partition
    checkpoint = read_checkpoint(view, spec.name, scope)
    read = read_rereads(view, spec.name, scope)
    first_on = options.start_on or terms.first_on[scope.project_id or 0]
    reach = Reach.EVERYTHING if terms.everything else due_reach(options.reread, read, first_on, terms.bound)
    dates = reread_dates(options.reread, reach, checkpoint, first_on, terms.bound)
    return Asked(window_of(dates), reach, dates)


def _ask_nested(
    view: Transaction, partition: Partition, parent: Parent, above: StreamSpec, options: StreamOptions, terms: Terms
) -> Asked:
    spec, scope = partition
    parents = live_parents(view, parent, above, scope)
    read = read_rereads(view, spec.name, scope)
    every = _nested_everything_every(above, options, terms)
    reach = Reach.EVERYTHING if terms.everything else nested_reach(read, terms.bound, every)
    if reach is Reach.EVERYTHING:
        return Asked(Window(None, terms.bound), reach, parents=parents)
    done = parents_read(view, spec.name, scope)
    moved = {key: row_hash for key, row_hash in parents.items() if done.get(str(key)) != row_hash}
    # A window with a beginning: whoever looks for proof of all children must not take this for it.
    return Asked(Window(min(read[Reach.RECENT].read_at, terms.bound), terms.bound), reach, parents=moved)


def _nested_everything_every(above: StreamSpec, options: StreamOptions, terms: Terms) -> timedelta:
    if options.nested_everything_every is not None:
        return options.nested_everything_every
    if above.mode is SyncMode.INCREMENTAL:
        return NESTED_EVERYTHING_EVERY
    # Nothing says that such a parent moves when its children do.
    return timedelta(0) if terms.by_hand else options.full_refresh_every
