"""A simulated company and its worker, on a clock on which hours pass as fast as calls are made."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from procore_simulator.allowance import NO_LIMITS, Limits
from procore_simulator.server import Simulator
from procore_simulator.wire import LoggedRequest
from procore_simulator.world import World
from sync_worker.app import open_worker
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import ScopeKind
from sync_worker.job import load_jobs, shipped_folder
from sync_worker.model import RunRequest
from sync_worker.planning.selection import select
from sync_worker.runner.worker import Worker
from sync_worker.settings import load_settings

JOBS = load_jobs(shipped_folder())
BEGIN = datetime(2026, 11, 23, tzinfo=UTC)
"""A Monday."""


class SteppingClock:
    """A clock that moves only by waiting or `advance`."""

    def __init__(self, start: datetime = BEGIN) -> None:
        self._start = start
        self._passed = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Move the clock instead of waiting."""
        if not event.is_set():
            self.advance(seconds)
        return event.is_set()

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._passed += max(0.0, seconds)


class Shape(NamedTuple):
    """The size of the company, the shares of its projects' tools that are forbidden or off, and its rate limit.

    `inactive` is the number of inactive projects.
    """

    projects: int = 100
    scale: float = 0.1
    forbidden: float = 0.0
    off: float = 0.0
    inactive: int = 0
    limits: Limits = NO_LIMITS


class Company:
    """A company and a worker that holds its database."""

    def __init__(self, simulator: Simulator, worker: Worker, clock: SteppingClock) -> None:
        self.simulator = simulator
        self.clock = clock
        self._worker = worker

    def run(self, job: str) -> list[LoggedRequest]:
        """Run a job as the schedule does and return the calls it made."""
        self.simulator.requests.clear()
        report = self._worker.run(RunRequest(job, JOBS[job].streams, trigger="schedule"))
        if report.failure is not None:
            raise RuntimeError(f"{job}: {report.failure}")
        return [call for call in self.simulator.requests if not call.path.startswith("/oauth/")]


@contextmanager
def synced_company(folder: Path, shape: Shape, *, config: Mapping[str, Any] | None = None) -> Iterator[Company]:
    """Yield a company of that shape with its worker; `config` replaces sections of the minimal configuration."""
    clock = SteppingClock()
    world = World(projects=shape.projects, scale=shape.scale, clock=clock)
    for position, project_id in enumerate(world.project_ids):
        world.update("projects", project_id, {"active": position >= shape.inactive})
    with Simulator(world, limits=shape.limits) as simulator:
        _deny(simulator, shape)
        path = folder / "config.json"
        path.write_text(json.dumps(_configuration(simulator, folder) | dict(config or {})))
        settings = load_settings(path, {}, STREAMS)
        with open_worker(settings, stop=threading.Event(), on_new_secret=lambda _: None, clock=clock) as worker:
            yield Company(simulator, worker, clock)


def _configuration(simulator: Simulator, folder: Path) -> dict[str, Any]:
    return {
        "procore": {
            "environment": "custom",
            "login_url": simulator.url,
            "api_url": simulator.url,
            "client_id": simulator.client_id,
            "client_secret": simulator.client_secret,
            "companies": [simulator.company_id],
            "projects": {"inactive": True},
        },
        "destination": {"path": str(folder / "procore.db")},
    }


def _deny(simulator: Simulator, shape: Shape) -> None:
    """Forbid a share of all tools of all projects, and switch off another share."""
    pairs = [(tool, project_id) for project_id in simulator.world.project_ids for tool in _tools()]
    chosen = Random(0).sample(pairs, round((shape.forbidden + shape.off) * len(pairs)))  # noqa: S311 - no secret
    forbidden = round(shape.forbidden * len(pairs))
    for tool, project_id in chosen[:forbidden]:
        simulator.permissions.forbid(tool, project_id)
    for tool, project_id in chosen[forbidden:]:
        simulator.permissions.disable_tool(tool, project_id)


def _tools() -> Sequence[str]:
    specs = [spec for job in JOBS.values() for spec in select(job.streams, STREAMS)]
    return list(dict.fromkeys(spec.tool for spec in specs if spec.scope is ScopeKind.PROJECT))
