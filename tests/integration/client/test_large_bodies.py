"""The memory of bodies is bounded: one large body at a time, from its arrival until its records are stored."""

from __future__ import annotations

import gzip
import threading
import tracemalloc
from collections.abc import Generator

import pytest

from support.clock import ManualClock
from support.connected import Connect, rfis, split
from support.scripted_server import Answer, Received, in_turn
from sync_worker.client.bodies import LARGE_BYTES, Lease
from sync_worker.errors import RetryableError, TooLargeError
from sync_worker.model import Calls

LARGE = Answer(b"[" + b" " * (LARGE_BYTES + 1) + b"]")
SMALL = Answer(b"[]")


def test_a_second_large_body_waits_until_the_first_is_released() -> None:
    place = threading.Semaphore(1)
    first, second = Lease(place), Lease(place)
    first.grow(LARGE_BYTES + 1, seconds=0)
    second.grow(LARGE_BYTES, seconds=0)
    with pytest.raises(RetryableError):
        second.grow(LARGE_BYTES + 1, seconds=0)
    first.close()
    second.grow(LARGE_BYTES + 1, seconds=0)
    assert (first.is_large, second.is_large) == (False, True)


def test_a_large_page_is_held_while_its_records_are_taken_and_small_ones_pass(connect: Connect) -> None:
    def script(received: Received) -> Answer:
        return SMALL if "/3/" in received.path else LARGE

    client = connect(script)
    taken = threading.Event()

    def read_another() -> None:
        list(client.procore.pages(rfis(project_id=2), split, Calls()))
        taken.set()

    pages = client.procore.pages(rfis(project_id=1), split, Calls())
    assert isinstance(pages, Generator)
    assert next(pages).is_large
    thread = threading.Thread(target=read_another)
    thread.start()
    (small,) = client.pages(rfis(project_id=3))
    assert not small.is_large
    assert not taken.wait(0.2)
    pages.close()
    assert taken.wait(60)
    thread.join()


@pytest.mark.parametrize("broken", [b'{"a": %s}', b'{"errors": "no", "a": %s}', b"<html>%s</html>"])
def test_a_large_body_that_is_no_list_is_released_before_the_next_attempt(connect: Connect, broken: bytes) -> None:
    read_meanwhile: list[bool] = []
    waits: list[float] = []

    class ReadingClock(ManualClock):
        def wait(self, event: threading.Event, seconds: float) -> bool:
            if not waits:
                waits.append(seconds)
                read_meanwhile.extend(page.is_large for page in client.pages(rfis(project_id=2)))
            return super().wait(event, seconds)

    large = Answer(broken % (b" " * LARGE_BYTES + b"1"))
    client = connect(in_turn(large, LARGE), clock=ReadingClock(), deadline_seconds=3)
    client.pages(rfis(project_id=1))
    assert read_meanwhile == [True]


def test_a_body_that_inflates_beyond_the_maximum_takes_no_more_memory_than_that(connect: Connect) -> None:
    maximum = 2 * 1024**2
    bomb = gzip.compress(b" " * 200 * 1024**2)
    client = connect(in_turn(Answer(bomb, headers={"Content-Encoding": "gzip"})), max_body_bytes=maximum)
    client.tokens.current()
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            client.pages(rfis(per_page=1000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * maximum + 2 * len(bomb) + 4 * 1024**2
