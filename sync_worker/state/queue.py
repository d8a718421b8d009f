"""Runs that wait for the daemon: each is in the ledger before it begins, so that none is lost or doubled."""

from __future__ import annotations

from datetime import date, datetime
from secrets import token_hex
from typing import NamedTuple

import msgspec

from sync_worker.model import RunRequest
from sync_worker.state.executor import Executor
from sync_worker.state.queries import queries
from sync_worker.state.rows import decoded, execute, fetch, fetch_value


def new_run_id(at: datetime) -> str:
    """Return an id that sorts by time and is unique."""
    # Several jobs may be due in one second, and a person can still read it out.
    return f"{at:%Y%m%dT%H%M%SZ}-{token_hex(3)}"


def enqueue_tick(executor: Executor, job: str, scheduled_at: datetime, *, trigger: str, now: datetime) -> bool:
    """Let a run of the job wait for this tick; return False if the tick is in the ledger already."""
    run_id = new_run_id(now)
    is_new = execute(executor, "enqueue_tick", run_id=run_id, job=job, trigger=trigger, scheduled_at=scheduled_at)
    if is_new:
        execute(executor, "number_run", run_id=run_id, request=None)
    return is_new


def enqueue_run(executor: Executor, request: RunRequest) -> None:
    """Let a run wait; it must have its id."""
    execute(executor, "enqueue_run", run_id=request.run_id, job=request.job, trigger=request.trigger)
    execute(executor, "number_run", run_id=request.run_id, request=_StoredRequest.stored(request))


def queued_runs(executor: Executor) -> list[RunRequest]:
    """Return the runs that wait, in the order in which they were requested."""
    return [line.request() for line in fetch(executor, _QueuedRun, "queued_runs")]


def resume_interrupted(executor: Executor, now: datetime) -> None:
    """Let a run wait for each run of the daemon's own that was cut short; one that a person requested stays manual."""
    for run_id, job, trigger, stored in executor.execute(queries()["interrupted_runs"]):
        # So that no later start resumes the same run once more.
        execute(executor, "forget_request", run_id=run_id)
        cut = _QueuedRun(new_run_id(now), job, trigger, None, stored).request()
        enqueue_run(executor, cut._replace(trigger="catch_up") if cut.streams is None else cut)


def last_tick(executor: Executor, job: str, until: datetime) -> datetime | None:
    """Return the latest tick of a job in the ledger, up to `until`."""
    return fetch_value(executor, datetime, "last_tick", job=job, until=until)


def run_progress(executor: Executor, run_id: str) -> tuple[bool, bool]:
    """Return whether a run has begun and whether it has ended; neither where the database does not know it."""
    rows = executor.execute(queries()["run_progress"], {"run_id": run_id})
    started_at, outcome = rows[0] if rows else (None, None)
    return started_at is not None, outcome is not None


class _StoredRequest(msgspec.Struct, frozen=True):
    """The part of a request that is stored as JSON: what the run reads."""

    streams: list[str]
    projects: list[int] = []
    full_refresh: bool = False
    since: date | None = None
    until: date | None = None
    wait_for_rate_limit: bool = True

    @staticmethod
    def stored(request: RunRequest) -> str | None:
        """Return the text that is stored of a request, None where its job says what it reads."""
        if request.streams is None:
            return None
        wanted = {name: getattr(request, name) for name in _StoredRequest.__struct_fields__}
        return msgspec.json.encode(wanted).decode()


class _QueuedRun(NamedTuple):
    run_id: str
    job: str
    trigger: str
    scheduled_at: datetime | None
    stored: str | None

    def request(self) -> RunRequest:
        """Return what the run is to do."""
        run_id, job, trigger, scheduled_at, stored = self
        request = RunRequest(job, trigger=trigger, run_id=run_id, scheduled_at=scheduled_at)
        if stored is None:
            return request
        return request._replace(**msgspec.structs.asdict(decoded(stored, _StoredRequest)))
