"""The place of a database file: its file system, whether it can be written there, and how much room is left.

SQLite's WAL is shared memory between all processes that open the file, so they must run on one kernel: over a network
it breaks.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from typing import NamedTuple

from sync_worker.destination.modes import FOLDER_MODE

MOUNTS = Path("/proc/self/mounts")
_FULL = {ENOSPC, EDQUOT, EFBIG}
_TRIED_BYTES = 64 * 1024
_OCTAL = re.compile(r"\\([0-7]{3})")
_OVER_A_NETWORK = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "fhgfs", "gfs2", "glusterfs", "gpfs"),
        *("lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "osxfs", "pvfs2", "smb3", "smbfs", "vboxsf"),
        *("virtiofs", "vmhgfs"),
    }
)
"""File systems of servers, and those of a host that a virtual machine sees: another kernel either way."""
_ON_THIS_HOST = frozenset({"fuseblk", "fuse.fuse-overlayfs", "fuse.mergerfs", "fuse.lxcfs", "fuse.bindfs"})
_GONE_WITH = {"tmpfs": "a reboot", "ramfs": "a reboot", "overlay": "its container", "aufs": "its container"}


class FileSystem(NamedTuple):
    """The file system of a path: its type as the kernel names it, and where it is mounted."""

    type: str
    mounted_at: str

    @property
    def is_network(self) -> bool:
        """True if another kernel may have it open too; assumed of a FUSE that is not known to be local."""
        if self.type in _ON_THIS_HOST:
            return False
        return self.type in _OVER_A_NETWORK or self.type.startswith("fuse")

    @property
    def ends_with(self) -> str | None:
        """The event that deletes everything on it, None for a lasting file system."""
        return _GONE_WITH.get(self.type)


def file_system(path: Path, mounts: str | None = None) -> FileSystem | None:
    """Return the file system of a path, which need not exist yet; None where the kernel does not list it."""
    if mounts is None:
        try:
            mounts = MOUNTS.read_text("utf-8", "replace")
        except OSError:
            return None
    real = existing(path)
    found: FileSystem | None = None
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        mounted_at = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[1])
        # Of several that are mounted on each other, the last one is seen.
        if real.is_relative_to(mounted_at) and (found is None or len(mounted_at) >= len(found.mounted_at)):
            found = FileSystem(fields[2], mounted_at)
    return found


def existing(path: Path) -> Path:
    """Return the path, or the nearest folder above it that exists."""
    real = Path(os.path.realpath(path))
    return next(it for it in (real, *real.parents) if it.exists())


def make_folder(path: Path) -> None:
    """Make a folder and those above it, for the owner and the group only."""
    for folder in reversed([path, *path.parents]):
        if not folder.exists():
            folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def free_bytes(path: Path) -> int:
    """Return the bytes that this user may still write."""
    return shutil.disk_usage(existing(path)).free


def unusable_file(path: Path) -> str | None:
    """Return why a path cannot be that of a database, or None; a disk that is full does not count."""
    if path.is_dir():
        return "is a folder; name a file in it, such as procore.db"
    if path.exists() and not path.is_file():
        return f"{path} is not a regular file"
    target = Path(os.path.realpath(path))
    if path.is_symlink() and (target.is_symlink() or not target.parent.is_dir()):
        return f"{path} is a link to nothing"
    if (reason := unusable_folder(path.parent)) is not None:
        return reason
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return f"{path} cannot be written: permission denied"
    return None


def unusable_folder(folder: Path) -> str | None:
    """Return why nothing can be written in a folder, or in one made there, or None; as `unusable_file`."""
    for above in (folder, *folder.parents):
        if above.is_symlink() and not above.exists():
            return f"{above} is a link to nothing"
    if not (at := existing(folder)).is_dir():
        return f"{at} is a file, not a folder"
    problem = unwritable(folder)
    return None if problem is None or problem.is_full else f"{folder} cannot be written: {problem.reason}"


class Unwritable(NamedTuple):
    """The reason why nothing can be written; `is_full` if more room would help."""

    reason: str
    is_full: bool = False


def unwritable(folder: Path) -> Unwritable | None:
    """Return why no file can be written in a folder, or None.

    A file is written to find out: the access rights do not show read-only mounts, quotas and full disks.
    """
    try:
        at = existing(folder)
        if not at.is_dir():
            return Unwritable(f"{at} is not a folder")
        with tempfile.TemporaryFile(dir=at) as file:
            file.write(bytes(_TRIED_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Unwritable((error.strerror or str(error)).lower(), is_full=error.errno in _FULL)
    return None
