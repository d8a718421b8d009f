from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sync_worker.errors import ConfigurationError
from sync_worker.scheduler.schedules import Schedule, parse_schedule

CHICAGO = "America/Chicago"
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
SPRING, AUTUMN = datetime(2026, 3, 7, 12, tzinfo=UTC), datetime(2026, 10, 31, 12, tzinfo=UTC)


def ticks(schedule: Schedule, start: datetime, end: datetime) -> Iterator[datetime]:
    """All instants of a schedule in `(start, end]`."""
    while (start := schedule.next_after(start)) <= end:
        yield start


def walls(text: str, start: datetime, days: float = 2, timezone: str = CHICAGO) -> list[str]:
    """Return the ticks of some days as clocks in that zone show them."""
    found = ticks(parse_schedule(text, timezone), start, start + timedelta(days=days))
    return [f"{tick.astimezone(ZoneInfo(timezone)):%a %d %H:%M %Z}" for tick in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 6 * * 1", ["Mon 05 06:00 UTC"]),
        ("0 6 * * 0", ["Sun 04 06:00 UTC"]),
        ("0 6 * * 7", ["Sun 04 06:00 UTC"]),
        ("0 6 * * SUN", ["Sun 04 06:00 UTC"]),
        ("0 6 * * 07", ["Sun 04 06:00 UTC"]),
        ("0 6 2-7/9 * *", ["Fri 02 06:00 UTC"]),
        ("0 6 * feb-dec/2 *", []),
        ("0 6 * JAN-12/11 1", ["Mon 05 06:00 UTC"]),
        ("0 6 * * fri-sun", ["Fri 02 06:00 UTC", "Sat 03 06:00 UTC", "Sun 04 06:00 UTC"]),
        ("0 6 * * 5-7", ["Fri 02 06:00 UTC", "Sat 03 06:00 UTC", "Sun 04 06:00 UTC"]),
        ("0 6 * * 1-5/2", ["Fri 02 06:00 UTC", "Mon 05 06:00 UTC", "Wed 07 06:00 UTC"]),
        ("0 6 * * */3", ["Sat 03 06:00 UTC", "Sun 04 06:00 UTC", "Wed 07 06:00 UTC"]),
        ("0 6 * jan-feb mon,3", ["Mon 05 06:00 UTC", "Wed 07 06:00 UTC"]),
        ("0 6 3 * 1", ["Sat 03 06:00 UTC", "Mon 05 06:00 UTC"]),
        ("0 0 29 2 *", []),
        ("@weekly", ["Sun 04 00:00 UTC"]),
        ("every 2d", ["Sat 03 00:00 UTC", "Mon 05 00:00 UTC", "Wed 07 00:00 UTC"]),
    ],
)
def test_schedules_mean_what_they_mean_in_unix(text: str, expected: list[str]) -> None:
    assert walls(text, NEW_YEAR, days=6.5, timezone="UTC") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*/20 * * * *", 3),
        ("5/20 * * * *", 3),
        ("@hourly", 1),
        ("every 15m", 4),
        ("every 15 minutes", 4),
        ("EVERY 90s", 40),
    ],
)
def test_ticks_of_an_hour(text: str, expected: int) -> None:
    assert len(list(ticks(parse_schedule(text), NEW_YEAR, NEW_YEAR + timedelta(hours=1)))) == expected


def fields_of_cron(low: int, high: int, names: str = "") -> st.SearchStrategy[str]:
    """Generate what people write in one field."""
    named = dict(enumerate(names.split(), low))
    value = st.integers(low, high)
    spelt = st.builds(lambda number, named_: named.get(number, str(number)) if named_ else str(number), value, BOTH)
    spans = st.tuples(value, value).map(sorted).map(lambda pair: "-".join(map(str, pair)))
    steps = st.builds("{}/{}".format, spans | st.just("*"), st.integers(1, 9))
    return st.lists(st.just("*") | spelt | spans | steps, min_size=1, max_size=2).map(",".join)


BOTH = st.booleans()
MONTHS, DAYS = "jan feb mar apr may jun jul aug sep oct nov dec", "sun mon tue wed thu fri sat"


def named_by(field: str, low: int, high: int, names: str = "") -> set[int]:
    """Return the values of a field, as crontab(5) defines them."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        ends = [names.split().index(end) + low if end.isalpha() else int(end) for end in span.split("-") if end != "*"]
        found |= set(range((ends or [low])[0], (ends or [high])[-1] + 1, int(step or 1)))
    return found


@given(
    minute=fields_of_cron(0, 59),
    hour=fields_of_cron(0, 23),
    day=fields_of_cron(1, 31),
    month=fields_of_cron(1, 12, MONTHS),
    weekday=fields_of_cron(0, 7, DAYS),
    start=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
@settings(max_examples=60)
def test_the_next_tick_is_the_first_minute_that_the_five_fields_name(
    minute: str, hour: str, day: str, month: str, weekday: str, start: datetime
) -> None:
    days, weekdays = named_by(day, 1, 31), {number % 7 for number in named_by(weekday, 0, 7, DAYS)}
    either = any if not (day.startswith("*") or weekday.startswith("*")) else all

    def is_named(at: datetime) -> bool:
        return at.month in named_by(month, 1, 12, MONTHS) and either((at.day in days, at.isoweekday() % 7 in weekdays))

    dates = (start.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=ahead) for ahead in range(3000))
    times = sorted((h, m) for h in named_by(hour, 0, 23) for m in named_by(minute, 0, 59))
    due = (date.replace(hour=h, minute=m) for date in dates if is_named(date) for h, m in times)
    expected = next((at for at in due if at > start), None)
    assume(expected is not None)
    assert parse_schedule(f"{minute} {hour} {day} {month} {weekday}").next_after(start) == expected


@pytest.mark.parametrize(
    "text",
    [
        "0 * * * *",
        "*/7 1-5 * * *",
        "10,40 9 1-15 * mon-fri",
        "0 9 13 * 5",
        "0 0 31 * *",
        "@daily",
        "every 7m",
        "every 1h",
    ],
)
@pytest.mark.parametrize("days", [1, 28])
def test_ticks_are_counted_as_if_they_were_walked_through(text: str, days: int) -> None:
    schedule, start = parse_schedule(text), NEW_YEAR - timedelta(seconds=1)
    end = start + timedelta(days=days)

    assert schedule.count(start, end) == len(list(ticks(schedule, start, end)))


@pytest.mark.parametrize("text", ["* * * * *", "every 1s"])
def test_ticks_of_every_minute_are_counted_without_walking_through_them(text: str) -> None:
    seconds = 60 if text.startswith("*") else 1

    assert parse_schedule(text, CHICAGO).count(SPRING, SPRING + timedelta(days=365)) == 365 * 86_400 / seconds


def test_leap_days_are_waited_for() -> None:
    assert parse_schedule("0 0 29 2 *").next_after(NEW_YEAR) == datetime(2028, 2, 29, tzinfo=UTC)


def test_a_time_that_does_not_exist_is_due_once_an_hour_later() -> None:
    assert walls("30 2 * * *", SPRING) == ["Sun 08 03:30 CDT", "Mon 09 02:30 CDT"]


def test_a_time_that_happens_twice_is_due_the_first_time() -> None:
    assert walls("30 1 * * *", AUTUMN) == ["Sun 01 01:30 CDT", "Mon 02 01:30 CST"]


def test_the_next_tick_is_the_same_when_asked_inside_the_hour_that_is_skipped() -> None:
    schedule = parse_schedule("30 2 * * *", CHICAGO)
    assert schedule.next_after(datetime(2026, 3, 8, 8, 10, tzinfo=UTC)) == datetime(2026, 3, 8, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize("start", [SPRING, AUTUMN])
@pytest.mark.parametrize("text", ["30 * * * *", "@hourly", "every 1h"])
def test_an_hourly_job_is_due_every_hour_that_passes(text: str, start: datetime) -> None:
    found = list(ticks(parse_schedule(text, CHICAGO), start, start + timedelta(days=2)))
    assert len(found) == 48
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(hours=1)}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6 *", "never fires"),
        ("0 0 * *", "five fields"),
        ("61 * * * *", "'61' is no minute: 0 to 59"),
        ("0 22-2 * * *", "'22-2' is no hour"),
        ("0 0 lastly * *", "'lastly' is no day of the month"),
        ("0 0 L * *", "'L' is no day of the month"),
        ("0 0 1 janx *", "'janx' is no month: 1 to 12, jan to dec"),
        ("0,,5 * * * *", "'' is no minute"),
        ("0 0 * * 8", "'8' is no day of the week"),
        ("0 0 * * noday", "'noday'"),
        ("@reboot", "@hourly"),
        ("every", "every 15m"),
        ("every 0m", "at least a second"),
        ("every quarter", "every 15m"),
        ("", "five fields"),
    ],
)
def test_a_schedule_that_cannot_be_used_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used") as refused:
        parse_schedule(text)
    assert reason in str(refused.value)


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="Mars/Olympus"):
        parse_schedule("@daily", "Mars/Olympus")


ZONES = st.sampled_from([CHICAGO, "Europe/Berlin", "Australia/Lord_Howe", "UTC", "Asia/Kolkata"])


@given(
    zone=ZONES,
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    start=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_a_daily_job_is_due_once_on_every_day_of_the_wall_calendar(
    zone: str, minute: int, hour: int, start: datetime
) -> None:
    schedule = parse_schedule(f"{minute} {hour} * * *", zone)
    found = list(ticks(schedule, start, start + timedelta(days=9)))
    days = [tick.astimezone(ZoneInfo(zone)).date() for tick in found]
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))
    assert len(days) in (8, 9, 10)


@given(
    zone=ZONES,
    text=st.sampled_from(["30 2,3 * * *", "15,45 1-3 * * *", "*/25 * * * *", "0 */2 * * *", "10 1 * * *", "every 7h"]),
    start=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    share=st.floats(0, 1, exclude_max=True),
)
def test_the_next_tick_does_not_depend_on_when_it_is_asked_for(
    zone: str, text: str, start: datetime, share: float
) -> None:
    schedule = parse_schedule(text, zone)
    due = schedule.next_after(start)
    assert due > start
    assert due.microsecond == 0
    assert schedule.next_after(start + share * (due - start - timedelta(microseconds=1))) == due
