from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.worker import Install, installing


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Make installations, each with a small simulator of its own."""
    with installing(tmp_path) as install:
        yield install
