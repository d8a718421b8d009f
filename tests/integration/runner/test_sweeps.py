"""Lists that move, repeat themselves or never end while they are read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault
from procore_simulator.world import World
from support.clock import WorkerClock
from support.oracle import differences, readable_projects
from support.worker import Install, advance, incomplete, scope
from sync_worker.app import open_worker
from sync_worker.model import Outcome, RunRequest, Verdict
from sync_worker.progress import NullProgress


def test_a_list_that_lost_a_record_between_two_pages_is_read_again_until_it_is_exact(install: Install) -> None:
    here = install(most_per_page=5)
    project = readable_projects(here.simulator)[0]
    total = len(here.simulator.world.records("rfis", project_id=project))
    here.simulator.faults.add(Fault(path=f"*/{project}/rfis[?]page=2&*", drift="delete"))

    report = here.run("rfis")

    line = scope(report, "rfis", project)
    pages = -(-total // 5)
    assert incomplete(report) == []
    assert (line.total, line.rows_seen, line.deleted) == (total - 1, total - 1, 1)
    # Once more, since the record that was lost is missing from several pages.
    assert line.requests == pages + 2 * -(-(total - 1) // 5)
    assert here.query("SELECT distinct_keys FROM _run_scopes WHERE stream = 'rfis' AND project_id = ?", project) == [
        (total - 1,)
    ]
    assert differences(here.simulator, here.database, streams=["rfis"]) == []


def test_a_list_that_lost_one_record_and_gained_another_between_pages_is_read_again(install: Install) -> None:
    here = install(most_per_page=5)
    project = readable_projects(here.simulator)[0]
    here.simulator.faults.add(
        Fault(path=f"*/{project}/rfis[?]page=2&*", drift="delete"),
        Fault(path=f"*/{project}/rfis[?]page=3&*", drift="insert"),
    )

    report = here.run("rfis")

    line = scope(report, "rfis", project)
    assert incomplete(report) == []
    assert line.requests > 2 * (line.rows_seen // 5)
    assert differences(here.simulator, here.database, streams=["rfis"]) == []


def test_a_list_that_never_settles_is_inexact_after_three_sweeps_and_keeps_what_it_gave(install: Install) -> None:
    here = install(most_per_page=5)
    project, *others = readable_projects(here.simulator)
    here.run("rfis")
    mark = here.marks()["rfis", project]
    here.simulator.requests.clear()
    advance(here.simulator, 3600)
    here.simulator.faults.add(Fault(path=f"*/{project}/rfis[?]page=2&*", drift="insert", times=1_000))

    report = here.run("rfis", full_refresh=True)

    line = scope(report, "rfis", project)
    assert line.verdict == Verdict.INEXACT
    assert line.error == "the list changed while its pages were read"
    first_pages = [it for it in here.asked("rfis") if it.page == 1 and str(project) in it.path]
    assert len(first_pages) == 3
    assert here.marks()["rfis", project] == mark
    assert report.totals.outcome is Outcome.PARTIAL
    assert line.inserted == 3
    assert differences(here.simulator, here.database, streams=["rfis"]) == []
    assert [scope(report, "rfis", other).verdict for other in others] == [Verdict.COMPLETE] * len(others)

    here.simulator.faults.clear()
    assert incomplete(here.run("rfis")) == []
    assert here.marks()["rfis", project] > mark


def test_what_is_nested_in_an_inexact_list_is_read_but_proves_nothing(install: Install) -> None:
    here = install(most_per_page=1, scale=0.5)
    here.simulator.faults.add(Fault(path="*/work_order_contracts[?]*&page=2&*", drift="insert", times=1_000))

    report = here.run("work_order_contract_line_items")

    project = next(line.project_id for line in report.scopes if line.verdict == Verdict.INEXACT)
    line = scope(report, "work_order_contract_line_items", project)
    assert (line.verdict, line.error) == (
        Verdict.INEXACT,
        "the list of its parents, work_order_contracts, is inexact",
    )
    assert line.inserted > 0
    assert ("work_order_contract_line_items", project) not in here.marks()
    assert differences(here.simulator, here.database, streams=["work_order_contract_line_items"]) == []


def test_a_server_that_ignores_the_page_fails_the_list_with_that_reason(install: Install) -> None:
    here = install(most_per_page=5)
    project = readable_projects(here.simulator)[0]
    here.simulator.faults.add(Fault(path=f"*/{project}/rfis[?]*", same_page=True, times=1_000))

    report = here.run("rfis")

    line = scope(report, "rfis", project)
    assert line.verdict == Verdict.FAILED
    assert line.error is not None
    assert "the server ignores paging" in line.error
    assert line.requests <= 3
    assert ("rfis", project) not in here.marks()


def test_a_list_without_a_total_is_complete_when_its_links_end(install: Install) -> None:
    here = install(most_per_page=5)
    here.simulator.faults.add(Fault(path="*/rfis[?]*", drop_headers=("Total",), times=1_000))

    report = here.run("rfis")

    assert incomplete(report) == []
    assert {line.total for line in report.scopes if line.stream == "rfis"} == {None}
    assert differences(here.simulator, here.database, streams=["rfis"]) == []


def test_a_list_that_counts_more_than_it_sends_is_inexact(install: Install) -> None:
    here = install()
    project = readable_projects(here.simulator)[0]
    total = len(here.simulator.world.records("rfis", project_id=project))
    here.simulator.faults.add(Fault(path=f"*/{project}/rfis[?]*", headers={"Total": str(total + 2)}, times=1_000))

    report = here.run("rfis")

    line = scope(report, "rfis", project)
    assert (line.verdict, line.total, line.rows_seen) == (Verdict.INEXACT, total + 2, total)
    assert differences(here.simulator, here.database, streams=["rfis"]) == []


def test_an_empty_list_where_there_was_data_deletes_nothing(install: Install) -> None:
    here = install()
    here.run("rfis")
    before = here.query("SELECT * FROM rfis")
    here.simulator.faults.add(Fault(path="*/rfis[?]*", body="[]", times=1_000))

    here.run("rfis", full_refresh=True)

    assert here.query("SELECT * FROM rfis") == before


def test_a_record_that_an_edit_brings_into_the_window_hides_none_that_slips(install: Install) -> None:
    here = install(world=World(projects=1, scale=1, clock=SteppedClock()), most_per_page=5)
    world, (project,) = here.simulator.world, readable_projects(here.simulator)
    here.run("rfis")
    advance(here.simulator, 86_400)
    first, *others, last = [it.record["id"] for it in world.records("rfis", project_id=project)]
    for rfi in (first, *others):
        world.update("rfis", rfi, {"subject": "revised"})
    advance(here.simulator, 3600)

    def meddle() -> None:
        world.delete("rfis", first)
        world.update("rfis", last, {"subject": "revised"})

    with open_worker(
        here.settings(),
        stop=threading.Event(),
        on_new_secret=lambda _: None,
        # The window reaches a minute into Procore's future.
        clock=WorkerClock(world.clock, ahead=timedelta(minutes=1)),
        progress=_AfterFullPage(meddle),
    ) as worker:
        read = scope(worker.run(RunRequest("by_hand", ["rfis"])), "rfis", project)

    assert (read.verdict, read.updated) == (Verdict.COMPLETE, len(others) + 2)
    assert here.query("SELECT count(*) FROM rfis WHERE subject <> 'revised'") == [(0,)]


def test_a_record_that_moves_in_from_another_project_hides_none_that_slips(install: Install) -> None:
    here = install(world=World(projects=2, scale=1, clock=SteppedClock()), most_per_page=5)
    world, (old, new) = here.simulator.world, readable_projects(here.simulator)
    first, *others = [it.record["id"] for it in world.records("rfis", project_id=new)]
    for surplus in others[4:]:
        world.delete("rfis", surplus)
    here.run("rfis")
    advance(here.simulator, 3600)
    slips = world.insert("rfis", project_id=new)["id"]
    moves = world.insert("rfis", project_id=old)["id"]
    advance(here.simulator, 3600)
    here.run("rfis", projects=[old])
    advance(here.simulator, 3600)

    def meddle() -> None:
        world.delete("rfis", first)
        world.move("rfis", moves, new)

    with open_worker(
        here.settings(),
        stop=threading.Event(),
        on_new_secret=lambda _: None,
        clock=WorkerClock(world.clock),
        progress=_AfterFullPage(meddle),
    ) as worker:
        read = scope(worker.run(RunRequest("by_hand", ["rfis"], [new], full_refresh=True)), "rfis", new)

    assert (read.verdict, read.deleted) == (Verdict.COMPLETE, 1)
    assert here.query("SELECT project_id FROM rfis WHERE id IN (?, ?)", slips, moves) == [(new,), (new,)]


class _AfterFullPage(NullProgress):
    """Does something once, after the first page of five records was taken and before the next is asked for."""

    def __init__(self, meddle: Callable[[], object]) -> None:
        self._meddle: Callable[[], object] | None = meddle

    def page_taken(self, records: int) -> None:
        if records == 5 and self._meddle is not None:
            meddle, self._meddle = self._meddle, None
            meddle()
