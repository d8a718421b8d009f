from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.allowance import Case, measure
from sync_worker.client.rate_limiter import RateLimiter, WindowReport
from sync_worker.client.rate_window import Recent
from sync_worker.model import Priority

MANUAL, SCHEDULED, BACKFILL = Priority.MANUAL, Priority.SCHEDULED, Priority.BACKFILL
SITUATIONS = [
    *(Case(None, 25, rolling, threads) for rolling, threads in product((False, True), (1, 4, 8))),
    Case(3600, 25, rolling=False, threads=4),
    Case(3600, 25, rolling=True, threads=8),
]


def named(case: Case) -> str:
    return f"{'rolling' if case.rolling else 'fixed'} {case.hourly or 'no'} an hour, {case.threads} threads"


@pytest.mark.parametrize("case", SITUATIONS, ids=named)
def test_all_but_three_percent_of_our_share_is_used_and_no_call_refused(case: Case) -> None:
    found = measure(case)
    assert found.refused == 0
    assert found.used >= 0.97


@pytest.mark.parametrize("others", ["evenly", "at once"])
@pytest.mark.parametrize("case", SITUATIONS, ids=named)
def test_when_another_client_takes_half_one_call_a_window_is_refused_at_most(case: Case, others: str) -> None:
    assert measure(case._replace(others=others)).refused_in_a_window <= 1


@settings(max_examples=40, deadline=None)
@given(
    hourly=st.none() | st.integers(20, 900),
    spike=st.integers(3, 120),
    rolling=st.booleans(),
    threads=st.integers(1, 12),
    latency=st.floats(0.01, 4),
    share=st.floats(0.05, 0.95),
)
def test_no_call_is_refused_for_any_limits_windows_and_answer_times(
    hourly: int | None, spike: int, rolling: bool, threads: int, latency: float, share: float
) -> None:
    assert measure(Case(hourly, spike, rolling, threads, latency, share=share)).refused == 0


def test_before_anything_is_known_only_one_call_is_sent() -> None:
    limiter = RateLimiter(share=0.8, concurrency=8)
    number = limiter.send(limiter.join(MANUAL), 0)
    assert limiter.opens_at(limiter.join(MANUAL), 0) is None
    limiter.end(number, 0.1, WindowReport(25, 24, 10, 10))
    assert limiter.room_at(0.1) == 0.1


def after_reports(*reports: tuple[float, WindowReport]) -> RateLimiter:
    """Return a rate limiter that has the answers to calls which were all in progress together, in the order given."""
    limiter = RateLimiter(share=1, concurrency=50)
    numbers = [limiter.send(limiter.join(MANUAL), 0) for _ in reports]
    for number, (at, report) in zip(numbers, reports, strict=True):
        limiter.end(number, at, report)
    return limiter


def test_an_older_answer_with_more_calls_left_changes_nothing() -> None:
    limiter = after_reports((0.2, WindowReport(25, 0, 10, 10)), (0.3, WindowReport(25, 20, 10, 10)))
    assert limiter.room_at(0.4) == 10.2


def test_an_answer_to_a_later_call_shows_that_there_is_room_again() -> None:
    limiter = after_reports((0.2, WindowReport(25, 0, 10, 10)))
    number = limiter.send(limiter.join(MANUAL), 10.2)
    limiter.end(number, 10.3, WindowReport(25, 24, 20, 10))
    assert limiter.room_at(10.3) == 10.3


def test_another_client_is_noticed_within_one_answer() -> None:
    limiter = after_reports((0.2, WindowReport(25, 12, 10, 10)))
    assert limiter.spike.others(0.3) == 12
    assert limiter.spike.others(10.3) == 0, "his calls are gone with the window"


@pytest.mark.parametrize(
    ("report", "hour", "spike"),
    [
        (WindowReport(3600, 9, 1800, 1800), 3600, 25),
        (WindowReport(25, 9, 8, 8), None, 25),
        (WindowReport(100, 9, 8, 8), None, 100),
        (WindowReport(3600, 9, 8, 8), 3600, 25),
    ],
)
def test_a_window_is_recognized_by_its_end_or_by_its_limit(report: WindowReport, hour: int | None, spike: int) -> None:
    limiter = after_reports((0.1, WindowReport(25, 20, 10, 10)), (0.2, report))
    assert (limiter.hour.limit, limiter.spike.limit) == (hour, spike)


def test_the_end_of_an_hour_is_taken_for_a_spike_only_until_the_next_answer() -> None:
    limiter = after_reports((0.1, WindowReport(3600, 900, 8, 8)), (0.2, WindowReport(3600, 899, 3608, 3600)))
    assert (limiter.hour.limit, limiter.spike.limit) == (3600, None)


def spent(limiter: RateLimiter, calls: int, at: float, priority: Priority) -> int:
    """Return how many of the calls of one thread were sent without a wait."""
    for sent in range(calls):
        position = limiter.join(priority)
        if limiter.opens_at(position, at) != at:
            limiter.leave(position)
            return sent
        number = limiter.send(position, at)
        limiter.leave(position)
        limiter.end(number, at, WindowReport(None, 3000, 3600, 3600))
    return calls


def test_each_priority_leaves_a_reserve_to_those_above_it() -> None:
    limiter = RateLimiter(share=0.5, concurrency=1)
    limiter.hour.limit = 2000
    assert spent(limiter, 1000, 5, BACKFILL) == 970
    assert spent(limiter, 1000, 5, SCHEDULED) == 20
    assert spent(limiter, 1000, 5, MANUAL) == 10


def test_a_better_priority_goes_first_and_the_other_is_not_starved() -> None:
    limiter = RateLimiter(share=1, concurrency=1)
    late = limiter.join(BACKFILL)
    went = []
    for turn in range(12):
        position = limiter.join(MANUAL)
        first = next(it for it in (position, late) if limiter.opens_at(it, turn) == turn)
        went.append(first.priority)
        limiter.end(limiter.send(first, turn), turn, WindowReport(100, 50, turn + 10, 10))
        limiter.leave(first)
        if first is late:
            late = limiter.join(BACKFILL)
            limiter.leave(position)
    assert went == [MANUAL] * 9 + [BACKFILL] + [MANUAL] * 2


@given(st.lists(st.floats(0, 3), max_size=60), st.floats(0, 20))
def test_calls_are_counted_for_as_long_as_their_window(gaps: list[float], later: float) -> None:
    calls, moments, now = Recent(10), [], 0.0
    for gap in gaps:
        now += gap
        moments.append(now)
        calls.add(now)
    now += later
    counted = calls.count(now)
    assert counted >= sum(moment + 10 > now for moment in moments)
    assert counted <= sum(moment + 10 + 10 / 600 > now for moment in moments)
