"""`sync-worker run`: jobs or streams, now, in the foreground."""

from __future__ import annotations

import difflib
import json
import time
from collections.abc import Mapping, Sequence

import click

from sync_worker.app import Report, Request, open_worker
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.stopping import STOPPED, stop_on_signals
from sync_worker.cli.summary import report_as_json, report_as_text
from sync_worker.errors import AuthError, ConfigurationError
from sync_worker.job import SyncJob, load_jobs
from sync_worker.logs import redactor
from sync_worker.model import Outcome, Verdict

DONE, INCOMPLETE, UNREADABLE = 0, 1, 3


@click.command()
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--all", "every_job", is_flag=True, help="Run all jobs.")
@click.option("--streams", metavar="S[,S]...", help="Read these streams: names, globs, tag:NAME.")
@click.option("--project", "projects", type=int, multiple=True, metavar="ID", help="Only this project; repeatable.")
@click.option("--full-refresh", is_flag=True, help="List everything, whatever was read before.")
@pass_cli
def command(
    cli: CliContext,
    jobs: tuple[str, ...],
    every_job: bool,  # noqa: FBT001 - click's signature
    streams: str | None,
    projects: tuple[int, ...],
    full_refresh: bool,  # noqa: FBT001
) -> int:
    """Run jobs or streams now."""
    settings = cli.load_settings()
    request = _requested(load_jobs(settings.jobs_dir), jobs, streams, every_job=every_job)
    request = request._replace(projects=projects, full_refresh=full_refresh)
    began = time.monotonic()
    with (
        stop_on_signals() as stop,
        open_worker(settings, stop=stop, on_new_secret=redactor.add_token) as worker,
    ):
        report = worker.run(request)
    seconds = time.monotonic() - began
    print(json.dumps(report_as_json(report, seconds)) if cli.json else report_as_text(report, seconds))
    return exit_code(report)
