"""`sync-worker state`: show and reset checkpoints, approve held deletes."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import click

from sync_worker.catalog.spec import StreamSpec
from sync_worker.cli.console import table
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.clock import utc_text
from sync_worker.destination.protocol import Parameter, Transaction
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.errors import ConfigurationError
from sync_worker.load.deletes import approve
from sync_worker.model import Key
from sync_worker.planning.selection import matching
from sync_worker.state.allowance import lift_allowance, read_allowance
from sync_worker.state.deletes import HeldDeletes, held_deletes, held_keys
from sync_worker.state.history import CheckpointLine, all_checkpoints, is_future, reset_checkpoints
from sync_worker.state.migration import migrate, refuse_other_version
from sync_worker.state.origin import forget_origin, read_origin

_KEYS_SHOWN = 20
_FUTURE = "in the future: the next run reads again what changed since it was set"
_STREAMS = click.option("--stream", "patterns", metavar="S[,S]...", help="Only these streams: names, globs, tag:NAME.")
_YES = click.option("--yes", is_flag=True, help="Do not ask.")
_PROJECT = click.option("--project", "project_id", type=int, metavar="ID", help="Only this project.")


@click.group(no_args_is_help=False)
def command() -> None:
    """Show or reset the checkpoints, or approve held deletes."""


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
    """Show up to where each stream of each project is complete, since when, and by which run."""
    found = _checkpoints(cli, patterns, project_id)
    future = [is_future(line.mark, cli.clock.now()) for line in found]
    if cli.json:
        shown = [line._asdict() | {"is_future": ahead} for line, ahead in zip(found, future, strict=True)]
        print(json.dumps(shown, indent=2, default=utc_text))
    elif found:
        rows = [
            (*(utc_text(it) if isinstance(it, datetime) else it for it in line), _FUTURE if ahead else "")
            for line, ahead in zip(found, future, strict=True)
        ]
        print("\n".join(table((*CheckpointLine._fields, "note" if any(future) else ""), rows)))
    else:
        print("no checkpoints: the next run reads everything")


@command.command(
    epilog="""\b
Examples:
  sync-worker state reset --stream rfis
  sync-worker state reset --stream 'tag:daily_logs' --project 101 --yes
  sync-worker state reset --allowance
  sync-worker state reset --origin"""
)
@_STREAMS
@_PROJECT
@click.option("--allowance", is_flag=True, help="Keep the checkpoints; end a wait for the allowance.")
@click.option("--origin", is_flag=True, help="Keep the checkpoints; forget the address of Procore, after it moved.")
@_YES
@pass_cli
def reset(
    cli: CliContext, patterns: str | None, project_id: int | None, *, allowance: bool, origin: bool, yes: bool
) -> None:
    """Remove checkpoints, so that the next run reads these streams from the beginning; rows stay."""
    if allowance or origin:
        option = "--allowance" if allowance else "--origin"
        if patterns or project_id is not None or (allowance and origin):
            raise ConfigurationError(f"{option} is for all streams and projects; leave the other options out")
        if allowance:
            _lift_allowance(cli)
        else:
            _forget_origin(cli, yes=yes)
        return
    if not patterns:
        raise ConfigurationError("name the streams with --stream; '*' is all of them")
    found = _checkpoints(cli, patterns, project_id)
    counted = _counted(found)
    if found and not yes:
        _confirm(f"remove {counted}", "so that the next run reads all of it again")
    with _held(cli) as transaction:
        for stream in {line.stream for line in found}:
            reset_checkpoints(transaction, stream, project_id)
    if cli.json:
        print(json.dumps({"removed": [line._asdict() for line in found]}, indent=2, default=utc_text))
    else:
        print(f"{counted} removed" if found else "there were no such checkpoints")


def _lift_allowance(cli: CliContext) -> None:
    now = cli.clock.now()
    with cli.reading() as view:
        waits_until = read_allowance(view).waits_until(now)
    # A daemon may hold the database at the same time.
    with SqliteDestination(cli.database()).short_write() as transaction:
        refuse_other_version(transaction, "sqlite")
        lift_allowance(transaction, now)
    until = waits_until and utc_text(waits_until)
    if cli.json:
        print(json.dumps({"waited_until": until}, indent=2))
    elif until:
        print(f"the wait until {until} is over")
    else:
        print("there was no wait for the allowance; a run that waits for a single list goes on within seconds")


def _forget_origin(cli: CliContext, *, yes: bool) -> None:
    with cli.reading() as view:
        found = read_origin(view)
    if found is not None and not yes:
        _confirm(f"forget that the data is that of {found}", "so that the next run goes on with it where it is now")
    if found is not None:
        with _held(cli) as transaction:
            forget_origin(transaction)
    if cli.json:
        print(json.dumps({"removed": None if found is None else found._asdict()}, indent=2))
    elif found is None:
        print("the database does not say which Procore it was read from")
    else:
        print(f"{found} is forgotten; the next run records the Procore of the configuration")


@command.command(
    "approve-deletes",
    epilog="""\b
Examples:
  sync-worker state approve-deletes
  sync-worker state approve-deletes rfis 'tag:financials' --project 101 --yes""",
)
@click.argument("patterns", nargs=-1, metavar="[STREAM]...")
@_PROJECT
@_YES
@pass_cli
def approve_deletes(cli: CliContext, patterns: tuple[str, ...], project_id: int | None, *, yes: bool) -> None:
    """Show deletes that are held because there were too many at once, and mark those rows as deleted.

    No row is removed: `_deleted_at` is set, and cleared if the record comes back.
    """
    streams = cli.streams()
    with cli.reading() as view:
        names = {name for each in patterns for name in _matching(each, streams)} or streams.keys()
        held = [it for it in held_deletes(view) if it.stream in names and project_id in (None, it.project_id)]
        keys = [[_key(key, streams[line.stream]) for key in held_keys(view, line.stream, line.scope)] for line in held]
    if not cli.json:
        print("\n".join(_held_lines(held, keys)))
    approved = bool(held) and (yes or _is_approved(held))
    deleted = _approve(cli, held, keys, streams) if approved else 0
    if cli.json:
        shown = [line._asdict() | {"keys": list(map(_shown, its))} for line, its in zip(held, keys, strict=True)]
        print(json.dumps({"held": shown, "approved": approved, "deleted": deleted}, indent=2, default=utc_text))
    elif approved:
        print(f"{deleted} rows are marked as deleted")


def _held_lines(held: Sequence[HeldDeletes], keys: Sequence[Sequence[Key]]) -> Iterator[str]:
    if not held:
        yield "no deletes are held"
    for line, its in zip(held, keys, strict=True):
        where = f", project {line.project_id}" if line.project_id is not None else ""
        yield f"{line.stream}{where}: {line.rows} rows, held since {utc_text(line.held_at)} by run {line.run_id}"
        yield from (f"  {_shown(key)}" for key in its[:_KEYS_SHOWN])
        if len(its) > _KEYS_SHOWN:
            yield f"  … and {len(its) - _KEYS_SHOWN} more; --json lists them all"


def _shown(key: Key) -> int | str | list[int | str]:
    return list(key) if len(key) > 1 else key[0]


def _is_approved(held: Sequence[HeldDeletes]) -> bool:
    rows = sum(line.rows for line in held)
    if sys.stdin.isatty():
        return click.confirm(f"Mark {rows} rows as deleted?", err=True)
    print(f"nothing was marked; add --yes to mark {rows} rows as deleted", file=sys.stderr)
    return False


def _approve(
    cli: CliContext,
    held: Sequence[HeldDeletes],
    keys: Sequence[Sequence[Key]],
    streams: Mapping[str, StreamSpec],
) -> int:
    now = cli.clock.now()
    # A daemon may hold the database at the same time, and more deletes than were shown.
    with SqliteDestination(cli.database()).short_write() as transaction:
        refuse_other_version(transaction, "sqlite")
        return sum(
            approve(transaction, streams[line.stream], line.scope, its, now)
            for line, its in zip(held, keys, strict=True)
        )


def _key(held: Parameter, spec: StreamSpec) -> Key:
    if len(spec.primary_key) > 1:
        return tuple(json.loads(str(held)))
    return (held if isinstance(held, int) else str(held),)


def _matching(patterns: str, streams: Mapping[str, StreamSpec]) -> Collection[str]:
    return {name for pattern in patterns.split(",") for name in matching(pattern.strip(), streams)}


def _confirm(deed: str, effect: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigurationError(f"this would {deed}; add --yes to do it")
    click.confirm(f"{deed[0].upper()}{deed[1:]}, {effect}?", abort=True, err=True)


@contextmanager
def _held(cli: CliContext) -> Iterator[Transaction]:
    """Hold the database for one transaction; a daemon that has it is named in the refusal."""
    from sync_worker.database import holder_text

    destination = SqliteDestination(cli.database())
    destination.open(holder=holder_text(""), admit=lambda view: refuse_other_version(view, "sqlite"))
    try:
        with destination.transaction() as transaction:
            migrate(transaction, "sqlite")
            yield transaction
    finally:
        destination.close()


def _checkpoints(cli: CliContext, patterns: str | None, project_id: int | None) -> list[CheckpointLine]:
    names = None if patterns is None else _matching(patterns, cli.streams())
    with cli.reading() as view:
        return [
            line
            for line in all_checkpoints(view)
            if (names is None or line.stream in names) and project_id in (None, line.project_id)
        ]


def _counted(found: Collection[CheckpointLine]) -> str:
    streams = len({line.stream for line in found})
    return f"{len(found)} checkpoint{'s'[: len(found) != 1]} of {streams} stream{'s'[: streams != 1]}"
