"""One run from its first line in the ledger to its last: what can be read, then all of it, several at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from contextvars import copy_context
from typing import NamedTuple

from sync_worker.catalog.spec import SyncMode
from sync_worker.destination.protocol import Transaction
from sync_worker.errors import AuthError, DestinationError, StopRequested, SyncWorkerError, UnreachableError
from sync_worker.logs import Event, bound, get_logger, redactor
from sync_worker.model import DateRange, Outcome, Priority, Verdict
from sync_worker.planning.partitions import Chain, Partition, chains
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.planning.windows import is_due
from sync_worker.runner.backfill import Backfilling
from sync_worker.runner.discovery import discover, first_days, tell_unseen
from sync_worker.runner.frame import Parts, Period, RunFrame
from sync_worker.runner.order import Backfill, Order
from sync_worker.runner.sync import INTERRUPTED, Reading
from sync_worker.runner.unread import close_unread
from sync_worker.state.backfills import begin_backfill, forget_backfill
from sync_worker.state.checkpoints import read_checkpoint
from sync_worker.state.ledger import RunRow, ScopeResult, close_run, open_run, plan_run, run_scopes
from sync_worker.state.queue import new_run_id

_PRIORITIES = {"manual": Priority.BY_HAND, "backfill": Priority.BACKFILL}

log = get_logger()


class Ended(NamedTuple):
    """A run that is over; `failure` is what ended it before everything was tried. The ledger has the rest."""

    run_id: str
    failure: SyncWorkerError | None


def run(parts: Parts, order: Order) -> Ended:
    """Do what is ordered; raises `DestinationError` when not even the outcome could be written."""
    with _recorded(parts, order) as frame:
        listed = discover(parts, frame, order)
        frame.first_on = first_days(order, frame, [project for found in listed.values() for project in found.readable])
        if order.backfill is not None:
            frame.period = _frozen_period(parts, frame, order.backfill)
        tell_unseen(parts, frame, order, listed)
        ids = {company: [project.project_id for project in found.readable] for company, found in listed.items()}
        due = _due(parts, frame, chains(order.specs, ids))
        ahead = sum(map(len, due))
        parts.loader.do(lambda transaction: plan_run(transaction, frame.run_id, ahead))
        parts.progress.planned(ahead)
        _read_all(parts, frame, due)
    return Ended(frame.run_id, frame.failure)


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
    frame.priority, frame.waits = _PRIORITIES.get(order.trigger, Priority.SCHEDULED), order.waits
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
    now, error = parts.clock.now(), _text(frame.failure)
    close_run(transaction, frame.run_id, outcome, finished_at=now, error=error, failure=frame.failure)
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
    verdict, reason = (None, INTERRUPTED) if stopped else (Verdict.FAILED, _not_tried(failure))
    with parts.destination.reader() as view:
        told = {(scope.stream, scope.company_id, scope.project_id) for scope in run_scopes(view, frame.run_id)}
    untried = [part for chain in all_chains for part in chain if (part.spec.name, *part.scope) not in told]
    close_unread(parts, frame, untried, verdict, reason)


def _not_tried(failure: SyncWorkerError) -> str:
    """Why the run ended, without the list at which it did; the run itself has that."""
    if isinstance(failure, AuthError):
        return "not tried: the credentials were refused"
    if isinstance(failure, UnreachableError):
        return "not tried: Procore could not be reached"
    return "not tried: the run ended early"


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
            close_unread(parts, frame, [partition], above, f"the list of its parents, {parent}, could not be read")
            verdicts[partition.spec.name] = above
        else:
            doubt = None if above is Verdict.COMPLETE else f"the list of its parents, {parent}, is inexact"
            verdicts[partition.spec.name] = _reading(parts, frame, partition, doubt).run().verdict
        parts.progress.finished(partition.spec.name)


def _reading(parts: Parts, frame: RunFrame, partition: Partition, doubt: str | None) -> Reading:
    if frame.period is not None:
        return Backfilling(parts, frame, partition, frame.period, doubt)
    return Reading(parts, frame, partition, doubt)
