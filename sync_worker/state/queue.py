"""Runs that wait for the daemon: they are in the ledger before they begin, so that none is lost and none doubled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from secrets import token_hex

from sync_worker.model import RunRequest
from sync_worker.state.executor import Executor, Parameter
from sync_worker.state.instants import from_text, to_text
from sync_worker.state.queries import queries


def new_run_id(at: datetime) -> str:
    """An id that sorts by time and that nobody else comes upon."""
    return f"{at:%Y%m%dT%H%M%SZ}-{token_hex(3)}"


def enqueue_tick(executor: Executor, job: str, scheduled_at: datetime, *, trigger: str, now: datetime) -> bool:
    """Let a run of the job wait for this tick; false when the tick is in the ledger already."""
    parameters = {
        "run_id": new_run_id(now),
        "job": job,
        "trigger": trigger,
        "scheduled_at": to_text(scheduled_at),
    }
    return bool(executor.execute(queries()["enqueue_tick"], parameters))


def enqueue_run(executor: Executor, run: RunRequest) -> None:
    """Let a run wait; it must have its id."""
    executor.execute(queries()["enqueue_run"], {"run_id": run.run_id, "job": run.job, "trigger": run.trigger})
    if run.streams is not None:
        executor.execute(
            queries()["enqueue_request"],
            {
                "run_id": run.run_id,
                "streams": json.dumps(list(run.streams)),
                "projects": json.dumps(list(run.projects)),
                "full_refresh": run.full_refresh,
                "since_on": _text(run.since),
                "until_on": _text(run.until),
                "no_wait": not run.wait_for_rate_limit,
            },
        )


def queued_runs(executor: Executor) -> list[RunRequest]:
    """Return the runs that wait, in the order in which they were requested."""
    return [
        _request(run_id, job, trigger, request)._replace(scheduled_at=from_text(str(at)) if at else None)
        for run_id, job, trigger, at, *request in executor.execute(queries()["queued_runs"])
    ]


def resume_interrupted(executor: Executor, now: datetime) -> None:
    """Let a run wait for each run of the daemon's own that was cut short; what was asked for by hand stays that."""
    for run_id, job, trigger, *request in executor.execute(queries()["interrupted_runs"]):
        executor.execute(queries()["forget_request"], {"run_id": run_id})
        cut = _request(new_run_id(now), job, trigger, request)
        enqueue_run(executor, cut._replace(trigger="catch_up") if cut.streams is None else cut)


def last_tick(executor: Executor, job: str, until: datetime) -> datetime | None:
    """The latest tick of a job in the ledger, up to `until`."""
    ((found,),) = executor.execute(queries()["last_tick"], {"job": job, "until": to_text(until)})
    return from_text(str(found)) if found else None


def run_progress(executor: Executor, run_id: str) -> tuple[bool, bool]:
    """Whether a run has begun, and whether it has ended; neither where another database knows of it."""
    rows = executor.execute(queries()["run_progress"], {"run_id": run_id})
    started_at, outcome = rows[0] if rows else (None, None)
    return started_at is not None, outcome is not None


def _request(run_id: Parameter, job: Parameter, trigger: Parameter, stored: Sequence[Parameter]) -> RunRequest:
    streams, projects, full_refresh, since, until, no_wait = stored
    run = RunRequest(str(job), trigger=str(trigger), run_id=str(run_id))
    if streams is None:
        return run
    return run._replace(
        streams=json.loads(str(streams)),
        projects=json.loads(str(projects)),
        full_refresh=bool(full_refresh),
        since=_day(since),
        until=_day(until),
        wait_for_rate_limit=not no_wait,
    )


def _day(text: Parameter) -> date | None:
    return date.fromisoformat(str(text)) if text else None


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
