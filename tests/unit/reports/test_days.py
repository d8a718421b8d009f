from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.reports.days import day_from, day_of, instant_from, week_before, working_days, zone_named

DAYS = st.dates(date(1990, 1, 1), date(2100, 1, 1))
SATURDAY = 5


@given(DAYS, st.integers(0, 900))
def test_working_days_are_the_mondays_to_fridays_after_the_first_day(after: date, length: int) -> None:
    until = after + timedelta(days=length)
    counted = sum((after + timedelta(days=day)).weekday() < SATURDAY for day in range(1, length + 1))

    assert working_days(after, until) == counted


@given(DAYS, st.integers(1, 900))
def test_no_working_days_pass_backwards(after: date, length: int) -> None:
    assert working_days(after, after - timedelta(days=length)) == 0


@given(DAYS)
def test_a_week_is_seven_full_days_that_follow_each_other(today: date) -> None:
    first, last = week_before(today)

    assert (last - first).days == 6
    assert last + timedelta(days=1) == today
    assert week_before(first)[1] + timedelta(days=1) == first


def test_on_a_monday_the_week_before_is_monday_to_sunday() -> None:
    assert week_before(date(2026, 3, 9)) == (date(2026, 3, 2), date(2026, 3, 8))


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2026-03-03T04:00:00Z", "America/Chicago", date(2026, 3, 2)),
        ("2026-03-03T06:00:00Z", "America/Chicago", date(2026, 3, 3)),
        ("2026-03-02T23:00:00Z", "Pacific/Auckland", date(2026, 3, 3)),
        ("2026-03-03T04:00:00+00:00", "UTC", date(2026, 3, 3)),
    ],
)
def test_a_day_is_that_of_the_projects_time_zone(instant: str, zone: str, day: date) -> None:
    read = instant_from(instant)

    assert read is not None
    assert day_of(read, ZoneInfo(zone)) == day


INSTANTS = st.datetimes(timezones=st.just(UTC)).filter(lambda instant: 1950 < instant.year < 2100)


@given(INSTANTS, st.sampled_from(["UTC", "Asia/Tokyo", "America/Denver"]))
def test_an_instant_comes_back_from_its_text_whatever_zone_it_was_written_in(instant: datetime, zone: str) -> None:
    assert instant_from(instant.astimezone(ZoneInfo(zone)).isoformat()) == instant


@pytest.mark.parametrize("text", [None, "", "yesterday", "2026-13-01", "2026-03-02T10:00:00", "0000-00-00"])
def test_what_is_no_instant_is_none(text: str | None) -> None:
    assert instant_from(text) is None


@pytest.mark.parametrize("text", [None, "", "0000-00-00", "20260", "soon", "2026-03-02T10:00:00Z"])
def test_what_is_no_day_is_none(text: str | None) -> None:
    assert day_from(text) is None


def test_the_first_time_zone_that_exists_counts() -> None:
    assert str(zone_named("Central Time (US & Canada)", "America/Chicago")) == "America/Chicago"
    assert zone_named(None, "", "../etc/passwd", "Central Time (US & Canada)") is None
