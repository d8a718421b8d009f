"""What every test starts from: none of the developer's own settings, and examples that may take their time."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# At import, so that it also holds for the processes that tests start.
for name in list(os.environ):
    if name.startswith(("PROCORE_", "SYNC_WORKER_")) or name.upper().endswith("_PROXY") or name == "DATABASE_URL":
        del os.environ[name]

# A shell lets what it runs in the background ignore SIGINT, and so would every process that a test starts and stops.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# So does `nohup` with SIGHUP. Unlike an ignored signal a handler is not passed on, and this process still survives.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

settings.register_profile("default", deadline=None)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Provide the connection string of a PostgreSQL server that belongs to this process."""
    # Late: the tests that need no server need no driver either.
    from support.postgres import postgres_server  # noqa: PLC0415

    with postgres_server() as dsn:
        yield dsn
