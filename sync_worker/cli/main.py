"""The `sync-worker` command and its list of subcommands, whose modules are imported when they are called."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType

import click

from sync_worker import __version__
from sync_worker.cli.boundary import UNUSABLE, exit_code
from sync_worker.cli.options import GivenOptions, with_global_options
from sync_worker.cli.output import escape_what_cannot_be_shown, open_what_is_closed
from sync_worker.cli.signals import let_signals_through
from sync_worker.destination.modes import UMASK

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "demo": "Sync from the bundled Procore simulator, without credentials.",
        "init": "Write a commented config.yaml and .env.example.",
        "check": "Check the configuration, the host and the access to Procore.",
        "serve": "Run jobs on their schedules until stopped: the daemon.",
        "run": "Run jobs or streams now.",
        "plan": "Show what jobs would cost, before anything runs.",
        "status": "Show how fresh and complete the data is.",
        "runs": "Show the last runs, or one of them in full.",
        "streams": "Show the streams, or one of them in full.",
        "state": "Show or reset checkpoints; approve held deletes.",
        "query": "Run a read-only SQL statement on the database.",
        "report": "Make a report from stored data.",
        "backfill": "Read a past period again, month by month.",
        "config": "Check or show the configuration, or print its schema.",
        "healthcheck": "Exit with 0 if the daemon is well, else with 1.",
        "simulate": "Run the bundled Procore simulator.",
    }
)
"""The commands with their lines in the list; each is `command` in the module of its name."""

HANDLE_SIGNALS = frozenset({"serve", "run", "backfill"})
"""These unblock the signals that `__main__` has blocked; for the others it is done before they begin."""


class LazyGroup(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"sync_worker.cli.{cmd_name}").command
        if cmd_name not in HANDLE_SIGNALS:
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
            formatter.write_dl(list(COMMANDS.items()))


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
