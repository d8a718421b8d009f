"""What a subcommand is handed: the global options, settled, and the way to the settings.

Imported by every command, for `--help` too: what takes long to import is imported where it is used.
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
        """The settings, their secrets made known to the logs; raises `SettingsError`."""
        return self.read_settings().settings

    def load_local_settings(self) -> LocalSettings:
        """Where the data is, without asking for credentials; raises `SettingsError`."""
        from sync_worker.catalog import STREAMS
        from sync_worker.settings import load_local_settings
        from sync_worker.settings.own_streams import findings

        return load_local_settings(self.config_path, self.environ, STREAMS, lambda found: findings(found.streams))

    def database(self) -> Path:
        """The file that holds the data, without asking for credentials; raises `ConfigurationError` when none does."""
        destination = self.load_local_settings().destination
        if destination.type != "sqlite":
            raise ConfigurationError(f"destination.type {destination.type} is not built yet; use sqlite")
        if not destination.path.is_file():
            raise ConfigurationError(f"{destination.path} does not exist yet; run `sync-worker run --all` first")
        return destination.path

    def streams(self) -> Mapping[str, StreamSpec]:
        """The shipped streams and the user's own, without asking for credentials or for a configuration."""
        from sync_worker.catalog import STREAMS
        from sync_worker.settings.own_streams import catalog_with

        if self.config_path == Path(DEFAULT_CONFIG) and not self.config_path.exists():
            return STREAMS
        return catalog_with(self.load_local_settings().streams)

    def load_report_settings(self) -> ReportSettings:
        """What making reports takes, without asking for credentials; raises `SettingsError`."""
        from sync_worker.catalog import STREAMS
        from sync_worker.settings import load_report_settings
        from sync_worker.settings.own_streams import findings

        return load_report_settings(self.config_path, self.environ, STREAMS, lambda found: findings(found.streams))

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """What is committed, to look at, whoever writes meanwhile."""
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
        """Whether some process works on the data; not to be asked while it is read."""
        from sync_worker.destination.sqlite import SqliteDestination

        return SqliteDestination(self.database()).is_held()

    def is_blocked(self) -> bool:
        """Return True if some program has been writing to the database for seconds; a run's own writes are shorter."""
        from sync_worker.destination.sqlite import SqliteDestination

        return SqliteDestination(self.database(), try_seconds=_LONG_WRITE_SECONDS).is_blocked()

    def read_settings(self, inspect: Inspect[Settings] | None = None) -> LoadedSettings:
        """As `load_settings`, and where the values came from; `inspect` finds what else would be refused."""
        from sync_worker.catalog import STREAMS
        from sync_worker.cli.refusals import refusals
        from sync_worker.logs import redactor
        from sync_worker.settings import read_settings

        loaded = read_settings(self.config_path, self.environ, STREAMS, inspect or refusals)
        redactor.add(*loaded.settings.secret_values())
        return loaded


def pass_cli(command: Callable[Concatenate[CliContext, P], R]) -> Callable[P, R]:
    """Hand `command` the `CliContext` as its first argument, with logging set up as asked."""

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
    """Return the clock of this process; raises `ConfigurationError` where the environment asks for no possible one."""
    try:
        return process_clock(environ)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
