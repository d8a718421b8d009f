"""How calls that were counted turn into a grade: pure, from counts to colours."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.model import ALL_CALLS, SUCCEEDED, CallLine, Observation
from sync_worker.state.health import DAYS, WORDS, Color, color_of, health, worst

TODAY = date(2026, 11, 26)


def line(kind: str, days_ago: int = 0, stream: str | None = "rfis", company_id: int = 1) -> CallLine:
    return CallLine(TODAY - timedelta(days=days_ago), company_id, stream, kind)


def test_an_observation_has_its_days_and_the_streams_behind_it_the_worst_first() -> None:
    counted = {
        line(ALL_CALLS): 900,
        line(ALL_CALLS, 13, "budget_views"): 100,
        line(SUCCEEDED): 890,
        line(Observation.FORBIDDEN): 4,
        line(Observation.FORBIDDEN, company_id=2): 1,
        line(Observation.FORBIDDEN, 13, "budget_views"): 30,
        line(Observation.FORBIDDEN, 14, "budget_views"): 500,
        line(Observation.THROTTLED, stream=None): 5,
    }
    forbidden, not_found, throttled, *others = found = health(counted, TODAY)

    assert [it.observation for it in found] == list(Observation)
    assert (forbidden.calls, forbidden.of, forbidden.share) == (35, 1000, 0.035)
    assert (forbidden.color, forbidden.word) == (Color.RED, "bad")
    assert forbidden.streams == [("budget_views", 30), ("rfis", 5)]
    assert [day.day for day in forbidden.days] == [
        (TODAY - timedelta(days=ago)).isoformat() for ago in reversed(range(DAYS))
    ]
    assert forbidden.days[0] == ("2026-11-13", 30, 100, Color.RED, "bad")
    assert forbidden.days[-1] == ("2026-11-26", 5, 900, Color.AMBER, "watch")
    assert (throttled.color, throttled.streams) == (Color.AMBER, [(None, 5)])
    assert {it.color for it in (not_found, *others)} == {Color.GREEN}
    assert worst(found) is Color.RED
    assert worst([not_found, throttled]) is Color.AMBER


def test_nothing_counted_is_green_and_has_all_its_days() -> None:
    found = health({}, TODAY)
    assert {(it.color, it.word, it.calls, it.of, it.share, len(it.days)) for it in found} == {
        (Color.GREEN, "good", 0, 0, 0.0, DAYS)
    }


def test_the_days_are_those_of_the_server_where_its_calendar_is_ahead() -> None:
    ahead = health({line(ALL_CALLS, -1): 10, line(Observation.NOT_FOUND, -1): 10}, TODAY)[1]
    assert (ahead.days[-1].day, ahead.days[-1].calls) == ("2026-11-27", 10)
    assert (ahead.calls, len(ahead.days)) == (10, DAYS)


@pytest.mark.parametrize(
    ("calls", "of", "color"),
    [(0, 0, "green"), (0, 10, "green"), (4, 1000, "green"), (5, 1000, "amber"), (19, 1000, "amber"), (20, 1000, "red"),
     (1, 1, "red")],
)  # fmt: skip
def test_colours_change_at_half_a_percent_and_at_two(calls: int, of: int, color: str) -> None:
    assert color_of(calls, of) == color
    assert set(WORDS) == set(Color)


@given(
    st.dictionaries(
        st.builds(
            line,
            st.sampled_from([*Observation, ALL_CALLS, SUCCEEDED]),
            st.integers(-3, 20),
            st.sampled_from([None, "rfis", "bids"]),
            st.integers(1, 2),
        ),
        st.integers(1, 1000),
    )
)
def test_days_and_streams_add_up_to_the_whole(counted: dict[CallLine, int]) -> None:
    for found in health(counted, TODAY):
        assert sum(day.calls for day in found.days) == sum(it.calls for it in found.streams) == found.calls
        assert sum(day.of for day in found.days) == found.of
        days = {day.day for day in found.days}
        expected: Counter[str | None] = Counter()
        for it, calls in counted.items():
            if it.kind == found.observation and it.day.isoformat() in days:
                expected[it.stream] += calls
        assert dict(found.streams) == expected
