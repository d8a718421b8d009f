from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from benchmarks.allowance import over_sockets
from support.clock import MACHINE, ManualClock
from support.connected import Connect, ids
from support.scripted_server import Answer, Wire, in_turn, records
from sync_worker.client.rate_limit import RateLimit
from sync_worker.errors import AllowanceSpent, StopRequested
from sync_worker.model import Calls, Priority

OK = Answer(records(1))
DATE = "Mon, 02 Mar 2026 09:00:00 GMT"
NOW = int(datetime(2026, 3, 2, 9, 0, tzinfo=UTC).timestamp())
"""The server's time; the client's clock is three hours slow."""


def answer(status: int = 200, **headers: str | int) -> Answer:
    named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    return Answer(records(1), status, {"Date": DATE, **named})


@pytest.mark.parametrize(
    ("throttled", "seconds"),
    [
        (answer(429, X_Rate_Limit_Reset=NOW + 8), 8),
        (answer(429, Retry_After=30), 30),
        (answer(429, X_Rate_Limit_Reset=NOW + 3600, Retry_After=30), 3600),
        (answer(429, X_Rate_Limit_Reset=NOW + 8, Retry_After=30), 30),
        (answer(429, Retry_After="Mon, 02 Mar 2026 09:01:00 GMT"), 60),
        (answer(503, Retry_After=5), 5),
        (answer(503, Retry_After=5, X_Rate_Limit_Reset=NOW + 50, X_Rate_Limit_Remaining=0), 50),
        (answer(503, Retry_After=5, X_Rate_Limit_Reset=NOW + 3000, X_Rate_Limit_Remaining=900), 5),
        (answer(429), 1),
        (answer(429, Retry_After="soon", X_Rate_Limit_Reset="-"), 1),
        (answer(429, X_Rate_Limit_Reset=NOW - 500), 1),
        (answer(429, X_Rate_Limit_Reset=NOW * 1000), 3900),
    ],
)
def test_a_throttled_request_waits_until_the_later_of_reset_and_retry_after(
    connect: Connect, throttled: Answer, seconds: int
) -> None:
    clock = ManualClock()
    client = connect(in_turn(throttled, OK), clock=clock)
    assert ids(client.pages()) == [1]
    assert clock.waits == [pytest.approx(seconds)]
    assert client.calls.spent == 2, "the refused request counts as well"


def test_being_throttled_is_no_failed_attempt(connect: Connect) -> None:
    client = connect(in_turn(*[answer(429, Retry_After=60)] * 20, OK))
    assert ids(client.pages()) == [1]


def test_pauses_grow_while_a_server_throttles_without_saying_how_long(connect: Connect) -> None:
    clock = ManualClock()
    connect(in_turn(*[answer(429)] * 9, OK), clock=clock).pages()
    assert clock.waits == [pytest.approx(s) for s in (1, 2, 4, 8, 16, 32, 60, 60, 60)]


def test_an_answer_in_between_ends_the_growing_of_pauses(connect: Connect) -> None:
    clock = ManualClock()
    client = connect(in_turn(answer(429), answer(429), OK, answer(429), OK), clock=clock)
    client.pages()
    client.pages()
    assert clock.waits == [pytest.approx(s) for s in (1, 2, 1)]


def test_answers_to_requests_already_under_way_do_not_lengthen_the_wait() -> None:
    clock = ManualClock()
    rate_limit = RateLimit(clock)
    with rate_limit.slot(threading.Event(), Calls()) as slot:
        slot.record_answer({}, 200, clock.now())
    with ExitStack() as stack:
        for slot in [stack.enter_context(rate_limit.slot(threading.Event(), Calls())) for _ in range(8)]:
            slot.record_answer({}, 429, clock.now())
    assert rate_limit.allowance.waiting_seconds == 1
    assert rate_limit.allowance.throttled == 8


def test_nothing_is_sent_when_nothing_remains_until_the_window_ends(connect: Connect) -> None:
    clock = ManualClock()
    spent = answer(X_Rate_Limit_Limit=25, X_Rate_Limit_Remaining=0, X_Rate_Limit_Reset=NOW + 7)
    client = connect(in_turn(spent, OK), clock=clock)
    client.pages()
    assert clock.waits == []
    allowance = client.budget.allowance
    assert (allowance.limit, allowance.remaining, allowance.waiting_seconds) == (25, 0, 7)
    assert allowance.blocked_until == datetime(2026, 3, 2, 6, 0, 7, tzinfo=UTC)
    client.pages()
    assert clock.waits == [7]
    assert client.budget.allowance.blocked_until is None


def test_the_wait_is_logged_once_with_its_seconds(connect: Connect) -> None:
    client = connect(in_turn(answer(429, Retry_After=41), OK))
    with capture_logs() as logs:
        client.pages()
    assert [entry["seconds"] for entry in logs if entry["event"] == "allowance.waiting"] == [41]


def test_a_stop_ends_an_hour_long_wait_at_once(connect: Connect) -> None:
    stop = threading.Event()
    throttled = threading.Event()
    client = connect(in_turn(answer(429, Retry_After=3600)), clock=MACHINE, stop=stop)
    outcome: list[BaseException] = []

    def fetch() -> None:
        try:
            client.pages()
        except StopRequested as error:
            outcome.append(error)

    def observed() -> bool:
        return client.budget.allowance.throttled > 0

    thread = threading.Thread(target=fetch)
    thread.start()
    while not observed():
        throttled.wait(0.005)
    stop.set()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert len(outcome) == 1


def test_nothing_is_sent_after_a_stop(connect: Connect) -> None:
    stop = threading.Event()
    stop.set()
    client = connect(in_turn(OK), stop=stop)
    with pytest.raises(StopRequested):
        client.pages()
    assert client.server.received == []
    assert client.calls.spent == 0


def test_a_stop_ends_the_pause_before_the_next_attempt(connect: Connect) -> None:
    class StoppingClock(ManualClock):
        def wait(self, event: threading.Event, seconds: float) -> bool:
            event.set()
            return super().wait(event, seconds)

    client = connect(in_turn(Answer(status=502)), clock=StoppingClock())
    with pytest.raises(StopRequested):
        client.pages()
    assert client.calls.spent == 1


def test_a_later_process_goes_on_with_what_an_earlier_one_has_spent() -> None:
    clock = ManualClock()
    stop = threading.Event()
    earlier = RateLimit(clock, share=0.5)
    headers = {"X-Rate-Limit-Limit": "8", "X-Rate-Limit-Remaining": "7"}
    for _ in range(3):
        with earlier.slot(stop, Calls()) as slot:
            reset = str(int(clock.now().timestamp()) + 3600)
            slot.record_answer(headers | {"X-Rate-Limit-Reset": reset}, 200, clock.now())
    known = earlier.allowance.windows
    assert [(it.limit, it.granted, it.used) for it in known.windows] == [(8, 4, 3), (None, None, 3)]

    clock.advance(600)
    later = RateLimit(clock, share=0.5, known=known)
    with later.slot(stop, Calls(waits=False)):
        pass
    with pytest.raises(AllowanceSpent, match="spent until"), later.slot(stop, Calls(waits=False)):
        pass
    with later.slot(stop, Calls()):
        pass

    assert clock.now() >= datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
    assert clock.waits == [pytest.approx(3000, abs=61)], "not before the minute of the first call is an hour ago"


def test_calls_that_do_not_wait_for_the_allowance_wait_for_a_spike() -> None:
    clock = ManualClock()
    rate_limit = RateLimit(clock)
    calls = Calls(waits=False)
    for _ in range(50):
        with rate_limit.slot(threading.Event(), calls) as slot:
            reset = str(int(clock.now().timestamp()) + 10)
            headers = {"X-Rate-Limit-Limit": "25", "X-Rate-Limit-Remaining": "24", "X-Rate-Limit-Reset": reset}
            slot.record_answer(headers, 200, clock.now())
    assert clock.waits == [pytest.approx(10)]


def test_a_call_that_the_reserve_holds_up_goes_when_a_run_of_a_better_priority_waits_for_it() -> None:
    calls = Calls(priority=Priority.BACKFILL)

    class Hurrying(ManualClock):
        def wait(self, event: threading.Event, seconds: float) -> bool:
            if len(self.waits) == 2:
                calls.priority = Priority.MANUAL
            return super().wait(event, seconds)

    clock = Hurrying()
    rate_limit = RateLimit(clock)
    reset = str(int(clock.now().timestamp()) + 3000)
    for remaining in range(99, 2, -1):
        with rate_limit.slot(threading.Event(), calls) as slot:
            headers = {
                "X-Rate-Limit-Limit": "100",
                "X-Rate-Limit-Remaining": str(remaining),
                "X-Rate-Limit-Reset": reset,
            }
            slot.record_answer(headers, 200, clock.now())
    with rate_limit.slot(threading.Event(), calls):
        assert clock.waits == [1, 1, 1]


def test_a_call_that_failed_or_was_never_sent_holds_up_no_other(connect: Connect) -> None:
    client = connect(in_turn(Answer(status=500), Wire(b""), OK, OK))
    client.pages()
    client.pages()
    assert client.budget.allowance.acquired == 4
    assert client.budget.allowance.waiting_seconds == 0


@pytest.mark.parametrize("rolling", [False, True])
def test_threads_that_share_the_allowance_of_a_real_server_are_never_refused(rolling: bool) -> None:
    assert over_sockets(4, rolling=rolling, windows=3, rate=40).refused == 0


def test_a_wait_that_somebody_ends_is_over_within_seconds_and_the_next_refusal_blocks_as_ever() -> None:
    clock = ManualClock()
    ended: list[datetime] = []
    stop = threading.Event()

    def lifted_at() -> datetime | None:
        if len(clock.waits) == 3:
            ended.append(clock.now())
        return ended[-1] if ended else None

    rate_limit = RateLimit(clock, lifted_at=lifted_at)
    for _ in range(2):
        with rate_limit.slot(stop, Calls()) as slot:
            slot.record_answer({"Retry-After": "3600"}, 429, clock.now())
    assert clock.waits == [5.0] * 3
    assert rate_limit.allowance.waiting_seconds == 3600

    with rate_limit.slot(stop, Calls()):
        pass
    assert sum(clock.waits) == 15 + 3600, "what was ended once is not ended for ever"


def test_a_wait_that_was_ended_before_the_refusal_is_kept() -> None:
    clock = ManualClock()
    rate_limit = RateLimit(clock, lifted_at=lambda: clock.now() - timedelta(hours=2))
    for _ in range(2):
        with rate_limit.slot(threading.Event(), Calls()) as slot:
            slot.record_answer({"Retry-After": "600"}, 429, clock.now())
    assert sum(clock.waits) == 600


def test_a_wait_for_one_list_is_shown_and_ends_when_somebody_lifts_it() -> None:
    clock = ManualClock()
    shown: list[float] = []
    rate_limit = RateLimit(
        clock, on_wait=shown.append, lifted_at=lambda: clock.now() if len(clock.waits) == 3 else None
    )
    rate_limit.wait_for_list(threading.Event(), 3600, "GET https://api.example/rfis")
    assert (sum(clock.waits), shown) == (15, [3600, 0])


def test_a_wait_for_one_list_ends_by_itself_or_with_a_stop() -> None:
    clock = ManualClock()
    rate_limit = RateLimit(clock, lifted_at=lambda: clock.now() - timedelta(hours=2))
    stop = threading.Event()
    rate_limit.wait_for_list(stop, 601, "GET https://api.example/rfis")
    assert sum(clock.waits) == 601
    stop.set()
    with pytest.raises(StopRequested):
        rate_limit.wait_for_list(stop, 600, "GET https://api.example/rfis")
