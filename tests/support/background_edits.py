"""Edits in the simulator while something else runs: records are added, edited, moved and deleted."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random

from procore_simulator.changes import change
from procore_simulator.clocks import SteppedClock
from procore_simulator.server import Simulator

PAUSE_SECONDS = 0.02
STEP_SECONDS = 7.0
MOVING = ("rfis", "punch_items", "observations")
EDITED = ("rfis", "punch_items", "submittals", "photos", "observations")


class BackgroundEdits:
    """Random edits, one after the other, each a few simulated seconds later; `done` counts them by kind.

    A record that is restored from the recycle bin keeps its `updated_at`, so only a complete list shows it: set
    `restores` only where one is read at the end.
    """

    def __init__(self, simulator: Simulator, seed: int, *, deletes: bool = True, restores: bool = False) -> None:
        self._world = simulator.world
        self._random = Random(seed)  # noqa: S311 - anything may happen
        self.done: Counter[str] = Counter()
        self._kinds: Sequence[Callable[[], None]] = [
            self._insert,
            self._edit,
            self._edit,
            self._move,
            self._change_a_day,
        ]
        self._kinds = [*self._kinds, *[self._delete] * deletes, *[self._restore] * restores]
        self._ended = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Edit in a thread until the block ends."""
        thread = threading.Thread(target=self._edit_until_ended, name="edits")
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def make_one(self) -> None:
        """Make one edit, a little later than the one before."""
        clock = self._world.clock
        assert isinstance(clock, SteppedClock)
        clock.advance(STEP_SECONDS)
        act = self._random.choice(self._kinds)
        act()
        self.done[act.__name__.strip("_")] += 1

    def _edit_until_ended(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            self.make_one()

    def _insert(self) -> None:
        self._world.insert(self._random.choice(EDITED), project_id=self._random.choice(self._projects()))

    def _edit(self) -> None:
        stream = self._random.choice(EDITED)
        record = self._random.choice(self._world.records(stream)).record
        field = next(name for name in ("subject", "name", "title", "description") if name in record)
        self._world.update(stream, record["id"], {field: f"edit {self._random.random()}"})

    def _move(self) -> None:
        stream = self._random.choice(MOVING)
        record = self._random.choice(self._world.records(stream)).record
        self._world.move(stream, record["id"], self._random.choice(self._projects()))

    def _delete(self) -> None:
        stream = self._random.choice(EDITED)
        self._world.delete(stream, self._random.choice(self._world.records(stream)).record["id"])

    def _restore(self) -> None:
        stream = self._random.choice(EDITED)
        gone = [truth for truth in self._world.records(stream, deleted=True) if truth.is_deleted]
        if gone:
            self._world.restore(stream, self._random.choice(gone).record["id"])

    def _change_a_day(self) -> None:
        change(self._world)

    def _projects(self) -> list[int]:
        return [truth.record["id"] for truth in self._world.records("projects") if truth.record["active"]]
