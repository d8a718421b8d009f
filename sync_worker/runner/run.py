"""One run from its first line in the ledger to its last: what can be read, then all of it, several at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import NamedTuple

from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.destination.protocol import Transaction
from sync_worker.errors import AuthError, DestinationError, StopRequested, SyncWorkerError, UnreachableError
from sync_worker.logs import Event, bound, get_logger, redactor
from sync_worker.model import DateRange, Outcome, Priority, Scope, Verdict
from sync_worker.planning.pages import learned_sizes
from sync_worker.planning.partitions import Chain, chains
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.planning.windows import Period
from sync_worker.runner.chain import read_chain
from sync_worker.runner.clocks import Clocks
from sync_worker.runner.discovery import discover, first_days, inactive, tell_unseen
from sync_worker.runner.due import due
from sync_worker.runner.frame import Parts, RunFrame
from sync_worker.runner.order import Backfill, Order
from sync_worker.runner.permissions import Permissions
from sync_worker.runner.sync import INTERRUPTED
from sync_worker.runner.tools import switched_off, tool_lists
from sync_worker.runner.unread import close_unread
from sync_worker.state.avoided import record_avoided
from sync_worker.state.backfills import begin_backfill, forget_backfill
from sync_worker.state.history import all_checkpoints
from sync_worker.state.ledger import RunRow, ScopeResult, close_run, open_run, plan_run, run_scopes
from sync_worker.state.permissions import read_refusals
from sync_worker.state.queue import new_run_id

_PRIORITIES = {"manual": Priority.BY_HAND, "backfill": Priority.BACKFILL}

log = get_logger()


class Ended(NamedTuple):
    """A run that is over; `failure` is what ended it before everything was tried. The ledger has the rest.

    `doubt` is why it could prove nothing, where the clocks were far apart.
    """

    run_id: str
    failure: SyncWorkerError | None
    doubt: str | None = None


def run(parts: Parts, order: Order) -> Ended:
    """Do what is ordered; raises `DestinationError` when not even the outcome could be written."""
    with _recorded(parts, order) as frame:
        with parts.destination.reader() as view:
            frame.page_sizes.update(learned_sizes(view, frame.clocks.started_at))
        listed = discover(parts, frame, order)
        frame.first_on = first_days(order, frame, [project for found in listed.values() for project in found.readable])
        if order.backfill is not None:
            frame.period = _frozen_period(parts, frame, order.backfill)
        tell_unseen(parts, frame, order, listed)
        ids = {company: [project.project_id for project in found.readable] for company, found in listed.items()}
        permissions = _permissions(parts, frame)
        ahead = due(parts, frame, chains(order.specs, ids), inactive(order, listed))
        first = tool_lists(parts, frame, permissions, ahead)
        partitions = sum(map(len, (*first, *ahead)))
        parts.loader.do(lambda transaction: plan_run(transaction, frame.run_id, partitions))
        parts.progress.planned(partitions)
        _read_all(parts, frame, permissions, first, then=ahead)
        off = switched_off(parts, frame, ahead)
        _read_all(parts, frame, permissions, permissions.begin(ahead, off))
    return Ended(frame.run_id, frame.failure, frame.clocks.doubt)


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
    frame = RunFrame(run_id, order.everything, Clocks(started_at), by_hand=order.trigger in ("manual", "backfill"))
    frame.moves_marks = order.backfill is None
    frame.unstorable = order.unstorable
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
    record_avoided(transaction, frame.run_id, frame.avoided)
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
    """The verdicts of what the run was for: companies and projects, read to know the scopes, only where that is all.

    Lists of tools are never what a run is for.
    """
    by_distance = (
        [scope.verdict for scope in scopes if scope.stream not in (COMPANIES, PROJECTS, PROJECT_TOOLS.name)],
        [scope.verdict for scope in scopes if scope.stream == PROJECTS],
        [scope.verdict for scope in scopes],
    )
    return set(next((verdicts for verdicts in by_distance if verdicts), []))


def _permissions(parts: Parts, frame: RunFrame) -> Permissions:
    with parts.destination.reader() as view:
        known = read_refusals(view)
        proven = {(line.stream, Scope(line.company_id, line.project_id)) for line in all_checkpoints(view)}
    heeds = parts.thrift.remembers_refusals and not (frame.by_hand or frame.everything)
    return Permissions(parts.loader, parts.streams, known, proven, frame.now.earlier, heeds=heeds)


def _read_all(
    parts: Parts, frame: RunFrame, permissions: Permissions, all_chains: Sequence[Chain], then: Sequence[Chain] = ()
) -> None:
    """Read these chains; `then` are those that follow, of which an early end is told too."""
    with ThreadPoolExecutor(parts.max_concurrency, thread_name_prefix="fetch") as pool:
        # Each in a context of its own, so that what it logs carries the run's id.
        read = partial(read_chain, parts, frame, permissions)
        futures = [pool.submit(copy_context().run, read, chain) for chain in all_chains]
        try:
            for future in as_completed(futures):
                future.result()
        except SyncWorkerError as failure:
            pool.shutdown(wait=True, cancel_futures=True)
            if not isinstance(failure, DestinationError):
                _tell_untried(parts, frame, [*all_chains, *then], failure)
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
