"""One run from its first line in the ledger to its last: what can be read, then all of it, several at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import date
from secrets import token_hex
from typing import NamedTuple

from sync_worker.catalog.spec import ScopeKind, StreamSpec
from sync_worker.destination.protocol import Parameter, Transaction
from sync_worker.errors import StopRequested, SyncWorkerError
from sync_worker.logs import Event, get_logger
from sync_worker.model import Outcome, Scope, Verdict, Window
from sync_worker.planning.partitions import Chain, Partition, chains
from sync_worker.planning.projects import Project, ProjectChoice, choose
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.runner.sync import Parts, Reading, RunFrame, Swept
from sync_worker.state.ledger import RunRow, ScopeKey, close_run, close_scope, open_run, open_scope, run_scopes

log = get_logger()


class Order(NamedTuple):
    """What a run is asked to do. `specs` hold their parents; `first_on` is where daily logs begin, if the user says."""

    job: str
    specs: Sequence[StreamSpec]
    company_ids: Sequence[int]
    choice: ProjectChoice
    first_on: date | None = None
    everything: bool = False
    trigger: str = "manual"


class Ended(NamedTuple):
    """A run that is over; `failure` is what ended it before everything was tried. The ledger has the rest."""

    run_id: str
    failure: SyncWorkerError | None


def run(parts: Parts, order: Order) -> Ended:
    """Do what is ordered; raises `DestinationError` when not even the outcome could be written."""
    with _recorded(parts, order) as frame:
        projects = _discover(parts, frame, order)
        frame.first_on = {
            project.project_id: order.first_on or project.first_on or frame.bound.date()
            for found in projects.values()
            for project in found
        }
        ids = {company: [project.project_id for project in found] for company, found in projects.items()}
        _refuse_unseen(parts, frame, order, {project_id for found in ids.values() for project_id in found})
        _read_all(parts, frame, chains(order.specs, ids))
    return Ended(frame.run_id, frame.failure)


@contextmanager
def _recorded(parts: Parts, order: Order) -> Iterator[RunFrame]:
    """Open the run in the ledger and close it with its outcome, whatever happens inside."""
    started_at = parts.clock.now()
    run_id = f"{started_at:%Y%m%dT%H%M%SZ}-{token_hex(3)}"
    parts.loader.do(lambda tx: open_run(tx, RunRow(run_id, order.job, order.trigger, started_at)))
    log.info(Event.RUN_STARTED, run_id=run_id, job=order.job)
    frame = RunFrame(run_id, order.everything, bound=started_at)
    try:
        yield frame
    except SyncWorkerError as failure:
        frame.failure = failure
    except BaseException as bug:
        frame.failure = SyncWorkerError(f"internal error: {type(bug).__name__}: {bug}")
        raise
    finally:
        outcome = parts.loader.do(lambda tx: _close(tx, parts, frame))
        log.info(Event.RUN_FINISHED, run_id=run_id, job=order.job, outcome=outcome, error=_text(frame.failure))


def _close(transaction: Transaction, parts: Parts, frame: RunFrame) -> Outcome:
    verdicts = [scope.verdict for scope in run_scopes(transaction, frame.run_id)]
    stopped = isinstance(frame.failure, StopRequested)
    outcome = Outcome.INTERRUPTED if stopped else outcome_of(verdicts, failed=frame.failure is not None)
    close_run(transaction, frame.run_id, outcome, finished_at=parts.clock.now(), error=_text(frame.failure))
    return outcome


def _text(failure: SyncWorkerError | None) -> str | None:
    return None if failure is None else str(failure)


def outcome_of(verdicts: Sequence[Verdict | str | None], *, failed: bool) -> Outcome:
    """The outcome of a run that was not interrupted; scopes that may not be read fail it only when nothing else was."""
    something = Verdict.COMPLETE in verdicts or Verdict.INEXACT in verdicts
    if not something:
        return Outcome.FAILED
    if failed or Verdict.FAILED in verdicts or Verdict.INEXACT in verdicts:
        return Outcome.PARTIAL
    return Outcome.SUCCEEDED


def _discover(parts: Parts, frame: RunFrame, order: Order) -> dict[int, list[Project]]:
    """Read companies and projects; the projects to read of each company."""
    by_name = {spec.name: spec for spec in order.specs}
    swept = Reading(parts, frame, Partition(by_name[COMPANIES], Scope())).run()
    frame.bound = swept.server_time or frame.bound
    found: dict[int, list[Project]] = {}
    for company_id in order.company_ids:
        found[company_id] = []
        if PROJECTS in by_name:
            partition = Partition(by_name[PROJECTS], Scope(company_id))
            swept = Reading(parts, frame, partition).run()
            found[company_id] = choose(_visible(parts, partition, swept), order.choice)
    return found


def _visible(parts: Parts, partition: Partition, swept: Swept) -> list[Project]:
    """The projects that Procore showed; those shown last time when this time the list could not be read."""
    if swept.verdict is Verdict.NOT_PERMITTED:
        return []
    columns = ("id", "active", "start_date", "created_at")
    with parts.destination.reader() as view:
        rows = view.live_values(partition.spec, columns, {"company_id": partition.scope.company_id or 0})
    return [_project(row) for row in rows if swept.verdict is Verdict.FAILED or row[:1] in swept.keys]


def _project(row: Sequence[Parameter]) -> Project:
    project_id, active, start_on, created_at = row
    days = [date.fromisoformat(str(text)[:10]) for text in (start_on, created_at) if text]
    # A project that does not say whether it is active is read.
    return Project(int(project_id or 0), active is None or bool(active), min(days, default=None))


def _refuse_unseen(parts: Parts, frame: RunFrame, order: Order, seen: set[int]) -> None:
    """Say of each project asked for by number that Procore does not show it; asking for it would only be refused."""
    reason = "Procore does not list this project for this service account: permit it, or check the number"
    for project_id in sorted(set(order.choice.requested) - seen):
        for spec in order.specs:
            if spec.scope is ScopeKind.PROJECT:
                partition = Partition(spec, Scope(order.company_ids[0], project_id))
                _close_unread(parts, frame, partition, Verdict.NOT_PERMITTED, reason)


def _read_all(parts: Parts, frame: RunFrame, all_chains: Sequence[Chain]) -> None:
    with ThreadPoolExecutor(parts.max_concurrency, thread_name_prefix="fetch") as pool:
        futures = [pool.submit(_read_chain, parts, frame, chain) for chain in all_chains]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _read_chain(parts: Parts, frame: RunFrame, chain: Chain) -> None:
    """Read a stream and what is nested in it; a nested stream is only as good as the list of its parents."""
    verdicts: dict[str, Verdict] = {}
    for partition in chain:
        if parts.stop.is_set():
            raise StopRequested("asked to stop between two streams")
        parent = partition.spec.parent and partition.spec.parent.stream
        above = verdicts[parent] if parent else Verdict.COMPLETE
        if above in (Verdict.FAILED, Verdict.NOT_PERMITTED):
            _close_unread(parts, frame, partition, above, f"the list of its parents, {parent}, could not be read")
            verdicts[partition.spec.name] = above
            continue
        doubt = None if above is Verdict.COMPLETE else f"the list of its parents, {parent}, is inexact"
        verdicts[partition.spec.name] = Reading(parts, frame, partition, doubt).run().verdict


def _close_unread(parts: Parts, frame: RunFrame, partition: Partition, verdict: Verdict, reason: str) -> None:
    key = ScopeKey(frame.run_id, partition.spec.name, partition.scope)
    now = parts.clock.now()

    def write(transaction: Transaction) -> None:
        open_scope(transaction, key, Window(None, frame.bound), now)
        close_scope(transaction, key, verdict, total=None, requests=0, error=reason, finished_at=now)

    parts.loader.do(write)
