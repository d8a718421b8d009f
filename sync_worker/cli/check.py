"""`sync-worker check`: the doctor, from the configuration to every project and tool."""

from __future__ import annotations

import click

from sync_worker.cli.context import CliContext, pass_cli


@click.command(
    epilog="""\b
Examples:
  sync-worker check
  sync-worker check --json"""
)
@pass_cli
def command(cli: CliContext) -> int:
    """Look at all that the worker needs, and at what it may read; say what is wrong and what to do.

    Spends one call at most for each project and tool that the jobs read, and none where a run read it within a day.
    Works beside a daemon.
    """
    from sync_worker.cli.checking import check

    return check(cli)
