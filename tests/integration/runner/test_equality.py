"""The tables against the simulator's truth, value by value."""

from __future__ import annotations

from support.oracle import differences, readable_projects
from support.worker import Install, advance, incomplete
from sync_worker.model import Outcome
from sync_worker.simulator.changes import change


def test_a_first_load_equals_procore_in_every_table(install: Install) -> None:
    here = install(projects=4, most_per_page=15)

    report = here.run()

    assert incomplete(report) == []
    assert report.totals.outcome is Outcome.SUCCEEDED
    assert differences(here.simulator, here.database) == []
    assert report.totals.rows.inserted == report.totals.rows.seen > 500
    assert max(request.page for request in here.simulator.requests) > 3


def test_a_second_run_writes_no_row_though_signed_addresses_changed(install: Install) -> None:
    here = install()
    here.run()
    before = here.versions()

    report = here.run(full_refresh=True)

    assert here.versions() == before
    rows = report.totals.rows
    assert (rows.inserted, rows.updated, rows.unchanged) == (0, 0, rows.seen)
    assert rows.seen == sum(map(len, before.values()))


def test_later_runs_equal_procore_after_days_of_changes(install: Install) -> None:
    here = install(projects=3)
    here.run()

    for _ in range(3):
        advance(here.simulator, 86_400)
        assert change(here.simulator.world)
        report = here.run()
        assert incomplete(report) == []
        assert differences(here.simulator, here.database) == []
        rows = report.totals.rows
        assert min(rows.inserted, rows.updated, rows.unchanged) > 0


def test_only_the_row_of_an_edited_record_is_written(install: Install) -> None:
    here = install()
    here.run()
    world = here.simulator.world
    project = readable_projects(here.simulator)[0]
    edited = world.records("rfis", project_id=project)[0].record["id"]
    before = here.versions()

    advance(here.simulator, 3600)
    world.update("rfis", edited, {"custom_fields.custom_field_1": {"data_type": "string", "value": "late"}})
    world.update("rfis", edited, {"assignee": {"id": 5, "name": "Dana Whitfield", "login": "dana@example.com"}})
    report = here.run()

    changed = {(name, row[0]) for name, rows in here.versions().items() for row in rows if row not in before[name]}
    assert changed == {("rfis", edited)}
    assert (report.totals.rows.inserted, report.totals.rows.updated) == (0, 1)
    assert differences(here.simulator, here.database) == []
