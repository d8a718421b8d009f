"""What connections may take of the HTTP server, on real sockets: time, places, descriptors and lines of the log."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sync_worker.server.connections import ConnectionLimits, default_limits
from sync_worker.server.listening import listening
from sync_worker.server.probes import probes

FOR_EVER = 3_600.0
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: "
PATIENCE_SECONDS = 30


def ask(path: str) -> bytes:
    """Return a request that is the last of its connection."""
    return f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()


def limits(
    connections: int = 8, an_address: int = 4, *, head: float = FOR_EVER, answer: float = FOR_EVER
) -> ConnectionLimits:
    return ConnectionLimits(connections, an_address, head_seconds=head, answer_seconds=answer)


@contextmanager
def serving(given: ConnectionLimits, *routes: Route) -> Iterator[tuple[str, int]]:
    """Start a server with the probes; yield its address."""
    every = [*probes(is_healthy=lambda: True, is_ready=lambda: True), *routes]
    with listening("127.0.0.1", 0, every, given) as url:
        address = urlsplit(url)
        assert address.hostname
        assert address.port
        yield address.hostname, address.port


@contextmanager
def connected(address: tuple[str, int], sent: bytes = b"", source: str = "127.0.0.1") -> Iterator[socket.socket]:
    """Open a connection and send some bytes on it."""
    with socket.create_connection(address, timeout=PATIENCE_SECONDS, source_address=(source, 0)) as connection:
        connection.sendall(sent)
        yield connection


def status(address: tuple[str, int], path: str = "/healthz") -> int:
    """How a new connection is answered."""
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def received(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    found = bytearray()
    try:
        while chunk := connection.recv(65_536):
            found += chunk
    except ConnectionResetError:
        pass
    return bytes(found)


def is_closed(connection: socket.socket) -> bool:
    """Return True if the server has closed a connection by now."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
    except BlockingIOError:
        return False


@pytest.mark.parametrize("sent", [b"", b"G", HALF_A_HEAD], ids=["nothing", "a letter", "half"])
def test_a_request_whose_head_does_not_end_is_closed(sent: bytes) -> None:
    with serving(limits(head=0.05)) as address, connected(address, sent) as connection:
        assert received(connection) == b""


def test_a_head_that_keeps_dripping_gains_no_time() -> None:
    with serving(limits(head=0.2)) as address, connected(address, HALF_A_HEAD) as connection:
        gone = threading.Event()
        connection.settimeout(0.01)
        for _ in range(10_000):
            try:
                connection.sendall(b"x")
                if connection.recv(1) == b"":
                    gone.set()
            except TimeoutError:
                continue
            except OSError:
                gone.set()
            if gone.is_set():
                break
        assert gone.is_set()


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" + HALF_A_HEAD,
        b"POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\nx",
    ],
    ids=["idle", "half of the next", "chunks without an end", "a body that stays away"],
)
def test_a_connection_that_sends_nothing_more_after_its_answer_is_closed(sent: bytes) -> None:
    with serving(limits(head=0.1)) as address, connected(address, sent) as connection:
        assert received(connection).startswith((b"HTTP/1.1 200", b"HTTP/1.1 405"))


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01garbage\r\n\r\n", b"\r\n" * 10, b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000]
)
def test_garbage_and_a_head_without_measure_are_refused_at_once(sent: bytes) -> None:
    with serving(limits()) as address, connected(address, sent) as connection:
        assert received(connection)[:12] in (b"HTTP/1.1 400", b"")


def test_requests_one_behind_the_other_are_answered_and_garbage_among_them_ends_the_connection() -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    with serving(limits()) as address, connected(address, request * 3 + b"\x00\r\n\r\n") as connection:
        assert received(connection).count(b"HTTP/1.1 200") == 3


def test_an_answer_that_nobody_reads_is_cut_off() -> None:
    def large(_request: Request) -> Response:
        return PlainTextResponse("x" * 50_000_000)

    ended = threading.Event()
    with serving(limits(answer=0.1), Route("/large", large)) as address, connected(address) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        # What the server still has of the answer is discarded when it closes; the kernels keep some megabytes.
        while not ended.is_set():
            assert status(address) == 200
            try:
                connection.sendall(b"\r\n")
            except OSError:
                ended.set()
        assert len(received(connection)) < 50_000_000


def test_an_answer_that_is_read_slowly_arrives_whole() -> None:
    def large(_request: Request) -> Response:
        return PlainTextResponse("x" * 20_000_000)

    with serving(limits(head=0.05), Route("/large", large)) as address, connected(address) as connection:
        connection.sendall(ask("/large"))
        assert connection.recv(1) == b"H"
        with connected(address) as idle:
            # Once it is closed, the time for a head is over for the other as well.
            assert received(idle) == b""
        assert len(received(connection)) > 20_000_000


def test_probes_are_answered_while_one_address_holds_more_connections_than_it_may() -> None:
    with serving(limits()) as address, ExitStack() as stack:
        for _ in range(3):
            flood = [stack.enter_context(connected(address, HALF_A_HEAD)) for _ in range(60)]
            assert status(address) == status(address, "/readyz") == 200
            assert sum(is_closed(it) for it in flood) >= 56


def test_the_oldest_that_waits_is_closed_and_not_the_one_that_is_answered_or_of_another_address() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(_request: Request) -> Response:
        asked.set()
        go_on.wait()
        return PlainTextResponse("done")

    with serving(limits(), Route("/slow", slow)) as address, ExitStack() as stack:
        answered = stack.enter_context(
            connected(address, b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        )
        asked.wait()
        other = stack.enter_context(connected(address, HALF_A_HEAD, source="127.0.0.2"))
        flood = [stack.enter_context(connected(address, HALF_A_HEAD)) for _ in range(20)]
        assert status(address) == 200
        closed = [is_closed(it) for it in flood]
        # The probe itself took the place of one.
        assert closed == [True] * 18 + [False] * 2
        assert not is_closed(other)
        go_on.set()
        assert received(answered).endswith(b"done")


def test_many_addresses_have_no_more_than_all_places() -> None:
    with serving(limits(connections=8, an_address=4)) as address, ExitStack() as stack:
        flood = [
            stack.enter_context(connected(address, HALF_A_HEAD, source=f"127.0.1.{number}"))
            for number in list(range(1, 21)) * 3
        ]
        assert status(address) == 200
        assert sum(not is_closed(it) for it in flood) == 7


def test_probes_are_answered_while_every_thread_waits_for_something_slow() -> None:
    go_on = threading.Event()

    def slow(_request: Request) -> Response:
        go_on.wait()
        return PlainTextResponse("done")

    with serving(limits(connections=100, an_address=100), Route("/slow", slow)) as address, ExitStack() as stack:
        try:
            for _ in range(60):
                stack.enter_context(connected(address, b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"))
            assert status(address) == 200
        finally:
            go_on.set()


def test_three_quarters_of_the_descriptors_are_left_to_the_runs() -> None:
    script = (
        "import resource, sys; from sync_worker.server.connections import default_limits;"
        "_, hard = resource.getrlimit(resource.RLIMIT_NOFILE);"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), hard)); print(*default_limits()[:2])"
    )

    def told(descriptors: int) -> Sequence[str]:
        done = subprocess.run(
            [sys.executable, "-c", script, str(descriptors)], capture_output=True, text=True, check=True
        )
        return done.stdout.split()

    assert told(1_024) == ["128", "32"]
    assert told(100) == ["25", "6"]
    assert default_limits().head_seconds < PATIENCE_SECONDS


WITHOUT_DESCRIPTORS = """
import os, resource, sys
from sync_worker.logs import configure_logging
from sync_worker.server.connections import ConnectionLimits
from sync_worker.server.listening import listening
from sync_worker.server.probes import probes

configure_logging()
with listening("127.0.0.1", 0, probes(is_healthy=lambda: True, is_ready=lambda: True), ConnectionLimits(50, 50)) as url:
    print(url, flush=True)
    for line in sys.stdin:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if line == "none\\n":
            soft = os.dup(0)
            os.close(soft)
        else:
            soft += 90
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        print("done", flush=True)
"""


def test_without_a_free_descriptor_little_is_logged_and_connections_wait_until_there_is_one() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WITHOUT_DESCRIPTORS], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        assert process.stderr
        location = urlsplit(process.stdout.readline().strip())
        address = str(location.hostname), int(location.port or 0)
        assert status(address) == 200

        def descriptors(word: str) -> None:
            assert process.stdin
            assert process.stdout
            print(word, file=process.stdin, flush=True)
            assert process.stdout.readline() == "done\n"

        descriptors("none")
        with ExitStack() as stack:
            waiting = [
                stack.enter_context(
                    connected(address, b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                )
                for _ in range(20)
            ]
            first = json.loads(process.stderr.readline())
            # Long enough for thousands of tries, if nothing held them back.
            subprocess.run([sys.executable, "-c", "import asyncio"], check=True)
            descriptors("some")
            assert all(received(it).startswith(b"HTTP/1.1 200") for it in waiting)
        process.stdin.close()
        others = process.stderr.readlines()

    assert (first["event"], first["not_accepted"]) == ("connections.refused", 1)
    assert first["error"] == "Too many open files"
    # Tried once a second, and logged once a minute and at the end.
    assert sum(json.loads(line)["not_accepted"] for line in others) < 20
    assert len(others) <= 1
