"""The context of a command: the global options, the settings and the database.

Every command imports this module, also for `--help`, so slow imports are inside functions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

from sync_worker.cli.options import DEFAULT_CONFIG, GivenOptions
from sync_worker.clock import Clock, process_clock
from sync_worker.errors import ConfigurationError

if TYPE_CHECKING:
    from sync_worker.catalog.spec import StreamSpec
    from sync_worker.destination.protocol import Transaction
    from sync_worker.settings import Inspect, LoadedSettings, LocalSettings, ReportSettings, Settings

P = ParamSpec("P")
R = TypeVar("R")

_LONG_WRITE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class CliContext:
    """The global options of one call of the command."""

    config_path: Path
    json: bool
    verbosity: int
    color: bool | None
    environ: Mapping[str, str]
    clock: Clock

    def load_settings(self) -> Settings:
        """Return the settings, whose secrets the logs then hide; raises `SettingsError`."""
        return self.read_settings().settings

    def load_local_settings(self) -> LocalSettings:
        """Return where the data is, without credentials; raises `SettingsError`."""
        from sync_worker.catalog import STREAMS
        from sync_worker.settings import load_local_settings
        from sync_worker.settings.own_streams import findings

        return load_local_settings(self.config_path, self.environ, STREAMS, lambda found: findings(found.streams))

    def database(self) -> Path:
        """Return the database file, without credentials; raises `ConfigurationError` if there is none."""
        destination = self.load_local_settings().destination
        if destination.type != "sqlite":
            raise ConfigurationError(f"destination.type {destination.type} is not built yet; use sqlite")
        if not destination.path.is_file():
            raise ConfigurationError(f"{destination.path} does not exist yet; run `sync-worker run --all` first")
        return destination.path

    def streams(self) -> Mapping[str, StreamSpec]:
        """Return the shipped streams and the user's own; needs neither credentials nor a configuration."""
        from sync_worker.catalog import STREAMS
        from sync_worker.settings.own_streams import catalog_with

        if self.config_path == Path(DEFAULT_CONFIG) and not self.config_path.exists():
            return STREAMS
        return catalog_with(self.load_local_settings().streams)

    def load_report_settings(self) -> ReportSettings:
        """Return the settings of reports, without credentials; raises `SettingsError`."""
        from sync_worker.catalog import STREAMS
        from sync_worker.settings import load_report_settings
        from sync_worker.settings.own_streams import findings

        return load_report_settings(self.config_path, self.environ, STREAMS, lambda found: findings(found.streams))

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Yield a view of the committed data, also while a run writes."""
        from sync_worker.destination.sqlite import SqliteDestination
        from sync_worker.state.migration import earlier_version

        path = self.database()
        with SqliteDestination(path).reader() as view:
            if not view.has_table("_migrations"):
                raise ConfigurationError(f"{path} holds nothing yet; run `sync-worker run --all` first")
            if (problem := earlier_version(view)) is not None:
                raise ConfigurationError(problem)
            yield view

    def is_held(self) -> bool:
        """Return True if a process holds the database; call it only outside of `reading`."""
        return self.holder() is not None

    def holder(self) -> str | None:
        """Return who holds the database, None if nobody does; call it only outside of `reading`."""
        from sync_worker.destination.sqlite import SqliteDestination

        return SqliteDestination(self.database()).holder()

    def is_blocked(self) -> bool:
        """Return True if a program has been writing to the database for seconds; the writes of a run are shorter."""
        from sync_worker.destination.sqlite import SqliteDestination

        return SqliteDestination(self.database(), try_seconds=_LONG_WRITE_SECONDS).is_blocked()

    def read_settings(self, inspect: Inspect[Settings] | None = None) -> LoadedSettings:
        """Return the settings and where the values came from; `inspect` finds what else would be refused."""
        from sync_worker.catalog import STREAMS
        from sync_worker.cli.refusals import refusals
        from sync_worker.logs import redactor
        from sync_worker.settings import read_settings

        loaded = read_settings(self.config_path, self.environ, STREAMS, inspect or refusals)
        redactor.add(*loaded.settings.secret_values())
        return loaded


def pass_cli(command: Callable[Concatenate[CliContext, P], R]) -> Callable[P, R]:
    """Pass the `CliContext` to `command` as its first argument, and set up logging."""

    @functools.wraps(command)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        from sync_worker.logs import configure_logging

        given = click.get_current_context().ensure_object(GivenOptions)
        configure_logging(verbosity=given.verbosity, color=given.color)
        clock = clock_for(given.environ)
        context = CliContext(given.config_path, given.json, given.verbosity, given.color, given.environ, clock)
        return command(context, *args, **kwargs)

    return called


def clock_for(environ: Mapping[str, str]) -> Clock:
    """Return the clock of this process; raises `ConfigurationError` if the environment has an impossible offset."""
    try:
        return process_clock(environ)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
