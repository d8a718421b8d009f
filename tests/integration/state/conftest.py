from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.ledgers import Ledger, opened_ledger
from sync_worker.state.dialect import Dialect
from sync_worker.state.executor import View


@pytest.fixture(params=Dialect)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """Provide an empty ledger in each kind of database."""
    with opened_ledger(request.param, request, tmp_path) as opened:
        yield opened


@pytest.fixture
def transaction(ledger: Ledger) -> Iterator[View]:
    with ledger.transaction() as open_one:
        yield open_one
