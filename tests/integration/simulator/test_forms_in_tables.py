"""Both forms of the simulated records in the tables of a worker."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from procore_simulator.forms import Form
from procore_simulator.world import World
from support.oracle import differences
from support.worker import incomplete, installing
from sync_worker.catalog import STREAMS

QUIRKY = (
    "companies",
    "projects",
    "tax_codes",
    "bid_packages",
    "bids",
    "budget_changes",
    "work_logs",
    "change_events",
    "rfis",
)
SUMS = {"tax_codes": "rate1", "bids": "lump_sum_amount", "budget_changes": "amount", "work_logs": "hours"}


@pytest.fixture
def tables(tmp_path: Path) -> dict[Form, dict[str, list[Any]]]:
    """Return the sums stored after a run on each form; all tables equal the truth of their form."""
    found = {}
    for form in Form:
        folder = tmp_path / form
        folder.mkdir()
        with installing(folder) as install:
            here = install(world=World({name: STREAMS[name] for name in QUIRKY}, projects=2, scale=0.3, form=form))
            report = here.run()
            assert incomplete(report) == []
            assert differences(here.simulator, here.database) == []
            with closing(sqlite3.connect(here.database)) as connection:
                found[form] = {
                    name: [row[0] for row in connection.execute(f"SELECT {field} FROM {name} ORDER BY id")]
                    for name, field in SUMS.items()
                }
    return found


def test_sums_are_the_same_whichever_form_they_came_in(tables: dict[Form, dict[str, list[Any]]]) -> None:
    described, observed = tables[Form.DESCRIBED], tables[Form.OBSERVED]

    for name in SUMS:
        assert described[name]
        for one, other in zip(described[name], observed[name], strict=True):
            assert (one is None) == (other is None)
            assert one is None or float(one) == float(other)
