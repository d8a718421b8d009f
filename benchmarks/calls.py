"""The calls of the shipped jobs, the minimum possible, and what each way of saving calls is worth.

Three tables: a pass of each job after different changes; the same without one of the ways of saving; and days of all
jobs on their schedules in a company that forbids some tools. Simulated hours pass as fast as calls are made.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import StringIO
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import minimum
from benchmarks.synced_company import BEGIN, JOBS, Company, Shape, synced_company
from procore_simulator.allowance import Limits
from procore_simulator.changes import change
from procore_simulator.wire import LoggedRequest
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import SyncMode
from sync_worker.logs import configure_logging
from sync_worker.scheduler.schedules import parse_schedule

LIMITS = Limits(hourly=3_600, spike=25)
DEPRECATED = ("standard_cost_code_lists", "standard_cost_codes")
HOUR, DAY = 3_600, 86_400
_CHANGES = 5


class Moment(NamedTuple):
    """A pass of all jobs, `seconds` after the one before, with or without changes in between."""

    name: str
    seconds: int
    changes: int = 0


PASSES = (
    Moment("full load", 0),
    Moment("at once", 0),
    Moment("1 h, changed", HOUR, _CHANGES),
    Moment("7 h", 6 * HOUR),
    Moment("a week", 7 * DAY - 7 * HOUR),
)
MINIMUM: Mapping[str, Callable[[Company, str], int]] = {
    "full load": minimum.full_load,
    "at once": minimum.nothing_changed,
}
SHORT = (Moment("full load", 0), Moment("1 h later", HOUR), Moment("a day later", DAY))

_WHOLE = {name: {"full_refresh_every": "1h"} for name, it in STREAMS.items() if it.mode is SyncMode.FULL_REFRESH}
_NESTED = {name: {"nested_everything_every": "1h"} for name, it in STREAMS.items() if it.parent is not None}
_SMALL = {name: {"per_page": 100} for name, it in STREAMS.items() if it.paging.per_page is not None}
WITHOUT: Mapping[str, Mapping[str, Any]] = {
    "nothing (all ways taken)": {},
    "children of unmoved parents": {"streams": _NESTED},
    "whole lists every six hours": {"streams": _WHOLE},
    "the largest page": {"streams": _SMALL},
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("passes", "savings", "days"))
    parser.add_argument("--projects", type=int, default=100)
    parser.add_argument("--scale", type=float, default=0.1, help="how much is in a project")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--forbidden", type=float, default=0.2, help="share of the tools of all projects")
    options = parser.parse_args()
    configure_logging(verbosity=-1, stream=StringIO())
    shape = Shape(options.projects, options.scale)
    if options.only in (None, "passes"):
        print_passes(shape)
    if options.only in (None, "savings"):
        print_savings(shape)
    if options.only in (None, "days"):
        print_days(shape._replace(forbidden=options.forbidden, limits=LIMITS), options.days)


def print_passes(shape: Shape) -> None:
    """Print the calls of a pass of each job, with the minimum in brackets."""
    print(f"\ncalls of a pass, {shape.projects} projects, with the minimum in brackets\n")
    found: dict[str, list[str]] = {job: [] for job in JOBS}
    sums: list[str] = []
    with _company(shape) as company:
        for moment in PASSES:
            calls = _pass(company, moment)
            bound = {job: MINIMUM[moment.name](company, job) for job in calls} if moment.name in MINIMUM else {}
            for job, number in calls.items():
                found[job].append(_with_minimum(number, bound.get(job)))
            sums.append(_with_minimum(sum(calls.values()), sum(bound.values()) if bound else None))
    _table(["job", *(moment.name for moment in PASSES)], [*([job, *found[job]] for job in found), ["all", *sums]])


def print_savings(shape: Shape) -> None:
    """Print the calls of three passes of all jobs without each way of saving in turn."""
    shape = shape._replace(forbidden=0.1, off=0.1, inactive=shape.projects // 10)
    what = "a tenth of them inactive, a tenth of their tools off, a tenth forbidden"
    print(f"\ncalls without each way of spending less, {shape.projects} projects, {what}\n")
    rows: list[list[str]] = []
    usual = 0
    for left_out, config in WITHOUT.items():
        with _company(shape, config=config) as company:
            calls = [sum(_pass(company, moment).values()) for moment in SHORT]
        usual = usual or sum(calls)
        rows.append([left_out, *(f"{number:,}" for number in calls), f"{sum(calls) - usual:+,}"])
    _table(["without", *(moment.name for moment in SHORT), "saved"], rows)


def print_days(shape: Shape, days: int) -> None:
    """Print days of all jobs on their schedules: the figures by which Procore grades an app."""
    what = f"{shape.projects} projects, {shape.forbidden:.0%} of their tools forbidden"
    print(f"\n{days} days of the shipped jobs on their schedules, {what}\n")
    statistics = CallStatistics()
    with _company(shape) as company:
        for day in range(1, days + 1):
            run_a_day(company, statistics)
            so_far = (
                f"{statistics.calls:,} calls, 403 or 404 {statistics.refused_share:.2%}, 429 {statistics.statuses[429]}"
            )
            print(f"  until day {day}: {so_far}", flush=True)
    for line in statistics.lines():
        print(f"  {line}", flush=True)


class CallStatistics:
    """Counts of calls as Procore's Integration Health has them."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.by_hour: Counter[datetime] = Counter()
        self.late_seconds: Counter[str] = Counter()
        self.without_company = 0
        self.undocumented: set[str] = set()
        self.deprecated = 0

    def take(self, calls: Sequence[LoggedRequest]) -> None:
        """Count some calls."""
        for call in calls:
            self.statuses[call.status] += 1
            self.by_hour[call.at.replace(minute=0, second=0, microsecond=0)] += 1
            self.without_company += not call.company_id
            self.deprecated += call.stream in DEPRECATED
            if call.stream is None and call.status == 404:
                self.undocumented.add(call.path)

    @property
    def calls(self) -> int:
        """The number of calls."""
        return self.statuses.total()

    @property
    def refused_share(self) -> float:
        """The share of calls that were answered 403 or 404."""
        return (self.statuses[403] + self.statuses[404]) / max(1, self.calls)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the summary."""
        yield f"{self.calls:,} calls, {max(self.by_hour.values()):,} in the busiest hour"
        yield f"401: {self.statuses[401]}, 429: {self.statuses[429]}, others: {dict(sorted(self.statuses.items()))}"
        yield f"403 or 404: {self.refused_share:.2%}"
        yield f"without the company header: {self.without_company}, deprecated: {self.deprecated}"
        yield f"paths that are not documented: {len(self.undocumented)}"
        yield "longest after its tick, in minutes: " + ", ".join(
            f"{job} {seconds / 60:.0f}" for job, seconds in self.late_seconds.items()
        )


def run_a_day(company: Company, statistics: CallStatistics) -> None:
    """Run every job at its ticks of a day, with a batch of changes every hour."""
    begin = BEGIN + timedelta(days=(company.clock.now() - BEGIN).days)
    for tick, job in sorted(_ticks(begin, begin + timedelta(days=1))):
        if tick > company.clock.now():
            for _ in range(ceil((tick - company.clock.now()).total_seconds() / HOUR)):
                change(company.simulator.world)
            company.clock.advance((tick - company.clock.now()).total_seconds())
        statistics.take(company.run(job))
        late = (company.clock.now() - tick).total_seconds()
        statistics.late_seconds[job] = max(statistics.late_seconds[job], round(late))
    company.clock.advance((begin + timedelta(days=1) - company.clock.now()).total_seconds())


def _ticks(begin: datetime, end: datetime) -> Iterator[tuple[datetime, str]]:
    for job, shipped in JOBS.items():
        schedule = parse_schedule(shipped.schedule or "", "UTC")
        tick = schedule.next_after(begin)
        while tick <= end:
            yield tick, job
            tick = schedule.next_after(tick)


def _pass(company: Company, moment: Moment) -> dict[str, int]:
    company.clock.advance(moment.seconds)
    for _ in range(moment.changes):
        change(company.simulator.world)
    return {job: len(company.run(job)) for job in JOBS}


@contextmanager
def _company(shape: Shape, *, config: Mapping[str, Any] | None = None) -> Iterator[Company]:
    with (
        tempfile.TemporaryDirectory() as folder,
        synced_company(Path(folder), shape, config=config) as company,
    ):
        yield company


def _with_minimum(number: int, bound: int | None) -> str:
    return f"{number:,}" if bound is None else f"{number:,} ({bound:,})"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    for row in (heads, *rows):
        name, *numbers = row
        padded = (number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True))
        print("  " + "  ".join([name.ljust(widths[0]), *padded]))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
