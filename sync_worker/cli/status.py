"""`sync-worker status`: is all well, what is not, how fresh is what, what was spent and what Procore thinks of it."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import click

from sync_worker.catalog.spec import StreamSpec, SyncMode
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.durations import age, in_words
from sync_worker.cli.labelled import TOGETHER, LabeledLine, labeled_lines
from sync_worker.cli.problems import SET_ASIDE, RecordProblem, find_problems
from sync_worker.cli.spending import allowance_as_json, health_as_json, spending_lines
from sync_worker.cli.table import table
from sync_worker.cli.trouble import ScopeProblem, summarize, troubles
from sync_worker.destination.protocol import Transaction
from sync_worker.model import Verdict
from sync_worker.planning.projects import known_inactive_projects
from sync_worker.planning.windows import FULL_REFRESH_EVERY
from sync_worker.state.allowance import StoredAllowance, read_allowance
from sync_worker.state.deletes import HeldDeletes, held_deletes
from sync_worker.state.freshness import StreamFreshness, freshness
from sync_worker.state.health import DAYS, Health, read_health
from sync_worker.state.history import (
    RunLine,
    RunUnderWay,
    is_future,
    latest_runs,
    latest_scopes,
    runs_under_way,
    with_current_state,
)
from sync_worker.state.instants import from_text
from sync_worker.state.spending import DaySpent, days_spent

STALE_AFTER = timedelta(days=1)
_LINES_SHOWN = 10
_VERDICTS = (Verdict.COMPLETE, Verdict.INEXACT, Verdict.FAILED, Verdict.NOT_PERMITTED)
_HEADINGS = ("stream", "fresh", *_VERDICTS, "rows")
_QUIET_SECONDS = 600
_LAST_RUNS = 20
_BLOCKED = RecordProblem(
    "blocked",
    "",
    "another program holds a write open, and nothing can be stored meanwhile",
    "end its transaction (a database browser with unsaved changes?); runs wait for it, ten minutes at most",
)


class StreamStatus(NamedTuple):
    """Where a stream stands: its oldest mark, whether that is too old, and its scopes by their last verdict.

    `future_marks` counts the marks that a wrong clock has put into the future.
    """

    stream: str
    freshness_seconds: int | None
    oldest_mark: str | None
    oldest_project: int | None
    is_stale: bool
    scopes: Mapping[str, int]
    rows: int | None
    future_marks: int

    @property
    def is_complete(self) -> bool:
        """Whether all of it was proven complete when it was last read."""
        return self.scopes[Verdict.COMPLETE] == sum(self.scopes.values())


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that `status` says; what has no content yet is empty."""

    streams: Sequence[StreamStatus]
    running: Sequence[RunUnderWay]
    errors: Sequence[ScopeProblem]
    last_run: RunLine | None
    now: datetime
    allowance: StoredAllowance
    held: Sequence[HeldDeletes]
    days: Sequence[DaySpent]
    health: Sequence[Health]
    problems: Sequence[RecordProblem]

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "problems": [problem._asdict() for problem in self.problems],
            "streams": [line._asdict() for line in self.streams],
            "running": [run._asdict() for run in self.running],
            "allowance": allowance_as_json(self.allowance, self.days, self.now),
            "held_deletes": [line._asdict() for line in self.held],
            "errors": [asdict(trouble) for trouble in self.errors],
            "health": health_as_json(self.health),
        }


@click.command(
    epilog="""\b
Examples:
  sync-worker status
  sync-worker status -v
  sync-worker status --json"""
)
@pass_cli
def command(cli: CliContext) -> None:
    """Say what is not complete and why, how fresh each stream is, what runs now and what was spent; no credentials.

    A stream is as fresh as its oldest scope: everything older than that is proven to be in the database. -v lists all
    streams with their rows.
    """
    now, is_held = cli.clock.now(), cli.is_held()
    every = _full_refresh_every(cli)
    with cli.reading() as view:
        status = gather(view, now, cli.streams(), every, is_held=is_held)
    if cli.is_blocked():
        status = replace(status, problems=[_BLOCKED, *status.problems])
    if cli.json:
        print(json.dumps(status.as_json(), indent=2))
    else:
        click.echo("\n".join(as_text(status, now, every_stream=cli.verbosity > 0)), sys.stdout, color=cli.color)


def _full_refresh_every(cli: CliContext) -> Mapping[str, timedelta]:
    return {name: said.full_refresh_every for name, said in cli.load_local_settings().streams.items()}


def gather(
    view: Transaction,
    now: datetime,
    streams: Mapping[str, StreamSpec],
    full_refresh_every: Mapping[str, timedelta],
    *,
    is_held: bool = True,
) -> Status:
    """What there is to say; `streams` are all that are known, in their order. No run is under way in unheld data."""
    scopes = latest_scopes(view)
    order = {name: place for place, name in enumerate(streams)}
    found = sorted(
        freshness(scopes, known_inactive_projects(view)), key=lambda line: order.get(line.stream, len(order))
    )
    last_runs = (with_current_state(run, held=is_held) for run in latest_runs(view, _LAST_RUNS))
    last_run = next((run for run in last_runs if run.outcome is not None), None)
    future = Counter(scope.stream for scope in scopes if scope.mark and is_future(scope.mark, now))
    return Status(
        streams=[
            _stream(line, view, now, _stale_after(streams.get(line.stream), full_refresh_every), future[line.stream])
            for line in found
        ],
        running=runs_under_way(view) if is_held else [],
        errors=troubles(scopes, last_run, streams),
        last_run=last_run,
        now=now,
        allowance=read_allowance(view) if view.has_table("_allowance") else StoredAllowance(),
        held=held_deletes(view) if view.has_table("_held_deletes") else [],
        days=days_spent(view, now.date() - timedelta(days=DAYS - 1)),
        health=read_health(view, now.date()),
        problems=find_problems(view, streams),
    )


def _stream(
    line: StreamFreshness, view: Transaction, now: datetime, stale_after: timedelta, future_marks: int
) -> StreamStatus:
    fresh = None if line.oldest_mark is None else round(_seconds_since(line.oldest_mark, now))
    is_stale = fresh is not None and fresh > stale_after.total_seconds()
    rows = view.live_count(line.stream) if view.has_table(line.stream, with_column="_deleted_at") else None
    return StreamStatus(
        line.stream, fresh, line.oldest_mark, line.oldest_project, is_stale, line.scopes, rows, future_marks
    )


def _stale_after(spec: StreamSpec | None, full_refresh_every: Mapping[str, timedelta]) -> timedelta:
    """How old a stream may become: a day, or twice as long as schedules leave it alone; an unknown one is nobody's."""
    if spec is None:
        return timedelta.max
    if spec.mode is not SyncMode.FULL_REFRESH:
        return STALE_AFTER
    return max(STALE_AFTER, 2 * full_refresh_every.get(spec.name, FULL_REFRESH_EVERY))


def as_text(status: Status, now: datetime, *, every_stream: bool = False) -> Iterator[str]:
    """The lines for people: whether all is well, what is not and what to do about it, then the rest."""
    yield _first_sentence(status)
    for part in (_wrong(status), _going_on(status, now), _streams_shortly(status.streams)):
        lines = list(labeled_lines(part))
        yield from ["", *lines] if lines else []
    if every_stream and status.streams:
        yield ""
        yield from table(_HEADINGS, [_row(line) for line in status.streams])


def _first_sentence(status: Status) -> str:
    ended = any(trouble.stream is None for trouble in status.errors)
    if not status.streams:
        return f"Nothing was read yet{', and the last run ended early' if ended else ''}."
    counted: Counter[str] = Counter()
    for line in status.streams:
        counted.update(line.scopes)
    total, bad = sum(counted.values()), counted[Verdict.FAILED] + counted[Verdict.INEXACT]
    stale = sum(line.is_stale for line in status.streams)
    future = sum(line.future_marks > 0 for line in status.streams)
    wrong = [
        "another program blocks the database" if _BLOCKED in status.problems else "",
        f"{bad} of {total} lists are not complete" if bad else "",
        f"{stale} of {len(status.streams)} streams are stale" if stale else "",
        f"{future} of {len(status.streams)} streams have marks in the future" if future else "",
        "the last run ended early" if ended and not bad else "",
    ]
    refused = counted[Verdict.NOT_PERMITTED]
    aside = len({problem.stream for problem in status.problems if problem.kind == SET_ASIDE})
    but = f"; {refused} may not be read" if refused else ""
    but += f"; of {aside} {'stream' if aside == 1 else 'streams'} records are set aside" if aside else ""
    if any(wrong):
        return f"Not all is well: {', '.join(filter(None, wrong))}{but}."
    return f"All is well: {counted[Verdict.COMPLETE]} of {total} lists are proven complete{but}."


def _wrong(status: Status) -> Iterator[LabeledLine]:
    """What wants somebody's attention, each with what to do."""
    lines = [
        *(LabeledLine(word, text, hint) for word, text, hint in summarize(status.errors)),
        *_stale_lines(status.streams),
        *_future_lines(status.streams),
        *_held_lines(status.held),
        *(LabeledLine(problem.kind, problem.text, problem.step) for problem in status.problems),
    ]
    yield from lines[:_LINES_SHOWN]
    if len(lines) > _LINES_SHOWN:
        yield LabeledLine("", f"… and {len(lines) - _LINES_SHOWN} more; --json lists them all")


def _stale_lines(streams: Sequence[StreamStatus]) -> Iterator[LabeledLine]:
    for line in streams:
        if line.is_stale and line.freshness_seconds is not None:
            where = "" if line.oldest_project is None else f", project {line.oldest_project}"
            told = f"{line.stream}{where}: last proven complete {in_words(line.freshness_seconds)} ago"
            yield LabeledLine(
                "stale", told, "does the daemon run, and does a job read it? `sync-worker runs` shows both"
            )


def _future_lines(streams: Sequence[StreamStatus]) -> Iterator[LabeledLine]:
    found = [line for line in streams if line.future_marks]
    if found:
        told = f"{sum(line.future_marks for line in found)} marks of {', '.join(line.stream for line in found)}"
        hint = "a clock was wrong; the next run reads again what changed since, `sync-worker check` compares the clocks"
        yield LabeledLine("in future", told, hint)


def _held_lines(held: Sequence[HeldDeletes]) -> Iterator[LabeledLine]:
    hint = "a second complete sweep decides; `sync-worker state approve-deletes` shows them and approves now"
    for line in held:
        project = "" if line.project_id is None else f", project {line.project_id}"
        yield LabeledLine(
            "held", f"{line.stream}{project}: {line.rows} rows would be deleted at once, {line.held_at}", hint
        )


def _going_on(status: Status, now: datetime) -> Iterator[LabeledLine]:
    yield from (LabeledLine("running", _running(run, now)) for run in status.running)
    if status.last_run is not None:
        yield LabeledLine("last run", _last(status.last_run, now))
    yield from spending_lines(status.allowance, status.days, status.health, now)


def _running(run: RunUnderWay, now: datetime) -> str:
    quiet = _seconds_since(run.moved_at or run.started_at, now)
    waiting = f"; nothing for {in_words(quiet)}" if quiet > _QUIET_SECONDS else ""
    lists = run.scopes_finished if run.partitions is None else f"{run.scopes_finished} of {run.partitions}"
    return (
        f"{run.job} for {in_words(_seconds_since(run.started_at, now))}, {lists} lists finished, "
        f"{run.rows_seen} rows seen (run {run.run_id}){waiting}"
    )


def _last(run: RunLine, now: datetime) -> str:
    ago = f" {in_words(_seconds_since(run.finished_at, now))} ago" if run.finished_at else ""
    return f"{run.job} {run.outcome}{ago} (run {run.run_id})"


def _streams_shortly(streams: Sequence[StreamStatus]) -> Iterator[LabeledLine]:
    """What is complete, by age, the freshest first; then what is complete in part, or was never read."""
    by_age: dict[str, list[StreamStatus]] = defaultdict(list)
    for line in streams:
        if line.is_complete and line.freshness_seconds is not None:
            by_age[age(line.freshness_seconds)].append(line)
    for how_old, lines in sorted(by_age.items(), key=lambda found: found[1][0].freshness_seconds or 0):
        yield LabeledLine("complete", f"{how_old} old, {len(lines)}: {', '.join(line.stream for line in lines)}")
    partly = [line for line in streams if not line.is_complete]
    shares = (f"{line.stream} {line.scopes[Verdict.COMPLETE]} of {sum(line.scopes.values())}" for line in partly)
    if partly:
        yield LabeledLine("in part", ", ".join(share.replace(" ", TOGETHER) for share in shares))


def _row(line: StreamStatus) -> tuple[str | int | None, ...]:
    fresh = None if line.freshness_seconds is None else in_words(line.freshness_seconds)
    return (line.stream, fresh, *(line.scopes[verdict] for verdict in _VERDICTS), line.rows)


def _seconds_since(text: str, now: datetime) -> float:
    return max(0.0, (now - from_text(text)).total_seconds())
