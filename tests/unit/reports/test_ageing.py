from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.reports import CHICAGO, NOW, aged, person, row
from sync_worker.reports.ageing import NOBODY, UNKNOWN_COMPANY, Band, Holder, band_of
from sync_worker.reports.coverage import ReportedProject
from sync_worker.reports.document import Bar

TODAY = date(2026, 3, 4)
BOUNDS = {Band.WEEK: (0, 7), Band.FORTNIGHT: (8, 14), Band.MONTH: (15, 30), Band.OLDER: (31, 10**6)}


@given(st.integers(0, 10**6))
def test_every_age_is_in_the_one_band_whose_bounds_hold_it(age: int) -> None:
    assert [band for band, (first, last) in BOUNDS.items() if first <= age <= last] == [band_of(age)]


@given(st.lists(st.tuples(st.integers(0, 80), st.integers(-40, 40) | st.none()), max_size=30))
def test_bands_holders_and_projects_count_each_thing_once(ages: list[tuple[int, int | None]]) -> None:
    rows = [
        row(
            id=number,
            opened_at=f"{TODAY - timedelta(days=age)}T18:00:00Z",
            due_on=due and f"{TODAY + timedelta(days=due)}",
            holder=person(number % 3, f"P{number % 3}"),
        )
        for number, (age, due) in enumerate(ages)
    ]
    found = aged(*rows)

    late = sum(due is not None and due < 0 for _, due in ages)
    assert found.figures["overdue"] == late
    for bars in (found.by_band(), found.by_holder(), found.by_project()):
        assert sum(bar.total for bar in bars) == len(ages)
        assert sum(bar.part for bar in bars) == late
    assert [bar.name for bar in found.by_band()] == list(Band)


@pytest.mark.parametrize(
    ("due_on", "overdue_days"), [("2026-03-05", 0), ("2026-03-04", 0), ("2026-03-03", 1), (None, 0), ("0000-00-00", 0)]
)
def test_overdue_is_what_was_due_before_today(due_on: str | None, overdue_days: int) -> None:
    (item,) = aged(row(due_on=due_on)).items

    assert item.overdue_days == overdue_days
    assert item.is_overdue is (overdue_days > 0)


def test_age_and_today_are_days_of_the_projects_own_time_zone() -> None:
    """At six in the evening of a Tuesday in Denver it is Wednesday in Auckland."""
    now = datetime(2026, 3, 4, 1, tzinfo=UTC)
    denver = CHICAGO._replace(zone=ZoneInfo("America/Denver"))
    auckland = ReportedProject(2, 9, "Harbour", "26-1", is_active=True, zone=ZoneInfo("Pacific/Auckland"))
    opened_at = "2026-03-03T06:30:00Z"  # the 2nd in Denver, the 3rd in Auckland

    found = aged(
        row(opened_at=opened_at, due_on="2026-03-03"),
        row(project_id=2, opened_at=opened_at, due_on="2026-03-03"),
        projects=[denver, auckland],
        now=now,
    )
    ages = {item.project.name: (item.opened_on.day, item.age_days, item.overdue_days) for item in found.items}

    assert ages == {"Lakeview": (2, 1, 0), "Harbour": (3, 1, 1)}


def test_drafts_closed_ones_and_other_states_do_not_wait() -> None:
    found = aged(
        row(state="draft", opened_at=None),
        row(state="open", opened_at=None),
        row(state="closed", closed_at="2026-01-03T15:00:00Z"),
        row(state="recycled"),
        row(state="Offen"),
        row(state=None),
        row(project_id=55),
    )

    assert list(found.items) == []
    assert (found.drafts, found.of_other_state) == (2, 3)


def test_the_week_counts_what_was_opened_and_closed_in_seven_full_days() -> None:
    def closed(day: str) -> Any:
        return row(state="closed", opened_at="2026-01-01T12:00:00Z", closed_at=day)

    found = aged(
        row(opened_at="2026-02-25T06:00:00Z"),  # midnight in Chicago: the first of the seven days
        row(opened_at="2026-02-25T05:59:59Z"),
        row(opened_at="2026-03-04T05:59:59Z"),  # the last second of yesterday
        row(opened_at="2026-03-04T06:00:00Z"),
        closed("2026-03-01T12:00:00Z"),
        closed("2026-02-01T12:00:00Z"),
        row(state="open", closed_at="2026-03-01T12:00:00Z", opened_at="2026-01-01T12:00:00Z"),
    )

    assert found.week == (date(2026, 2, 25), date(2026, 3, 3))
    assert (found.opened, found.closed) == (2, 1)


def test_how_it_was_a_week_ago_is_told_by_what_was_open_then() -> None:
    """When the first of the seven days, the 25th of February, began in Chicago."""
    january, due = "2026-01-01T12:00:00Z", "2026-02-24"
    found = aged(
        row(opened_at=january, due_on=due),
        row(opened_at=january, due_on="2026-02-25", schedule_impact={"status": "yes_unknown"}),
        row(opened_at="2026-02-24T12:00:00Z", due_on=None),
        row(opened_at="2026-02-25T12:00:00Z", due_on=due),
        row(opened_at=january, due_on=due, state="closed", closed_at="2026-02-25T06:00:00Z"),
        row(opened_at=january, due_on=due, state="closed", closed_at="2026-02-25T05:59:59Z"),
        row(opened_at=january, due_on=due, state="closed", closed_at=None),
        row(opened_at=january, due_on=due, state="draft"),
    )

    assert found.before == {
        "open": 4,
        "overdue": 2,
        "over_30_days": 3,
        "with_cost_or_schedule_impact": 1,
    }
    assert len(found.items) == found.before["open"] + found.opened - found.closed


def test_what_several_hold_is_one_thing_and_counts_for_each_holder_and_once_for_each_company() -> None:
    both = [person(1, "Ada"), person(2, "Ben"), person(3, "Cy"), person(1, "Ada")]
    employers = {(1, 1): "Architects", (None, 2): "Architects", (99, 3): "of another project"}

    found = aged(row(holders=both, holder=person(4, "not asked")), employers=employers)

    (item,) = found.items
    assert item.holders == (
        Holder("Ada", "Architects"),
        Holder("Ben", "Architects"),
        Holder("Cy", UNKNOWN_COMPANY),
    )
    assert found.by_holder() == [Bar("Ada", 1, 0), Bar("Ben", 1, 0), Bar("Cy", 1, 0)]
    assert found.by_company() == [Bar("Architects", 1, 0), Bar(UNKNOWN_COMPANY, 1, 0)]


@pytest.mark.parametrize(
    "held",
    [{}, {"holders": []}, {"holders": "no json"}, {"holder": {"id": 1}}, {"holder": [1]}, {"holders": [None, 5]}],
)
def test_what_nobody_holds_is_said_to_be_with_nobody(held: dict[str, Any]) -> None:
    assert aged(row(**held)).by_holder() == [Bar(NOBODY, 1, 0)]


def test_impacts_are_counted_and_amounts_kept_digit_for_digit() -> None:
    found = aged(
        row(id=1, cost_impact='{"status": "yes_known", "value": 1234567890123456.789}'),
        row(id=2, cost_impact={"status": "yes_unknown", "value": None}),
        row(id=3, schedule_impact={"status": "yes_known", "value": "12"}),
        row(id=4, cost_impact={"status": "tbd"}, schedule_impact={"status": "no_impact"}),
        row(id=5, cost_impact='{"status": "yes_known", "value": NaN}', schedule_impact={"status": None}),
        row(id=6, cost_impact="[1]"),
    )

    values = {item.id: (item.cost.value, item.schedule.value) for item in found.items}
    assert values["1"] == (Decimal("1234567890123456.789"), None)
    assert values["3"] == (None, Decimal(12))
    assert values["5"] == (None, None)
    assert sorted(item.id for item in found.items if item.has_impact) == ["1", "2", "3", "5"]


def test_the_worst_come_first() -> None:
    found = aged(
        row(id=1, due_on="2026-03-01"),
        row(id=2, due_on="2026-02-01"),
        row(id=3, due_on=None, opened_at="2025-01-01T12:00:00Z"),
        row(id=4, due_on="2026-04-01"),
    )

    assert [item.id for item in found.items] == ["2", "1", "3", "4"]
    assert found.median_age_days == 2


def test_only_a_web_address_becomes_a_link() -> None:
    links = ("javascript:alert(1)", "https://app.procore.com/1", None, " data:text/html,x")
    found = aged(*(row(id=number, link=link) for number, link in enumerate(links)))

    assert {item.id: item.link for item in found.items} == {
        "0": None,
        "1": "https://app.procore.com/1",
        "2": None,
        "3": None,
    }


def test_nothing_is_older_than_the_future() -> None:
    (item,) = aged(row(opened_at="2026-03-09T12:00:00Z"), now=NOW).items

    assert (item.age_days, item.age_working_days, item.band) == (0, 0, Band.WEEK)
