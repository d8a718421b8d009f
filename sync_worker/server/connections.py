"""Limits on the connections of the HTTP server: how many may be open at once, and how long each may take.

uvicorn limits neither the time in which the head of a request must arrive nor the connections of one address. asyncio
accepts all waiting connections before it reads from any, and without a free descriptor it spins and logs 2,048 errors
a second.
"""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from sync_worker.logs import Event, get_logger

_CONNECTIONS_AT_MOST = 128
_ACCEPT_AGAIN_SECONDS = 1.0
_LOGGED_EVERY_SECONDS = 60.0

log = get_logger()


class ConnectionLimits(NamedTuple):
    """Most open connections, in all and from one address, and most seconds for each part of a request."""

    connections: int
    an_address: int
    head_seconds: float = 10.0
    """From the connection, or from the answer before, to the end of the head."""
    answer_seconds: float = 60.0
    """From the end of the head to the answer, and again until the client has read it."""


def default_limits() -> ConnectionLimits:
    """Return limits that leave three quarters of the process's descriptors to the runs."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_unlimited = descriptors == resource.RLIM_INFINITY
    connections = _CONNECTIONS_AT_MOST if is_unlimited else max(4, min(_CONNECTIONS_AT_MOST, descriptors // 4))
    return ConnectionLimits(connections, an_address=connections // 4)


class Connections:
    """All open connections. When there are too many, the oldest that waits for a request is closed, never the newest.

    A probe is therefore answered even if the same address, perhaps the local one, holds all other connections open.
    """

    def __init__(self, listener: socket.socket, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._listener = listener
        self._open: dict[Connection, None] = {}
        self._accepting: set[asyncio.Task[None]] = set()
        self._dropped = 0
        self._not_accepted = 0
        self._reason: str | None = None
        self._was_logged = False

    def start(self, new_connection: Callable[[], Connection]) -> None:
        """Accept connections in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._new_connection = new_connection
        self._listener.setblocking(False)
        self._listen()

    def stop(self) -> None:
        """Accept no more connections."""
        self._loop.remove_reader(self._listener)
        self._listener.close()
        self._log_again()

    def add(self, connection: Connection) -> None:
        """Add a new connection, and close an older one if that makes too many."""
        of_address = [it for it in self._open if it.address == connection.address]
        if len(of_address) >= self.limits.an_address:
            self._drop_one(of_address)
        elif len(self._open) >= self.limits.connections:
            self._drop_one(list(self._open))
        self._open[connection] = None

    def remove(self, connection: Connection) -> None:
        """Remove a closed connection."""
        self._open.pop(connection, None)

    def _drop_one(self, crowd: list[Connection]) -> None:
        dropped = next((it for it in crowd if not it.is_answering), crowd[0])
        self.remove(dropped)
        dropped.transport.abort()
        self._dropped += 1
        self._log()

    def _listen(self) -> None:
        if self._listener.fileno() >= 0:
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        """Accept one connection; the loop reads from those before it before it accepts the next."""
        try:
            accepted, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            # Without a free descriptor the listener stays readable, and would fail again at once.
            self._loop.remove_reader(self._listener)
            self._loop.call_later(_ACCEPT_AGAIN_SECONDS, self._listen)
            self._not_accepted += 1
            self._reason = os.strerror(error.errno) if error.errno else str(error)
            self._log()
            return
        task = self._loop.create_task(self._connect(accepted))
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)

    async def _connect(self, accepted: socket.socket) -> None:
        with suppress(OSError):
            await self._loop.connect_accepted_socket(self._new_connection, accepted)

    def _log(self) -> None:
        """Log refusals: the first at once, later ones as a sum once a minute."""
        if self._was_logged or not (self._dropped or self._not_accepted):
            return
        log.warning(
            Event.CONNECTIONS_REFUSED, dropped=self._dropped, not_accepted=self._not_accepted, error=self._reason
        )
        self._dropped, self._not_accepted, self._reason = 0, 0, None
        self._was_logged = True
        self._loop.call_later(_LOGGED_EVERY_SECONDS, self._log_again)

    def _log_again(self) -> None:
        self._was_logged = False
        self._log()


class Connection(H11Protocol):
    """A connection that is closed when a request, or the client's reading of the answer, takes too long."""

    def __init__(self, connections: Connections, config: Config, server_state: ServerState) -> None:
        super().__init__(config, server_state, app_state={})
        self.is_answering = False
        self._connections = connections
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def address(self) -> str | None:
        """IP address of the client."""
        return self.client[0] if self.client else None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's signature
        super().connection_made(transport)
        self._close_after(self._connections.limits.head_seconds)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._connections.remove(self)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        # Before the first request there is no cycle, whatever uvicorn declares.
        is_requested = self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]
        if is_requested and not self.is_answering:
            self.is_answering = True
            self._close_after(self._connections.limits.answer_seconds)

    def on_response_complete(self) -> None:
        self.is_answering = False
        limits, is_read = self._connections.limits, self.transport.get_write_buffer_size() == 0
        self._close_after(limits.head_seconds if is_read else limits.answer_seconds)
        super().on_response_complete()

    def _close_after(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        # A graceful close would wait for the client to read what is left.
        self._deadline = self.loop.call_later(seconds, self.transport.abort)
