"""What is told of the place where a database is to be."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from sync_worker.destination.file_system import file_system, free_bytes, unwritable

MOUNTS = r"""/dev/sda1 / ext4 rw 0 0
tmpfs {here}/run tmpfs rw 0 0
files:/export {here}/srv/shared nfs4 rw 0 0
/dev/sdb1 {here}/srv/shared/local xfs rw 0 0
//nas/data {here}/with\040blank cifs rw 0 0
me@host: {here}/far fuse.sshfs rw 0 0
/dev/sdc1 {here}/usb fuseblk rw 0 0
host {here}/host 9p rw 0 0
overlay {here}/srv/shared overlay rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "type_", "is_network"),
    [
        ("srv2/procore.db", "ext4", False),
        ("run/x/procore.db", "tmpfs", False),
        ("srv/shared/local/procore.db", "xfs", False),
        ("srv/shared/procore.db", "overlay", False),
        ("srv/sharedbutnot/procore.db", "ext4", False),
        ("with blank/procore.db", "cifs", True),
        ("far/procore.db", "fuse.sshfs", True),
        ("usb/procore.db", "fuseblk", False),
        ("host/deep/er/procore.db", "9p", True),
    ],
)
def test_the_file_system_is_that_of_the_deepest_and_latest_mount(
    tmp_path: Path, path: str, type_: str, is_network: bool
) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    found = file_system(tmp_path / path, MOUNTS.replace("{here}", str(tmp_path)))
    assert found
    assert (found.type, found.is_network) == (type_, is_network)


def test_a_path_that_is_not_there_yet_is_on_what_its_nearest_folder_is_on(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real").mkdir()
    mounts = f"d / ext4 rw 0 0\nn {tmp_path}/real nfs rw 0 0\n"
    found = file_system(tmp_path / "link" / "not" / "yet.db", mounts)
    assert found is not None
    assert found.type == "nfs"


def test_this_machine_tells_its_own(tmp_path: Path) -> None:
    assert file_system(tmp_path) is not None
    assert free_bytes(tmp_path / "not" / "yet") > 0


def test_what_can_be_written_is_tried_and_leaves_nothing(tmp_path: Path) -> None:
    assert unwritable(tmp_path / "not" / "yet") is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_belongs_and_a_folder_of_the_kernel_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = unwritable(tmp_path / "file" / "inside")
    assert found is not None
    assert "is not a folder" in found.reason
    assert unwritable(Path("/proc/self")) is not None


def test_a_disk_without_room_is_told_as_that(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        found = unwritable(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert found is not None
    assert found.is_full
