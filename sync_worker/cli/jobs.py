"""The jobs that the configuration leaves in force, and when each is due."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import NamedTuple

from sync_worker.errors import ConfigurationError
from sync_worker.job import SyncJob, load_jobs
from sync_worker.settings import JobOptions, Settings


class ConfiguredJob(NamedTuple):
    """A job with what the configuration says of it; `schedule=None`: only when asked for."""

    streams: tuple[str, ...]
    projects: tuple[int, ...]
    schedule: str | None
    timezone: str


def configured_jobs(settings: Settings) -> dict[str, ConfiguredJob]:
    """All jobs with their own schedules, or those that the configuration names, these alone."""
    known = load_jobs(settings.jobs_dir)
    if settings.jobs is None:
        return {name: _configured(JobOptions(), job) for name, job in known.items()}
    return {
        name: _configured(options, _named(known, name, options))
        for name, options in settings.jobs.items()
        if options.kind != "report"
    }


def runnable_jobs(settings: Settings) -> dict[str, SyncJob]:
    """All jobs that can be run by hand: those of the folders, and those that the configuration declares."""
    declared = {
        name: SyncJob(title=name, streams=tuple(options.streams), schedule=options.schedule or "")
        for name, options in (settings.jobs or {}).items()
        if options.kind == "sync"
    }
    return {**load_jobs(settings.jobs_dir), **declared}


def _named(known: Mapping[str, SyncJob], name: str, options: JobOptions) -> SyncJob | None:
    if options.kind == "sync":
        return None
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "to declare one here, give it kind: sync and streams"
    raise ConfigurationError(f"jobs.{name}: no job is called so; {hint}")


def _configured(options: JobOptions, job: SyncJob | None) -> ConfiguredJob:
    streams = options.streams or (job.streams if job else ())
    schedule = options.schedule or (job.schedule if job else None)
    return ConfiguredJob(tuple(streams), tuple(options.projects), schedule, options.timezone or "UTC")
