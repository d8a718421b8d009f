"""`config.yaml`: its keys, its variables, and what is wrong with it, by file and line."""

from sync_worker.settings.load import LoadedSettings, load_local_settings, load_settings, read_settings
from sync_worker.settings.problems import Problem, SettingsError
from sync_worker.settings.schema import (
    CursorOptions,
    DateWindowOptions,
    Delivery,
    Destination,
    DuckDB,
    JobOptions,
    Limits,
    LocalSettings,
    Notifier,
    ParentOptions,
    Parquet,
    Procore,
    Projects,
    Retention,
    Server,
    Settings,
    StreamOptions,
)
from sync_worker.settings.values import MASK

__all__ = [
    "MASK",
    "CursorOptions",
    "DateWindowOptions",
    "Delivery",
    "Destination",
    "DuckDB",
    "JobOptions",
    "Limits",
    "LoadedSettings",
    "LocalSettings",
    "Notifier",
    "ParentOptions",
    "Parquet",
    "Problem",
    "Procore",
    "Projects",
    "Retention",
    "Server",
    "Settings",
    "SettingsError",
    "StreamOptions",
    "load_local_settings",
    "load_settings",
    "read_settings",
]
