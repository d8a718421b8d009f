"""A database that is full, broken, locked, or read by somebody else."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from support.clock import MACHINE
from support.oracle import differences
from support.worker import A_FEW, Install, advance, incomplete
from sync_worker.app import open_worker
from sync_worker.catalog import STREAMS
from sync_worker.destination.protocol import Parameter
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.destination.sqlite_transaction import SqliteTransaction
from sync_worker.engine.handoff import DAEMON
from sync_worker.errors import (
    ConfigurationError,
    DatabaseDamagedError,
    DatabaseLostError,
    DestinationError,
    LockHeldError,
)
from sync_worker.scheduler.heartbeat import Heartbeat


@pytest.mark.parametrize("table", ["companies", "rfis", "rfi_replies", "notes_logs", "photo_albums"])
def test_a_table_that_somebody_dropped_is_filled_again_by_the_next_run(install: Install, table: str) -> None:
    here = install()
    streams = ("rfis", "rfi_replies", "notes_logs", "photo_albums")
    here.run(*streams)
    before = here.query(f'SELECT count(*) FROM "{table}" WHERE _deleted_at IS NULL')
    assert before > [(0,)]
    with closing(sqlite3.connect(here.database)) as other:
        other.execute(f'DROP TABLE "{table}"')

    assert incomplete(here.run(*streams)) == []
    assert here.query(f'SELECT count(*) FROM "{table}" WHERE _deleted_at IS NULL') == before


def test_a_reader_that_never_ends_its_query_holds_up_no_run(install: Install) -> None:
    here = install(streams=A_FEW)
    here.run("companies")

    with closing(sqlite3.connect(here.database)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT count(*) FROM _runs").fetchall()
        began = MACHINE.monotonic()
        assert incomplete(here.run()) == []
        assert MACHINE.monotonic() - began < 25
        assert reader.execute("SELECT count(*) FROM _runs").fetchall() == before

    here.run("companies")
    assert not here.database.with_name("procore.db-wal").exists()
    assert differences(here.simulator, here.database) == []


@pytest.mark.parametrize("content", [b"this is no database, but a long text about one" * 100, b"\x00" * 5000])
def test_a_file_that_is_no_database_is_refused_in_one_line(install: Install, content: bytes) -> None:
    here = install(streams=A_FEW)
    here.database.write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"procore\.db cannot be used as the database"):
        here.run()

    assert here.database.read_bytes() == content
    assert list(here.simulator.requests) == []


def test_a_second_worker_is_told_who_holds_the_database(install: Install) -> None:
    here = install(streams=A_FEW)
    with (
        open_worker(here.settings(), stop=threading.Event(), on_new_secret=lambda _: None, clock=here.clock),
        pytest.raises(LockHeldError, match=r"procore\.db is held by process \d+ on \S+;"),
    ):
        here.run()

    assert incomplete(here.run()) == []


def test_a_database_that_is_damaged_under_a_daemon_is_named_to_its_health_check_and_to_who_follows(
    install: Install,
) -> None:
    here = install(streams=A_FEW)
    here.run()
    with open_worker(
        here.settings(), stop=threading.Event(), on_new_secret=lambda _: None, clock=here.clock, role=DAEMON
    ) as worker:
        assert worker.database_trouble() is None
        with here.database.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (here.database.stat().st_size - 4096))

        with pytest.raises(DatabaseDamagedError), worker.ledger.reader() as view:
            view.execute("SELECT count(*) FROM rfis WHERE subject IS NULL")

        said = f"{here.database} is damaged (database disk image is malformed); stop the worker and restore a backup"
        assert (worker.database_trouble() or "").startswith(said)
        heartbeat = Heartbeat(here.folder / "data" / "heartbeat", here.clock, worker.database_trouble)
        heartbeat.begin()
        heartbeat.beat()
        checked, followed = here.command("healthcheck"), here.command("run", "--streams", "rfis")

    assert (checked.returncode, said in checked.stdout) == (1, True)
    assert (followed.returncode, followed.stderr.count("\n")) == (1, 1)
    assert f"error: {said}" in followed.stderr


class RestoredMeanwhile(SqliteDestination):
    """A database into which somebody restores a backup by SQLite's own means while a run is under way."""

    transactions = 0

    def transaction(self) -> AbstractContextManager[SqliteTransaction]:
        self.transactions += 1
        if self.transactions == 12:
            path = self._path
            with (
                closing(sqlite3.connect(path.with_name("backup.db"))) as backup,
                closing(sqlite3.connect(path)) as live,
            ):
                backup.backup(live)
        return super().transaction()


def test_a_run_into_whose_database_a_backup_is_restored_ends(install: Install) -> None:
    here = install(streams=A_FEW)
    here.run("rfis", "submittals")
    shutil.copy(here.database, here.database.with_name("backup.db"))
    marks = here.marks()
    advance(here.simulator, 3600)

    here.database_at = RestoredMeanwhile
    with pytest.raises(DatabaseLostError, match=r"does not know run \S+ any more: its content was replaced"):
        here.run("rfis", "submittals")

    assert here.marks() == marks
    here.database_at = SqliteDestination
    assert incomplete(here.run("rfis", "submittals")) == []


def test_a_destination_that_is_not_built_is_refused_before_any_call(install: Install) -> None:
    here = install()
    settings = here.settings()
    other = settings.destination.model_copy(update={"type": "postgres"})

    with (
        pytest.raises(ConfigurationError, match="postgres"),
        open_worker(
            settings.model_copy(update={"destination": other}),
            stop=threading.Event(),
            on_new_secret=lambda _: None,
            clock=here.clock,
        ),
    ):
        pass

    assert not here.database.exists()


def test_a_full_disk_is_called_by_that_name_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    destination = SqliteDestination(tmp_path / "procore.db")
    destination.open("a test")
    rfis = STREAMS["rfis"]
    destination.prepare([rfis])
    ((pages,),) = _in(destination, "PRAGMA page_count")
    _in(destination, f"PRAGMA max_page_count = {int(str(pages)) + 2}")
    wide: list[list[Parameter]] = [[number, *["x" * 500] * (len(rfis.columns) + 4)] for number in range(100)]

    with pytest.raises(DestinationError, match=r"disk full: .*procore\.db"), destination.transaction() as transaction:
        transaction.merge(rfis, wide)

    assert _in(destination, "SELECT count(*) FROM rfis") == [(0,)]
    _in(destination, "PRAGMA max_page_count = 100000")
    with destination.transaction() as transaction:
        transaction.merge(rfis, wide)
    destination.close()


def _in(destination: SqliteDestination, sql: str) -> list[tuple[object, ...]]:
    with destination.transaction() as transaction:
        return list(transaction.execute(sql))


@pytest.mark.parametrize(("stream", "column"), [("rfis", "subject"), ("manpower_logs", "notes"), ("roles", "name")])
def test_a_column_that_somebody_dropped_is_filled_again_by_the_next_run(
    install: Install, stream: str, column: str
) -> None:
    here = install(streams=A_FEW)
    here.run(stream)
    advance(here.simulator, 3600)
    with closing(sqlite3.connect(here.database)) as other:
        other.execute(f'ALTER TABLE "{stream}" DROP COLUMN "{column}"')

    assert incomplete(here.run(stream)) == []
    assert differences(here.simulator, here.database, streams=[stream]) == []


@pytest.mark.parametrize(
    "obstacle",
    [
        "ALTER TABLE rfis ADD COLUMN reviewed TEXT NOT NULL DEFAULT NULL",
        "CREATE TRIGGER guard BEFORE INSERT ON rfis BEGIN SELECT raise(ABORT, 'hands off'); END",
    ],
)
def test_a_table_that_takes_no_rows_fails_its_stream_and_no_other(install: Install, obstacle: str) -> None:
    here = install(streams=A_FEW)
    here.run("rfis")
    with closing(sqlite3.connect(here.database)) as other:
        other.execute("DELETE FROM rfis")
        other.execute(obstacle)
        other.commit()

    report = here.run("rfis", "submittals", full_refresh=True)

    failed = {(line.stream, str(line.verdict)) for line in report.scopes if line.verdict != "complete"}
    assert failed == {("rfis", "failed")}
    assert all("added to the table" in str(line.error) for line in report.scopes if line.stream == "rfis")
