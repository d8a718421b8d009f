"""The Procore of `sync-worker demo`: a project without permission, a wait for the allowance, and a day that passes."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from procore_simulator.changes import Change, change
from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault
from procore_simulator.server import Simulator
from procore_simulator.world import World

_A_DAY = timedelta(days=1)
_CALLS_BEFORE_THE_LIMIT = 500
_TOO_MANY_REQUESTS = 429


class DemoSimulator(Simulator):
    """A simulator whose clock is a day behind `now`."""

    def __init__(self, now: datetime) -> None:
        self.clock = SteppedClock(now - _A_DAY)
        super().__init__(World(clock=self.clock))
        for tool in {spec.tool for spec in self.world.streams.values()}:
            self.permissions.forbid(tool, self.world.project_ids[-1])
        wait = {"Retry-After": "1"}
        self.faults.add(Fault(after=_CALLS_BEFORE_THE_LIMIT, status=_TOO_MANY_REQUESTS, headers=wait))

    def pass_a_day(self) -> list[Change]:
        """Put the clock forward by a day and make the changes of a day at work."""
        self.clock.advance(_A_DAY.total_seconds())
        return change(self.world)

    def seconds_waited(self) -> float | None:
        """Return how long no request came after the 429; None if there was no 429."""
        requests = list(self.requests)
        refused_at = next((index for index, it in enumerate(requests) if it.status == _TOO_MANY_REQUESTS), None)
        if refused_at is None:
            return None
        # Requests that were already in progress come first.
        return max((b.at - a.at).total_seconds() for a, b in pairwise(requests[refused_at : refused_at + 10]))
