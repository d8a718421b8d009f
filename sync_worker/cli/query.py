"""`sync-worker query`: one read-only SQL statement."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

import click

from sync_worker.cli.console import table
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.destination.query import QueryResult, Value, run_query
from sync_worker.errors import ConfigurationError


@click.command(
    epilog="""\b
Examples:
  sync-worker query "SELECT number, subject, due_date FROM rfis WHERE status = 'open'"
  sync-worker query --format csv "SELECT * FROM submittals" > submittals.csv
  sync-worker query --format json "SELECT * FROM _runs ORDER BY started_at DESC LIMIT 1"
  echo "SELECT count(*) FROM projects" | sync-worker query -"""
)
@click.argument("sql", metavar="SQL")
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), show_default="table", help="Output format."
)
@pass_cli
def command(cli: CliContext, sql: str, form: str | None) -> None:
    """Run a read-only SQL statement, also while a run writes to the database; `-` reads it from stdin.

    Values are printed as stored; JSON is a list of objects.
    """
    with run_query(cli.database(), _statement(sql)) as answer:
        match form or ("json" if cli.json else "table"):
            case "csv":
                _print_csv(answer)
            case "json":
                _print_json(answer)
            case _:
                _print_table(answer)


def _statement(sql: str) -> str:
    try:
        statement = sys.stdin.read() if sql == "-" else sql
        # Bytes of the command line that could not be decoded are lone surrogates, which no database takes.
        statement.encode()
    except UnicodeError:
        raise ConfigurationError("the statement is not text in this system's encoding; write it in UTF-8") from None
    return statement


def _print_table(answer: QueryResult) -> None:
    rows = list(answer.rows)
    if answer.columns:
        for line in table(answer.columns, rows, none="NULL"):
            print(line)
    print(f"({len(rows)} row{'' if len(rows) == 1 else 's'})", file=sys.stderr)


def _print_csv(answer: QueryResult) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows(map(_plain, answer.rows))


def _plain(row: Sequence[Value]) -> list[Value]:
    return [value.hex() if isinstance(value, bytes) else value for value in row]


def _print_json(answer: QueryResult) -> None:
    names = list(_distinct(answer.columns))
    separator = "["
    for row in answer.rows:
        print(f"{separator}\n  {_object(names, row)}", end="")
        separator = ","
    print("[]" if separator == "[" else "\n]")


def _object(names: Sequence[str], row: Sequence[Value]) -> str:
    return json.dumps(dict(zip(names, map(_json_value, row), strict=True)), ensure_ascii=False)


def _json_value(value: Value) -> Value:
    if isinstance(value, bytes):
        return value.hex()
    # SQL computes with infinities; JSON has none.
    return str(value) if value in (float("inf"), float("-inf")) else value


def _distinct(names: Sequence[str]) -> Iterator[str]:
    """Return unique names for the keys of an object: the second `id` is `id_2`."""
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name}_{seen[name]}"
