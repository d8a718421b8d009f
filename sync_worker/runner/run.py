"""One run from its first line in the ledger to its last: what can be read, then all of it, several at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from contextvars import copy_context
from datetime import date
from typing import NamedTuple

from sync_worker.catalog.spec import ScopeKind, StreamSpec, SyncMode
from sync_worker.destination.protocol import Parameter, Transaction
from sync_worker.errors import DestinationError, StopRequested, SyncWorkerError
from sync_worker.logs import Event, bound, get_logger, redactor
from sync_worker.model import DateRange, Outcome, Scope, Verdict, Window
from sync_worker.planning.partitions import Chain, Partition, chains
from sync_worker.planning.projects import Project, ProjectChoice, choose
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.planning.windows import is_due
from sync_worker.runner.backfill import Backfilling
from sync_worker.runner.sync import INTERRUPTED, Parts, Period, Reading, RunFrame, Swept
from sync_worker.state.backfills import begin_backfill, forget_backfill
from sync_worker.state.checkpoints import read_checkpoint
from sync_worker.state.ledger import (
    RunRow,
    ScopeKey,
    ScopeResult,
    close_run,
    close_scope,
    open_run,
    open_scope,
    run_scopes,
)
from sync_worker.state.queue import new_run_id

_NOT_LISTED = "Procore does not list this project for this service account: permit it, or check the number"
_LIST_FAILED = "the list of projects could not be read, and this one is not known from before"

EARLIEST = date(2000, 1, 1)
"""Where daily logs of a project begin that tells neither its start nor its creation: all days are one call."""

log = get_logger()


class Backfill(NamedTuple):
    """The first and the last day to read again, the last one today unless said; `request` tells it from others."""

    request: str
    since: date
    until: date | None = None


class Order(NamedTuple):
    """What a run is asked to do.

    `specs` hold their parents; `first_on` is where daily logs begin, if the user says; `run_id` is that of a run which
    waits in the ledger.
    """

    job: str
    specs: Sequence[StreamSpec]
    company_ids: Sequence[int]
    choice: ProjectChoice
    first_on: date | None = None
    everything: bool = False
    trigger: str = "manual"
    run_id: str | None = None
    backfill: Backfill | None = None


class Ended(NamedTuple):
    """A run that is over; `failure` is what ended it before everything was tried. The ledger has the rest."""

    run_id: str
    failure: SyncWorkerError | None


class Listed(NamedTuple):
    """The projects of a company that were to be read: those that can be, and those that Procore no longer shows."""

    verdict: Verdict
    readable: Sequence[Project] = ()
    unseen: Sequence[int] = ()

    @property
    def ids(self) -> list[int]:
        """All of them."""
        return [*(project.project_id for project in self.readable), *self.unseen]


def run(parts: Parts, order: Order) -> Ended:
    """Do what is ordered; raises `DestinationError` when not even the outcome could be written."""
    with _recorded(parts, order) as frame:
        listed = _discover(parts, frame, order)
        frame.first_on = first_days(order, frame, [project for found in listed.values() for project in found.readable])
        if order.backfill is not None:
            frame.period = _frozen_period(parts, frame, order.backfill)
        _tell_unseen(parts, frame, order, listed)
        ids = {company: [project.project_id for project in found.readable] for company, found in listed.items()}
        due = _due(parts, frame, chains(order.specs, ids))
        parts.progress.planned(sum(map(len, due)))
        _read_all(parts, frame, due)
    return Ended(frame.run_id, frame.failure)


def first_days(order: Order, frame: RunFrame, projects: Sequence[Project]) -> dict[int, date]:
    """Where each project's daily logs begin."""
    return {
        project.project_id: order.first_on or min(project.first_on or EARLIEST, frame.bound.date())
        for project in projects
    }


def _frozen_period(parts: Parts, frame: RunFrame, backfill: Backfill) -> Period:
    """The days to read; one that goes on keeps the last day that it began with."""
    until = backfill.until or frame.bound.date()
    until = parts.loader.do(lambda transaction: begin_backfill(transaction, backfill.request, until))
    return Period(backfill.request, DateRange(backfill.since, max(backfill.since, until)))


@contextmanager
def _recorded(parts: Parts, order: Order) -> Iterator[RunFrame]:
    """Open the run in the ledger and close it with its outcome, whatever happens inside."""
    started_at = parts.clock.now()
    run_id = order.run_id or new_run_id(started_at)
    parts.loader.do(lambda tx: open_run(tx, RunRow(run_id, order.job, order.trigger, started_at)))
    frame = RunFrame(run_id, order.everything, started_at, by_hand=order.trigger in ("manual", "backfill"))
    frame.moves_marks = order.backfill is None
    with bound(run_id=run_id, job=order.job):
        log.info(Event.RUN_STARTED)
        try:
            yield frame
        except SyncWorkerError as failure:
            frame.failure = failure
        except BaseException as bug:
            frame.failure = SyncWorkerError(f"internal error: {type(bug).__name__}: {bug}")
            raise
        finally:
            outcome = parts.loader.do(lambda tx: _close(tx, parts, frame))
            log.info(Event.RUN_FINISHED, outcome=outcome, error=_text(frame.failure))


def _close(transaction: Transaction, parts: Parts, frame: RunFrame) -> Outcome:
    scopes = run_scopes(transaction, frame.run_id)
    stopped = isinstance(frame.failure, StopRequested)
    outcome = Outcome.INTERRUPTED if stopped else outcome_of(scopes, failed=frame.failure is not None)
    if frame.period is not None and outcome is Outcome.SUCCEEDED:
        forget_backfill(transaction, frame.period.request)
    close_run(transaction, frame.run_id, outcome, finished_at=parts.clock.now(), error=_text(frame.failure))
    return outcome


def _text(failure: SyncWorkerError | None) -> str | None:
    return None if failure is None else redactor.text(str(failure))


def outcome_of(scopes: Sequence[ScopeResult], *, failed: bool) -> Outcome:
    """The outcome of a run that was not interrupted; scopes that may not be read fail it only when nothing else was."""
    if asked_for(scopes).isdisjoint({Verdict.COMPLETE, Verdict.INEXACT}):
        return Outcome.FAILED
    verdicts = {scope.verdict for scope in scopes}
    if failed or Verdict.FAILED in verdicts or Verdict.INEXACT in verdicts:
        return Outcome.PARTIAL
    return Outcome.SUCCEEDED


def asked_for(scopes: Sequence[ScopeResult]) -> set[Verdict | None]:
    """The verdicts of what the run was for: companies and projects, read to know the scopes, only where that is all."""
    by_distance = (
        [scope.verdict for scope in scopes if scope.stream not in (COMPANIES, PROJECTS)],
        [scope.verdict for scope in scopes if scope.stream == PROJECTS],
        [scope.verdict for scope in scopes],
    )
    return set(next((verdicts for verdicts in by_distance if verdicts), []))


def _discover(parts: Parts, frame: RunFrame, order: Order) -> dict[int, Listed]:
    """Read companies and projects; the projects of each company."""
    by_name = {spec.name: spec for spec in order.specs}
    frame.server_time = Reading(parts, frame, Partition(by_name[COMPANIES], Scope())).run().server_time
    listed = dict.fromkeys(order.company_ids, Listed(Verdict.COMPLETE))
    if PROJECTS in by_name:
        for company_id in listed:
            partition = Partition(by_name[PROJECTS], Scope(company_id))
            swept = Reading(parts, frame, partition).run()
            frame.server_time = frame.server_time or swept.server_time
            listed[company_id] = _sorted_out(swept, choose(known_projects(parts, partition), order.choice))
    return listed


def _sorted_out(swept: Swept, chosen: Sequence[Project]) -> Listed:
    """The chosen projects, by whether Procore shows them; what was shown last time counts where the list failed."""
    if swept.verdict in (Verdict.FAILED, Verdict.INEXACT):
        return Listed(swept.verdict, chosen)
    shown = set(swept.keys)
    readable = [project for project in chosen if (project.project_id,) in shown]
    unseen = [project.project_id for project in chosen if (project.project_id,) not in shown]
    return Listed(swept.verdict, readable, unseen)


def known_projects(parts: Parts, partition: Partition) -> list[Project]:
    """The projects that Procore showed, now or in an earlier run."""
    columns = ("id", "active", "start_date", "created_at")
    with parts.destination.reader() as view:
        return [
            _project(row)
            for row in view.live_values(partition.spec, columns, {"company_id": partition.scope.company_id or 0})
        ]


def _project(row: Sequence[Parameter]) -> Project:
    project_id, active, start_on, created_at = row
    days = [date.fromisoformat(str(text)[:10]) for text in (start_on, created_at) if text]
    # A project that does not say whether it is active is read.
    return Project(int(project_id or 0), active is None or bool(active), min(days, default=None))


def _tell_unseen(parts: Parts, frame: RunFrame, order: Order, listed: Mapping[int, Listed]) -> None:
    """Give their verdict to projects that were to be read but are not shown; asking would only be refused."""
    for company_id, found in listed.items():
        for project_id in found.unseen:
            _close_project(parts, frame, order, Scope(company_id, project_id), Verdict.NOT_PERMITTED, _NOT_LISTED)
    any_failed = any(found.verdict is Verdict.FAILED for found in listed.values())
    verdict, reason = (Verdict.FAILED, _LIST_FAILED) if any_failed else (Verdict.NOT_PERMITTED, _NOT_LISTED)
    for project_id in sorted(_named(order.choice).difference(*(found.ids for found in listed.values()))):
        _close_project(parts, frame, order, Scope(order.company_ids[0], project_id), verdict, reason)


def _named(choice: ProjectChoice) -> set[int]:
    return set(choice.requested) or set(choice.include) - set(choice.exclude)


def _close_project(parts: Parts, frame: RunFrame, order: Order, scope: Scope, verdict: Verdict, reason: str) -> None:
    partitions = [Partition(spec, scope) for spec in order.specs if spec.scope is ScopeKind.PROJECT]
    _close_unread(parts, frame, partitions, verdict, reason)


def _due(parts: Parts, frame: RunFrame, all_chains: Sequence[Chain]) -> list[Chain]:
    """What is read now. A list that can only be read whole, on its own slower clock, unless someone asks by hand.

    What is left out gets no line in the ledger, which tells of sweeps; its checkpoint says when it was complete.
    """
    if frame.by_hand or frame.everything:
        return list(all_chains)
    with parts.destination.reader() as view:
        return [tuple(part for part in chain if _is_due(parts, frame, view, part)) for chain in all_chains]


def _is_due(parts: Parts, frame: RunFrame, view: Transaction, partition: Partition) -> bool:
    spec, scope = partition
    if spec.mode is not SyncMode.FULL_REFRESH or spec.parent is not None:
        return True
    checkpoint = read_checkpoint(view, spec.name, scope)
    return is_due(checkpoint and checkpoint.mark, frame.bound, parts.options(spec.name).full_refresh_every)


def _read_all(parts: Parts, frame: RunFrame, all_chains: Sequence[Chain]) -> None:
    with ThreadPoolExecutor(parts.max_concurrency, thread_name_prefix="fetch") as pool:
        # Each in a context of its own, so that what it logs carries the run's id.
        futures = [pool.submit(copy_context().run, _read_chain, parts, frame, chain) for chain in all_chains]
        try:
            for future in as_completed(futures):
                future.result()
        except SyncWorkerError as failure:
            pool.shutdown(wait=True, cancel_futures=True)
            if not isinstance(failure, DestinationError):
                _tell_untried(parts, frame, all_chains, failure)
            raise
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _tell_untried(parts: Parts, frame: RunFrame, all_chains: Sequence[Chain], failure: SyncWorkerError) -> None:
    """Give a line to the partitions that an early end left unread; an asked stop is no verdict on them."""
    stopped = isinstance(failure, StopRequested)
    verdict, reason = (None, INTERRUPTED) if stopped else (Verdict.FAILED, f"not tried: {failure}")
    with parts.destination.reader() as view:
        told = {(scope.stream, scope.company_id, scope.project_id) for scope in run_scopes(view, frame.run_id)}
    untried = [part for chain in all_chains for part in chain if (part.spec.name, *part.scope) not in told]
    _close_unread(parts, frame, untried, verdict, reason)


def _read_chain(parts: Parts, frame: RunFrame, chain: Chain) -> None:
    """Read a stream and what is nested in it; a nested stream is only as good as the list of its parents."""
    verdicts: dict[str, Verdict] = {}
    for partition in chain:
        if parts.stop.is_set():
            raise StopRequested("asked to stop between two streams")
        parent = partition.spec.parent and partition.spec.parent.stream
        # A parent that is not due was complete.
        above = verdicts.get(parent, Verdict.COMPLETE) if parent else Verdict.COMPLETE
        if above in (Verdict.FAILED, Verdict.NOT_PERMITTED):
            _close_unread(parts, frame, [partition], above, f"the list of its parents, {parent}, could not be read")
            verdicts[partition.spec.name] = above
        else:
            doubt = None if above is Verdict.COMPLETE else f"the list of its parents, {parent}, is inexact"
            verdicts[partition.spec.name] = _reading(parts, frame, partition, doubt).run().verdict
        parts.progress.finished(partition.spec.name)


def _reading(parts: Parts, frame: RunFrame, partition: Partition, doubt: str | None) -> Reading:
    if frame.period is not None:
        return Backfilling(parts, frame, partition, frame.period, doubt)
    return Reading(parts, frame, partition, doubt)


def _close_unread(
    parts: Parts, frame: RunFrame, partitions: Sequence[Partition], verdict: Verdict | None, reason: str
) -> None:
    now = parts.clock.now()
    reason = redactor.text(reason)

    def write(transaction: Transaction) -> None:
        for spec, scope in partitions:
            key = ScopeKey(frame.run_id, spec.name, scope)
            open_scope(transaction, key, Window(None, frame.bound), now)
            close_scope(transaction, key, verdict, total=None, requests=0, error=reason, finished_at=now)

    parts.loader.do(write)
