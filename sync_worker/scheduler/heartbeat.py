"""Proof that the daemon's loop is alive: a file whose time of change is the last beat.

What the daemon finds wrong with its database is written in it, so that whoever looks needs no database.
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
    """Where the daemon beats."""
    return data_dir / "heartbeat"


def beats(path: Path, now: datetime) -> bool:
    """Whether the last beat is recent; one far in the future is of a clock that was wrong."""
    try:
        changed_at = path.stat().st_mtime
    except OSError:
        return False
    return abs(now.timestamp() - changed_at) < STALE_SECONDS


def told_trouble(path: Path) -> str | None:
    """Return what the daemon found wrong at its last beat, None when all was well."""
    with suppress(OSError):
        return path.read_text("utf-8", "replace").strip() or None
    return None


class Heartbeat:
    """The beating side; `trouble` says what is wrong, or None, and is asked at each beat."""

    def __init__(self, path: Path, clock: Clock, trouble: Callable[[], str | None] = lambda: None) -> None:
        self._path = path
        self._clock = clock
        self._trouble = trouble
        self._told: str | None = None
        self._beaten_at: float | None = None

    def begin(self) -> None:
        """Make the file and beat once; raises `ConfigurationError` where that cannot be."""
        try:
            make_folder(self._path.parent)
            self._path.touch(mode=FILE_MODE)
            self._path.write_text("")
        except OSError as error:
            raise ConfigurationError(
                f"data_dir {self._path.parent} cannot be written: {error.strerror}; "
                "give this user the right to write there or name another folder"
            ) from None
        # Whoever is told the address may ask at once whether all is well.
        self.beat()

    def beat(self) -> None:
        """Beat, unless that was just done and nothing has changed; a disk that is full does not stop it."""
        now, trouble = self._clock.monotonic(), self._trouble()
        if self._beaten_at is None or now - self._beaten_at >= _BEAT_SECONDS or trouble != self._told:
            self._beaten_at = now
            seconds = self._clock.now().timestamp()
            with suppress(OSError):
                if trouble != self._told or not self._path.exists():
                    # The folder may have been taken away and brought back without the file.
                    self._path.touch(mode=FILE_MODE)
                    self._path.write_text(trouble or "", "utf-8")
                    self._told = trouble
                os.utime(self._path, (seconds, seconds))

    def age_seconds(self) -> float | None:
        """How long ago the loop has beaten, whatever became of the file; None before the first beat."""
        return None if self._beaten_at is None else self._clock.monotonic() - self._beaten_at

    def is_recent(self) -> bool:
        """Whether the loop has beaten lately, whatever became of the file."""
        age = self.age_seconds()
        return age is not None and age < STALE_SECONDS
