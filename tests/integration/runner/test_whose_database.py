"""A database belongs to one Procore and is of one version; what belongs to another one is left as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.worker import A_FEW, Install, Installation, incomplete
from sync_worker.errors import ConfigurationError

SANDBOX = ("login-sandbox.procore.com", "sandbox.procore.com")
WRITING = [
    ("run", "--all"),
    ("run", "--all", "--dry-run"),
    ("backfill", "--since", "2026-01-01", "--yes"),
    ("serve",),
    ("plan",),
    ("config", "check"),
    ("config", "check", "--json"),
]


def written(here: Installation, sql: str, *parameters: object) -> bytes:
    """Change the database as another program; its content then."""
    with closing(sqlite3.connect(here.database)) as other, other:
        other.execute(sql, parameters)
        other.commit()
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return here.database.read_bytes()


def here_of(installation: Installation) -> str:
    """Return the name of its Procore as messages give it."""
    return f"localhost:{urlsplit(installation.simulator.url).port}"


@pytest.fixture
def of_the_sandbox(install: Install) -> Installation:
    here = install(streams=A_FEW)
    here.run("rfis")
    written(here, "UPDATE _origin SET login = ?, api = ?", *SANDBOX)
    here.simulator.requests.clear()
    return here


def test_a_database_of_another_procore_is_refused_by_a_run_before_any_call(of_the_sandbox: Installation) -> None:
    before = of_the_sandbox.database.read_bytes()

    with pytest.raises(ConfigurationError) as refusal:
        of_the_sandbox.run()

    place = here_of(of_the_sandbox)
    assert str(refusal.value).endswith(
        "procore.db holds the data of sandbox.procore.com (login login-sandbox.procore.com), "
        f"and the configuration names {place} (login {place}): "
        "name another file in destination.path, so that each has a database of its own; "
        "only if Procore itself has moved to this address: sync-worker state reset --origin"
    )
    assert of_the_sandbox.database.read_bytes() == before
    assert list(of_the_sandbox.simulator.requests) == []


def test_another_procore_at_another_port_of_this_machine_is_refused(install: Install) -> None:
    here = install(streams=A_FEW)
    here.run("rfis")
    here.config = {"procore": {"login_url": "http://127.0.0.1:9", "api_url": "http://127.0.0.1:9"}}

    with pytest.raises(ConfigurationError, match="holds the data of localhost"):
        here.run("rfis")


def test_every_command_that_would_mix_two_procores_refuses_in_one_line(of_the_sandbox: Installation) -> None:
    before = of_the_sandbox.database.read_bytes()
    for arguments in WRITING:
        done = of_the_sandbox.command(*arguments)
        told = done.stdout if "--json" in arguments else done.stderr
        assert (done.returncode, told.count("holds the data of sandbox.procore.com")) == (2, 1), arguments
    checked = of_the_sandbox.command("check")
    assert (checked.returncode, "FAIL  configuration" in checked.stdout) == (2, True)
    assert of_the_sandbox.command("status").returncode in (0, 1)
    assert of_the_sandbox.command("query", "SELECT count(*) FROM rfis").returncode == 0
    assert of_the_sandbox.database.read_bytes() == before
    assert list(of_the_sandbox.simulator.requests) == []


def test_a_database_that_does_not_say_whose_it_is_says_so_after_the_next_run(install: Install) -> None:
    here = install(streams=A_FEW)
    here.run("rfis")
    written(here, "DELETE FROM _origin")

    assert incomplete(here.run("rfis")) == []

    assert here.query("SELECT login, api FROM _origin") == [(here_of(here), here_of(here))]


def test_a_database_goes_on_after_procore_moved_once_its_origin_is_reset(of_the_sandbox: Installation) -> None:
    here = of_the_sandbox
    marks = here.marks()
    asked = here.command("state", "reset", "--origin")
    assert (asked.returncode, "add --yes" in asked.stderr) == (2, True)
    with_stream = here.command("state", "reset", "--origin", "--stream", "rfis")
    assert (with_stream.returncode, "leave the other options out" in with_stream.stderr) == (2, True)

    done = here.command("state", "reset", "--origin", "--yes")

    assert (done.returncode, "sandbox.procore.com" in done.stdout, here.marks()) == (0, True, marks)
    assert incomplete(here.run("rfis")) == []
    assert here.query("SELECT login, api FROM _origin") == [(here_of(here), here_of(here))]


def test_a_database_of_a_development_version_is_refused_in_one_line_that_says_what_to_do(install: Install) -> None:
    here = install(streams=A_FEW)
    here.run("rfis")
    before = written(here, "UPDATE _migrations SET name = '0001_ledger'")
    here.simulator.requests.clear()

    for arguments in (("run", "--all"), ("serve",), ("status",), ("runs",), ("report", "rfi_ageing")):
        done = here.command(*arguments)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), (arguments, done.stderr)
        assert "an earlier development version of the worker wrote the database" in done.stderr, arguments
        assert "move the file away or name another one in destination.path" in done.stderr
    assert here.command("check").returncode == 2

    assert here.database.read_bytes() == before
    assert list(here.simulator.requests) == []


def test_a_database_of_a_newer_version_is_refused_in_one_line_and_not_written_to(install: Install) -> None:
    here = install(streams=A_FEW)
    here.run("rfis")
    before = written(here, "INSERT INTO _migrations VALUES ('9999_of_the_future')")
    here.simulator.requests.clear()

    for arguments in (
        ("run", "--all"),
        ("serve",),
        ("config", "check"),
        ("state", "reset", "--stream", "rfis", "--yes"),
        ("report", "rfi_ageing"),
    ):
        done = here.command(*arguments)
        told = done.stdout if "--json" in arguments else done.stderr
        assert (done.returncode, told.count("a newer version of the worker")) == (2, 1), (arguments, told)
        assert done.stderr.count("\n") <= 1
    assert here.command("query", "SELECT 1").returncode == 0
    assert here.command("check").returncode == 2

    assert here.database.read_bytes() == before
    log = Path(f"{here.database}-wal")
    assert not log.exists() or log.stat().st_size == 0
    assert list(here.simulator.requests) == []
