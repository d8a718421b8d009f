"""The database file is deleted, moved, replaced, overwritten, damaged or locked by somebody else while it is in use."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.errors import ConfigurationError, DatabaseDamagedError, DatabaseLostError, DestinationError

Change = Callable[[Path, Path], None]


@pytest.fixture
def destination(tmp_path: Path) -> Iterator[SqliteDestination]:
    """Provide a database with one row that is also in its backup and a later one that is not."""
    opened = SqliteDestination(tmp_path / "procore.db", try_seconds=0.05)
    opened.open(holder="a test")
    with opened.transaction() as transaction:
        transaction.execute("CREATE TABLE things (name TEXT)")
        transaction.execute("INSERT INTO things VALUES ('in the backup')")
    with closing(sqlite3.connect(tmp_path / "procore.db")) as other:
        other.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
    for _ in range(3):
        with opened.transaction() as transaction:
            # Later changes of the header, so that a checkpoint tells the file from its backup.
            transaction.execute("CREATE TABLE IF NOT EXISTS more (name TEXT)")
            transaction.execute("DROP TABLE more")
            transaction.execute("INSERT INTO things VALUES ('later')")
    yield opened
    opened.close()


def delete(path: Path, _: Path) -> None:
    path.unlink()
    drop_logs(path, path)


def move(path: Path, _: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def replace(path: Path, backup: Path) -> None:
    shutil.copy(backup, backup.with_name("copy.db"))
    backup.with_name("copy.db").replace(path)
    drop_logs(path, path)


def overwrite(path: Path, backup: Path) -> None:
    shutil.copyfile(backup, path)
    drop_logs(path, path)


def empty(path: Path, _: Path) -> None:
    os.truncate(path, 0)


def drop_logs(path: Path, _: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def unmount(path: Path, _: Path) -> None:
    path.parent.joinpath("away").mkdir()
    for name in ("procore.db", "procore.db-wal", "procore.db-shm"):
        path.with_name(name).rename(path.parent / "away" / name)


@pytest.mark.parametrize("change", [delete, move, replace, overwrite, empty, drop_logs, unmount])
def test_a_file_that_is_lost_takes_no_more_writes_and_says_so(
    destination: SqliteDestination, tmp_path: Path, change: Change
) -> None:
    def write_too_late() -> None:
        with destination.transaction() as transaction:
            transaction.execute("INSERT INTO things VALUES ('too late')")
            change(tmp_path / "procore.db", tmp_path / "backup.db")

    with pytest.raises(DatabaseLostError, match=r"procore\.db\S* was (deleted or moved|replaced|overwritten)"):
        write_too_late()

    for doing in (destination.transaction, destination.short_write, destination.reader):
        with pytest.raises(DatabaseLostError), doing():
            pass
    assert destination.is_lost()
    assert "while it was in use; nothing more is written" in (destination.trouble() or "")


def test_a_file_whose_folder_is_a_file_by_now_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    destination = SqliteDestination(folder / "procore.db")
    destination.open(holder="a test")
    folder.rename(tmp_path / "elsewhere")
    folder.write_text("a file in the place of the folder")

    assert "was deleted or moved while it was in use" in (destination.trouble() or "")
    with pytest.raises(DatabaseLostError), destination.transaction():
        pass
    destination.close()


@pytest.mark.parametrize("change", [replace, overwrite])
def test_what_was_restored_is_left_as_it_is_and_taken_at_the_next_opening(
    destination: SqliteDestination, tmp_path: Path, change: Change
) -> None:
    change(tmp_path / "procore.db", tmp_path / "backup.db")
    assert destination.is_lost()
    restored = (tmp_path / "procore.db").read_bytes()

    destination.close()

    assert (tmp_path / "procore.db").read_bytes() == restored
    destination.reopen()
    with destination.transaction() as transaction:
        assert transaction.execute("SELECT name FROM things") == [("in the backup",)]
    assert destination.trouble() is None


def test_content_of_another_file_is_noticed_though_the_log_stays(
    destination: SqliteDestination, tmp_path: Path
) -> None:
    checkpoint(tmp_path / "procore.db")
    assert destination.trouble() is None

    shutil.copyfile(tmp_path / "backup.db", tmp_path / "procore.db")

    assert "procore.db was overwritten" in (destination.trouble() or "")


def test_a_checkpoint_of_another_program_is_no_loss(destination: SqliteDestination, tmp_path: Path) -> None:
    for number in range(20):
        with closing(sqlite3.connect(tmp_path / "procore.db")) as other, other:
            other.execute("CREATE TABLE IF NOT EXISTS theirs (id INTEGER)")
            other.execute("INSERT INTO theirs VALUES (?)", (number,))
            other.commit()
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with destination.transaction() as transaction:
            transaction.execute("INSERT INTO things VALUES (:name)", {"name": "x" * 5000})
    assert destination.trouble() is None


@pytest.mark.parametrize("change", [delete, move, unmount])
def test_no_new_database_is_made_in_the_place_of_one_that_is_gone(
    destination: SqliteDestination, tmp_path: Path, change: Change
) -> None:
    change(tmp_path / "procore.db", tmp_path / "backup.db")

    with pytest.raises(ConfigurationError, match=r"procore\.db is not there any more: put it back"):
        destination.reopen()
    with pytest.raises(DestinationError), destination.short_write():
        pass

    assert not (tmp_path / "procore.db").exists()
    shutil.copy(tmp_path / "backup.db", tmp_path / "procore.db")
    destination.reopen()
    assert destination.trouble() is None


@pytest.mark.parametrize("change", [empty, delete])
def test_an_empty_file_in_the_place_of_a_database_is_not_filled(
    destination: SqliteDestination, tmp_path: Path, change: Change
) -> None:
    change(tmp_path / "procore.db", tmp_path / "backup.db")
    (tmp_path / "procore.db").touch()

    with pytest.raises(ConfigurationError, match=r"procore\.db holds nothing any more: put it back"):
        destination.reopen()

    assert destination.is_lost()
    assert (tmp_path / "procore.db").stat().st_size == 0


def test_a_file_behind_a_symbolic_link_is_known_with_its_logs(tmp_path: Path) -> None:
    link = tmp_path / "procore.db"
    (tmp_path / "real").mkdir()
    link.symlink_to(tmp_path / "real" / "procore.db")
    destination = SqliteDestination(link)
    destination.open(holder="a test")
    assert destination.trouble() is None

    drop_logs(tmp_path / "real" / "procore.db", link)

    assert "procore.db-wal was deleted or moved while it was in use" in (destination.trouble() or "")
    destination.close()


@pytest.mark.parametrize("place", [0, 4096])
def test_a_damaged_file_is_called_that_with_what_to_do(tmp_path: Path, place: int) -> None:
    path = tmp_path / "procore.db"
    destination = SqliteDestination(path)
    destination.open(holder="a test")
    with destination.transaction() as transaction:
        transaction.execute("CREATE TABLE things (name TEXT)")
        transaction.execute_many("INSERT INTO things VALUES (:name)", [{"name": "x" * 1000}] * 50)
    destination.close()
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * (path.stat().st_size - place))

    beside = SqliteDestination(path)
    with (
        pytest.raises(DatabaseDamagedError, match=r"procore\.db is damaged .* restore a backup: docs/operations\.md"),
        beside.reader() as view,
    ):
        view.execute("SELECT sum(length(name)) FROM things")

    assert "is damaged" in (beside.trouble() or "")


def test_another_program_that_holds_a_write_is_said_after_seconds_and_waited_for(
    destination: SqliteDestination, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "procore.db", isolation_level=None, check_same_thread=False)) as browser:
        browser.execute("BEGIN IMMEDIATE")
        with capture_logs() as logs:
            done = threading.Thread(target=_write, args=(destination,), daemon=True)
            done.start()
            while not logs and done.is_alive():
                done.join(0.01)
            browser.execute("ROLLBACK")
            done.join(60)

    (said,) = [line for line in logs if line["event"] == "database.blocked"]
    assert (said["seconds"], "another program holds a write open" in said["error"]) == (0.25, True)
    with destination.reader() as view:
        assert view.execute("SELECT count(*) FROM things WHERE name = 'waited'") == [(1,)]


def _write(destination: SqliteDestination) -> None:
    with destination.transaction() as transaction:
        transaction.execute("INSERT INTO things VALUES ('waited')")


def test_a_stop_ends_waiting_for_another_program(tmp_path: Path) -> None:
    stop = threading.Event()
    destination = SqliteDestination(tmp_path / "procore.db", try_seconds=0.05)
    destination.open(holder="a test", stop=stop)
    with closing(sqlite3.connect(tmp_path / "procore.db", isolation_level=None)) as browser:
        browser.execute("BEGIN IMMEDIATE")
        stop.set()
        with pytest.raises(DestinationError, match="stopped while another program"), destination.transaction():
            pass
    destination.close()


def test_files_and_folders_are_for_owner_and_group_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        destination = SqliteDestination(tmp_path / "new" / "data" / "procore.db")
        destination.open(holder="a test")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").rglob("*")}
        destination.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o750
    assert modes == {"data": 0o750, "procore.db": 0o640, "procore.db-wal": 0o640, "procore.db-shm": 0o640}


def test_what_is_refused_before_it_is_written_to_stays_as_it_was(
    destination: SqliteDestination, tmp_path: Path
) -> None:
    destination.close()
    before = (tmp_path / "procore.db").read_bytes()

    def refuse(_: object) -> None:
        raise ConfigurationError("not this one")

    other = SqliteDestination(tmp_path / "procore.db")
    with pytest.raises(ConfigurationError, match="not this one"):
        other.open(holder="another", admit=refuse)

    assert (tmp_path / "procore.db").read_bytes() == before
    assert other.holder() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_a_pipe_in_the_place_of_the_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "procore.db")
    destination = SqliteDestination(tmp_path / "procore.db")

    assert not destination.is_held()
    with pytest.raises(ConfigurationError, match="is not a regular file"):
        destination.open(holder="a test")
    with pytest.raises(DestinationError, match="is not a regular file"), destination.reader():
        pytest.fail("a pipe was read")


def test_a_group_may_read_in_a_folder_of_its_own_while_the_database_is_open() -> None:
    group = 65_533
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chown(folder, 0, group)
        folder.chmod(0o2750)
        destination = SqliteDestination(folder / "procore.db")
        destination.open(holder="a test")
        with destination.transaction() as transaction:
            transaction.execute("CREATE TABLE things (name TEXT)")

        assert _as_other(group, folder / "procore.db") == "0"
        assert "unable to open" in _as_other(group + 1, folder / "procore.db")
        destination.close()
        # Without a writer there is no shared memory, and who may only read cannot make it.
        assert "readonly database" in _as_other(group, folder / "procore.db")


def _as_other(group: int, path: Path) -> str:
    """Return what another user of that group reads: the number of rows, or SQLite's error."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        # Later Pythons warn of forks beside threads; this child touches nothing that one may hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(group)
            os.setuid(65_533)
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                said = str(connection.execute("SELECT count(*) FROM things").fetchone()[0])
        except Exception as error:  # noqa: BLE001 - the parent judges it
            said = str(error)
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with open(read, "rb") as pipe:  # noqa: PTH123 - a descriptor
        return pipe.read().decode()


def test_temporary_files_lie_beside_the_database(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not show open files")
    script = """
import os, sys
from pathlib import Path
from sync_worker.catalog import STREAMS
from sync_worker.destination.sqlite import SqliteDestination
destination = SqliteDestination(Path(sys.argv[1]))
destination.open(holder="a test")
with destination.transaction() as transaction:
    transaction.key_sets.add(STREAMS["rfis"], 1, [(number,) for number in range(200_000)])
    for it in os.listdir("/proc/self/fd"):
        if os.path.lexists(f"/proc/self/fd/{it}"):
            print(os.readlink(f"/proc/self/fd/{it}"))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "procore.db")], capture_output=True, text=True, check=True
    )
    assert [Path(line).parent for line in done.stdout.splitlines() if "etilqs" in line] == [tmp_path]


def copy_over(path: Path, backup: Path) -> None:
    shutil.copyfile(backup, path)


def put_in_place(path: Path, backup: Path) -> None:
    shutil.copy(backup, backup.with_name("copy.db"))
    backup.with_name("copy.db").replace(path)


def delete_and_copy(path: Path, backup: Path) -> None:
    path.unlink()
    shutil.copy(backup, path)


RESTORING = [copy_over, put_in_place, delete_and_copy]


def things(path: Path) -> list[tuple[str]]:
    """Return the names in the database, which must be sound."""
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return other.execute("SELECT name FROM things ORDER BY rowid").fetchall()


@pytest.mark.parametrize("change", RESTORING)
def test_the_log_of_the_file_before_is_not_mixed_into_a_backup_that_is_put_in_its_place(
    destination: SqliteDestination, tmp_path: Path, change: Change
) -> None:
    path = tmp_path / "procore.db"
    fill(destination)
    change(path, tmp_path / "backup.db")
    assert destination.is_lost()

    destination.reopen()
    with destination.transaction() as transaction:
        transaction.execute("INSERT INTO things VALUES ('after')")
    destination.close()

    assert things(path) == [("in the backup",), ("after",)]
    assert path.with_name("procore.db-wal.of-another-file").stat().st_size > 0


@pytest.mark.parametrize("change", RESTORING)
def test_a_process_that_ends_leaves_no_log_beside_a_backup_that_was_put_in_the_place_of_its_database(
    destination: SqliteDestination, tmp_path: Path, change: Change
) -> None:
    fill(destination)
    change(tmp_path / "procore.db", tmp_path / "backup.db")
    destination.close()
    assert things(tmp_path / "procore.db") == [("in the backup",)]


def test_a_backup_that_comes_after_its_database_was_away_for_a_while_is_not_mixed_with_the_log_either(
    destination: SqliteDestination, tmp_path: Path
) -> None:
    fill(destination)
    (tmp_path / "procore.db").unlink()
    with pytest.raises(ConfigurationError, match="is not there any more"):
        destination.reopen()
    shutil.copy(tmp_path / "backup.db", tmp_path / "procore.db")
    destination.reopen()
    destination.close()
    assert things(tmp_path / "procore.db") == [("in the backup",)]


def test_a_file_that_was_moved_away_without_its_log_and_back_has_lost_nothing(
    destination: SqliteDestination, tmp_path: Path
) -> None:
    fill(destination)
    (tmp_path / "procore.db").rename(tmp_path / "away.db")
    with pytest.raises(ConfigurationError, match="is not there any more"):
        destination.reopen()
    (tmp_path / "away.db").rename(tmp_path / "procore.db")
    destination.reopen()
    with destination.transaction() as transaction:
        assert transaction.execute("SELECT count(*) FROM things WHERE name LIKE 'x%'") == [(500,)]
    destination.close()
    assert len(things(tmp_path / "procore.db")) == 504


@pytest.mark.parametrize("change", RESTORING)
def test_a_log_that_was_left_by_a_killed_process_is_set_aside_where_it_would_damage_a_backup(
    destination: SqliteDestination, tmp_path: Path, change: Change
) -> None:
    left = left_by_a_kill(destination, tmp_path)
    shutil.copy(tmp_path / "backup.db", left / "backup.db")
    change(left / "procore.db", left / "backup.db")

    later = SqliteDestination(left / "procore.db")
    with capture_logs() as logs:
        later.open(holder="the next process")
    later.close()

    assert [line["event"] for line in logs] == ["database.log_set_aside"]
    assert things(left / "procore.db") == [("in the backup",)]


def test_the_log_of_a_killed_process_is_read_where_it_belongs_to_the_file(
    destination: SqliteDestination, tmp_path: Path
) -> None:
    left = left_by_a_kill(destination, tmp_path)

    later = SqliteDestination(left / "procore.db")
    later.open(holder="the next process")
    later.close()

    assert len(things(left / "procore.db")) == 504


def left_by_a_kill(destination: SqliteDestination, folder: Path) -> Path:
    """Return a folder with the file and its log, as a killed process leaves them."""
    checkpoint(folder / "procore.db")
    fill(destination)
    left = folder / "left"
    left.mkdir()
    for name in ("procore.db", "procore.db-wal"):
        shutil.copy(folder / name, left / name)
    return left


def checkpoint(path: Path) -> None:
    """Fold the log into the file, as another program may."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint").fetchall()


def fill(destination: SqliteDestination) -> None:
    """Write rows whose pages are in the log alone."""
    with destination.transaction() as transaction:
        transaction.execute_many("INSERT INTO things VALUES (:name)", [{"name": "x" * 900}] * 500)
