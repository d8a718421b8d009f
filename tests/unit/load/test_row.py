from __future__ import annotations

import json

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import FieldType
from sync_worker.load.fingerprint import Candidate, Fingerprint
from sync_worker.load.row import Row, RowMaker

RFIS = STREAMS["rfis"]
SCOPE = {"company_id": 4, "project_id": 70}


def row(text: str, stream: str = "rfis", excluded: frozenset[str] = frozenset()) -> tuple[dict[str, object], Row]:
    spec = STREAMS[stream]
    candidate = Fingerprint(spec, SCOPE).identify(msgspec.Raw(text.encode()))
    assert isinstance(candidate, Candidate)
    made = RowMaker(spec, SCOPE, excluded).row(candidate)
    return dict(zip(spec.columns, made.values, strict=True)), made


def test_fields_land_in_their_columns_and_the_scope_beside_them() -> None:
    values, made = row('{"id": 1, "subject": "Slab edge", "private": false, "questions": [{"id": 2}]}')
    assert values["id"] == 1
    assert (values["company_id"], values["project_id"]) == (4, 70)
    assert values["subject"] == "Slab edge"
    assert values["private"] is False
    assert values["questions"] == '[{"id": 2}]'
    assert values["due_date"] is None
    assert (made.extra, made.drift) == (None, [])


def test_what_the_types_have_no_room_for_is_kept_as_sent() -> None:
    values, made = row('{"id": 1, "due_date": "0000-00-00", "new": {"a": 1.10}, "location_id": 99999999999999999999}')
    assert values["due_date"] is None
    assert values["location_id"] is None
    assert made.extra == '{"location_id":99999999999999999999,"due_date":"0000-00-00","new":{"a": 1.10}}'
    assert {(drift.field, drift.kind) for drift in made.drift} == {
        ("due_date", "type_changed"),
        ("location_id", "type_changed"),
        ("new", "new_field"),
    }


@given(
    st.dictionaries(
        st.sampled_from([*RFIS.fields, "company_id", "project_id"]),
        st.none()
        | st.booleans()
        | st.integers(-(2**70), 2**70)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text()
        | st.sampled_from(
            ["2024-05-01", "2024-05-01T06:00:00Z", "2024-05-01T06:00:00.5+02:00", "2024-W05-1T06:00:00Z", "a\x00b"]
        )
        | st.dictionaries(st.text(), st.integers())
        | st.lists(st.integers()),
    ),
    st.sampled_from([frozenset[str](), frozenset({"subject", "due_date", "questions", "project_id"})]),
)
@example({"subject": "a\x00b"}, frozenset())
def test_a_record_is_typed_alike_whether_or_not_some_other_field_is_new(
    record: dict[str, object], excluded: frozenset[str]
) -> None:
    record |= {"id": 1}
    alone, made_alone = row(json.dumps(record), excluded=excluded)
    beside, made_beside = row(json.dumps(record | {"brand_new": 1}), excluded=excluded)
    assert alone == beside
    assert json.loads(made_alone.extra or "{}") | {"brand_new": 1} == json.loads(made_beside.extra or "{}")
    assert made_alone.elsewhere == made_beside.elsewhere


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["number", "subject", "title", "private", "due_date", "project_id"]),
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        ),
        max_size=6,
    ),
    st.sampled_from([frozenset[str](), frozenset({"subject", "due_date"})]),
)
def test_a_record_is_typed_alike_whatever_came_before_it(
    records: list[dict[str, object]], excluded: frozenset[str]
) -> None:
    maker = RowMaker(RFIS, SCOPE, excluded)
    for record in records:
        text = json.dumps(record | {"id": 1})
        candidate = Fingerprint(RFIS, SCOPE).identify(msgspec.Raw(text.encode()))
        assert isinstance(candidate, Candidate)
        later, alone = maker.row(candidate), row(text, excluded=excluded)[1]
        assert (later.values, later.extra, later.elsewhere) == (alone.values, alone.extra, alone.elsewhere)


def test_null_is_null_whatever_the_type() -> None:
    values, made = row('{"id": 1, "due_date": null, "questions": null, "ball_in_court": null}')
    assert values["due_date"] is values["questions"] is values["ball_in_court"] is None
    assert made.extra is None


def test_an_id_that_contradicts_where_the_record_was_read_is_kept_beside_it() -> None:
    values, made = row('{"id": 1, "project_id": 71}')
    assert values["project_id"] == 70
    assert made.extra == '{"project_id":71}'


def test_an_id_that_repeats_where_the_record_was_read_says_nothing_new() -> None:
    assert row('{"id": 1, "project_id": "70"}')[1].extra is None


def test_excluded_fields_are_stored_nowhere() -> None:
    values, made = row('{"id": 1, "subject": "secret", "unknown": 1}', excluded=frozenset({"subject", "unknown"}))
    assert values["subject"] is None
    assert made.extra is None


@given(
    st.dictionaries(
        st.sampled_from([*RFIS.fields, "other", 'odd "name"']), st.none() | st.integers() | st.booleans() | st.text()
    )
)
def test_no_value_is_ever_lost(record: dict[str, object]) -> None:
    record = {name: value for name, value in record.items() if "\x00" not in str(value)} | {"id": 1}
    values, made = row(json.dumps(record))
    extra = json.loads(made.extra or "{}")
    for name, value in record.items():
        is_text = RFIS.fields.get(name) is FieldType.STRING and value is not None
        as_stored = json.dumps(value) if is_text and not isinstance(value, str) else value
        assert extra[name] == value if name in extra else values[name] == as_stored


def test_a_text_that_comes_as_a_number_in_every_record_is_told_of_at_the_first() -> None:
    maker = RowMaker(RFIS, SCOPE)
    fingerprint = Fingerprint(RFIS, SCOPE)
    made: list[Row] = []
    for number in ("12", "13.50", '"14"', "null"):
        candidate = fingerprint.identify(msgspec.Raw(f'{{"id":{len(made)},"number":{number}}}'.encode()))
        assert isinstance(candidate, Candidate)
        made.append(maker.row(candidate))
    place = list(RFIS.columns).index("number")
    assert [found.values[place] for found in made] == ["12", "13.50", "14", None]
    assert [found.drift for found in made] == [[("number", "type_changed")], [], [], []]
