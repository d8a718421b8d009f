"""What every destination is held to; a new one is added to the `destination` fixture and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import FieldType, ScopeKind, StreamSpec
from sync_worker.destination.protocol import Destination, Extent, StoredRow, columns_of
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.errors import DestinationError
from sync_worker.model import Key

VENDORS = STREAMS["vendors"]
BUDGET_ROWS = STREAMS["budget_view_detail_rows"]
RFIS = STREAMS["rfis"]
LINES = STREAMS["purchase_order_contract_line_items"]
CONTRACTS = STREAMS["purchase_order_contracts"]
HOSTILE = StreamSpec(
    name='odd "table"; --',
    tool="",
    path="/rest/v1.0/odd",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields={"id": FieldType.INTEGER, 'a "quoted" [name]': FieldType.STRING, "select": FieldType.STRING},
)


@pytest.fixture(params=["sqlite"])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Destination]:
    assert request.param == "sqlite"
    opened = SqliteDestination(tmp_path / "procore.db")
    opened.open(holder="the contract suite")
    yield opened
    opened.close()


def row(spec: StreamSpec, **values: int | str | None) -> list[int | str | None]:
    known: dict[str, int | str | None] = {"_run_id": "run-1", "_loaded_at": "2026-03-02T06:00:00Z", "_row_hash": "h1"}
    return [(known | values).get(name) for name in columns_of(spec)]


def stored(destination: Destination, spec: StreamSpec, *keys: Key) -> dict[Key, StoredRow]:
    with destination.reader() as view:
        return view.stored(spec, keys)


def test_rows_are_found_again_by_their_keys(destination: Destination) -> None:
    destination.prepare([VENDORS])
    with destination.transaction() as transaction:
        transaction.merge(VENDORS, [row(VENDORS, company_id=4, id=5, updated_at="2026-03-01T00:00:00Z")])
    found = stored(destination, VENDORS, (4, 5), (4, 6))
    assert list(found) == [(4, 5)]
    assert found[4, 5][:4] == ("h1", "run-1", "2026-03-01T00:00:00Z", False)


def test_a_row_gets_another_hash_and_stays_as_it_is_otherwise(destination: Destination) -> None:
    destination.prepare([BUDGET_ROWS])
    keys: list[Key] = [(70, 3, "1:2"), (70, 3, "12")]
    with destination.transaction() as transaction:
        rows = [row(BUDGET_ROWS, project_id=p, budget_view_id=v, _row_key=k, cost_code=k) for p, v, k in keys]
        transaction.merge(BUDGET_ROWS, rows)
        before = transaction.rows(BUDGET_ROWS, keys)
        transaction.rehash(BUDGET_ROWS, {keys[1]: "h2"})
        after = transaction.rows(BUDGET_ROWS, keys)
        known = transaction.stored(BUDGET_ROWS, keys)
    assert before == after
    place = list(BUDGET_ROWS.columns).index("cost_code")
    assert {key: values[place] for key, values in after.items()} == {keys[0]: "1:2", keys[1]: "12"}
    assert [known[key].row_hash for key in keys] == ["h1", "h2"]


def test_what_the_types_had_no_room_for_is_read_of_the_rows_that_came_last(destination: Destination) -> None:
    destination.prepare([HOSTILE])
    with destination.transaction() as transaction:
        for key in (3, 1, 2):
            transaction.merge(
                HOSTILE, [row(HOSTILE, company_id=4, id=key, _extra=None if key == 3 else f'{{"a":{key}}}')]
            )
        assert transaction.newest_extras(HOSTILE.name, 2) == [None, '{"a":2}']


def test_keys_of_several_columns_and_types_are_told_apart(destination: Destination) -> None:
    destination.prepare([BUDGET_ROWS])
    keys: list[Key] = [(70, 3, "1:2"), (70, 3, "12"), (71, 3, "12")]
    with destination.transaction() as transaction:
        transaction.merge(
            BUDGET_ROWS,
            [row(BUDGET_ROWS, project_id=p, budget_view_id=v, _row_key=k, _row_hash=str(k)) for p, v, k in keys],
        )
    assert {key: known.row_hash for key, known in stored(destination, BUDGET_ROWS, *keys).items()} == {
        (70, 3, "1:2"): "1:2",
        (70, 3, "12"): "12",
        (71, 3, "12"): "12",
    }


@pytest.mark.parametrize(
    ("spec", "names", "key"),
    [
        (STREAMS["rfis"], ("id",), (9007199254740993,)),
        (STREAMS["schedules"], ("schedule_id",), ('é "quoted" \\ 01',)),
        (VENDORS, ("company_id", "id"), (4, 5)),
        (BUDGET_ROWS, ("project_id", "budget_view_id", "_row_key"), (70, 3, '1:"é":')),
    ],
)
def test_a_row_is_unchanged_when_it_lives_with_the_same_hash(
    destination: Destination, spec: StreamSpec, names: tuple[str, ...], key: Key
) -> None:
    destination.prepare([spec])
    given = dict(zip(names, key, strict=True))
    other: Key = tuple(part + 1 if isinstance(part, int) else f"{part}1" for part in key)
    with destination.transaction() as transaction:
        assert transaction.unchanged(spec, {key: "h1"}) == set()
        transaction.merge(spec, [row(spec, **given)])
        assert transaction.unchanged(spec, {key: "h1", other: "h1"}) == {key}
        assert transaction.unchanged(spec, {key: "h2"}) == set()
        transaction.merge(spec, [row(spec, **given, _deleted_at="2026-03-02T06:00:00Z")])
        assert transaction.unchanged(spec, {key: "h1"}) == set()


def test_many_rows_are_merged_and_found_as_few_are(destination: Destination) -> None:
    destination.prepare([VENDORS])
    with destination.transaction() as transaction:
        transaction.merge(VENDORS, [row(VENDORS, company_id=4, id=number, name=f"n{number}") for number in range(100)])
    with destination.reader() as view:
        found = view.live_values(VENDORS, ["id", "name"], {"company_id": 4})
    assert found == [(number, f"n{number}") for number in range(100)]


def test_merging_a_key_again_replaces_the_whole_row(destination: Destination) -> None:
    destination.prepare([VENDORS])
    with destination.transaction() as transaction:
        transaction.merge(VENDORS, [row(VENDORS, company_id=4, id=5, name="Before", notes="old")])
        transaction.merge(VENDORS, [row(VENDORS, company_id=4, id=5, name="After")])
    with destination.reader() as view:
        assert view.live_values(VENDORS, ["name", "notes"], {"company_id": 4}) == [("After", None)]


def test_deleted_rows_are_not_among_the_living(destination: Destination) -> None:
    destination.prepare([VENDORS])
    with destination.transaction() as transaction:
        transaction.merge(
            VENDORS,
            [row(VENDORS, company_id=4, id=5), row(VENDORS, company_id=4, id=6, _deleted_at="2026-03-02T06:00:00Z")],
        )
    with destination.reader() as view:
        assert view.live_values(VENDORS, ["id"], {"company_id": 4}) == [(5,)]
    assert stored(destination, VENDORS, (4, 6))[4, 6].is_deleted


def test_what_fails_inside_a_transaction_is_stored_in_no_part(destination: Destination) -> None:
    destination.prepare([VENDORS])

    def store_and_fail() -> None:
        with destination.transaction() as transaction:
            transaction.merge(VENDORS, [row(VENDORS, company_id=4, id=5)])
            transaction.key_sets.add(VENDORS, 1, [(4, 5)])
            transaction.execute("SELECT * FROM no_such_table")

    with pytest.raises(DestinationError):
        store_and_fail()
    assert stored(destination, VENDORS, (4, 5)) == {}
    with destination.transaction() as transaction:
        assert transaction.key_sets.read(VENDORS, 1) == []


def test_keys_seen_are_counted_once_and_apart_for_each_sweep(destination: Destination) -> None:
    with destination.transaction() as transaction:
        assert transaction.key_sets.add(RFIS, 1, [(5,), (6,)]) == 2
        assert transaction.key_sets.add(RFIS, 1, [(6,), (7,)]) == 1
        assert transaction.key_sets.add(RFIS, 2, [(6,)]) == 1
        assert transaction.key_sets.add(RFIS, 3, [(6,)]) == 1
        assert sorted(transaction.key_sets.read(RFIS, 1)) == [(5,), (6,), (7,)]
        transaction.key_sets.drop(1, 3)
        assert transaction.key_sets.read(RFIS, 1) == transaction.key_sets.read(RFIS, 3) == []
        assert transaction.key_sets.read(RFIS, 2) == [(6,)]


KEYS: list[tuple[StreamSpec, Key]] = [
    (RFIS, (9007199254740993,)),
    (STREAMS["schedules"], ("[1]",)),
    (STREAMS["schedules"], ('é "quoted" \\ 01\n\x01\x7f\U0001f3d7',)),
    (VENDORS, (4, 5)),
    (STREAMS["documents"], ('[1] é "q" \\ \n\U0001f3d7', 2)),
    (BUDGET_ROWS, (70, 3, '1:"é":')),
    (BUDGET_ROWS, (70, 3, "12")),
]


@pytest.mark.parametrize(("spec", "key"), KEYS)
def test_keys_seen_come_back_as_they_were(destination: Destination, spec: StreamSpec, key: Key) -> None:
    with destination.transaction() as transaction:
        transaction.key_sets.add(spec, 1, [key])
        assert transaction.key_sets.read(spec, 1) == [key]
        other = (*key[:-1], 9 if isinstance(key[-1], int) else "9")
        assert (
            transaction.key_sets.intersection(spec, 1, [key, other]),
            transaction.key_sets.intersection(spec, 2, [key]),
        ) == ({key}, set())


@pytest.mark.parametrize(("spec", "key"), KEYS)
def test_a_row_whose_key_was_seen_is_never_among_the_missing(
    destination: Destination, spec: StreamSpec, key: Key
) -> None:
    destination.prepare([spec])
    given = dict(zip(spec.primary_key, key, strict=True))
    scope = {name: int(given.get(name, 4)) for name in ("company_id", "project_id") if name in spec.scope_columns}
    with destination.transaction() as transaction:
        transaction.merge(spec, [row(spec, **scope | given)])
        transaction.key_sets.add(spec, 1, [key])
        assert transaction.key_sets.add_missing(spec, Extent(scope), 2, seen=1) == 0
        assert transaction.key_sets.add_missing(spec, Extent(scope), 3, seen=9) == 1
        assert transaction.key_sets.read(spec, 3) == [key]
        assert transaction.mark_deleted(spec, scope, 1, at="2026-03-03T00:00:00Z", run_id="run-2") == 1
        assert transaction.mark_deleted(spec, scope, 1, at="2026-03-04T00:00:00Z", run_id="run-3") == 0
    assert (stored(destination, spec, key)[key].run_id, stored(destination, spec, key)[key].is_deleted) == (
        "run-2",
        True,
    )


def test_what_lives_within_an_extent_is_told_from_the_rest(destination: Destination) -> None:
    destination.prepare([LINES, CONTRACTS])
    parent = LINES.parent.param if LINES.parent else ""
    with destination.transaction() as transaction:
        for line, contract, project in ((1, 50, 70), (2, 50, 70), (3, 51, 70), (4, 52, 70), (5, 50, 71)):
            transaction.merge(LINES, [row(LINES, id=line, company_id=4, project_id=project, **{parent: contract})])
        gone: dict[str, int | str | None] = {"company_id": 4, "project_id": 70, "_deleted_at": "2026-03-02T00:00:00Z"}
        transaction.merge(LINES, [row(LINES, id=6, **{parent: 50}, **gone)])
        transaction.merge(CONTRACTS, [row(CONTRACTS, id=52, **gone)])
        transaction.merge(CONTRACTS, [row(CONTRACTS, id=51, company_id=4, project_id=70)])
        here = {"company_id": 4, "project_id": 70}
        transaction.key_sets.add(LINES, 1, [(1,)])
        transaction.key_sets.add_values(LINES, parent, 2, [50])
        transaction.key_sets.add_deleted(CONTRACTS, "id", here, 2)

        assert transaction.key_sets.add_missing(LINES, Extent(here, parents=(parent, 2)), 3, seen=1) == 2
        assert sorted(transaction.key_sets.read(LINES, 3)) == [(2,), (4,)]
        assert transaction.key_sets.add_missing(LINES, Extent(here), 4, seen=1, reported=3) == 2
        assert transaction.live_count(LINES.name, here) == 4
        assert transaction.mark_deleted(LINES, here, 3, at="2026-03-03T00:00:00Z", run_id=None) == 2
        assert transaction.live_count(LINES.name, here) == 2
        assert transaction.live_count(LINES.name) == 3


def test_days_bound_an_extent_on_both_sides(destination: Destination) -> None:
    logs = STREAMS["notes_logs"]
    destination.prepare([logs])
    with destination.transaction() as transaction:
        for number, day in enumerate(("2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04", None)):
            transaction.merge(logs, [row(logs, id=number, company_id=4, project_id=70, date=day)])
        days = Extent({"company_id": 4, "project_id": 70}, days=("date", "2026-03-02", "2026-03-03"))
        assert transaction.key_sets.add_missing(logs, days, 1, seen=9) == 2
        assert sorted(transaction.key_sets.read(logs, 1)) == [(1,), (2,)]


def test_names_that_look_like_sql_are_only_names(destination: Destination) -> None:
    destination.prepare([HOSTILE])
    with destination.transaction() as transaction:
        transaction.merge(HOSTILE, [row(HOSTILE, id=1, company_id=4, select="'; DROP TABLE x; --")])
    with destination.reader() as view:
        assert view.live_values(HOSTILE, ["select"], {"company_id": 4}) == [("'; DROP TABLE x; --",)]


def test_a_table_gains_the_columns_it_lacks_and_keeps_its_rows(destination: Destination) -> None:
    before = StreamSpec(
        name="things",
        tool="",
        path="/things",
        scope=ScopeKind.ACCOUNT,
        primary_key=("id",),
        fields={"id": FieldType.INTEGER},
    )
    after = StreamSpec(
        name="things",
        tool="",
        path="/things",
        scope=ScopeKind.ACCOUNT,
        primary_key=("id",),
        fields={"id": FieldType.INTEGER, "title": FieldType.STRING},
    )
    destination.prepare([before])
    with destination.transaction() as transaction:
        transaction.merge(before, [row(before, id=1)])
    destination.prepare([after])
    with destination.reader() as view:
        assert view.live_values(after, ["id", "title"], {}) == [(1, None)]


def test_readers_see_what_is_committed_and_nothing_else(destination: Destination) -> None:
    destination.prepare([VENDORS])
    with destination.transaction() as transaction:
        transaction.merge(VENDORS, [row(VENDORS, company_id=4, id=5)])
        assert stored(destination, VENDORS, (4, 5)) == {}
    assert set(stored(destination, VENDORS, (4, 5))) == {(4, 5)}
