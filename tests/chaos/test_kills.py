"""Runs that are killed at any moment while people work in Procore: nothing lost, doubled or wrongly deleted."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Collection
from contextlib import suppress
from random import Random
from typing import NamedTuple

import pytest

from procore_simulator.faults import Fault
from support.churn import Churn
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
    """Live records of Procore that the tables do not have, have twice, or call deleted."""

    lost: int
    doubled: int
    wrongly_deleted: int


class Form(NamedTuple):
    """One way to try it: how many kills, and the run that comes last, when all is quiet."""

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


def killed_within(here: Installation, seconds: float, *, has_begun: bool) -> bool:
    """Start a run and kill it after so long, counted from its beginning or its process's; false when it had ended."""
    with here.start(*RUN) as process:
        try:
            if has_begun and process.stderr is not None:
                process.stderr.readline()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=seconds)
        finally:
            process.kill()
        return process.wait(timeout=60) == -signal.SIGKILL


def seconds_of_a_run(here: Installation) -> float:
    """How long a run takes on this machine now, from its first words on; nothing of it is left."""
    with here.start(*RUN) as process:
        assert process.stderr is not None
        process.stderr.readline()
        began = MACHINE.monotonic()
        process.communicate(timeout=60)
    here.database.unlink()
    return MACHINE.monotonic() - began


def harm(here: Installation, streams: Collection[str]) -> Harm:
    """What a run of the whole did to records that are there."""
    readable = set(readable_projects(here.simulator))
    lost = doubled = wrongly_deleted = 0
    for stream in streams:
        spec = here.simulator.world.streams[stream]
        if spec.primary_key != ("id",):
            continue  # their rows are compared with the others', cell by cell
        rows = here.query(f'SELECT id, _deleted_at FROM "{stream}"')
        live = {it.record["id"] for it in here.simulator.world.records(stream) if it.project_id in readable}
        lost += len(live - {id_ for id_, _ in rows})
        doubled += len(rows) - len({id_ for id_, _ in rows})
        wrongly_deleted += len([id_ for id_, deleted_at in rows if deleted_at is not None and id_ in live])
    doubled += len(
        here.query(
            "SELECT 1 FROM _field_history GROUP BY stream, record_key, field, run_id, new_value HAVING count(*) > 1"
        )
    )
    return Harm(lost, doubled, wrongly_deleted)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.kills} kills, seed {form.seed}")
def test_kills_at_any_moment_while_data_changes_lose_double_and_delete_nothing(
    install: Install, form: Form, capsys: pytest.CaptureFixture[str]
) -> None:
    here = install(projects=3, most_per_page=10)
    here.simulator.faults.add(Fault(path="/rest/*", delay_seconds=0.01, times=10_000_000))
    random = Random(form.seed)  # noqa: S311 - any moment will do
    churn = Churn(here.simulator, form.seed, restores=form.restores)
    killed = 0

    longest = seconds_of_a_run(here)
    with churn.going_on():
        while killed < form.kills:
            has_begun = random.random() < RUNNING_SHARE
            killed += killed_within(here, random.uniform(0.0, longest), has_begun=has_begun)
            if killed % 10 == 0 and here.database.exists():
                assert here.query("PRAGMA integrity_check") == [("ok",)]
    here.simulator.faults.clear()
    answer = here.command(*form.last)

    found = harm(here, STREAMS)
    outcomes = dict(here.query("SELECT outcome, count(*) FROM _runs GROUP BY outcome"))
    with capsys.disabled():
        print(f"\n{killed} kills, {churn.done.total()} changes {dict(churn.done)}, runs {outcomes}: {found}")
    assert answer.returncode == 0, answer.stdout
    assert found == Harm(0, 0, 0)
    assert differences(here.simulator, here.database, streams=STREAMS) == []
    assert outcomes["interrupted"] > killed // 3
