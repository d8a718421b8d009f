"""People at work in the simulated Procore while something else goes on: they add, edit, move and delete."""

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


class Churn:
    """Changes one thing after the other, and time goes on; `done` counts what was done.

    A record that comes back from the recycle bin keeps its `updated_at`, so that a whole list alone tells of it:
    `restores` only where one is read in the end.
    """

    def __init__(self, simulator: Simulator, seed: int, *, deletes: bool = True, restores: bool = False) -> None:
        self._world = simulator.world
        self._random = Random(seed)  # noqa: S311 - anything may happen
        self.done: Counter[str] = Counter()
        self._acts: Sequence[Callable[[], None]] = [self._insert, self._edit, self._edit, self._move, self._a_day]
        self._acts = [*self._acts, *[self._delete] * deletes, *[self._restore] * restores]
        self._ended = threading.Event()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Change things until the block ends."""
        thread = threading.Thread(target=self._go_on, name="churn")
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def one(self) -> None:
        """One change, a little later than the one before."""
        clock = self._world.clock
        assert isinstance(clock, SteppedClock)
        clock.advance(STEP_SECONDS)
        act = self._random.choice(self._acts)
        act()
        self.done[act.__name__.strip("_")] += 1

    def _go_on(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            self.one()

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

    def _a_day(self) -> None:
        change(self._world)

    def _projects(self) -> list[int]:
        return [truth.record["id"] for truth in self._world.records("projects") if truth.record["active"]]
