from __future__ import annotations

import gzip
import json
from collections.abc import Mapping

import pytest

from support.clock import MACHINE, ManualClock
from support.connected import Connect, ids, rfis
from support.scripted_server import Answer, Received, Wire, in_turn, records
from sync_worker.errors import BadPayloadError, RequestError, RetryableError, TooLargeError

GOOD = Answer(records(1, 2, 3))
PACKED = gzip.compress(json.dumps([{"id": n} for n in range(5000)]).encode())


LONGER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"


def chunked(body: bytes, *, ended: bool = True) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
    return head + b"%x\r\n%b\r\n" % (len(body), body) + (b"0\r\n\r\n" if ended else b"")


BROKEN: Mapping[str, Answer | Wire] = {
    "body shorter than its length": Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n" + records(1)),
    "body longer than its length": Wire(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n" + records(1)
    ),
    "no length at all": Wire(b"HTTP/1.1 200 OK\r\n\r\n" + records(1)),
    "chunks without an end": Wire(chunked(PACKED, ended=False)),
    "gzip without an end in whole chunks": Wire(chunked(PACKED[:-4])),
    "gzip with a broken byte": Wire(chunked(PACKED[:50] + b"\xff\xff" + PACKED[52:])),
    "gzip cut at its length": Answer(PACKED[:-4], headers={"Content-Encoding": "gzip"}),
    "an encoding that was not asked for": Answer(b"xyz", headers={"Content-Encoding": "br"}),
    "cut inside the headers": Wire(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "two lengths that differ": Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 30\r\n\r\n" + records(1)),
    "a chunk of less than nothing": Wire(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n[]\r\n0\r\n\r\n"),
    "more headers than can be read": Wire(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 150 + b"\r\n"),
    "a header that is too long": Wire(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"),
    "no HTTP": Wire(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "closed without a word": Wire(b""),
    "HTML": Answer(b"<!DOCTYPE html><title>Sign in</title>", headers={"Content-Type": "text/html"}),
    "an empty body": Answer(b""),
    "204": Wire(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
    "201": Answer(records(1), status=201),
    "an object": Answer(b"{}"),
    "null without Total": Answer(b"null"),
    "null where Total counts some": Answer(b"null", headers={"Total": "3"}),
    "half a list": Answer(b'[{"id": 1}, {"id"'),
    "408": Answer(b"", status=408),
    "500": Answer(b"", status=500),
    "502 with HTML": Answer(b"<html>", status=502),
    "503 without Retry-After": Answer(b"", status=503),
    "504": Answer(b"", status=504),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_answer_is_tried_again_and_never_taken_for_data(connect: Connect, broken: Answer | Wire) -> None:
    client = connect(in_turn(broken, GOOD))
    assert ids(client.pages()) == [1, 2, 3]
    assert client.calls.spent == 2


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_after_the_last_attempt_the_error_names_request_and_cause_in_one_line(
    connect: Connect, broken: Answer | Wire
) -> None:
    client = connect(in_turn(broken))
    with pytest.raises(RetryableError) as failed:
        client.pages()
    assert client.calls.spent == 6
    message = str(failed.value)
    assert message.startswith(f"GET {client.server.url}/rest/v1.0/projects/22/rfis: ")
    assert "\n" not in message
    assert "token-1" not in message


@pytest.mark.parametrize(("broken", "what"), [("HTML", "an HTML page"), ("an empty body", "nothing")])
def test_what_came_instead_of_a_list_is_named(connect: Connect, broken: str, what: str) -> None:
    client = connect(in_turn(BROKEN[broken]))
    with pytest.raises(RetryableError, match=f"answered 200 with {what} where a list belongs"):
        client.pages()


@pytest.mark.parametrize(
    "broken",
    [
        "two lengths that differ",
        "a chunk of less than nothing",
        "more headers than can be read",
        "a header that is too long",
        "no HTTP",
    ],
)
def test_an_answer_that_breaks_the_rules_of_http_is_called_that_and_no_smaller_page_is_asked_for(
    connect: Connect, broken: str
) -> None:
    client = connect(in_turn(GOOD, BROKEN[broken]))
    client.pages(rfis(project_id=1))
    with pytest.raises(BadPayloadError, match="the answer breaks the rules of HTTP"):
        client.pages(rfis(project_id=2, per_page=1000))


@pytest.mark.parametrize(
    "line", [b"no header at all", b"a name : and a space before the colon", b"X: a\rb", b"\xff: x"]
)
def test_a_line_that_is_no_header_is_passed_over_and_those_behind_it_are_read(
    connect: Connect, caplog: pytest.LogCaptureFixture, line: bytes
) -> None:
    def script(received: Received) -> Wire:
        number = int(received.params["page"])
        body = records(number) if number < 3 else b"[]"
        link = b'Link: </x?page=2>; rel="next"\r\n' if number == 1 else b"Per-Page: 2\r\n"
        head = line + b"\r\nContent-Length: %d\r\n" % len(body) + link
        return Wire(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body)

    client = connect(script)
    assert ids(client.pages(rfis(per_page=2))) == [1, 2]
    assert not caplog.records


def test_the_pauses_between_attempts_grow(connect: Connect) -> None:
    clock = ManualClock()
    client = connect(in_turn(Answer(status=502)), clock=clock)
    with pytest.raises(RetryableError, match="502, bad gateway"):
        client.pages()
    assert len(clock.waits) == 5
    assert all(0.5 * 2**n <= wait <= 0.5 * 2**n + 0.5 for n, wait in enumerate(clock.waits))


def test_a_pause_that_the_server_demands_is_kept(connect: Connect) -> None:
    clock = ManualClock()
    client = connect(in_turn(Answer(status=502, headers={"Retry-After": "40"}), GOOD), clock=clock)
    client.pages()
    assert clock.waits == [40.0]


def test_gzip_is_unpacked_members_and_all(connect: Connect) -> None:
    body = gzip.compress(b'[{"id": 1},') + gzip.compress(b'{"id": 2}]')
    client = connect(in_turn(Answer(body, headers={"Content-Encoding": "gzip"})))
    assert ids(client.pages()) == [1, 2]


@pytest.mark.parametrize("rest", [b"\0", b"\0" * 600, b"junk", b"\x1f\x8b"], ids=["0", "zeros", "junk", "head"])
def test_what_stands_behind_a_whole_gzip_stream_is_ignored(connect: Connect, rest: bytes) -> None:
    clock = ManualClock()
    client = connect(in_turn(Wire(chunked(gzip.compress(records(1, 2)) + rest))), clock=clock)
    assert ids(client.pages()) == [1, 2]
    assert clock.waits == []


@pytest.mark.parametrize(
    "rest",
    [gzip.compress(b'{"id": 2}]')[:-3], b"junk", gzip.compress(b"]")[:-8] + b"\1" * 8],
    ids=["cut", "junk", "wrong sum"],
)
def test_a_list_of_which_a_part_is_unreadable_is_never_taken_for_the_whole(connect: Connect, rest: bytes) -> None:
    client = connect(in_turn(Wire(chunked(gzip.compress(b'[{"id": 1},') + rest)), GOOD))
    assert ids(client.pages()) == [1, 2, 3]
    assert client.calls.spent == 2


def test_a_large_gzip_body_arrives_whole(connect: Connect) -> None:
    wanted = list(range(300_000))
    client = connect(in_turn(Wire(chunked(gzip.compress(records(*wanted))))))
    assert ids(client.pages()) == wanted


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n"
DRIPS = {
    "body": Wire(HEAD + b" " * 4000, drip=True),
    "chunked body": Wire(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + b" " * 4096, drip=True),
    "headers": Wire(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 4000, drip=True),
    "headers, then silence": Wire(b"HTTP/1.1 200 OK\r\n", drip=True, stall=True),
    "many headers": Wire(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 90, drip=True),
}


@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS.keys())
def test_a_slow_drip_does_not_outlive_the_deadline(connect: Connect, drip: Wire) -> None:
    client = connect(in_turn(drip, GOOD), deadline_seconds=0.5)
    client.tokens.current()
    started = MACHINE.monotonic()
    assert ids(client.pages()) == [1, 2, 3]
    # The drip would take minutes.
    assert 0.5 <= MACHINE.monotonic() - started < 60
    assert client.calls.spent == 2


def test_the_error_of_an_answer_that_never_comes_has_the_time_out(connect: Connect) -> None:
    client = connect(in_turn(Wire(b"HTTP", drip=True)), deadline_seconds=0.05)
    with pytest.raises(RetryableError, match=r"rfis: no whole answer within 0\.05 s"):
        client.pages()


@pytest.mark.parametrize(
    "answer",
    [Answer(b"[" + b" " * 5000), Answer(gzip.compress(b" " * 5_000_000), headers={"Content-Encoding": "gzip"})],
    ids=["plain", "gzip bomb"],
)
def test_a_body_beyond_the_maximum_is_refused_at_once(connect: Connect, answer: Answer) -> None:
    client = connect(in_turn(answer), max_body_bytes=4096)
    with pytest.raises(TooLargeError, match="larger than 4096 bytes"):
        client.pages(rfis(per_page=1000))
    assert client.calls.spent == 1
    with pytest.raises(RequestError, match="larger than 4096 bytes"):
        client.pages(rfis(per_page=50))
    assert client.calls.spent == 2


def test_the_error_of_the_parser_is_kept(connect: Connect) -> None:
    client = connect(in_turn(Answer(b"{}")))
    with pytest.raises(BadPayloadError, match="rfis: the body is no list"):
        client.pages()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"errors": ["too many rows", "try later"]}', "too many rows; try later"),
        (b'\xef\xbb\xbf {"error": "invalid", "error_description": "no such filter"}', "invalid; no such filter"),
        (b'{"message": "token-1 may not do this"}', "*** may not do this"),
        (b'{"data": [], "errors": {"base": ["timed out"]}}', "base: timed out"),
        (b'{"data": null, "message": "down"}', "down"),
        (b'{"error": 17}', "without a word"),
        (json.dumps({"errors": "x" * 5000}).encode(), "x" * 199 + "…"),
    ],
)
def test_what_a_200_complains_of_in_the_place_of_a_list_is_repeated(connect: Connect, body: bytes, said: str) -> None:
    client = connect(in_turn(Answer(body)))
    with pytest.raises(BadPayloadError) as failed:
        client.pages()
    assert str(failed.value).endswith(f"answered 200 with an error where a list belongs ({said})")


@pytest.mark.parametrize("body", [b"null", b" \r\nnull\n", b'{"data": null}', b'\xef\xbb\xbf{"data":null}'])
def test_null_is_an_empty_list_where_the_server_counts_none(connect: Connect, body: bytes) -> None:
    client = connect(in_turn(Answer(body, headers={"Total": "0"})))
    assert ids(client.pages()) == []
    assert client.calls.spent == 1
