"""The real command as a process: what every subcommand has in common."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

import click
import pytest

from support.clock import ManualClock
from sync_worker import __version__
from sync_worker.cli.boundary import exit_code
from sync_worker.cli.context import CliContext
from sync_worker.cli.main import COMMANDS
from sync_worker.cli.options import GivenOptions
from sync_worker.errors import (
    AuthError,
    ConfigurationError,
    DestinationError,
    LockHeldError,
    RetryableError,
    StopRequested,
)
from sync_worker.logs import MASK, redactor

CONFIG = "procore: {client_id: x, client_secret: s3cret-value, companies: [1]}\n"

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run `sync-worker` with these arguments in a folder that holds a valid `config.yaml`."""
    (tmp_path / "config.yaml").write_text(CONFIG)

    def command(*arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sync_worker", *arguments],
            cwd=tmp_path,
            env=os.environ | (environ or {}),
            capture_output=True,
            text=True,
            check=False,
        )

    return command


def test_help_lists_every_command_without_importing_any(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sync_worker", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    for name, summary in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(summary)}$", answer.stdout, re.MULTILINE)
    imported = {line.rpartition("|")[2].strip() for line in answer.stderr.splitlines()}
    assert "sync_worker.cli.main" in imported
    heavy = {"pydantic", "structlog", "requests", "yaml", "msgspec", "starlette", "rich", "sqlite3", "asyncio"}
    assert not imported & (heavy | {f"sync_worker.cli.{name}" for name in COMMANDS})


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_in_the_list_can_be_called_and_helps(name: str) -> None:
    command: object = import_module(f"sync_worker.cli.{name}").command

    assert isinstance(command, click.Command)
    assert command.help


def test_the_version_is_the_packages(command: Command) -> None:
    assert command("--version").stdout == f"sync-worker, version {__version__}\n"


def test_no_command_at_all_shows_the_help_as_a_usage_error(command: Command) -> None:
    answer = command()

    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("Usage: sync-worker")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["confg"], "error: unknown command confg, did you mean config? (see `sync-worker --help`)\n"),
        (["--colour"], "error: No such option '--colour'."),
        (["config", "check", "--nonsense"], "error: No such option '--nonsense'."),
        (["config", "check", "nonsense"], "error: Got unexpected extra argument (nonsense)"),
        (["config"], "error: Missing command. (see `sync-worker config --help`)\n"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_2(command: Command, arguments: list[str], message: str) -> None:
    answer = command(*arguments)

    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith(message)
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config", "other.yaml", "--json", "config", "check"],
        ["config", "-c", "other.yaml", "--json", "check"],
        ["config", "check", "--config=other.yaml", "--json"],
        ["--json", "config", "-c", "ignored.yaml", "check", "-c", "other.yaml"],
    ],
)
def test_global_options_stand_before_or_after_the_command(command: Command, arguments: list[str]) -> None:
    answer = command(*arguments)

    assert json.loads(answer.stdout)["errors"][0]["file"] == "other.yaml"


def test_the_environment_names_the_configuration_unless_the_option_does(command: Command) -> None:
    environ = {"SYNC_WORKER_CONFIG": "missing.yaml"}

    assert "missing.yaml: no such file" in command("config", "check", environ=environ).stderr
    assert command("config", "check", "-c", "config.yaml", environ=environ).returncode == 0


@pytest.mark.parametrize("arguments", [["config", "schema"], ["config", "check"]], ids=["long", "short"])
def test_a_reader_that_has_gone_is_no_error(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        answer = subprocess.run(
            [sys.executable, "-m", "sync_worker", *arguments],
            cwd=tmp_path,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)

    assert (answer.returncode, answer.stderr) == (1, "")


def test_a_full_disk_behind_stdout_is_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run(
            [sys.executable, "-m", "sync_worker", "config", "schema"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (answer.returncode, answer.stderr) == (1, "error: No space left on device\n")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ConfigurationError("a: b\nc: d"), 2, "error: a: b\nerror: c: d\n"),
        (AuthError("refused"), 3, "error: refused\n"),
        (LockHeldError("held by 17"), 4, "error: held by 17\n"),
        (StopRequested("by a signal"), 75, "stopped: by a signal\n"),
        (RetryableError("later"), 1, "error: later\n"),
        (DestinationError("full"), 1, "error: full\n"),
        (PermissionError(13, "Permission denied", "/x"), 2, "error: cannot use /x: Permission denied\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
        (KeyError("x"), 1, "error: internal error: KeyError: 'x' (-v shows where)\n"),
        (AuthError("client_secret=s3cret-value"), 3, f"error: client_secret={MASK}\n"),
    ],
)
def test_every_error_ends_in_one_place_with_its_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, message: str
) -> None:
    def fail() -> None:
        raise error

    assert exit_code(fail, GivenOptions({})) == code
    assert capsys.readouterr().err == message


def test_the_traceback_of_a_bug_is_shown_when_asked_and_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise KeyError("client_secret=s3cret-value")

    assert exit_code(fail, GivenOptions({}, verbose=1)) == 1
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "s3cret-value" not in shown


def test_the_secrets_of_the_settings_are_known_to_the_logs_once_loaded(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.replace("s3cret-value", "known-once-loaded"))

    CliContext(file, json=False, verbosity=0, color=None, environ={}, clock=ManualClock()).load_settings()

    assert redactor.text("known-once-loaded") == MASK


def test_a_command_chooses_its_exit_code_by_what_it_returns() -> None:
    assert exit_code(lambda: 75, GivenOptions({})) == 75
    assert exit_code(lambda: None, GivenOptions({})) == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_imports_nothing_that_takes_long(command: Command, name: str) -> None:
    answer = command(name, "--help", environ={"PYTHONPROFILEIMPORTTIME": "1"})

    assert answer.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in answer.stderr.splitlines()}
    assert imported.isdisjoint({"pydantic", "structlog", "requests", "starlette", "rich", "sync_worker.app"})
