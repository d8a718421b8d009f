"""`/healthz` and `/readyz` on a socket of their own, in a thread; they need neither Procore nor the database."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sync_worker.errors import ConfigurationError


@contextmanager
def probes(host: str, port: int, *, is_healthy: Callable[[], bool], is_ready: Callable[[], bool]) -> Iterator[str]:
    """Answer while the block runs; gives the address. Raises `ConfigurationError` when it is taken."""
    listener = _listen(host, port)
    app = Starlette(routes=[_probe("/healthz", is_healthy, "beats"), _probe("/readyz", is_ready, "ready")])
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
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run, args=([listener],), name="probes", daemon=True)
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


def _probe(path: str, holds: Callable[[], bool], word: str) -> Route:
    def answer(_request: Request) -> JSONResponse:
        is_so = holds()
        return JSONResponse({word: is_so}, status_code=200 if is_so else 503)

    return Route(path, answer)
