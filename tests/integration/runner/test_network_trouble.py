"""A run over a network that delays, drips, cuts, resets and swallows answers, anywhere in them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from random import Random
from urllib.parse import urlsplit

import pytest

from support.fault_proxy import FaultProxy, Kind, Trouble
from support.oracle import differences
from support.worker import A_FEW, Install, Installation, incomplete
from sync_worker.client.retry import RetryPolicy
from sync_worker.errors import UnreachableError

TROUBLES = 8
FARTHEST_BYTES = 2_000


def troubles(kinds: list[Kind], seed: int) -> list[Trouble]:
    random = Random(seed)  # noqa: S311 - any place will do
    return [Trouble(random.choice(kinds), random.randrange(FARTHEST_BYTES)) for _ in range(TROUBLES)]


def reading_through(here: Installation, proxy: FaultProxy) -> None:
    here.config = {
        "procore": {"login_url": proxy.url, "api_url": proxy.url},
        "limits": {"request_timeout": 1, "max_concurrency": 4},
    }
    here.retry_policy = RetryPolicy()


def read_before_from(here: Installation, url: str) -> None:
    """Let the database say that it was read through this address; the Procore behind it is the same."""
    with closing(sqlite3.connect(here.database)) as other, other:
        other.execute("UPDATE _origin SET api = ?", (f"localhost:{urlsplit(url).port}",))


@pytest.mark.parametrize(
    ("kinds", "seed"),
    [*(([kind], seed) for seed, kind in enumerate(Kind)), *((list(Kind), seed) for seed in range(20, 24))],
    ids=lambda value: "+".join(value) if isinstance(value, list) else str(value),
)
def test_whatever_the_network_does_the_tables_equal_procore_afterwards(
    install: Install, kinds: list[Kind], seed: int
) -> None:
    here = install(streams=A_FEW, most_per_page=20)
    with FaultProxy(here.simulator.url, troubles(kinds, seed)).running() as proxy:
        reading_through(here, proxy)

        report = here.run()

        assert len(proxy.struck) >= TROUBLES // 2
        assert incomplete(report) == []
        assert differences(here.simulator, here.database) == []
        again = here.run(full_refresh=True).totals.rows
        assert (again.inserted, again.updated) == (0, 0)


def test_a_network_that_swallows_every_answer_ends_the_run_after_two_lists_and_the_next_one_heals_it(
    install: Install,
) -> None:
    here = install(streams=A_FEW)
    here.run("companies", "projects")
    swallowed = [Trouble(Kind.BLACK_HOLE, 0)] * 100
    with FaultProxy(here.simulator.url, swallowed).running() as proxy:
        reading_through(here, proxy)
        here.config["procore"].pop("login_url")
        read_before_from(here, proxy.url)
        here.retry_policy = RetryPolicy(attempts=1)

        report = here.run()

        assert isinstance(report.failure, UnreachableError)
        assert report.totals.requests == 2
        assert {line.verdict for line in report.scopes} == {"failed"}
        assert here.query("SELECT count(*) FROM rfis") == [(0,)]

    here.config = {}
    read_before_from(here, here.simulator.url)
    assert incomplete(here.run()) == []
    assert differences(here.simulator, here.database) == []
