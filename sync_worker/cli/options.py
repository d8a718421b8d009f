"""The options of every command, and those that several commands share; imports little, for `--help`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

DEFAULT_CONFIG = "config.yaml"

projects_option = click.option(
    "--project", "projects", type=int, multiple=True, metavar="ID", help="Only this project; may be repeated."
)
full_refresh_option = click.option("--full-refresh", is_flag=True, help="List everything, whatever was read before.")
no_wait_option = click.option("--no-wait", is_flag=True, help="Exit with 4 instead of waiting for the allowance.")


@dataclass(slots=True)
class GivenOptions:
    """The global options that were read so far, from left to right."""

    environ: Mapping[str, str]
    config: str | None = None
    json: bool = False
    no_color: bool = False
    verbose: int = 0
    quiet: int = 0

    @property
    def config_path(self) -> Path:
        """The configuration file of the option, else of the environment, else the default."""
        return Path(self.config or self.environ.get("SYNC_WORKER_CONFIG") or DEFAULT_CONFIG)

    @property
    def verbosity(self) -> int:
        """Above 0 for more log, below 0 for less."""
        return self.verbose - self.quiet

    @property
    def color(self) -> bool | None:
        """False when colors are refused; None leaves it to the terminal."""
        return False if self.no_color or self.environ.get("NO_COLOR") else None


def with_global_options(command: click.Command) -> click.Command:
    """Add the global options to `command` and all commands below it."""
    known = {param.name for param in command.params}
    command.params += [option for option in _options() if option.name not in known]
    if isinstance(command, click.Group):
        for under in command.commands.values():
            with_global_options(under)
    return command


def _options() -> list[click.Option]:
    common: dict[str, Any] = {"expose_value": False, "callback": _remember}
    return [
        click.Option(
            ["-c", "--config"],
            metavar="FILE",
            help="Configuration file; default SYNC_WORKER_CONFIG, else ./config.yaml.",
            **common,
        ),
        click.Option(["--json"], is_flag=True, help="Print JSON.", **common),
        click.Option(["-v", "--verbose"], count=True, help="Log everything; print tracebacks.", **common),
        click.Option(["-q", "--quiet"], count=True, help="Log only warnings and errors.", **common),
        click.Option(["--no-color"], is_flag=True, help="Print without colors, as with NO_COLOR.", **common),
    ]


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Store an option that is given; it may stand before or after the name of the command."""
    given = context.find_object(GivenOptions)
    if given is not None and value:
        setattr(given, option.name, value)
