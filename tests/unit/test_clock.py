from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from support.clock import MACHINE, ManualClock, environ_at
from sync_worker.cli.context import clock_for
from sync_worker.clock import OFFSET_VARIABLE, offset_of, process_clock
from sync_worker.errors import ConfigurationError


@pytest.mark.parametrize("environ", [{}, {OFFSET_VARIABLE: ""}, {OFFSET_VARIABLE: "0"}])
def test_a_process_goes_by_the_machines_clock(environ: dict[str, str]) -> None:
    assert abs(offset_of(process_clock(environ))) < 1


@pytest.mark.parametrize("seconds", [-86_400.0, 0.5, 1e9])
def test_the_environment_moves_the_time_of_a_process_and_not_how_fast_it_runs(seconds: float) -> None:
    clock = process_clock({OFFSET_VARIABLE: str(seconds)})

    assert offset_of(clock) == pytest.approx(seconds, abs=0.1)
    assert abs(clock.monotonic() - MACHINE.monotonic()) < 10


@pytest.mark.parametrize("at", [datetime(2026, 3, 8, 7, 30, tzinfo=UTC), datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)])
def test_a_process_that_a_test_starts_has_the_time_of_its_world(at: datetime) -> None:
    late = process_clock(environ_at(ManualClock(at))).now() - at

    assert timedelta(0) <= late < timedelta(seconds=10)


@pytest.mark.parametrize("text", ["yesterday", "nan", "inf", "-1e10", "1d"])
def test_an_offset_that_is_no_number_of_seconds_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{OFFSET_VARIABLE} is '{text}'; set a number of seconds"):
        clock_for({OFFSET_VARIABLE: text})
