"""`/metrics` for Prometheus. Every metric is declared here; none has a project as a label."""

from __future__ import annotations

import platform
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from sync_worker import __version__
from sync_worker.clock import Clock
from sync_worker.destination.protocol import Readable, Transaction
from sync_worker.errors import DestinationError
from sync_worker.planning.partitions import Partition
from sync_worker.planning.projects import known_inactive_projects
from sync_worker.state.allowance import StoredAllowance, read_allowance
from sync_worker.state.deletes import held_deletes
from sync_worker.state.freshness import freshness
from sync_worker.state.health import read_health
from sync_worker.state.history import RunLine, latest_scopes, runs_ended_since, runs_under_way
from sync_worker.state.journal import quarantined_streams
from sync_worker.state.spending import skipped_by_run
from sync_worker.status.expected import count_expected

_LATE_COMMIT = timedelta(minutes=5)


class Metric(NamedTuple):
    """Declaration of a metric; counters are shown with `_total`, summaries with `_count` and `_sum`."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: type[CounterMetricFamily | GaugeMetricFamily | SummaryMetricFamily] = GaugeMetricFamily


RUNS = Metric("procore_sync_runs", "Runs that ended.", ("job", "outcome"), CounterMetricFamily)
RUN_SECONDS = Metric("procore_sync_run_seconds", "How long runs took.", ("job",), SummaryMetricFamily)
RUNS_UNDER_WAY = Metric("procore_sync_runs_under_way", "Runs in progress.")
ROWS = Metric("procore_sync_rows", "Rows of runs that ended, by change.", ("change",), CounterMetricFamily)
CALLS = Metric("procore_sync_calls", "Calls to Procore by class of status.", ("status",), CounterMetricFamily)
AVOIDED = Metric("procore_sync_calls_avoided", "Calls that runs did not make.", ("reason",), CounterMetricFamily)
LIMIT = Metric("procore_sync_allowance_limit", "Calls that Procore allows in a window.", ("window",))
REMAINING = Metric("procore_sync_allowance_remaining", "Calls left in a window that has not ended.", ("window",))
USED = Metric("procore_sync_allowance_used_this_hour", "Our own calls within the last hour.")
WAITING = Metric("procore_sync_allowance_waiting_seconds", "Seconds until the next call may be sent.")
HEALTH = Metric(
    "procore_sync_health_share", "Share of 14 days' calls that Procore counts against us.", ("observation",)
)
SCOPES = Metric("procore_sync_scopes", "Lists by their last verdict.", ("verdict",))
EXPECTED = Metric("procore_sync_expected_lists", "Lists that should be there, by what became of them.", ("state",))
FRESHNESS = Metric("procore_sync_freshness_seconds", "Age of a stream's oldest high-water mark.", ("stream",))
HELD = Metric("procore_sync_held_deletes", "Rows that wait to be deleted.", ("stream",))
QUARANTINED = Metric("procore_sync_quarantined_records", "Records in quarantine.", ("stream",))
HEARTBEAT = Metric("procore_sync_heartbeat_age_seconds", "Seconds since the last pass of the daemon's loop.")
READABLE = Metric("procore_sync_database_readable", "1 if the database could be read for this answer.")
BUILD = Metric("procore_sync_build_info", "Version of the program and of Python.", ("version", "python"))

METRICS = (
    RUNS, RUN_SECONDS, RUNS_UNDER_WAY, ROWS, CALLS, AVOIDED, LIMIT, REMAINING, USED, WAITING, HEALTH, SCOPES, EXPECTED,
    FRESHNESS, HELD, QUARANTINED, HEARTBEAT, READABLE, BUILD,
)  # fmt: skip


def metrics_page(
    ledger: Readable,
    clock: Clock,
    *,
    expected: Callable[[Transaction], Sequence[Partition]],
    calls: Callable[[], Mapping[str, int]],
    heartbeat_age: Callable[[], float | None],
    patience_seconds: float = 5.0,
) -> Callable[[Request], Response]:
    """Return the page; `expected` are the lists that should be there, `calls` those of this process by status class.

    A request that waits longer than `patience_seconds` for an earlier one to read the database gets a page that
    says that the database cannot be read.
    """
    registry = CollectorRegistry()
    registry.register(_Numbers(ledger, clock, expected, calls, heartbeat_age, patience_seconds))

    def answer(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return answer


class _Numbers(Collector):
    """Collector that reads all numbers again for each request."""

    def __init__(
        self,
        ledger: Readable,
        clock: Clock,
        expected: Callable[[Transaction], Sequence[Partition]],
        calls: Callable[[], Mapping[str, int]],
        heartbeat_age: Callable[[], float | None],
        patience_seconds: float,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._expected = expected
        self._calls = calls
        self._heartbeat_age = heartbeat_age
        self._ended = _EndedRuns(clock.now())
        self._patience_seconds = patience_seconds
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Family]:
        """Describe nothing: the registry would otherwise collect at once, when there may be no database yet."""
        return []

    def collect(self) -> Iterable[Family]:
        """Collect every metric; those of the database are left out while it cannot be read."""
        families = [
            _family(BUILD, {(__version__, platform.python_version()): 1}),
            _family(CALLS, {(status,): calls for status, calls in self._calls().items()}),
        ]
        age = self._heartbeat_age()
        families += [] if age is None else [_family(HEARTBEAT, {(): age})]
        try:
            with self._reading() as view:
                families += self._stored(view)
            return [*families, _family(READABLE, {(): 1})]
        except DestinationError:
            return [*families, _family(READABLE, {(): 0})]

    @contextmanager
    def _reading(self) -> Iterator[Transaction]:
        if not self._lock.acquire(timeout=self._patience_seconds):
            raise DestinationError("an earlier request still waits for the database")
        try:
            with self._ledger.reader() as view:
                yield view
        finally:
            self._lock.release()

    def _stored(self, view: Transaction) -> Iterator[Family]:
        now = self._clock.now()
        self._ended.read(view)
        yield from self._ended.families()
        yield _family(RUNS_UNDER_WAY, {(): len(runs_under_way(view))})
        scopes = latest_scopes(view)
        yield _family(SCOPES, Counter((scope.verdict,) for scope in scopes))
        states = count_expected(self._expected(view), scopes).as_json()
        del states["lists"]
        yield _family(EXPECTED, {(state,): number for state, number in states.items()})
        marks = {line.stream: line.oldest_mark for line in freshness(scopes, known_inactive_projects(view))}
        yield _family(FRESHNESS, {(stream,): _age(mark, now) for stream, mark in marks.items() if mark})
        held: Counter[tuple[str, ...]] = Counter()
        for line in held_deletes(view):
            held[line.stream,] += line.rows
        yield _family(HELD, held)
        yield _family(QUARANTINED, {(line.stream,): line.records for line in quarantined_streams(view)})
        yield from _allowance(read_allowance(view), now)
        yield _family(HEALTH, {(line.observation,): line.share for line in read_health(view, now.date())})


class _EndedRuns:
    """Sums over the runs that ended since the daemon started; they only grow, whatever retention removes."""

    def __init__(self, since: datetime) -> None:
        # Instants in SQLite are whole seconds: a run of this second would be dropped from `_known` and counted twice.
        self._since = since.replace(microsecond=0)
        self._known: dict[str, datetime] = {}
        self._runs: Counter[tuple[str, ...]] = Counter()
        self._took: dict[tuple[str, ...], tuple[int, float]] = {}
        self._rows: Counter[tuple[str, ...]] = Counter()
        self._avoided: Counter[tuple[str, ...]] = Counter()

    def read(self, view: Transaction) -> None:
        """Add the runs that ended since last time."""
        for run in runs_ended_since(view, self._since):
            if run.finished_at is not None and run.run_id not in self._known:
                self._known[run.run_id] = run.finished_at
                self._add(run)
                for reason, calls in skipped_by_run(view, run.run_id).items():
                    self._avoided[reason,] += calls
        # A run may be committed a little after one that ended later.
        newest = max(self._known.values(), default=self._since)
        self._since = max(self._since, newest - _LATE_COMMIT)
        self._known = {run_id: at for run_id, at in self._known.items() if at >= self._since}

    def families(self) -> Iterator[Family]:
        """Yield the collected values as metric families."""
        yield _family(RUNS, self._runs)
        took = SummaryMetricFamily(RUN_SECONDS.name, RUN_SECONDS.help, labels=RUN_SECONDS.labels)
        for labels, (count, seconds) in self._took.items():
            took.add_metric(labels, count, seconds)
        yield took
        yield _family(ROWS, self._rows)
        yield _family(AVOIDED, self._avoided)

    def _add(self, run: RunLine) -> None:
        self._runs[run.job, run.outcome or ""] += 1
        for change in ("inserted", "updated", "unchanged", "deleted", "quarantined"):
            self._rows[change,] += getattr(run, change)
        if run.started_at and run.finished_at:
            seconds = max(0.0, (run.finished_at - run.started_at).total_seconds())
            count, sum_ = self._took.get((run.job,), (0, 0.0))
            self._took[run.job,] = count + 1, sum_ + seconds


def _family(metric: Metric, values: Mapping[tuple[str, ...], float]) -> Family:
    kind = CounterMetricFamily if metric.kind is CounterMetricFamily else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _allowance(known: StoredAllowance, now: datetime) -> Iterator[Family]:
    yield _family(LIMIT, {(it.period,): it.limit for it in known.windows if it.limit is not None})
    lasting = [it for it in known.windows if it.resets_at is not None and it.resets_at > now]
    yield _family(REMAINING, {(it.period,): it.remaining for it in lasting if it.remaining is not None})
    yield _family(USED, {(): known.used_this_hour(now)})
    until = known.waits_until(now)
    yield _family(WAITING, {(): 0.0 if until is None else (until - now).total_seconds()})


def _age(mark: datetime, now: datetime) -> float:
    return max(0.0, (now - mark).total_seconds())
