"""The formats of a report; each is a module with `render`, which draws any document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec

from sync_worker.errors import ConfigurationError
from sync_worker.reports.issue import Issue

FORMATS = ("html", "csv", "xlsx", "json")
_WORKBOOKS = "xlsxwriter"
_INSTALL = "pip install 'procore-sync-worker[reports]'"


def _is_installed(library: str) -> bool:
    return find_spec(library) is not None


def check_formats(formats: Sequence[str], *, is_installed: Callable[[str], bool] = _is_installed) -> None:
    """Raise `ConfigurationError` for a format that cannot be made here; the message names those that can."""
    for each in formats:
        if each not in FORMATS:
            raise ConfigurationError(f"{each} is not built yet; there are {', '.join(FORMATS)}")
        if each == "xlsx" and not is_installed(_WORKBOOKS):
            raise ConfigurationError(f"xlsx needs a library that is not installed: {_INSTALL}")


def usual_formats(*, is_installed: Callable[[str], bool] = _is_installed) -> tuple[str, ...]:
    """Return the default formats: HTML, CSV, and a workbook if its library is installed."""
    return ("html", "csv", "xlsx") if is_installed(_WORKBOOKS) else ("html", "csv")


def render(issue: Issue, form: str) -> Mapping[str, bytes]:
    """Return the files of one format by name."""
    # Loaded here, so that a report in one format does not load the libraries of the others.
    files: Mapping[str, bytes] = import_module(f"sync_worker.reports.{form}_format").render(issue)
    return files
