"""What the doctor says of the place of the database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from support.ledgers import sqlite_ledger
from sync_worker.doctor.finding import Finding, Level
from sync_worker.doctor.host import check_host
from sync_worker.errors import ConfigurationError


@pytest.mark.parametrize(
    ("kind", "level", "said"),
    [
        ("nfs4", Level.FAIL, "the database is on a network file system (nfs4, mounted at "),
        ("fuse.sshfs", Level.FAIL, "where SQLite loses data"),
        ("tmpfs", Level.WARN, "is lost with a reboot"),
        ("overlay", Level.WARN, "is lost with its container"),
        ("ext4", Level.OK, "ext4, mounted at "),
    ],
)
def test_a_network_file_system_is_refused_and_one_that_does_not_last_is_told(
    tmp_path: Path, kind: str, level: Level, said: str
) -> None:
    mounts = f"disk / ext4 rw 0 0\nwhere {tmp_path} {kind} rw 0 0\n"

    found = next(it for it in check_host(tmp_path / "procore.db", tmp_path, mounts) if it.check == "file system")

    assert (found.level, said in found.message) == (level, True)
    assert found.group is ConfigurationError or level is not Level.FAIL
    assert bool(found.hint) is (level is not Level.OK)


def test_a_system_that_does_not_tell_its_mounts_is_believed_with_a_warning(tmp_path: Path) -> None:
    found = next(it for it in check_host(tmp_path / "procore.db", tmp_path, "") if it.check == "file system")
    assert found.level is Level.WARN


def made(folder: Path) -> Path:
    with sqlite_ledger(folder) as destination, destination.transaction() as transaction:
        transaction.execute("CREATE TABLE things (name TEXT)")
        transaction.execute_many("INSERT INTO things VALUES (:name)", [{"name": "x" * 1000}] * 50)
    return folder / "procore.db"


def of_the_database(path: Path) -> Finding:
    (found,) = (it for it in check_host(path, path.parent) if it.check == "database")
    return found


def test_a_damaged_database_is_named_as_such_though_its_ledger_can_be_read(tmp_path: Path) -> None:
    path = made(tmp_path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 3 * 4096)
        file.write(b"\xff" * 3 * 4096)

    found = of_the_database(path)

    assert (found.level, f"{path} is damaged" in found.message) == (Level.FAIL, True)
    assert "restore a backup: docs/operations.md" in found.message + found.hint


def test_another_program_that_holds_a_write_is_told(tmp_path: Path) -> None:
    path = made(tmp_path)
    assert of_the_database(path).level is Level.OK
    with closing(sqlite3.connect(path, isolation_level=None)) as browser:
        browser.execute("BEGIN IMMEDIATE")

        found = of_the_database(path)

    assert (found.level, "another program holds a write open" in found.message) == (Level.WARN, True)
