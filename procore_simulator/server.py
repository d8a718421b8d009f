"""The simulator on a socket: login, API and control interface at one address, served from a thread."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from threading import Event, Thread
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from procore_simulator.allowance import NO_LIMITS, Allowance, Limits
from procore_simulator.api import Api
from procore_simulator.control import control_routes
from procore_simulator.faults import Faults
from procore_simulator.permissions import Permissions
from procore_simulator.tokens import Tokens
from procore_simulator.wire import LoggedRequest, Wire, protocol_of
from procore_simulator.world import World

CLIENT_ID = "halvorsen-sync-demo"
CLIENT_SECRET = "opens-nothing-but-the-simulator"  # noqa: S105 - a constant of a test server


class Simulator:
    """A simulated Procore, started and stopped as a context manager or by `start` and `stop`.

    `world`, `permissions`, `tokens` and `faults` may be changed while it runs; `requests` is the log of requests.
    With `single_token` a new token revokes the one before. `most_per_page` is an upper limit for every list.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits = NO_LIMITS,
        token_lifetime_seconds: int = 5400,
        single_token: bool = False,
        most_per_page: int | None = None,
    ) -> None:
        self.world = world or World()
        clock = self.world.clock
        self.tokens = Tokens(
            clock, CLIENT_ID, CLIENT_SECRET, lifetime_seconds=token_lifetime_seconds, single=single_token
        )
        self.permissions = Permissions()
        self.allowance = Allowance(clock, limits)
        self.faults = Faults()
        api = Api(self.world, self.tokens, self.allowance, self.permissions, most=most_per_page)
        self._wire = Wire(api, self.faults)
        self._host, self._port = host, port
        self._server: _Server | None = None
        self._thread: Thread | None = None

    @property
    def client_id(self) -> str:
        """The client id that gets a token."""
        return self.tokens.client_id

    @property
    def client_secret(self) -> str:
        """The client secret that gets a token; a constant, so it protects nothing."""
        return self.tokens.client_secret

    @property
    def company_id(self) -> int:
        """The first company's id."""
        return self.world.company_id

    @property
    def requests(self) -> deque[LoggedRequest]:
        """The requests so far, oldest first."""
        return self._wire.requests

    @property
    def url(self) -> str:
        """The base URL of login and API; with port 0 it is known after `start`."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def start(self) -> Self:
        """Bind, listen and return once requests are answered; OSError when the address is taken."""
        self._wire.stopped.clear()
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family, backlog=256)
        self._port = listener.getsockname()[1]
        app = Starlette(routes=[control_routes(self._wire, self.url), Mount("/", app=self._wire)])
        config = uvicorn.Config(
            app,
            http=protocol_of(self._wire),
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            date_header=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._thread = Thread(target=self._server.run, args=([listener],), name="simulator", daemon=True)
        self._thread.start()
        self._server.ready.wait()
        if not self._server.started:
            raise RuntimeError("the simulator did not start")
        return self

    def stop(self) -> None:
        """Close the socket and end the thread."""
        if self._server is not None and self._thread is not None:
            self._wire.stopped.set()
            self._server.request_stop()
            self._thread.join()
            self._server = self._thread = None

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()


class _Server(uvicorn.Server):
    """A server with a `ready` event, set when it listens or has failed to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_requested: asyncio.Event | None = None

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            super().run(sockets=sockets)
        finally:
            self.ready.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop, self._stop_requested = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets=sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        # uvicorn polls `should_exit` ten times a second; an event stops it at once.
        if self._stop_requested is not None:
            await self._stop_requested.wait()

    def request_stop(self) -> None:
        """Make the server stop; may be called from any thread."""
        if self._loop is not None and self._stop_requested is not None:
            self._loop.call_soon_threadsafe(self._stop_requested.set)
