"""Runs that wait for the daemon: they are in the ledger before they begin, so that none is lost and none doubled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from secrets import token_hex
from typing import NamedTuple

from sync_worker.state.executor import Executor, Parameter
from sync_worker.state.instants import from_text, to_text
from sync_worker.state.queries import queries


class Asked(NamedTuple):
    """What a run is to read: streams by name, glob or tag, and projects by number; `since` makes it a backfill.

    One that does not wait for the allowance ends where that does.
    """

    streams: Sequence[str]
    projects: Sequence[int] = ()
    full_refresh: bool = False
    since: date | None = None
    until: date | None = None
    waits: bool = True


class QueuedRun(NamedTuple):
    """A run that waits to be taken; `asked=None` leaves it to its job."""

    run_id: str
    job: str
    trigger: str
    scheduled_at: datetime | None = None
    asked: Asked | None = None


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


def enqueue_run(executor: Executor, run: QueuedRun) -> None:
    """Let a run wait."""
    executor.execute(queries()["enqueue_run"], {"run_id": run.run_id, "job": run.job, "trigger": run.trigger})
    if run.asked is not None:
        executor.execute(
            queries()["enqueue_request"],
            {
                "run_id": run.run_id,
                "streams": json.dumps(list(run.asked.streams)),
                "projects": json.dumps(list(run.asked.projects)),
                "full_refresh": run.asked.full_refresh,
                "since_on": _day_text(run.asked.since),
                "until_on": _day_text(run.asked.until),
                "no_wait": not run.asked.waits,
            },
        )


def queued_runs(executor: Executor) -> list[QueuedRun]:
    """The runs that wait, in the order they were asked for."""
    rows = executor.execute(queries()["queued_runs"])
    return [
        QueuedRun(str(run_id), str(job), str(trigger), from_text(str(at)) if at else None, _asked(*request))
        for run_id, job, trigger, at, *request in rows
    ]


def resume_interrupted(executor: Executor, now: datetime) -> None:
    """Let a run wait for each run of the daemon's own that was cut short; what was asked for by hand stays that."""
    for run_id, job, trigger, *request in executor.execute(queries()["interrupted_runs"]):
        executor.execute(queries()["forget_request"], {"run_id": run_id})
        asked = _asked(*request)
        enqueue_run(executor, QueuedRun(new_run_id(now), str(job), str(trigger) if asked else "catch_up", asked=asked))


def last_tick(executor: Executor, job: str, until: datetime) -> datetime | None:
    """The latest tick of a job in the ledger, up to `until`."""
    ((found,),) = executor.execute(queries()["last_tick"], {"job": job, "until": to_text(until)})
    return from_text(str(found)) if found else None


def run_progress(executor: Executor, run_id: str) -> tuple[bool, bool]:
    """Whether a run has begun, and whether it has ended; neither where another database knows of it."""
    rows = executor.execute(queries()["run_progress"], {"run_id": run_id})
    started_at, outcome = rows[0] if rows else (None, None)
    return started_at is not None, outcome is not None


def _asked(
    streams: Parameter,
    projects: Parameter,
    full_refresh: Parameter,
    since: Parameter,
    until: Parameter,
    no_wait: Parameter,
) -> Asked | None:
    if streams is None:
        return None
    return Asked(
        json.loads(str(streams)),
        json.loads(str(projects)),
        bool(full_refresh),
        _day(since),
        _day(until),
        waits=not no_wait,
    )


def _day(text: Parameter) -> date | None:
    return date.fromisoformat(str(text)) if text else None


def _day_text(day: date | None) -> str | None:
    return day.isoformat() if day else None
