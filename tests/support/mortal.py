"""A database whose process dies at a commit, before it or after; what is committed stays, nothing more is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sync_worker.destination.sqlite import SqliteDestination, SqliteTransaction
from sync_worker.errors import DestinationError


class DiedError(DestinationError):
    """The process is no more."""


class Fate:
    """What happens at the commit of that number: death before it or after, or whatever `then` does."""

    def __init__(self, commit: int, *, is_before: bool = False, then: Callable[[], None] | None = None) -> None:
        self._left = commit
        self._is_before = is_before
        self._then = then
        self.is_dead = False

    def meet(self) -> None:
        """Whoever is dead does nothing any more."""
        if self.is_dead:
            raise DiedError("dead")

    def before_commit(self) -> None:
        self._left -= 1
        if self._left == 0 and self._is_before:
            self._die()

    def after_commit(self) -> None:
        if self._left == 0 and not self._is_before:
            self._die()

    def _die(self) -> None:
        if self._then is not None:
            self._then()
            return
        self.is_dead = True
        raise DiedError("killed at a commit")


class Mortal(SqliteDestination):
    """A SQLite database under that fate; taking it is the first commit, which always succeeds."""

    def __init__(self, path: Path, fate: Fate) -> None:
        super().__init__(path)
        self._fate = fate

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        self._fate.meet()
        with super().transaction() as transaction:
            yield transaction
            self._fate.before_commit()
        self._fate.after_commit()
