"""The formats a report can be had in, and which files each one is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec

from sync_worker.errors import ConfigurationError
from sync_worker.reports.flat import items, projects
from sync_worker.reports.story import Issue

FORMATS = ("html", "csv", "xlsx", "json")
_WORKBOOKS = "xlsxwriter"
_INSTALL = "pip install 'procore-sync-worker[reports]'"


def _is_installed(library: str) -> bool:
    return find_spec(library) is not None


def check_formats(formats: Sequence[str], *, is_installed: Callable[[str], bool] = _is_installed) -> None:
    """Raises `ConfigurationError` for a format that cannot be made here, saying what can."""
    for each in formats:
        if each not in FORMATS:
            raise ConfigurationError(f"{each} is not built yet; there are {', '.join(FORMATS)}")
        if each == "xlsx" and not is_installed(_WORKBOOKS):
            raise ConfigurationError(f"xlsx needs a library that is not installed: {_INSTALL}")


def usual_formats(*, is_installed: Callable[[str], bool] = _is_installed) -> tuple[str, ...]:
    """What a report is made in unless said: a page, its rows, and a workbook where that is possible."""
    return ("html", "csv", "xlsx") if is_installed(_WORKBOOKS) else ("html", "csv")


def render(issue: Issue, form: str) -> dict[str, bytes]:
    """The files of one format, by name."""
    # Each library is loaded by whoever asks for its format.
    match form:
        case "html":
            from sync_worker.reports.html_format import render_html  # noqa: PLC0415

            return {f"{issue.name}.html": render_html(issue)}
        case "csv":
            from sync_worker.reports.csv_format import render_csv  # noqa: PLC0415

            return {
                f"{issue.name}.csv": render_csv(items(issue)),
                f"{issue.name}_projects.csv": render_csv(projects(issue)),
            }
        case "xlsx":
            from sync_worker.reports.xlsx_format import render_xlsx  # noqa: PLC0415

            return {f"{issue.name}.xlsx": render_xlsx(issue)}
        case _:
            from sync_worker.reports.json_format import render_json  # noqa: PLC0415

            return {f"{issue.name}.json": render_json(issue)}
