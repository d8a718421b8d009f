"""`sync-worker streams`: the catalog as text and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from sync_worker.catalog.spec import DeletedAmongLive, DeletedBetween, Deletes, RecycleBin, ScopeKind, StreamSpec
from sync_worker.cli.console import table
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.errors import ConfigurationError, DestinationError
from sync_worker.planning.selection import matching
from sync_worker.state.volatile import all_volatile_paths

_HEADINGS = ("stream", "tool", "scope", "mode", "key", "deletes", "sensitive", "calls per pass")


@click.command(
    epilog="""\b
Examples:
  sync-worker streams
  sync-worker streams rfis
  sync-worker streams 'tag:financials' --json"""
)
@click.argument("name", required=False, metavar="[NAME]")
@pass_cli
def command(cli: CliContext, name: str | None) -> None:
    """Show the streams, also your own, or one of them in full; NAME may be a glob or tag:NAME."""
    known = cli.streams()
    specs = [known[found] for found in (matching(name, known) if name else known)]
    single = specs[0] if name in known else None
    learned = _learned(cli)
    if cli.json:
        found = [as_json(spec, learned.get(spec.name, ())) for spec in specs]
        print(json.dumps(found[0] if single else found, indent=2))
    elif single:
        print("\n".join(in_full(single, learned.get(single.name, ()))))
    else:
        print("\n".join(table(_HEADINGS, [_line(spec) for spec in specs])))


def _learned(cli: CliContext) -> Mapping[str, Sequence[str]]:
    """Return the learned paths of signed URLs by stream; none without a database."""
    try:
        with cli.reading() as view:
            return all_volatile_paths(view) if view.has_table("_stream_state") else {}
    except (ConfigurationError, DestinationError):
        return {}


def as_json(spec: StreamSpec, learned: Sequence[str] = ()) -> dict[str, Any]:
    """Return the object of a stream that `streams --json` prints."""
    return {
        "name": spec.name,
        "tool": spec.tool,
        "tags": sorted(spec.tags),
        "sensitive": spec.sensitive,
        "path": spec.path,
        "query": dict(spec.query),
        "scope": spec.scope,
        "parent": spec.parent and {"stream": spec.parent.stream, "param": spec.parent.param, "key": spec.parent.key},
        "mode": spec.mode,
        "cursor": spec.cursor
        and {"param": spec.cursor.param, "field": spec.cursor.field, "syntax": spec.cursor.syntax},
        "date_window": spec.date_window
        and {"start_param": spec.date_window.start_param, "end_param": spec.date_window.end_param},
        "primary_key": list(spec.primary_key),
        "row_key": list(spec.row_key),
        "columns": dict(spec.columns),
        "tracked": list(spec.tracked),
        "volatile": list(spec.volatile),
        "volatile_learned": list(learned),
        "envelope": spec.envelope,
        "per_page": spec.paging.per_page,
        "deletes": deletes(spec.deletes),
        "calls_per_pass": calls_per_pass(spec),
    }


def in_full(spec: StreamSpec, learned: Sequence[str] = ()) -> Iterator[str]:
    """Return the declaration of a stream as lines."""
    facts: list[tuple[str, object]] = [
        ("permission", f"{spec.tool or 'its tool'}: the service account must be able to read it"),
        ("path", spec.path),
        ("query", "&".join(f"{name}={value}" for name, value in spec.query.items())),
        ("scope", spec.scope if spec.parent is None else f"{spec.scope}, for each record of {spec.parent.stream}"),
        ("mode", spec.mode),
        ("cursor", spec.cursor and f"{spec.cursor.field}, asked as {spec.cursor.param} ({spec.cursor.syntax})"),
        ("dates", spec.date_window and f"{spec.date_window.start_param} to {spec.date_window.end_param}, inclusive"),
        ("key", ", ".join(spec.primary_key)),
        ("deletes", deletes(spec.deletes)),
        ("cost", f"{calls_per_pass(spec)} when nothing changed, {spec.paging.per_page or 'all'} records a page"),
        ("tags", ", ".join(sorted(spec.tags))),
        ("sensitive", "yes: in no shipped job, chosen only by name or glob" if spec.sensitive else None),
        ("history", ", ".join(spec.tracked) and f"{', '.join(spec.tracked)}: changes are kept in _field_history"),
    ]
    facts += [("volatile", f"{path}: a change of it is no change of the record") for path in spec.volatile]
    facts += [("learned", f"{path}: its URL is signed again at each reading, which is no change") for path in learned]
    yield spec.name
    yield from (f"  {what:<10}  {value}" for what, value in facts if value)
    yield ""
    yield from (f"  {line}" for line in table(("column", "type"), list(spec.columns.items())))


def _line(spec: StreamSpec) -> tuple[str | bool, ...]:
    key = ", ".join(spec.primary_key)
    return (
        spec.name, spec.tool, spec.scope, spec.mode, key, deletes(spec.deletes), spec.sensitive, calls_per_pass(spec),
    )  # fmt: skip


def deletes(signal: Deletes | None) -> str:
    """Return how the worker learns that a record was deleted."""
    match signal:
        case RecycleBin():
            return "recycle bin"
        case DeletedAmongLive():
            return "listed with the live"
        case DeletedBetween():
            return "listed by time"
        case None:
            return "complete listing"


def calls_per_pass(spec: StreamSpec) -> str:
    """Return the cost of a pass in which nothing changed."""
    if spec.parent is not None:
        return f"1 for each of {spec.parent.stream}"
    return "1 in all" if spec.scope is ScopeKind.ACCOUNT else f"1 a {spec.scope}"
