from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sync_worker.destination.protocol import Transaction
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.errors import DestinationError
from sync_worker.load.writer import Writer


@pytest.fixture
def destination(tmp_path: Path) -> Iterator[SqliteDestination]:
    opened = SqliteDestination(tmp_path / "procore.db")
    opened.open(holder="the writer's tests")
    with opened.transaction() as transaction:
        transaction.execute("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    yield opened
    opened.close()


@pytest.fixture
def writer(destination: SqliteDestination) -> Iterator[Writer]:
    running = Writer(destination)
    yield running
    running.close()


def ids(destination: SqliteDestination) -> list[object]:
    with destination.reader() as view:
        return [key for (key,) in view.execute("SELECT id FROM things ORDER BY id")]


def insert(key: int) -> Callable[[Transaction], int]:
    def work(transaction: Transaction) -> int:
        transaction.execute("INSERT INTO things VALUES (:id)", {"id": key})
        return key

    return work


def test_work_is_committed_when_its_result_is_there(writer: Writer, destination: SqliteDestination) -> None:
    assert writer.do(insert(1)) == 1
    assert ids(destination) == [1]


def test_work_that_fails_takes_nothing_else_down_with_it(writer: Writer, destination: SqliteDestination) -> None:
    gate = threading.Event()
    held = writer.submit(lambda _: gate.wait(timeout=60))
    waiting = [writer.submit(insert(key)) for key in (1, 2, 2, 3)]
    gate.set()
    assert held.result() is True
    assert [future.result() for future in (waiting[0], waiting[1], waiting[3])] == [1, 2, 3]
    with pytest.raises(DestinationError):
        waiting[2].result()
    assert ids(destination) == [1, 2, 3]


def test_closing_commits_what_is_waiting(destination: SqliteDestination) -> None:
    writer = Writer(destination)
    futures = [writer.submit(insert(key)) for key in range(5)]
    writer.close()
    assert all(future.done() for future in futures)
    assert ids(destination) == [0, 1, 2, 3, 4]


def test_whoever_fetches_waits_while_too_much_is_unwritten(writer: Writer) -> None:
    gate = threading.Event()
    writer.submit(lambda _: gate.wait(timeout=60))
    handed_over: list[int] = []

    def fetch() -> None:
        for key in range(200):
            writer.submit(lambda _: None)
            handed_over.append(key)

    fetching = threading.Thread(target=fetch)
    fetching.start()
    fetching.join(timeout=0.2)
    assert fetching.is_alive()
    assert len(handed_over) < 100
    gate.set()
    fetching.join(timeout=60)
    assert len(handed_over) == 200


def test_work_that_fails_half_way_leaves_nothing_of_it_and_is_run_once(
    writer: Writer, destination: SqliteDestination
) -> None:
    calls: list[int] = []

    def half(transaction: Transaction) -> None:
        calls.append(1)
        transaction.execute("INSERT INTO things VALUES (8)")
        raise ValueError("half way")

    gate = threading.Event()
    held = writer.submit(lambda _: gate.wait(timeout=60))
    before, failing, after = writer.submit(insert(1)), writer.submit(half), writer.submit(insert(2))
    gate.set()
    assert held.result() is True
    with pytest.raises(ValueError, match="half way"):
        failing.result()
    assert (before.result(), after.result(), ids(destination), calls) == (1, 2, [1, 2], [1])
