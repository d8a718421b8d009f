"""Runs that are killed at any moment while records are edited: nothing is lost, doubled or wrongly deleted."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Collection
from contextlib import suppress
from random import Random
from typing import NamedTuple

import pytest

from procore_simulator.faults import Fault
from support.background_edits import BackgroundEdits
from support.clock import MACHINE
from support.oracle import differences, readable_projects
from support.worker import Install, Installation

STREAMS = (
    "rfis", "punch_items", "submittals", "observations", "photos", "manpower_logs", "work_order_contracts",
    "work_order_contract_line_items", "budget_views", "budget_view_detail_rows",
)  # fmt: skip
RUN = ("run", "--streams", ",".join(STREAMS))
RUNNING_SHARE = 0.8


class Harm(NamedTuple):
    """The number of live records that the tables do not have, have twice, or mark as deleted."""

    lost: int
    doubled: int
    wrongly_deleted: int


class Form(NamedTuple):
    """A variant of the test: the number of kills, and the last run, without kills and edits."""

    kills: int
    seed: int
    last: tuple[str, ...] = RUN
    restores: bool = False


WHOLE_LISTS = (*RUN, "--full-refresh")
LONG = [pytest.mark.chaos, pytest.mark.timeout(1800)]
FORMS = (
    Form(8, seed=1),
    pytest.param(Form(200, seed=2), marks=LONG),
    pytest.param(Form(60, seed=3, last=WHOLE_LISTS, restores=True), marks=LONG),
)


def killed_within(installation: Installation, seconds: float, *, has_begun: bool) -> bool:
    """Kill a run after `seconds`, counted from its first event or its process start; return False if it had ended."""
    with installation.start(*RUN) as process:
        try:
            if has_begun and process.stderr is not None:
                process.stderr.readline()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=seconds)
        finally:
            process.kill()
        return process.wait(timeout=60) == -signal.SIGKILL


def seconds_of_a_run(installation: Installation) -> float:
    """Measure a run on this machine, from its first event on, and delete its database."""
    with installation.start(*RUN) as process:
        assert process.stderr is not None
        process.stderr.readline()
        began = MACHINE.monotonic()
        process.communicate(timeout=60)
    installation.database.unlink()
    return MACHINE.monotonic() - began


def harm(installation: Installation, streams: Collection[str]) -> Harm:
    """Count the harm to live records."""
    readable = set(readable_projects(installation.simulator))
    lost = doubled = wrongly_deleted = 0
    for stream in streams:
        spec = installation.simulator.world.streams[stream]
        if spec.primary_key != ("id",):
            continue  # their rows are compared with the others', cell by cell
        rows = installation.query(f'SELECT id, _deleted_at FROM "{stream}"')
        live = {it.record["id"] for it in installation.simulator.world.records(stream) if it.project_id in readable}
        lost += len(live - {id_ for id_, _ in rows})
        doubled += len(rows) - len({id_ for id_, _ in rows})
        wrongly_deleted += len([id_ for id_, deleted_at in rows if deleted_at is not None and id_ in live])
    doubled += len(
        installation.query(
            "SELECT 1 FROM _field_history GROUP BY stream, record_key, field, run_id, new_value HAVING count(*) > 1"
        )
    )
    return Harm(lost, doubled, wrongly_deleted)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.kills} kills, seed {form.seed}")
def test_kills_at_any_moment_while_data_changes_lose_double_and_delete_nothing(
    install: Install, form: Form, capsys: pytest.CaptureFixture[str]
) -> None:
    installation = install(projects=3, most_per_page=10)
    installation.simulator.faults.add(Fault(path="/rest/*", delay_seconds=0.01, times=10_000_000))
    random = Random(form.seed)  # noqa: S311 - any moment will do
    edits = BackgroundEdits(installation.simulator, form.seed, restores=form.restores)
    killed = 0

    longest = seconds_of_a_run(installation)
    with edits.running():
        while killed < form.kills:
            has_begun = random.random() < RUNNING_SHARE
            killed += killed_within(installation, random.uniform(0.0, longest), has_begun=has_begun)
            if killed % 10 == 0 and installation.database.exists():
                assert installation.query("PRAGMA integrity_check") == [("ok",)]
    installation.simulator.faults.clear()
    answer = installation.command(*form.last)

    found = harm(installation, STREAMS)
    outcomes = dict(installation.query("SELECT outcome, count(*) FROM _runs GROUP BY outcome"))
    with capsys.disabled():
        print(f"\n{killed} kills, {edits.done.total()} changes {dict(edits.done)}, runs {outcomes}: {found}")
    assert answer.returncode == 0, answer.stdout
    assert found == Harm(0, 0, 0)
    assert differences(installation.simulator, installation.database, streams=STREAMS) == []
    assert outcomes["interrupted"] > killed // 3
