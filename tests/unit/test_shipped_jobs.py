"""What the shipped jobs read, and that a company of 100 projects can afford it on their own schedules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest

from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import ScopeKind, StreamSpec
from sync_worker.job import load_jobs, shipped_folder
from sync_worker.planning.selection import select

JOBS = load_jobs(shipped_folder())
DEPRECATED = {"standard_cost_code_lists", "standard_cost_codes"}
"""Asking these counts against an app; whoever needs them chooses them by name."""
ON_DEMAND = {
    "action_plan_items",
    "actual_production_quantities",
    "bid_contacts",
    "budget_change_adjustment_line_items",
    "budget_detail_columns",
    "budget_modifications",
    "budget_view_snapshots",
    "budget_view_summary_rows",
    "commitment_change_order_line_items",
    "crews",
    "drawing_disciplines",
    "drawings",
    "incident_actions",
    "incident_environmentals",
    "incident_property_damages",
    "inspection_sections",
    "inspection_templates",
    "line_item_types",
    "manual_forecast_line_items",
    "photo_albums",
    "potential_change_order_line_items",
    "prime_change_order_line_items",
    "project_dates",
    "project_equipment",
    "punch_item_types",
    "rfi_replies",
    "schedule_calendar_items",
    "specification_sets",
    "sub_jobs",
    "subcontractor_invoice_change_order_items",
    "subcontractor_invoice_contract_items",
    "submittal_packages",
    "time_and_material_entries",
}
"""Each takes a call a project and pass, or many, and few companies look at it; those who do choose it by name."""

PROJECTS = 100
ALLOWED_AN_HOUR = 0.8 * 3_600
PARENTS = {
    "bid_packages": 12,
    "budget_views": 2,
    "company_wbs_segments": 3,
    "prime_contracts": 1,
    "purchase_order_contracts": 15,
    "schedules": 2,
    "specification_section_divisions": 20,
    "work_order_contracts": 20,
}
"""How many parents a nested stream has in a project. All other lists answer in one page while nothing changes."""

DAYS = 3
MINUTES_OF_A_DAY = 1_440


def calls(spec: StreamSpec) -> int:
    """Return the calls for a stream at 100 projects when nothing changed and each parent's list is read again."""
    if spec.parent and spec.parent.stream not in PARENTS:
        raise LookupError(f"add to PARENTS of this file how many {spec.parent.stream} a project has")
    lists = PARENTS[spec.parent.stream] if spec.parent else 1
    return lists * (PROJECTS if spec.scope is ScopeKind.PROJECT else 1)


def calls_of_a_pass(job: str) -> int:
    return sum(calls(spec) for spec in select(JOBS[job].streams, STREAMS))


def hours(field: str) -> list[int]:
    """Return the hours of a cron field: `7`, `2,14`, `*/2`, `1-21/4`."""
    span, _, step = field.partition("/")
    first, _, last = span.replace("*", "0-23").partition("-")
    return list(range(int(first), int(last) + 1, int(step or 1))) if last else [int(hour) for hour in span.split(",")]


def ticks(job: str) -> list[int]:
    """When a job is due on the days looked at, in minutes; shipped jobs run every day."""
    minute, hour, *days = JOBS[job].schedule.split()
    assert days == ["*", "*", "*"]
    return [day * MINUTES_OF_A_DAY + each * 60 + int(minute) for day in range(DAYS) for each in hours(hour)]


def minutes_taken() -> Iterator[tuple[str, int]]:
    """Each pass with how long it takes when all that are under way share the allowance equally."""
    due = {(tick, job) for job in JOBS for tick in ticks(job)}
    under_way: dict[tuple[int, str], float] = {}
    for minute in range(DAYS * MINUTES_OF_A_DAY + 600):
        under_way |= {(tick, job): float(calls_of_a_pass(job)) for tick, job in due if tick == minute}
        share = ALLOWED_AN_HOUR / 60 / max(1, len(under_way))
        under_way = {each: left - share for each, left in under_way.items()}
        yield from ((job, minute + 1 - tick) for (tick, job), left in under_way.items() if left <= 0)
        under_way = {each: left for each, left in under_way.items() if left > 0}


def test_the_five_jobs_are_there() -> None:
    assert set(JOBS) == {
        "sync_directory",
        "sync_documents",
        "sync_field",
        "sync_financials",
        "sync_quality_safety",
    }


def test_every_stream_is_in_exactly_one_job_but_the_sensitive_deprecated_and_those_on_demand() -> None:
    times = Counter(name for job in JOBS.values() for name in job.streams)

    assert {name for name, jobs in times.items() if jobs > 1} == set()
    wanted = {name for name, spec in STREAMS.items() if not spec.sensitive} - DEPRECATED - ON_DEMAND
    assert set(times) == wanted, "add a stream to a job in jobs/, or to ON_DEMAND of this file"


@pytest.mark.parametrize("job", JOBS)
def test_a_job_names_all_that_it_reads_but_the_lists_that_tell_the_scopes(job: str) -> None:
    """No tag or parent brings in a sensitive stream unseen."""
    read = {spec.name for spec in select(JOBS[job].streams, STREAMS)}

    assert read - {"companies", "projects"} == set(JOBS[job].streams) - {"companies", "projects"}


def test_the_page_of_jobs_says_how_many_lists_are_read_on_demand() -> None:
    page = (shipped_folder() / "README.md").read_text("utf-8")
    assert f"- {len(ON_DEMAND)} lists of projects" in page, "correct the number in jobs/README.md"


def test_whom_streams_name_injured_or_paid_by_the_hour_is_sensitive() -> None:
    assert {name for name, spec in STREAMS.items() if spec.sensitive} == {
        "accident_logs",
        "company_timecard_entries",
        "incident_injuries",
        "incident_near_misses",
        "incident_witness_statements",
        "timecard_entries",
        "timesheets",
        "work_logs",
    }


def test_what_is_read_on_demand_alone_is_of_projects() -> None:
    """A list of the company costs a call a day and is read for everybody."""
    assert {STREAMS[name].scope for name in ON_DEMAND} == {ScopeKind.PROJECT}


def test_a_day_of_all_jobs_takes_no_more_than_four_fifths_of_what_may_be_used() -> None:
    asked = sum(len(ticks(job)) * calls_of_a_pass(job) for job in JOBS)

    assert asked / (DAYS * 24) <= 0.8 * ALLOWED_AN_HOUR


def test_the_job_that_runs_most_often_fits_into_an_hour() -> None:
    assert max(JOBS, key=lambda job: len(ticks(job))) == "sync_field"
    assert calls_of_a_pass("sync_field") <= ALLOWED_AN_HOUR


def test_every_pass_ends_before_the_next_of_its_job_is_due() -> None:
    between = {job: min(later - tick for tick, later in pairwise(ticks(job))) for job in JOBS}
    taken = list(minutes_taken())

    assert len(taken) == sum(len(ticks(job)) for job in JOBS)
    assert not [(job, minutes) for job, minutes in taken if minutes >= between[job]]
