from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.worker import Install, Installation
from sync_worker.simulator.server import Simulator
from sync_worker.simulator.world import World


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """An installation beside a small Procore of its own; arguments go to the simulator, `config` to the worker."""
    with ExitStack() as stack:

        def installed(*, projects: int = 2, scale: float = 0.2, **parts: Any) -> Installation:
            config = parts.pop("config", {})
            world = parts.pop("world", None) or World(projects=projects, scale=scale)
            return Installation(stack.enter_context(Simulator(world, **parts)), tmp_path, config=config)

        yield installed
