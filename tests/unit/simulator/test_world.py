"""The data of the simulated Procore, before any socket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from procore_simulator.bulk import BulkWorld
from procore_simulator.changes import change
from procore_simulator.clocks import SteppedClock
from procore_simulator.draw import SIGNATURE
from procore_simulator.world import World
from support.cases import for_each_case
from support.clock import ManualClock
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import FieldType, ScopeKind, StreamSpec, SyncMode, columns

TYPES: dict[FieldType, tuple[type, ...]] = {
    FieldType.INTEGER: (int,),
    FieldType.STRING: (str,),
    FieldType.BOOLEAN: (bool,),
    FieldType.DATE: (str,),
    FieldType.DATETIME: (str,),
    FieldType.DECIMAL: (str, int, float),
    FieldType.OBJECT: (dict,),
    FieldType.ARRAY: (list,),
}


@pytest.fixture
def world() -> World:
    return World(projects=3, clock=ManualClock())


def contents(world: World, streams: Iterator[str] | list[str]) -> dict[str, bytes]:
    return {name: msgspec.json.encode(world.records(name)) for name in streams}


def named_ids(value: Any, name: str) -> Iterator[int]:
    """Yield every id of an object under `name`, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == name and isinstance(inner, dict) and "id" in inner:
                yield inner["id"]
            yield from named_ids(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from named_ids(inner, name)


def test_the_same_seed_makes_the_same_bytes_in_any_order_of_reading() -> None:
    forwards = contents(World(projects=2, seed=7, clock=ManualClock()), list(STREAMS))
    backwards = contents(World(projects=2, seed=7, clock=ManualClock()), list(STREAMS)[::-1])

    assert forwards == backwards


def test_another_seed_makes_other_data() -> None:
    one, other = (contents(World(projects=1, seed=seed, clock=ManualClock()), ["rfis"]) for seed in (1, 2))

    assert one != other


def test_a_larger_world_holds_the_projects_of_a_smaller_one() -> None:
    small, large = (World(projects=count, clock=ManualClock()) for count in (1, 4))

    assert large.records("rfis", project_id=large.project_ids[0]) == small.records("rfis")


@for_each_case(STREAMS)
def test_every_stream_has_records_with_all_declared_fields_of_their_types(spec: StreamSpec, world: World) -> None:
    records = [truth.record for truth in world.records(spec.name)]

    assert records
    for record in records:
        assert set(spec.fields) <= set(record)
        for field, type_ in spec.fields.items():
            assert record[field] is None or isinstance(record[field], TYPES[type_]), (field, record[field])


@for_each_case(STREAMS)
def test_keys_are_distinct(spec: StreamSpec, world: World) -> None:
    parent = spec.parent.param if spec.parent else ""
    keys = Counter(
        tuple({**it.record, **it._asdict(), parent: it.parent_id}.get(key) for key in spec.primary_key + spec.row_key)
        for it in world.records(spec.name)
    )

    assert keys.most_common(1)[0][1] == 1


def signed_paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of signed URLs in a record, in the catalog's notation."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from signed_paths(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from signed_paths(inner, f"{path}[*]")
    elif isinstance(value, str) and SIGNATURE in value:
        yield path


@for_each_case(STREAMS)
def test_every_signed_address_is_declared_volatile(spec: StreamSpec, world: World) -> None:
    signed = {path for it in world.records(spec.name) for path in signed_paths(it.record)}

    assert signed <= set(spec.volatile), "add them to the stream's `volatile`"


def test_nothing_was_changed_after_the_world_began(world: World) -> None:
    began = world.founded_at.strftime("%Y-%m-%dT%H:%M:%SZ")

    for name in STREAMS:
        for truth in world.records(name):
            assert (truth.record.get("created_at") or "") <= (truth.record.get("updated_at") or began) <= began


def test_people_named_in_records_are_in_the_directory(world: World) -> None:
    known = {it.record["id"] for name in ("company_users", "company_users_inactive") for it in world.records(name)}
    named = {
        person
        for stream in ("rfis", "punch_items", "manpower_logs", "submittals")
        for it in world.records(stream)
        for name in ("ball_in_court", "created_by", "assignee", "user", "login_information")
        for person in named_ids(it.record, name)
    }

    assert named
    assert named <= known


def test_vendors_named_in_records_are_in_the_directory(world: World) -> None:
    known = {it.record["id"] for name in ("vendors", "vendors_inactive") for it in world.records(name)}
    named = {
        vendor
        for stream in ("rfis", "manpower_logs", "work_order_contracts")
        for it in world.records(stream)
        for name in ("vendor", "responsible_contractor")
        for vendor in named_ids(it.record, name)
    }

    assert named
    assert named <= known


@pytest.mark.parametrize(
    ("stream", "field", "lists"),
    [
        ("projects", "project_stage", "project_stages"),
        ("projects", "project_type", "project_types"),
        ("projects", "project_region", "project_regions"),
        ("projects", "project_owner_type", "project_owner_types"),
        ("company_users", "permission_template", "permission_templates"),
        ("submittals", "status", "submittal_statuses"),
        ("punch_items", "punch_item_type", "punch_item_types"),
        ("work_order_contract_line_items", "line_item_type", "line_item_types"),
    ],
)
def test_records_refer_to_entries_of_the_companys_lists(world: World, stream: str, field: str, lists: str) -> None:
    choices = {(it.record["id"], it.record["name"]) for it in world.records(lists)}

    chosen = {(it.record[field]["id"], it.record[field]["name"]) for it in world.records(stream)}

    assert chosen
    assert chosen <= choices


def test_machines_on_site_are_the_companys(world: World) -> None:
    machines = {it.record["id"] for it in world.records("company_equipment")}

    assert {it.record["id"] for it in world.records("project_equipment")} <= machines


def test_line_items_add_up_to_their_contract(world: World) -> None:
    totals: dict[Any, Decimal] = {}
    for it in world.records("work_order_contract_line_items"):
        totals[it.parent_id] = totals.get(it.parent_id, Decimal(0)) + Decimal(it.record["amount"])

    assert totals == {
        it.record["id"]: Decimal(it.record["grand_total"]) for it in world.records("work_order_contracts")
    }


def test_inactive_people_are_in_their_own_list_only(world: World) -> None:
    active, inactive = (world.records(name) for name in ("company_users", "company_users_inactive"))

    assert {it.record["is_active"] for it in active} == {True}
    assert {it.record["is_active"] for it in inactive} == {False}


def test_someone_who_leaves_moves_to_the_inactive_list(world: World) -> None:
    person_id = world.records("company_users")[0].record["id"]

    world.update("company_users", person_id, {"is_active": False})

    assert person_id not in {it.record["id"] for it in world.records("company_users")}
    assert person_id in {it.record["id"] for it in world.records("company_users_inactive")}


def test_data_has_what_real_data_has(world: World) -> None:
    rfis = [it.record for it in world.records("rfis")]
    rows = [it.record for it in world.records("budget_view_detail_rows")]

    assert max(it.record["id"] for it in world.records("projects")) > 2**32
    assert any(not name.isascii() for it in world.records("company_users") for name in [it.record["name"]])
    assert any(rfi["custom_fields"] for rfi in rfis)
    assert {rfi["prefix"] for rfi in rfis} == {""}
    assert any(row["id"] is None for row in rows)
    assert all("Projected Costs" in row for row in rows)
    assert {type(it.record["schedule_id"]) for it in world.records("schedules")} == {str}


def test_a_stream_without_a_story_is_filled_in_by_names_and_types() -> None:
    spec = StreamSpec(
        name="crane_inspections",
        tool="Field",
        path="/rest/v1.0/projects/{project_id}/crane_inspections",
        scope=ScopeKind.PROJECT,
        primary_key=("id",),
        fields=columns(
            integer="id hook_count", string="title", decimal="load_amount", date="due_date", object="created_by"
        ),
        mode=SyncMode.FULL_REFRESH,
    )
    world = World({spec.name: spec}, projects=1, clock=ManualClock())

    record = world.records(spec.name)[0].record

    assert isinstance(record["id"], int)
    assert record["created_by"]["login"].endswith(".example")


def test_an_update_reaches_inside_and_moves_updated_at() -> None:
    clock = ManualClock()
    world = World(projects=1, clock=clock)
    rfi_id = world.records("rfis")[0].record["id"]
    clock.advance(60)

    rfi = world.update("rfis", rfi_id, {"questions.0.body": "Why?", "assignee.name": "Nobody"})

    assert rfi["questions"][0]["body"] == "Why?"
    assert rfi["assignee"]["name"] == "Nobody"
    assert rfi["updated_at"] == "2026-03-02T06:01:00Z"


def test_a_deleted_record_is_marked_but_its_updated_at_stays(world: World) -> None:
    before = dict(world.records("rfis")[0].record)

    world.delete("rfis", before["id"])

    after = world.find("rfis", before["id"])
    assert after["deleted_at"] is not None
    assert after["updated_at"] == before["updated_at"]
    assert before["id"] not in {it.record["id"] for it in world.records("rfis")}
    world.restore("rfis", before["id"])
    assert world.find("rfis", before["id"])["deleted_at"] is None


def test_a_moved_record_is_in_the_other_project_alone(world: World) -> None:
    first, second, _ = world.project_ids
    rfi_id = world.records("rfis", project_id=first)[0].record["id"]

    world.move("rfis", rfi_id, second)

    assert [it.project_id for it in world.records("rfis") if it.record["id"] == rfi_id] == [second]


def test_an_insert_after_a_move_gets_an_id_of_its_own(world: World) -> None:
    first, second, _ = world.project_ids
    world.move("rfis", world.records("rfis", project_id=first)[0].record["id"], second)

    for project in (first, second):
        world.insert("rfis", project_id=project)

    ids = [it.record["id"] for it in world.records("rfis")]
    assert len(set(ids)) == len(ids)


def test_an_insert_gets_an_id_of_its_own_and_the_present_time() -> None:
    clock = ManualClock()
    world = World(projects=1, clock=clock)
    known = {it.record["id"] for it in world.records("rfis")}
    clock.advance(120)

    rfi = world.insert("rfis", {"subject": "Added"}, project_id=world.project_ids[0])

    assert rfi["id"] not in known
    assert rfi["subject"] == "Added"
    assert rfi["created_at"] == rfi["updated_at"] == "2026-03-02T06:02:00Z"


def test_an_insert_into_a_list_that_is_not_there_is_refused(world: World) -> None:
    with pytest.raises(KeyError, match="rfis has no list"):
        world.insert("rfis", project_id=1)


def test_a_new_project_has_data_of_its_own(world: World) -> None:
    project_id = world.add_project()

    assert project_id in {it.record["id"] for it in world.records("projects")}
    assert world.records("rfis", project_id=project_id)


def test_the_same_step_of_a_world_makes_the_same_changes() -> None:
    worlds = [World(projects=2, clock=ManualClock()) for _ in range(2)]

    batches = [change(world, 3) for world in worlds]

    assert batches[0] == batches[1]
    assert contents(worlds[0], list(STREAMS)) == contents(worlds[1], list(STREAMS))
    assert {it.kind for it in batches[0]} == {"inserted", "updated", "deleted"}


def test_every_change_is_told_and_nothing_else_changes() -> None:
    clock = ManualClock()
    world = World(projects=2, clock=clock)
    before = {name: {msgspec.json.encode(it.record) for it in world.records(name, deleted=True)} for name in STREAMS}
    clock.advance(3_600)

    told = Counter(it.stream for it in change(world))

    changed = {
        name: len({msgspec.json.encode(it.record) for it in world.records(name, deleted=True)} - before[name])
        for name in STREAMS
    }
    without_deletes = {name: count for name, count in changed.items() if count and name != "photos"}
    assert without_deletes == {name: count for name, count in told.items() if name != "photos"}


def test_an_inserted_record_has_no_nested_records_yet() -> None:
    clock = ManualClock()
    world = World(projects=2, clock=clock)
    clock.advance(3_600)

    contract = world.insert("work_order_contracts")

    parents = {it.parent_id for it in world.records("work_order_contract_line_items")}
    assert parents
    assert contract["id"] not in parents


def test_changed_records_carry_the_time_of_the_change() -> None:
    clock = ManualClock()
    world = World(projects=2, clock=clock)
    clock.advance(3_600)

    updated = [it for it in change(world) if it.kind == "updated" and it.stream == "rfis"]

    assert updated
    for it in updated:
        assert it.id is not None
        assert world.find("rfis", it.id)["updated_at"] == "2026-03-02T07:00:00Z"


def test_a_bulk_world_holds_so_many_distinct_records_of_such_a_size() -> None:
    world = BulkWorld("rfis", 1_000, record_bytes=2_500, clock=ManualClock())

    records = [it.record for it in world.records("rfis")]

    assert len({record["id"] for record in records}) == 1_000
    assert {len(msgspec.json.encode(record)) // 100 for record in records} <= {24, 25}


def test_a_bulk_world_changes_a_share_of_its_records() -> None:
    clock = ManualClock()
    world = BulkWorld("rfis", 500, clock=clock)
    before = {it.record["id"]: msgspec.json.encode(it.record) for it in world.records("rfis")}
    clock.advance(60)

    assert world.revise(0.02) == 10
    after = [it.record for it in world.records("rfis")]
    changed = [record for record in after if msgspec.json.encode(record) != before[record["id"]]]
    assert len(changed) == 10
    assert {record["updated_at"] for record in changed} == {"2026-03-02T06:01:00Z"}


def test_a_record_of_a_bulk_world_can_be_edited_like_any_other() -> None:
    world = BulkWorld("rfis", 50, clock=ManualClock())
    rfi_id = world.records("rfis")[7].record["id"]

    world.update("rfis", rfi_id, {"subject": "By hand"})

    assert world.find("rfis", rfi_id)["subject"] == "By hand"


def test_a_stepped_clock_runs_at_its_rate_from_its_start() -> None:
    machine = ManualClock()
    clock = SteppedClock(rate=60, clock=machine)
    start = clock.now()

    machine.advance(2)
    clock.advance(5)

    assert clock.now() - start == timedelta(seconds=125)
