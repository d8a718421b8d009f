"""The daemon's socket, and a thread of its own that answers on it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from sync_worker.errors import ConfigurationError
from sync_worker.server.problems import as_problem

_CONNECTIONS_AT_MOST = 200


@contextmanager
def listening(host: str, port: int, routes: Sequence[BaseRoute]) -> Iterator[str]:
    """Answer while the block runs; gives the address. Raises `ConfigurationError` when it is taken."""
    listener = _listen(host, port)
    app = Starlette(routes=routes, exception_handlers={HTTPException: as_problem, Exception: as_problem})
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS_AT_MOST,
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run, args=([listener],), name="http", daemon=True)
    thread.start()
    try:
        bound = listener.getsockname()
        yield f"http://{f'[{bound[0]}]' if ':' in bound[0] else bound[0]}:{bound[1]}"
    finally:
        server.should_exit = True
        thread.join()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {reason}; see server in the configuration"
        ) from error
