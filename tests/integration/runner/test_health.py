"""A week as Procore's Integration Health sees it, in short; `make calls` lives it in full, with a hundred projects."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from pathlib import Path

from procore_simulator.allowance import Limits
from procore_simulator.changes import change
from procore_simulator.world import World
from support.clock import ManualClock
from support.oracle import readable_projects
from support.worker import Install
from sync_worker.app import open_worker
from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.job import load_jobs, shipped_folder
from sync_worker.model import RunRequest

FACTS = Path(__file__).parents[2] / "data" / "core_streams.json"
FORBIDDEN = ("Project Management/Daily Log", "Project Management/RFI", "Project Management/Submittals")
JOB = "sync_field"
DAYS = 7


def documented() -> re.Pattern[str]:
    """Any path that the facts know, with ids in their places, and that of the list of tools."""
    paths = {*re.findall(r"/rest/[^\"? ]+", FACTS.read_text()), PROJECT_TOOLS.path}
    return re.compile("|".join(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) for path in paths))


def test_a_week_of_the_busiest_job_gives_procore_little_to_grade(install: Install) -> None:
    clock = ManualClock()
    world = World(projects=1, scale=0.1, clock=clock)
    here = install(world=world, limits=Limits(3_600, 25), config={"limits": {"max_concurrency": 1}})
    (project,) = readable_projects(here.simulator)
    for tool in FORBIDDEN:
        here.simulator.permissions.forbid(tool, project)
    streams = load_jobs(shipped_folder())[JOB].streams

    with open_worker(here.settings(), stop=threading.Event(), on_new_secret=lambda _: None, clock=clock) as worker:
        for _ in range(DAYS):
            worker.run(RunRequest(JOB, streams, trigger="schedule"))
            change(world)
            clock.advance(timedelta(days=1).total_seconds())

    asked = [call for call in here.simulator.requests if not call.path.startswith("/oauth/")]
    statuses = [call.status for call in asked]
    # Two lists of a tool, or the only one, tell that it is forbidden; then each run tries one again.
    assert statuses.count(403) <= 2 * len(FORBIDDEN) + DAYS - 1
    assert set(statuses) == {200, 403}
    assert all(call.company_id for call in asked)
    known = documented()
    assert [call.path for call in asked if not known.fullmatch(call.path)] == []
    assert len(asked) > DAYS * 4
