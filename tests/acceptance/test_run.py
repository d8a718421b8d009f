"""`sync-worker run` as a process: what it prints, what it stores, and the code it ends with."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from procore_simulator.faults import Fault
from support.oracle import differences, readable_projects
from support.worker import A_FEW, Install, Installation
from sync_worker.catalog import STREAMS
from sync_worker.catalog.tools import PROJECT_TOOLS

RUN_KEYS = ["run_id", "outcome", "seconds", "requests", "rows", "streams"]
ROWS_KEYS = ["seen", "inserted", "updated", "unchanged", "deleted", "quarantined"]
STREAM_KEYS = [
    "stream", "company_id", "project_id", "verdict", "total", "rows_seen", "inserted", "updated", "unchanged",
    "deleted", "requests", "error",
]  # fmt: skip


def printed(answer: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the one object on stdout."""
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def errors(answer: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the lines of stderr that are not events, which are JSON."""
    return [line for line in answer.stderr.splitlines() if not line.startswith("{")]


def stored_bytes(here: Installation) -> bytes:
    """All files of the installation but its configuration."""
    return b"".join(path.read_bytes() for path in here.folder.iterdir() if path.is_file() and path != here.config_path)


def test_run_all_streams_prints_the_promised_object_and_fills_every_table(install: Install) -> None:
    here = install(projects=3)

    answer = here.command("run", "--streams", "*", "--json")

    assert answer.returncode == 0
    assert errors(answer) == []
    found = printed(answer)
    assert list(found) == RUN_KEYS
    assert list(found["rows"]) == ROWS_KEYS
    assert {tuple(line) for line in found["streams"]} == {tuple(STREAM_KEYS)}
    assert {line["stream"] for line in found["streams"]} == {*STREAMS, PROJECT_TOOLS.name}
    assert (found["outcome"], found["rows"]["deleted"], found["rows"]["quarantined"]) == ("succeeded", 0, 0)
    assert found["rows"]["seen"] == found["rows"]["inserted"] == sum(line["rows_seen"] for line in found["streams"])
    assert found["requests"] == len([it for it in here.simulator.requests if not it.path.startswith("/oauth/")])
    assert 0 < found["seconds"] < 60
    assert differences(here.simulator, here.database) == []


def test_run_without_json_is_a_table_for_people_and_events_for_machines(install: Install) -> None:
    here = install()

    answer = here.command("run", "--streams", "rfis,submittals")

    *_, last = answer.stdout.splitlines()
    assert last.startswith("succeeded: ")
    assert "rfis" in answer.stdout
    events = [json.loads(line) for line in answer.stderr.splitlines()]
    assert {event["event"] for event in events} == {"run.started", "token.granted", "scope.finished", "run.finished"}
    assert len({event["run_id"] for event in events}) == 1
    assert {event["job"] for event in events} == {"rfis,submittals"}


def test_a_job_runs_by_its_name_and_again_for_nothing(install: Install) -> None:
    here = install()
    first = printed(here.command("run", "sync_directory", "--json", "-q"))

    second = here.command("run", "sync_directory", "--json", "-q")

    rows = printed(second)["rows"]
    assert (second.returncode, second.stderr) == (0, "")
    assert first["rows"]["inserted"] > 0
    assert (rows["inserted"], rows["updated"]) == (0, 0)
    assert here.query("SELECT DISTINCT job, trigger FROM _runs") == [("sync_directory", "manual")]


def test_no_secret_leaves_the_process_nor_stays_on_disk(install: Install) -> None:
    here = install(streams=A_FEW)
    client_id, secret = here.simulator.client_id, here.simulator.client_secret
    here.simulator.faults.add(Fault(path="*/rfis[?]*", status=400, body=json.dumps({"message": f"no {secret}"})))

    answer = here.command("run", "--streams", ",".join(A_FEW), "-v")

    token = sha256(f"{client_id}\n{secret}\n1".encode()).hexdigest()
    assert here.simulator.tokens.live(token) is not None
    written = stored_bytes(here)
    assert b"Halvorsen" in written
    for hidden in (secret, token):
        assert hidden not in answer.stdout
        assert hidden not in answer.stderr
        assert hidden.encode() not in written
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("config", "code", "said"),
    [
        ({"procore": {"client_secret": "not-the-right-secret"}}, 3, "check client_id and client_secret"),
        ({"procore": {"client_id": "nobody"}}, 3, "check client_id and client_secret"),
        ({"procore": {"client_key": "x"}}, 2, "config.json:1: procore.client_key: unknown key"),
        ({"destination": {"path": "config.json/inside/procore.db"}}, 2, "cannot be written: "),
        ({"destination": {"path": "."}}, 2, "cannot be written: "),
        ({"destination": {"type": "postgres", "path": None, "url": "postgresql://u:pass-word@h/d"}}, 2, "postgres"),
    ],
)
def test_bad_input_is_one_line_and_its_exit_code(
    install: Install, config: dict[str, dict[str, str]], code: int, said: str
) -> None:
    here = install(config=config)

    answer = here.command("run", "--streams", "*", "-q")

    assert answer.returncode == code
    (line,) = answer.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert answer.stdout == ""
    assert "not-the-right-secret" not in line
    assert "pass-word" not in line
    assert not list(here.folder.glob("*.db")) or code == 3


def test_broken_yaml_is_one_line_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("procore:\n  client_id: [x\n  companies: {\n")

    answer = subprocess.run(
        [sys.executable, "-m", "sync_worker", "run", "--streams", "*"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert line.startswith("error: config.yaml:")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--streams", "rfi"], "did you mean rfis?"),
        (["run", "--streams", "tag:finance"], "did you mean tag:financials?"),
        (["run", "sync_feld"], "did you mean sync_field?"),
        (["run"], "name what to run"),
        (["run", "--all", "--streams", "*"], "name what to run"),
        (["run", "--streams", ","], "no stream is called ''"),
        (["run", "--streams", "rfis", "--project", "x"], "--project"),
    ],
)
def test_an_unknown_name_is_refused_before_any_call(install: Install, arguments: list[str], said: str) -> None:
    here = install()

    answer = here.command(*arguments)

    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert said in line
    assert list(here.simulator.requests) == []


def test_a_forbidden_tool_alone_leaves_exit_code_0(install: Install) -> None:
    here = install(streams=A_FEW)
    here.simulator.permissions.forbid("rfis")

    answer = here.command("run", "--streams", ",".join(A_FEW), "--json", "-q")

    assert (answer.returncode, printed(answer)["outcome"]) == (0, "succeeded")
    told = {line["verdict"] for line in printed(answer)["streams"] if line["stream"] == "rfis"}
    assert told == {"not_permitted"}


def test_a_failed_scope_is_exit_code_1_with_its_reason(install: Install) -> None:
    here = install()
    project = readable_projects(here.simulator)[0]
    here.simulator.faults.add(Fault(path=f"*/{project}/rfis[?]*", status=422, body='{"errors": "too strange"}'))

    answer = here.command("run", "--streams", "rfis", "--json", "-q")

    assert (answer.returncode, printed(answer)["outcome"]) == (1, "partial")
    (line,) = (line for line in printed(answer)["streams"] if line["project_id"] == project)
    assert (line["verdict"], line["total"]) == ("failed", None)
    assert "too strange" in line["error"]


def test_a_company_that_is_not_connected_is_exit_code_3(install: Install) -> None:
    here = install()
    here.simulator.permissions.disconnect(here.simulator.company_id)

    answer = here.command("run", "--streams", "rfis", "-q")

    assert answer.returncode == 3
    assert "the app is not connected to this company" in answer.stdout


def test_a_database_that_cannot_grow_fails_the_run_and_the_next_one_goes_on(install: Install) -> None:
    here = install(streams=A_FEW)
    few_blocks = ["/bin/sh", "-c", 'ulimit -f 300; exec "$@"', "sh"]

    answer = here.command("run", "--streams", ",".join(A_FEW), "-q", under=few_blocks)

    assert answer.returncode == 1
    (line,) = errors(answer)
    assert line.startswith("error: ")
    assert "disk full" in line
    assert "Traceback" not in answer.stderr

    assert here.command("run", "--streams", ",".join(A_FEW), "-q").returncode == 0
    assert differences(here.simulator, here.database) == []
