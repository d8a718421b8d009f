"""The tables against the simulator's truth, value by value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from procore_simulator.changes import change
from procore_simulator.entry import Truth
from procore_simulator.fields import key_field
from procore_simulator.world import World
from support.oracle import differences, readable_projects
from support.worker import A_FEW, Install, Installation, advance, incomplete, installing
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import FieldType, StreamSpec
from sync_worker.model import Outcome
from sync_worker.runner.worker import FinishedRun


class Loaded(NamedTuple):
    """An installation after its first run, and what that said."""

    here: Installation
    report: FinishedRun


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    with installing(tmp_path_factory.mktemp("loaded")) as install:
        here = install(projects=4, most_per_page=15)
        yield Loaded(here, here.run())


def test_a_first_load_equals_procore_in_every_table(loaded: Loaded) -> None:
    here, report = loaded

    assert incomplete(report) == []
    assert report.totals.outcome is Outcome.SUCCEEDED
    assert differences(here.simulator, here.database) == []
    assert report.totals.rows.inserted == report.totals.rows.seen > 2_000
    assert not [name for name, rows in here.versions().items() if not rows]
    assert max(request.page for request in here.simulator.requests) > 3


def test_a_second_run_writes_no_row_though_signed_addresses_changed(loaded: Loaded) -> None:
    here, _ = loaded
    before = here.versions()

    report = here.run(full_refresh=True)

    assert here.versions() == before
    rows = report.totals.rows
    assert (rows.inserted, rows.updated, rows.unchanged) == (0, 0, rows.seen)
    assert rows.seen == sum(map(len, before.values()))


def test_later_runs_equal_procore_after_days_of_changes(install: Install) -> None:
    here = install()
    here.run()

    for _ in range(3):
        advance(here.simulator, 86_400)
        assert change(here.simulator.world)
        report = here.run()
        assert incomplete(report) == []
        assert differences(here.simulator, here.database) == []
        rows = report.totals.rows
        assert min(rows.inserted, rows.updated, rows.unchanged) > 0
    here.run(full_refresh=True)
    here.run(full_refresh=True)
    assert differences(here.simulator, here.database, deletes=True) == []


def test_only_the_row_of_an_edited_record_is_written(install: Install) -> None:
    here = install(streams=A_FEW)
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


EDITS = {FieldType.STRING: "Changed – später", FieldType.OBJECT: {"id": 5, "name": "Dana Whitfield"}}
MADE_OTHERWISE = {"companies", "projects"}
"""A company comes with its installation, a project with everything in it."""


def edit_last(world: World, spec: StreamSpec) -> Truth:
    """Write something else into a text of a stream's last record, or into an object where it has no text."""
    key = key_field(spec) or "id"
    truth = [it for it in world.records(spec.name) if it.record[key] is not None][-1]
    own = {name: type_ for name, type_ in spec.fields.items() if name not in {key, *spec.primary_key}}
    type_ = next(type_ for type_ in EDITS if type_ in own.values())
    field = next(name for name, has in own.items() if has is type_ and not name.endswith(("_id", "url")))
    world.update(spec.name, truth.record[key], {field: EDITS[type_]}, project_id=truth.project_id)
    return truth


def test_an_edited_and_a_new_record_of_every_stream_arrive(install: Install) -> None:
    """Those of nested streams with their parents, which move as well."""
    here = install()
    here.run()
    world = here.simulator.world
    before = here.versions()
    advance(here.simulator, 3600)

    edited = {name: edit_last(world, spec) for name, spec in STREAMS.items()}
    for name in [name for name in STREAMS if name not in MADE_OTHERWISE]:
        _, project_id, parent_id, *_ = edited[name]
        fields = {"is_active": False} if name.endswith("_inactive") else {}
        world.insert(name, fields, project_id=project_id, parent_id=parent_id)
    report = here.run()

    assert incomplete(report) == []
    assert differences(here.simulator, here.database) == []
    after = here.versions()
    assert {name for name in STREAMS if len(set(after[name]) - set(before[name])) < 2} <= MADE_OTHERWISE
    assert {name for name in STREAMS if after[name] == before[name]} == set()
