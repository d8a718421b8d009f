"""The one writer: takes pieces of work in order and commits each, or several waiting ones together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sync_worker.destination.protocol import Destination, Transaction

Result = TypeVar("Result")
Work = Callable[[Transaction], Any]

_WAITING_AT_MOST = 8
_TOGETHER_AT_MOST = 64


class Loader:
    """Runs work on the destination's one writing connection, in a thread of its own so that fetching goes on meanwhile.

    Work must be repeatable: when a piece fails, what was to be committed with it is done again without it. `beside` is
    done in every transaction.
    """

    def __init__(self, destination: Destination, beside: Work = lambda _: None) -> None:
        self._destination = destination
        self._beside = beside
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
                self._beside(transaction)
        except Exception as error:  # noqa: BLE001 - whoever waits for the result gets it
            if len(group) > 1:
                return False
            group[0][1].set_exception(error)
            return True
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)
        return True
