"""A TCP proxy that breaks connections, as networks do, on real sockets."""

from __future__ import annotations

import select
import socket
import socketserver
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

LATENCY_SECONDS = 0.1
DRIP_SECONDS = 0.02
LIFETIME_SECONDS = 30.0
_CHUNK_BYTES = 64 * 1024


class Kind(StrEnum):
    """A kind of network failure."""

    LATENCY = "latency"
    """The rest of the answer comes late."""
    DRIP = "drip"
    """The rest of the answer comes byte by byte."""
    CUT = "cut"
    """The connection is closed in the middle of the answer."""
    RESET = "reset"
    BLACK_HOLE = "black hole"
    """Nothing more comes, and the connection stays open."""


class Trouble(NamedTuple):
    """A failure of one connection after `after_bytes` of answers."""

    kind: Kind
    after_bytes: int


class FaultProxy:
    """A proxy to `target`; each connection takes the next trouble until they are used up.

    `struck` are the troubles that happened. An idle connection ends after `LIFETIME_SECONDS`.
    """

    def __init__(self, target: str, troubles: Iterable[Trouble] = ()) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 0)
        self._troubles = iter(troubles)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.struck: list[Trouble] = []
        self._listener = _Listener(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[FaultProxy]:
        """Forward connections until the block ends, then close them all."""
        thread = threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._listener.shutdown()
            thread.join()
            with self._lock:
                for connection in self._open:
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)
            self._listener.server_close()

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):
                    proxy._pass_on(self.request)

        return Handler

    def _pass_on(self, client: socket.socket) -> None:
        client.settimeout(LIFETIME_SECONDS)
        with socket.create_connection(self._target, timeout=LIFETIME_SECONDS) as server:
            for connection in (client, server):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {client, server}
                trouble = next(self._troubles, None)
            try:
                self._exchange(client, server, trouble)
            finally:
                with self._lock:
                    self._open -= {client, server}

    def _exchange(self, client: socket.socket, server: socket.socket, trouble: Trouble | None) -> None:
        left = None if trouble is None else trouble.after_bytes
        while readable := select.select([client, server], [], [], LIFETIME_SECONDS)[0]:
            for source in readable:
                sent = source.recv(_CHUNK_BYTES)
                if not sent:
                    return
                if source is client:
                    server.sendall(sent)
                elif trouble is None or left is None or len(sent) <= left:
                    client.sendall(sent)
                    left = left and left - len(sent)
                else:
                    client.sendall(sent[:left])
                    with self._lock:
                        self.struck.append(trouble)
                    if not _strike(trouble.kind, client, sent[left:]):
                        return
                    trouble = None


def _strike(kind: Kind, client: socket.socket, rest: bytes) -> bool:
    """Break the rest of an answer; return False when the connection is over."""
    match kind:
        case Kind.LATENCY:
            select.select([client], [], [], LATENCY_SECONDS)
            client.sendall(rest)
        case Kind.DRIP:
            for position in range(len(rest)):
                if select.select([client], [], [], DRIP_SECONDS)[0]:
                    return False  # the client has had enough
                client.sendall(rest[position : position + 1])
        case Kind.BLACK_HOLE:
            return bool(client.recv(1))
        case Kind.CUT:
            return False
        case Kind.RESET:
            # SO_LINGER with a time of zero makes close() send RST instead of FIN.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            return False
    return True


class _Listener(socketserver.ThreadingTCPServer):
    request_queue_size = 64
    allow_reuse_address = True
