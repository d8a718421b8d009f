"""The figures of a report, beside those that plain Python counts from what the simulated Procore holds."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from procore_simulator.changes import change
from procore_simulator.world import World
from support.clock import ManualClock
from support.worker import Install, Installation, advance
from sync_worker.errors import ConfigurationError, DestinationError
from sync_worker.job import ReportJob, load_reports, shipped_folder
from sync_worker.reports.ageing_report import ageing_report
from sync_worker.reports.build import MadeReport, ReportRequest, make_report
from sync_worker.settings import RetentionSettings, load_report_settings

JOB = load_reports(shipped_folder())["report_rfi_ageing"]
STREAMS = ("rfis", "project_users", "company_users")
COUNTED = ("open", "overdue", "opened", "closed", "impact", "drafts")
RFI_TOOL = "Project Management/RFI"


def made(here: Installation, *projects: int, job: ReportJob = JOB, now: datetime | None = None) -> dict[str, Any]:
    """Return the report as JSON, made at the time that Procore's clock shows."""
    clock = ManualClock(now) if now else here.clock
    request = ReportRequest("rfi_ageing", job, projects, ["json"])
    (path,) = make_report(here.settings(), request, clock=clock).files
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def counted(world: World, projects: list[int], now: datetime) -> dict[str, Any]:
    """Return the figures that the report should have, counted from the records."""
    zones = {truth.record["id"]: ZoneInfo(truth.record["tz_name"]) for truth in world.records("projects")}
    found: Counter[str] = Counter()
    holders: Counter[str] = Counter()
    ages: dict[str, tuple[int, int]] = {}
    for truth in world.records("rfis"):
        rfi, zone = truth.record, zones.get(truth.project_id or 0)
        if truth.project_id not in projects or zone is None or rfi["initiated_at"] is None:
            found["drafts"] += truth.project_id in projects
            continue
        today = now.astimezone(zone).date()
        opened = instant(rfi["initiated_at"]).astimezone(zone).date()
        week = [today - timedelta(days=days) for days in range(1, 8)]
        found["opened"] += opened in week
        if rfi["status"] == "closed":
            found["closed"] += instant(rfi["time_resolved"]).astimezone(zone).date() in week
            continue
        age, late = (today - opened).days, (today - date.fromisoformat(rfi["due_date"])).days
        ages[str(rfi["id"])] = age, max(0, late)
        found["open"] += 1
        found["overdue"] += late > 0
        found["0–7" if age < 8 else "8–14" if age < 15 else "15–30" if age < 31 else "31+"] += 1
        found["impact"] += any(rfi[kind]["status"].startswith("yes") for kind in ("cost_impact", "schedule_impact"))
        holders.update(person["name"] for person in rfi["ball_in_courts"])
    return {"figures": found, "holders": holders, "ages": ages}


@pytest.mark.parametrize("days_later", [0, 5, 40])
def test_the_figures_are_those_that_the_records_themselves_give(install: Install, days_later: int) -> None:
    here = install(projects=6, scale=1.0)
    here.run(*STREAMS)
    world = here.simulator.world
    now = advance(here.simulator, days_later * 86_400)

    told = made(here)
    expected = counted(world, world.project_ids, now)

    figures, bands = told["figures"], {band["name"]: band["open"] for band in told["bands"]}
    assert {
        "open": figures["open"],
        "overdue": figures["overdue"],
        "opened": figures["opened_in_week"],
        "closed": figures["closed_in_week"],
        "impact": figures["with_cost_or_schedule_impact"],
        "drafts": figures["drafts_left_out"],
        **bands,
    } == {name: expected["figures"][name] for name in (*COUNTED, *bands)}
    assert {share["name"]: share["open"] for share in told["holders"]} == expected["holders"]
    assert {item["id"]: (item["age_days"], item["overdue_days"]) for item in told["items"]} == expected["ages"]
    assert [item["overdue_days"] for item in told["items"]] == sorted(
        (late for _, late in expected["ages"].values()), reverse=True
    )
    assert expected["figures"]["overdue"] > 0


def test_the_company_of_a_holder_is_that_of_the_directory(install: Install) -> None:
    here = install(projects=1, scale=1.0)
    here.run(*STREAMS)
    world = here.simulator.world
    firms = {person.id: person.vendor.name for person in world.companies[0].people if person.vendor}
    held = [truth.record["ball_in_courts"] for truth in world.records("rfis") if truth.record["status"] == "open"]
    expected = Counter(name for people in held for name in {firms[person["id"]] for person in people})

    assert {share["name"]: share["open"] for share in made(here)["companies"]} == expected
    assert len(expected) > 1


def test_without_a_directory_the_companies_are_not_known(install: Install) -> None:
    here = install(projects=1, scale=1.0)
    here.run("rfis")

    assert [share["name"] for share in made(here)["companies"]] == ["Company not known"]


def test_projects_that_are_not_told_of_are_named_with_the_reason(install: Install) -> None:
    """The seventh project of the simulator is inactive."""
    here = install(projects=7)
    ids = here.simulator.world.project_ids
    here.simulator.permissions.forbid(RFI_TOOL, ids[1])
    here.run("rfis", projects=[each for each in ids[:6] if each != ids[3]])
    here.simulator.permissions.hide_project(ids[2])
    here.run("rfis", projects=[ids[2]])

    told = {int(each["project_id"]): (each["verdict"], each["left_out"]) for each in made(here)["projects"]}

    assert told == {
        ids[0]: ("complete", None),
        ids[1]: (None, "not permitted"),
        ids[2]: (None, "not permitted"),
        ids[3]: (None, "never read"),
        ids[4]: ("complete", None),
        ids[5]: ("complete", None),
        ids[6]: (None, "inactive"),
    }


def test_a_report_of_some_projects_tells_of_these_alone(install: Install) -> None:
    here = install(projects=3)
    here.run("rfis")
    first = here.simulator.world.project_ids[0]

    told = made(here, first)

    assert [int(each["project_id"]) for each in told["projects"]] == [first]
    assert {int(item["project_id"]) for item in told["items"]} <= {first}


def test_data_is_as_old_as_the_project_that_was_read_longest_ago(install: Install) -> None:
    here = install(projects=2)
    here.run("rfis")
    before = min(mark for (stream, project), mark in here.marks().items() if stream == "rfis")
    advance(here.simulator, 86_400)
    here.run("rfis", projects=[here.simulator.world.project_ids[1]])

    assert made(here)["data_as_of"] == before


def test_before_anything_was_read_there_is_no_report(install: Install) -> None:
    here = install(projects=2)
    with pytest.raises(ConfigurationError, match=r"no data yet: .* does not exist; run `sync-worker run --all` first"):
        made(here)

    here.run("projects")
    with pytest.raises(ConfigurationError, match=r"RFI ageing: no data yet, .*`sync-worker run --streams rfis`"):
        made(here)

    here.simulator.permissions.forbid(RFI_TOOL)
    here.run("rfis")
    with pytest.raises(ConfigurationError, match="no project can be reported: 2 not permitted"):
        made(here)


def test_sql_of_ones_own_that_lacks_a_column_is_told_by_its_name(install: Install) -> None:
    here = install(projects=1)
    here.run("rfis")
    build = partial(ageing_report, noun="thing", sql="SELECT id, project_id FROM rfis;")
    poor = ReportJob("Mine", ("rfis",), "0 6 * * 1", build)

    with pytest.raises(DestinationError, match=r"no such column: item\.number"):
        made(here, job=poor)


def test_issues_are_kept_under_the_age_of_their_data_for_as_long_as_configured(install: Install) -> None:
    here = install(projects=1)
    settings = here.settings().model_copy(
        update={"data_dir": here.folder / "state", "retention": RetentionSettings.model_validate({"reports": "7d"})}
    )

    def issued() -> MadeReport:
        here.run("rfis")
        return make_report(settings, ReportRequest("rfi_ageing", JOB), clock=here.clock)

    first = issued()
    archive = here.folder / "state" / "reports" / "rfi_ageing"
    assert sorted(path.name for path in first.files) == [
        "rfi_ageing.csv",
        "rfi_ageing.html",
        "rfi_ageing.xlsx",
        "rfi_ageing_projects.csv",
    ]
    assert {path.parent for path in first.files} == {archive / f"{first.as_of:%Y%m%dT%H%M%SZ}"}
    assert all(path.stat().st_size for path in first.files)

    advance(here.simulator, 6 * 86_400)
    second = issued()
    assert sorted(archive.iterdir()) == [first.files[0].parent, second.files[0].parent]
    advance(here.simulator, 2 * 86_400)
    third = issued()
    assert sorted(archive.iterdir()) == [second.files[0].parent, third.files[0].parent]


def test_the_next_issue_tells_the_change_since_the_last(install: Install) -> None:
    here = install(projects=2, scale=1.0)
    settings = here.settings().model_copy(update={"data_dir": here.folder / "state"})

    def issued() -> dict[str, Any]:
        here.run("rfis")
        report = make_report(settings, ReportRequest("rfi_ageing", JOB, formats=["json"]), clock=here.clock)
        found: dict[str, Any] = json.loads(report.files[0].read_text("utf-8"))
        return found

    first = issued()
    assert first["last_issue"] is None
    advance(here.simulator, 3 * 86_400)
    change(here.simulator.world)
    second = issued()

    figures = ("open", "overdue", "over_30_days", "with_cost_or_schedule_impact")
    assert second["last_issue"] == {
        "made_at": first["rendered_at"],
        **{name: first["figures"][name] for name in figures},
    }
    assert [second["figures"][name] for name in figures] != [first["figures"][name] for name in figures]
    request = ReportRequest("rfi_ageing", JOB, formats=["json"])
    aside = make_report(settings, request, clock=here.clock, output=here.folder / "aside")
    assert {path.name for path in aside.files} == {path.name for path in (here.folder / "aside").iterdir()}


def test_making_a_report_takes_no_credentials(install: Install, tmp_path: Path) -> None:
    here = install(projects=1)
    here.run("rfis")
    config = tmp_path / "config.yaml"
    config.write_text(
        "procore: {client_id: '${UNSET}', client_secret: '${UNSET}', companies: [], projects: {exclude: []}}\n"
        f"destination: {{path: {here.database}}}\n"
    )
    settings = load_report_settings(config, {}, STREAMS)

    report = make_report(settings, ReportRequest("rfi_ageing", JOB), clock=here.clock, output=tmp_path / "out")

    assert "rfi_ageing.html" in {path.name for path in report.files}


def test_a_report_of_ones_own_is_a_module_as_the_readme_shows_it(install: Install) -> None:
    here = install(projects=2)
    here.run("rfis")
    first, second = here.simulator.world.project_ids
    jobs = here.folder / "own_jobs"
    jobs.mkdir()
    (example,) = re.findall(r"```python\n(.*?)```", (shipped_folder() / "README.md").read_text("utf-8"), re.DOTALL)
    (jobs / "report_by_status.py").write_text(example)
    job = load_reports(jobs)["report_by_status"]

    ((of_first,),) = here.query("SELECT count(*) FROM rfis WHERE project_id = ?", first)
    ((of_all,),) = here.query("SELECT count(*) FROM rfis")
    assert made(here, job=job)["figures"] == {"total": of_all}
    told = made(here, first, job=job)
    assert told["figures"] == {"total": of_first}
    assert {each["project_id"] for each in told["counts"]} == {first}
    assert str(second) not in {each["project_id"] for each in told["projects"]}
    clock = ManualClock(here.clock.now() + timedelta(days=1))
    files = make_report(here.settings(), ReportRequest("by_status", job), clock=clock, output=here.folder / "out").files
    assert {path.suffix for path in files} == {".html", ".csv", ".xlsx"}
