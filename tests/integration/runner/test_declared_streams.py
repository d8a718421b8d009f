"""Streams of the user's own, from the configuration to their tables."""

from __future__ import annotations

import pytest

from support.oracle import differences
from support.worker import Install, advance, incomplete
from sync_worker.catalog.declared import catalog_with, declared
from sync_worker.catalog.spec import FieldType, SyncMode
from sync_worker.errors import ConfigurationError
from sync_worker.settings.schema import StreamOptions
from sync_worker.simulator.world import World

CRANES = {
    "path": "/rest/v1.0/projects/{project_id}/crane_inspections",
    "scope": "project",
    "primary_key": ["id"],
    "cursor": "updated_at",
    "fields": {"title": "string", "load_amount": "decimal", "created_by": "object", "is_safe": "boolean"},
}
RIGS = {
    "path": "/rest/v2.0/companies/{company_id}/rigs",
    "scope": "company",
    "primary_key": ["id"],
    "envelope": "data",
    "fields": {"name": "string"},
}


def options(**said: object) -> StreamOptions:
    tuples = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    return StreamOptions.model_validate(tuples)


def test_a_stream_of_ones_own_is_read_like_any_other(install: Install) -> None:
    own = {"crane_inspections": CRANES, "rigs": RIGS}
    world = World(catalog_with({name: options(**said) for name, said in own.items()}), projects=2, scale=0.2)
    here = install(world=world, config={"streams": own})

    assert incomplete(here.run(*own)) == []
    assert differences(here.simulator, here.database, streams=own) == []
    advance(here.simulator, 3600)
    crane = world.records("crane_inspections")[0]
    world.update("crane_inspections", crane.record["id"], {"title": "Tower crane TC-2"}, project_id=crane.project_id)
    world.insert("rigs")
    here.simulator.requests.clear()
    report = here.run(*own)

    assert (report.totals.rows.inserted, report.totals.rows.updated) == (1, 1)
    assert differences(here.simulator, here.database, streams=own) == []
    assert all("filters[updated_at]" in request.query for request in here.asked("crane_inspections"))


def test_fields_nobody_declared_are_kept_as_sent(install: Install) -> None:
    world = World(catalog_with({"rigs": options(**RIGS)}), projects=1)
    here = install(world=world, config={"streams": {"rigs": {**RIGS, "fields": {}}}})

    here.run("rigs")

    rigs = {it.record["id"]: it.record["name"] for it in world.records("rigs")}
    assert dict(here.query("SELECT id, _extra ->> 'name' FROM rigs")) == rigs


def test_ids_and_cursor_need_no_type() -> None:
    cranes, rigs = declared("crane_inspections", options(**CRANES)), declared("rigs", options(**RIGS))

    assert (cranes.fields["id"], cranes.fields["updated_at"]) == (FieldType.INTEGER, FieldType.DATETIME)
    assert (cranes.mode, rigs.mode) == (SyncMode.INCREMENTAL, SyncMode.FULL_REFRESH)
    assert rigs.fields["id"] is FieldType.STRING


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"path": "/rest/v1.0/{office}/cranes"}, r"streams\.cranes\.path: \{office\} cannot be filled in"),
        ({"path": "/rest/v1.0/projects/{project_id/cranes"}, r"streams\.cranes\.path: the braces"),
        ({"path": "/rest/v1.0/cranes"}, r"streams\.cranes\.path: .* needs \{project_id\}"),
        ({"query": {"view": "{mood}"}}, r"streams\.cranes\.query\.view: \{mood\} cannot be filled in"),
        ({"primary_key": ["code"]}, r"streams\.cranes\.primary_key: say the type of code in fields"),
        ({"fields": {"_run_id": "string"}}, r"streams\.cranes\.fields: _run_id: names that begin with _"),
        ({"fields": {"Title": "string", "title": "string"}}, r"streams\.cranes\.fields: two names"),
        ({"fields": {"updated_at": "string"}}, r"streams\.cranes\.cursor: updated_at must be of type datetime"),
    ],
)
def test_a_stream_that_cannot_be_read_is_refused(change: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        declared("cranes", options(**{**CRANES, **change}))


def test_a_name_of_a_shipped_stream_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="rfis is declared twice"):
        catalog_with({"rfis": options(**CRANES)})


def test_a_stream_that_cannot_be_read_is_told_before_anything_is_asked(install: Install) -> None:
    here = install(config={"streams": {"cranes": {**CRANES, "path": "/rest/v1.0/cranes"}}})

    for arguments in (("run", "--streams", "cranes"), ("config", "check")):
        done = here.command(*arguments)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].count("streams.cranes.path") == 1
    assert not here.simulator.requests
