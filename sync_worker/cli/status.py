"""`sync-worker status`: problems, the runs in progress, the calls spent, and the freshness of each stream."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import click

from sync_worker.cli.console import TOGETHER, LabeledLine, labeled_lines, table
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.spending import spending_lines
from sync_worker.clock import utc_text
from sync_worker.model import Verdict
from sync_worker.state.history import RunLine, RunUnderWay
from sync_worker.status.durations import in_words
from sync_worker.status.problems import problems
from sync_worker.status.record_problems import BLOCKED, QUARANTINED
from sync_worker.status.status import Status, StreamStatus, gather, seconds_since

_PROBLEMS_SHOWN = 10
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
def command(cli: CliContext) -> None:
    """Show problems and what to do, what runs now, what was spent, and how fresh each stream is.

    A stream is as fresh as its oldest project: everything older is proven to be in the database. -v adds a table of all
    streams.
    """
    now, is_held = cli.clock.now(), cli.is_held()
    every = _full_refresh_every(cli)
    with cli.reading() as view:
        status = gather(view, now, cli.streams(), every, is_held=is_held)
    if cli.is_blocked():
        status = replace(status, problems=[BLOCKED, *status.problems])
    if cli.json:
        print(json.dumps(status.as_json(), indent=2, default=utc_text))
    else:
        click.echo("\n".join(as_text(status, now, every_stream=cli.verbosity > 0)), sys.stdout, color=cli.color)


def _full_refresh_every(cli: CliContext) -> Mapping[str, timedelta]:
    return {name: said.full_refresh_every for name, said in cli.load_local_settings().streams.items()}


def as_text(status: Status, now: datetime, *, every_stream: bool = False) -> Iterator[str]:
    """Return whether all is well, then the problems with what to do, then the rest."""
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
        return f"Nothing was read so far{', and the last run ended early' if ended else ''}."
    counted: Counter[str] = Counter()
    for line in status.streams:
        counted.update(line.scopes)
    total, bad = sum(counted.values()), counted[Verdict.FAILED] + counted[Verdict.INEXACT]
    stale = sum(line.is_stale for line in status.streams)
    future = sum(line.future_marks > 0 for line in status.streams)
    wrong = [
        "another program blocks the database" if BLOCKED in status.problems else "",
        f"{bad} of {total} lists are not complete" if bad else "",
        f"{stale} of {len(status.streams)} streams are stale" if stale else "",
        f"{future} of {len(status.streams)} streams have marks in the future" if future else "",
        "the last run ended early" if ended and not bad else "",
    ]
    refused = counted[Verdict.NOT_PERMITTED]
    aside = len({problem.stream for problem in status.problems if problem.kind == QUARANTINED})
    but = f"; {refused} may not be read" if refused else ""
    but += f"; of {aside} {'stream' if aside == 1 else 'streams'} records are in quarantine" if aside else ""
    if any(wrong):
        return f"Not all is well: {', '.join(filter(None, wrong))}{but}."
    return f"All is well: {counted[Verdict.COMPLETE]} of {total} lists are proven complete{but}."


def _wrong(status: Status) -> Iterator[LabeledLine]:
    found = [LabeledLine(*problem) for problem in problems(status)]
    yield from found[:_PROBLEMS_SHOWN]
    if len(found) > _PROBLEMS_SHOWN:
        yield LabeledLine("", f"… and {len(found) - _PROBLEMS_SHOWN} more; --json lists them all")


def _going_on(status: Status, now: datetime) -> Iterator[LabeledLine]:
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
    """Return the complete streams by age, the freshest first, then the incomplete ones."""
    by_age: dict[str, list[StreamStatus]] = defaultdict(list)
    for line in streams:
        if line.is_complete and line.freshness_seconds is not None:
            by_age[_age(line.freshness_seconds)].append(line)
    for how_old, lines in sorted(by_age.items(), key=lambda found: found[1][0].freshness_seconds or 0):
        yield LabeledLine("complete", f"{how_old} old, {len(lines)}: {', '.join(line.stream for line in lines)}")
    partly = [line for line in streams if not line.is_complete]
    shares = (f"{line.stream} {line.scopes[Verdict.COMPLETE]} of {sum(line.scopes.values())}" for line in partly)
    if partly:
        yield LabeledLine("in part", ", ".join(share.replace(" ", TOGETHER) for share in shares))


def _age(seconds: float) -> str:
    """Return a coarse age, so that streams read at about the same time share a line."""
    return next((f"under {words}" for words, most in _AGES if seconds < most), in_words(seconds))


def _row(line: StreamStatus) -> tuple[str | int | None, ...]:
    fresh = None if line.freshness_seconds is None else in_words(line.freshness_seconds)
    return (line.stream, fresh, *(line.scopes[verdict] for verdict in _VERDICTS), line.rows)
