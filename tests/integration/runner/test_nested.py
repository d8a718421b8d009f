"""For which parents a nested stream is read, and what that proves."""

from __future__ import annotations

from typing import Any

import pytest

from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault
from procore_simulator.world import World
from support.oracle import differences, readable_projects
from support.worker import Install, Installation, advance, incomplete, scope
from sync_worker.model import Verdict

DAY = 86_400
CONTRACTS, LINES = "work_order_contracts", "work_order_contract_line_items"


def installed(install: Install, **options: object) -> Installation:
    """One project with several contracts, read once."""
    here = install(world=World(projects=1, scale=1, clock=SteppedClock()), config={"streams": {LINES: options}})
    assert len(contracts(here)) > 2
    assert incomplete(here.run(LINES)) == []
    here.simulator.requests.clear()
    advance(here.simulator, 3600)
    return here


def contracts(here: Installation) -> list[int]:
    """Return the ids of all contracts."""
    project = readable_projects(here.simulator)[0]
    return [it.record["id"] for it in here.simulator.world.records(CONTRACTS, project_id=project)]


def asked_for(here: Installation) -> list[int]:
    """Return the contracts whose lines were requested since the last look."""
    found = [int(request.path.split("/")[4]) for request in here.simulator.requests if LINES[20:] in request.path]
    here.simulator.requests.clear()
    return sorted(set(found))


def lines_of(here: Installation) -> Any:
    return scope(here.run(LINES), LINES, readable_projects(here.simulator)[0])


def equal(here: Installation) -> bool:
    return differences(here.simulator, here.database, streams=[CONTRACTS, LINES]) == []


def windows(here: Installation) -> list[bool]:
    """Whether each sweep, in order, was of all parents."""
    return [start is None for (start,) in here.query("SELECT window_from FROM _run_scopes WHERE stream = ?", LINES)]


def test_lines_are_read_for_contracts_that_moved_and_for_new_ones_alone(install: Install) -> None:
    here = installed(install)
    world, edited = here.simulator.world, contracts(here)[1]

    world.update(CONTRACTS, edited, {"title": "Rebar, revised"})
    line = next(it for it in world.records(LINES) if it.parent_id == edited)
    world.update(LINES, line.record["id"], {"description": "Rebar, epoxy coated"})
    new = world.insert(CONTRACTS, project_id=readable_projects(here.simulator)[0])["id"]
    read = lines_of(here)

    assert asked_for(here) == sorted([edited, new])
    assert (read.verdict, read.requests) == (Verdict.COMPLETE, 2)
    assert equal(here)
    assert windows(here) == [True, False]


def test_when_no_contract_moved_nothing_is_asked_and_the_mark_moves(install: Install) -> None:
    here = installed(install)
    before = here.marks()

    assert (lines_of(here).verdict, asked_for(here)) == (Verdict.COMPLETE, [])

    assert all(here.marks()[key] > mark for key, mark in before.items() if key[0] == LINES)


def test_a_week_later_and_in_a_full_refresh_lines_are_read_for_all_contracts(install: Install) -> None:
    here = installed(install)
    line = here.simulator.world.records(LINES)[0].record["id"]
    here.simulator.world.update(LINES, line, {"description": "Edited without a trace in its contract"})
    lines_of(here)
    assert not equal(here)

    advance(here.simulator, 7 * DAY)
    lines_of(here)
    assert asked_for(here) == contracts(here)
    assert equal(here)
    lines_of(here)
    assert asked_for(here) == []

    here.run(LINES, full_refresh=True)
    assert asked_for(here) == contracts(here)
    assert windows(here) == [True, False, True, False, True]


def test_how_often_lines_are_read_for_all_contracts_can_be_set(install: Install) -> None:
    here = installed(install, nested_everything_every="1h")

    lines_of(here)

    assert asked_for(here) == contracts(here)


def test_lines_that_were_interrupted_are_read_again(install: Install) -> None:
    here = installed(install)
    first, second = contracts(here)[:2]
    for contract in (first, second):
        here.simulator.world.update(CONTRACTS, contract, {"title": "Revised"})
    here.simulator.faults.add(Fault(path=f"*/{second}/line_items[?]*", status=500, times=2))

    assert lines_of(here).verdict == Verdict.FAILED
    here.simulator.requests.clear()
    assert lines_of(here).verdict == Verdict.COMPLETE

    assert asked_for(here) == sorted([first, second])
    assert equal(here)


def test_a_contract_that_is_gone_is_noted_and_the_others_decide(install: Install) -> None:
    here = installed(install)
    gone = contracts(here)[0]
    here.simulator.faults.add(Fault(path=f"*/{gone}/line_items[?]*", status=404))
    advance(here.simulator, 7 * DAY)

    read = lines_of(here)

    assert read.verdict == Verdict.COMPLETE
    assert read.error == f"1 of {len(contracts(here))} parents are gone (404)"
    here.simulator.requests.clear()
    assert (lines_of(here).error, asked_for(here)) == (None, [])
    assert here.query(f"SELECT 1 FROM {LINES} WHERE work_order_contract_id = ? AND _deleted_at IS NULL", gone)


@pytest.mark.parametrize("status", [403, 404])
def test_when_all_lists_are_refused_that_is_no_permission(install: Install, status: int) -> None:
    here = installed(install)
    here.simulator.faults.add(Fault(path="*/line_items[?]*", status=status, times=1_000))

    report = here.run(LINES, full_refresh=True)

    assert scope(report, LINES, readable_projects(here.simulator)[0]).verdict == Verdict.NOT_PERMITTED


def test_a_refused_list_is_asked_for_again_though_its_contract_did_not_move(install: Install) -> None:
    here = installed(install)
    first, second = contracts(here)[:2]
    for contract in (first, second):
        here.simulator.world.update(CONTRACTS, contract, {"title": "Revised"})
    here.simulator.faults.add(Fault(path=f"*/{second}/line_items[?]*", status=403))

    assert lines_of(here).verdict == Verdict.NOT_PERMITTED
    assert lines_of(here).verdict == Verdict.COMPLETE
    assert equal(here)


def test_what_is_nested_where_parents_tell_no_change_is_read_for_all_by_hand(install: Install) -> None:
    here = install(world=World(projects=1, scale=1, clock=SteppedClock()))
    rows = "budget_view_detail_rows"
    here.run(rows)
    first = len(here.asked(rows))

    here.run(rows)

    assert len(here.asked(rows)) == 2 * first > 0


def test_a_private_contract_is_tried_once_a_week_or_when_it_moves_and_its_siblings_are_not_read_anew(
    install: Install,
) -> None:
    here = installed(install)
    private, *others = contracts(here)
    here.simulator.faults.add(Fault(path=f"*/{private}/line_items[?]*", status=403, times=100))

    def tried_after(days: float) -> list[int]:
        advance(here.simulator, int(days * DAY))
        here.run(LINES, trigger="schedule")
        read = here.query("SELECT verdict, error FROM _run_scopes WHERE stream = ? ORDER BY rowid DESC LIMIT 1", LINES)
        assert read == [("not_permitted", f"1 of {len(others) + 1} lists of its parents are refused")]
        found = {int(it.path.split("/")[4]) for it in here.simulator.requests if it.path.endswith(LINES[20:])}
        here.simulator.requests.clear()
        return sorted(found)

    assert tried_after(7) == sorted([private, *others])
    assert tried_after(1) == []
    here.simulator.world.update(CONTRACTS, private, {"title": "Private no more?"})
    assert tried_after(1) == [private]
    assert tried_after(4) == []
    assert tried_after(3) == sorted([private, *others])

    here.simulator.faults.clear()
    assert lines_of(here).verdict == Verdict.COMPLETE
    assert equal(here)


@pytest.mark.parametrize("deletes", ["soft", "ignore"])
def test_a_list_that_is_asked_for_in_smaller_pages_has_the_lists_before_it_counted_again(
    install: Install, deletes: str
) -> None:
    here = installed(install, per_page=100, deletes=deletes)
    project, last = readable_projects(here.simulator)[0], contracts(here)[-1]
    for _ in range(130):
        here.simulator.world.insert(LINES, project_id=project, parent_id=last)
    advance(here.simulator, DAY)
    here.simulator.faults.add(Fault(path=f"*/{last}/line_items[?]*page=2*per_page=100*", status=504, times=100))

    read = scope(here.run(LINES, full_refresh=True), LINES, project)

    lines = len(here.simulator.world.records(LINES, project_id=project))
    assert (read.verdict, read.total, read.rows_seen) == (Verdict.COMPLETE, lines, lines)
    in_vain, in_smaller_pages = 4, 3
    assert read.requests == 2 * (len(contracts(here)) - 1) + in_vain + in_smaller_pages
    assert equal(here)
