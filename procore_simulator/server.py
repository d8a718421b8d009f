"""The simulated Procore on a real socket: login, API and control under one address, in a thread of its own."""

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
from procore_simulator.wire import Logged, Wire, protocol_of
from procore_simulator.world import World

CLIENT_ID = "halvorsen-sync-demo"
CLIENT_SECRET = "opens-nothing-but-the-simulator"  # noqa: S105 - it says so


class Simulator:
    """A running Procore, as a context manager or by `start` and `stop`.

    All behind it may be changed while it runs: `world`, `permissions`, `tokens`, `faults`; `requests` tells what was
    asked. `single_token`: a new token ends the one before; `most_per_page` clamps every list.
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
        """What to ask a token with."""
        return self.tokens.client_id

    @property
    def client_secret(self) -> str:
        """What to ask a token with; it opens nothing else."""
        return self.tokens.client_secret

    @property
    def company_id(self) -> int:
        """The first company's id."""
        return self.world.company_id

    @property
    def requests(self) -> deque[Logged]:
        """The requests so far, oldest first."""
        return self._wire.requests

    @property
    def url(self) -> str:
        """Where login and API are; the port is known once it is started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def start(self) -> Self:
        """Bind, listen and answer; returns when it does. OSError when the address is taken."""
        self._wire.stopped.clear()
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family, backlog=256)
        self._port = listener.getsockname()[1]
        app = Starlette(routes=[control_routes(self), Mount("/", app=self._wire)])
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
            self._server.ask_to_stop()
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
    """A server that tells when it listens, or that it never will."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked: asyncio.Event | None = None

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            super().run(sockets=sockets)
        finally:
            self.ready.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop, self._asked = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets=sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        # Instead of looking ten times a second whether it is time to stop.
        if self._asked is not None:
            await self._asked.wait()

    def ask_to_stop(self) -> None:
        """Let it stop from any thread."""
        if self._loop is not None and self._asked is not None:
            self._loop.call_soon_threadsafe(self._asked.set)
