"""`sync-worker report`, reports run as jobs and by the daemon, as processes."""

from __future__ import annotations

import csv
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.worker import Install, Installation, installing

WEEKLY = {"kind": "report", "report": "rfi_ageing", "formats": ["html", "json"]}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Provide an installation with RFIs of two projects; tests only make reports from it."""
    with installing(tmp_path_factory.mktemp("filled")) as install:
        here = install(projects=2)
        here.run("rfis")
        yield here


@pytest.fixture
def here(filled: Installation) -> Iterator[Installation]:
    """Provide that installation and restore its configuration afterwards."""
    yield filled
    filled.config = {}


def refused(here: Installation, *arguments: str) -> str:
    """Return the one line with which the command ends."""
    answer = here.command(*arguments)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.count("\n") == 1
    return answer.stderr


def test_a_report_is_a_page_in_the_archive_and_a_sentence_here(here: Installation) -> None:
    answer = here.command("report", "rfi_ageing")

    assert (answer.returncode, answer.stderr) == (0, "")
    sentence, path = answer.stdout.splitlines()
    assert sentence.endswith(".")
    page = Path(path.strip())
    assert page.parent.parent == here.folder / "data" / "reports" / "rfi_ageing"
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert sentence in page.read_text("utf-8")


def test_a_report_goes_where_the_user_says_in_the_formats_asked_for(here: Installation, tmp_path: Path) -> None:
    formats = [word for form in ("csv", "xlsx", "json", "html") for word in ("--format", form)]
    answer = here.command("report", "rfi_ageing", *formats, "--output", str(tmp_path / "out"), "--json")

    told = json.loads(answer.stdout)
    assert {Path(path).name for path in told["files"]} == {
        "rfi_ageing.csv",
        "rfi_ageing_projects.csv",
        "rfi_ageing.xlsx",
        "rfi_ageing.json",
        "rfi_ageing.html",
    }
    assert all(Path(path).parent == tmp_path / "out" for path in told["files"])
    with (tmp_path / "out" / "rfi_ageing.csv").open(encoding="utf-8-sig", newline="") as file:
        listed = len(list(csv.DictReader(file)))
    ((waiting,),) = here.query("SELECT count(*) FROM rfis WHERE status = 'open' AND initiated_at IS NOT NULL")
    assert listed == waiting


def test_a_report_is_made_beside_a_process_that_holds_the_database(here: Installation, tmp_path: Path) -> None:
    with here.held():
        assert here.command("report", "rfi_ageing", "--output", str(tmp_path)).returncode == 0
        assert here.command("run", "report_rfi_ageing").returncode == 0


def test_a_report_of_one_project(here: Installation, tmp_path: Path) -> None:
    first, second = here.simulator.world.project_ids
    answer = here.command(
        "report", "rfi_ageing", "--project", str(first), "--format", "json", "--output", str(tmp_path)
    )

    assert answer.returncode == 0
    told = json.loads((tmp_path / "rfi_ageing.json").read_text("utf-8"))
    assert [each["project_id"] for each in told["projects"]] == [str(first)]
    assert f"no project {second + 50} is known" in refused(here, "report", "rfi_ageing", "--project", str(second + 50))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["rfi_ageng"], "no report is called 'rfi_ageng'; did you mean rfi_ageing?"),
        (["x"], "no report is called 'x'; there are rfi_ageing"),
        (["rfi_ageing", "--format", "pdf"], "pdf is not built yet; there are html, csv, xlsx, json"),
        (["rfi_ageing", "--output", "/dev/null/x"], "/dev/null/x cannot be written"),
    ],
)
def test_what_cannot_be_reported_is_told_in_one_line(here: Installation, arguments: list[str], reason: str) -> None:
    assert reason in refused(here, "report", *arguments)


def test_before_anything_was_read_there_is_no_report(install: Install) -> None:
    here = install()

    assert "no data yet" in refused(here, "report", "rfi_ageing")
    assert not here.database.exists()


def test_a_report_run_as_a_job_has_a_line_in_the_ledger_and_asks_nothing(here: Installation) -> None:
    asked = len(here.simulator.requests)
    answer = here.command("run", "report_rfi_ageing", "--json")

    assert answer.returncode == 0
    told = json.loads(answer.stdout)
    assert (told["outcome"], told["requests"], told["streams"]) == ("succeeded", 0, [])
    assert here.query("SELECT job, trigger, outcome FROM _runs WHERE run_id = ?", told["run_id"]) == [
        ("report_rfi_ageing", "manual", "succeeded")
    ]
    assert {Path(path).suffix for path in told["report"]["files"]} == {".html", ".csv", ".xlsx"}
    assert len(here.simulator.requests) == asked


def test_reports_are_run_apart_from_what_reads(here: Installation) -> None:
    for others in (["sync_field"], ["--full-refresh"], ["--dry-run"]):
        assert "reports cannot be run together with jobs that read" in refused(
            here, "run", "report_rfi_ageing", *others
        )


def test_a_configured_report_has_its_own_name_projects_and_formats(here: Installation) -> None:
    first, _ = here.simulator.world.project_ids
    here.config = {"jobs": {"weekly_rfis": {**WEEKLY, "projects": [first]}}}
    told = json.loads(here.command("run", "weekly_rfis", "--json").stdout)["report"]

    assert [Path(path).name for path in told["files"]] == ["weekly_rfis.html", "weekly_rfis.json"]
    found = json.loads(Path(told["files"][1]).read_text("utf-8"))
    assert [each["project_id"] for each in found["projects"]] == [str(first)]
    assert here.command("report", "weekly_rfis").returncode == 0


@pytest.mark.parametrize(
    ("jobs", "reason"),
    [
        ({"report_rfi_agein": {}}, "jobs.report_rfi_agein: unknown job, did you mean report_rfi_ageing?"),
        ({"mine": {"kind": "report", "report": "rfi_agin"}}, "unknown report, did you mean rfi_ageing?"),
        ({"mine": {**WEEKLY, "formats": ["pdf"]}}, "jobs.mine.formats: pdf is not built yet; there are html"),
        (
            {"mine": {**WEEKLY, "deliver": [{"url": "mailto://s3cret@x"}]}},
            "jobs.mine.deliver: delivery is not built yet",
        ),
        ({"mine": {**WEEKLY, "schedule": "0 0 30 2 *"}}, "jobs.mine.schedule: schedule '0 0 30 2 *'"),
    ],
)
def test_a_report_job_that_cannot_be_is_refused_before_the_daemon_starts(
    here: Installation, jobs: dict[str, Any], reason: str
) -> None:
    here.config = {"jobs": jobs, "server": {"port": 0}}

    told = refused(here, "serve")
    assert reason in told
    assert "s3cret" not in told
    if "schedule" not in reason:
        assert reason in refused(here, "config", "check")


def test_the_daemon_makes_reports_when_they_are_due(install: Install) -> None:
    here = install(config={"server": {"port": 0}})
    here.run("rfis")
    here.config["jobs"] = {"weekly_rfis": {**WEEKLY, "schedule": "every 1s"}}
    with here.start("serve", "--json") as process:
        try:
            assert process.stderr is not None
            events = map(json.loads, process.stderr)
            ended = next(line for line in events if line["event"] == "run.finished")
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        finally:
            process.kill()

    assert process.returncode == 0
    assert (ended["job"], ended["outcome"]) == ("weekly_rfis", "succeeded")
    assert list((here.folder / "data" / "reports" / "weekly_rfis").glob("*/weekly_rfis.html"))
    assert ("weekly_rfis", "succeeded") in here.query("SELECT job, outcome FROM _runs")
