"""The database file: created with narrow rights, locked for one writer, and checked while it is in use.

A file that is deleted, moved or replaced still exists for a process that has it open, and takes writes that nobody will
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

from sync_worker.destination.file_system import make_folder
from sync_worker.destination.log import logs_of, set_aside, version_of
from sync_worker.destination.modes import FILE_MODE
from sync_worker.errors import ConfigurationError

_PUT_BACK = "put it back, or stop the worker and start it again to begin a new database"
_PAGE_BYTES = 4096
_MAGIC = b"SQLite format 3\0"
_INDEX_BYTES = 136
_SALTS, _BACKFILLED, _BACKFILL_BEGUN = slice(32, 40), slice(96, 100), slice(128, 132)
# Where SQLite keeps its shared locks (os.h: SHARED_FIRST, SHARED_SIZE).
_SHARED_RANGE = (0x40000002, 510)


class Identity(NamedTuple):
    """Device and inode of a file, which differ from those of another file at the same path."""

    device: int
    inode: int


def identity(path: Path) -> Identity | None:
    """Return the identity of the file at a path, None where there is none, or none that can be looked at."""
    try:
        found = path.stat()
    except OSError:
        # A folder above it may be a file now, be closed to us, or be on a disk that is gone.
        return None
    return Identity(found.st_dev, found.st_ino)


class _Content(NamedTuple):
    """The content of a database file as of its last checkpoint; `checkpoints` is None while one is under way."""

    size: int
    first_page: bytes
    checkpoints: bytes | None

    def is_of_another_than(self, before: _Content) -> bool:
        was, now = version_of(before.first_page), version_of(self.first_page)
        if now.commits < was.commits or (before.first_page and not self.first_page.startswith(_MAGIC)):
            return True
        is_still = self.checkpoints is not None and self.checkpoints == before.checkpoints
        return is_still and (self.size, self.first_page) != (before.size, before.first_page)


class HeldFile:
    """The database file while this process holds it for writing."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        opened = os.fstat(descriptor)
        self._known = Identity(opened.st_dev, opened.st_ino)
        self._logs: dict[Path, Identity] = {}
        self._shared_memory: int | None = None
        self._content = _Content(0, b"", None)
        self._is_other = False
        self._comparing = threading.Lock()

    @classmethod
    def take(cls, path: Path, *, create: bool) -> HeldFile | None:
        """Return the file, locked, or None if another process has it.

        Raises `ConfigurationError` where it cannot be written, or may not be made and is not there or empty.
        """
        try:
            if create:
                make_folder(path.parent)
            flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | (os.O_CREAT if create else 0)
            # SQLite gives the same mode to the log and the shared memory.
            descriptor = os.open(path, flags, FILE_MODE)
        except OSError as error:
            if not create and isinstance(error, FileNotFoundError):
                raise ConfigurationError(f"{path} is not there any more: {_PUT_BACK}") from None
            raise ConfigurationError(
                f"destination.path {path} cannot be written: {error.strerror}; "
                "give this user the right to write there or name another path"
            ) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ConfigurationError(f"destination.path {path} is not a regular file; name another path")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if not create and not os.fstat(descriptor).st_size:
            os.close(descriptor)
            raise ConfigurationError(f"{path} holds nothing any more: {_PUT_BACK}")
        return cls(path, descriptor)

    def know_logs(self) -> None:
        """Remember the log and the shared memory that SQLite has created for the database."""
        self._logs = {log: found for log in logs_of(self._path) if (found := identity(log)) is not None}
        with suppress(OSError):
            # Kept open as long as the file: POSIX locks, SQLite's too, end when any descriptor of the file is closed.
            self._shared_memory = os.open(logs_of(self._path)[1], os.O_RDONLY | os.O_CLOEXEC)

    def lost(self) -> str | None:
        """Return what happened to the file that is open here, None while it is still the one at its path."""
        for path, known in {self._path: self._known, **self._logs}.items():
            found = identity(path)
            if found is None:
                return f"{path} was deleted or moved while it was in use"
            if found != known:
                return f"{path} was replaced by another file while it was in use"
        try:
            return f"{self._path} was overwritten while it was in use" if self._is_overwritten() else None
        except OSError as error:
            return f"{self._path} cannot be read any more: {error.strerror}"

    def _is_overwritten(self) -> bool:
        """Return True if another file's content was copied into this one.

        Only a checkpoint changes the first page and the size, and the count of our commits there never falls.
        """
        with self._comparing:
            checkpoints = self._checkpoints()
            found = _Content(
                os.fstat(self._descriptor).st_size, os.pread(self._descriptor, _PAGE_BYTES, 0), checkpoints
            )
            if checkpoints is None or checkpoints != self._checkpoints():
                # A checkpoint is under way.
                found = found._replace(checkpoints=None)
            self._is_other = self._is_other or found.is_of_another_than(self._content)
            if not self._is_other:
                self._content = found
            return self._is_other

    def _checkpoints(self) -> bytes | None:
        """Return a value that changes with every checkpoint of this log; None while one is under way.

        Source: "WAL-mode File Format", section 2.3, the WAL-index header.
        """
        if self._shared_memory is None:
            return None
        header = os.pread(self._shared_memory, _INDEX_BYTES, 0)
        done, begun = header[_BACKFILLED], header[_BACKFILL_BEGUN]
        return header[_SALTS] + done if done == begun else None

    def part_with_logs(self) -> None:
        """Rename our logs if other content is at the path now: SQLite would mix them into it."""
        found = identity(self._path)
        with suppress(OSError):
            # A file that was moved away may come back, and then needs its log.
            if found is not None and (found != self._known or self._is_overwritten()):
                set_aside(*(log for log, known in self._logs.items() if identity(log) == known))

    def unlock(self) -> None:
        """Unlock the file, but keep it open until `close`, so that its inode is not given to a new file."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def forbid_checkpoint(self) -> None:
        """Keep SQLite from writing its log into a file that has other content now, as it would on closing."""
        lock = getattr(fcntl, "F_OFD_SETLK", None)
        if lock is not None:
            start, size = _SHARED_RANGE
            with suppress(OSError):
                fcntl.fcntl(self._descriptor, lock, struct.pack("hhqqi", fcntl.F_RDLCK, 0, start, size, 0))

    def close(self) -> None:
        """Close the file; only after SQLite has, because its locks end when any descriptor of the file is closed."""
        os.close(self._descriptor)
        if self._shared_memory is not None:
            os.close(self._shared_memory)


def is_locked(path: Path) -> bool:
    """Return True if some process holds the file for writing."""
    try:
        # Without O_NONBLOCK, opening a pipe waits until somebody writes to it.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - flags
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
