"""What every destination is held to; a new one is added to the `destination` fixture and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import FieldType, ScopeKind, StreamSpec
from sync_worker.destination.protocol import Destination, Stored, columns_of
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.errors import DestinationError
from sync_worker.model import Key

VENDORS = STREAMS["vendors"]
BUDGET_ROWS = STREAMS["budget_view_detail_rows"]
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


def stored(destination: Destination, spec: StreamSpec, *keys: Key) -> dict[Key, Stored]:
    with destination.reader() as view:
        return view.stored(spec, keys)


def test_rows_are_found_again_by_their_keys(destination: Destination) -> None:
    destination.prepare([VENDORS])
    with destination.transaction() as transaction:
        transaction.merge(VENDORS, [row(VENDORS, company_id=4, id=5, updated_at="2026-03-01T00:00:00Z")])
    found = stored(destination, VENDORS, (4, 5), (4, 6))
    assert list(found) == [(4, 5)]
    assert found[4, 5][:4] == ("h1", "run-1", "2026-03-01T00:00:00Z", False)


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
            transaction.note_keys(1, [(4, 5)])
            transaction.execute("SELECT * FROM no_such_table")

    with pytest.raises(DestinationError):
        store_and_fail()
    assert stored(destination, VENDORS, (4, 5)) == {}
    with destination.transaction() as transaction:
        assert transaction.noted_keys(1) == []


def test_keys_seen_are_counted_once_and_apart_for_each_sweep(destination: Destination) -> None:
    with destination.transaction() as transaction:
        assert transaction.note_keys(1, [(5,), (6,)]) == 2
        assert transaction.note_keys(1, [(6,), (7,)]) == 1
        assert (
            transaction.note_keys(
                2,
                [
                    (6,),
                ],
            )
            == 1
        )
        assert sorted(transaction.noted_keys(1)) == [(5,), (6,), (7,)]
        transaction.forget_keys(1)
        assert transaction.noted_keys(1) == []
        assert transaction.noted_keys(2) == [(6,)]


@pytest.mark.parametrize("key", [("text",), (4, 5), (70, "1:2"), ("[1]", 2)])
def test_keys_seen_come_back_as_they_were(destination: Destination, key: Key) -> None:
    with destination.transaction() as transaction:
        transaction.note_keys(1, [key])
        assert transaction.noted_keys(1) == [key]
        other = (*key[:-1], 9)
        assert (transaction.noted(1, [key, other]), transaction.noted(2, [key])) == ({key}, set())


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
