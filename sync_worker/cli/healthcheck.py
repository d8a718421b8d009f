"""`sync-worker healthcheck`: whether the daemon beats; for containers, so it imports little."""

from __future__ import annotations

import json

import click

from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.scheduler.heartbeat import beats, heartbeat_path


@click.command()
@pass_cli
def command(cli: CliContext) -> int:
    """Exit 0 when the daemon beats, else 1."""
    path = heartbeat_path(cli.load_local_settings().data_dir)
    is_alive = beats(path, cli.clock.now())
    if cli.json:
        print(json.dumps({"beats": is_alive}))
    else:
        print("the daemon beats" if is_alive else f"no recent beat in {path}")
    return 0 if is_alive else 1
