from __future__ import annotations

import pytest

from sync_worker.catalog import STREAMS
from sync_worker.forecast.cost import Basis, Cost, Pace, calls_a_day, pages_of
from sync_worker.planning.options import StreamOptions


@pytest.mark.parametrize(
    ("rows", "per_page", "pages"), [(0, 100, 1), (1, 100, 1), (100, 100, 1), (101, 100, 2), (5000, None, 1)]
)
def test_a_list_takes_a_page_at_least_and_one_without_paging_never_more(
    rows: int, per_page: int | None, pages: int
) -> None:
    assert pages_of(rows, per_page) == pages


@pytest.mark.parametrize(
    ("calls", "hours"), [(0, 0.0005), (720, 0.1), (2880, 0.4), (2881, 1.0), (3600, 1.1), (28_800, 9.4)]
)
def test_what_goes_beyond_our_share_of_an_hour_waits_for_the_next(calls: int, hours: float) -> None:
    assert Pace(limit=3600, granted=2880, a_second=2.0).hours(calls) == pytest.approx(hours, abs=0.001)


def test_without_a_known_spike_the_share_is_spent_evenly() -> None:
    assert Pace(limit=3600, granted=2880).hours(1440) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("stream", "whole", "ticks", "calls"),
    [
        ("roles", 2, 12, 4 * 2),
        ("roles", 2, 6, 3 * 2),
        ("roles", 2, 1, 2),
        ("companies", 1, 12, 12),
        ("submittals", 1, 12, 12 + 4),
        ("submittals", 8, 12, 12 + 4 + 1),
        ("manpower_logs", 30, 12, 12 + 1),
        ("rfi_replies", 70, 12, 10),
        ("budget_view_detail_rows", 3, 12, 4 * 3),
        ("rfis", 1, 0, 0),
    ],
)
def test_a_schedule_reads_each_stream_as_often_as_it_is_due(stream: str, whole: int, ticks: int, calls: int) -> None:
    spec = STREAMS[stream]
    above = STREAMS[spec.parent.stream] if spec.parent else None

    found = calls_a_day(spec, Cost(1, whole, Basis.STORED), above, StreamOptions(), ticks)

    assert found == pytest.approx(calls, rel=0.01)


def test_what_is_refused_is_tried_once_a_week() -> None:
    found = calls_a_day(STREAMS["rfis"], Cost(1, 0, Basis.REFUSED), None, StreamOptions(), 12)
    assert found == pytest.approx(1 / 7)
