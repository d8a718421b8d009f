"""A database that crashes at a chosen commit, before or after it: committed data stays, nothing more is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.destination.sqlite_transaction import SqliteTransaction
from sync_worker.errors import DestinationError


class CrashedError(DestinationError):
    """The database has crashed."""


class CrashPoint:
    """A crash before or after the commit of that number; with `then` a call instead of a crash."""

    def __init__(self, commit: int, *, is_before: bool = False, then: Callable[[], None] | None = None) -> None:
        self._left = commit
        self._is_before = is_before
        self._then = then
        self.has_crashed = False

    def check(self) -> None:
        """Raise CrashedError after the crash."""
        if self.has_crashed:
            raise CrashedError("crashed before")

    def before_commit(self) -> None:
        self._left -= 1
        if self._left == 0 and self._is_before:
            self._crash()

    def after_commit(self) -> None:
        if self._left == 0 and not self._is_before:
            self._crash()

    def _crash(self) -> None:
        if self._then is not None:
            self._then()
            return
        self.has_crashed = True
        raise CrashedError("crashed at a commit")


class CrashingDatabase(SqliteDestination):
    """A SQLite database with a crash point; opening it is the first commit, which always succeeds."""

    def __init__(self, path: Path, crash_point: CrashPoint) -> None:
        super().__init__(path)
        self._crash_point = crash_point

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        self._crash_point.check()
        with super().transaction() as transaction:
            yield transaction
            self._crash_point.before_commit()
        self._crash_point.after_commit()
