"""`sync-worker check` as a process: what it says when all is well, and in every state in which it is needed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from procore_simulator.allowance import Limits
from procore_simulator.faults import Fault
from support.clock import WorkerClock
from support.scripted_server import CERTIFICATE, Answer, ScriptedServer
from support.worker import Install, Installation

JOBS = {"few": {"kind": "sync", "streams": ["rfis", "meetings", "manpower_logs", "notes_logs", "roles", "rfi_replies"]}}


@pytest.fixture
def here(install: Install) -> Installation:
    """Three projects, and a worker whose clock is right."""
    return installed(install)


def installed(install: Install, *, off: timedelta = timedelta(0), **parts: Any) -> Installation:
    """`off` is how far Procore's clock is ahead of the worker's."""
    here = install(projects=3, scale=0.1, **parts)
    here.clock = WorkerClock(here.simulator.world.clock, -off)
    here.config = {"jobs": JOBS, "data_dir": str(here.folder / "data")}
    return here


def checked(here: Installation, *, under: Sequence[str] = ()) -> tuple[int, dict[str, Any]]:
    """Run `check --json`; return its exit code and its answer. Stderr may have nothing but log lines."""
    answer = here.command("check", "--json", "-q", under=under)
    assert answer.stderr == ""
    return answer.returncode, json.loads(answer.stdout)


def line(answer: dict[str, Any], check: str) -> dict[str, Any]:
    """Return the finding of one check."""
    (found,) = [it for it in answer["checks"] if it["check"] == check]
    return dict(found)


def standings(answer: dict[str, Any], tool: str) -> dict[int | None, str]:
    """How a tool stands, by project."""
    return {it["project_id"]: it["status"] for it in answer["access"] if it["tool"].endswith(tool)}


def asked(here: Installation) -> list[str]:
    """Return the calls to the API."""
    return [it.path for it in here.simulator.requests if it.path.startswith("/rest/")]


def test_when_all_is_well_every_check_says_so_in_a_line_and_a_call_is_spent_for_each_tool(install: Install) -> None:
    here = installed(install, limits=Limits(hourly=3600))

    answer = here.command("check", "-q")

    assert (answer.returncode, answer.stderr) == (0, "")
    lines = answer.stdout.splitlines()
    first = dict(it.split(maxsplit=2)[1::-1] for it in lines[: lines.index("")])
    assert {"configuration", "destination", "disk", "database", "tls", "token", "clock", "tools", "allowance"} <= {
        *first
    }
    assert set(first.values()) <= {"ok", "warn"}
    assert any(it.split() == ["RFI", "3", "0", "0", "0"] for it in lines)
    calls = asked(here)
    # The projects, each project's tools, each of three tools in each project, and one of the company.
    assert lines[-1] == f"All is well; {len(calls)} calls were spent."
    assert len(calls) == 1 + 3 + 3 * 3 + 1
    assert all(it.query.get("per_page") == "1" for it in here.simulator.requests if it.stream not in ("projects", None))


def test_each_project_and_tool_has_its_reason_and_refusals_alone_do_not_fail_it(here: Installation) -> None:
    first, second, third = here.simulator.world.project_ids
    permissions = here.simulator.permissions
    permissions.disable_tool("Project Management/Meetings", first)
    permissions.forbid("Project Management/RFI", second)
    permissions.forbid("Project Management/Daily Log")

    code, answer = checked(here)

    assert (code, answer["ok"]) == (0, True)
    assert standings(answer, "Meetings") == {first: "tool_off", second: "readable", third: "readable"}
    assert standings(answer, "RFI") == {first: "readable", second: "not_permitted", third: "readable"}
    assert set(standings(answer, "Daily Log").values()) == {"not_permitted"}
    by_tool = {it["tool"].rpartition("/")[2]: it for it in answer["access"] if it["status"] == "not_permitted"}
    assert "give the service account Read Only on RFI there" in by_tool["RFI"]["hint"]
    assert "add Daily Log, Read Only, to the app's permissions" in by_tool["Daily Log"]["hint"]
    assert by_tool["RFI"]["project"] in here.command("check", "-q").stdout


def test_what_was_learned_is_not_asked_again_by_the_daemon(here: Installation) -> None:
    here.simulator.permissions.forbid("Project Management/RFI")
    checked(here)
    here.simulator.requests.clear()

    report = here.run("rfis", "meetings", trigger="schedule")

    assert [it.path for it in here.simulator.requests if it.status == 403] == []
    assert {scope.verdict for scope in report.scopes if scope.stream == "rfis"} == {"not_permitted"}


def test_what_a_run_read_today_is_not_asked_again(here: Installation) -> None:
    here.command("run", "--streams", ",".join(JOBS["few"]["streams"]), "-q")
    here.simulator.requests.clear()

    code, answer = checked(here)

    assert code == 0
    assert (answer["calls"], asked(here)) == (1, ["/rest/v1.1/projects"])
    assert {it["status"] for it in answer["access"]} == {"readable"}
    assert not any(it["asked"] for it in answer["access"])


def test_lists_of_a_tool_that_need_more_than_the_others_are_named(here: Installation) -> None:
    project = here.simulator.world.project_ids[0]
    here.simulator.permissions.forbid("notes_logs", project)
    here.command("run", "--streams", ",".join(JOBS["few"]["streams"]), "-q")

    _, answer = checked(here)

    (partly,) = [it for it in answer["access"] if it["status"] == "partly"]
    assert (partly["project_id"], partly["refused_streams"]) == (project, ["notes_logs"])
    assert "higher level than Read Only" in partly["hint"]


def test_a_wrong_secret_is_exit_code_3_and_nothing_is_asked(here: Installation) -> None:
    here.config["procore"] = {"client_secret": "wrong-as-can-be"}

    code, answer = checked(here)

    assert (code, line(answer, "token")["status"], asked(here)) == (3, "fail", [])
    assert "check client_id and client_secret" in line(answer, "token")["message"]
    assert line(answer, "clock")["status"] == "ok"
    assert "wrong-as-can-be" not in json.dumps(answer)


def test_a_company_where_the_app_is_not_installed_is_exit_code_3(here: Installation) -> None:
    here.simulator.permissions.disconnect(here.simulator.company_id)

    code, answer = checked(here)

    company = line(answer, f"company {here.simulator.company_id}")
    assert (code, company["status"]) == (3, "fail")
    assert "the app is not connected to this company; install it there" in company["message"]


def test_where_nothing_may_be_read_it_is_exit_code_3(here: Installation) -> None:
    for tool in ("RFI", "Meetings", "Daily Log"):
        here.simulator.permissions.forbid(f"Project Management/{tool}")
    here.simulator.permissions.forbid("roles")

    code, answer = checked(here)

    assert (code, line(answer, "tools")["message"]) == (3, "none of 10 may be read")


def test_a_list_that_is_broken_is_exit_code_1(here: Installation) -> None:
    here.simulator.faults.add(Fault(path="*/meetings[?]*", status=400, times=9))

    code, answer = checked(here)

    assert (code, line(answer, "tools")["status"]) == (1, "fail")
    assert set(standings(answer, "Meetings").values()) == {"failed"}


@pytest.mark.parametrize(
    ("minutes", "code", "status"), [(-10, 1, "fail"), (10, 1, "fail"), (2, 0, "warn"), (0, 0, "ok")]
)
def test_a_clock_that_is_wrong_is_told_by_how_much(install: Install, minutes: int, code: int, status: str) -> None:
    here = installed(install, off=timedelta(minutes=minutes))
    here.config["jobs"] = {"one": {"kind": "sync", "streams": ["roles"]}}

    found, answer = checked(here)

    clock = line(answer, "clock")
    assert (found, clock["status"]) == (code, status)
    assert not minutes or ("ahead" in clock["message"]) is (minutes < 0)


UNREACHABLE = {"login_url": "http://127.0.0.1:9", "api_url": "http://127.0.0.1:9"}
POSTGRES = {"type": "postgres", "path": None, "url": "postgresql://u:p@h/d"}
MISSPELT = {"kind": "sync", "streams": ["rfi"]}
NEVER = {"kind": "sync", "streams": ["rfis"], "schedule": "61 * * * *"}
UNKNOWN_HOST = {"login_url": "https://procore.invalid", "api_url": "https://procore.invalid"}


@pytest.mark.parametrize(
    ("config", "check", "code", "said"),
    [
        ({"procore": UNREACHABLE}, "connection", 1, "connection refused"),
        ({"procore": UNKNOWN_HOST}, "connection", 1, "host name not found"),
        ({"procore": {"client_key": "x"}}, "configuration", 2, "procore.client_key: unknown key"),
        ({"destination": {"path": "config.json/in/procore.db"}}, "destination", 2, "is not a folder"),
        ({"destination": {"path": "/proc/procore.db"}}, "destination", 2, "/proc cannot be written"),
        ({"destination": {"path": "."}}, "destination", 2, "is not a file"),
        ({"destination": POSTGRES}, "configuration", 2, "not built"),
        ({"server": {"host": "192.0.2.1"}}, "server", 2, "cannot listen on 192.0.2.1"),
        ({"notify": [{"url": "json://x"}]}, "configuration", 2, "not built"),
        ({"jobs": {"x": MISSPELT}}, "configuration", 2, "did you mean rfis"),
        ({"jobs": {"x": NEVER}}, "configuration", 2, "jobs.x"),
    ],
)
def test_what_is_wrong_has_one_line_and_its_exit_code(
    here: Installation, config: dict[str, Any], check: str, code: int, said: str
) -> None:
    here.config |= config

    found, answer = checked(here)

    wrong = [it for it in answer["checks"] if it["status"] == "fail"]
    assert (found, [it["check"] for it in wrong]) == (code, [check])
    assert said in wrong[0]["message"]
    text = here.command("check", "-q")
    assert text.returncode == code
    assert [it.split()[1] for it in text.stdout.splitlines() if it.startswith("FAIL")] == [check]


def test_an_allowance_that_is_spent_is_told_and_not_waited_for(install: Install) -> None:
    here = installed(install, limits=Limits(hourly=9))

    code, answer = checked(here)

    assert (code, line(answer, "tools")["status"], line(answer, "allowance")["status"]) == (0, "warn", "ok")
    assert "the allowance is spent until" in line(answer, "tools")["message"].replace("Procore's", "the")
    assert {it.status for it in here.simulator.requests} == {200}


def test_its_calls_count_like_all_others(here: Installation) -> None:
    _, answer = checked(here)

    counted = here.query("SELECT sum(calls) FROM _calls WHERE kind = 'all'")
    assert counted == [(answer["calls"],)] == [(len(asked(here)),)]


def test_a_disk_without_room_is_told_and_procore_is_asked_all_the_same(here: Installation) -> None:
    code, answer = checked(here, under=["/bin/sh", "-c", 'ulimit -f 8; exec "$@"', "sh"])

    assert (code, line(answer, "destination")["status"]) == (1, "fail")
    assert "disk full" in line(answer, "destination")["message"]
    assert line(answer, "tools")["status"] == "ok"


def test_beside_a_daemon_it_says_who_holds_the_database_and_still_remembers(here: Installation) -> None:
    here.config["jobs"] = {"one": {"kind": "sync", "streams": ["rfis", "meetings"]}}
    here.config["server"] = {"port": 0}
    here.simulator.permissions.forbid("Project Management/RFI")
    with here.start("serve", "--json") as daemon:
        try:
            assert daemon.stdout is not None
            daemon.stdout.readline()
            code, answer = checked(here)
            assert code == 0
            assert "held by the daemon, process" in line(answer, "database")["message"]
            assert here.query("SELECT DISTINCT subject FROM _refusals") == [("Project Management/RFI",)]
        finally:
            daemon.terminate()
            daemon.communicate(timeout=60)


def test_a_certificate_that_is_not_trusted_is_told_as_that(here: Installation) -> None:
    with ScriptedServer(lambda _: Answer(), CERTIFICATE).running() as server:
        here.config["procore"] = {"login_url": server.url, "api_url": server.url}
        code, answer = checked(here)

    assert (code, line(answer, "tls")["status"]) == (1, "fail")
    assert "the certificate is not trusted" in line(answer, "tls")["message"]


def test_a_file_that_is_no_database_and_one_of_a_newer_version_are_told(here: Installation) -> None:
    here.config["jobs"] = {"one": {"kind": "sync", "streams": ["roles"]}}
    here.database.write_bytes(b"no database" * 999)
    code, answer = checked(here)
    assert (code, line(answer, "database")["status"]) == (1, "fail")

    here.database.unlink()
    checked(here)
    with closing(sqlite3.connect(here.database)) as connection, connection:
        connection.execute("INSERT INTO _migrations VALUES ('9999_later')")
    code, answer = checked(here)
    assert (code, line(answer, "database")["status"]) == (2, "fail")
    assert "was written by a newer version (9999_later)" in line(answer, "database")["message"]
