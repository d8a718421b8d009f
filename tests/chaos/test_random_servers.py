"""Servers drawn at random: what is called complete equals the truth, and what is marked deleted is deleted."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from support.clock import WorkerClock
from support.random_server import COMPANY, KINDS, PER_PAGE, PROJECT, Habits, RandomServer, draw_habits
from support.scripted_server import ScriptedServer
from sync_worker.app import open_worker
from sync_worker.catalog import STREAMS
from sync_worker.client.retry import RetryPolicy
from sync_worker.model import RunRequest, Verdict
from sync_worker.settings import load_settings

RUNS = 3
NOT_DUE = "not due"
RECENT_DAYS = 13
FIRST = int(os.environ.get("RANDOM_SERVERS_FROM", "0"))


def run(server: RandomServer, url: str, folder: Path, *, full_refresh: bool, trigger: str) -> tuple[str, str | None]:
    """Run once and return the verdict of the list and its reason."""
    config = folder / "config.json"
    config.write_text(
        json.dumps(
            {
                "procore": {
                    "environment": "custom", "login_url": url, "api_url": url, "client_id": "an-id",
                    "client_secret": "a-secret-of-some-length", "companies": [COMPANY], "start_date": "2026-01-01",
                },
                "destination": {"path": str(folder / "procore.db")},
                "data_dir": str(folder),
                # One project after the other: what happens to a server does not hang on threads.
                "limits": {"max_concurrency": 1},
                "streams": {server.spec.name: {"per_page": PER_PAGE}} if server.spec.paging.per_page else {},
            }
        )
    )  # fmt: skip
    settings = load_settings(config, {}, STREAMS)
    with open_worker(
        settings,
        stop=threading.Event(),
        on_new_secret=lambda _: None,
        clock=WorkerClock(server.clock, ahead=timedelta(seconds=server.habits.ahead_seconds)),
        retry_policy=RetryPolicy(attempts=3),
    ) as worker:
        report = worker.run(RunRequest("by_hand", (server.spec.name,), (), full_refresh, trigger=trigger))
    lines = [line for line in report.scopes if (line.stream, line.project_id) == (server.spec.name, PROJECT)]
    return (str(lines[0].verdict), lines[0].error) if lines else (NOT_DUE, str(report.failure))


def faults(server: RandomServer, folder: Path, verdict: str, began: int, first: int, is_full: bool) -> list[str]:
    """List contradictions to the truth after a run that began at `began`, where the first run began at `first`."""
    with closing(sqlite3.connect(f"file:{folder / 'procore.db'}?mode=ro", uri=True)) as connection:
        text = KINDS[server.habits.kind].text
        found_rows = connection.execute(
            f'SELECT id, "{text}", _deleted_at FROM "{server.spec.name}" WHERE project_id = ?', (PROJECT,)
        )
        rows = {int(key): (name, deleted_at) for key, name, deleted_at in found_rows}
    ended = server.moment
    found = [
        f"{key} is marked deleted and was never gone"
        for key, (_, deleted_at) in rows.items()
        if deleted_at is not None and server.lives[key].was_alive_throughout(first, ended)
    ]
    if verdict != Verdict.COMPLETE:
        return found
    for key, life in server.lives.items():
        if not life.was_alive_throughout(began, ended) or not server.is_visible(key):
            continue
        if server.habits.kind == "days" and not is_full and (server.clock.now().date() - life.day).days > RECENT_DAYS:
            continue  # by schedule the latest two weeks are read
        is_edited = max(life.edits, default=0) >= began
        if is_edited and server.spec.cursor is not None and (key not in rows or rows[key][1] is not None):
            continue  # it left the window that was asked for, and is in that of the next run
        if key not in rows:
            found.append(f"{key} is missing")
        elif rows[key][1] is not None:
            found.append(f"{key} is marked deleted and is there")
        elif not is_edited and rows[key][0] != server.record(life)[text]:
            found.append(f"{key} is stored as {rows[key][0]!r}")
    return found


def hold(random: Random, habits: Habits, server: ScriptedServer, folder: Path, told: Counter[str]) -> list[str]:
    """Run three times against one server and list what was wrong."""
    procore = RandomServer(random, habits)
    server.script = procore.script
    first = procore.moment
    for number in range(RUNS):
        began = procore.moment
        full = number == 2 and random.random() < 0.5
        verdict, reason = run(
            procore, server.url, folder, full_refresh=full, trigger=random.choice(["manual", "schedule"])
        )
        told[f"{'honest' if habits.is_honest_and_quiet else 'other'} {verdict}"] += 1
        if habits.is_honest_and_quiet and verdict not in (NOT_DUE, Verdict.COMPLETE):
            told[f"honest: {reason}"] += 1
        if wrong := faults(procore, folder, verdict, began, first, full):
            return [f"run {number}, {verdict}: {wrong[:3]}"]
        for _ in range(random.randint(0, 3)):
            procore.pass_time(random.choice([60, 3600, 86_400]))
            procore.change()
        procore.pass_time(random.choice([60, 3600, 86_400 * 8]))
    return []


@pytest.mark.parametrize("count", [60, pytest.param(10_000, marks=[pytest.mark.chaos, pytest.mark.timeout(7200)])])
def test_whatever_a_server_says_complete_is_the_truth_and_deleted_is_deleted(
    count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: Counter[str] = Counter()
    wrong: list[str] = []
    with ScriptedServer(lambda _: None).running() as server:  # type: ignore[arg-type,return-value]
        for seed in range(FIRST, FIRST + count):
            random = Random(seed)  # noqa: S311 - anything may happen
            habits = draw_habits(random)
            folder = tmp_path / str(seed)
            folder.mkdir()
            wrong += [f"seed {seed}, {habits}: {it}" for it in hold(random, habits, server, folder, told)]
            for path in folder.iterdir():
                path.unlink()

    with capsys.disabled():
        print(f"\n{count} random servers, three runs each: {dict(sorted(told.items()))}")
    assert wrong == []
    assert sum(told[f"honest {verdict}"] for verdict in ("inexact", "failed")) <= told["honest complete"] / 1000
