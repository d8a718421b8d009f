"""`sync-worker simulate`: the bundled Procore simulator, until it is stopped."""

from __future__ import annotations

import json
import os
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from sync_worker.cli.context import clock_for
from sync_worker.cli.options import GivenOptions
from sync_worker.cli.signals import stop_on_signals
from sync_worker.clock import OFFSET_VARIABLE, Clock, offset_of
from sync_worker.errors import ConfigurationError

if TYPE_CHECKING:
    from procore_simulator.server import Simulator

DEFAULT_PORT = 8792

SNIPPET = """\
procore:
  environment: custom
  login_url: {url}
  api_url: {url}
  client_id: {client_id}
  client_secret: {client_secret}
  companies: ["{company_id}"]
"""


@click.command()
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    metavar="N",
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--seed", metavar="N", default=0, show_default=True, help="The same seed makes the same data.")
@click.option(
    "--projects",
    metavar="N",
    default=12,
    show_default=True,
    type=click.IntRange(1, 999),
    help="Projects of each company.",
)
@click.option(
    "--companies", metavar="N", default=1, show_default=True, type=click.IntRange(1, 9), help="Number of companies."
)
@click.option(
    "--records-scale",
    metavar="FACTOR",
    default=1.0,
    show_default=True,
    help="Factor for the number of records in every list.",
)
@click.option("--bulk", metavar="STREAM=N", help="Only N records of one stream, for measurements.")
@click.option("--hourly", metavar="N", type=click.IntRange(1), show_default="no limit", help="Requests per hour.")
@click.option("--spike", metavar="N", type=click.IntRange(1), show_default="no limit", help="Requests per 10 seconds.")
@click.option("--rolling", is_flag=True, help="Count these requests in rolling windows instead of fixed ones.")
@click.option("--fast", default=1.0, metavar="RATE", show_default=True, help="Speed of the simulated clock.")
@click.option(
    "--today", type=click.DateTime(["%Y-%m-%d"]), show_default="today", metavar="DATE", help="Day on which it begins."
)
@click.option("--max-per-page", metavar="N", type=click.IntRange(1), help="Most records per page.")
@click.option(
    "--form",
    default="described",
    show_default=True,
    type=click.Choice(["described", "observed"]),
    help="Types of sums and dates: as documented, or as seen in practice.",
)
@click.option(
    "--token-lifetime",
    metavar="SECONDS",
    default=5400,
    show_default=True,
    type=click.IntRange(1),
    help="Lifetime of a token in seconds.",
)
@click.option("--stop-with-stdin", is_flag=True, help="Stop when standard input closes.")
@click.pass_context
def command(context: click.Context, /, **given: Any) -> None:
    """Run the bundled Procore simulator; no credentials are needed, and nothing leaves this machine."""
    options = context.ensure_object(GivenOptions)
    present = clock_for(options.environ)
    simulator = _simulator(given, present)
    with stop_on_signals() as stop:
        try:
            simulator.start()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise ConfigurationError(f"cannot listen on {given['host']}:{given['port']}: {reason}") from error
        try:
            _announce(simulator, present, as_json=options.json)
            if given["stop_with_stdin"]:
                threading.Thread(target=_stop_at_end_of_input, args=(stop,), daemon=True).start()
            stop.wait()
        finally:
            simulator.stop()


def _simulator(given: dict[str, Any], present: Clock) -> Simulator:
    from procore_simulator.allowance import Limits
    from procore_simulator.bulk import BulkWorld
    from procore_simulator.forms import Form
    from procore_simulator.server import Simulator
    from procore_simulator.world import World

    shared = {"seed": given["seed"], "projects": given["projects"], "form": Form(given["form"])}
    shared["clock"] = _clock(given["fast"], given["today"], present)
    if given["bulk"] is None:
        world = World(companies=given["companies"], scale=given["records_scale"], **shared)
    else:
        stream, _, records = given["bulk"].partition("=")
        try:
            world = BulkWorld(stream, int(records), **shared)
        except (KeyError, ValueError) as error:
            raise click.UsageError(f"--bulk {given['bulk']}: expected the name of a stream and a number") from error
    return Simulator(
        world,
        host=given["host"],
        port=given["port"],
        limits=Limits(given["hourly"], given["spike"], given["rolling"]),
        most_per_page=given["max_per_page"],
        token_lifetime_seconds=given["token_lifetime"],
    )


def _clock(rate: float, today: datetime | None, present: Clock) -> Clock:
    from procore_simulator.clocks import SteppedClock

    if rate == 1.0 and today is None:
        return present
    start = present.now() if today is None else today.replace(hour=15, tzinfo=UTC)
    return SteppedClock(start, rate=rate)


def _announce(simulator: Simulator, present: Clock, *, as_json: bool) -> None:
    access = {
        "url": simulator.url,
        "client_id": simulator.client_id,
        "client_secret": simulator.client_secret,
        "company_id": simulator.company_id,
    }
    offset = offset_of(simulator.world.clock)
    if as_json:
        print(json.dumps(access | {"config": SNIPPET.format(**access), "clock_offset": round(offset, 3)}), flush=True)
        return
    company = simulator.world.companies[0]
    print(f"# {company.name} with {len(company.projects)} projects is at {simulator.url}; stop with Ctrl-C.")
    if abs(offset - offset_of(present)) > 1:
        # Comments, as this may be written to a configuration file.
        print("# It is another time there. Commands that talk to it need that time too:")
        print(f"# export {OFFSET_VARIABLE}={offset:.0f}")
    print(f"\n{SNIPPET.format(**access)}", flush=True)


def _stop_at_end_of_input(stop: threading.Event) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    stop.set()
