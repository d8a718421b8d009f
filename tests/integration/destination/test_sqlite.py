from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from sync_worker.catalog import STREAMS
from sync_worker.destination.key_sets import add_missing_sql, intersection_sql
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.errors import ConfigurationError, DestinationError, LockHeldError


def test_a_second_writer_is_refused_and_told_who_holds_the_file(tmp_path: Path) -> None:
    first, second = (SqliteDestination(tmp_path / "procore.db") for _ in range(2))
    first.open(holder="process 7 on site-office")
    with pytest.raises(LockHeldError, match="process 7 on site-office"):
        second.open(holder="process 8")
    first.close()
    second.open(holder="process 8")
    second.close()


def test_two_names_of_one_file_are_one_database(tmp_path: Path) -> None:
    (tmp_path / "alias.db").symlink_to(tmp_path / "procore.db")
    first, second = SqliteDestination(tmp_path / "procore.db"), SqliteDestination(tmp_path / "alias.db")
    first.open(holder="the first")
    with pytest.raises(LockHeldError, match="the first"):
        second.open(holder="the second")
    first.close()


def test_anyone_may_read_while_it_is_held(tmp_path: Path) -> None:
    destination = SqliteDestination(tmp_path / "procore.db")
    destination.open(holder="the writer")
    with destination.transaction() as transaction:
        transaction.execute("CREATE TABLE things (id INTEGER)")
        with sqlite3.connect(tmp_path / "procore.db") as reader:
            assert reader.execute("SELECT count(*) FROM sqlite_master WHERE name = 'things'").fetchone() == (0,)
    destination.close()


def test_nothing_is_left_beside_the_file_once_it_is_closed(tmp_path: Path) -> None:
    destination = SqliteDestination(tmp_path / "procore.db")
    destination.open(holder="the writer")
    destination.close()
    assert [path.name for path in tmp_path.iterdir()] == ["procore.db"]


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, just some notes that are long enough to be read as a header\n" * 20)
    with pytest.raises(ConfigurationError, match=r"notes\.txt"):
        SqliteDestination(path).open(holder="the writer")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"file/procore\.db"):
        SqliteDestination(tmp_path / "file" / "procore.db").open(holder="the writer")


def test_a_full_disk_is_called_by_its_name_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    destination = SqliteDestination(tmp_path / "procore.db")
    destination.open(holder="the writer")
    with destination.transaction() as transaction:
        transaction.execute("CREATE TABLE things (text TEXT)")
    with destination.transaction() as transaction:
        # As good as a full disk: SQLite may not make the file any larger.
        transaction.execute("PRAGMA max_page_count = 20")
    with pytest.raises(DestinationError, match="disk full"), destination.transaction() as transaction:
        transaction.execute_many("INSERT INTO things VALUES (:text)", [{"text": "x" * 4000}] * 100)
    with destination.transaction() as transaction:
        assert transaction.execute("SELECT count(*) FROM things") == [(0,)]
    destination.close()


@pytest.mark.parametrize("name", ["rfis", "company_documents", "budget_view_detail_rows"])
def test_a_key_is_found_in_a_set_without_reading_the_set(tmp_path: Path, name: str) -> None:
    spec = STREAMS[name]
    statements = {
        "who is gone": add_missing_sql(spec, (), parent=None, day=None, is_reported=False),
        "who is known": intersection_sql(spec),
    }
    destination = SqliteDestination(tmp_path / "procore.db")
    destination.open(holder="the writer")
    destination.prepare([spec])
    with destination.transaction() as transaction:
        for what, sql in statements.items():
            given = dict.fromkeys(re.findall(r":(\w+)", sql))
            steps = [str(step[3]) for step in transaction.execute(f"EXPLAIN QUERY PLAN {sql}", given)]
            assert "SEARCH _key_sets USING PRIMARY KEY (key_set=? AND key=?)" in steps, what
    destination.close()
