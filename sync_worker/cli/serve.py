"""`sync-worker serve`: the daemon."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from sync_worker.cli.context import CliContext, pass_cli

if TYPE_CHECKING:
    from sync_worker.daemon import ScheduledJob


@click.command()
@pass_cli
def command(cli: CliContext) -> None:
    """Run jobs on their schedules until stopped."""
    from sync_worker.cli.signals import stop_on_signals

    with stop_on_signals() as stop:
        from sync_worker.daemon import serve
        from sync_worker.logs import redactor

        announce = _announce_as_json if cli.json else _announce
        serve(cli.load_settings(), clock=cli.clock, stop=stop, on_new_secret=redactor.add_token, announce=announce)


def _announce(url: str, jobs: Sequence[ScheduledJob], *, shows_data: bool) -> None:
    if not jobs:
        print("no job is configured; the daemon waits for runs by hand")
    width = max((len(job.name) for job in jobs), default=0)
    for job in jobs:
        when = f"{job.schedule} {job.timezone}, next {job.next_at:%Y-%m-%dT%H:%M:%SZ}" if job.next_at else "by hand"
        print(f"{job.name:{width}}  {when}")
    what = "probes and /metrics" if shows_data else "only the probes, as server.token is not set,"
    print(f"{what} at {url}; stop with Ctrl-C", flush=True)


def _announce_as_json(url: str, jobs: Sequence[ScheduledJob], *, shows_data: bool) -> None:  # noqa: ARG001
    lines = [
        {
            "job": job.name,
            "schedule": job.schedule,
            "timezone": job.timezone,
            "next": f"{job.next_at:%Y-%m-%dT%H:%M:%SZ}" if job.next_at else None,
        }
        for job in jobs
    ]
    print(json.dumps({"url": url, "jobs": lines}), flush=True)
