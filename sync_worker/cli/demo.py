"""`sync-worker demo`: the main job without credentials."""

from __future__ import annotations

from pathlib import Path

import click

from sync_worker.cli.context import CliContext, pass_cli


@click.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("procore-demo"),
    show_default=True,
    help="Where the demo's database goes.",
)
@pass_cli
def command(cli: CliContext, folder: Path) -> int:
    """Sync a made-up company from the bundled Procore simulator into SQLite; needs no credentials."""
    from sync_worker.cli.demonstration import demonstrate

    return demonstrate(cli, folder)
