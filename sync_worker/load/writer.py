"""The one writer: takes pieces of work in order and commits those that wait in one transaction."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar

from sync_worker.destination.protocol import Destination, Transaction
from sync_worker.errors import DestinationError

Result = TypeVar("Result")
Given = ParamSpec("Given")
Work = Callable[Concatenate[Transaction, Given], Result]
"""A function that writes within a transaction; its other arguments are handed over with it."""

_WAITING_AT_MOST = 8
# Pieces may come faster than they are taken; others want to write in between.
_TOGETHER_AT_MOST = 64


class CommitHook(Protocol):
    """Something to write now and then that is not worth a transaction of its own, such as counts."""

    @property
    def is_pending(self) -> bool:
        """True if there is something to write."""
        ...

    def write(self, transaction: Transaction) -> None:
        """Write it; called again if the transaction is not committed."""
        ...

    def on_commit(self) -> None:
        """Note that what was written last is committed."""
        ...


class Piece(NamedTuple):
    """A piece of work with its arguments and the future of its result."""

    work: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    future: Future[Any]


class Writer:
    """Runs pieces of work on the destination's writing connection, in its own thread, so that fetching goes on.

    Pieces that wait are committed together, each within a savepoint. `hooks` write with them, and once more at the end.
    """

    def __init__(self, destination: Destination, *hooks: CommitHook) -> None:
        self._destination = destination
        self._hooks = hooks
        # Bounded, so that pages wait at Procore's end and not in memory.
        self._waiting: queue.Queue[Piece | None] = queue.Queue(_WAITING_AT_MOST)
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Future[Result]:
        """Hand over work; its result is there once it is committed. Blocks while too much is waiting."""
        future: Future[Result] = Future()
        self._waiting.put(Piece(work, args, kwargs, future))
        return future

    def do(self, work: Work[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """Hand over work and wait until it is committed."""
        return self.submit(work, *args, **kwargs).result()

    def close(self) -> None:
        """Commit what is waiting and end the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _write(self) -> None:
        is_open = True
        while is_open:
            group, is_open = self._next_group()
            if group:
                self._commit(group)
        # A process that only reads has nothing to write; its counts are not worth an error.
        with suppress(DestinationError):
            self._commit_hooks()

    def _next_group(self) -> tuple[list[Piece], bool]:
        """Return the pieces that wait now, at least one if the writer stays open; and False once it is closed."""
        group: list[Piece] = []
        piece = self._waiting.get()
        while piece is not None:
            group.append(piece)
            if len(group) == _TOGETHER_AT_MOST:
                return group, True
            try:
                piece = self._waiting.get_nowait()
            except queue.Empty:
                return group, True
        return group, False

    def _commit(self, group: list[Piece]) -> None:
        """Commit the group in one transaction; a piece that fails is undone, and the others stay."""
        try:
            with self._destination.transaction() as transaction:
                done = _run(transaction, group)
                for hook in self._hooks:
                    hook.write(transaction)
        except Exception as error:  # noqa: BLE001 - raised where the result is awaited
            for piece in group:
                if not piece.future.done():
                    piece.future.set_exception(error)
            return
        for hook in self._hooks:
            hook.on_commit()
        # Not before the commit: who has a result relies on it.
        for future, result in done:
            future.set_result(result)

    def _commit_hooks(self) -> None:
        pending = [hook for hook in self._hooks if hook.is_pending]
        if pending:
            with self._destination.transaction() as transaction:
                for hook in pending:
                    hook.write(transaction)
            for hook in pending:
                hook.on_commit()


def _run(transaction: Transaction, group: list[Piece]) -> list[tuple[Future[Any], Any]]:
    """Run each piece within a savepoint, and return the results of those that did not fail."""
    done: list[tuple[Future[Any], Any]] = []
    for work, args, kwargs, future in group:
        try:
            with transaction.savepoint():
                result = work(transaction, *args, **kwargs)
        except Exception as error:
            if not transaction.is_open:
                # SQLite rolled back all of it, as for a full disk: what the pieces before wrote is lost, too.
                raise
            future.set_exception(error)
        else:
            done.append((future, result))
    return done
