"""What a job author imports: a job is a module of a jobs folder whose `JOB` says what to read and when."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sync_worker.errors import ConfigurationError

_PACKAGE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class SyncJob:
    """Reads streams, named by name, glob or `tag:`; `schedule` is cron as Unix knows it, unless configured else."""

    title: str
    streams: tuple[str, ...]
    schedule: str


def load_jobs(own_folder: Path) -> Mapping[str, SyncJob]:
    """All jobs by name: the user's own, then the shipped ones that they do not replace.

    Raises `ConfigurationError` for a module that cannot be imported or that declares no job.
    """
    paths = {path.stem: path for folder in (shipped_folder(), own_folder) for path in sorted(folder.glob("*.py"))}
    return {name: _load(name, path) for name, path in paths.items() if not name.startswith("_")}


def shipped_folder() -> Path:
    """The folder of shipped jobs: inside the installed package, or beside it in a checkout."""
    installed = _PACKAGE / "shipped_jobs"
    return installed if installed.is_dir() else _PACKAGE.parent / "jobs"


def _load(name: str, path: Path) -> SyncJob:
    spec = importlib.util.spec_from_file_location(f"sync_worker_jobs.{name}", path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"job {path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigurationError(f"job {path} cannot be loaded: {type(error).__name__}: {error}") from error
    job = getattr(module, "JOB", None)
    if not isinstance(job, SyncJob):
        raise ConfigurationError(f"job {path} declares no job: it needs JOB = SyncJob(…)")
    return job
