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


def delete_database(installation: Installation) -> None:
    """Delete the database."""
    for path in installation.folder.glob("procore.db*"):
        path.unlink()


def add_drift(installation: Installation, random: Random) -> None:
    """Add faults that change lists before some of their later pages, once or in every sweep."""
    for drift in random.choices(DRIFTS, k=random.randint(1, 3)):
        stream = random.choice(STREAMS)
        path = installation.simulator.world.streams[stream].path.rpartition("/")[2]
        page = random.randint(2, 4)
        installation.simulator.faults.add(
            Fault(path=f"*/{path}[?]*page={page}&per_page=*", drift=drift, times=random.randint(1, 4))
        )


def count_wrongly_deleted(installation: Installation) -> int:
    """Count live records that the tables mark as deleted."""
    readable = set(readable_projects(installation.simulator))
    return sum(
        len(
            {it.record["id"] for it in installation.simulator.world.records(stream) if it.project_id in readable}
            & {id_ for (id_,) in installation.query(f'SELECT id FROM "{stream}" WHERE _deleted_at IS NOT NULL')}
        )
        for stream in STREAMS
    )


@pytest.mark.parametrize(
    ("runs", "seed"), [(20, 1), pytest.param(200, 2, marks=[pytest.mark.chaos, pytest.mark.timeout(1200)])]
)
def test_lists_that_change_between_pages_are_exact_after_a_quiet_run(
    install: Install, runs: int, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    installation = install(most_per_page=5, scale=0.5)
    random = Random(seed)  # noqa: S311 - anything may change
    counts: Counter[str] = Counter()

    for _ in range(runs):
        delete_database(installation)
        add_drift(installation, random)
        report = installation.run(*STREAMS)
        counts["inexact" if incomplete(report) else "exact"] += 1
        counts["lists changed"] += len([request for request in installation.simulator.requests if request.is_faulty])
        assert count_wrongly_deleted(installation) == 0
        if not incomplete(report):
            assert differences(installation.simulator, installation.database, streams=STREAMS) == []

        installation.simulator.faults.clear()
        installation.simulator.requests.clear()
        assert incomplete(installation.run(*STREAMS)) == []

        assert differences(installation.simulator, installation.database, streams=STREAMS) == []
        assert count_wrongly_deleted(installation) == 0
    with capsys.disabled():
        print(
            f"\n{runs} of {runs} runs with changes between pages are exact after a quiet one; before it: {dict(counts)}"
        )
    assert counts["inexact"]
    assert counts["lists changed"] > runs
