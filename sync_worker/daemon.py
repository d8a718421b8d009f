"""The daemon: the scheduler, the engine, the server and the heartbeat around one worker, until it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import NamedTuple, Protocol

from sync_worker.app import open_worker
from sync_worker.clock import Clock
from sync_worker.engine.handoff import DAEMON
from sync_worker.engine.local import LocalEngine
from sync_worker.errors import StopRequested
from sync_worker.jobs import ConfiguredJob, ConfiguredReport, configured_jobs, configured_reports, expected_lists
from sync_worker.logs import Event, get_logger
from sync_worker.model import RunRequest
from sync_worker.reports.build import ReportRequest, make_report_as_run
from sync_worker.runner.worker import Worker
from sync_worker.scheduler.heartbeat import Heartbeat, heartbeat_path
from sync_worker.scheduler.loop import Loop, Planned
from sync_worker.scheduler.schedules import parse_schedule
from sync_worker.server.guard import guarded
from sync_worker.server.listening import listening
from sync_worker.server.metrics import metrics_page
from sync_worker.server.probes import probes
from sync_worker.settings import Settings
from sync_worker.settings.own_streams import catalog_with

log = get_logger()


class ScheduledJob(NamedTuple):
    """A job of the daemon with its next tick; without a schedule it runs only on request."""

    name: str
    schedule: str | None
    timezone: str
    next_at: datetime | None


class Announce(Protocol):
    """Called once the daemon listens."""

    def __call__(self, url: str, jobs: Sequence[ScheduledJob], *, shows_data: bool) -> None:
        """Take the address, the jobs, and whether more than the probes is served there."""
        ...


class RunExecutor:
    """Executes the runs of a daemon: a report or a sync, and stores the outcome in the ledger."""

    def __init__(self, worker: Worker, settings: Settings, reports: Mapping[str, ReportRequest], clock: Clock) -> None:
        self._worker = worker
        self._settings = settings
        self._reports = reports
        self._clock = clock

    def __call__(self, run: RunRequest) -> None:
        report = self._reports.get(run.job)
        if report is None or run.streams:
            self._worker.run(run)
            return
        make_report_as_run(
            self._settings, report, job=run.job, trigger=run.trigger, run_id=run.run_id, clock=self._clock
        )


def serve(
    settings: Settings,
    *,
    clock: Clock,
    stop: threading.Event,
    on_new_secret: Callable[[str], None],
    announce: Announce,
) -> None:
    """Count ticks and run jobs until `stop` is set; raises `ConfigurationError` and `LockHeldError` before."""
    reports = configured_reports(settings)
    sync_jobs = configured_jobs(settings)
    jobs: dict[str, ConfiguredJob | ConfiguredReport] = {**sync_jobs, **reports}
    planned = {name: _planned(name, job) for name, job in jobs.items()}
    now = clock.now()
    scheduled = [
        ScheduledJob(name, job.schedule, job.timezone, schedule.next_after(now) if schedule else None)
        for (name, job), (_, schedule) in zip(jobs.items(), planned.values(), strict=True)
    ]
    # A stop during the start is no failure of a daemon.
    with (
        suppress(StopRequested),
        open_worker(settings, stop=stop, on_new_secret=on_new_secret, clock=clock, role=DAEMON) as worker,
    ):
        if stop.is_set():
            return
        heartbeat = Heartbeat(heartbeat_path(settings.data_dir), clock, worker.database_trouble)
        execute = RunExecutor(worker, settings, {name: report.request for name, report in reports.items()}, clock)
        engine = LocalEngine(execute, worker.ledger, clock=clock, stop=stop)
        loop = Loop(
            planned,
            engine,
            worker.ledger,
            clock=clock,
            stop=stop,
            beat=heartbeat.beat,
            openings=lambda: worker.openings,
        )
        address = settings.server
        metrics = metrics_page(
            worker.ledger,
            clock,
            expected=partial(expected_lists, sync_jobs, settings, streams=catalog_with(settings.streams)),
            calls=lambda: worker.calls_by_status,
            heartbeat_age=heartbeat.age_seconds,
        )
        shown = guarded([("/metrics", metrics)], host=address.host, token=address.token, clock=clock)
        probed = probes(
            is_healthy=heartbeat.is_recent,
            is_ready=lambda: loop.is_ready and not worker.is_refused and not stop.is_set(),
        )
        with listening(address.host, address.port, [*probed, *shown]) as url:
            # Not before it listens: where the address is in use, another daemon writes this heartbeat.
            heartbeat.begin()
            announce(url, scheduled, shows_data=bool(shown))
            log.info(Event.DAEMON_STARTED, jobs=list(planned), url=url)
            try:
                loop.run()
            finally:
                stop.set()
                engine.join()
        log.info(Event.DAEMON_STOPPED)


def _planned(name: str, job: ConfiguredJob | ConfiguredReport) -> Planned:
    schedule = parse_schedule(job.schedule, job.timezone) if job.schedule else None
    streams, projects = (job.streams, job.projects) if isinstance(job, ConfiguredJob) else ((), ())
    return Planned(RunRequest(name, streams, projects), schedule)
