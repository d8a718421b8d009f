"""A TCP proxy that spoils connections: what networks do to an answer, on real sockets."""

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
    """What may happen to a connection."""

    LATENCY = "latency"
    """The next answer comes late."""
    DRIP = "drip"
    """The rest of the answer comes byte by byte."""
    CUT = "cut"
    """The connection ends in good order, wherever the answer is."""
    RESET = "reset"
    BLACK_HOLE = "black hole"
    """Nothing more comes, and the connection stays."""


class Trouble(NamedTuple):
    """What happens to one connection once so many bytes of answers have passed."""

    kind: Kind
    after_bytes: int


class FaultProxy:
    """Passes everything on to `target`; each connection takes the next trouble, and none when they are used up.

    `struck` are the troubles that happened. A connection on which nothing moves ends after `LIFETIME_SECONDS`.
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
        """Pass on until the block ends, then hang up on everybody."""
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
    """Spoil the rest of an answer; false when the connection is over."""
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
            # Closing with a linger of zero sends RST instead of an orderly end.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            return False
    return True


class _Listener(socketserver.ThreadingTCPServer):
    request_queue_size = 64
    allow_reuse_address = True
