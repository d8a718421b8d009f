"""`config.yaml`: its keys, its variables, and what is wrong with it, by file and line."""

from sync_worker.settings.load import load_settings, load_with_origins
from sync_worker.settings.problems import Problem, SettingsError
from sync_worker.settings.schema import (
    CursorOptions,
    Delivery,
    Destination,
    DuckDB,
    JobOptions,
    Limits,
    Notifier,
    Parquet,
    Procore,
    Projects,
    Retention,
    Server,
    Settings,
    StreamOptions,
)

__all__ = [
    "CursorOptions",
    "Delivery",
    "Destination",
    "DuckDB",
    "JobOptions",
    "Limits",
    "Notifier",
    "Parquet",
    "Problem",
    "Procore",
    "Projects",
    "Retention",
    "Server",
    "Settings",
    "SettingsError",
    "StreamOptions",
    "load_settings",
    "load_with_origins",
]
