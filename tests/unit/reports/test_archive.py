from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.reports.archive import keep, put

AS_OF = datetime(2026, 3, 2, 5, 59, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
WEEK = timedelta(weeks=1)


def kept(archive: Path, as_of: datetime = AS_OF, *, now: datetime = NOW, **files: bytes) -> Path:
    """Keep an issue with these files in an archive that keeps a week."""
    return keep(archive, as_of, files or {"a.html": b"page"}, now=now, retention=WEEK)


def names(archive: Path) -> list[str]:
    return sorted(path.name for path in archive.iterdir())


def test_an_issue_is_a_folder_named_by_the_age_of_its_data(tmp_path: Path) -> None:
    folder = keep(tmp_path / "rfi", AS_OF, {"a.html": b"page", "a.csv": b"rows"}, now=NOW, retention=WEEK)

    assert folder == tmp_path / "rfi" / "20260302T055900Z"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a.html": b"page", "a.csv": b"rows"}
    assert names(tmp_path / "rfi") == ["20260302T055900Z"]


def test_an_issue_is_frozen_and_another_of_the_same_data_stands_beside_it(tmp_path: Path) -> None:
    first = keep(tmp_path, AS_OF, {"a": b"1"}, now=NOW, retention=WEEK)
    second = keep(tmp_path, AS_OF, {"a": b"2"}, now=NOW, retention=WEEK)

    assert (first / "a").read_bytes() == b"1"
    assert (second.name, (second / "a").read_bytes()) == ("20260302T055900Z-2", b"2")


def test_an_issue_that_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    """The second file's name is no name of a file."""
    with pytest.raises(ConfigurationError, match="cannot be written"):
        keep(tmp_path, AS_OF, {"a.html": b"page", "no/such/folder": b""}, now=NOW, retention=WEEK)

    assert names(tmp_path) == []


def test_old_issues_go_and_what_else_lies_there_stays(tmp_path: Path) -> None:
    kept(tmp_path, AS_OF)
    kept(tmp_path, AS_OF)
    (tmp_path / "my notes").mkdir()
    (tmp_path / ".20260302T060000Z-0a1b2c3d").mkdir()
    (tmp_path / "20260302T055900Z.html").touch()

    under_way = ".20260309T055800Z-0a1b2c3e"
    (tmp_path / under_way).mkdir()
    kept(tmp_path, AS_OF + WEEK, now=AS_OF + WEEK)
    assert names(tmp_path) == [
        under_way,
        "20260302T055900Z",
        "20260302T055900Z-2",
        "20260302T055900Z.html",
        "20260309T055900Z",
        "my notes",
    ]

    (tmp_path / under_way).rmdir()
    kept(tmp_path, AS_OF + 2 * WEEK, now=AS_OF + WEEK + timedelta(seconds=1))
    assert names(tmp_path) == ["20260302T055900Z.html", "20260309T055900Z", "20260316T055900Z", "my notes"]


def test_an_issue_of_data_older_than_the_retention_is_kept_until_the_next(tmp_path: Path) -> None:
    folder = kept(tmp_path, AS_OF, now=AS_OF + 3 * WEEK)

    assert folder.exists()


def test_files_for_a_folder_of_the_users_replace_those_of_before(tmp_path: Path) -> None:
    put(tmp_path / "out", {"a.html": b"1"})

    assert put(tmp_path / "out", {"a.html": b"2"}) == [tmp_path / "out" / "a.html"]
    assert (tmp_path / "out" / "a.html").read_bytes() == b"2"
    assert names(tmp_path / "out") == ["a.html"]


def test_a_folder_that_cannot_be_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match=r"file/out cannot be written: Not a directory; name another"):
        put(tmp_path / "file" / "out", {"a": b""})
