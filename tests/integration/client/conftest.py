from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.connected import Connect, Connected
from support.scripted_server import Script, ScriptedServer, Serve, with_tokens


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server for a script; it ends with the test."""
    with ExitStack() as stack:

        def start(script: Script, certificate: Path | None = None) -> ScriptedServer:
            return stack.enter_context(ScriptedServer(script, certificate).running())

        yield start


@pytest.fixture
def connect(serve: Serve) -> Iterator[Connect]:
    """Return a function that connects a client to a server which grants tokens and answers by a script."""
    with ExitStack() as stack:

        def connected(script: Script, **parts: Any) -> Connected:
            client = Connected(serve(with_tokens(script)), **parts)
            stack.callback(client.transport.close)
            return client

        yield connected
