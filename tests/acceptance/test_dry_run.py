"""`run --dry-run`: what would be asked, told without asking."""

from __future__ import annotations

import json

from support.worker import Install

CHOSEN = ("run", "--streams", "rfis,manpower_logs,schedule_activities")


def test_a_dry_run_tells_the_windows_that_the_run_then_asks_for_and_spends_nothing(install: Install) -> None:
    here = install()
    here.command(*CHOSEN)
    spent, runs = len(here.simulator.requests), here.query("SELECT * FROM _runs")

    with here.held():
        answer = here.command(*CHOSEN, "--dry-run", "--json")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert (len(here.simulator.requests), here.query("SELECT * FROM _runs")) == (spent, runs)
    found = json.loads(answer.stdout)
    run = json.loads(here.command(*CHOSEN, "--json", "-q").stdout)
    told = {(line["stream"], line["project_id"]): line["window_from"] for line in found["streams"]}
    asked = here.query("SELECT stream, project_id, window_from FROM _run_scopes WHERE run_id = ?", run["run_id"])
    assert told == {(stream, project): start for stream, project, start in asked}
    assert found["calls_at_least"] == run["requests"] > 0


def test_a_dry_run_of_a_full_refresh_reads_everything(install: Install) -> None:
    here = install()
    here.command("run", "--streams", "rfis")

    told = here.command("run", "--streams", "rfis", "--full-refresh", "--dry-run").stdout.splitlines()

    assert any(line.startswith("rfis ") and "everything" in line for line in told)
    assert told[-1] == "would spend at least 4 calls; nothing was asked, nothing was written"


def test_before_the_first_run_a_dry_run_says_that_projects_must_be_listed_and_creates_nothing(
    install: Install,
) -> None:
    here = install()

    answer = here.command("run", "--all", "--dry-run")

    assert answer.returncode == 0
    assert answer.stdout.startswith("No projects are stored yet")
    assert not here.simulator.requests
    assert not here.database.exists()
