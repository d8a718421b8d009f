"""`sync-worker config`: the check, the schema and the effective configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from sync_worker.cli.boundary import UNUSABLE
from sync_worker.cli.context import CliContext, pass_cli

if TYPE_CHECKING:
    from sync_worker.settings import LoadedSettings, Settings


@click.group(no_args_is_help=False)
def command() -> None:
    """Check or show the configuration, or print its schema."""


@command.command()
@pass_cli
def check(cli: CliContext) -> int:
    """Check the configuration, and show what it does."""
    from sync_worker.cli.refusals import refusals_here
    from sync_worker.doctor.configuration import configuration_warnings
    from sync_worker.logs import Event, get_logger
    from sync_worker.settings import SettingsError

    try:
        loaded = cli.read_settings(refusals_here)
    except SettingsError as error:
        if not cli.json:
            raise
        print(json.dumps({"ok": False, "errors": [asdict(problem) for problem in error.problems]}, indent=2))
        return UNUSABLE
    if cli.json:
        print(json.dumps({"ok": True, "errors": []}, indent=2))
        return 0
    print(f"{cli.config_path}: ok")
    for what, value in _plan(loaded.settings):
        print(f"  {what}: {value}")
    for finding in configuration_warnings(loaded, cli.config_path):
        get_logger().warning(Event.SETTINGS_DOUBTED, error=f"{finding.message}; {finding.hint}")
    return 0


@command.command()
def schema() -> None:
    """Print the JSON schema of config.yaml, for editors."""
    from sync_worker.settings import Settings

    print(json.dumps(Settings.model_json_schema(), indent=2))


@command.command()
@pass_cli
def show(cli: CliContext) -> None:
    """Print the effective configuration, secrets masked, and where variables came from."""
    import yaml

    loaded = cli.read_settings()
    effective = loaded.settings.model_dump(mode="json", by_alias=True)
    sources = dict(_sources(effective, loaded, str(cli.config_path)))
    if cli.json:
        print(json.dumps({**effective, "sources": sources}, indent=2))
        return
    print(yaml.safe_dump(effective, sort_keys=False, allow_unicode=True), end="")
    for key, source in sources.items():
        print(f"# {key}: {source}")


def _plan(settings: Settings) -> Iterator[tuple[str, str]]:
    from sync_worker.jobs import configured_jobs, configured_reports

    procore, jobs = settings.procore, [*configured_jobs(settings), *configured_reports(settings)]
    yield "reads", f"{procore.environment} ({procore.api_url})"
    yield "companies", ", ".join(map(str, procore.companies))
    yield "writes", f"SQLite, {settings.destination.path}"
    yield "jobs", ", ".join(jobs) or "none; nothing is read on a schedule"


def _sources(effective: Mapping[str, Any], loaded: LoadedSettings, file: str) -> Iterator[tuple[str, str]]:
    """Yield the source of each secret and of each value with a variable, in the order of `effective`."""
    from sync_worker.settings import MASK

    for key, value in _leaves(effective):
        source = loaded.sources.get(key, f"written in {file}" if value == MASK else None)
        if source is not None:
            yield key, source


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{key}[{index}]")
    else:
        yield key, value
