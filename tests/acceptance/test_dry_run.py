"""`run --dry-run` and `plan`: what would be asked and what it costs, told before anything runs."""

from __future__ import annotations

import json
import os
import pty

from procore_simulator.allowance import Limits
from support.worker import Install, Installation

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
    assert found["calls"] == run["requests"] > 0


def test_a_dry_run_of_a_full_refresh_reads_everything(install: Install) -> None:
    here = install()
    here.command("run", "--streams", "rfis")

    told = here.command("run", "--streams", "rfis", "--full-refresh", "--dry-run").stdout.splitlines()

    assert any(line.startswith("rfis ") and "everything" in line for line in told)
    assert "would spend 4 calls; nothing was asked, nothing was written" in told


def test_before_the_first_run_a_plan_says_that_projects_must_be_listed_and_creates_nothing(install: Install) -> None:
    here = install()

    for words in (("run", "--all", "--dry-run"), ("plan",)):
        answer = here.command(*words)
        assert (answer.returncode, answer.stderr) == (0, "")
        assert "No projects are stored yet" in answer.stdout
        assert "at least" in answer.stdout

    assert not here.simulator.requests
    assert not here.database.exists()


def test_a_plan_tells_each_job_with_its_schedule_and_all_of_them_in_sum(install: Install) -> None:
    here = install()
    here.config["jobs"] = {
        "often": {"kind": "sync", "streams": ["rfis"], "schedule": "every 2h"},
        "narrow": {"kind": "sync", "streams": ["rfis"], "projects": [here.simulator.world.project_ids[0]]},
    }
    here.command("run", "--streams", "rfis")

    text = here.command("plan").stdout
    found = json.loads(here.command("plan", "--json").stdout)
    alone = json.loads(here.command("plan", "narrow", "--json").stdout)

    assert [(it["job"], it["schedule"], it["calls"]) for it in found["jobs"]] == [
        ("often", "every 2h", 6),
        ("narrow", None, 4),
    ]
    assert (found["calls"], found["probes"], found["calls_a_day"]) == (10, 0, 12 * 4 + 4 * 2)
    assert (alone["calls"], [it["job"] for it in alone["jobs"]]) == (4, ["narrow"])
    assert "now: 10 calls, each job once" in text
    assert "a day while little changes" in text


def test_a_plan_with_probes_counts_and_says_what_they_spent(install: Install) -> None:
    here = install()

    text = here.command("plan", "--streams", "rfis,rfi_replies", "--probe", "-q").stdout

    asked = [it for it in here.simulator.requests if it.stream]
    assert f"{len(asked)} calls were spent on asking, no data was written" in text
    assert all(it.query.get("per_page") == "1" for it in asked if it.stream != "projects")
    assert not here.database.exists()


def test_the_share_of_the_allowance_and_the_time_are_told_once_an_answer_told_the_allowance(install: Install) -> None:
    here = install(limits=Limits(hourly=100))
    unknown = here.command("plan", "--streams", "rfis").stdout
    asking = json.loads(here.command("plan", "--streams", "rfis", "--probe", "--json", "-q").stdout)
    here.command("run", "--streams", "rfis", "-q")
    known = json.loads(here.command("plan", "--streams", "rfis", "--json").stdout)

    assert "the allowance is not known yet: the first answer shows it" in unknown
    assert asking["allowance"] == known["allowance"] == {"limit": 100, "granted": 80}
    assert known["share"] == known["calls"] / 80
    assert 0 < known["hours"] < 1


def test_jobs_and_streams_that_are_not_there_are_named_with_the_nearest(install: Install) -> None:
    here = install()

    for words, near in ((("plan", "sync_fild"), "sync_field"), (("plan", "--streams", "rfi"), "rfis")):
        answer = here.command(*words)
        assert (answer.returncode, answer.stdout) == (2, "")
        assert f"did you mean {near}?" in answer.stderr


BACKFILL = ("backfill", "--since", "2026-11-01", "--streams", "rfis", "--plan")


def test_a_backfill_shows_its_plan_and_goes_on_only_when_told(install: Install) -> None:
    here = install()
    here.command("run", "--streams", "rfis")
    spent = len(here.simulator.requests)

    answer = here.command(*BACKFILL)
    assert answer.returncode == 2
    assert "now: 4 calls" in answer.stdout
    assert answer.stderr == "error: stdin is not a terminal; add --yes to go on\n"
    assert len(here.simulator.requests) == spent

    answer = here.command(*BACKFILL, "--yes", "--json", "-q")
    assert answer.returncode == 0
    assert json.loads(answer.stdout)["requests"] == 4
    assert "now: 4 calls" in answer.stderr


def test_a_backfill_asks_on_a_terminal_after_its_plan(install: Install) -> None:
    here = install()
    here.command("run", "--streams", "rfis")
    spent = len(here.simulator.requests)

    assert answered(here, "n") == (130, spent)
    code, after = answered(here, "y")
    assert (code, after > spent) == (0, True)


def answered(here: Installation, answer: str) -> tuple[int, int]:
    """Answer the question on a terminal; return the exit code and the number of calls that were ever made."""
    leader, follower = pty.openpty()
    try:
        process = here.start(*BACKFILL, under=("setsid", "sh", "-c", f'exec "$@" <{os.ttyname(follower)}', "sh"))
        with process:
            os.write(leader, f"{answer}\n".encode())
            out, err = process.communicate(timeout=60)
        assert "now: 4 calls" in out
        assert "Read rfis again from 2026-11-01 on?" in err
        return process.returncode, len(here.simulator.requests)
    finally:
        os.close(leader)
        os.close(follower)
