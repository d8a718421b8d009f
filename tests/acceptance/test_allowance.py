"""The end of the allowance: it is waited for, or ends who does not wait, and no process spends it a second time."""

from __future__ import annotations

import json
from datetime import datetime

from structlog.testing import capture_logs

from procore_simulator.allowance import Limits
from procore_simulator.world import World
from support.clock import ManualClock
from support.worker import Install, incomplete
from sync_worker.model import Outcome


def test_a_run_that_meets_the_end_of_the_allowance_waits_says_so_and_goes_on(install: Install) -> None:
    clock = ManualClock()
    here = install(world=World(projects=2, scale=0.2, clock=clock), limits=Limits(hourly=100, spike=25, rolling=True))
    here.clock = clock

    with capture_logs() as logs:
        report = here.run()

    assert (report.totals.outcome, incomplete(report)) == (Outcome.SUCCEEDED, [])
    assert {request.status for request in here.simulator.requests} <= {200}
    assert sum(clock.waits) > 1_800, "an hour's wait is no failure"
    long = [entry for entry in logs if entry["event"] == "allowance.waiting" and entry["seconds"] > 1_800]
    assert 0 < len(long) <= report.totals.requests // 80, "each wait is told of once, however many threads wait"
    moments = [request.at.timestamp() for request in here.simulator.requests if request.stream]
    after_the_first = [at for at in moments if at > moments[0] + 3_600]
    assert max(sum(first <= at < first + 3_600 for at in after_the_first) for first in after_the_first) <= 80


def test_who_does_not_wait_ends_with_4_keeps_what_is_read_and_the_next_process_spends_nothing(install: Install) -> None:
    here = install(limits=Limits(hourly=40))

    first = here.command("run", "--all", "--no-wait", "--json")
    spent = len(here.simulator.requests)
    again = here.command("backfill", "--since", "2026-01-01", "--streams", "rfis", "--no-wait", "--yes")

    told = json.loads(first.stdout)
    assert (first.returncode, told["outcome"]) == (4, "interrupted")
    (line,) = [line for line in first.stderr.splitlines() if line.startswith("stopped: ")]
    assert line.startswith("stopped: Procore's allowance is spent until 20")
    assert told["rows"]["inserted"] > 0
    assert told["requests"] == 32, "eight of forty are for others"
    assert again.returncode == 4
    assert len(here.simulator.requests) == spent
    assert {request.status for request in here.simulator.requests} == {200}
    ((limit, granted, used, waits_until),) = here.query(
        "SELECT call_limit, granted, used, waits_until FROM _allowance WHERE period = 'hour'"
    )
    assert (limit, granted, used) == (40, 32, 32)
    assert datetime.fromisoformat(waits_until) > here.simulator.world.clock.now().replace(year=2020)


def test_a_command_ends_the_wait_for_the_next_process_and_for_whoever_waits(install: Install) -> None:
    here = install(limits=Limits(hourly=40))
    assert here.command("run", "--all", "--no-wait").returncode == 4
    blocked = "SELECT count(waits_until) FROM _allowance"
    assert here.query(blocked) == [(1,)]

    done = here.command("state", "reset", "--allowance")

    assert (done.returncode, done.stdout.startswith("the wait until 20")) == (0, True)
    assert here.query(blocked) == [(0,)]
    assert here.query("SELECT count(lifted_at) FROM _allowance WHERE period = 'hour'") == [(1,)]
    again = here.command("state", "reset", "--allowance", "--json")
    assert json.loads(again.stdout) == {"waited_until": None}
    both = here.command("state", "reset", "--allowance", "--stream", "rfis")
    assert both.returncode == 2
