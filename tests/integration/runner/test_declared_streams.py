"""Streams of the user's own, from the configuration to their tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from procore_simulator.world import World
from support.oracle import differences
from support.worker import Install, advance, incomplete
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import FieldType, StreamSpec, SyncMode
from sync_worker.errors import ConfigurationError
from sync_worker.settings.own_streams import catalog_with, findings
from sync_worker.settings.schema import StreamSettings

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


FINDINGS = {
    "path": "/rest/v1.0/crane_inspections/{crane_inspection_id}/findings",
    "scope": "project",
    "primary_key": ["id"],
    "parent": {"stream": "crane_inspections", "param": "crane_inspection_id"},
    "fields": {"title": "string", "amount": "decimal"},
}
BOLTS = {
    "path": "/rest/v2.0/companies/{company_id}/rigs/{rig_id}/bolts",
    "scope": "company",
    "primary_key": ["rig_id", "name"],
    "envelope": "data",
    "parent": {"stream": "rigs", "param": "rig_id"},
    "fields": {"name": "string"},
}
CRANE_LOGS = {
    "path": "/rest/v1.0/projects/{project_id}/crane_logs",
    "scope": "project",
    "primary_key": ["date", "id"],
    "date_window": True,
    "fields": {"date": "date", "notes": "string", "updated_at": "datetime"},
}


def options(**said: object) -> StreamSettings:
    tuples = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    return StreamSettings.model_validate(tuples)


def catalog_of(own: Mapping[str, Mapping[str, Any]]) -> Mapping[str, StreamSpec]:
    return catalog_with({name: options(**said) for name, said in own.items()})


def spec_of(name: str, said: Mapping[str, Any]) -> StreamSpec:
    return catalog_of({name: said})[name]


def test_a_stream_of_ones_own_is_read_like_any_other(install: Install) -> None:
    own = {"crane_inspections": CRANES, "rigs": RIGS}
    world = World(catalog_of(own), projects=2, scale=0.2)
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
    world = World(catalog_of({"rigs": RIGS}), projects=1)
    here = install(world=world, config={"streams": {"rigs": {**RIGS, "fields": {}}}})

    here.run("rigs")

    rigs = {it.record["id"]: it.record["name"] for it in world.records("rigs")}
    assert dict(here.query("SELECT id, _extra ->> 'name' FROM rigs")) == rigs


def test_ids_and_cursor_need_no_type() -> None:
    cranes, rigs = spec_of("crane_inspections", CRANES), spec_of("rigs", RIGS)

    assert (cranes.fields["id"], cranes.fields["updated_at"]) == (FieldType.INTEGER, FieldType.DATETIME)
    assert (cranes.mode, rigs.mode) == (SyncMode.INCREMENTAL, SyncMode.FULL_REFRESH)
    assert rigs.fields["id"] is FieldType.STRING


def test_nested_streams_are_read_for_each_record_of_their_parent_and_later_for_those_that_moved(
    install: Install,
) -> None:
    own = {"findings": FINDINGS, "crane_inspections": CRANES}
    world = World(catalog_of(own), projects=2, scale=0.2)
    here = install(world=world, config={"streams": own})

    assert incomplete(here.run("findings")) == []
    assert differences(here.simulator, here.database, streams=own) == []
    advance(here.simulator, 3600)
    crane = world.records("crane_inspections")[0]
    world.update("crane_inspections", crane.record["id"], {"title": "Tower crane TC-2"}, project_id=crane.project_id)
    world.insert("findings", project_id=crane.project_id, parent_id=crane.record["id"])
    here.simulator.requests.clear()
    here.run("findings")

    assert differences(here.simulator, here.database, streams=own) == []
    assert len(here.asked("findings")) == 1


def test_a_parents_id_has_the_type_it_has_there(install: Install) -> None:
    own = {"rigs": RIGS, "bolts": BOLTS}
    world = World(catalog_of(own), projects=1, scale=0.3)
    here = install(world=world, config={"streams": own})

    assert spec_of("bolts", BOLTS | {"parent": {"stream": "roles", "param": "rig_id"}}).columns["rig_id"] == "string"
    assert catalog_of(own)["bolts"].scope_columns["rig_id"] is FieldType.STRING
    assert incomplete(here.run("bolts")) == []
    assert {type(rig) for (rig,) in here.query("SELECT rig_id FROM bolts")} == {str}


def test_a_shipped_stream_can_be_the_parent() -> None:
    payments = {
        "path": "/rest/v1.0/contract_payments",
        "scope": "project",
        "primary_key": ["id"],
        "query": {"project_id": "{project_id}", "contract_id": "{contract_id}"},
        "parent": {"stream": "work_order_contracts", "param": "contract_id"},
    }
    streams = list(catalog_of({"subcontract_payments": payments}))

    assert streams.index("work_order_contracts") < streams.index("subcontract_payments")


def test_a_stream_by_date_is_read_from_the_projects_beginning_and_its_last_days_again(install: Install) -> None:
    own = {"crane_logs": CRANE_LOGS}
    world = World(catalog_of(own), projects=2, scale=0.4)
    here = install(world=world, config={"streams": own})

    def first_days() -> list[date]:
        return [date.fromisoformat(request.query["start_date"]) for request in here.asked("crane_logs")]

    assert incomplete(here.run(*own)) == []
    assert differences(here.simulator, here.database, streams=own) == []
    assert max(first_days()) <= max(project.start_on for project in world.companies[0].projects)
    advance(here.simulator, 86_400)
    here.simulator.requests.clear()
    here.run(*own)

    # A day on top, as the days of a log are its project's own.
    assert min(first_days()) >= world.clock.now().date() - timedelta(days=14 + 1)


CRANES_OF_A_PROJECT = CRANES | {"path": "/rest/v1.0/projects/{project_id}/cranes"}


@pytest.mark.parametrize(
    ("change", "key", "told"),
    [
        ({"path": "/rest/v1.0/{office}/cranes"}, "path", "{office} cannot be filled in"),
        ({"path": "/rest/v1.0/projects/{project_id/cranes"}, "path", "the braces"),
        ({"path": "/rest/v1.0/projects/{project_id!r}/cranes"}, "path", "the braces"),
        ({"path": "/rest/v1.0/cranes"}, "path", "needs {project_id}"),
        ({"query": {"view": "{mood}"}}, "query.view", "{mood} cannot be filled in"),
        ({"primary_key": ["code"]}, "primary_key", "give the type of code in fields"),
        ({"primary_key": ["load_amount"]}, "primary_key", "load_amount is of type decimal; a key is integer, string"),
        ({"primary_key": ["created_by"]}, "primary_key", "created_by is of type object"),
        ({"primary_key": ["tags"], "fields": {"tags": "array"}}, "primary_key", "tags is of type array"),
        ({"primary_key": ["is_safe"]}, "primary_key", "is_safe is of type boolean"),
        ({"fields": {"_run_id": "string"}}, "fields", "_run_id: names that begin with _"),
        ({"fields": {"": "string"}}, "fields", "'' cannot be the name of a column"),
        ({"fields": {"a\0b": "string"}}, "fields", "cannot be the name of a column"),
        ({"fields": {"Project_ID": "string"}}, "fields", "two names"),
        ({"fields": {"Title": "string", "title": "string"}}, "fields", "two names"),
        ({"fields": {"updated_at": "string"}}, "cursor", "updated_at must be of type datetime"),
        ({"date_window": True}, "date_window", "by date or by cursor, not by both"),
        ({"parent": {"stream": "rfi", "param": "rfi_id"}}, "parent.stream", "unknown stream, did you mean rfis?"),
        ({"parent": {"stream": "projects", "param": "id"}}, "parent.stream", "needs no parent; use scope"),
        ({"parent": {"stream": "cranes", "param": "crane_id"}}, "parent.stream", "nested in itself"),
        ({"parent": {"stream": "vendors", "param": "vendor_id"}}, "scope", "that of its parent vendors: company"),
        ({"parent": {"stream": "rfis", "param": "project_id"}}, "parent.param", "project_id is the id of the scope"),
        ({"parent": {"stream": "rfis", "param": "rfi_id"}}, "path", "needs {rfi_id}"),
        ({"parent": {"stream": "rfis", "param": "rfi_id", "key": "numbr"}}, "parent.key", "did you mean number?"),
        ({"parent": {"stream": "rfis", "param": "rfi_id", "key": "assignee"}}, "parent.key", "is of type object"),
        (
            {"parent": {"stream": "rfis", "param": "rfi_id"}, "fields": {"rfi_id": "string"}},
            "fields.rfi_id",
            "must be of type integer, as in rfis",
        ),
        ({"primary_key": ['i"d'], "fields": {'i"d': "integer"}}, "primary_key", "'i\"d': the name of a primary key"),
    ],
)
def test_a_stream_that_cannot_be_read_is_refused_by_the_key_to_mend(
    change: dict[str, Any], key: str, told: str
) -> None:
    found = {
        ".".join(map(str, path)): message
        for path, message in findings({"cranes": options(**{**CRANES_OF_A_PROJECT, **change})})
    }

    assert told in found[f"streams.cranes.{key}"]


@pytest.mark.parametrize("change", [{"scope": "company", "path": "/rest/v1.0/companies/{company_id}/logs"}, FINDINGS])
def test_what_is_read_by_date_is_a_projects_own(change: dict[str, Any]) -> None:
    own = {"crane_inspections": CRANES, "crane_logs": {**CRANE_LOGS, **change}}

    found = {path for path, _ in findings({name: options(**said) for name, said in own.items()})}

    assert found == {("streams", "crane_logs", "date_window")}


def test_a_circle_of_own_streams_is_refused() -> None:
    def nested_in(stream: str) -> StreamSettings:
        path = f"/rest/v1.0/{stream}/{{{stream}_id}}/more"
        return options(
            path=path, scope="project", primary_key=["id"], parent={"stream": stream, "param": f"{stream}_id"}
        )

    found = list(findings({"hens": nested_in("eggs"), "eggs": nested_in("hens")}))

    assert found == [
        (("streams", "hens", "parent", "stream"), "the stream is nested in itself"),
        (("streams", "eggs", "parent", "stream"), "the stream is nested in itself"),
    ]


@pytest.mark.parametrize("name", ["rfis", "sqlite_stat", "json_each", "dim_project", "fact_rfi", "custom_field_values"])
def test_a_name_that_is_taken_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"streams.{name}: "):
        catalog_of({name: CRANES})


def test_a_stream_that_cannot_be_read_is_told_with_its_line_before_anything_is_asked(install: Install) -> None:
    here = install(config={"streams": {"cranes": {**CRANES, "path": "/rest/v1.0/cranes"}}})

    for arguments in (("run", "--streams", "cranes"), ("config", "check"), ("streams",), ("state", "show")):
        done = here.command(*arguments)
        assert done.returncode == 2
        assert done.stderr.count("config.json:1: streams.cranes.path: ") == 1
        assert done.stderr.count("\n") == 1
    checked = here.command("config", "check", "--json")
    assert checked.returncode == 2
    assert [(error["line"], error["key"]) for error in json.loads(checked.stdout)["errors"]] == [
        (1, "streams.cranes.path")
    ]
    assert not here.simulator.requests


def test_streams_status_state_and_dry_run_know_own_streams(install: Install) -> None:
    own = {"rigs": {**RIGS, "tool": "Project Management/Rigs", "tags": ["rigging"]}}
    here = install(world=World(catalog_of(own), projects=1, scale=0.2), config={"streams": own})

    here.config["jobs"] = {"one": {"kind": "sync", "streams": ["rigs"]}}

    def told(*arguments: str) -> Any:
        done = here.command(*arguments, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    assert [it["stream"] for it in told("run", "--streams", "rigs", "--dry-run")["streams"]] == ["companies", "rigs"]
    here.simulator.permissions.forbid("Project Management/Rigs")
    here.run("rigs")
    assert told("streams", "rigs")["columns"] == {"id": "string", "company_id": "integer", "name": "string"}
    assert [stream["name"] for stream in told("streams", "tag:rigging")] == ["rigs"]
    assert len(told("streams")) == len(STREAMS) + 1
    status = told("status")
    assert [line["stream"] for line in status["streams"]][-1] == "rigs"
    assert "read Project Management/Rigs in Procore" in status["errors"][0]["hint"]
    here.simulator.permissions.permit("Project Management/Rigs")
    here.run("rigs")
    assert [line["stream"] for line in told("state", "show", "--stream", "rig*")] == ["rigs"]
    asked = told("run", "--streams", "rigs", "--dry-run")["streams"]
    assert [line["stream"] for line in asked] == ["companies", "rigs"]
    assert told("state", "reset", "--stream", "rigs", "--yes")["removed"][0]["stream"] == "rigs"


def test_a_stream_whose_names_look_like_sql_gets_a_table_and_columns_of_those_names(install: Install) -> None:
    field = 'of "all" [things]; DROP TABLE rfis; --'
    table = {**CRANES, "fields": {field: "string", "select": "string"}}
    world = World(catalog_of({"table": table}), projects=1, scale=0.2)
    here = install(world=world, config={"streams": {"table": table}})

    assert incomplete(here.run("rfis", "table")) == []

    assert differences(here.simulator, here.database, streams={"table": table}) == []
    assert here.command("query", 'SELECT * FROM "table"').returncode == 0


def test_fields_with_blanks_dashes_and_dots_identify_order_and_fill_a_row(install: Install) -> None:
    own: dict[str, dict[str, Any]] = {
        "excluded": {**CRANES, "primary_key": ["a b", "key"], "cursor": "a-b", "fields": {"a.b": "string"}},
        "parts": {
            **FINDINGS,
            "parent": {"stream": "excluded", "param": "value", "key": "a b"},
            "primary_key": ["noted"],
        },
    }
    own["excluded"]["fields"] |= {"a b": "integer", "key": "integer", "x²": "decimal"}
    own["parts"] |= {"path": "/rest/v1.0/parts/{value}", "fields": {"noted": "integer", "a b.c-d": "string"}}
    world = World(catalog_of(own), projects=1, scale=0.2)
    here = install(world=world, config={"streams": own})

    assert incomplete(here.run(*own)) == []
    assert differences(here.simulator, here.database, streams=own) == []
    assert incomplete(here.run(*own, full_refresh=True)) == []
    assert differences(here.simulator, here.database, streams=own) == []


def test_a_stream_that_no_table_has_room_for_fails_alone_and_is_told_by_its_line(install: Install) -> None:
    wide = {**CRANES, "fields": {f"f{number}": "string" for number in range(2_050)}}
    bolts = {**FINDINGS, "parent": {"stream": "wide", "param": "crane_inspection_id"}}
    own = {"wide": wide, "bolts": bolts, "rigs": RIGS}
    here = install(world=World(catalog_of(own), projects=1, scale=0.2), config={"streams": own})

    told = {line.stream: (line.verdict, line.error, line.requests) for line in here.run(*own).scopes}

    room = "2059 columns, and a table has room for 2000; declare fewer fields: what is not declared is kept in _extra"
    assert told["rigs"][0] == "complete"
    assert told["wide"] == ("failed", room, 0)
    assert told["bolts"] == ("failed", "the list of its parents, wide, could not be read", 0)
    checked = here.command("config", "check")
    assert (checked.returncode, checked.stderr.count("\n")) == (2, 1)
    assert f"config.json:1: streams.wide.fields: {room}" in checked.stderr


def test_a_stream_whose_table_has_another_key_fails_alone(install: Install) -> None:
    world = World(catalog_of({"crane_inspections": CRANES, "rigs": RIGS}), projects=1, scale=0.2)
    here = install(world=world, config={"streams": {"crane_inspections": CRANES, "rigs": RIGS}})
    here.run("crane_inspections")
    here.config["streams"]["crane_inspections"] = {**CRANES, "primary_key": ["project_id", "id"]}

    told = {line.stream: (line.verdict, line.error) for line in here.run("crane_inspections", "rigs").scopes}

    assert told["rigs"] == ("complete", None)
    verdict, error = told["crane_inspections"]
    assert (verdict, "name the stream otherwise, or drop the table" in str(error)) == ("failed", True)


@pytest.mark.parametrize("name", ['x"; DROP TABLE rfis; --', "a b", "_runs", "sqlite_master", "Rfis", "x'y"])
def test_a_table_name_that_could_be_anything_else_is_refused(install: Install, name: str) -> None:
    here = install(projects=1, config={"streams": {name: CRANES}})

    with pytest.raises(ConfigurationError):
        here.run("rfis")

    assert list(here.simulator.requests) == []


def test_the_day_of_a_stream_that_is_read_by_date_cannot_be_left_out() -> None:
    found = findings({"notes_logs": options(exclude_fields=["comment", "date"]), "rfis": options(exclude_fields=["x"])})

    assert [path for path, _ in found] == [("streams", "notes_logs", "exclude_fields")]
