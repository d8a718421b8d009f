"""Logs that are left beside a database file by a killed process, and backups that are put in the file's place."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from sync_worker.destination.log import is_of_another
from sync_worker.destination.sqlite import SqliteDestination

Content = list[tuple[str, int]]

STEPS = st.one_of(
    st.tuples(st.just("grow"), st.integers(1, 60)),
    st.tuples(st.just("change"), st.integers(1, 60)),
    st.tuples(st.just("schema"), st.integers(1, 3)),
    st.tuples(st.just("checkpoint"), st.sampled_from(["PASSIVE", "TRUNCATE", "RESTART"])),
    st.tuples(st.just("reopen"), st.none()),
    st.tuples(st.just("backup"), st.sampled_from(["VACUUM INTO", ".backup"])),
)
STRANGERS = st.tuples(st.just("stranger"), st.booleans())


class Lives:
    """A database through commits, checkpoints and backups, until its process is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "procore.db"
        self.backups: list[Path] = []
        self._tables = 0
        self._destination = SqliteDestination(self.path)
        self._destination.open(holder="a test")
        with self._destination.transaction() as transaction:
            transaction.execute("CREATE TABLE rows (name TEXT, version INTEGER)")
            transaction.execute("CREATE TABLE marks (name TEXT, version INTEGER)")
            transaction.execute("INSERT INTO marks VALUES ('mark', 0)")

    def take(self, step: str, how: object) -> None:
        """Do one thing to the database."""
        if step == "reopen":
            self._destination.close()
            self._destination.open(holder="a test")
        elif step == "stranger":
            with closing(sqlite3.connect(self.path)) as other, other:
                other.execute("INSERT INTO rows VALUES (hex(zeroblob(400)), 0)")
                if how:
                    self._tables += 1
                    other.execute(f"CREATE TABLE more_{self._tables} (name TEXT)")
        elif step in ("checkpoint", "backup"):
            with closing(sqlite3.connect(self.path)) as other:
                self._aside(other, step, str(how))
        else:
            with self._destination.transaction() as transaction:
                self._write(transaction.execute, step, int(str(how)))
                transaction.execute("UPDATE marks SET version = version + 1")

    def _aside(self, other: sqlite3.Connection, step: str, how: str) -> None:
        if step == "checkpoint":
            other.execute(f"PRAGMA wal_checkpoint({how})").fetchall()
            return
        backup = self.folder / f"backup-{len(self.backups)}.db"
        self.backups.append(backup)
        if how == "VACUUM INTO":
            other.execute("VACUUM INTO ?", (str(backup),))
        else:
            with closing(sqlite3.connect(backup)) as into:
                other.backup(into)

    def _write(self, execute: object, step: str, many: int) -> None:
        assert callable(execute)
        if step == "schema":
            for _ in range(many):
                self._tables += 1
                execute(f"CREATE TABLE more_{self._tables} (name TEXT)")
        elif step == "grow":
            for _ in range(many):
                execute("INSERT INTO rows VALUES (hex(zeroblob(300)), 1)")
        else:
            execute(f"UPDATE rows SET version = version + 1 WHERE rowid % {many} = 0")

    def kill(self) -> Path:
        """Copy the files as a kill leaves them."""
        left = self.folder / "left"
        left.mkdir()
        for suffix in ("", "-wal"):
            if Path(f"{self.path}{suffix}").exists():
                shutil.copy(f"{self.path}{suffix}", left / f"procore.db{suffix}")
        self._destination.close()
        return left / "procore.db"


def content(path: Path) -> Content:
    """All rows, of a database that must be sound."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT name, version FROM rows UNION ALL SELECT name, version FROM marks")
        return sorted(rows.fetchall())


@given(st.lists(st.one_of(STEPS, STRANGERS), min_size=2, max_size=14))
def test_the_log_of_a_killed_process_is_never_taken_for_anothers(steps: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lives = Lives(Path(folder))
        for step, how in steps:
            lives.take(step, how)
        assert not is_of_another(lives.kill())


VACUUMED_BEFORE_A_NEW_TABLE: list[tuple[str, object]] = [
    ("grow", 7),
    ("schema", 1),
    ("checkpoint", "PASSIVE"),
    ("backup", "VACUUM INTO"),
    ("schema", 1),
]


@example(VACUUMED_BEFORE_A_NEW_TABLE, 0)
@given(st.lists(STEPS, min_size=2, max_size=14), st.integers(0, 3))
def test_a_backup_in_the_place_of_a_killed_database_is_whole_or_played_on_to_the_end(
    steps: list[tuple[str, object]], which: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lives = Lives(Path(folder))
        for step, how in steps:
            lives.take(step, how)
        path = lives.kill()
        allowed = [content(lives.path)]
        for backup in lives.backups[which : which + 1]:
            allowed.append(content(backup))
            shutil.copy(backup, path)

        later = SqliteDestination(path)
        later.open(holder="the next process")
        later.close()

        assert content(path) in allowed
