"""The options every command takes, before or after its name; light, because `--help` imports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

DEFAULT_CONFIG = "config.yaml"


@dataclass(slots=True)
class GivenOptions:
    """What was asked so far, while the command line is read from left to right."""

    environ: Mapping[str, str]
    config: str | None = None
    json: bool = False
    no_color: bool = False
    verbose: int = 0
    quiet: int = 0

    @property
    def config_path(self) -> Path:
        """The configuration file: the option's, else the environment's, else the default."""
        return Path(self.config or self.environ.get("SYNC_WORKER_CONFIG") or DEFAULT_CONFIG)

    @property
    def verbosity(self) -> int:
        """Above 0 for more, below 0 for less."""
        return self.verbose - self.quiet

    @property
    def color(self) -> bool | None:
        """False when colors are refused; None leaves it to the terminal."""
        return False if self.no_color or self.environ.get("NO_COLOR") else None


def with_global_options(command: click.Command) -> click.Command:
    """`command` and all commands under it, taking the global options too."""
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
        click.Option(
            ["-v", "--verbose"], count=True, help="Log everything; show where an internal error came from.", **common
        ),
        click.Option(["-q", "--quiet"], count=True, help="Log only warnings and errors.", **common),
        click.Option(["--no-color"], is_flag=True, help="Print without colors, as with NO_COLOR.", **common),
    ]


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:
    """The same option may be read twice, before and after the command's name; what is not given says nothing."""
    given = context.find_object(GivenOptions)
    if given is not None and value:
        setattr(given, option.name, value)
