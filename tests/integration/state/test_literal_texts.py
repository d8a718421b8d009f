from __future__ import annotations

from pathlib import Path

from support.worker import Install, incomplete
from sync_worker.catalog import STREAMS
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.state.migration import migrate


def test_an_upgrade_moves_numbers_from_extra_to_the_text_columns_that_take_them(tmp_path: Path) -> None:
    destination = SqliteDestination(tmp_path / "procore.db")
    destination.open(holder="a test")
    destination.prepare([STREAMS["rfis"]])
    extras = {
        1: '{"subject":17,"number":-1.50,"due_date":20260101,"new":1}',
        2: '{"subject":true}',
        3: '{"subject":{"a":1}}',
        4: '{"new":"\\":1"}',
        5: None,
    }
    with destination.transaction() as transaction:
        for key, extra in extras.items():
            transaction.execute(
                "INSERT INTO rfis (id, status, _extra, _row_hash) VALUES (:key, 'kept', :extra, 'as it was')",
                {"key": key, "extra": extra},
            )
        migrate(transaction, "sqlite")
        rows = transaction.execute("SELECT subject, number, status, _extra, _row_hash FROM rfis ORDER BY id")
    destination.close()

    assert rows == [
        ("17", "-1.50", "kept", '{"due_date":20260101,"new":1}', "as it was"),
        ("true", None, "kept", None, "as it was"),
        (None, None, "kept", '{"subject":{"a":1}}', "as it was"),
        (None, None, "kept", '{"new":"\\":1"}', "as it was"),
        (None, None, "kept", None, "as it was"),
    ]


def test_a_database_of_an_older_version_is_read_again_without_a_write(install: Install) -> None:
    here = install()
    here.run("rfis")
    destination = SqliteDestination(here.database)
    destination.open(holder="a test")
    with destination.transaction() as transaction:
        transaction.execute("DELETE FROM _migrations WHERE name = '0015_literal_texts'")
    destination.close()
    before = here.query("SELECT * FROM rfis ORDER BY id")

    assert incomplete(here.run("rfis", full_refresh=True)) == []

    assert here.query("SELECT * FROM rfis ORDER BY id") == before
