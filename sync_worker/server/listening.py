"""The daemon's HTTP server, in a thread of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from sync_worker.server.address import listener
from sync_worker.server.connections import Connection, ConnectionLimits, Connections, default_limits
from sync_worker.server.problems import as_problem

_HEAD_BYTES = 16_384


class _Server(uvicorn.Server):
    """uvicorn, which leaves accepting to `Connections`."""

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self._connections = connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._connections.start(lambda: Connection(self._connections, self.config, self.server_state))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._connections.stop()
        await super().shutdown(sockets=sockets)


@contextmanager
def listening(
    host: str, port: int, routes: Sequence[BaseRoute], limits: ConnectionLimits | None = None
) -> Iterator[str]:
    """Serve while the block runs; yields the URL. Raises `ConfigurationError` if the address cannot be bound."""
    accepting = listener(host, port)
    app = Starlette(routes=routes, exception_handlers={HTTPException: as_problem, Exception: as_problem})
    server = _Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=_HEAD_BYTES,
            timeout_graceful_shutdown=1,
        ),
        Connections(accepting, limits or default_limits()),
    )
    # Without sockets of its own: `Connections` has the listener. A daemon thread, so that a stuck answer ends with us.
    thread = threading.Thread(target=server.run, args=([],), name="http", daemon=True)
    thread.start()
    try:
        bound = accepting.getsockname()
        yield f"http://{f'[{bound[0]}]' if ':' in bound[0] else bound[0]}:{bound[1]}"
    finally:
        server.should_exit = True
        thread.join()
