"""`sync-worker demo`: the main job without credentials."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from sync_worker.cli.console import Console
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.signals import STOPPED, stop_on_signals
from sync_worker.errors import ConfigurationError, StopRequested, SyncWorkerError
from sync_worker.model import RunRequest, Verdict

if TYPE_CHECKING:
    from procore_simulator.demo import DemoSimulator
    from sync_worker.reports.build import MadeReport
    from sync_worker.runner.worker import FinishedRun
    from sync_worker.settings import Settings

DATABASE = "procore.db"
REPORT = "rfi_ageing"

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


@click.command()
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("procore-demo"),
    show_default=True,
    help="Folder for the database and the reports.",
)
@pass_cli
def command(cli: CliContext, folder: Path) -> int:
    """Sync a made-up company from the bundled Procore simulator into SQLite, without credentials."""
    from procore_simulator.demo import DemoSimulator
    from sync_worker.catalog import STREAMS
    from sync_worker.logs import configure_logging
    from sync_worker.settings import load_settings

    # The log would hide what the demo shows.
    configure_logging(verbosity=cli.verbosity or -1, color=cli.color)
    console = Console(color=cli.color)
    _clear(folder)
    with stop_on_signals() as stop, DemoSimulator(cli.clock.now()) as simulator:
        settings = load_settings(_write_configuration(folder, simulator), {}, STREAMS)
        try:
            report = _sync_three_times(console, simulator, settings, stop)
        except StopRequested:
            click.echo("stopped; the same command starts the demo again", err=True)
            return STOPPED
    _answer_questions(console, folder / DATABASE, simulator.clock.now().date())
    _print_next_steps(console, folder, report)
    return 0


def _clear(folder: Path) -> None:
    """Make the folder, and delete the database and the reports of an earlier demo in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix in ("", "-wal", "-shm"):
            (folder / (DATABASE + suffix)).unlink(missing_ok=True)
        shutil.rmtree(folder / "reports" / REPORT, ignore_errors=True)
    except OSError as error:
        raise ConfigurationError(f"--dir {folder} cannot be used: {error.strerror}; name another folder") from None


def _write_configuration(folder: Path, simulator: DemoSimulator) -> Path:
    """Write `config.yaml` as JSON, which is YAML; its address is gone when the demo ends."""
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


def _sync_three_times(
    console: Console, simulator: DemoSimulator, settings: Settings, stop: threading.Event
) -> MadeReport:
    """Sync, let a day pass, and sync twice; return the report of the second sync."""
    from sync_worker.app import open_worker
    from sync_worker.job import load_jobs, load_reports
    from sync_worker.logs import redactor
    from sync_worker.reports.build import ReportRequest, make_report

    # The worker goes by the time of its Procore.
    clock = simulator.clock
    patterns = [pattern for job in load_jobs(settings.jobs_dir).values() for pattern in job.streams]
    rfi_ageing = ReportRequest(REPORT, load_reports(settings.jobs_dir)[f"report_{REPORT}"])
    _print_introduction(console, simulator)
    with open_worker(settings, stop=stop, on_new_secret=redactor.add_token, clock=clock) as worker:

        def sync() -> TimedRun:
            began = clock.monotonic()
            report = worker.run(RunRequest("demo", patterns))
            if stop.is_set():
                raise StopRequested("asked to stop")
            if report.failure is not None:
                raise SyncWorkerError(f"the demo's sync failed: {report.failure}")
            return TimedRun(report, clock.monotonic() - began)

        console.heading("First sync: everything")
        _print_first_sync(console, sync(), simulator)
        console.fact("reported", make_report(settings, rfi_ageing, clock=clock).headline)
        console.heading("A day passes at the company")
        changes = simulator.pass_a_day()
        for kind in ("updated", "inserted"):
            console.counts(kind, Counter(change.stream for change in changes if change.kind == kind))
        console.heading("Second sync")
        _print_later_sync(console, sync())
        report = make_report(settings, rfi_ageing, clock=clock)
        console.fact("reported", report.headline)
        console.heading("Third sync, nothing has changed")
        _print_later_sync(console, sync())
    return report


def _print_introduction(console: Console, simulator: DemoSimulator) -> None:
    company = simulator.world.companies[0]
    active = sum(project.is_active for project in company.projects)
    console.text(
        f"{company.name}, a made-up general contractor with {len(company.projects)} projects, {active} of them active, "
        f"on a Procore simulator at {simulator.url}. No credentials are needed, and nothing leaves this machine."
    )


def _print_first_sync(console: Console, run: TimedRun, simulator: DemoSimulator) -> None:
    scopes, totals = run.report.scopes, run.report.totals
    streams = len({scope.stream for scope in scopes})
    console.fact(
        "synced",
        f"{totals.rows.inserted:,} records of {streams} streams in {run.seconds:.1f} s, {totals.requests:,} calls",
    )
    complete = sum(scope.verdict == Verdict.COMPLETE for scope in scopes)
    console.fact("complete", f"{complete} of {len(scopes)} lists proven: as many records came as Procore counts")
    names = {project.id: project.name for project in simulator.world.companies[0].projects}
    refused = Counter(scope.project_id for scope in scopes if scope.verdict == Verdict.NOT_PERMITTED)
    for project_id, lists in refused.items():
        project = names.get(project_id or 0, "the company")
        console.fact("not_permitted", f"{lists} lists of {project}; the others went on", color="yellow")
    if (waited := simulator.seconds_waited()) is not None:
        console.fact("waited", f"{waited:.1f} s, because Procore answered 429 (too many requests)", color="yellow")


def _print_later_sync(console: Console, run: TimedRun) -> None:
    totals = run.report.totals
    rows = totals.rows
    console.fact(
        "written", f"{rows.inserted} rows inserted, {rows.updated} updated; {rows.unchanged:,} found unchanged"
    )
    console.fact("took", f"{run.seconds:.1f} s, {totals.requests:,} calls")


def _answer_questions(console: Console, database: Path, today: date) -> None:
    from sync_worker.destination.query import run_query

    for question, pattern in QUESTIONS:
        sql = pattern.format(today=today)
        console.heading(question)
        console.code(sql)
        with run_query(database, sql) as answer:
            console.table(answer.columns, list(answer.rows))


def _print_next_steps(console: Console, folder: Path, report: MadeReport) -> None:
    program = _program_name()
    console.heading("Open")
    console.fact("report", "which RFIs wait, with whom, and the change since yesterday; in a browser or in Excel:")
    for path in report.files:
        if path.suffix in (".html", ".xlsx"):
            console.code(str(folder / path.relative_to(folder.absolute())))
    console.fact("database", f"{folder / DATABASE}, with any tool that reads SQLite")
    console.heading("Try next")
    configured = f"{program} -c {folder / 'config.yaml'}"
    console.code(f"{configured} status\n{configured} report {REPORT}\n{program} streams rfis\n{configured} runs")
    console.heading("Then your own Procore")
    console.fact("how", "README.md, step by step")


def _program_name() -> str:
    """Return how the user called this program."""
    script = Path(sys.argv[0])
    if script.name == "__main__.py":
        return "python -m sync_worker"
    found = shutil.which(script.name)
    return script.name if found and Path(found).samefile(script) else str(script)
