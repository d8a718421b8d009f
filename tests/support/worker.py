"""An installation as a user has it: a configuration, its database, and the simulator that it reads."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from procore_simulator.clocks import SteppedClock
from procore_simulator.server import Simulator
from procore_simulator.wire import LoggedRequest
from procore_simulator.world import World
from support.clock import WorkerClock, environ_at
from sync_worker.app import open_worker
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import StreamSpec
from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.client.retry import RetryPolicy
from sync_worker.clock import Clock
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.model import RunRequest, Verdict
from sync_worker.runner.worker import FinishedRun
from sync_worker.settings import Settings, load_settings
from sync_worker.state.ledger import ScopeResult

SHIPPED_JOBS = sorted(path.stem for path in (Path(__file__).parents[2] / "jobs").glob("*_*.py"))
TWO_ATTEMPTS = RetryPolicy(attempts=2)

A_FEW = {
    name: STREAMS[name]
    for name in STREAMS
    if name
    in {
        "companies",
        "projects",
        "company_users",
        "vendors",
        "roles",
        "rfis",
        "submittals",
        "punch_items",
        "manpower_logs",
        "meetings",
        "work_order_contracts",
        "work_order_contract_line_items",
        "schedules",
        "schedule_activities",
        "budget_views",
        "budget_view_detail_rows",
    }
}
"""Streams of every kind, for tests that do not need all of them: `install(streams=A_FEW)`."""

Install = Callable[..., "Installation"]


@dataclass
class Installation:
    """An installation whose worker runs in this process (`run`), without real waits, or as a command (`command`)."""

    simulator: Simulator
    folder: Path
    clock: Clock
    config: dict[str, Any] = field(default_factory=dict)
    retry_policy: RetryPolicy = TWO_ATTEMPTS
    database_at: Callable[[Path], SqliteDestination] = SqliteDestination

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "procore.db"

    @property
    def config_path(self) -> Path:
        """The path of the configuration, written at each access; `config` has the differences from the minimal one."""
        plain: dict[str, Any] = {
            "procore": {
                "environment": "custom",
                "login_url": self.simulator.url,
                "api_url": self.simulator.url,
                "client_id": self.simulator.client_id,
                "client_secret": self.simulator.client_secret,
                "companies": [self.simulator.company_id],
            },
            "destination": {"path": str(self.database)},
        }
        for section, values in self.config.items():
            plain[section] = plain.get(section, {}) | values if isinstance(values, dict) else values
        if isinstance(plain.get("jobs"), dict):
            # A test that declares jobs means only these.
            plain["jobs"] = {name: {"enabled": False} for name in SHIPPED_JOBS} | plain["jobs"]
        path = self.folder / "config.json"
        path.write_text(json.dumps(plain))
        return path

    def settings(self) -> Settings:
        """Return the configuration as the worker reads it."""
        return load_settings(self.config_path, {}, STREAMS)

    def run(
        self,
        *streams: str,
        projects: Sequence[int] = (),
        full_refresh: bool = False,
        trigger: str = "manual",
        since: date | None = None,
        until: date | None = None,
        stop: threading.Event | None = None,
    ) -> FinishedRun:
        """Run in this process, by default all streams."""
        there = self.simulator.world.streams
        chosen = streams or (("*",) if there is STREAMS else tuple(there))
        with open_worker(
            self.settings(),
            stop=stop or threading.Event(),
            on_new_secret=lambda _: None,
            clock=self.clock,
            retry_policy=self.retry_policy,
            database=self.database_at,
        ) as worker:
            return worker.run(
                RunRequest("by_hand", chosen, projects, full_refresh, trigger=trigger, since=since, until=until)
            )

    def start(self, *arguments: str, under: Sequence[str] = (), stdin: int | None = None) -> subprocess.Popen[str]:
        """Start the command with this configuration as a process; `under` is a prefix of the command line."""
        return subprocess.Popen(
            [*under, sys.executable, "-m", "sync_worker", "-c", str(self.config_path), *arguments],
            cwd=self.folder,
            env=environ_at(self.clock),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def command(
        self, *arguments: str, under: Sequence[str] = (), seconds: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Start the command as `start` does and wait for its end."""
        process = self.start(*arguments, under=under)
        with process:
            try:
                out, err = process.communicate(timeout=seconds)
            finally:
                process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    @contextmanager
    def held(self) -> Iterator[SqliteDestination]:
        """Hold the database for writing, as another process would."""
        destination = SqliteDestination(self.database)
        destination.open(holder="a test")
        try:
            yield destination
        finally:
            destination.close()

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows that another reader sees."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(sql, parameters).fetchall()

    def versions(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return when and by which run every row of every stream was written."""
        return {
            name: self.query(f'SELECT rowid, _run_id, _loaded_at, _row_hash FROM "{name}" ORDER BY rowid')
            for name in (*self.simulator.world.streams, PROJECT_TOOLS.name)
        }

    def marks(self) -> dict[tuple[str, int | None], str]:
        """Return the checkpoints by stream and project."""
        return {(stream, project): mark for stream, project, mark in self.query(
            "SELECT stream, project_id, mark FROM _checkpoints"
        )}  # fmt: skip

    def asked(self, stream: str) -> list[LoggedRequest]:
        """Return the successful requests for a stream's lists, oldest first."""
        return [request for request in self.simulator.requests if request.stream == stream]


def advance(simulator: Simulator, seconds: float) -> datetime:
    """Move the simulator's clock forward, which workers in this process follow; return its time."""
    clock = simulator.world.clock
    assert isinstance(clock, SteppedClock)
    clock.advance(seconds)
    return clock.now()


def scope(report: FinishedRun, stream: str, project_id: int | None = None) -> ScopeResult:
    """Return one line of a finished run, that of a project if one is given."""
    (found,) = (line for line in report.scopes if (line.stream, line.project_id) == (stream, project_id))
    return found


@contextmanager
def installing(folder: Path) -> Iterator[Install]:
    """Yield a function that makes installations with a small simulator each; `config` is for the worker."""
    with ExitStack() as stack:

        def install(
            *, streams: Mapping[str, StreamSpec] = STREAMS, projects: int = 2, scale: float = 0.2, **parts: Any
        ) -> Installation:
            config = parts.pop("config", {})
            world = parts.pop("world", None) or World(streams, projects=projects, scale=scale)
            simulator = stack.enter_context(Simulator(world, **parts))
            return Installation(simulator, folder, WorkerClock(world.clock), config=config)

        yield install


def incomplete(report: FinishedRun) -> list[tuple[str, int | None, str | None, str | None]]:
    """Return the scopes that a run did not prove complete, with the reasons."""
    return [
        (line.stream, line.project_id, line.verdict, line.error)
        for line in report.scopes
        if line.verdict is None or line.verdict != Verdict.COMPLETE
    ]


def verdicts(report: FinishedRun) -> dict[tuple[str, int | None], str | None]:
    """Return the verdicts of a finished run by stream and project."""
    return {(line.stream, line.project_id): line.verdict for line in report.scopes}
