"""The one writer: takes pieces of work in order and commits each, or several waiting ones together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from sync_worker.destination.protocol import Destination, Transaction
from sync_worker.errors import DestinationError
from sync_worker.state.ledger import ScopeKey

Result = TypeVar("Result")
Work = Callable[[Transaction], Any]

_WAITING_AT_MOST = 8
_TOGETHER_AT_MOST = 64


class CommitHook(Protocol):
    """What has something written now and then that is worth no transaction of its own."""

    @property
    def is_pending(self) -> bool:
        """Whether there is anything to write."""
        ...

    def write(self, transaction: Transaction) -> None:
        """Write it; called again when the transaction is not committed."""
        ...

    def on_commit(self) -> None:
        """It is committed."""
        ...


class Writer:
    """Runs work on the destination's one writing connection, in a thread of its own so that fetching goes on meanwhile.

    Work must be repeatable: when a piece fails, what was to be committed with it is done again without it. What the
    `riders` have is written with whatever else is, and at the end.
    """

    def __init__(self, destination: Destination, *riders: CommitHook) -> None:
        self.seen_sets: dict[ScopeKey, int] = {}
        """The set of the keys that each sweep under way has seen, by its number."""
        self._destination = destination
        self._riders = riders
        # Bounded, so that pages wait at Procore's end and not in memory.
        self._waiting: queue.Queue[tuple[Work, Future[Any]] | None] = queue.Queue(_WAITING_AT_MOST)
        self._thread = threading.Thread(target=self._write, name="loader", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Transaction], Result]) -> Future[Result]:
        """Hand over work; its result is there once it is committed. Blocks while too much is waiting."""
        future: Future[Result] = Future()
        self._waiting.put((work, future))
        return future

    def do(self, work: Callable[[Transaction], Result]) -> Result:
        """Hand over work and wait until it is committed."""
        return self.submit(work).result()

    def close(self) -> None:
        """Commit what is waiting and end the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _write(self) -> None:
        open_ended = True
        while open_ended:
            group, open_ended = self._next_group()
            if group and not self._commit(group):
                for piece in group:
                    self._commit([piece])
        # Whoever only looked holds no database; what it counted is worth no more.
        with suppress(DestinationError):
            self._commit_riders()

    def _next_group(self) -> tuple[list[tuple[Work, Future[Any]]], bool]:
        """What is waiting now, at least one piece; false when it was the last."""
        group: list[tuple[Work, Future[Any]]] = []
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

    def _commit(self, group: list[tuple[Work, Future[Any]]]) -> bool:
        """Commit the group as one; false when a group of several failed and each must be tried alone."""
        try:
            with self._destination.transaction() as transaction:
                results = [work(transaction) for work, _ in group]
                for rider in self._riders:
                    rider.write(transaction)
        except Exception as error:  # noqa: BLE001 - whoever waits for the result gets it
            if len(group) > 1:
                return False
            group[0][1].set_exception(error)
            return True
        for rider in self._riders:
            rider.on_commit()
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)
        return True

    def _commit_riders(self) -> None:
        pending = [rider for rider in self._riders if rider.is_pending]
        if pending:
            with self._destination.transaction() as transaction:
                for rider in pending:
                    rider.write(transaction)
            for rider in pending:
                rider.on_commit()
