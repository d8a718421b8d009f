"""The demo, from a made-up company to what it leaves to look at."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import click

from procore_simulator.changes import Change, change
from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault
from procore_simulator.server import Simulator
from procore_simulator.world import World
from sync_worker.app import open_worker
from sync_worker.catalog import STREAMS
from sync_worker.cli.context import CliContext
from sync_worker.cli.stopping import STOPPED, stop_on_signals
from sync_worker.cli.telling import Console
from sync_worker.clock import Clock
from sync_worker.destination.query import run_query
from sync_worker.errors import ConfigurationError, StopRequested, SyncWorkerError
from sync_worker.job import load_jobs, load_reports
from sync_worker.logs import configure_logging, redactor
from sync_worker.model import RunRequest, Verdict
from sync_worker.reports.build import MadeReport, ReportRequest, make_report
from sync_worker.runner.worker import FinishedRun, Worker
from sync_worker.settings import Settings, load_settings

DATABASE = "procore.db"
REPORT = "rfi_ageing"
A_DAY = timedelta(days=1)
CALLS_BEFORE_THE_LIMIT = 500
SECONDS_TO_WAIT = 1
TOO_MANY_REQUESTS = 429

QUESTIONS = (
    (
        "Who holds overdue RFIs?",
        """\
SELECT json_extract(u.vendor, '$.name') AS with_whom,
       count(*) AS overdue, min(r.due_date) AS oldest_due
FROM rfis r JOIN company_users u
  ON u.id = json_extract(r.ball_in_court, '$.id')
WHERE r.status = 'open' AND r.due_date < '{today}'
GROUP BY 1 ORDER BY overdue DESC LIMIT 5""",
    ),
    (
        "How much of each project is under subcontract, and paid? (millions)",
        """\
SELECT p.name AS project, round(p.total_value / 1e6, 1) AS value,
       round(sum(c.revised_contract) / 1e6, 1) AS subcontracts,
       round(sum(c.total_payments) / 1e6, 1) AS paid
FROM projects p JOIN work_order_contracts c ON c.project_id = p.id
WHERE c.executed GROUP BY p.id ORDER BY value DESC LIMIT 5""",
    ),
    (
        "What has changed since the first sync?",
        """\
SELECT stream, field, old_value AS was, new_value AS now,
       count(*) AS records
FROM _field_history
WHERE old_value IS NOT NULL AND length(new_value) < 12
GROUP BY 1, 2, 3, 4 ORDER BY records DESC LIMIT 5""",
    ),
)


class TimedRun(NamedTuple):
    """A finished run and how long it took."""

    report: FinishedRun
    seconds: float


def demonstrate(cli: CliContext, folder: Path) -> int:
    """Sync, let a day pass, sync twice more, answer questions, and return the code to exit with."""
    # The demo tells its own story; the log of a machine beside it would only hide it.
    configure_logging(verbosity=cli.verbosity or -1, color=cli.color)
    tell = Console(color=cli.color)
    database = _fresh(folder)
    with stop_on_signals() as stop, _company(cli.clock) as simulator:
        settings = load_settings(_configuration(folder, simulator), {}, STREAMS)
        _introduce(tell, simulator)
        # The worker lives when Procore does: a day ago, until that day has passed.
        clock = simulator.world.clock
        with open_worker(settings, stop=stop, on_new_secret=redactor.add_token, clock=clock) as worker:
            try:
                report = _story(tell, worker, simulator, settings, stop)
            except StopRequested:
                click.echo("stopped; the same command starts the demo anew", err=True)
                return STOPPED
    _ask(tell, database, clock.now().date())
    _part(tell, folder, report)
    return 0


def _introduce(tell: Console, simulator: Simulator) -> None:
    company = simulator.world.companies[0]
    active = sum(project.is_active for project in company.projects)
    tell.text(
        f"{company.name}, a made-up general contractor with {len(company.projects)} projects, {active} of them active, "
        f"on a Procore simulator at {simulator.url}. No credentials are needed, and nothing leaves this machine."
    )


def _story(
    tell: Console, worker: Worker, simulator: Simulator, settings: Settings, stop: threading.Event
) -> MadeReport:
    """Three syncs, of which the first and the second each have their issue of the report; the second of these."""
    patterns = [pattern for job in load_jobs(settings.jobs_dir).values() for pattern in job.streams]
    about_rfis = ReportRequest(REPORT, load_reports(settings.jobs_dir)[f"report_{REPORT}"])

    clock = simulator.world.clock

    def sync() -> TimedRun:
        began = clock.monotonic()
        report = worker.run(RunRequest("demo", patterns))
        if stop.is_set():
            raise StopRequested("asked to stop")
        if report.failure is not None:
            raise SyncWorkerError(f"the demo's sync failed: {report.failure}")
        return TimedRun(report, clock.monotonic() - began)

    tell.heading("First sync: everything")
    _tell_first(tell, sync(), simulator)
    tell.fact("reported", make_report(settings, about_rfis, clock=clock).headline)
    tell.heading("A day passes at the company")
    if isinstance(clock, SteppedClock):
        clock.advance(A_DAY.total_seconds())
    _tell_changes(tell, change(simulator.world))
    tell.heading("Second sync")
    _tell_later(tell, sync())
    report = make_report(settings, about_rfis, clock=clock)
    tell.fact("reported", report.headline)
    tell.heading("Third sync, nothing has changed")
    _tell_later(tell, sync())
    return report


def _tell_first(tell: Console, told: TimedRun, simulator: Simulator) -> None:
    scopes, totals = told.report.scopes, told.report.totals
    streams = len({scope.stream for scope in scopes})
    verdicts = Counter(scope.verdict for scope in scopes)
    tell.fact(
        "synced",
        f"{totals.rows.inserted:,} records of {streams} streams in {told.seconds:.1f} s, {totals.requests:,} calls",
    )
    tell.fact(
        "complete",
        f"{verdicts[Verdict.COMPLETE]} of {len(scopes)} lists proven: as many records came as Procore counts",
    )
    for project, lists in _refused(told, simulator):
        tell.fact("not_permitted", f"{lists} lists of {project}; the others went on", color="yellow")
    waited = _waited_seconds(simulator)
    if waited is not None:
        tell.fact("waited", f"{waited:.1f} s, because Procore answered 429 (too many requests)", color="yellow")


def _refused(told: TimedRun, simulator: Simulator) -> list[tuple[str, int]]:
    """Projects with lists that may not be read, and how many."""
    names = {project.id: project.name for project in simulator.world.companies[0].projects}
    refused = Counter(it.project_id for it in told.report.scopes if it.verdict == Verdict.NOT_PERMITTED)
    return [(names.get(project_id or 0, "the company"), lists) for project_id, lists in refused.items()]


def _waited_seconds(simulator: Simulator) -> float | None:
    """How long nobody called after Procore asked to wait, as Procore saw it; None when it did not ask."""
    calls = list(simulator.requests)
    asked_at = next((index for index, call in enumerate(calls) if call.status == TOO_MANY_REQUESTS), None)
    if asked_at is None:
        return None
    # Calls that were under way already are answered first.
    return max((later.at - call.at).total_seconds() for call, later in pairwise(calls[asked_at : asked_at + 10]))


def _tell_changes(tell: Console, changes: Sequence[Change]) -> None:
    for kind in ("updated", "inserted"):
        tell.counts(kind, Counter(change.stream for change in changes if change.kind == kind))


def _tell_later(tell: Console, told: TimedRun) -> None:
    totals = told.report.totals
    rows = totals.rows
    tell.fact("written", f"{rows.inserted} rows inserted, {rows.updated} updated; {rows.unchanged:,} found unchanged")
    tell.fact("took", f"{told.seconds:.1f} s, {totals.requests:,} calls")


def _ask(tell: Console, database: Path, today: date) -> None:
    for question, pattern in QUESTIONS:
        sql = pattern.format(today=today)
        tell.heading(question)
        tell.code(sql)
        with run_query(database, sql) as answer:
            tell.table(answer.columns, list(answer.rows))


def _part(tell: Console, folder: Path, report: MadeReport) -> None:
    """What is there now, and what to do with it."""
    program = _as_called()
    tell.heading("Open")
    tell.fact("report", "which RFIs wait, with whom, and the change since yesterday; in a browser or in Excel:")
    for path in report.files:
        if path.suffix in (".html", ".xlsx"):
            tell.code(f"{folder / path.relative_to(folder.absolute())}")
    tell.fact("database", f"{folder / DATABASE}, with any tool that reads SQLite")
    tell.heading("Try next")
    configured = f"{program} -c {folder / 'config.yaml'}"
    tell.code(f"{configured} status")
    tell.code(f"{configured} report {REPORT}")
    tell.code(f"{program} streams rfis")
    tell.code(f"{configured} runs")
    tell.heading("Then your own Procore")
    tell.fact("how", "README.md, step by step")


def _as_called() -> str:
    """The program as the user would type it."""
    script = Path(sys.argv[0])
    if script.name == "__main__.py":
        return "python -m sync_worker"
    found = shutil.which(script.name)
    return script.name if found and Path(found).samefile(script) else str(script)


@contextmanager
def _company(clock: Clock) -> Iterator[Simulator]:
    """A Procore with a project whose tools this account may not read, and with a limit that is met once."""
    simulator = Simulator(World(clock=SteppedClock(clock.now() - A_DAY)))
    secret_project = simulator.world.project_ids[-1]
    for tool in {spec.tool for spec in simulator.world.streams.values()}:
        simulator.permissions.forbid(tool, secret_project)
    wait = {"Retry-After": str(SECONDS_TO_WAIT)}
    simulator.faults.add(Fault(after=CALLS_BEFORE_THE_LIMIT, status=TOO_MANY_REQUESTS, headers=wait))
    simulator.start()
    try:
        yield simulator
    finally:
        simulator.stop()


def _configuration(folder: Path, simulator: Simulator) -> Path:
    """The demo's own config.yaml, as JSON, which is YAML; its address is gone when the demo ends."""
    path = folder / "config.yaml"
    procore = {
        "environment": "custom",
        "login_url": simulator.url,
        "api_url": simulator.url,
        "client_id": simulator.client_id,
        "client_secret": simulator.client_secret,
        "companies": [simulator.company_id],
    }
    settings = {"procore": procore, "data_dir": ".", "destination": {"type": "sqlite", "path": DATABASE}}
    path.write_text(json.dumps(settings, indent=2), "utf-8")
    return path


def _fresh(folder: Path) -> Path:
    """The path of the demo's database, with what an earlier demo left there and in the archive gone."""
    database = folder / DATABASE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix in ("", "-wal", "-shm"):
            database.with_name(DATABASE + suffix).unlink(missing_ok=True)
        shutil.rmtree(folder / "reports" / REPORT, ignore_errors=True)
    except OSError as error:
        raise ConfigurationError(f"--dir {folder} cannot be used: {error.strerror}; name another folder") from None
    return database
