"""`sync-worker demo`: the main job without credentials, and what it leaves to look at."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import click

from sync_worker.app import Report, Request, Worker, open_worker
from sync_worker.catalog import STREAMS
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.stopping import STOPPED, stop_on_signals
from sync_worker.clock import SystemClock
from sync_worker.errors import ConfigurationError, StopRequested, SyncWorkerError
from sync_worker.job import load_jobs
from sync_worker.logs import configure_logging, redactor
from sync_worker.model import Verdict
from sync_worker.settings import load_settings
from sync_worker.simulator.changes import Change, change
from sync_worker.simulator.clocks import SteppedClock
from sync_worker.simulator.server import Simulator
from sync_worker.simulator.world import World

DATABASE = "procore.db"
A_DAY = timedelta(days=1)
FORBIDDEN_TOOL = "Construction Financials/Budget"

QUESTIONS = (
    (
        "Which RFIs are overdue, and with whom?",
        """SELECT number, subject, due_date, json_extract(ball_in_court, '$.name') AS with_whom
           FROM rfis WHERE status = 'open' AND due_date < date('now') ORDER BY due_date LIMIT 5""",
    ),
    (
        "What has changed since the first sync?",
        """SELECT stream, field, old_value, new_value FROM _field_history
           WHERE old_value IS NOT NULL AND length(new_value) < 40 ORDER BY seen_at DESC LIMIT 5""",
    ),
)


class Told(NamedTuple):
    """A finished run and how long it took."""

    report: Report
    seconds: float


@click.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("procore-demo"),
    show_default=True,
    help="Where the demo's database goes.",
)
@pass_cli
def command(cli: CliContext, folder: Path) -> int:
    """Sync a made-up company from the bundled Procore simulator into SQLite; needs no credentials."""
    # The demo tells its own story; the log of a machine beside it would only hide it.
    configure_logging(verbosity=cli.verbosity or -1, color=cli.color)
    database = _fresh(folder)
    with stop_on_signals() as stop, _company() as simulator:
        company = simulator.world.companies[0]
        _say(f"{company.name}, a made-up contractor with {len(company.projects)} projects, is at {simulator.url}.")
        _say("No credentials are needed, and nothing leaves this machine.")
        settings = load_settings(_configuration(folder, simulator), {}, STREAMS)
        with open_worker(settings, stop=stop, on_new_secret=redactor.add_token) as worker:
            try:
                _story(worker, simulator, settings.jobs_dir, stop)
            except StopRequested:
                return STOPPED
    _say(f"\nThe data is in {database}; any tool that reads SQLite opens it. Two questions to begin with:")
    for question, sql in QUESTIONS:
        _say(f"\n  -- {question}\n  {' '.join(sql.split())};")
    _say("\nNext: put your own Procore into config.yaml (see README.md) and run `sync-worker run --all`.")
    return 0


def _story(worker: Worker, simulator: Simulator, jobs_dir: Path, stop: threading.Event) -> None:
    patterns = [pattern for job in load_jobs(jobs_dir).values() for pattern in job.streams]

    def sync() -> Told:
        clock = SystemClock()
        began = clock.monotonic()
        report = worker.run(Request("demo", patterns))
        if stop.is_set():
            raise StopRequested("asked to stop")
        if report.failure is not None:
            raise SyncWorkerError(f"the demo's sync failed: {report.failure}")
        return Told(report, clock.monotonic() - began)

    _say("\nFirst sync")
    _tell_first(sync())
    _say("\nA day passes at the company")
    clock = simulator.world.clock
    if isinstance(clock, SteppedClock):
        clock.advance(A_DAY.total_seconds())
    _tell_changes(change(simulator.world))
    _say("\nSecond sync")
    _tell_later(sync())
    _say("\nThird sync, nothing changed")
    _tell_later(sync())


def _tell_first(told: Told) -> None:
    scopes, rows = told.report.scopes, told.report.totals.rows
    verdicts = Counter(scope.verdict for scope in scopes)
    streams = len({scope.stream for scope in scopes})
    _say(
        f"  {rows.inserted:,} records of {streams} streams with {told.report.totals.requests} calls "
        f"in {told.seconds:.1f} s."
    )
    _say(f"  {verdicts[Verdict.COMPLETE]} of {len(scopes)} lists are proven complete: as many as the server counts.")
    refused = [scope for scope in scopes if scope.verdict == Verdict.NOT_PERMITTED]
    if refused:
        names = ", ".join(sorted({scope.stream for scope in refused}))
        _say(f"  {len(refused)} may not be read ({names} of project {refused[0].project_id}); the others went on.")


def _tell_changes(changes: Sequence[Change]) -> None:
    counted = Counter((change.kind, change.stream) for change in changes if change.kind != "deleted")
    for kind in ("updated", "inserted"):
        streams = ", ".join(f"{number} {stream}" for (what, stream), number in counted.items() if what == kind)
        _say(f"  {kind}: {streams}")


def _tell_later(told: Told) -> None:
    rows = told.report.totals.rows
    _say(
        f"  {rows.inserted} rows inserted, {rows.updated} updated, {rows.unchanged:,} found unchanged and not written; "
        f"{told.report.totals.requests} calls, {told.seconds:.1f} s."
    )


@contextmanager
def _company() -> Iterator[Simulator]:
    simulator = Simulator(World(clock=SteppedClock(SystemClock().now() - A_DAY)))
    simulator.permissions.forbid(FORBIDDEN_TOOL, simulator.world.project_ids[1])
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
    destination = {"type": "sqlite", "path": DATABASE}
    path.write_text(json.dumps({"procore": procore, "destination": destination}, indent=2), "utf-8")
    return path


def _fresh(folder: Path) -> Path:
    """The path of the demo's database, with what an earlier demo left there gone."""
    database = folder / DATABASE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix in ("", "-wal", "-shm"):
            database.with_name(DATABASE + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--dir {folder} cannot be used: {error.strerror}; name another folder") from None
    return database


def _say(text: str) -> None:
    print(text, flush=True)
