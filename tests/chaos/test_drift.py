"""Lists that change between two of their pages, read into an empty database: a quiet run afterwards makes it exact."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from procore_simulator.faults import Fault
from support.oracle import differences, readable_projects
from support.worker import Install, Installation, incomplete

STREAMS = ("rfis", "punch_items", "equipment_logs")
DRIFTS = ("insert", "delete", "resort")


def start_anew(here: Installation) -> None:
    """Forget what was read."""
    for path in here.folder.glob("procore.db*"):
        path.unlink()


def drifting(here: Installation, random: Random) -> None:
    """Let lists change before some of their later pages, once or in every sweep."""
    for drift in random.choices(DRIFTS, k=random.randint(1, 3)):
        stream = random.choice(STREAMS)
        path = here.simulator.world.streams[stream].path.rpartition("/")[2]
        page = random.randint(2, 4)
        here.simulator.faults.add(
            Fault(path=f"*/{path}[?]*page={page}&per_page=*", drift=drift, times=random.randint(1, 4))
        )


def called_deleted(here: Installation) -> int:
    """Live records that the tables call deleted."""
    readable = set(readable_projects(here.simulator))
    return sum(
        len(
            {it.record["id"] for it in here.simulator.world.records(stream) if it.project_id in readable}
            & {id_ for (id_,) in here.query(f'SELECT id FROM "{stream}" WHERE _deleted_at IS NOT NULL')}
        )
        for stream in STREAMS
    )


@pytest.mark.parametrize(
    ("runs", "seed"), [(20, 1), pytest.param(200, 2, marks=[pytest.mark.chaos, pytest.mark.timeout(1200)])]
)
def test_lists_that_change_between_pages_are_exact_after_a_quiet_run(
    install: Install, runs: int, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    here = install(most_per_page=5, scale=0.5)
    random = Random(seed)  # noqa: S311 - anything may change
    told: Counter[str] = Counter()

    for _ in range(runs):
        start_anew(here)
        drifting(here, random)
        report = here.run(*STREAMS)
        told["inexact" if incomplete(report) else "exact"] += 1
        told["lists changed"] += len([request for request in here.simulator.requests if request.is_spoilt])
        assert called_deleted(here) == 0
        if not incomplete(report):
            assert differences(here.simulator, here.database, streams=STREAMS) == []

        here.simulator.faults.clear()
        here.simulator.requests.clear()
        assert incomplete(here.run(*STREAMS)) == []

        assert differences(here.simulator, here.database, streams=STREAMS) == []
        assert called_deleted(here) == 0
    with capsys.disabled():
        print(
            f"\n{runs} of {runs} runs with changes between pages are exact after a quiet one; before it: {dict(told)}"
        )
    assert told["inexact"]
    assert told["lists changed"] > runs
