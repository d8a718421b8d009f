"""`sync-worker status`: problems, the runs in progress, the calls spent, and the freshness of each stream."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import click

from sync_worker.cli.console import TOGETHER, LabeledLine, labeled_lines, table, wrapped_on_terminal
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.spending import spending_lines
from sync_worker.clock import utc_text
from sync_worker.model import Verdict
from sync_worker.state.history import RunLine, RunUnderWay
from sync_worker.status.durations import in_words
from sync_worker.status.problems import DataState, problems, state_of
from sync_worker.status.record_problems import BLOCKED, QUARANTINED
from sync_worker.status.status import Status, StreamStatus, gather, seconds_since

if TYPE_CHECKING:
    from sync_worker.jobs import ConfiguredJob, ConfiguredReport

_LINES = 24
"""Most lines without -v: a terminal's height."""
_NAMES_SHOWN = 4
_COUNTED = {"blocked", "the run", "never read", Verdict.FAILED, Verdict.INEXACT, "stale", "in future", QUARANTINED}
"""Kinds of problems that the first line sums up."""
_VERDICTS = (Verdict.COMPLETE, Verdict.INEXACT, Verdict.FAILED, Verdict.NOT_PERMITTED)
_HEADINGS = ("stream", "fresh", *_VERDICTS, "rows")
_QUIET_SECONDS = 600
_AGES = (
    ("1 min", 60), ("15 min", 900), ("1 h", 3_600), ("3 h", 10_800), ("6 h", 21_600), ("12 h", 43_200), ("1 d", 86_400),
)  # fmt: skip


@click.command(
    epilog="""\b
Examples:
  sync-worker status
  sync-worker status -v
  sync-worker status --json"""
)
@pass_cli
def command(cli: CliContext) -> int:
    """Show problems and what to do, what runs now, what was spent, and how fresh each stream is.

    A stream is as fresh as its oldest project: everything older is proven to be in the database. -v adds a table of all
    streams.
    """
    from sync_worker.engine.handoff import DAEMON
    from sync_worker.jobs import configured_jobs, configured_reports, expected_lists

    now, settings, streams = cli.clock.now(), cli.load_report_settings(), cli.streams()
    every = {name: options.full_refresh_every for name, options in settings.streams.items()}
    holder, jobs = cli.holder(), configured_jobs(settings)
    with cli.reading() as view:
        status = gather(
            view,
            now,
            streams,
            every,
            expected=expected_lists(jobs, settings, view, streams),
            is_held=holder is not None,
            # A run by hand holds the database as well.
            daemon=holder.removeprefix(DAEMON) if holder is not None and holder.startswith(DAEMON) else None,
            next_runs=_next_runs({**jobs, **configured_reports(settings)}, now),
        )
    if cli.is_blocked():
        status = replace(status, problems=[BLOCKED, *status.problems])
    if cli.json:
        print(json.dumps({"state": state_of(status), **status.as_json()}, indent=2, default=utc_text))
    else:
        click.echo("\n".join(as_text(status, now, every_stream=cli.verbosity > 0)), sys.stdout, color=cli.color)
    return 1 if state_of(status) is DataState.ATTENTION else 0


def _next_runs(jobs: Mapping[str, ConfiguredJob | ConfiguredReport], now: datetime) -> Mapping[str, datetime]:
    """Return the next tick of each job with a schedule, the earliest first."""
    from sync_worker.scheduler.schedules import parse_schedule

    due = {
        name: parse_schedule(job.schedule, job.timezone).next_after(now) for name, job in jobs.items() if job.schedule
    }
    return dict(sorted(due.items(), key=lambda found: found[1]))


def as_text(status: Status, now: datetime, *, every_stream: bool = False) -> Iterator[str]:
    """Return whether all is well, then the problems with what to do, then the rest; 24 lines unless `every_stream`."""
    head = [*wrapped_on_terminal(_first_sentence(status))]
    rest = [[*labeled_lines(part)] for part in (_going_on(status, now), _streams_shortly(status.streams))]
    room = _LINES - len(head) - sum(len(part) + 1 for part in rest if part)
    yield from head
    for part in (_problem_lines(status, sys.maxsize if every_stream else room - 1), *rest):
        yield from ["", *part] if part else []
    if every_stream and status.streams:
        yield ""
        yield from table(_HEADINGS, [_row(line) for line in status.streams])


def _first_sentence(status: Status) -> str:
    """Return whether all is well, or the worst thing and the step to take."""
    expected, state = status.expected, state_of(status)
    if state is DataState.LOADING:
        return f"Loading: {expected.complete} of {expected.lists} lists are proven complete."
    notes = f"; {expected.not_permitted} of {expected.lists} may not be read" if expected.not_permitted else ""
    if state is DataState.WELL:
        return f"All is well: {expected.complete} of {expected.lists} lists are proven complete{notes}."
    worst = problems(status)[0]
    ended = any(problem.stream is None for problem in status.errors)
    bad, stale = expected.failed + expected.inexact, sum(line.is_stale for line in status.streams)
    future = sum(line.future_marks > 0 for line in status.streams)
    quarantined = len({problem.stream for problem in status.problems if problem.kind == QUARANTINED})
    wrong = [
        "another program blocks the database" if BLOCKED in status.problems else "",
        "the last run ended early" if ended else "",
        f"{expected.never_read} of {expected.lists} lists were never read" if expected.never_read else "",
        f"{bad} of {expected.lists} lists are not complete" if bad else "",
        f"{stale} of {len(status.streams)} streams are stale" if stale else "",
        f"{future} of {len(status.streams)} streams have marks in the future" if future else "",
        f"records of {quarantined} {'stream' if quarantined == 1 else 'streams'} are in quarantine"
        if quarantined
        else "",
    ]
    said = ", ".join(filter(None, wrong))
    if worst.kind not in _COUNTED:
        # The rest of the first line counts; a refused company is one, and its lists are only what follows from it.
        said = worst.cause
    return f"Not all is well: {said}{notes}. Next: {worst.step}."


def _problem_lines(status: Status, room: int) -> list[str]:
    """Return as many problems as have room, the worst first."""
    found = [LabeledLine(problem.kind, problem.cause, problem.step) for problem in problems(status)]
    for shown in range(len(found), -1, -1):
        left = len(found) - shown
        more = [LabeledLine("", f"… and {left} more; -v shows them all")] if left else []
        lines = [*labeled_lines([*found[:shown], *more])]
        if len(lines) <= room or shown == 1:
            return lines
    return []


def _going_on(status: Status, now: datetime) -> Iterator[LabeledLine]:
    yield LabeledLine("daemon", status.daemon or "none runs; `sync-worker serve` starts it")
    if status.next_runs:
        first, at = next(iter(status.next_runs.items()))
        yield LabeledLine("next run", f"{first} in {in_words(seconds_since(now, at))} ({utc_text(at)})")
    yield from (LabeledLine("running", _running(run, now)) for run in status.running)
    if status.last_run is not None:
        yield LabeledLine("last run", _last(status.last_run, now))
    yield from spending_lines(status.allowance, status.days, status.health, now)


def _running(run: RunUnderWay, now: datetime) -> str:
    quiet = seconds_since(run.moved_at or run.started_at, now)
    waiting = f"; nothing for {in_words(quiet)}" if quiet > _QUIET_SECONDS else ""
    lists = run.scopes_finished if run.partitions is None else f"{run.scopes_finished} of {run.partitions}"
    return (
        f"{run.job} for {in_words(seconds_since(run.started_at, now))}, {lists} lists finished, "
        f"{run.rows_seen} rows seen (run {run.run_id}){waiting}"
    )


def _last(run: RunLine, now: datetime) -> str:
    ago = f" {in_words(seconds_since(run.finished_at, now))} ago" if run.finished_at else ""
    return f"{run.job} {run.outcome}{ago} (run {run.run_id})"


def _streams_shortly(streams: Sequence[StreamStatus]) -> Iterator[LabeledLine]:
    """Return the complete streams by age, the freshest first, then the incomplete ones; many are only counted."""
    by_age: dict[str, list[StreamStatus]] = defaultdict(list)
    for line in streams:
        if line.is_complete and line.freshness_seconds is not None:
            by_age[_age(line.freshness_seconds)].append(line)
    for how_old, lines in sorted(by_age.items(), key=lambda found: found[1][0].freshness_seconds or 0):
        yield LabeledLine("complete", f"{how_old} old: {_some([line.stream for line in lines])}")
    partly = [line for line in streams if not line.is_complete]
    shares = [
        f"{line.stream} {line.scopes[Verdict.COMPLETE]} of {sum(line.scopes.values()) + line.never_read}"
        for line in partly
    ]
    if partly:
        yield LabeledLine("in part", _some([share.replace(" ", TOGETHER) for share in shares]))


def _some(names: Sequence[str]) -> str:
    if len(names) <= _NAMES_SHOWN:
        return ", ".join(names)
    return f"{len(names)} streams, such as {', '.join(names[:_NAMES_SHOWN])}"


def _age(seconds: float) -> str:
    """Return a coarse age, so that streams read at about the same time share a line."""
    return next((f"under {words}" for words, most in _AGES if seconds < most), in_words(seconds))


def _row(line: StreamStatus) -> tuple[str | int | None, ...]:
    fresh = None if line.freshness_seconds is None else in_words(line.freshness_seconds)
    return (line.stream, fresh, *(line.scopes[verdict] for verdict in _VERDICTS), line.rows)
