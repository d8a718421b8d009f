"""The state of the data in one value: freshness and completeness of each stream, runs in progress, calls spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sync_worker.catalog.spec import StreamSpec, SyncMode
from sync_worker.destination.protocol import Transaction
from sync_worker.errors import AuthError
from sync_worker.model import Outcome, Verdict
from sync_worker.planning.partitions import Partition
from sync_worker.planning.projects import known_inactive_projects, project_names
from sync_worker.planning.windows import FULL_REFRESH_EVERY
from sync_worker.state.allowance import StoredAllowance, read_allowance
from sync_worker.state.deletes import HeldDeletes, held_deletes
from sync_worker.state.freshness import StreamFreshness, freshness
from sync_worker.state.health import DAYS, Health, read_health
from sync_worker.state.history import (
    LatestScope,
    RunLine,
    RunUnderWay,
    is_future,
    latest_runs,
    latest_scopes,
    runs_under_way,
    with_current_state,
)
from sync_worker.state.ledger import run_totals
from sync_worker.state.spending import DaySpent, days_spent
from sync_worker.status.expected import Expected, count_expected
from sync_worker.status.record_problems import RecordProblem, find_record_problems
from sync_worker.status.scope_problems import (
    RefusedPlace,
    ScopeProblem,
    find_refused_places,
    find_scope_problems,
    outside_of,
)

STALE_AFTER = timedelta(days=1)
_LAST_RUNS = 20


class StreamStatus(NamedTuple):
    """Freshness and completeness of a stream: its oldest mark, and the number of its scopes by their last verdict.

    `never_read` counts the lists that should be there and were never read, `future_marks` the marks that lie in the
    future because a clock was wrong.
    """

    stream: str
    freshness_seconds: int | None
    oldest_mark: datetime | None
    oldest_project: int | None
    is_stale: bool
    scopes: Mapping[str, int]
    never_read: int
    rows: int | None
    future_marks: int

    @property
    def is_complete(self) -> bool:
        """True if every scope that should be there was proven complete when it was last read."""
        return not self.never_read and self.scopes[Verdict.COMPLETE] == sum(self.scopes.values())


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the data at the time `now`."""

    expected: Expected
    streams: Sequence[StreamStatus]
    running: Sequence[RunUnderWay]
    errors: Sequence[ScopeProblem]
    last_run: RunLine | None
    refused_since: datetime | None
    """Since when nothing is read because Procore refuses the credentials, None if it accepts them."""
    now: datetime
    allowance: StoredAllowance
    held: Sequence[HeldDeletes]
    days: Sequence[DaySpent]
    health: Sequence[Health]
    problems: Sequence[RecordProblem]
    refused_places: Sequence[RefusedPlace]
    other_errors: Sequence[ScopeProblem]
    """The `errors` of lists that should be there, outside of refused companies and projects."""
    project_names: Mapping[int, str]
    daemon: str | None
    """The process of the daemon, None if none runs."""
    next_runs: Mapping[str, datetime]
    """The next tick of each job with a schedule, the earliest first."""

    def as_json(self) -> dict[str, Any]:
        """Return the object that `status --json` prints, its instants as `datetime`."""
        return {
            "problems": [problem._asdict() for problem in self.problems],
            "expected": self.expected.as_json(),
            "streams": [line._asdict() for line in self.streams],
            "running": [run._asdict() for run in self.running],
            "next": [{"job": job, "at": at} for job, at in self.next_runs.items()],
            "daemon": self.daemon,
            "allowance": {
                "windows": [window._asdict() for window in self.allowance.windows],
                "waits_until": self.allowance.waits_until(self.now),
                "days": [day._asdict() for day in self.days],
            },
            "held_deletes": [line._asdict() for line in self.held],
            "errors": [asdict(problem) for problem in self.errors],
            "health": [_health_as_json(line) for line in self.health],
        }


def gather(
    view: Transaction,
    now: datetime,
    streams: Mapping[str, StreamSpec],
    full_refresh_every: Mapping[str, timedelta],
    *,
    expected: Sequence[Partition],
    is_held: bool,
    daemon: str | None,
    next_runs: Mapping[str, datetime],
) -> Status:
    """Read the status from the database.

    `streams` are all known streams in catalog order, `full_refresh_every` the intervals of the configuration by stream,
    `expected` the lists that should be there. If no process holds the database (`is_held`), a run that has not ended
    was killed and is not in progress. Lists that no job reads are shown, and are no problem.
    """
    scopes = latest_scopes(view)
    compared = count_expected(expected, scopes)
    wanted_streams = {spec.name for spec, _ in expected}
    wanted = {(spec.name, scope) for spec, scope in expected}
    wanted_scopes = [line for line in scopes if (line.stream, line.scope) in wanted]
    refused_places = find_refused_places(wanted_scopes)
    order = {name: place for place, name in enumerate(streams)}
    read = freshness(scopes, known_inactive_projects(view))
    unread = compared.never_read_of.keys() - {line.stream for line in read}
    nothing = {verdict.value: 0 for verdict in Verdict}
    read += [StreamFreshness(stream, None, None, nothing) for stream in unread]
    found = sorted(read, key=lambda line: order.get(line.stream, len(order)))
    last_runs = (with_current_state(run, held=is_held) for run in latest_runs(view, _LAST_RUNS))
    # The newest run may still be in progress, and has no outcome yet.
    last_run = next((run for run in last_runs if run.outcome is not None), None)
    future = Counter(scope.stream for scope in scopes if scope.mark and is_future(scope.mark, now))
    return Status(
        expected=compared,
        streams=[
            _stream_status(
                line,
                view,
                now,
                _stale_after(streams.get(line.stream) if line.stream in wanted_streams else None, full_refresh_every),
                compared.never_read_of[line.stream],
                future[line.stream],
            )
            for line in found
        ],
        running=runs_under_way(view) if is_held else [],
        errors=find_scope_problems(scopes, last_run, streams),
        last_run=last_run,
        refused_since=_refused_since(view, last_run, scopes),
        now=now,
        allowance=read_allowance(view),
        held=held_deletes(view),
        days=days_spent(view, now.date() - timedelta(days=DAYS - 1)),
        health=read_health(view, now.date()),
        problems=find_record_problems(view, streams),
        refused_places=refused_places,
        other_errors=find_scope_problems(outside_of(refused_places, wanted_scopes), last_run, streams),
        project_names=project_names(view),
        daemon=daemon,
        next_runs=next_runs,
    )


def _refused_since(view: Transaction, last_run: RunLine | None, scopes: Sequence[LatestScope]) -> datetime | None:
    """Return when a list was last read, if the last run ended because the credentials were refused."""
    if last_run is None or last_run.outcome not in (Outcome.FAILED, Outcome.PARTIAL):
        return None
    if run_totals(view, last_run.run_id).failure != AuthError.__name__:
        return None
    return max((line.finished_at for line in scopes if line.is_read), default=last_run.finished_at)


def seconds_since(instant: datetime, now: datetime) -> float:
    """Return the seconds from an instant until `now`; 0 for one in the future."""
    return max(0.0, (now - instant).total_seconds())


def _stream_status(
    line: StreamFreshness,
    view: Transaction,
    now: datetime,
    stale_after: timedelta,
    never_read: int,
    future_marks: int,
) -> StreamStatus:
    age = None if line.oldest_mark is None else round(seconds_since(line.oldest_mark, now))
    is_stale = age is not None and age > stale_after.total_seconds()
    rows = view.live_count(line.stream) if view.has_table(line.stream, with_column="_deleted_at") else None
    return StreamStatus(
        line.stream, age, line.oldest_mark, line.oldest_project, is_stale, line.scopes, never_read, rows, future_marks
    )


def _stale_after(spec: StreamSpec | None, full_refresh_every: Mapping[str, timedelta]) -> timedelta:
    """Return the age from which a stream is stale: a day, or twice the interval at which schedules list it in full.

    A stream that no job reads, or that is not in the catalog any more, is never stale.
    """
    if spec is None:
        return timedelta.max
    if spec.mode is not SyncMode.FULL_REFRESH:
        return STALE_AFTER
    # Twice: it is not due within one interval, and one run may be late or fail.
    return max(STALE_AFTER, 2 * full_refresh_every.get(spec.name, FULL_REFRESH_EVERY))


def _health_as_json(line: Health) -> dict[str, Any]:
    parts = {"days": [day._asdict() for day in line.days], "streams": [found._asdict() for found in line.streams]}
    return line._asdict() | parts
