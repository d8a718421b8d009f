"""The imports of a job author: a job is a module in a jobs folder whose `JOB` says what to read or report, and when."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from sync_worker.errors import ConfigurationError
from sync_worker.reports.build import ReportJob

_PACKAGE = Path(__file__).parent
_REPORT = "report_"

__all__ = ["ReportJob", "SyncJob", "sql_next_to"]


@dataclass(frozen=True, slots=True)
class SyncJob:
    """Streams to read, by name, glob or `tag:`; `schedule` is five cron fields, which the configuration can change."""

    title: str
    streams: tuple[str, ...]
    schedule: str


Job: TypeAlias = SyncJob | ReportJob


def sql_next_to(module: str) -> str:
    """Return the SQL in the file with the same name as the module; call it with `__file__`."""
    return Path(module).with_suffix(".sql").read_text("utf-8")


def load_jobs(own_folder: Path) -> Mapping[str, SyncJob]:
    """Return the sync jobs by name: the user's own, and the shipped ones that have no namesake among them.

    Raises `ConfigurationError` for a module that cannot be imported or declares no job.
    """
    return {name: job for name, job in all_jobs(own_folder).items() if isinstance(job, SyncJob)}


def load_reports(own_folder: Path) -> Mapping[str, ReportJob]:
    """Return the report jobs, as `load_jobs` does."""
    return {name: job for name, job in all_jobs(own_folder).items() if isinstance(job, ReportJob)}


def report_name(job: str) -> str:
    """Return the name of a job's report: `rfi_ageing` for `report_rfi_ageing`."""
    return job.removeprefix(_REPORT)


def all_jobs(own_folder: Path) -> Mapping[str, Job]:
    """Return the jobs of both kinds, as `load_jobs` does."""
    paths = {path.stem: path for folder in (shipped_folder(), own_folder) for path in sorted(folder.glob("*.py"))}
    return {name: _load(name, path) for name, path in paths.items() if not name.startswith("_")}


def shipped_folder() -> Path:
    """Return the folder of shipped jobs: inside the installed package, or next to it in a checkout."""
    installed = _PACKAGE / "shipped_jobs"
    return installed if installed.is_dir() else _PACKAGE.parent / "jobs"


def _load(name: str, path: Path) -> Job:
    spec = importlib.util.spec_from_file_location(f"sync_worker_jobs.{name}", path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"job {path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigurationError(f"job {path} cannot be loaded: {type(error).__name__}: {error}") from error
    job = getattr(module, "JOB", None)
    if not isinstance(job, SyncJob | ReportJob):
        raise ConfigurationError(f"job {path} declares no job: it needs JOB = SyncJob(…) or JOB = ReportJob(…)")
    return job
