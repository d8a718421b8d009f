"""A run from the command line: here, or by the daemon that holds the data; its answer and its exit code."""

from __future__ import annotations

import json
import sys
import threading

from sync_worker.app import open_worker
from sync_worker.cli.context import CliContext
from sync_worker.cli.progress import shown_progress
from sync_worker.cli.stopping import STOPPED, stop_on_signals
from sync_worker.cli.summary import report_as_json, report_as_text
from sync_worker.clock import Clock
from sync_worker.engine.handoff import DAEMON, run_by_daemon
from sync_worker.errors import AllowanceSpent, AuthError, LockHeldError, StopRequested
from sync_worker.logs import redactor
from sync_worker.model import Outcome, RunRequest, Verdict
from sync_worker.progress import Progress
from sync_worker.runner.run import deciding_verdicts
from sync_worker.runner.worker import FinishedRun
from sync_worker.settings import Settings

DONE, INCOMPLETE, UNREADABLE, SPENT = 0, 1, 3, 4


def run_and_tell(cli: CliContext, settings: Settings, request: RunRequest) -> int:
    """Do what is asked, print what came of it, and return the code to exit with."""
    clock = cli.clock
    began = clock.monotonic()
    with stop_on_signals() as stop, shown_progress(cli) as progress:
        report = _done(settings, request, clock, stop, progress)
    seconds = clock.monotonic() - began
    if cli.json:
        print(json.dumps(report_as_json(report, seconds)))
    elif report.failure is None or report.totals.rows.seen:
        print(report_as_text(report, seconds))
    if report.failure is not None:
        lead = "stopped" if isinstance(report.failure, StopRequested) else "error"
        print(redactor.text(f"{lead}: {report.failure}"), file=sys.stderr)
    return exit_code(report)


def _done(
    settings: Settings, request: RunRequest, clock: Clock, stop: threading.Event, progress: Progress
) -> FinishedRun:
    """Run it here, or where a daemon holds the database, there."""
    try:
        with open_worker(
            settings, stop=stop, on_new_secret=redactor.add_token, clock=clock, progress=progress
        ) as worker:
            return worker.run(request)
    except LockHeldError as held:
        if not held.holder.startswith(DAEMON):
            raise
    return run_by_daemon(settings, request, stop=stop, clock=clock, progress=progress)


def exit_code(report: FinishedRun) -> int:
    """What the process says of a finished run; see the table of exit codes in the README."""
    if isinstance(report.failure, AllowanceSpent):
        return SPENT
    if isinstance(report.failure, StopRequested):
        return STOPPED
    verdicts = deciding_verdicts(report.scopes)
    if report.totals.outcome is Outcome.SUCCEEDED:
        return DONE
    nothing_read = verdicts.isdisjoint({Verdict.COMPLETE, Verdict.INEXACT})
    refused = isinstance(report.failure, AuthError) or verdicts == {Verdict.NOT_PERMITTED}
    return UNREADABLE if nothing_read and refused else INCOMPLETE
