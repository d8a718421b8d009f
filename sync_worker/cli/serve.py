"""`sync-worker serve`: the daemon."""

from __future__ import annotations

import click

from sync_worker.cli.context import CliContext, pass_cli


@click.command()
@pass_cli
def command(cli: CliContext) -> None:
    """Run jobs on their schedules until stopped."""
    from sync_worker.cli.stopping import stop_on_signals

    with stop_on_signals() as stop:
        from sync_worker.cli.serving import serve

        serve(cli, stop)
