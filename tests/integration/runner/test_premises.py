"""What the doctor says of the place of the database."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.runner.finding import Level
from sync_worker.runner.premises import look_around


@pytest.mark.parametrize(
    ("kind", "level", "said"),
    [
        ("nfs4", Level.FAIL, "the database is on a network file system (nfs4, mounted at "),
        ("fuse.sshfs", Level.FAIL, "where SQLite loses data"),
        ("tmpfs", Level.WARN, "is gone with a reboot"),
        ("overlay", Level.WARN, "is gone with its container"),
        ("ext4", Level.OK, "ext4, mounted at "),
    ],
)
def test_a_network_file_system_is_refused_and_one_that_does_not_last_is_told(
    tmp_path: Path, kind: str, level: Level, said: str
) -> None:
    mounts = f"disk / ext4 rw 0 0\nwhere {tmp_path} {kind} rw 0 0\n"

    found = next(it for it in look_around(tmp_path / "procore.db", tmp_path, mounts) if it.check == "file system")

    assert (found.level, said in found.message) == (level, True)
    assert found.group is ConfigurationError or level is not Level.FAIL
    assert bool(found.hint) is (level is not Level.OK)


def test_a_system_that_does_not_tell_its_mounts_is_believed_with_a_warning(tmp_path: Path) -> None:
    found = next(it for it in look_around(tmp_path / "procore.db", tmp_path, "") if it.check == "file system")
    assert found.level is Level.WARN
