from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from procore_simulator.server import Simulator
from procore_simulator.world import World
from support.caller import Caller, Start
from support.clock import ManualClock


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a simulator with these options; it stops with the test."""
    with ExitStack() as stack:

        def start(world: World | None = None, **options: Any) -> Caller:
            world = world or World(projects=2, clock=ManualClock())
            caller = Caller(stack.enter_context(Simulator(world, **options)))
            stack.enter_context(caller.session)
            return caller

        yield start


@pytest.fixture
def caller(start: Start) -> Caller:
    return start()


@pytest.fixture
def project_id(caller: Caller) -> int:
    return caller.simulator.world.project_ids[0]
