"""`status`, `runs`, `streams`, `state` and `query` as processes, beside a database that a real run filled."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.clock import WorkerClock
from support.worker import A_FEW, Install, Installation, installing
from sync_worker.catalog import STREAMS

CREDENTIALS = {"procore": {"client_id": "${PROCORE_CLIENT_ID}", "client_secret": "${PROCORE_CLIENT_SECRET}"}}
FORBIDDEN, OFF = "Construction Financials/Budget", "Project Management/Meetings"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Provide an installation after a run in which one project's budget was refused; tests only read it."""
    with installing(tmp_path_factory.mktemp("filled")) as install:
        here = install()
        here.simulator.permissions.forbid(FORBIDDEN, here.simulator.world.project_ids[1])
        here.simulator.permissions.disable_tool(OFF, here.simulator.world.project_ids[0])
        here.run()
        here.config = CREDENTIALS
        yield here


def answered(here: Installation, *arguments: str, code: int = 0) -> Any:
    """Return what the command prints as JSON."""
    answer = here.command(*arguments, "--json")
    assert (answer.returncode, answer.stderr) == (code, "")
    return json.loads(answer.stdout)


def jobs_of(*streams: str) -> dict[str, Any]:
    """Return a configuration of one job, so that nothing else should be there."""
    return {"jobs": {"one": {"kind": "sync", "streams": streams}}}


def refused(here: Installation, *arguments: str) -> str:
    """Return the one line with which the command ends."""
    answer = here.command(*arguments)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.count("\n") == 1
    return answer.stderr


def test_status_has_the_promised_keys_and_what_each_stream_came_to(filled: Installation) -> None:
    found = answered(filled, "status")

    assert list(found) == [
        "state", "problems", "expected", "streams", "running", "next", "daemon", "allowance", "held_deletes", "errors",
        "health",
    ]  # fmt: skip
    assert (found["state"], found["daemon"], found["expected"]["never_read"]) == ("well", None, 0)
    assert (found["running"], found["held_deletes"]) == ([], [])
    by_name = {line["stream"]: line for line in found["streams"]}
    assert [name for name in by_name if name in STREAMS] == list(STREAMS)
    assert by_name["rfis"]["rows"] == filled.query("SELECT count(*) FROM rfis")[0][0]
    assert by_name["rfis"]["scopes"] == {"complete": 2, "inexact": 0, "failed": 0, "not_permitted": 0}
    assert by_name["budget_views"]["scopes"] == {"complete": 1, "inexact": 0, "failed": 0, "not_permitted": 1}
    ((oldest,),) = filled.query("SELECT min(mark) FROM _checkpoints WHERE stream = 'rfis'")
    assert by_name["rfis"]["oldest_mark"] == oldest
    assert (by_name["rfis"]["freshness_seconds"] >= 0, by_name["rfis"]["is_stale"]) == (True, False)
    trouble = next(it for it in found["errors"] if it["stream"] == "budget_views")
    assert (trouble["stream"], trouble["scopes"]) == ("budget_views", 1)
    assert trouble["projects"] == [filled.simulator.world.project_ids[1]]
    assert FORBIDDEN in trouble["hint"]
    assert trouble["tool"] == FORBIDDEN


def test_status_tells_what_was_spent_and_how_procore_grades_it(filled: Installation) -> None:
    found = answered(filled, "status")

    calls = [request for request in filled.simulator.requests if not request.path.startswith("/oauth/")]
    refused = Counter(request.path for request in calls if request.status == 403)
    (today,) = found["allowance"]["days"]
    assert (today["calls"], today["calls"] - today["succeeded"]) == (len(calls), refused.total())
    forbidden, *others = found["health"]
    assert [line["observation"] for line in found["health"]] == [
        "403s", "404s", "429s", "401s", "without_company_header", "deprecated", "undocumented"
    ]  # fmt: skip
    assert (forbidden["calls"], forbidden["of"], len(forbidden["days"])) == (refused.total(), len(calls), 14)
    assert (forbidden["color"], forbidden["word"]) == ("amber", "watch")
    assert [line["calls"] for line in others] == [0, 0, 0, 0, 1, 0]
    assert {it["stream"] for it in forbidden["streams"]} >= {"budget_views", "budget_changes"}
    shown = filled.command("status").stdout
    skipped = dict(filled.query("SELECT reason, sum(calls) FROM _skipped_requests GROUP BY reason"))
    assert today["avoided"] == skipped
    saved = f"; {sum(skipped.values())} avoided: " if skipped else "\n"
    assert f"\ncalls today   {len(calls)}, {refused.total()} without success{saved}" in shown
    assert f"\nhealth        amber, watch: {len(calls)} calls in 14 days" in shown
    assert f"amber, watch: 403s {refused.total()}, " in shown


def test_status_leads_with_whether_all_is_well_then_with_what_is_not_and_what_to_do(filled: Installation) -> None:
    answer = filled.command("status", "-v")

    first, empty, *lines = answer.stdout.splitlines()
    place = next(number for number, line in enumerate(lines) if FORBIDDEN in line)
    refused, hint = lines[place : place + 2]
    assert (empty, answer.stderr) == ("", "")
    project = filled.simulator.world.project_ids[1]
    assert lines[0].startswith("may not read  ")
    assert refused.startswith(f"{' ' * 14}{FORBIDDEN}: budget_views, budget_changes, ")
    ((name,),) = filled.query("SELECT coalesce(display_name, name) FROM projects WHERE id = ?", project)
    assert f", project {name} ({project}): 403, " in refused
    assert hint.lstrip().startswith(f"→ let the service account read {FORBIDDEN} in Procore")
    assert answer.stdout.count(FORBIDDEN) == 2
    assert f"({filled.simulator.world.project_ids[0]}): the tool is off in this project: Meetings" in answer.stdout
    assert f"→ nothing, unless the project should have {OFF}; then switch it on in Procore" in answer.stdout
    for stream in STREAMS:
        assert re.search(rf"\b{stream}\b", answer.stdout)
    every = filled.command("status", "-v").stdout.splitlines()
    table = every[every.index(next(line for line in every if line.startswith("stream "))) + 1 :]
    assert {line.split()[0] for line in table} >= set(STREAMS)
    expected = answered(filled, "status")["expected"]
    assert expected["lists"] == expected["complete"] + expected["not_permitted"] > 2 * len(A_FEW)
    assert first == (
        f"All is well: {expected['complete']} of {expected['lists']} lists are proven complete; "
        f"{expected['not_permitted']} of {expected['lists']} may not be read."
    )


def test_status_says_that_something_is_wrong_and_that_a_run_is_under_way(install: Install) -> None:
    here = install(config=jobs_of("rfis"))
    here.run("rfis")
    with closing(sqlite3.connect(here.database)) as connection:
        connection.execute("UPDATE _run_scopes SET verdict = 'failed', error = 'it broke' WHERE stream = 'rfis'")
        connection.execute(
            "INSERT INTO _runs (run_id, job, trigger, started_at)"
            " VALUES ('r', 'sync_field', 'manual', '2026-01-01T00:00:00Z')"
        )
        connection.commit()

    with here.held():
        lines = here.command("status").stdout.splitlines()
    alone = here.command("status").stdout.splitlines()

    told = "\n".join(lines)
    assert lines[0].startswith("Not all is well: 2 of 4 lists are not complete. Next: the next run tries again; ")
    names = dict(here.query("SELECT id, coalesce(display_name, name) FROM projects"))
    projects = ", ".join(f"{names[project]} ({project})" for project in here.simulator.world.project_ids)
    assert lines[2] == f"failed        rfis, 2 projects ({projects}): it broke"
    assert "\nrunning       sync_field for " in told
    assert "; nothing for " in told
    assert not any(line.startswith("running ") for line in alone)


def test_status_says_which_streams_are_stale_but_not_of_projects_that_rest(install: Install) -> None:
    here = install(config=jobs_of("rfis", "cost_codes"))
    here.run("rfis", "cost_codes")
    one, other = here.simulator.world.project_ids
    with closing(sqlite3.connect(here.database)) as connection:
        connection.execute("UPDATE _checkpoints SET mark = '2026-01-01T00:00:00Z' WHERE project_id IS NOT NULL")
        connection.execute("UPDATE projects SET active = 0 WHERE id = ?", (other,))
        connection.execute(
            "UPDATE _checkpoints SET mark = ? WHERE project_id = ? AND stream = 'cost_codes'",
            ((here.clock.now() - timedelta(hours=30)).strftime("%Y-%m-%dT%H:%M:%SZ"), one),
        )
        connection.commit()
    here.config["streams"] = {"cost_codes": {"full_refresh_every": "1d"}}

    found = {line["stream"]: line for line in answered(here, "status", code=1)["streams"]}
    lines = here.command("status").stdout.splitlines()

    assert [name for name, line in found.items() if line["is_stale"]] == ["rfis"]
    assert (found["rfis"]["oldest_project"], found["rfis"]["oldest_mark"]) == (one, "2026-01-01T00:00:00Z")
    assert lines[0].startswith("Not all is well: 1 of 4 streams are stale. Next: does the daemon run")
    assert lines[2].startswith(f"stale         rfis, project {one}: last proven complete ")


def test_runs_are_listed_newest_first_and_shown_in_full(install: Install) -> None:
    here = install()
    runs = [here.run("rfis").run_id, here.run("rfis").run_id, here.run("companies").run_id]
    newest_first = here.query("SELECT run_id FROM _runs ORDER BY started_at DESC, run_id DESC")

    assert [(run["run_id"],) for run in answered(here, "runs")] == newest_first
    assert [(run["run_id"],) for run in answered(here, "runs", "--limit", "2")] == newest_first[:2]
    one = answered(here, "runs", runs[0])
    assert (one["run_id"], one["outcome"], one["job"]) == (runs[0], "succeeded", "by_hand")
    assert sum(line["rows_seen"] for line in one["streams"]) == one["rows_seen"] > 0
    shown = here.command("runs", runs[0]).stdout
    assert f"run {runs[0]}" in shown
    assert "rfis" in shown
    assert "no run is called 'nonsense'" in refused(here, "runs", "nonsense")


def test_streams_tells_the_whole_catalog_without_any_configuration(tmp_path: Path) -> None:
    def streams(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sync_worker", "streams", *arguments],
            cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert [line["name"] for line in json.loads(streams("--json").stdout)] == list(STREAMS)
    rfis = json.loads(streams("rfis", "--json").stdout)
    assert (rfis["path"], rfis["mode"]) == (STREAMS["rfis"].path, "incremental")
    assert rfis["columns"] == dict(STREAMS["rfis"].columns)
    assert STREAMS["rfis"].path in streams("rfis").stdout
    assert len(streams("*s").stdout.splitlines()) == 1 + sum(name.endswith("s") for name in STREAMS)
    assert "did you mean rfis?" in streams("rfi").stderr


def test_state_shows_the_checkpoints_of_the_chosen_streams_and_project(filled: Installation) -> None:
    project = filled.simulator.world.project_ids[0]

    found = answered(filled, "state", "show", "--stream", "rfis,companies", "--project", str(project))

    assert [(line["stream"], line["project_id"]) for line in found] == [("rfis", project)]
    assert found[0]["mark"] == filled.marks()["rfis", project]
    assert len(answered(filled, "state", "show")) == len(filled.marks())


def test_marks_in_the_future_are_pointed_out_until_a_run_has_set_them_right(install: Install) -> None:
    here = install(streams=A_FEW, config=jobs_of("rfis", "roles"))
    here.run("rfis", "roles")
    project = here.simulator.world.project_ids[0]
    with closing(sqlite3.connect(here.database)) as connection, connection:
        future = (here.clock.now() + timedelta(days=40)).strftime("%Y-%m-%dT%H:%M:%SZ")
        connection.execute("UPDATE _checkpoints SET mark = ? WHERE project_id = ?", (future, project))

    status = here.command("status").stdout
    assert "1 of 4 streams have marks in the future" in status.splitlines()[0]
    assert "1 marks of rfis" in status
    assert {it["stream"]: it["future_marks"] for it in answered(here, "status", code=1)["streams"]}["rfis"] == 1
    shown = answered(here, "state", "show")
    assert [it["project_id"] for it in shown if it["is_future"]] == [project]
    assert here.command("state", "show").stdout.count("in the future") == 1
    checks = json.loads(here.command("check", "--json").stdout)["checks"]
    (marks,) = (it for it in checks if it["check"] == "marks")
    assert future in marks["message"]

    assert here.command("run", "--streams", "rfis").returncode == 0
    assert "future" not in here.command("status").stdout + here.command("state", "show").stdout


def test_a_run_beside_a_clock_that_is_weeks_off_ends_with_1_and_status_says_why(install: Install) -> None:
    here = install(streams=A_FEW)
    here.clock = WorkerClock(here.simulator.world.clock, timedelta(days=-30))

    assert here.command("run", "--streams", "rfis").returncode == 1

    assert here.marks() == {}
    here.clock = WorkerClock(here.simulator.world.clock)
    status = here.command("status").stdout
    assert "the server's clock says" in status
    assert "sync-worker check` compares the clocks" in " ".join(status.split())


def test_a_reset_stream_is_read_whole_by_the_next_run_and_others_are_not(install: Install) -> None:
    here = install()
    here.run("rfis", "submittals")
    first, second = here.simulator.world.project_ids[:2]

    answer = here.command("state", "reset", "--stream", "rfis", "--project", str(first), "--yes")

    assert (answer.returncode, answer.stdout) == (0, "1 checkpoint of 1 stream removed\n")
    assert {("rfis", first), ("rfis", second), ("submittals", first)} - here.marks().keys() == {("rfis", first)}
    run_id = here.run("rfis", "submittals").run_id
    whole = "SELECT stream, project_id FROM _run_scopes WHERE run_id = ? AND window_from IS NULL AND project_id > 0"
    assert here.query(whole, run_id) == [("rfis", first)]


def test_reset_daily_logs_and_nested_streams_are_read_whole_too(install: Install) -> None:
    here = install(projects=1)
    chosen = ("manpower_logs", "schedule_activities")
    here.run(*chosen)
    first_window = "SELECT stream, min(window_from) FROM _run_scopes WHERE run_id = ? AND project_id > 0 GROUP BY 1"
    whole = dict(here.query("SELECT stream, window_from FROM _run_scopes WHERE stream IN (?, ?)", *chosen))

    assert here.command("state", "reset", "--stream", ",".join(chosen), "--yes").returncode == 0

    again = dict(here.query(first_window, here.run(*chosen).run_id))
    assert {name: again[name] for name in chosen} == whole
    later = dict(here.query(first_window, here.run(*chosen).run_id))
    assert later["manpower_logs"] != whole["manpower_logs"]


def test_a_reset_is_not_done_unasked_nor_while_another_process_holds_the_database(install: Install) -> None:
    here = install()
    here.run("rfis")

    assert "would remove 2 checkpoints of 1 stream; add --yes" in refused(here, "state", "reset", "--stream", "rfis")
    assert "name the streams" in refused(here, "state", "reset", "--yes")
    with here.held():
        held = here.command("state", "reset", "--stream", "rfis", "--yes")
    assert (held.returncode, "is held by a test" in held.stderr) == (4, True)
    assert len([stream for stream, _ in here.marks() if stream == "rfis"]) == 2


def test_a_query_prints_values_exactly_as_they_are_stored(install: Install) -> None:
    here = install()
    here.run("companies")
    sql = (
        "SELECT id, '=cmd()' AS f, 'a,\"b\"\nc' AS t, NULL AS n, 1.10 AS d, '1.10' AS m, x'ff' AS b, id FROM companies"
    )
    ((company,),) = here.query("SELECT id FROM companies")

    table = here.command("query", sql)
    as_csv = here.command("query", "--format", "csv", sql)
    (row,) = answered(here, "query", sql)

    assert table.stdout.splitlines()[1].split("  ")[1:4] == ["=cmd()", 'a,"b"\\nc', "NULL"]
    assert table.stderr == "(1 row)\n"
    assert list(csv.reader(io.StringIO(as_csv.stdout))) == [
        ["id", "f", "t", "n", "d", "m", "b", "id"],
        [str(company), "=cmd()", 'a,"b"\nc', "", "1.1", "1.10", "ff", str(company)],
    ]
    assert row == {
        "id": company, "f": "=cmd()", "t": 'a,"b"\nc', "n": None, "d": 1.1, "m": "1.10", "b": "ff", "id_2": company,
    }  # fmt: skip
    assert answered(here, "query", "SELECT 1 WHERE 0") == []


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM rfis",
        "DROP TABLE rfis",
        "CREATE TEMP TABLE t (a)",
        "VACUUM INTO 'copy.db'",
        "ATTACH 'other.db' AS other",
        "SELECT 1; DELETE FROM rfis",
        "SELECT * FROM nowhere",
    ],
)
def test_a_query_that_is_wrong_or_would_do_more_than_read_is_one_line(filled: Installation, sql: str) -> None:
    assert refused(filled, "query", sql).startswith("error: the query ")

    assert [path.name for path in filled.folder.glob("*.db")] == ["procore.db"]
    assert filled.query("SELECT count(*) FROM rfis")[0][0] > 0


def test_a_long_query_ends_at_once_when_interrupted(filled: Installation) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    # The database is always one row ahead; after two it searches for ever.
    endless = f"{numbers} SELECT 0 UNION ALL SELECT 0 UNION ALL SELECT i FROM n WHERE i < 0"
    process = filled.start("query", "--format", "csv", endless, under=["env", "PYTHONUNBUFFERED=1"])
    with process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["0\n", "0\n"]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)

    assert (process.returncode, errors.lstrip()) == (130, "error: interrupted\n")


def test_a_query_whose_reader_has_gone_ends_quietly(filled: Installation) -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i FROM n"
    process = filled.start("query", "--format", "csv", many)
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()

    assert (process.returncode, errors) == (1, "")


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["runs"], ["state", "show"], ["state", "reset", "--stream", "*", "--yes"], ["query", "SELECT 1"]],
)
def test_before_the_first_run_looking_creates_nothing_and_says_what_to_do(
    install: Install, arguments: list[str]
) -> None:
    here = install()

    assert "does not exist yet; run `sync-worker run --all` first" in refused(here, *arguments)

    assert not here.database.exists()


def test_looking_goes_on_while_another_process_holds_the_database_and_writes(install: Install) -> None:
    here = install(config=jobs_of("rfis"))
    here.run("rfis")
    with here.held(), closing(sqlite3.connect(here.database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM rfis")

        for arguments in (["status"], ["runs"], ["state", "show"], ["query", "SELECT count(*) FROM rfis"]):
            # `status` finds that somebody has been writing for seconds.
            assert here.command(*arguments).returncode == (1 if arguments == ["status"] else 0)
