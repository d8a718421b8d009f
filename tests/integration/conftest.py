from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.worker import Install, installing


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Return a function that installs the program next to a small Procore of its own."""
    with installing(tmp_path) as install:
        yield install
