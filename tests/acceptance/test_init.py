"""`sync-worker init` as a process: from nothing to a configuration that a check takes, by flags or by answers."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

Call = Callable[..., "subprocess.CompletedProcess[str]"]
ENVIRON = {"PROCORE_CLIENT_ID": "an-id", "PROCORE_CLIENT_SECRET": "s3cret", "PROCORE_COMPANY_ID": "4711"}


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """Run `sync-worker …` in an empty folder, with no terminal."""

    def call(*arguments: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sync_worker", *arguments],
            cwd=tmp_path,
            env=os.environ | (environ or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_without_a_terminal_defaults_are_written_and_pass_the_check(call: Call, tmp_path: Path) -> None:
    written = call("init")
    assert (written.returncode, written.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env.example", ".gitignore", "config.yaml"]
    checked = call("config", "check", environ=ENVIRON)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "reads: production" in checked.stdout


def test_flags_are_what_holds(call: Call, tmp_path: Path) -> None:
    flags = ["--environment", "sandbox", "--company-id", "77", "--client-id", "an-id", "--timezone", "America/Chicago"]
    assert call("init", "--dir", "our own/place", "--data-dir", "our data", *flags).returncode == 0

    config = tmp_path / "our own/place/config.yaml"
    checked = call("-c", str(config), "config", "check", environ={"PROCORE_CLIENT_SECRET": "s3cret"})
    assert checked.returncode == 0, checked.stderr
    assert "sandbox" in checked.stdout
    assert "companies: 77" in checked.stdout
    assert str(config.parent / "our data/procore.db") in checked.stdout
    assert "timezone: America/Chicago" in config.read_text()
    assert "PROCORE_COMPANY_ID" not in config.with_name(".env.example").read_text()


def test_nothing_is_overwritten_unless_forced(call: Call, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    (tmp_path / ".env.example").write_text("mine\n")

    refused = call("init")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "error: .env.example exists; --force overwrites it, --dir names another folder\n"
    assert not (tmp_path / "config.yaml").exists()

    assert call("init", "--force").returncode == 0
    assert "PROCORE_CLIENT_ID=" in (tmp_path / ".env.example").read_text()
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--environment", "sanbox"], "did you mean sandbox?"),
        (["--company-id", "ours"], "'--company-id': expected a whole number"),
        (["--timezone", "America/Chcago"], "did you mean America/Chicago?"),
        (["--login-url", "http://procore.example"], "must begin with https://"),
        (["--client-secret", "s3cret"], "No such option '--client-secret'"),
        (["--dir", "config.yaml/below"], "config.yaml"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_2(call: Call, tmp_path: Path, flags: list[str], reason: str) -> None:
    if flags[0] == "--dir":
        (tmp_path / "config.yaml").touch()
    refused = call("init", *flags)
    (line,) = refused.stderr.splitlines()
    assert (refused.returncode, reason in line, "s3cret" in line) == (2, True, False)
    assert not (tmp_path / ".env.example").exists()


def test_a_terminal_is_asked_what_the_flags_leave_open_and_asked_again_after_a_mistake(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "sync_worker", "init", "--json", "--environment", "federal"],
        cwd=tmp_path,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    os.write(ours, b"ours\n4711\n\nEurope/Berlin\n")
    shown = b""
    with process, suppress(OSError):
        while chunk := os.read(ours, 65536):
            shown += chunk
        assert process.stdout is not None
    os.close(ours)

    assert process.returncode == 0
    assert b"expected a whole number" in shown
    assert b"secret" not in shown.lower()
    text = (tmp_path / "config.yaml").read_text()
    for line in (
        "environment: federal",
        'companies: ["4711"]',
        "client_id: ${PROCORE_CLIENT_ID}",
        "timezone: Europe/Berlin",
    ):
        assert line in text
