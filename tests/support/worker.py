"""An installation as a user has it: a configuration, its database, and the Procore that it reads."""

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
from procore_simulator.wire import Logged
from procore_simulator.world import World
from support.clock import WorkerClock, environ_at
from sync_worker.app import FinishedRun, open_worker
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import StreamSpec
from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.client.retry import RetryPolicy
from sync_worker.clock import Clock
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.model import RunRequest, Verdict
from sync_worker.settings import Settings, load_settings
from sync_worker.state.ledger import ScopeResult

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
"""Streams of every kind, for installations whose Procore need have no more: `install(streams=A_FEW)`."""

Install = Callable[..., "Installation"]


@dataclass
class Installation:
    """Runs the worker here (`run`), where waits are over at once, or as a process (`command`); both go by `clock`."""

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
        """The configuration, written anew; `config` says what differs from the plainest one, section by section."""
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
        path = self.folder / "config.json"
        path.write_text(json.dumps(plain))
        return path

    def settings(self) -> Settings:
        """The configuration as the worker reads it."""
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
        """One run in this process, of all streams unless some are named."""
        there = self.simulator.world.streams
        asked = streams or (("*",) if there is STREAMS else tuple(there))
        with open_worker(
            self.settings(),
            stop=stop or threading.Event(),
            on_new_secret=lambda _: None,
            clock=self.clock,
            retry_policy=self.retry_policy,
            database=self.database_at,
        ) as worker:
            return worker.run(
                RunRequest("by_hand", asked, projects, full_refresh, trigger=trigger, since=since, until=until)
            )

    def start(self, *arguments: str, under: Sequence[str] = (), stdin: int | None = None) -> subprocess.Popen[str]:
        """The real command with this configuration, as a process; `under` is put before it."""
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
        """As `start`, waited for."""
        process = self.start(*arguments, under=under)
        with process:
            try:
                out, err = process.communicate(timeout=seconds)
            finally:
                process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    @contextmanager
    def held(self) -> Iterator[None]:
        """The database held for writing, as another process would."""
        destination = SqliteDestination(self.database)
        destination.open(holder="a test")
        try:
            yield
        finally:
            destination.close()

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What a reader beside the worker sees."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(sql, parameters).fetchall()

    def versions(self) -> dict[str, list[tuple[Any, ...]]]:
        """When and by which run every row of every stream was written."""
        return {
            name: self.query(f'SELECT rowid, _run_id, _loaded_at, _row_hash FROM "{name}" ORDER BY rowid')
            for name in (*self.simulator.world.streams, PROJECT_TOOLS.name)
        }

    def marks(self) -> dict[tuple[str, int | None], str]:
        """The checkpoints by stream and project."""
        return {(stream, project): mark for stream, project, mark in self.query(
            "SELECT stream, project_id, mark FROM _checkpoints"
        )}  # fmt: skip

    def asked(self, stream: str) -> list[Logged]:
        """The requests for one stream's lists, oldest first, refused and spoilt ones left out."""
        return [request for request in self.simulator.requests if request.stream == stream]


def advance(simulator: Simulator, seconds: float) -> datetime:
    """Put Procore's clock forward, and that of workers in this process with it; what time it is there then."""
    clock = simulator.world.clock
    assert isinstance(clock, SteppedClock)
    clock.advance(seconds)
    return clock.now()


def scope(report: FinishedRun, stream: str, project_id: int | None = None) -> ScopeResult:
    """One line of a finished run; of a project unless None."""
    (found,) = (line for line in report.scopes if (line.stream, line.project_id) == (stream, project_id))
    return found


@contextmanager
def installing(folder: Path) -> Iterator[Install]:
    """Makes installations beside a small Procore; arguments go to the simulator, `config` to the worker."""
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
    """What a run did not prove complete, with the reasons; of a good run nothing."""
    return [
        (line.stream, line.project_id, line.verdict, line.error)
        for line in report.scopes
        if line.verdict is None or line.verdict != Verdict.COMPLETE
    ]


def verdicts(report: FinishedRun) -> dict[tuple[str, int | None], str | None]:
    """The verdicts of a finished run by stream and project."""
    return {(line.stream, line.project_id): line.verdict for line in report.scopes}
