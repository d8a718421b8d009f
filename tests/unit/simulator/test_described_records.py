"""Records of the simulated Procore against what the description of the API says of every field."""

from __future__ import annotations

import pytest

from procore_simulator.changes import change
from procore_simulator.draw import Record
from procore_simulator.forms import Form
from procore_simulator.world import World
from support.cases import for_each_case
from support.clock import ManualClock
from support.described import DESCRIBED, violations
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import FieldType, StreamSpec


@pytest.fixture(scope="module")
def described() -> World:
    return World(projects=3, clock=ManualClock())


@pytest.fixture(scope="module")
def observed() -> World:
    return World(projects=3, clock=ManualClock(), form=Form.OBSERVED)


def records(world: World, stream: str) -> list[Record]:
    """Return the records of a stream, without the columns that companies define in their budget views."""
    shape = DESCRIBED[stream]
    is_open = stream == "budget_view_detail_rows"
    return [
        {name: value for name, value in it.record.items() if name in shape or not is_open}
        for it in world.records(stream)
    ]


def faults_of(world: World, stream: str) -> set[str]:
    """Return what the description does not allow; a stream without one has its own test."""
    if stream not in DESCRIBED:
        return set()
    return {fault for record in records(world, stream) for fault in violations(DESCRIBED[stream], record)}


@for_each_case(STREAMS)
def test_every_field_has_a_described_type_and_value(spec: StreamSpec, described: World) -> None:
    assert faults_of(described, spec.name) == set(), (
        "correct tests/data/described_fields.json, or the values in procore_simulator/stream_fields.py"
    )


def test_a_day_of_changes_and_another_seed_stay_within_the_description() -> None:
    clock = ManualClock()
    world = World(projects=2, seed=11, clock=clock)
    for _ in range(3):
        clock.advance(86_400)
        change(world)

    assert {name: found for name in STREAMS if (found := faults_of(world, name))} == {}


@for_each_case(STREAMS)
def test_both_forms_say_the_same(spec: StreamSpec, described: World, observed: World) -> None:
    """But for a UUID, which the description calls an integer."""
    for one, other in zip(described.records(spec.name), observed.records(spec.name), strict=True):
        assert one.record.keys() == other.record.keys()
        for name, value in one.record.items():
            seen = other.record[name]
            if value == seen or name == "user_uuid":
                continue
            type_ = spec.fields[name]
            if type_ is FieldType.DATE:
                assert seen == f"{value}T00:00:00Z"
            else:
                assert float(value) == float(seen)


def test_the_observed_form_has_sums_as_text_and_dates_as_instants(observed: World) -> None:
    bids = records(observed, "bids")
    events = records(observed, "change_events")
    due = [it["due_date"] for it in records(observed, "rfis") if it["due_date"]]

    assert {type(it["lump_sum_amount"]) for it in bids} == {str, type(None)}
    assert {type(it["number"]) for it in events} == {int}
    assert {len(it) for it in due} == {10, 20}
    assert {"bids", "work_logs", "tax_codes"} <= {name for name in STREAMS if faults_of(observed, name)}


def test_the_described_form_has_numbers_where_the_description_says_so(described: World) -> None:
    assert {type(it["lump_sum_amount"]) for it in records(described, "bids")} == {float, type(None)}
    assert {type(it["number"]) for it in records(described, "change_events")} == {str}
    assert {type(it["grand_total"]) for it in records(described, "work_order_contracts")} == {str}


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        ("integer", "7"),
        ("integer", True),
        ("number", "7.0"),
        ("string", 7),
        ("date", "2026-03-02T00:00:00Z"),
        ("datetime", "2026-03-02"),
        ("string enum(open|closed)", ""),
        ("array<string>", [7]),
        ("array<string> enum(hand|foot)", ["tail"]),
        ({"id": "integer"}, [1]),
        ({"id": "integer"}, {"id": 1, "invented": 2}),
        ([{"id": "integer"}], [{"id": "1"}]),
    ],
)
def test_what_is_not_described_is_noticed(shape: object, value: object) -> None:
    assert list(violations({"field": shape}, {"field": value}))
    assert not list(violations({"field": shape}, {"field": None}))


def test_every_stream_and_field_of_the_catalog_is_described() -> None:
    missing = {name: set(spec.fields) - set(DESCRIBED.get(name, ())) for name, spec in STREAMS.items()}
    undescribed = {name: fields for name, fields in missing.items() if fields}
    assert undescribed == {}, "add them to tests/data/described_fields.json (docs/adding-a-stream.md, step 5)"
