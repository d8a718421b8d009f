"""The database file: made with narrow rights, locked for one writer, and known again while it is in use.

A file that is deleted, moved or replaced goes on existing for whoever has it open, and takes writes that nobody will
ever read. SQLite notices only some of it, so the file is compared with what is at its path around every commit.
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sync_worker.destination.modes import FILE_MODE
from sync_worker.destination.place import make_folder
from sync_worker.errors import ConfigurationError

_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"
_CHANGES = slice(24, 28)
# Where SQLite keeps its shared locks (os.h: SHARED_FIRST, SHARED_SIZE).
_SHARED_RANGE = (0x40000002, 510)


class Identity(NamedTuple):
    """What tells a file from another one of the same name."""

    device: int
    inode: int


def identity(path: Path) -> Identity | None:
    """Return the identity of the file at a path, None where there is none, or none that can be looked at."""
    try:
        found = path.stat()
    except OSError:
        # A folder above it may be a file by now, be closed to us, or be on a disk that is gone.
        return None
    return Identity(found.st_dev, found.st_ino)


class HeldFile:
    """The database file as the one process that writes to it has it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        opened = os.fstat(descriptor)
        self._known = {path: Identity(opened.st_dev, opened.st_ino)}
        self._changes = 0
        self._comparing = threading.Lock()

    @classmethod
    def take(cls, path: Path, *, create: bool) -> HeldFile | None:
        """Return the file locked, or None where another process has it.

        Raises `ConfigurationError` where it cannot be written, or is not there and may not be made.
        """
        try:
            if create:
                make_folder(path.parent)
            flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | (os.O_CREAT if create else 0)
            # SQLite gives the same mode to the files that it makes beside the database.
            descriptor = os.open(path, flags, FILE_MODE)
        except OSError as error:
            if not create and isinstance(error, FileNotFoundError):
                raise ConfigurationError(
                    f"{path} is not there any more: put it back, "
                    "or stop the worker and start it again to begin a new database"
                ) from None
            raise ConfigurationError(
                f"destination.path {path} cannot be written: {error.strerror}; "
                "give this user the right to write there or name another path"
            ) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ConfigurationError(f"destination.path {path} is no regular file; name another path")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def know_logs(self) -> None:
        """Remember the files that SQLite has made beside the database by now."""
        for suffix in ("-wal", "-shm"):
            beside = Path(f"{self._path}{suffix}")
            if (found := identity(beside)) is not None:
                self._known[beside] = found

    def lost(self) -> str | None:
        """Return what became of the file that is open here, None while it is still the one at its path."""
        for path, known in self._known.items():
            found = identity(path)
            if found is None:
                return f"{path} was deleted or moved while it was in use"
            if found != known:
                return f"{path} was replaced by another file while it was in use"
        with self._comparing:
            # Another file's content may have been copied into this one; SQLite only ever counts up.
            try:
                header = os.pread(self._descriptor, _HEADER_BYTES, 0)
            except OSError as error:
                return f"{self._path} cannot be read any more: {error.strerror}"
            changes = int.from_bytes(header[_CHANGES], "big")
            if header and (not header.startswith(_MAGIC) or changes < self._changes):
                return f"{self._path} was overwritten while it was in use"
            self._changes = changes
        return None

    def forbid_checkpoint(self) -> None:
        """Keep SQLite from writing its log into a file that has other content now, as it does when it closes."""
        lock = getattr(fcntl, "F_OFD_SETLK", None)
        if lock is not None:
            start, size = _SHARED_RANGE
            with suppress(OSError):
                fcntl.fcntl(self._descriptor, lock, struct.pack("hhqqi", fcntl.F_RDLCK, 0, start, size, 0))

    def close(self) -> None:
        """Give the file back; only after SQLite has, whose own locks end with any descriptor of the file."""
        os.close(self._descriptor)


def is_locked(path: Path) -> bool:
    """Return True if some process has the file for writing."""
    try:
        # Without O_NONBLOCK, opening a pipe waits until somebody writes to it.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - flags
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
