"""What the operator's page promises of backups."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from procore_simulator.changes import change
from support.oracle import differences
from support.worker import Install

STREAMS = ("rfis", "submittals", "manpower_logs", "work_order_contract_line_items")
Save = Callable[[Path, Path], None]


def back_up(database: Path, copy: Path) -> None:
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def vacuum_into(database: Path, copy: Path) -> None:
    with closing(sqlite3.connect(database)) as source:
        source.execute("VACUUM INTO ?", [str(copy)])


@pytest.mark.parametrize("save", [back_up, vacuum_into])
def test_an_older_copy_made_while_the_database_is_held_catches_up_with_the_next_run(
    install: Install, save: Save
) -> None:
    here = install()
    copy = here.folder / "copy.db"

    def run() -> None:
        assert here.command("run", "--streams", ",".join(STREAMS)).returncode == 0

    run()
    with here.held():
        save(here.database, copy)
    change(here.simulator.world)
    run()
    assert differences(here.simulator, here.database, streams=STREAMS) == []

    copy.replace(here.database)
    assert differences(here.simulator, here.database, streams=STREAMS) != []
    run()
    assert differences(here.simulator, here.database, streams=STREAMS) == []
