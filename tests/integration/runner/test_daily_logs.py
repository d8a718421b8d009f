"""Which days of a daily log a pass reads, and how a log that is too large is read after all."""

from __future__ import annotations

from datetime import date, timedelta

from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault
from procore_simulator.world import World
from support.oracle import differences, readable_projects
from support.worker import Install, Installation, advance, incomplete, scope
from sync_worker.model import Verdict

DAY = 86_400
LOGS = "manpower_logs"


def installed(install: Install, **options: object) -> Installation:
    """One project whose logs reach back a year."""
    config = {"procore": {"start_date": "2025-01-01"}, "streams": {LOGS: options}}
    return install(world=World(projects=1, scale=0.5, clock=SteppedClock()), config=config)


def asked_days(here: Installation) -> list[tuple[str, str]]:
    """Return the first and the last day of every log requested since the last look."""
    found = [(it.query["start_date"], it.query["end_date"]) for it in here.asked(LOGS) if it.page == 1]
    here.simulator.requests.clear()
    return found


def today(here: Installation) -> date:
    return here.simulator.world.clock.now().date()


def days_back(here: Installation) -> list[int]:
    """How many days before today every log asked for begins."""
    return [(today(here) - date.fromisoformat(start)).days for start, _ in asked_days(here)]


def test_the_first_pass_reads_all_days_in_one_window(install: Install) -> None:
    here = installed(install)

    here.run(LOGS)

    assert asked_days(here) == [("2025-01-01", (today(here) + timedelta(days=400)).isoformat())]


def test_later_passes_read_two_weeks_each_week_a_quarter_and_each_month_everything(install: Install) -> None:
    here = installed(install)
    here.run(LOGS)
    everything = days_back(here)[0]

    seen = []
    for _ in range(31):
        advance(here.simulator, DAY)
        here.run(LOGS)
        seen += days_back(here)

    # A day's distance: what was last read a day ago is counted back from there.
    assert {found: seen.count(found) for found in set(seen)} == {15: 26, 91: 4, everything + 30: 1}
    assert [day for day, found in enumerate(seen, 1) if found == 91] == [7, 14, 21, 28]
    assert seen[29] == everything + 30


def test_how_far_back_a_pass_reads_can_be_set(install: Install) -> None:
    here = installed(install, reread={"days": 3, "weekly_days": 20, "everything_days": 9})
    here.run(LOGS)
    whole = days_back(here)[0]

    seen = []
    for _ in range(9):
        advance(here.simulator, DAY)
        here.run(LOGS)
        seen += days_back(here)

    assert seen == [4, 4, 4, 4, 4, 4, 21, 4, whole + 9]


def test_days_on_which_nothing_ran_are_read_afterwards(install: Install) -> None:
    here = installed(install)
    here.run(LOGS)
    asked_days(here)

    advance(here.simulator, 25 * DAY)
    here.run(LOGS)
    assert days_back(here) == [25 + 90]

    project = readable_projects(here.simulator)[0]
    here.simulator.faults.add(Fault(path="*/manpower_logs[?]*", status=500, times=2))
    advance(here.simulator, 6 * DAY)
    assert scope(here.run(LOGS), LOGS, project).verdict == Verdict.FAILED
    here.simulator.requests.clear()
    here.run(LOGS)
    assert days_back(here) == [(today(here) - date(2025, 1, 1)).days]


def test_a_reach_that_was_not_read_to_its_end_is_due_again(install: Install) -> None:
    here = installed(install)
    project = readable_projects(here.simulator)[0]
    here.run(LOGS)
    asked_days(here)

    advance(here.simulator, 7 * DAY)
    here.simulator.faults.add(Fault(path="*/manpower_logs[?]*", status=500, times=2))
    assert scope(here.run(LOGS), LOGS, project).verdict == Verdict.FAILED
    here.simulator.requests.clear()
    here.run(LOGS)
    assert days_back(here) == [7 + 90]
    here.run(LOGS)
    assert days_back(here) == [14]


def test_an_earlier_start_and_a_full_refresh_read_everything(install: Install) -> None:
    here = installed(install)
    here.run(LOGS)
    asked_days(here)

    here.run(LOGS, full_refresh=True)
    assert [start for start, _ in asked_days(here)] == ["2025-01-01"]
    here.config["procore"] = {"start_date": "2024-06-01"}
    here.run(LOGS)
    assert [start for start, _ in asked_days(here)] == ["2024-06-01"]


def test_edits_of_recent_days_are_found(install: Install) -> None:
    here = installed(install)
    here.run(LOGS)
    project = readable_projects(here.simulator)[0]

    for back in (0, 13):
        advance(here.simulator, DAY)
        here.simulator.world.insert(
            LOGS, {"date": (today(here) - timedelta(days=back)).isoformat()}, project_id=project
        )
        here.run(LOGS)
        assert differences(here.simulator, here.database, streams=[LOGS], projects=[project]) == []


def too_large(times: int, after: int = 0) -> Fault:
    return Fault(path="*/manpower_logs[?]*", status=408, times=times, after=after)


def test_a_log_that_is_too_large_to_answer_is_read_in_halves(install: Install) -> None:
    here = installed(install)
    project = readable_projects(here.simulator)[0]
    here.simulator.faults.add(too_large(2))

    report = here.run(LOGS)

    assert incomplete(report) == []
    asked = asked_days(here)[2:]
    assert len(asked) == 2
    assert asked[0][0] == "2025-01-01"
    assert date.fromisoformat(asked[0][1]) + timedelta(days=1) == date.fromisoformat(asked[1][0])
    assert scope(report, LOGS, project).requests == 4
    assert differences(here.simulator, here.database, streams=[LOGS], projects=[project]) == []


def test_a_log_that_turns_out_too_large_on_a_later_page_is_counted_anew(install: Install) -> None:
    here = installed(install, per_page=3)
    # The simulator's latest records carry the very second in which it starts; they would seem to appear during the run.
    advance(here.simulator, 60)
    project = readable_projects(here.simulator)[0]
    here.simulator.faults.add(too_large(2, after=2))

    report = here.run(LOGS)

    line = scope(report, LOGS, project)
    assert (line.verdict, line.total) == (Verdict.COMPLETE, line.rows_seen)
    asked = [(it.query["start_date"], it.query["end_date"], it.page) for it in here.asked(LOGS)]
    assert asked[2] == asked[3]
    assert len(set(asked)) == len(asked) - 1
    assert differences(here.simulator, here.database, streams=[LOGS], projects=[project]) == []


def test_a_log_of_too_many_pages_is_read_in_halves(install: Install) -> None:
    here = installed(install, per_page=3, max_pages=3)
    project = readable_projects(here.simulator)[0]

    report = here.run(LOGS)

    assert incomplete(report) == []
    assert max(request.page for request in here.simulator.requests) <= 3
    assert len(asked_days(here)) > 3
    assert differences(here.simulator, here.database, streams=[LOGS], projects=[project]) == []


def test_a_log_that_no_window_makes_small_enough_fails_with_that_reason(install: Install) -> None:
    here = installed(install)
    project = readable_projects(here.simulator)[0]
    here.simulator.faults.add(too_large(1_000))

    line = scope(here.run(LOGS), LOGS, project)

    assert line.verdict == Verdict.FAILED
    assert "408" in (line.error or "")
    assert line.requests < 40
