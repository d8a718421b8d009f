"""`sync-worker status`: is all well, how fresh is what, what went wrong and what to do about it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

import click

from sync_worker.catalog.spec import StreamSpec
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.durations import in_words
from sync_worker.cli.table import table
from sync_worker.clock import SystemClock
from sync_worker.destination.protocol import Transaction
from sync_worker.model import Outcome, Verdict
from sync_worker.state.deletes import HeldDeletes, held_deletes
from sync_worker.state.history import (
    LatestScope,
    RunLine,
    RunUnderWay,
    as_it_is,
    latest_runs,
    latest_scopes,
    runs_under_way,
)
from sync_worker.state.instants import from_text

_ERRORS_SHOWN = 10
_VERDICTS = (Verdict.COMPLETE, Verdict.INEXACT, Verdict.FAILED, Verdict.NOT_PERMITTED)
_HEADINGS = ("stream", "fresh", *_VERDICTS, "rows")
_QUIET_SECONDS = 600
_LAST_RUNS = 20
_HINTS: Mapping[str, str] = {
    Verdict.FAILED: "the next run tries again; `sync-worker runs {run_id}` shows the run",
    Verdict.INEXACT: "the list changed while it was read; the next run reads it again",
    Verdict.NOT_PERMITTED: "let the service account read {tool} in Procore, or leave the stream or project out",
}
_RUN_HINT = "`sync-worker runs {run_id}` shows the run; `sync-worker run --all` tries again"


class StreamStatus(NamedTuple):
    """Where a stream stands: its oldest mark, and its scopes by their last verdict."""

    stream: str
    freshness_seconds: int | None
    oldest_mark: str | None
    scopes: Mapping[str, int]
    rows: int | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong for the same reason in any number of scopes; `stream` is None for what ended a whole run."""

    stream: str | None
    verdict: str | None
    error: str
    scopes: int
    projects: list[int]
    run_id: str
    at: str
    hint: str


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that `status` says; what has no content yet is empty."""

    streams: Sequence[StreamStatus]
    running: Sequence[RunUnderWay]
    errors: Sequence[Trouble]
    last_run: RunLine | None
    held: Sequence[HeldDeletes] = ()

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "streams": [line._asdict() for line in self.streams],
            "running": [run._asdict() for run in self.running],
            "allowance": {},
            "held_deletes": [line._asdict() for line in self.held],
            "errors": [asdict(trouble) for trouble in self.errors],
            "health": [],
        }


@click.command(
    epilog="""\b
Examples:
  sync-worker status
  sync-worker status --json"""
)
@pass_cli
def command(cli: CliContext) -> None:
    """Say how fresh and how complete each stream is, what runs now, and what went wrong; needs no credentials.

    A stream is as fresh as its oldest scope: everything older than that is proven to be in the database.
    """
    now, is_held = SystemClock().now(), cli.is_held()
    with cli.reading() as view:
        status = gather(view, now, cli.streams(), is_held=is_held)
    if cli.json:
        print(json.dumps(status.as_json(), indent=2))
    else:
        print("\n".join(as_text(status, now)))


def gather(view: Transaction, now: datetime, streams: Mapping[str, StreamSpec], *, is_held: bool = True) -> Status:
    """What there is to say; `streams` are all that are known, in their order. No run is under way in unheld data."""
    scopes = latest_scopes(view)
    last_runs = (as_it_is(run, held=is_held) for run in latest_runs(view, _LAST_RUNS))
    last_run = next((run for run in last_runs if run.outcome is not None), None)
    deletes = held_deletes(view) if view.has_table("_held_deletes") else []
    running = runs_under_way(view) if is_held else []
    troubles = _troubles(scopes, last_run, streams)
    return Status(_streams(view, scopes, now, list(streams)), running, troubles, last_run, deletes)


def as_text(status: Status, now: datetime) -> Iterator[str]:
    """The lines for people; the first says whether all is well."""
    yield _first_sentence(status)
    yield from (_running_line(run, now) for run in status.running)
    if status.last_run is not None:
        yield _last_line(status.last_run, now)
    if status.streams:
        yield ""
        yield from table(_HEADINGS, [_row(line) for line in status.streams])
    if status.errors:
        yield ""
        yield from _error_lines(status.errors)
    if status.held:
        yield ""
        yield from _held_lines(status.held)


def _held_lines(held: Sequence[HeldDeletes]) -> Iterator[str]:
    for line in held[:_ERRORS_SHOWN]:
        project = "" if line.project_id is None else f", project {line.project_id}"
        yield f"held: {line.rows} rows of {line.stream}{project} would be deleted at once (since {line.held_at})"
    if len(held) > _ERRORS_SHOWN:
        yield f"… and {len(held) - _ERRORS_SHOWN} more; --json lists them all"
    yield "  → a second complete sweep decides; `sync-worker state approve-deletes` shows them and approves now"


def _running_line(run: RunUnderWay, now: datetime) -> str:
    quiet = _seconds_since(run.moved_at or run.started_at, now)
    waiting = f"; nothing for {in_words(quiet)}" if quiet > _QUIET_SECONDS else ""
    lists = run.scopes_finished if run.partitions is None else f"{run.scopes_finished} of {run.partitions}"
    return (
        f"running: {run.job} for {in_words(_seconds_since(run.started_at, now))}, {lists} lists finished, "
        f"{run.rows_seen} rows seen (run {run.run_id}){waiting}"
    )


def _last_line(run: RunLine, now: datetime) -> str:
    ago = f" {in_words(_seconds_since(run.finished_at, now))} ago" if run.finished_at else ""
    return f"last run: {run.job} {run.outcome}{ago} (run {run.run_id})"


def _seconds_since(text: str, now: datetime) -> float:
    return max(0.0, (now - from_text(text)).total_seconds())


def _first_sentence(status: Status) -> str:
    ended = any(trouble.stream is None for trouble in status.errors)
    if not status.streams:
        return f"Nothing was read yet{', and the last run ended early' if ended else ''}."
    counted: Counter[str] = Counter()
    for line in status.streams:
        counted.update(line.scopes)
    total, bad = sum(counted.values()), counted[Verdict.FAILED] + counted[Verdict.INEXACT]
    refused = counted[Verdict.NOT_PERMITTED]
    but = f"; {refused} may not be read" if refused else ""
    if bad:
        return f"Not all is well: {bad} of {total} lists are not complete{but}."
    if ended:
        return f"Not all is well: the last run ended early{but}."
    return f"All is well: {counted[Verdict.COMPLETE]} of {total} lists are proven complete{but}."


def _row(line: StreamStatus) -> tuple[str | int | None, ...]:
    fresh = None if line.freshness_seconds is None else in_words(line.freshness_seconds)
    return (line.stream, fresh, *(line.scopes[verdict] for verdict in _VERDICTS), line.rows)


def _error_lines(errors: Sequence[Trouble]) -> Iterator[str]:
    for trouble in errors[:_ERRORS_SHOWN]:
        what = trouble.verdict or "the run"
        where = "" if trouble.stream is None else f" {trouble.stream}{_places(trouble)}"
        yield f"{what}:{where}: {trouble.error}".replace(":: ", ": ")
        yield f"  → {trouble.hint}"
    if len(errors) > _ERRORS_SHOWN:
        yield f"… and {len(errors) - _ERRORS_SHOWN} more; --json lists them all"


def _places(trouble: Trouble) -> str:
    if not trouble.projects:
        return ""
    more = f" and {len(trouble.projects) - 1} more" if len(trouble.projects) > 1 else ""
    return f", project {trouble.projects[0]}{more}"


def _streams(
    view: Transaction, scopes: Sequence[LatestScope], now: datetime, known: Sequence[str]
) -> list[StreamStatus]:
    by_stream: dict[str, list[LatestScope]] = defaultdict(list)
    for scope in scopes:
        by_stream[scope.stream].append(scope)
    order = {name: place for place, name in enumerate(known)}
    return [
        _stream(name, by_stream[name], now, view.live_count(name) if view.has_table(name) else None)
        for name in sorted(by_stream, key=lambda name: order.get(name, len(order)))
    ]


def _stream(name: str, scopes: Sequence[LatestScope], now: datetime, rows: int | None) -> StreamStatus:
    # What may not be read any more would make the rest look older every day.
    marks = [scope.mark for scope in scopes if scope.mark and scope.verdict != Verdict.NOT_PERMITTED]
    oldest = min(marks, default=None)
    fresh = None if oldest is None else round(_seconds_since(oldest, now))
    counted = Counter(scope.verdict for scope in scopes)
    return StreamStatus(name, fresh, oldest, {verdict: counted[verdict] for verdict in _VERDICTS}, rows)


def _troubles(
    scopes: Sequence[LatestScope], last_run: RunLine | None, streams: Mapping[str, StreamSpec]
) -> list[Trouble]:
    """What is wrong now: whatever ended the last run first, then scopes with the same trouble together."""
    found: list[Trouble] = []
    if last_run is not None and last_run.outcome in (Outcome.FAILED, Outcome.PARTIAL) and last_run.error:
        hint = _RUN_HINT.format(run_id=last_run.run_id)
        at = last_run.finished_at or ""
        found.append(Trouble(None, None, last_run.error, 0, [], last_run.run_id, at, hint))
    alike: dict[tuple[str, str, str], list[LatestScope]] = defaultdict(list)
    for scope in scopes:
        if scope.verdict != Verdict.COMPLETE:
            alike[scope.verdict, scope.stream, scope.error or "no reason was given"].append(scope)
    worst_first = [Verdict.FAILED, Verdict.INEXACT, Verdict.NOT_PERMITTED]
    order = list(streams)

    def place(key: tuple[str, str, str]) -> tuple[int, int]:
        verdict, stream, _ = key
        return worst_first.index(Verdict(verdict)), order.index(stream) if stream in streams else len(order)

    return found + [_trouble(*key, alike[key], streams.get(key[1])) for key in sorted(alike, key=place)]


def _trouble(verdict: str, stream: str, error: str, scopes: Sequence[LatestScope], spec: StreamSpec | None) -> Trouble:
    last = max(scopes, key=lambda scope: scope.finished_at)
    tool = (spec.tool if spec else "") or "the tool"
    projects = [scope.project_id for scope in scopes if scope.project_id is not None]
    hint = _HINTS[verdict].format(run_id=last.run_id, tool=tool)
    return Trouble(stream, verdict, error, len(scopes), projects, last.run_id, last.finished_at, hint)
