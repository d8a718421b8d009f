"""One run from its first line in the ledger to its last: what can be read, then all of it, several at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from contextvars import copy_context
from datetime import date
from typing import NamedTuple

from sync_worker.access.cache import AccessCache
from sync_worker.access.tools import switched_off, tool_lists
from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.destination.protocol import Transaction
from sync_worker.errors import AuthError, DestinationError, StopRequested, SyncWorkerError, UnreachableError
from sync_worker.logs import Event, bound, get_logger, redactor
from sync_worker.model import DateRange, Outcome, Scope, Verdict
from sync_worker.planning.pages import learned_sizes
from sync_worker.planning.partitions import Chain
from sync_worker.planning.plan import due_chains, plan_run
from sync_worker.planning.projects import log_start_dates
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.planning.windows import Period
from sync_worker.runner.backfill import backfill_partition
from sync_worker.runner.context import RunContext
from sync_worker.runner.discovery import discover, record_missing_projects
from sync_worker.runner.sync import INTERRUPTED, sync_partition
from sync_worker.state.backfills import begin_backfill, forget_backfill
from sync_worker.state.history import all_checkpoints
from sync_worker.state.ledger import RunRow, ScopeResult, close_run, open_run, record_plan, run_scopes
from sync_worker.state.permissions import read_refusals
from sync_worker.state.skipped import SkipReason, record_skipped

_UNREAD = (Verdict.FAILED, Verdict.NOT_PERMITTED)

log = get_logger()


class RunResult(NamedTuple):
    """A run that is over; `failure` is what ended it before everything was tried. The ledger has the rest.

    `doubt` is why it could prove nothing, where the clocks were far apart.
    """

    run_id: str
    failure: SyncWorkerError | None
    doubt: str | None = None


def execute_run(run: RunContext) -> RunResult:
    """Read what is requested; raises `DestinationError` when not even the outcome could be written."""
    with _recorded(run):
        with run.services.destination.reader() as view:
            run.page_sizes.update(learned_sizes(view, run.clocks.started_at))
        listed = discover(run)
        readable = [project for found in listed.values() for project in found.readable]
        run.log_starts = log_start_dates(readable, run.start_date, run.bound.date())
        if run.request.since is not None:
            run.period = _frozen_period(run, run.request.since)
        record_missing_projects(run, listed)
        permissions = _permissions(run)
        projects = {company_id: found.readable for company_id, found in listed.items()}
        with run.services.destination.reader() as view:
            tasks = plan_run(run.planner(view), run.specs, projects, run.choice)
            ahead = due_chains(tasks)
            first = tool_lists(view, ahead, run.request, run.now)
        for task in tasks:
            if task.skipped is not None:
                run.skip(task.partition.spec.name, task.skipped)
        partitions = sum(map(len, (*first, *ahead)))
        run.services.writer.do(record_plan, run.run_id, partitions)
        run.services.progress.planned(partitions)
        # Before the others, because they say which of these need not be asked for at all.
        _read_all(run, permissions, first, then=ahead)
        with run.services.destination.reader() as view:
            off = switched_off(view, ahead, run.request, run.now)
        _read_all(run, permissions, permissions.plan_probes(ahead, off))
    return RunResult(run.run_id, run.failure, run.clocks.doubt)


def _frozen_period(run: RunContext, since: date) -> Period:
    """Return the days to read; a backfill that continues keeps the last day that it began with."""
    until = run.request.until or run.bound.date()
    until = run.services.writer.do(begin_backfill, run.backfill_key, until)
    return Period(run.backfill_key, DateRange(since, max(since, until)))


@contextmanager
def _recorded(run: RunContext) -> Iterator[None]:
    """Open the run in the ledger and close it with its outcome, whatever happens inside."""
    row = RunRow(run.run_id, run.request.job, run.request.trigger, run.clocks.started_at)
    run.services.writer.do(open_run, row)
    with bound(run_id=run.run_id, job=run.request.job):
        log.info(Event.RUN_STARTED)
        try:
            yield
        except SyncWorkerError as failure:
            run.failure = failure
        except BaseException as bug:
            # The ledger gets its outcome; whoever started the run logs the traceback.
            run.failure = SyncWorkerError(f"internal error: {type(bug).__name__}: {bug}")
            raise
        finally:
            outcome = run.services.writer.do(_close, run)
            log.info(Event.RUN_FINISHED, outcome=outcome, error=_text(run.failure))


def _close(transaction: Transaction, run: RunContext) -> Outcome:
    scopes = run_scopes(transaction, run.run_id)
    stopped = isinstance(run.failure, StopRequested)
    outcome = Outcome.INTERRUPTED if stopped else outcome_of(scopes, failed=run.failure is not None)
    # Until then its parts stay: the same request goes on with those that are missing.
    if run.period is not None and outcome is Outcome.SUCCEEDED:
        forget_backfill(transaction, run.period.request)
    now, error = run.services.clock.now(), _text(run.failure)
    record_skipped(transaction, run.run_id, run.skipped)
    close_run(transaction, run.run_id, outcome, finished_at=now, error=error, failure=run.failure)
    return outcome


def _text(failure: SyncWorkerError | None) -> str | None:
    return None if failure is None else redactor.text(str(failure))


def outcome_of(scopes: Sequence[ScopeResult], *, failed: bool) -> Outcome:
    """Return the outcome of a run that was not interrupted; refused scopes fail it only if no other was read."""
    if deciding_verdicts(scopes).isdisjoint({Verdict.COMPLETE, Verdict.INEXACT}):
        return Outcome.FAILED
    verdicts = {scope.verdict for scope in scopes}
    if failed or Verdict.FAILED in verdicts or Verdict.INEXACT in verdicts:
        return Outcome.PARTIAL
    return Outcome.SUCCEEDED


def deciding_verdicts(scopes: Sequence[ScopeResult]) -> set[Verdict | None]:
    """Return the verdicts that decide the outcome; companies and projects count only if nothing else was requested.

    `project_tools` counts only if neither projects nor other streams were read.
    """
    by_distance = (
        [scope.verdict for scope in scopes if scope.stream not in (COMPANIES, PROJECTS, PROJECT_TOOLS.name)],
        [scope.verdict for scope in scopes if scope.stream == PROJECTS],
        [scope.verdict for scope in scopes],
    )
    return set(next((verdicts for verdicts in by_distance if verdicts), []))


def _permissions(run: RunContext) -> AccessCache:
    with run.services.destination.reader() as view:
        known = read_refusals(view)
        proven = {(line.stream, Scope(line.company_id, line.project_id)) for line in all_checkpoints(view)}
    use_cache = not run.request.reads_all
    return AccessCache(run.services.writer, run.services.streams, known, proven, run.now.earlier, use_cache=use_cache)


def _read_all(run: RunContext, access: AccessCache, all_chains: Sequence[Chain], then: Sequence[Chain] = ()) -> None:
    """Read these chains, several at a time; `then` are those that follow, which an early end leaves unread too."""
    with ThreadPoolExecutor(run.services.max_concurrency, thread_name_prefix="fetch") as pool:
        # Each in a context of its own, so that what it logs carries the run's id.
        futures = [pool.submit(copy_context().run, _read_chain, run, access, chain) for chain in all_chains]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException as failure:
            # Before the threads are waited for: one that waits for a list of another run, which ends the same way and
            # waits for a list of this one, would wait for ever.
            run.is_ending = True
            pool.shutdown(wait=True, cancel_futures=True)
            if isinstance(failure, SyncWorkerError) and not isinstance(failure, DestinationError):
                _record_untried(run, [*all_chains, *then], failure)
            raise


def _read_chain(run: RunContext, access: AccessCache, chain: Chain) -> None:
    """Read a stream and those nested in it; a nested stream is only as good as the list of its parents."""
    verdicts: dict[str, Verdict] = {}
    for partition in chain:
        if run.services.stop.is_set():
            raise StopRequested("asked to stop between two streams")
        name, parent = partition.spec.name, partition.spec.parent.stream if partition.spec.parent else ""
        # A parent that has no verdict here was not due, so it was complete not long ago.
        of_parents = verdicts.get(parent, Verdict.COMPLETE)
        if name in run.unstorable:
            verdicts[name] = Verdict.FAILED
            run.record_unread([partition], Verdict.FAILED, run.unstorable[name])
        elif of_parents in _UNREAD:
            verdicts[name] = of_parents
            run.record_unread([partition], of_parents, f"the list of its parents, {parent}, could not be read")
            if of_parents is Verdict.NOT_PERMITTED:
                run.skip(name, SkipReason.NOT_PERMITTED)
        elif (block := access.block(partition)) is not None:
            verdicts[name] = Verdict.NOT_PERMITTED
            run.record_unread([partition], Verdict.NOT_PERMITTED, block.text)
            run.skip(name, block.reason)
        else:
            doubt = None if of_parents is Verdict.COMPLETE else f"the list of its parents, {parent}, is inexact"
            result = (
                sync_partition(run, partition, doubt)
                if run.period is None
                else backfill_partition(run, partition, run.period, doubt)
            )
            access.record_result(partition, result.verdict, result.refusal)
            verdicts[name] = result.verdict
        run.services.progress.finished(name)


def _record_untried(run: RunContext, all_chains: Sequence[Chain], failure: SyncWorkerError) -> None:
    """Give a line to the partitions that an early end left unread; a requested stop is no verdict on them."""
    is_stopped = isinstance(failure, StopRequested)
    verdict, reason = (None, INTERRUPTED) if is_stopped else (Verdict.FAILED, _not_tried(failure))
    with run.services.destination.reader() as view:
        read = {(scope.stream, scope.company_id, scope.project_id) for scope in run_scopes(view, run.run_id)}
    untried = [part for chain in all_chains for part in chain if (part.spec.name, *part.scope) not in read]
    run.record_unread(untried, verdict, reason)


def _not_tried(failure: SyncWorkerError) -> str:
    """Return why the run ended, without the list at which it did: that is in the run's own line."""
    if isinstance(failure, AuthError):
        return "not tried: the credentials were refused"
    if isinstance(failure, UnreachableError):
        return "not tried: Procore could not be reached"
    return "not tried: the run ended early"
