"""Windows for any marks, clocks and settings: none raises, none is turned round, and together they leave no gap."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sync_worker.catalog import STREAMS
from sync_worker.client.list_request import list_request
from sync_worker.clock import utc_text
from sync_worker.model import DateRange, Scope
from sync_worker.planning.windows import (
    CALENDARS,
    Now,
    RereadRule,
    around,
    backfill_parts,
    cursor_window,
    halves,
    log_dates,
    months,
    reread_dates,
    trusted,
    window_of,
)
from sync_worker.state.checkpoints import Checkpoint
from sync_worker.state.instants import from_text
from sync_worker.state.last_reads import ReadDepth

PROJECT = Scope(4, 70)
instants = st.datetimes(timezones=st.just(UTC))
presents = st.tuples(instants, instants).map(lambda clocks: Now(min(clocks), max(clocks)))
lookbacks = st.integers(0, 10**9).map(lambda seconds: timedelta(seconds=seconds))
checkpoints = st.none() | st.builds(Checkpoint, instants, instants, st.just("run-1"), st.none() | instants)
days = st.dates()
ranges = st.tuples(days, days).map(lambda it: DateRange(min(it), max(it)))


@given(checkpoints, presents, lookbacks)
def test_no_mark_and_no_clock_turns_a_window_round(
    checkpoint: Checkpoint | None, now: Now, lookback: timedelta
) -> None:
    window = cursor_window(trusted(checkpoint, now), now, lookback)

    assert window.end == now.later
    assert window.start is None or window.start <= now.earlier
    now_in_whole_seconds = window._replace(end=window.end.replace(microsecond=0))
    asked = dict(list_request(STREAMS["rfis"], PROJECT, window=now_in_whole_seconds).params).get("filters[updated_at]")
    if window.start is not None:
        start, end = map(from_text, (asked or "").split("..."))
        assert start <= window.start
        assert end == now_in_whole_seconds.end


@given(instants, instants)
def test_instants_sort_as_text_and_come_back(one: datetime, other: datetime) -> None:
    assert from_text(utc_text(one)) == one.replace(microsecond=0)
    assert (utc_text(one) < utc_text(other)) == (one.replace(microsecond=0) < other.replace(microsecond=0))


offsets = st.integers(-3 * 86_400, 3 * 86_400)
passes = st.lists(st.tuples(st.integers(1, 5 * 86_400), offsets, st.booleans()), min_size=2, max_size=12)


@given(passes)
def test_as_long_as_one_clock_is_right_no_change_falls_between_two_windows(
    runs: Sequence[tuple[int, int, bool]],
) -> None:
    at, last_at, stored = datetime(2026, 3, 2, 12, tzinfo=UTC), None, None
    for passed, off, is_ours in runs:
        at += timedelta(seconds=passed)
        wrong = at + timedelta(seconds=off)
        ours = wrong if is_ours else at
        now = Now(min(at, wrong), max(at, wrong))
        window = cursor_window(trusted(stored, now), now, timedelta(0))
        assert window.end >= at
        assert last_at is None or window.start is None or window.start <= last_at
        mark = min(now.earlier, window.end)
        stored = Checkpoint(mark if stored is None else max(mark, stored.mark), ours, "run", ours)
        last_at = at


@given(days, presents, checkpoints, st.sampled_from(ReadDepth), st.integers(0, 10**6))
def test_the_days_of_a_daily_log_are_some_whatever_its_first_day(
    first_on: date, now: Now, checkpoint: Checkpoint | None, reach: ReadDepth, back: int
) -> None:
    every_day = log_dates(first_on, now)
    dates = reread_dates(RereadRule(days=back, weekly_days=back), reach, trusted(checkpoint, now), first_on, now)

    assert every_day.start_on == first_on <= dates.start_on <= dates.end_on == every_day.end_on
    window = window_of(dates)
    assert window.start is not None
    assert window.start < window.end


@given(days, st.sampled_from(CALENDARS))
def test_all_days_there_are_hold_the_first_day_once(first_on: date, calendar: DateRange) -> None:
    parts = around(first_on, calendar)

    assert min(calendar.start_on, first_on) == parts[0].start_on
    assert parts[-1].end_on >= max(first_on, calendar.end_on)
    assert all(part.start_on <= part.end_on for part in parts)
    assert all(one.end_on + timedelta(days=1) == other.start_on for one, other in pairwise(parts))


@given(ranges)
def test_months_and_halves_are_the_days_that_they_were_cut_from(period: DateRange) -> None:
    # Ten years are many months; the ends of the calendar are what goes wrong.
    some = period._replace(start_on=max(period.start_on, period.end_on - timedelta(days=min(3650, _since(period)))))
    for parts in (list(months(some)), list(halves(some)) if some.start_on < some.end_on else [some]):
        assert (parts[0].start_on, parts[-1].end_on) == (some.start_on, some.end_on)
        assert all(one.end_on + timedelta(days=1) == two.start_on for one, two in pairwise(parts))
    assert backfill_parts(STREAMS["manpower_logs"], some, datetime.max.replace(tzinfo=UTC))


def _since(period: DateRange) -> int:
    return (period.end_on - date.min).days
