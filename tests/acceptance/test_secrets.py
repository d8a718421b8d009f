"""Every command, when it succeeds and when it fails: neither secret nor token is anywhere that anybody could look."""

from __future__ import annotations

import base64
import html
import json
import os
import subprocess
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, quote_plus

import click
import pytest

from procore_simulator.faults import Fault
from procore_simulator.server import CLIENT_ID
from support.worker import A_FEW, Install, Installation
from sync_worker.cli.main import COMMANDS, root

SECRET = "Zq7&marked/s3cr3t+é\"'<%>\\="
TOKEN_MARK = "tOk3n+/=~"
FIRST_TOKEN = TOKEN_MARK + sha256(f"{CLIENT_ID}\n{SECRET}\n1".encode()).hexdigest()
SERVER_TOKEN = "s3rver/t0ken+marked=&"
PROXY_PASSWORD = "pr0xyP4ss-marked"

FORMATS = ("html", "csv", "json", "xlsx")
SUCCEEDING: Mapping[str, Sequence[tuple[str, ...]]] = {
    "run": [
        ("--streams", ",".join(A_FEW), "-vv"),
        ("--streams", "rfis", "--json", "-v"),
        ("--all", "--dry-run", "-vv"),
    ],
    "status": [("-vv",), ("--json",)],
    "runs": [("-vv",), ("--json",)],
    "streams": [("-vv",), ("rfis", "--json")],
    "report": [("rfi_ageing", *(word for form in FORMATS for word in ("--format", form)), "-vv")],
    "state": [("show", "-vv"), ("reset", "--stream", "rfis", "--yes", "-vv"), ("approve-deletes", "--yes", "-vv")],
    "query": [("SELECT * FROM _runs", "-vv"), ("SELECT * FROM _run_scopes", "--format", "json")],
    "init": [("--dir", "written", "-vv")],
    "backfill": [("--since", "2026-11-01", "--streams", "rfis", "--yes", "-vv")],
    "check": [("--json", "-vv")],
    "plan": [("--streams", "rfis,submittals", "--probe", "-vv")],
    "config": [("check", "-vv"), ("show", "-vv"), ("show", "--json"), ("schema",)],
    "healthcheck": [("-vv",)],
}
"""`serve` and `simulate` last until they are stopped and have tests of their own; so has `demo`."""


def forms(secret: str) -> set[bytes]:
    """Return the forms in which a secret may be written."""
    texts = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    texts |= {html.escape(secret), html.escape(secret, quote=False)}
    for encoded in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        texts |= {encoded, encoded.lower() if encoded != secret else encoded}
    for before in ("", ":", "::"):
        inside = base64.b64encode((before + secret).encode())
        # What depends on the neighbours is left out at both ends.
        texts.add(inside[2 * len(before) : -4].decode())
    return {text.encode() for text in texts} | {text.translate({43: 45, 47: 95}).encode() for text in texts}


@pytest.fixture
def here(install: Install, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Provide an installation with a marked secret in its environment, and a Procore that marks its tokens."""
    here = install(streams=A_FEW, projects=1)
    here.simulator.tokens.client_secret = SECRET
    here.simulator.tokens.mark = TOKEN_MARK
    monkeypatch.setenv("PROCORE_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("SYNC_WORKER_TOKEN", SERVER_TOKEN)
    here.config = {
        "jobs": {"one": {"kind": "sync", "streams": list(A_FEW)}},
        "procore": {"client_secret": "${PROCORE_CLIENT_SECRET}"},
        "data_dir": str(here.folder / "data"),
        "server": {"port": 0, "token": "${SYNC_WORKER_TOKEN}"},
    }
    return here


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Everything that was left on disk, but for what the user wrote."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "config.json":
            yield str(path.relative_to(folder)), path.read_bytes()
            if zipfile.is_zipfile(path):  # as a workbook is
                with zipfile.ZipFile(path) as packed:
                    yield from ((f"{path.name}/{name}", packed.read(name)) for name in packed.namelist())


def leaks(here: Installation, places: Mapping[str, bytes], *also: str) -> list[str]:
    """Where a secret, or a token that was given out, can be read."""
    secrets = {SECRET, TOKEN_MARK, SERVER_TOKEN, PROXY_PASSWORD, *here.simulator.tokens.issued, *also}
    wanted = {form: secret for secret in secrets for form in forms(secret)}
    places = {**places, **dict(files(here.folder))}
    return [f"{place}: {form!r}" for place, seen in places.items() for form in wanted if form in seen]


def said(process: subprocess.CompletedProcess[str]) -> dict[str, bytes]:
    """Return what a process wrote, by its command."""
    name = " ".join(process.args[3:])
    return {f"{name} (stdout)": process.stdout.encode(), f"{name} (stderr)": process.stderr.encode()}


def command_lines() -> bytes:
    """Return the command lines of all processes."""
    found = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found += path.read_bytes()
    return found


def words_of_commands() -> set[str]:
    """Every command, those of a group by both their words."""
    context = click.Context(root)
    found: set[str] = set()
    for name in COMMANDS:
        command = root.get_command(context, name)
        inner = command.list_commands(context) if isinstance(command, click.Group) else []
        found |= {f"{name} {word}" for word in inner} or {name}
    return found


def test_every_command_is_tried() -> None:
    groups = {words.split()[0] for words in words_of_commands() if " " in words}
    tried = {f"{name} {first}" if name in groups else name for name, calls in SUCCEEDING.items() for first, *_ in calls}
    assert {*tried, "serve", "simulate", "demo"} == words_of_commands()


def test_the_forms_of_a_secret_are_found() -> None:
    basic = base64.b64encode(f"client:{SECRET}".encode())
    for written in (basic, json.dumps({"a": SECRET}).encode(), quote(f"{SECRET} x").encode()):
        assert any(form in written for form in forms(SECRET)), written


@pytest.mark.timeout(300)  # some thirty processes, one after the other
def test_commands_that_succeed_leave_no_secret_anywhere(here: Installation) -> None:
    places: dict[str, bytes] = {}
    for name, calls in SUCCEEDING.items():
        for arguments in calls:
            answer = here.command(name, *arguments)
            assert answer.returncode == (1 if name == "healthcheck" else 0), answer.stderr
            places |= said(answer)
    run_id = here.query("SELECT run_id FROM _runs")[0][0]
    places |= said(here.command("runs", str(run_id), "-vv"))

    assert here.simulator.tokens.granted >= 3
    assert len(places) > 30
    assert leaks(here, places) == []


LOGIN, PROJECTS, COMPANIES = "/oauth/token", "*/projects[?]*", "*/companies[?]*"
ELSEWHERE = f"https://x:{quote(SECRET, safe='')}@elsewhere.example/?s={quote(SECRET)}"
ECHOES = {
    "the login refuses and repeats the secret": Fault(
        path=LOGIN, status=401, body=json.dumps({"error_description": f"no {SECRET} {quote(SECRET)}"})
    ),
    "the login breaks and repeats the form": Fault(path=LOGIN, status=400, body=f"client_secret={quote_plus(SECRET)}"),
    "a list is refused and repeats it all": Fault(
        path=PROJECTS, status=403, body=json.dumps({"errors": {"a": [SECRET, FIRST_TOKEN]}})
    ),
    "a list is malformed": Fault(path=COMPANIES, status=400, body=json.dumps({"message": SECRET})),
    "a list is no JSON": Fault(path=COMPANIES, body=f"<html>{html.escape(SECRET)}"),
    "a redirect goes elsewhere": Fault(path=COMPANIES, status=302, headers={"Location": ELSEWHERE}),
    "the token is refused": Fault(path="/rest/*", status=401, body=json.dumps({"error": SECRET})),
}


@pytest.mark.parametrize("fault", ECHOES.values(), ids=ECHOES.keys())
def test_runs_that_fail_leave_no_secret_anywhere(here: Installation, fault: Fault) -> None:
    fault.times = 2
    here.simulator.faults.add(fault)

    with here.start("run", "--streams", "rfis", "-vv") as process:
        lines = command_lines()
        out, err = process.communicate(timeout=60)
    places = {"stdout": out.encode(), "stderr": err.encode(), "command lines": lines}
    for looking in (("status",), ("runs", "--json")):
        places |= said(here.command(*looking))

    assert process.returncode in {0, 1, 3}
    assert leaks(here, places) == []


UNREACHABLE = {"login_url": "https://login.example", "api_url": "https://api.example"}
WRONG: Mapping[str, tuple[Mapping[str, dict[str, object]], Mapping[str, str]]] = {
    "an unknown key": ({"procore": {"client_secrets": SECRET}}, {}),
    "a secret that is no text": ({"procore": {"client_secret": [SECRET]}}, {}),
    "a secret where a number belongs": ({"limits": {"max_concurrency": SECRET}}, {}),
    "a secret where an address belongs": ({"procore": {"login_url": f"http://x:{quote(SECRET, safe='')}@h/"}}, {}),
    "a secret that the login does not know": ({"procore": {"client_secret": SECRET + "-marked"}}, {}),
    "a secret and its file": ({}, {"PROCORE_CLIENT_SECRET_FILE": f"/nowhere/{PROXY_PASSWORD}"}),
    "a proxy that is not there": ({"procore": {"proxy": f"http://u:{PROXY_PASSWORD}@127.0.0.1:9", **UNREACHABLE}}, {}),
    "a malformed proxy": ({"procore": {"proxy": f"htp:/u:{PROXY_PASSWORD}@"}}, {}),
    "a database that is not built": (
        {"destination": {"type": "postgres", "url": f"postgresql://u:{PROXY_PASSWORD}@h/d"}},
        {},
    ),
}


@pytest.mark.parametrize(("config", "environment"), WRONG.values(), ids=WRONG.keys())
def test_configurations_that_are_wrong_leave_no_secret_anywhere(
    here: Installation,
    monkeypatch: pytest.MonkeyPatch,
    config: Mapping[str, dict[str, object]],
    environment: Mapping[str, str],
) -> None:
    for section, values in config.items():
        here.config[section] = here.config.get(section, {}) | values
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    places: dict[str, bytes] = {}
    run, serve = ("run", "--streams", "rfis", "-vv"), ("serve", "-vv")
    for arguments in (run, ("check", "-vv"), ("config", "show"), serve, ("status",)):
        with here.start(*arguments) as process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1.5)
            process.terminate()
            out, err = process.communicate(timeout=60)
        places |= {f"{arguments} (stdout)": out.encode(), f"{arguments} (stderr)": err.encode()}

    assert leaks(here, places) == []


PATHS = ("/", "/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/runs", "/reports/", "/nothing-here")


def test_a_daemon_leaves_no_secret_in_answers_logs_or_memory_on_disk_even_when_killed(here: Installation) -> None:
    here.config["jobs"] = {"everything": {"kind": "sync", "streams": list(A_FEW), "schedule": "every 1s"}}
    places: dict[str, bytes] = {}

    with here.start("serve", "--json", "-vv") as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            address = json.loads(process.stdout.readline())["url"]
            log = ""
            while '"run.finished"' not in log:
                log += process.stderr.readline()
            for path in PATHS:
                places[path] = _answer(address + path)
            assert b"procore_sync_" in places["/metrics"]
            places["command lines"] = command_lines()
            places |= dict(files(here.folder))
        finally:
            process.kill()
        out, err = process.communicate(timeout=60)
    places |= {"stdout": out.encode(), "stderr": (log + err).encode()}

    assert here.database.with_name("procore.db-wal").exists()
    assert leaks(here, places) == []


def test_the_simulator_tells_its_own_secret_alone(here: Installation) -> None:
    with here.start("simulate", "--port", "0", "--json", "-vv") as process:
        try:
            assert process.stdout is not None
            told = process.stdout.readline()
        finally:
            process.terminate()
        _, err = process.communicate(timeout=60)

    assert json.loads(told)["client_secret"]
    assert leaks(here, {"stdout": told.encode(), "stderr": err.encode()}) == []


def _answer(url: str) -> bytes:
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {SERVER_TOKEN}"})  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=60) as response:  # noqa: S310 - our own daemon
            return bytes(response.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return bytes(refused.read())


def test_the_secret_reaches_the_process_and_can_be_found(here: Installation) -> None:
    """What all the others rest on: it was there, and the search finds it where it is left."""
    assert os.environ["PROCORE_CLIENT_SECRET"] == SECRET
    assert here.command("run", "--streams", "projects", "-q").returncode == 0
    assert TOKEN_MARK in here.simulator.tokens.issued[0]
    (here.folder / "left.txt").write_text(f"x {quote(SECRET, safe='')} y")
    (here.folder / "token.bin").write_bytes(base64.b64encode(b"a:" + here.simulator.tokens.issued[0].encode()))
    found = {leak.partition(":")[0] for leak in leaks(here, {})}
    assert found == {"left.txt", "token.bin"}
