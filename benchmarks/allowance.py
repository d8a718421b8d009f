"""The used share of the allowance and the number of refused calls: `make bench-allowance`.

The matrix runs the rate limiter against the simulator's allowance in a model of threads and time, in which hours take
seconds and all random values come from a seed. The last lines run the whole client against the simulator.
"""

from __future__ import annotations

import argparse
import heapq
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count, product
from random import Random
from typing import NamedTuple

from pydantic import SecretStr

from procore_simulator.allowance import Allowance, Limits
from procore_simulator.clocks import SteppedClock
from procore_simulator.server import Simulator
from procore_simulator.world import World
from sync_worker.catalog import STREAMS
from sync_worker.client.list_request import list_request
from sync_worker.client.procore import Procore
from sync_worker.client.rate_limit import RateLimit
from sync_worker.client.rate_limiter import SPIKE_SECONDS, QueuePosition, RateLimiter, WindowReport
from sync_worker.client.retry import Retry, RetryPolicy
from sync_worker.client.tokens import Tokens
from sync_worker.client.transport import Transport
from sync_worker.errors import StopRequested
from sync_worker.load.split import splitter
from sync_worker.logs import configure_logging
from sync_worker.model import Calls, Priority, Scope

SHARE = 0.8
TOO_MANY_REQUESTS = 429
START = datetime(2026, 3, 2, 9, 0, 3, tzinfo=UTC)


class Case(NamedTuple):
    """A situation: limits an hour and in 10 s, threads, seconds per call, and the calls of other users."""

    hourly: int | None
    spike: int | None
    rolling: bool
    threads: int
    latency: float = 0.15
    others: str = "nobody"
    share: float = SHARE


class Figures(NamedTuple):
    """The result of a case: the used part of our share (or of what others left), and the number of refused calls."""

    used: float
    refused: int
    refused_in_a_window: int


class Time:
    """A clock that an event queue moves."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        raise NotImplementedError("nothing waits here")

    def at(self, seconds: float, event: Callable[[], None]) -> None:
        """Schedule an event."""
        heapq.heappush(self._events, (seconds, next(self._numbers), event))

    def run(self, until: float) -> None:
        """Run all events up to that time."""
        while self._events and self._events[0][0] <= until:
            self.seconds, _, event = heapq.heappop(self._events)
            event()


class Caller:
    """Threads that call as fast as the rate limiter lets them, and the results of their calls."""

    def __init__(self, case: Case, time: Time, server: Allowance) -> None:
        self.sent: list[float] = []
        self.refused: list[tuple[float, int]] = []
        self._time, self._server, self._latency = time, server, case.latency
        self._rate_limiter = RateLimiter(case.share, case.threads)
        self._random = Random(1)  # noqa: S311 - jitter of a benchmark
        self._held: list[QueuePosition] = []
        for _ in range(case.threads):
            self._next()

    def _next(self) -> None:
        self._ask(self._rate_limiter.join(Priority.MANUAL))

    def _ask(self, position: QueuePosition) -> None:
        now = self._time.seconds
        opens_at = self._rate_limiter.opens_at(position, now)
        if opens_at is None:
            self._held.append(position)
        elif opens_at > now:
            self._time.at(opens_at, lambda: self._ask(position))
        else:
            number = self._rate_limiter.send(position, now)
            self._rate_limiter.leave(position)
            self.sent.append(now)
            there = self._latency * self._random.uniform(0.3, 0.7)
            self._time.at(now + there, lambda: self._arrive(number))
            self._wake()

    def _arrive(self, number: int) -> None:
        window, headers = self._server.take()
        date = self._time.now().replace(microsecond=0)
        back = self._latency * self._random.uniform(0.3, 0.7)
        is_refused = window is not None and window.is_refused
        if window is not None and is_refused:
            self.refused.append((self._time.seconds, window.limit))
        self._time.at(self._time.seconds + back, lambda: self._end(number, headers, date, is_refused=is_refused))

    def _end(self, number: int, headers: dict[str, str], date: datetime, *, is_refused: bool) -> None:
        now, rate_limiter = self._time.seconds, self._rate_limiter
        limit, remaining, reset = (int(headers[f"X-Rate-Limit-{name}"]) for name in ("Limit", "Remaining", "Reset"))
        reset_seconds = max(0.0, reset - date.timestamp())
        rate_limiter.end(number, now, WindowReport(limit, remaining, reset, reset_seconds, is_refused))
        if is_refused:
            rate_limiter.throttle(max(reset_seconds, float(headers["Retry-After"])), now)
        else:
            rate_limiter.accepted()
        self._wake()
        self._next()

    def _wake(self) -> None:
        held, self._held = self._held, []
        for position in held:
            self._time.at(self._time.seconds, lambda position=position: self._ask(position))  # type: ignore[misc]


class Others:
    """Another user of the app, who takes half of the tighter limit: evenly, or all at once."""

    def __init__(self, case: Case, time: Time, server: Allowance, begins: float) -> None:
        self._time, self._server = time, server
        self._burst = 1
        self.taken = 0
        rate = min(case.spike / SPIKE_SECONDS if case.spike else 1e9, case.hourly / 3600 if case.hourly else 1e9) / 2
        if case.others == "at once":
            self._burst = round(rate * SPIKE_SECONDS)
        self._every = self._burst / rate
        if case.others != "nobody":
            time.at(begins, self._call)

    def _call(self) -> None:
        for _ in range(self._burst):
            window, _ = self._server.take()
            self.taken += window is not None and not window.is_refused
        self._time.at(self._time.seconds + self._every, self._call)


def measure(case: Case) -> Figures:
    """Run a case; it is measured after the first window, when the calls of others begin."""
    window = SPIKE_SECONDS if case.hourly is None else 3600.0
    begun, ended = window, 4 * window if case.hourly else 60 * window
    time = Time()
    server = Allowance(time, Limits(case.hourly, case.spike, case.rolling))
    caller = Caller(case, time, server)
    others = Others(case, time, server, begun)
    time.run(ended)
    limit = window * min(_rates(case))
    left = (
        limit if case.others == "nobody" else min(limit, limit / case.share - others.taken / (ended - begun) * window)
    )
    used = sum(begun <= at < ended for at in caller.sent) / ((ended - begun) / window)
    most = max(
        _most_within([START.timestamp() + at for at, limit in caller.refused if limit == named], seconds, case.rolling)
        for named, seconds in ((case.hourly, 3600.0), (case.spike, SPIKE_SECONDS))
    )
    return Figures(used / left, len(caller.refused), most)


def _rates(case: Case) -> Iterator[float]:
    for limit, seconds in ((case.hourly, 3600.0), (case.spike, SPIKE_SECONDS)):
        if limit is not None:
            yield max(1, int(limit * case.share + 1e-9)) / seconds


def _most_within(moments: Sequence[float], seconds: float, rolling: bool) -> int:
    begins = moments if rolling else [at // seconds * seconds for at in moments]
    return max((sum(begin <= at < begin + seconds for at in moments) for begin in begins), default=0)


def cases() -> Iterator[Case]:
    """Yield the documented limits in every situation."""
    for (hourly, spike), rolling, threads, others in product(
        ((3600, 25), (None, 25)), (False, True), (1, 4, 8), ("nobody", "evenly", "at once")
    ):
        yield Case(hourly, spike, rolling, threads, others=others)


def over_sockets(threads: int, *, rolling: bool, windows: int = 15, rate: float = 10.0) -> Figures:
    """Run the whole client against the simulator, both on a fast clock, with a limit of 25 calls in 10 s."""
    clock = SteppedClock(rate=rate)
    limits = Limits(spike=25, rolling=rolling)
    stop = threading.Event()
    with Simulator(World(projects=1, scale=0.05, clock=clock), limits=limits) as simulator:
        transport = Transport()
        tokens = Tokens(
            simulator.url,
            simulator.client_id,
            SecretStr(simulator.client_secret),
            send=transport.send,
            clock=clock,
            on_new_secret=lambda _: None,
        )
        procore = Procore(
            simulator.url,
            transport=transport,
            tokens=tokens,
            rate_limit=RateLimit(clock, share=SHARE, concurrency=threads),
            retry=Retry(RetryPolicy(), clock=clock, stop=stop),
            clock=clock,
            stop=stop,
        )
        companies_spec = STREAMS["companies"]
        companies = list_request(companies_spec, Scope(), header_company_id=simulator.company_id)

        def call() -> None:
            with suppress(StopRequested):
                while True:
                    list(procore.pages(companies, splitter(companies_spec.envelope), Calls()))

        callers = [threading.Thread(target=call) for _ in range(threads)]
        for caller in callers:
            caller.start()
        clock.wait(threading.Event(), (windows + 1) * SPIKE_SECONDS)
        stop.set()
        for caller in callers:
            caller.join()
        transport.close()
    begun = simulator.requests[0].at + timedelta(seconds=SPIKE_SECONDS)
    seconds = windows * SPIKE_SECONDS
    used = sum(0 <= (call.at - begun).total_seconds() < seconds for call in simulator.requests)
    refused = [call.at.timestamp() for call in simulator.requests if call.status == TOO_MANY_REQUESTS]
    granted = seconds * min(_rates(Case(None, 25, rolling, threads)))
    return Figures(used / granted, len(refused), _most_within(refused, SPIKE_SECONDS, rolling))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.15, help="seconds that a call takes in the model")
    parser.add_argument("--share", type=float, default=SHARE, help="limits.budget_share in the model")
    arguments = parser.parse_args()
    configure_logging(verbosity=-1)
    print(f"{'limits':>16} {'windows':>8} {'threads':>7} {'others':>8} {'used':>7} {'429':>4} {'in a window':>11}")
    for case in cases():
        _print_row(case, measure(case._replace(latency=arguments.latency, share=arguments.share)))
    for rolling, threads in product((False, True), (1, 4, 8)):
        _print_row(Case(None, 25, rolling, threads, others="sockets"), over_sockets(threads, rolling=rolling))


def _print_row(case: Case, found: Figures) -> None:
    limits = f"{case.hourly or '-'}/h {case.spike}/10s"
    kind = "rolling" if case.rolling else "fixed"
    print(
        f"{limits:>16} {kind:>8} {case.threads:>7} {case.others:>8} "
        f"{found.used:>7.1%} {found.refused:>4} {found.refused_in_a_window:>11}",
        flush=True,
    )


if __name__ == "__main__":
    main()
