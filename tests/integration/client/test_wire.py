"""Bytes on the wire besides one whole answer are never taken for the answer to another request."""

from __future__ import annotations

import gzip
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.clock import ManualClock
from support.connected import Connect, Connected, ids, rfis
from support.scripted_server import Answer, Wire, granted, in_turn, records
from sync_worker.errors import BadPayloadError, SyncWorkerError

GOOD = Answer(records(1, 2))
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
TOTAL = b"Total: 1\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def framed(body: bytes, head: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


class RawServer:
    """Keeps its connections and sends the bytes that `answer` yields for a path, each piece by itself."""

    def __init__(self, answer: Callable[[str], Iterator[bytes]]) -> None:
        self.connections = 0
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True
            timeout = 10

            def handle(self) -> None:
                outer.connections += 1
                while line := self.rfile.readline():
                    path, length = line.split()[1].decode().partition("?")[0], 0
                    while header := self.rfile.readline().strip():
                        name, _, value = header.partition(b":")
                        length = int(value) if name.lower() == b"content-length" else length
                    self.rfile.read(length)
                    is_login = path == "/oauth/token"
                    for piece in [framed(granted().body)] if is_login else answer(path):
                        try:
                            self.wfile.write(piece)
                        except OSError:
                            return  # the client has left

        class Listener(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # the client may leave whenever it likes

        self._listener = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._listener.server_address[1]}"

    @contextmanager
    def client(self) -> Iterator[Connected]:
        """Provide a client of this server."""
        thread = threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        connected = Connected(self, deadline_seconds=5)  # type: ignore[arg-type]
        try:
            yield connected
        finally:
            connected.transport.close()
            self._listener.shutdown()
            thread.join()
            self._listener.server_close()


def own(path: str) -> bytes:
    """Return a list of one record, which has the project's number."""
    return records(int(path.split("/")[4]))


@pytest.mark.parametrize(
    "interim",
    [
        [EARLY_HINTS],
        [PROCESSING],
        [CONTINUE],
        [CONTINUE, EARLY_HINTS, PROCESSING, EARLY_HINTS],
        [PROCESSING] * 50,
        [EARLY_HINTS[:20], EARLY_HINTS[20:]],
    ],
    ids=["103", "102", "100", "several", "many", "in pieces"],
)
def test_interim_answers_are_passed_over(interim: list[bytes]) -> None:
    def answer(path: str) -> Iterator[bytes]:
        yield from interim
        yield framed(own(path), TOTAL)

    with RawServer(answer).client() as client:
        for project in range(1, 6):
            assert ids(client.pages(rfis(project_id=project))) == [project]
        assert client.calls.spent == 5


@pytest.mark.parametrize("interim", [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", PROCESSING * 2000])
def test_interim_answers_that_lead_to_none_are_no_answer(connect: Connect, interim: bytes) -> None:
    client = connect(in_turn(Wire(interim), GOOD))
    assert ids(client.pages()) == [1, 2]
    assert client.calls.spent == 2


def test_a_second_answer_that_comes_with_the_first_is_taken_for_nothing() -> None:
    def answer(path: str) -> Iterator[bytes]:
        yield framed(own(path), TOTAL) + framed(records(99999))

    server = RawServer(answer)
    with server.client() as client:
        for _ in range(3):
            assert ids(client.pages(rfis(project_id=7))) == [7]
    assert server.connections == 3


@pytest.mark.parametrize("head", [TOTAL, b""], ids=["counted", "not counted"])
def test_a_second_answer_that_comes_later_is_never_that_of_another_list(head: bytes) -> None:
    asked: list[threading.Event] = [threading.Event() for _ in range(12)]

    def answer(path: str) -> Iterator[bytes]:
        project = int(path.split("/")[4])
        asked[project].set()
        yield framed(own(path), head)
        # Not before the next list is asked for, when no look at the connection could have seen it coming.
        asked[project + 1].wait(0.05)
        yield framed(records(99999))

    with RawServer(answer).client() as client:
        projects = [1, 1, 1, *range(2, 11)]
        assert [ids(client.pages(rfis(project_id=project))) for project in projects] == [[n] for n in projects]


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("none", records(1)),
        ("utf-8", records(1)),
        ("binary", records(1)),
        ("", records(1)),
        ("identity, identity", records(1)),
        ("GZip", gzip.compress(records(1), mtime=0)),
        ("gzip, identity", gzip.compress(records(1), mtime=0)),
        (" identity , X-GZIP ", gzip.compress(records(1), mtime=0)),
        ("gzip, gzip", gzip.compress(gzip.compress(records(1), mtime=0), mtime=0)),
    ],
)
def test_a_coding_that_is_none_changes_nothing(connect: Connect, coding: str, body: bytes) -> None:
    client = connect(in_turn(Answer(body, headers={"Content-Encoding": coding})))
    assert ids(client.pages()) == [1]


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, zstd", "BR", "gzip, gzip, gzip", "none, compress"])
def test_a_coding_that_was_not_requested_is_refused(connect: Connect, coding: str) -> None:
    client = connect(in_turn(Answer(records(1), headers={"Content-Encoding": coding})))
    with pytest.raises(BadPayloadError, match=r"which was not asked for|is compressed 3 times"):
        client.pages()


OLD = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n"


def test_an_old_proxys_answer_without_length_is_whole_if_its_json_is(connect: Connect) -> None:
    client = connect(in_turn(Wire(OLD + b"\r\n" + records(1, 2))))
    assert ids(client.pages()) == [1, 2]
    zipped = OLD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(records(3), mtime=0)
    client.server.script = in_turn(Wire(zipped))
    assert ids(client.pages()) == [3]


@pytest.mark.parametrize(
    "sent",
    [
        *(OLD + b"\r\n" + records(1, 2)[:length] for length in range(len(records(1, 2)))),
        OLD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(records(3), mtime=0)[:-1],
        OLD + b"Content-Length: x\r\n\r\n" + records(1, 2),
        OLD.replace(b"1.0", b"1.1") + b"\r\n" + records(1, 2),
    ],
)
def test_an_answer_without_length_that_is_cut_anywhere_is_never_taken(connect: Connect, sent: bytes) -> None:
    client = connect(in_turn(Wire(sent), GOOD))
    assert ids(client.pages()) == [1, 2]
    assert client.calls.spent == 2


WHOLE = json.dumps([{"id": 1}, {"id": 2}]).encode()
MUTATIONS = st.one_of(
    st.tuples(st.just("cut"), st.integers(0, len(framed(WHOLE)) - 1)),
    st.tuples(st.just("length"), st.integers(0, 60)),
    st.tuples(st.just("status"), st.integers(100, 599)),
    st.tuples(st.just("coding"), st.sampled_from([0, 1, 2])),
    st.tuples(st.just("head"), st.binary(max_size=30).filter(lambda it: b"\n" not in it and b"\r" not in it)),
    st.tuples(st.just("body"), st.sampled_from([b"{}", b"[", b"<html>", b'"a"', b"7", b"null", WHOLE + b",", b""])),
)


def spoilt(mutation: tuple[str, object]) -> bytes:
    match mutation:
        case ("cut", int(position)):
            return framed(WHOLE)[:position]
        case ("length", int(length)):
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (length, WHOLE)
        case ("status", int(status)):
            return framed(WHOLE).replace(b"200", b"%d" % status, 1)
        case ("coding", int(which)):
            coding = (b"gzip", b"br", b"chunked")[which]
            return framed(WHOLE, (b"Transfer" if which == 2 else b"Content") + b"-Encoding: " + coding + b"\r\n")
        case ("head", bytes(line)):
            return framed(WHOLE, line + b"\r\n")
        case (_, bytes(body)):
            return framed(body)
    raise AssertionError(mutation)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MUTATIONS)
def test_data_is_taken_only_from_a_whole_well_framed_list(connect: Connect, mutation: tuple[str, object]) -> None:
    client = connect(in_turn(Wire(spoilt(mutation))), clock=ManualClock())
    try:
        found = ids(client.pages())
    except SyncWorkerError:
        return
    finally:
        client.transport.close()
    assert found == [1, 2]
