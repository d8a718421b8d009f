"""Whatever the fields of a stream are called, its rows are those that a dict of them would hold."""

from __future__ import annotations

import json
import string
import tempfile
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_worker.catalog.spec import Cursor, FieldType, Parent, ScopeKind, StreamSpec
from sync_worker.destination.protocol import Extent, Parameter, Transaction, columns_of
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.model import Key

OF_JSON_EACH = ("key", "value", "type", "atom", "id", "parent", "path", "fullkey", "json", "root")
OF_OUR_OWN_SQL = ("noted", "given", "known", "excluded", "target", "at", "into", "keys", "scope_0", "first", "last")
OF_SQLITE = ("rowid", "_rowid_", "oid", "select", "table", "order", "null", "date", "current_date", "true", "abort", "")
ODD = (
    "a b",
    "a-b",
    "a.b",
    "a:b",
    ":a",
    "@a",
    "$a",
    "?1",
    "1",
    "'",
    '"',
    '""',
    "`",
    "[a]",
    "a]",
    "é",
    "ß",
    "名",
    "%",
    "x\ny",
)
NASTY = (*OF_JSON_EACH, *OF_OUR_OWN_SQL, *OF_SQLITE, *ODD)
TABLES = ("excluded", "known", "given", "target", "main", "temp", "old", "new", "order", "json_x")
OURS = {"company_id", "project_id", "_run_id", "_loaded_at", "_deleted_at", "_row_hash", "_extra"}
AT = "2026-03-02T06:00:00Z"
TYPES = (FieldType.INTEGER, FieldType.STRING)

Row = dict[str, Parameter]

names = st.one_of(st.sampled_from(NASTY), st.text(string.printable.replace("\\", ""), min_size=1, max_size=4))


class Given(NamedTuple):
    spec: StreamSpec
    day: str
    rows: dict[Key, Row]
    seen: list[Key]
    approved: list[Key]


@st.composite
def streams(draw: st.DrawFn) -> Given:
    found = draw(st.lists(names, min_size=5, max_size=8, unique_by=str.lower).filter(lambda it: not OURS & {*it}))
    *plain, day, cursor, param = found
    key = tuple(draw(st.permutations(plain))[: draw(st.integers(1, len(plain)))])
    if draw(st.booleans()):
        key = ("project_id", *key)
    fields = {name: draw(st.sampled_from(TYPES)) for name in plain}
    fields |= {day: FieldType.DATE, cursor: FieldType.DATETIME}
    spec = StreamSpec(
        name=draw(st.sampled_from(TABLES)),
        tool="",
        path="/rest/v1.0/projects/{project_id}/odd",
        scope=ScopeKind.PROJECT,
        primary_key=key,
        fields=fields,
        parent=Parent("rfis", param),
        cursor=Cursor(field=cursor),
    )
    rows: dict[Key, Row] = {}
    for number in range(draw(st.integers(0, 12))):
        row: Row = dict.fromkeys(columns_of(spec))
        for name, type_ in spec.columns.items():
            text = draw(st.sampled_from(["", "1", "2", "key", "a b"]))
            row[name] = draw(st.integers(0, 2)) if type_ is FieldType.INTEGER else text
        row |= {"company_id": 1, "project_id": draw(st.integers(7, 8)), day: f"2026-03-0{draw(st.integers(1, 4))}"}
        row |= {"_run_id": draw(st.sampled_from(["run-1", "run-2"])), "_loaded_at": AT, "_row_hash": f"h{number % 3}"}
        row["_deleted_at"] = draw(st.sampled_from([None, None, AT]))
        rows[tuple(row[name] for name in key)] = row  # type: ignore[misc]
    known = st.sampled_from(sorted(rows, key=json.dumps)) if rows else st.nothing()
    some = st.lists(known, max_size=6, unique=True) if rows else st.just([])
    return Given(spec, day, rows, draw(some), draw(some))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(streams())
def test_a_streams_rows_are_those_of_a_dict_whatever_its_fields_are_called(found: Given) -> None:
    spec = found.spec
    with tempfile.TemporaryDirectory() as folder:
        destination = SqliteDestination(Path(folder) / "procore.db")
        destination.open(holder="the contract suite")
        try:
            assert not destination.prepare([spec])
            with destination.transaction() as transaction:
                for first in (True, False):
                    # A row that is replaced has nothing of the one before.
                    rows = [
                        row if not first else row | {"_row_hash": "old", found.day: None} for row in found.rows.values()
                    ]
                    transaction.merge(spec, [[row[name] for name in columns_of(spec)] for row in rows])
                holds_the_same_rows(transaction, found)
                holds_the_same_sets(transaction, found)
                marks_the_same_rows(transaction, found)
        finally:
            destination.close()


def holds_the_same_rows(transaction: Transaction, found: Given) -> None:
    spec, rows = found.spec, found.rows
    asked = dict.fromkeys(rows, "h1") or {tuple("0" for _ in spec.primary_key): "h1"}
    alive = {key for key, row in rows.items() if row["_deleted_at"] is None}
    assert transaction.unchanged(spec, asked) == {key for key in alive if rows[key]["_row_hash"] == "h1"}
    known = transaction.stored(spec, list(rows))
    assert {key: it[:4] for key, it in known.items()} == {
        key: (row["_row_hash"], row["_run_id"], row[spec.cursor_field or ""], key not in alive)
        for key, row in rows.items()
    }
    wanted = [*spec.columns, "_deleted_at"]
    here = [[row[name] for name in wanted] for key, row in rows.items() if key in alive and row["project_id"] == 7]
    values = transaction.live_values(spec, wanted, {"company_id": 1, "project_id": 7})
    assert sorted(map(repr, map(list, values))) == sorted(map(repr, here))
    assert transaction.live_count(spec.name, {"project_id": 7}) == len(here)
    assert transaction.live_count(spec.name) == len(alive)
    for name in spec.columns:
        counts: dict[tuple[Parameter, ...], int] = {}
        for key in alive:
            if "2026-03-02" <= str(rows[key][found.day]) <= "2026-03-03":
                counts[(rows[key][name],)] = counts.get((rows[key][name],), 0) + 1
        assert transaction.live_counts(spec, [name], (found.day, "2026-03-02", "2026-03-03")) == counts


def holds_the_same_sets(transaction: Transaction, found: Given) -> None:
    spec, rows = found.spec, found.rows
    param = spec.parent.param if spec.parent else ""
    assert transaction.key_sets.add(spec, 1, found.seen) == len(found.seen)
    assert transaction.key_sets.add(spec, 1, found.seen) == 0
    assert transaction.key_sets.add(spec, 2, found.approved) == len(found.approved)
    assert sorted(map(json.dumps, transaction.key_sets.read(spec, 1))) == sorted(map(json.dumps, found.seen))
    assert transaction.key_sets.intersection(spec, 1, list(rows)) == set(found.seen)
    transaction.key_sets.add_values(spec, param, 3, [1])
    of_parents = Extent({"project_id": 7}, parents=(param, 3))
    of_days = Extent({"company_id": 1}, days=(found.day, "2026-03-01", "2026-03-02"))
    for number, extent in enumerate([Extent({"company_id": 1, "project_id": 8}), of_parents, of_days]):
        for reported in (None, 2):
            into = 10 + 2 * number + (reported is None)
            gone = {key for key, row in rows.items() if _is_within(row, extent) and key not in found.seen}
            gone &= gone if reported is None else set(found.approved)
            assert transaction.key_sets.add_missing(spec, extent, into, seen=1, reported=reported) == len(gone)
            assert set(transaction.key_sets.read(spec, into)) == gone
    transaction.key_sets.add_deleted(spec, param, {"project_id": 7}, 30)
    dead = {row[param] for row in rows.values() if row["_deleted_at"] is not None and row["project_id"] == 7}
    found_dead = transaction.execute("SELECT key FROM _key_sets WHERE key_set = 30")
    assert {key for (key,) in found_dead} == dead


def _is_within(row: Row, extent: Extent) -> bool:
    if row["_deleted_at"] is not None or any(row[name] != value for name, value in extent.scope.items()):
        return False
    if extent.parents is not None and row[extent.parents[0]] != 1:
        return False
    return extent.days is None or extent.days[1] <= str(row[extent.days[0]]) <= extent.days[2]


def marks_the_same_rows(transaction: Transaction, found: Given) -> None:
    spec, rows = found.spec, found.rows
    gone = {key for key in found.seen if rows[key]["_deleted_at"] is None and rows[key]["project_id"] == 7}
    assert transaction.mark_deleted(spec, {"project_id": 7}, 1, at="2026-04-01T00:00:00Z", run_id="run-9") == len(gone)
    marked = {key for key, it in transaction.stored(spec, list(rows)).items() if it.run_id == "run-9" and it.is_deleted}
    assert marked == gone
    transaction.key_sets.drop(1, 2)
    assert transaction.key_sets.read(spec, 1) == transaction.key_sets.read(spec, 2) == []
