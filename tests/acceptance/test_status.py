"""`status` counts against what should be there, names the worst thing first, and exits 1 if it needs somebody."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest

from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault
from procore_simulator.world import World
from support.clock import environ_at
from support.oracle import readable_projects
from support.worker import A_FEW, Install, Installation, advance

JOBS = {"jobs": {"sync": {"kind": "sync", "streams": ["rfis", "submittals", "vendors"], "schedule": "0 6 * * *"}}}


@pytest.fixture
def here(install: Install) -> Installation:
    return install(world=World(A_FEW, projects=3, scale=0.2, clock=SteppedClock()), config=dict(JOBS))


def shown(here: Installation) -> tuple[int, list[str]]:
    """Return the exit code and the lines of `status`; --json says the same in its own words."""
    done, as_json = here.command("status"), here.command("status", "--json")
    assert done.returncode == as_json.returncode
    state = json.loads(as_json.stdout)["state"]
    assert (state == "attention") == (done.returncode == 1), state
    return done.returncode, done.stdout.splitlines()


def expected(here: Installation) -> dict[str, Any]:
    return dict(json.loads(here.command("status", "--json").stdout)["expected"])


def test_everything_that_should_be_there_and_is_complete_is_well(here: Installation) -> None:
    here.run("rfis", "submittals", "vendors")
    code, lines = shown(here)
    # Companies, projects, vendors, and two lists in each of three projects.
    assert (code, lines[0]) == (0, "All is well: 9 of 9 lists are proven complete.")
    assert expected(here) == {
        "lists": 9, "complete": 9, "never_read": 0, "inexact": 0, "failed": 0, "not_permitted": 0,
    }  # fmt: skip


def test_lists_that_were_never_read_are_counted_and_named(here: Installation) -> None:
    here.run("rfis", projects=readable_projects(here.simulator)[:1])
    code, lines = shown(here)
    assert (code, lines[0]) == (
        1,
        "Not all is well: 6 of 9 lists were never read. Next: `sync-worker run --all` reads them.",
    )
    assert lines[2].startswith("never read    6 of 9 lists: ")
    assert expected(here)["never_read"] == 6


def test_a_stream_that_no_job_reads_any_more_is_not_expected(here: Installation) -> None:
    here.run("rfis", "submittals", "vendors", "punch_items")
    assert shown(here)[1][0] == "All is well: 9 of 9 lists are proven complete."


def test_a_project_that_was_never_permitted_is_a_note_by_its_name(here: Installation) -> None:
    project = readable_projects(here.simulator)[1]
    for tool in {spec.tool for spec in A_FEW.values() if spec.name in ("rfis", "submittals")}:
        here.simulator.permissions.forbid(tool, project)
    here.run("rfis", "submittals", "vendors")
    code, lines = shown(here)
    assert (code, lines[0]) == (0, "All is well: 7 of 9 lists are proven complete; 2 of 9 may not be read.")
    ((name,),) = here.query("SELECT coalesce(display_name, name) FROM projects WHERE id = ?", project)
    assert lines[2:4] == [
        f"may not read  {name} ({project}): nothing may be read (2 lists)",
        "              → permit the project (docs/procore-access.md, step 3)",
    ]


@pytest.mark.parametrize("whole", [True, False], ids=["project", "tool"])
def test_what_could_be_read_and_cannot_any_more_needs_somebody(here: Installation, whole: bool) -> None:
    project = readable_projects(here.simulator)[1]
    here.run("rfis", "submittals", "vendors")
    if whole:
        here.simulator.permissions.hide_project(project)
    else:
        here.simulator.permissions.forbid(A_FEW["rfis"].tool, project)
    here.run("rfis", "submittals", "vendors")
    code, lines = shown(here)
    assert code == 1
    assert lines[2].startswith("may not read  ")
    assert str(project) in lines[2]


def test_a_company_that_cannot_be_read_is_one_problem_and_never_well(here: Installation) -> None:
    here.config["procore"] = {"companies": [4711]}
    here.run()
    code, lines = shown(here)
    assert code == 1
    assert lines[0].startswith("Not all is well: company 4711: nothing is read (")
    assert sum("403" in line for line in lines[1:]) == 1 + sum("403s" in line for line in lines[1:])


def test_refused_credentials_are_said_with_the_time_since_when_nothing_is_read(here: Installation) -> None:
    here.run("rfis", "submittals", "vendors")
    advance(here.simulator, 3600)
    here.config["procore"] = {"client_secret": "not-the-secret"}
    assert here.command("run", "sync").returncode == 3
    code, lines = shown(here)
    assert code == 1
    assert lines[0].startswith("Not all is well: nothing is read since ")
    assert "Procore refuses the credentials. Next: correct client_id and client_secret" in lines[0]


def test_the_daemon_and_the_next_run_have_a_line_each(here: Installation) -> None:
    here.run("rfis", "submittals", "vendors")
    assert "daemon        none runs; `sync-worker serve` starts it" in shown(here)[1]
    (next_run,) = (line for line in shown(here)[1] if line.startswith("next run"))
    assert next_run.startswith("next run      sync in ")
    assert next_run.endswith("T06:00:00Z)")
    with here.held():
        answer = json.loads(here.command("status", "--json").stdout)
        assert (answer["daemon"], [line["job"] for line in answer["next"]]) == (None, ["sync"])


def test_companies_whose_variable_is_not_set_are_those_that_were_read(here: Installation) -> None:
    here.run("rfis", "submittals", "vendors")
    here.config["procore"] = {"companies": ["${COMPANY_THAT_IS_NOT_SET}"]}
    assert shown(here)[1][0] == "All is well: 9 of 9 lists are proven complete."


def test_everything_wrong_at_once_fits_on_a_terminal(here: Installation) -> None:
    first, second, *_ = readable_projects(here.simulator)
    here.config["jobs"] = {"sync": {"kind": "sync", "streams": ["*"]}}
    here.run()
    for tool in {spec.tool for spec in A_FEW.values()} - {"Core/Company", "Core/Portfolio"}:
        here.simulator.permissions.forbid(tool, first)
    here.simulator.permissions.hide_project(second)
    here.run()
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "sync_worker", "-c", str(here.config_path), "status"]
    process = subprocess.Popen(
        command, stdout=follower, stderr=follower, env=environ_at(here.clock) | {"COLUMNS": "80", "LINES": "24"}
    )
    os.close(follower)
    text = b""
    while True:
        try:
            text += os.read(leader, 65_536)
        except OSError:
            break
    os.close(leader)
    assert process.wait(60) == 1
    assert len(text.decode().splitlines()) <= 24, text.decode()


def test_where_no_job_is_in_force_nothing_is_called_well(here: Installation) -> None:
    here.run("rfis")
    here.config["jobs"] = {}
    code, lines = shown(here)
    assert (code, lines[0].startswith("Not all is well: no job is in force")) == (1, True)


def test_a_list_that_failed_and_that_no_job_reads_any_more_is_no_problem(here: Installation) -> None:
    here.simulator.faults.add(Fault(path="*/punch_items[?]*", status=400, times=1_000))
    here.run("rfis", "submittals", "vendors", "punch_items")
    assert shown(here)[0] == 0


def test_a_refused_company_comes_before_what_is_only_stale(here: Installation) -> None:
    here.run("rfis", "submittals", "vendors")
    here.simulator.permissions.disconnect(here.simulator.company_id)
    advance(here.simulator, 3 * 86_400)
    here.run("rfis", "submittals", "vendors")
    code, lines = shown(here)
    assert code == 1
    assert lines[0].startswith(f"Not all is well: company {here.simulator.company_id}: nothing is read")
