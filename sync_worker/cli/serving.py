"""The daemon, from its start to a signal."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress

from sync_worker.app import DAEMON, RunExecutor, Worker, open_worker
from sync_worker.cli.context import CliContext
from sync_worker.clock import Clock
from sync_worker.engine.local import LocalEngine
from sync_worker.errors import StopRequested
from sync_worker.jobs import ConfiguredJob, ConfiguredReport, configured_jobs, configured_reports
from sync_worker.logs import Event, get_logger, redactor
from sync_worker.model import RunRequest
from sync_worker.scheduler.heartbeat import Heartbeat, heartbeat_path
from sync_worker.scheduler.loop import Loop, Planned
from sync_worker.scheduler.schedules import parse_schedule
from sync_worker.server.guard import guarded
from sync_worker.server.listening import listening
from sync_worker.server.metrics import metrics_page
from sync_worker.server.probes import probes
from sync_worker.settings import Settings

log = get_logger()


def serve(cli: CliContext, stop: threading.Event) -> None:
    """Count ticks and run jobs until asked to stop; raises `ConfigurationError` and `LockHeldError` before."""
    # An asked stop is no failure of a daemon, however early it comes.
    with suppress(StopRequested):
        _open_and_serve(cli, stop)


def _open_and_serve(cli: CliContext, stop: threading.Event) -> None:
    settings = cli.load_settings()
    reports = configured_reports(settings)
    jobs: dict[str, ConfiguredJob | ConfiguredReport] = {**configured_jobs(settings), **reports}
    planned = {name: _planned(name, job) for name, job in jobs.items()}
    clock = cli.clock
    with open_worker(settings, stop=stop, on_new_secret=redactor.add_token, clock=clock, role=DAEMON) as worker:
        if stop.is_set():
            return
        execute = RunExecutor(worker, settings, {name: report.request for name, report in reports.items()}, clock)
        _serve(worker, settings, planned, execute, _announcer(cli, jobs, planned, clock), clock=clock, stop=stop)


def _planned(name: str, job: ConfiguredJob | ConfiguredReport) -> Planned:
    schedule = parse_schedule(job.schedule, job.timezone) if job.schedule else None
    streams, projects = (job.streams, job.projects) if isinstance(job, ConfiguredJob) else ((), ())
    return Planned(RunRequest(name, streams, projects), schedule)


def _serve(
    worker: Worker,
    settings: Settings,
    planned: Mapping[str, Planned],
    execute: RunExecutor,
    announce: _Announcer,
    *,
    clock: Clock,
    stop: threading.Event,
) -> None:
    heartbeat = Heartbeat(heartbeat_path(settings.data_dir), clock, worker.database_trouble)
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
        worker.ledger, clock, calls=lambda: worker.calls_by_status, heartbeat_age=heartbeat.age_seconds
    )
    shown = guarded([("/metrics", metrics)], host=address.host, token=address.token, clock=clock)
    probed = probes(is_healthy=heartbeat.is_recent, is_ready=lambda: loop.is_ready and not stop.is_set())
    with listening(address.host, address.port, [*probed, *shown]) as url:
        # Whoever cannot listen has never beaten.
        heartbeat.begin()
        announce(url, shows_data=bool(shown))
        log.info(Event.DAEMON_STARTED, jobs=list(planned), url=url)
        try:
            loop.run()
        finally:
            stop.set()
            engine.join()
    log.info(Event.DAEMON_STOPPED)


class _Announcer:
    """Says what the daemon will do, once it can."""

    def __init__(self, lines: list[dict[str, str | None]], *, as_json: bool) -> None:
        self._as_json = as_json
        self._lines = lines

    def __call__(self, url: str, *, shows_data: bool) -> None:
        if self._as_json:
            print(json.dumps({"url": url, "jobs": self._lines}), flush=True)
            return
        if not self._lines:
            print("no job is configured; runs by hand are taken")
        width = max((len(str(line["job"])) for line in self._lines), default=0)
        for line in self._lines:
            when = f"{line['schedule']} {line['timezone']}, next {line['next']}" if line["next"] else "by hand"
            print(f"{line['job']:{width}}  {when}")
        what = "probes and /metrics" if shows_data else "probes alone, as server.token is not set,"
        print(f"{what} at {url}; stop with Ctrl-C", flush=True)


def _announcer(
    cli: CliContext, jobs: Mapping[str, ConfiguredJob | ConfiguredReport], planned: Mapping[str, Planned], clock: Clock
) -> _Announcer:
    now = clock.now()
    lines: list[dict[str, str | None]] = []
    for name, job in jobs.items():
        schedule = planned[name].schedule
        upcoming = f"{schedule.next_after(now):%Y-%m-%dT%H:%M:%SZ}" if schedule else None
        lines.append({"job": name, "schedule": job.schedule, "timezone": job.timezone, "next": upcoming})
    return _Announcer(lines, as_json=cli.json)
