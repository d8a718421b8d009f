"""How large a page is asked for: what the list was found to give is remembered."""

from __future__ import annotations

import json

import pytest

from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault
from procore_simulator.world import World
from support.oracle import differences, readable_projects
from support.worker import Install, Installation, advance, incomplete
from sync_worker.catalog import STREAMS

MONTH = 31 * 86_400


def asked_for(here: Installation) -> list[str]:
    """Return the page sizes with which the list of RFIs was requested since the last look."""
    found = [request.query["per_page"] for request in here.asked("rfis")]
    here.simulator.requests.clear()
    return list(dict.fromkeys(found))


def test_a_page_that_the_server_makes_smaller_is_asked_for_so_from_then_on(install: Install) -> None:
    here = install(projects=1, most_per_page=5)
    here.run("rfis")
    assert asked_for(here)[0] == "2000"

    here.run("rfis", full_refresh=True)
    assert asked_for(here) == ["5"]
    assert differences(here.simulator, here.database, streams=["rfis"]) == []


def test_a_last_page_tells_nothing_of_how_large_pages_are(install: Install) -> None:
    here = install(projects=1)
    for _ in range(2):
        here.run("rfis", full_refresh=True)

    assert asked_for(here) == ["2000"]


def test_what_was_learned_is_tried_again_after_a_month(install: Install) -> None:
    here = install(world=World(projects=1, scale=0.2, clock=SteppedClock()), most_per_page=5)
    here.run("rfis")
    advance(here.simulator, MONTH)
    here.simulator.requests.clear()

    here.run("rfis", full_refresh=True)
    assert asked_for(here)[0] == "2000"


@pytest.mark.parametrize("status", [408, 502, 504])
def test_a_list_that_takes_the_server_too_long_is_asked_for_in_smaller_pages(install: Install, status: int) -> None:
    here = install(projects=1)
    (project,) = readable_projects(here.simulator)
    here.simulator.faults.add(Fault(path=f"*/{project}/rfis[?]*per_page=2000*", status=status, times=100))

    assert incomplete(here.run("rfis")) == []
    assert "500" in asked_for(here)
    assert here.query("SELECT per_page FROM _stream_state WHERE stream = 'rfis'") == [(500,)]
    assert differences(here.simulator, here.database, streams=["rfis"]) == []


def test_every_list_is_asked_for_the_largest_page_that_is_documented() -> None:
    sizes = {spec.paging.per_page for spec in STREAMS.values()}

    assert sizes == {None, 100, 300, 1_000, 2_000}


def test_a_list_that_no_page_size_helps_is_asked_for_the_largest_again_next_time(install: Install) -> None:
    here = install(projects=1)
    here.simulator.faults.add(Fault(path="*/rfis[?]*", status=408, times=1_000))
    here.run("rfis")
    assert asked_for(here)[-1] == "50"

    here.simulator.faults.clear()
    assert incomplete(here.run("rfis")) == []
    assert asked_for(here) == ["2000"]


def test_a_list_whose_only_page_came_again_as_page_two_may_have_two_pages_the_next_time(install: Install) -> None:
    """A server that answers with its last page behind the end looks, with one full page, as one without pages."""
    here = install(projects=1)
    first_page = [{"id": number} for number in range(1, 11)]

    def let_it_send(first: list[dict[str, int]], second: list[dict[str, int]]) -> None:
        here.simulator.faults.clear()
        here.simulator.faults.add(
            Fault(path="*/specification_sections*page=2*", body=json.dumps(second), times=100),
            Fault(path="*/specification_sections*", body=json.dumps(first), times=100),
        )

    let_it_send(first_page, first_page)
    assert incomplete(here.run("specification_sections")) == []
    let_it_send(first_page, [{"id": 11}])
    assert incomplete(here.run("specification_sections", full_refresh=True)) == []

    assert here.query("SELECT count(*) FROM specification_sections") == [(11,)]
