"""The `sync-worker` command and its list of subcommands, whose modules are imported when they are called."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import NamedTuple

import click

from sync_worker import __version__
from sync_worker.cli.boundary import UNUSABLE, exit_code
from sync_worker.cli.options import GivenOptions, with_global_options
from sync_worker.cli.output import escape_what_cannot_be_shown, open_what_is_closed
from sync_worker.cli.signals import let_signals_through
from sync_worker.destination.modes import UMASK


class CommandEntry(NamedTuple):
    """The module of a subcommand, where it is called `command`, and its line in the list of commands.

    A command that `handles_signals` unblocks them itself; for the others it is done before they begin.
    """

    module: str
    summary: str
    handles_signals: bool = False


COMMANDS: Mapping[str, CommandEntry] = MappingProxyType(
    {
        "demo": CommandEntry("sync_worker.cli.demo", "Sync from the bundled Procore simulator, without credentials."),
        "init": CommandEntry("sync_worker.cli.init", "Write a commented config.yaml and .env.example."),
        "check": CommandEntry("sync_worker.cli.check", "Check the configuration, the host and the access to Procore."),
        "serve": CommandEntry(
            "sync_worker.cli.serve", "Run jobs on their schedules until stopped: the daemon.", handles_signals=True
        ),
        "run": CommandEntry("sync_worker.cli.run", "Run jobs or streams now.", handles_signals=True),
        "plan": CommandEntry("sync_worker.cli.plan", "Show what jobs would cost, before anything runs."),
        "status": CommandEntry("sync_worker.cli.status", "Show how fresh and complete the data is."),
        "runs": CommandEntry("sync_worker.cli.runs", "Show the last runs, or one of them in full."),
        "streams": CommandEntry("sync_worker.cli.streams", "Show the streams, or one of them in full."),
        "state": CommandEntry("sync_worker.cli.state", "Show or reset checkpoints; approve held deletes."),
        "query": CommandEntry("sync_worker.cli.query", "Run a read-only SQL statement on the database."),
        "report": CommandEntry("sync_worker.cli.report", "Make a report from stored data."),
        "backfill": CommandEntry(
            "sync_worker.cli.backfill", "Read a past period again, month by month.", handles_signals=True
        ),
        "config": CommandEntry("sync_worker.cli.config", "Check or show the configuration, or print its schema."),
        "healthcheck": CommandEntry("sync_worker.cli.healthcheck", "Exit with 0 if the daemon is well, else with 1."),
        "simulate": CommandEntry("sync_worker.cli.simulate", "Run the bundled Procore simulator."),
    }
)


class LazyGroup(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = import_module(entry.module).command
        if not entry.handles_signals:
            let_signals_through()
        command.name = cmd_name
        return with_global_options(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            nearest = get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"unknown command {args[0]}" + (f", did you mean {nearest[0]}?" if nearest else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sync-worker")
@click.pass_context
def root(context: click.Context) -> int | None:
    """Keep a company's Procore data in its own database, current and complete."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), sys.stderr)
        return UNUSABLE
    return None


with_global_options(root)


def main() -> None:
    """Run the command line of this process."""
    open_what_is_closed()
    escape_what_cannot_be_shown()
    os.umask(os.umask(UMASK) | UMASK)
    given = GivenOptions(os.environ)
    sys.exit(exit_code(lambda: root.main(prog_name="sync-worker", standalone_mode=False, obj=given), given))
