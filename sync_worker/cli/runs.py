"""`sync-worker runs`: the ledger as text and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import click

from sync_worker.cli.console import table
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.spending import reasons
from sync_worker.clock import utc_text
from sync_worker.errors import ConfigurationError
from sync_worker.state.history import RunLine, find_run, latest_runs, with_current_state
from sync_worker.state.ledger import ScopeResult, run_scopes
from sync_worker.state.spending import skipped_by_run
from sync_worker.status.durations import in_words

_RUNS = ("run", "job", "by", "started", "took", "outcome", "seen", "inserted", "updated", "deleted", "calls")
_SCOPES = ("stream", "company", "project", "verdict", "total", "seen", "inserted", "updated", "unchanged", "calls")


@click.command(
    epilog="""\b
Examples:
  sync-worker runs --limit 5
  sync-worker runs 20261124T060000Z-1a2b3c
  sync-worker runs --json"""
)
@click.argument("run_id", required=False, metavar="[RUN_ID]")
@click.option("--limit", default=20, show_default=True, metavar="N", type=click.IntRange(1), help="Number of runs.")
@pass_cli
def command(cli: CliContext, run_id: str | None, limit: int) -> None:
    """Show the last runs and those that wait, newest first, or one run in full with all its lists."""
    if run_id is None:
        _show_all(cli, limit)
    else:
        _show_one(cli, run_id)


def _show_all(cli: CliContext, limit: int) -> None:
    held = cli.is_held()
    with cli.reading() as view:
        found = [with_current_state(run, held=held) for run in latest_runs(view, limit)]
    if cli.json:
        print(json.dumps([run._asdict() for run in found], indent=2, default=utc_text))
    elif found:
        print("\n".join(table(_RUNS, [_line(run) for run in found])))
    else:
        print("no runs yet")


def _show_one(cli: CliContext, run_id: str) -> None:
    held = cli.is_held()
    with cli.reading() as view:
        found, scopes, skipped = find_run(view, run_id), run_scopes(view, run_id), skipped_by_run(view, run_id)
    if found is None:
        raise ConfigurationError(f"no run is called {run_id!r}; `sync-worker runs` lists the last ones")
    run = with_current_state(found, held=held)
    if cli.json:
        streams = [scope._asdict() for scope in scopes]
        print(json.dumps(run._asdict() | {"avoided": skipped, "streams": streams}, indent=2, default=utc_text))
    else:
        print("\n".join(in_full(run, scopes, skipped)))


def in_full(run: RunLine, scopes: Sequence[ScopeResult], skipped: Mapping[str, int]) -> Iterator[str]:
    """Return all that the ledger has of a run."""
    yield f"run {run.run_id}"
    rows = (
        f"{run.rows_seen} seen, {run.inserted} inserted, {run.updated} updated, {run.unchanged} unchanged, "
        f"{run.deleted} deleted, {run.quarantined} quarantined"
    )
    facts = (
        ("job", run.job),
        ("by", run.trigger),
        ("scheduled", run.scheduled_at and utc_text(run.scheduled_at)),
        ("started", run.started_at and utc_text(run.started_at)),
        ("finished", run.finished_at and f"{utc_text(run.finished_at)}, after {_took(run)}"),
        ("outcome", _outcome(run)),
        ("error", run.error),
        ("rows", rows),
        ("calls", run.requests),
        ("avoided", f"{sum(skipped.values())} calls: {reasons(skipped)}" if skipped else None),
    )
    yield from (f"  {what:<9}  {value}" for what, value in facts if value is not None)
    if scopes:
        yield ""
        yield from table(_SCOPES, [_scope_line(scope) for scope in scopes])
    failed = [scope for scope in scopes if scope.error]
    if failed:
        yield ""
    yield from map(problem_text, failed)


def problem_text(scope: ScopeResult) -> str:
    """Return why a list is not complete."""
    where = f"project {scope.project_id}" if scope.project_id else f"company {scope.company_id or '-'}"
    return f"{scope.verdict or 'not finished'}: {scope.stream}, {where}: {scope.error}"


def _line(run: RunLine) -> tuple[str | int | None, ...]:
    counts = (run.rows_seen, run.inserted, run.updated, run.deleted, run.requests)
    started_at = None if run.started_at is None else utc_text(run.started_at)
    return (run.run_id, run.job, run.trigger, started_at, _took(run), _outcome(run), *counts)


def _outcome(run: RunLine) -> str:
    return run.outcome or ("queued" if run.started_at is None else "running")


def _scope_line(scope: ScopeResult) -> tuple[str | int | None, ...]:
    counts = (scope.total, scope.rows_seen, scope.inserted, scope.updated, scope.unchanged, scope.requests)
    return (scope.stream, scope.company_id, scope.project_id, scope.verdict, *counts)


def _took(run: RunLine) -> str | None:
    if run.started_at is None or run.finished_at is None:
        return None
    return in_words((run.finished_at - run.started_at).total_seconds())
