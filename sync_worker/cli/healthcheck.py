"""`sync-worker healthcheck`: is the daemon well? For containers, so it imports little."""

from __future__ import annotations

import json

import click

from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.scheduler.heartbeat import beats, heartbeat_path, read_trouble


@click.command()
@pass_cli
def command(cli: CliContext) -> int:
    """Exit with 0 if the daemon is alive and its database is well, else with 1, and print why."""
    path = heartbeat_path(cli.load_local_settings().data_dir)
    is_alive = beats(path, cli.clock.now())
    trouble = read_trouble(path) if is_alive else f"no recent beat in {path}"
    if cli.json:
        print(json.dumps({"beats": is_alive, "error": trouble}))
    else:
        print(trouble or "the daemon beats")
    return 0 if trouble is None else 1
