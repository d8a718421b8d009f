"""Proof that the daemon's loop is alive: a file whose modification time is the last beat.

Its text is the trouble with the database, if any, so that a health check needs no database.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sync_worker.clock import Clock
from sync_worker.destination.file_system import make_folder
from sync_worker.destination.modes import FILE_MODE
from sync_worker.errors import ConfigurationError

_BEAT_SECONDS = 2.0
STALE_SECONDS = 60.0


def heartbeat_path(data_dir: Path) -> Path:
    """Return the path of the heartbeat file."""
    return data_dir / "heartbeat"


def beats(path: Path, now: datetime) -> bool:
    """Return True if the last beat is recent; one far in the future comes from a clock that was wrong."""
    try:
        changed_at = path.stat().st_mtime
    except OSError:
        return False
    return abs(now.timestamp() - changed_at) < STALE_SECONDS


def read_trouble(path: Path) -> str | None:
    """Return the trouble that the daemon reported with its last beat, None if there was none."""
    with suppress(OSError):
        return path.read_text("utf-8", "replace").strip() or None
    return None


class Heartbeat:
    """The writing side; each beat calls `trouble`, which returns what is wrong, or None."""

    def __init__(self, path: Path, clock: Clock, trouble: Callable[[], str | None] = lambda: None) -> None:
        self._path = path
        self._clock = clock
        self._trouble = trouble
        self._written: str | None = None
        self._beaten_at: float | None = None

    def begin(self) -> None:
        """Create the file and beat once; raise `ConfigurationError` if the folder cannot be written."""
        try:
            make_folder(self._path.parent)
            self._path.touch(mode=FILE_MODE)
            self._path.write_text("")
        except OSError as error:
            raise ConfigurationError(
                f"data_dir {self._path.parent} cannot be written: {error.strerror}; "
                "give this user the right to write there or name another folder"
            ) from None
        # A health check may come as soon as the address is known.
        self.beat()

    def beat(self) -> None:
        """Beat, unless the last beat was just now and nothing has changed; a full disk does not stop it."""
        now, trouble = self._clock.monotonic(), self._trouble()
        if self._beaten_at is None or now - self._beaten_at >= _BEAT_SECONDS or trouble != self._written:
            self._beaten_at = now
            seconds = self._clock.now().timestamp()
            with suppress(OSError):
                if trouble != self._written or not self._path.exists():
                    # The folder may have been removed and created again without the file.
                    self._path.touch(mode=FILE_MODE)
                    self._path.write_text(trouble or "", "utf-8")
                    self._written = trouble
                os.utime(self._path, (seconds, seconds))

    def age_seconds(self) -> float | None:
        """Return the time since the last beat, whatever happened to the file; None before the first."""
        return None if self._beaten_at is None else self._clock.monotonic() - self._beaten_at

    def is_recent(self) -> bool:
        """Return True if the loop has beaten lately, whatever happened to the file."""
        age = self.age_seconds()
        return age is not None and age < STALE_SECONDS
