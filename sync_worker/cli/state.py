"""`sync-worker state`: up to where each stream is read, and how to make it forget."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Collection

import click

from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.table import table
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.errors import ConfigurationError
from sync_worker.planning.selection import matching
from sync_worker.state.history import CheckpointLine, all_checkpoints, reset_checkpoints
from sync_worker.state.migration import migrate

_STREAMS = click.option("--stream", "patterns", metavar="S[,S]", help="These streams: names, globs, tag:NAME.")
_PROJECT = click.option("--project", "project_id", type=int, metavar="ID", help="This project alone.")


@click.group(no_args_is_help=False)
def command() -> None:
    """Show or reset the checkpoints: up to where each stream of each project is proven complete."""


@command.command(
    epilog="""\b
Examples:
  sync-worker state show
  sync-worker state show --stream rfis,submittals --project 101 --json"""
)
@_STREAMS
@_PROJECT
@pass_cli
def show(cli: CliContext, patterns: str | None, project_id: int | None) -> None:
    """Show the checkpoints: the mark, when it was proven, and by which run."""
    with cli.reading() as view:
        found = _chosen(all_checkpoints(view), _names(cli, patterns), project_id)
    if cli.json:
        print(json.dumps([line._asdict() for line in found], indent=2))
    elif found:
        print("\n".join(table(CheckpointLine._fields, found)))
    else:
        print("no checkpoints: the next run reads everything")


@command.command(
    epilog="""\b
Examples:
  sync-worker state reset --stream rfis
  sync-worker state reset --stream 'tag:daily_logs' --project 101 --yes"""
)
@_STREAMS
@_PROJECT
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_cli
def reset(cli: CliContext, patterns: str | None, project_id: int | None, *, yes: bool) -> None:
    """Remove checkpoints, so that the next run reads these streams from the beginning; no row is touched."""
    if not patterns:
        raise ConfigurationError("say which streams with --stream; '*' is all of them")
    names = _names(cli, patterns)
    with cli.reading() as view:
        found = _chosen(all_checkpoints(view), names, project_id)
    if found and not yes:
        _ask(found)
    _remove(cli, {line.stream for line in found}, project_id)
    if cli.json:
        print(json.dumps({"removed": [line._asdict() for line in found]}, indent=2))
    else:
        print(f"{_counted(found)} removed" if found else "there were no such checkpoints")


def _ask(found: Collection[CheckpointLine]) -> None:
    question = f"Remove {_counted(found)}, so that the next run reads all of it again?"
    if not sys.stdin.isatty():
        raise ConfigurationError(f"this would remove {_counted(found)}; say --yes to do it")
    click.confirm(question, abort=True, err=True)


def _remove(cli: CliContext, streams: Collection[str], project_id: int | None) -> None:
    destination = SqliteDestination(cli.database())
    destination.open(holder=f"process {os.getpid()} on {socket.gethostname()}")
    try:
        with destination.transaction() as transaction:
            migrate(transaction, "sqlite")
            for stream in streams:
                reset_checkpoints(transaction, stream, project_id)
    finally:
        destination.close()


def _names(cli: CliContext, patterns: str | None) -> Collection[str] | None:
    if patterns is None:
        return None
    known = cli.streams()
    return {name for pattern in patterns.split(",") for name in matching(pattern.strip(), known)}


def _chosen(
    lines: Collection[CheckpointLine], names: Collection[str] | None, project_id: int | None
) -> list[CheckpointLine]:
    return [line for line in lines if (names is None or line.stream in names) and project_id in (None, line.project_id)]


def _counted(found: Collection[CheckpointLine]) -> str:
    streams = len({line.stream for line in found})
    return f"{len(found)} checkpoint{'s'[: len(found) != 1]} of {streams} stream{'s'[: streams != 1]}"
