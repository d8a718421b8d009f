"""An HTTP server on a real socket whose answers a test scripts, down to single bytes."""

from __future__ import annotations

import json
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

DRIP_SECONDS = 0.02
CERTIFICATE = Path(__file__).parents[1] / "data" / "loopback.pem"
"""A self-signed certificate for 127.0.0.1 with its key, only for tests."""


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    method: str
    target: str
    headers: Message
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def params(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True)
class Answer:
    """A well-formed answer; `Content-Length` is added, and a `Per-Page` so that a shorter page is the last."""

    body: bytes = b"[]"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def pieces(self) -> Iterator[bytes]:
        head = {
            "Content-Type": "application/json",
            "Content-Length": str(len(self.body)),
            "Per-Page": "1000",
            **self.headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        yield f"HTTP/1.1 {self.status} Scripted\r\n{lines}\r\n".encode() + self.body


@dataclass(frozen=True)
class Wire:
    """Bytes that are sent as they are; then the connection is closed.

    `drip` sends them slowly, one by one; `stall` then keeps the connection open and silent.
    """

    sent: bytes
    drip: bool = False
    stall: bool = False

    def pieces(self) -> Iterator[bytes]:
        if not self.drip:
            yield self.sent
            return
        for position in range(len(self.sent)):
            yield self.sent[position : position + 1]
        while self.stall:
            yield b""


Script = Callable[[Received], Answer | Wire]


class _Listener(ThreadingHTTPServer):
    request_queue_size = 64  # with the default of 5, one of eight simultaneous connections may take a second

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client may close at any time
            super().handle_error(request, client_address)


class ScriptedServer:
    """A server that answers by its script and keeps all requests."""

    def __init__(self, script: Script, certificate: Path | None = None) -> None:
        self.script = script
        self.received: list[Received] = []
        self.connections = 0
        self.most_open = 0
        self._open = 0
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._http = _Listener(("127.0.0.1", 0), self._handler())
        self._scheme = "http"
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
            self._scheme = "https"

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._http.server_address[1]}"

    def paths(self) -> list[str]:
        """Return the requested paths without token requests."""
        return [request.path for request in self.received if request.path != "/oauth/token"]

    def grants(self) -> list[Received]:
        """Return the token requests."""
        return [request for request in self.received if request.path == "/oauth/token"]

    def record(self, received: Received) -> None:
        """Keep a request for the test to look at."""
        with self._lock:
            self.received.append(received)

    @contextmanager
    def running(self) -> Iterator[ScriptedServer]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.ended.set()
            self._http.shutdown()
            thread.join()
            self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                with server._lock:
                    server.connections += 1
                    server._open += 1
                    server.most_open = max(server.most_open, server._open)

            def finish(self) -> None:
                with server._lock:
                    server._open -= 1
                super().finish()

            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                received = Received(self.command, self.path, self.headers, body)
                server.record(received)
                answer = server.script(received)
                self.close_connection = isinstance(answer, Wire)
                try:
                    self._write(answer)
                except OSError:
                    self.close_connection = True  # the client has closed it

            do_POST = do_CONNECT = do_GET  # noqa: N815 - the names http.server looks for

            def _write(self, answer: Answer | Wire) -> None:
                for position, piece in enumerate(answer.pieces()):
                    if position and server.ended.wait(DRIP_SECONDS):
                        return
                    self.wfile.write(piece)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                pass

        Handler.timeout = 10
        return Handler


Serve = Callable[..., ScriptedServer]


def records(*ids: int) -> bytes:
    """Return an array of records with these ids."""
    return json.dumps([{"id": id_} for id_ in ids]).encode()


def granted(token: str = "token-1", expires_in: int = 5400) -> Answer:
    """Return an answer of the token endpoint."""
    return Answer(json.dumps({"access_token": token, "token_type": "bearer", "expires_in": expires_in}).encode())


def in_turn(*answers: Answer | Wire) -> Callable[[Received], Answer | Wire]:
    """Return a script that gives each answer once, in this order, and then repeats the last one."""
    left = list(answers)
    lock = threading.Lock()

    def script(_: Received) -> Answer | Wire:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return script


def with_tokens(script: Script) -> Script:
    """Add a token endpoint, which numbers its tokens, to a script."""
    granted_tokens = iter(range(1, 1_000_000))
    lock = threading.Lock()

    def answer(received: Received) -> Answer | Wire:
        if received.path != "/oauth/token":
            return script(received)
        with lock:
            return granted(f"token-{next(granted_tokens)}")

    return answer
