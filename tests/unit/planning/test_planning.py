from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from sync_worker.catalog import STREAMS
from sync_worker.errors import ConfigurationError
from sync_worker.model import DateRange, Scope, Window
from sync_worker.planning.partitions import chains
from sync_worker.planning.projects import Project, ProjectChoice, choose
from sync_worker.planning.selection import select
from sync_worker.planning.windows import Now, backfill_parts, cursor_window, halves, log_dates, window_of
from sync_worker.state.checkpoints import Checkpoint

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOW = Now(NOON, NOON)
TEN_MINUTES = timedelta(minutes=10)


def names(*patterns: str) -> list[str]:
    return [spec.name for spec in select(patterns, STREAMS)]


def test_a_stream_comes_with_what_it_depends_on() -> None:
    assert names("schedule_activities") == ["companies", "projects", "schedules", "schedule_activities"]


def test_a_company_wide_stream_needs_no_projects() -> None:
    assert names("roles") == ["companies", "roles"]


def test_streams_are_chosen_by_glob_and_by_tag() -> None:
    assert {"manpower_logs"} <= set(names("*_logs"))
    assert {"budget_views", "work_order_contracts"} <= set(names("tag:financials"))
    assert "rfis" not in names("tag:financials")


def test_a_star_is_all_of_them() -> None:
    assert names("*") == list(STREAMS)


@pytest.mark.parametrize(
    ("wrong", "near"), [("rfi", "rfis"), ("tag:financial", "tag:financials"), ("submitals", "submittals")]
)
def test_a_misspelt_stream_is_answered_with_the_nearest(wrong: str, near: str) -> None:
    with pytest.raises(ConfigurationError, match=f"did you mean {near}"):
        select([wrong], STREAMS)


def test_nested_streams_are_read_after_their_parents_in_the_same_scope() -> None:
    specs = select(["work_order_contract_line_items", "roles"], STREAMS)
    planned = [[(part.spec.name, part.scope) for part in chain] for chain in chains(specs, {4: [70, 71]})]
    assert planned == [
        [("roles", Scope(4))],
        [("work_order_contracts", Scope(4, 70)), ("work_order_contract_line_items", Scope(4, 70))],
        [("work_order_contracts", Scope(4, 71)), ("work_order_contract_line_items", Scope(4, 71))],
    ]


def window(mark: datetime | None) -> Window:
    return cursor_window(Checkpoint(mark, mark, "run-1") if mark else None, NOW, TEN_MINUTES)


def test_the_first_window_is_everything() -> None:
    assert window(None) == Window(None, NOON)


def test_a_later_window_begins_before_the_mark_by_the_lookback() -> None:
    assert window(NOON - timedelta(hours=1)) == Window(NOON - timedelta(minutes=70), NOON)


def test_a_mark_from_the_future_cannot_turn_the_window_round() -> None:
    assert window(NOON + timedelta(days=1)) == Window(NOON - TEN_MINUTES, NOON)


def test_daily_logs_reach_a_year_and_more_ahead_by_the_later_clock() -> None:
    assert log_dates(date(2026, 1, 1), NOW) == DateRange(date(2026, 1, 1), date(2027, 4, 6))
    assert log_dates(date(2026, 1, 1), Now(NOON - timedelta(days=1), NOON)) == log_dates(date(2026, 1, 1), NOW)
    assert log_dates(date(2028, 5, 1), NOW) == DateRange(date(2028, 5, 1), date(2028, 5, 1))


def test_days_are_written_as_a_half_open_window() -> None:
    written = window_of(DateRange(date(2026, 1, 1), date(2026, 1, 31)))
    assert written == Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


ACTIVE, OTHER, PARKED = (Project(1, True, None), Project(2, True, None), Project(3, False, None))


@pytest.mark.parametrize(
    ("choice", "read"),
    [
        (ProjectChoice(), [1, 2]),
        (ProjectChoice(inactive=True), [1, 2, 3]),
        (ProjectChoice(include=[2, 3]), [2, 3]),
        (ProjectChoice(exclude=[2]), [1]),
        (ProjectChoice(requested=[2], exclude=[2]), [2]),
        (ProjectChoice(requested=[3], include=[1]), [3]),
    ],
)
def test_projects_are_read_as_chosen(choice: ProjectChoice, read: list[int]) -> None:
    assert [project.project_id for project in choose([ACTIVE, OTHER, PARKED], choice)] == read


@pytest.mark.parametrize("days", [2, 3, 30, 31])
def test_the_halves_of_some_days_are_those_days(days: int) -> None:
    whole = DateRange(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=days - 1))
    first, second = halves(whole)
    assert (first.start_on, second.end_on) == (whole.start_on, whole.end_on)
    assert first.start_on <= first.end_on == second.start_on - timedelta(days=1) < second.end_on + timedelta(days=1)


PERIOD = DateRange(date(2025, 12, 15), date(2026, 2, 10))


@pytest.mark.parametrize("stream", ["rfis", "manpower_logs"])
def test_a_backfill_is_cut_at_the_beginnings_of_months(stream: str) -> None:
    parts = backfill_parts(STREAMS[stream], PERIOD, NOON)
    assert [part.name for part in parts] == [
        "2025-12-15/2025-12-31",
        "2026-01-01/2026-01-31",
        "2026-02-01/2026-02-10",
    ]
    assert [part.window.end for part in parts[:-1]] == [part.window.start for part in parts[1:]]


@pytest.mark.parametrize(("stream", "start"), [("roles", None), ("schedule_activities", None), ("schedules", 15)])
def test_what_cannot_be_asked_for_a_month_is_read_once(stream: str, start: int | None) -> None:
    (part,) = backfill_parts(STREAMS[stream], PERIOD, NOON)
    assert (part.window.start and part.window.start.day) == start
