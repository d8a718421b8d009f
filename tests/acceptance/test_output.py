"""What is printed where the terminal or the pipe is not UTF-8, or is closed: no command fails by it."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.clock import environ_at
from support.worker import A_FEW, Installation, installing

SUBJECT = "Détail 混凝土 😀"
ESCAPED = json.dumps(SUBJECT)[1:-1]
QUERY = "SELECT subject FROM rfis WHERE subject LIKE 'D%' LIMIT 1"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    """Provide a small installation with names, of its folder and of a record, that no older encoding can write."""
    folder = tmp_path / "Büro 建設"
    folder.mkdir()
    with installing(folder) as install:
        here: Installation = install(streams=A_FEW, projects=1)
        here.config = {"data_dir": str(folder / "data"), "jobs": {"few": {"kind": "sync", "streams": ["rfis"]}}}
        rfi_id = here.simulator.world.records("rfis")[0].record["id"]
        here.simulator.world.update("rfis", rfi_id, {"subject": SUBJECT})
        yield here


def printed(here: Installation, encoding: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command whose stdout and stderr have that encoding; its output is bytes."""
    return subprocess.run(
        [sys.executable, "-m", "sync_worker", "-c", str(here.config_path), *arguments],
        cwd=here.folder,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )


COMMANDS = [
    ("run", "--streams", "rfis", "-v"),
    ("run", "--streams", "rfis", "--json"),
    ("run", "--streams", "rfis", "--dry-run"),
    ("status", "-v"),
    ("status", "--json"),
    ("runs",),
    ("streams", "rfis"),
    ("state", "show"),
    ("report", "rfi_ageing", "--json"),
    ("plan",),
    ("check",),
    ("config", "check"),
    ("config", "show"),
    ("init", "--dir", "neu 新"),
    ("query", "SELECT 'Größe' FROM nichts"),
    ("--help",),
    ("run", "--help"),
]


@pytest.mark.timeout(180)  # some twenty processes, one after the other
def test_every_command_prints_ascii_where_nothing_else_can_be_shown(here: Installation) -> None:
    for arguments in COMMANDS:
        done = printed(here, "ascii", *arguments)
        told = (done.stdout + done.stderr).decode("utf-8", "replace")
        assert told.isascii(), told
        assert "internal error" not in told
        assert "Traceback" not in told


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-16"])
def test_a_text_is_printed_as_escapes_that_json_reads_as_the_text(here: Installation, encoding: str) -> None:
    here.run("rfis")

    table, table_csv, table_json = (
        printed(here, encoding, "query", "--format", it, QUERY) for it in ("table", "csv", "json")
    )

    assert (table.returncode, table_csv.returncode, table_json.returncode) == (0, 0, 0)
    assert ESCAPED in table.stdout.decode("ascii")
    assert list(csv.reader(io.StringIO(table_csv.stdout.decode("ascii"))))[1] == [ESCAPED]
    assert json.loads(table_json.stdout) == [{"subject": SUBJECT}]


def test_a_utf_8_terminal_gets_the_text_itself(here: Installation) -> None:
    here.run("rfis")

    assert SUBJECT.encode() in printed(here, "utf-8", "query", QUERY).stdout
    assert SUBJECT.encode() in printed(here, "utf8:strict", "query", "--format", "json", QUERY).stdout


def test_a_statement_that_is_no_text_is_refused_in_one_line(here: Installation) -> None:
    here.run("rfis")
    command = [sys.executable, "-m", "sync_worker", "-c", str(here.config_path), "query"]

    as_argument = subprocess.run([*command, b"SELECT '\xff'"], capture_output=True, check=False)
    as_input = subprocess.run(
        [*command, "-"],
        input=b"SELECT '\xff'",
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        check=False,
    )

    for done in (as_argument, as_input):
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
        assert b"the statement is not text" in done.stderr


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
@pytest.mark.parametrize("arguments", [("status",), ("query", "--format", "csv", QUERY)])
def test_a_command_whose_input_or_output_was_closed_before_it_began_does_its_work(
    here: Installation, closed: tuple[int, ...], arguments: tuple[str, ...]
) -> None:
    here.run("rfis")
    closing = " ".join(f"{number}>&-" for number in closed)

    done = subprocess.run(
        [
            "/bin/sh",
            "-c",
            f'"$@" {closing}',
            "sh",
            sys.executable,
            "-m",
            "sync_worker",
            "-c",
            here.config_path,
            *arguments,
        ],
        env=environ_at(here.clock),
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0
    assert b"error" not in done.stderr


LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 99999) SELECT i FROM n"


@pytest.mark.parametrize("arguments", [("query", LONG), ("config", "schema"), ("status",)])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_reader_that_goes_away_ends_a_command_quietly(
    here: Installation, arguments: tuple[str, ...], encoding: str
) -> None:
    here.run("rfis")
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "sync_worker", "-c", str(here.config_path), *arguments],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert done.stderr == b""


def test_what_is_made_is_for_nobody_but_user_and_group_whatever_the_umask_allows(here: Installation) -> None:
    """Reports and what `init` writes as well as the database, whose own tests say more."""
    begin = ["sh", "-c", 'umask 000; exec "$@"', "sh"]
    here.command("run", "--streams", "rfis", "-q", under=begin)
    here.command("report", "rfi_ageing", "--format", "csv", under=begin)
    here.command("report", "rfi_ageing", "--format", "csv", "--output", "elsewhere", under=begin)
    here.command("init", "--dir", "begun", under=begin)

    made = [path for path in here.folder.rglob("*") if path != here.config_path]
    assert {"config.json", ".env.example", "rfi_ageing.csv", "reports", "elsewhere"} <= {path.name for path in made}
    open_to_others = [path for path in made if path.stat().st_mode & 0o027]
    assert open_to_others == []


def test_a_stricter_umask_is_kept(here: Installation) -> None:
    here.command("init", "--dir", "begun", under=["sh", "-c", 'umask 077; exec "$@"', "sh"])

    assert (here.folder / "begun").stat().st_mode & 0o777 == 0o700
    assert (here.folder / "begun" / "config.json").stat().st_mode & 0o777 == 0o600
