"""A daemon lives for years: what a run needed is given back when it ends."""

from __future__ import annotations

import ctypes
import gc
import threading
import types
import urllib.parse
import weakref
from pathlib import Path

import pytest

from support.worker import A_FEW, Install
from sync_worker.app import open_worker
from sync_worker.model import RunRequest
from sync_worker.runner.worker import Worker

RUNS = 60
FEW = {name: A_FEW[name] for name in ("companies", "projects", "rfis")}


def sqlite_bytes() -> int | None:
    """Return what SQLite has allocated in this process; None where it is not in a library of its own."""
    try:
        mapped = Path("/proc/self/maps").read_text("utf-8").split()
    except OSError:
        return None
    found = next((path for path in mapped if "libsqlite3" in path), None)
    if found is None:
        return None
    used = ctypes.CDLL(found).sqlite3_memory_used
    used.restype = ctypes.c_int64
    return int(used())


def kept() -> int:
    """Return the number of objects, without weak references and their callbacks.

    A connection of sqlite3 drops those to its dead cursors every 200 cursors, and abstract classes remember each type.
    """
    passing = (weakref.ref, types.BuiltinMethodType)
    return sum(type(each) not in passing for each in gc.get_objects())


def test_memory_does_not_grow_with_runs(install: Install) -> None:
    here = install(projects=1, streams=FEW, scale=0.05)

    def run(worker: Worker, times: int) -> None:
        for _ in range(times):
            # As the daemon does, whose runs have a thread each.
            thread = threading.Thread(target=worker.run, args=(RunRequest("by_hand", ("rfis",)),))
            thread.start()
            thread.join()
            here.simulator.requests.clear()
        urllib.parse.clear_cache()  # type: ignore[attr-defined]
        gc.collect()

    def count(worker: Worker) -> int:
        # The simulator, which is in this process too, keeps the lists of this version of its world until the next.
        here.simulator.world.version += 1
        run(worker, 1)
        return kept()

    with open_worker(here.settings(), stop=threading.Event(), on_new_secret=lambda _: None, clock=here.clock) as worker:
        run(worker, RUNS // 2)
        objects = count(worker)
        run(worker, RUNS)
        more = count(worker) - objects

    assert here.query("SELECT count(*) FROM _runs WHERE outcome = 'succeeded'") == [(RUNS // 2 + 1 + RUNS + 1,)]
    assert more < RUNS / 2


def test_sqlite_gives_back_what_a_run_read(install: Install) -> None:
    here = install(projects=1, streams=FEW, scale=0.05)
    with open_worker(here.settings(), stop=threading.Event(), on_new_secret=lambda _: None, clock=here.clock) as worker:
        worker.run(RunRequest("by_hand", ("rfis",)))
        before = sqlite_bytes()
        if before is None:
            pytest.skip("SQLite is built into this Python, so what it allocates cannot be seen")
        with worker.ledger.transaction() as transaction:
            transaction.execute("CREATE TABLE ballast AS SELECT randomblob(4000) AS page FROM _runs")
            for _ in range(9):
                transaction.execute("INSERT INTO ballast SELECT randomblob(4000) FROM ballast")
        assert (sqlite_bytes() or 0) - before > 1_000_000
        worker.run(RunRequest("by_hand", ("rfis",)))

        assert (sqlite_bytes() or 0) - before < 100_000
