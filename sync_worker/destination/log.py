"""SQLite's write-ahead log: where it is, and whether it belongs to the file next to it.

SQLite replays any log that it finds there. If another file left it, as when a backup is put in the place of a database
whose process was killed, it damages the backup, or leaves marks that are newer than their rows.

Source: "Database File Format", sections 1.3 and 4.1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from os import path as os_path
from pathlib import Path
from typing import BinaryIO, NamedTuple

_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_FILE_HEADER_BYTES = 100
_KEEPS_A_LOG = b"\2\2"
"""The versions in the header of a database in WAL mode; it has them before its log begins."""
_SHARED_MEMORY = "-shm"
_ASIDE = ".of-another-file"


class Version(NamedTuple):
    """The counters in the header of a database: changes and schema are SQLite's, commits are ours."""

    changes: int
    schema: int
    commits: int

    def may_precede(self, later: Version) -> bool:
        """Return True if the next change of a database may have led from this version to `later`."""
        # SQLite counts a change only when it has read the header since the last one.
        return (
            self.changes <= later.changes <= self.changes + 1
            and self.commits <= later.commits <= self.commits + 1
            and self.schema <= later.schema
        )


def version_of(first_page: bytes) -> Version:
    """Return the version that the header of a database says."""
    return Version(*struct.unpack_from(">I12xI16xI", first_page.ljust(_FILE_HEADER_BYTES, b"\0"), 24))


def logs_of(path: Path) -> tuple[Path, Path]:
    """Return the paths of the log and the shared memory: next to the file that a symbolic link points to."""
    real = os_path.realpath(path)
    return Path(f"{real}-wal"), Path(f"{real}{_SHARED_MEMORY}")


def is_of_another(path: Path) -> bool:
    """Return True if the log next to a database cannot be its own; False also if that cannot be known."""
    with suppress(OSError), path.open("rb") as file, logs_of(path)[0].open("rb") as log:
        versions = list(_versions(log))
        if versions:
            header = file.read(_FILE_HEADER_BYTES)
            here = version_of(header)
            if header and header[18:20] != _KEEPS_A_LOG:
                # As `VACUUM INTO` makes it: the counters may fit, but its pages are in other places.
                return True
            # Its own log continues from the state of the file, or part of it is in the file already.
            return here not in versions and not here.may_precede(versions[0])
    return False


def set_aside(*logs: Path) -> None:
    """Rename a log and delete the shared memory; raises `OSError`."""
    for log in logs:
        with suppress(FileNotFoundError):
            if log.name.endswith(_SHARED_MEMORY):
                log.unlink()
            else:
                log.replace(f"{log}{_ASIDE}")


def _versions(log: BinaryIO) -> Iterator[Version]:
    """Yield the versions that the committed frames of a log take its database through."""
    header = log.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        return
    page_bytes, salts = struct.unpack_from(">I", header, 8)[0], header[16:24]
    uncommitted: list[Version] = []
    while len(frame := log.read(_FRAME_HEADER_BYTES)) == _FRAME_HEADER_BYTES and frame[8:16] == salts:
        page, pages_after_commit = struct.unpack_from(">II", frame)
        if page == 1:
            uncommitted.append(version_of(log.read(_FILE_HEADER_BYTES)))
            log.seek(page_bytes - _FILE_HEADER_BYTES, 1)
        else:
            log.seek(page_bytes, 1)
        if pages_after_commit:
            yield from uncommitted
            uncommitted.clear()
