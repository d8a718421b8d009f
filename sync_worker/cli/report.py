"""`sync-worker report`: one report now, from stored data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.options import projects_option
from sync_worker.clock import utc_text
from sync_worker.model import Counts, Outcome

if TYPE_CHECKING:
    from sync_worker.jobs import ConfiguredReport
    from sync_worker.reports.build import MadeReport
    from sync_worker.settings import Settings


@click.command(
    epilog="""\b
Examples:
  sync-worker report rfi_ageing
  sync-worker report rfi_ageing --format xlsx --output ~/Desktop
  sync-worker report rfi_ageing --project 101 --format html --format csv"""
)
@click.argument("name", metavar="NAME")
@projects_option
@click.option(
    "--format",
    "formats",
    type=click.Choice(["html", "xlsx", "pdf", "csv", "json"]),
    multiple=True,
    default=["html"],
    show_default=True,
    help="Format; may be repeated.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder to write to, instead of the archive in data_dir.",
)
@pass_cli
def command(
    cli: CliContext, name: str, projects: tuple[int, ...], formats: tuple[str, ...], output: Path | None
) -> None:
    """Make a report from stored data, without a call to Procore and without credentials."""
    from sync_worker.jobs import find_report, runnable_reports
    from sync_worker.reports.build import make_report

    settings = cli.load_report_settings()
    request = find_report(runnable_reports(settings), name).request
    request = request._replace(projects=projects or request.projects, formats=tuple(dict.fromkeys(formats)))
    made = make_report(settings, request, clock=cli.clock, output=output)
    print(json.dumps(as_json(made)) if cli.json else as_text(made))


def run_reports(
    cli: CliContext, settings: Settings, reports: Mapping[str, ConfiguredReport], projects: Sequence[int]
) -> None:
    """Make reports as `sync-worker run` does: in the configured formats, each with a row in the ledger."""
    from sync_worker.reports.build import make_report_as_run

    clock = cli.clock
    for job, report in reports.items():
        began = clock.monotonic()
        request = report.request._replace(projects=projects or report.request.projects)
        run_id, made = make_report_as_run(settings, request, job=job, clock=clock)
        answer = {
            "run_id": run_id,
            "outcome": Outcome.SUCCEEDED,
            "seconds": round(clock.monotonic() - began, 3),
            "requests": 0,
            "rows": asdict(Counts()),
            "streams": [],
            "report": as_json(made),
        }
        print(json.dumps(answer) if cli.json else as_text(made))


def as_text(made: MadeReport) -> str:
    """Return the headline, then the files."""
    return "\n".join([made.headline, *(f"  {path}" for path in made.files)])


def as_json(made: MadeReport) -> dict[str, object]:
    """Return the object that `report --json` prints."""
    return {
        "report": made.name,
        "headline": made.headline,
        "data_as_of": utc_text(made.as_of),
        "rendered_at": utc_text(made.rendered_at),
        "files": [str(path) for path in made.files],
    }
