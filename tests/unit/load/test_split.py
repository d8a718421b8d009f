from __future__ import annotations

import json
import re
import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.catalog.spec import Envelope
from sync_worker.errors import BadPayloadError
from sync_worker.load.split import holds_endless_number, splitter

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=8,
)


def split(body: bytes, envelope: Envelope = Envelope.ARRAY) -> list[object]:
    return [json.loads(bytes(record)) for record in splitter(envelope)(body).records]


@given(st.lists(st.dictionaries(texts, json_values)))
def test_records_come_out_as_they_went_in(records: list[object]) -> None:
    assert split(json.dumps(records).encode()) == records


def test_v2_lists_are_taken_out_of_their_data_member() -> None:
    assert split(b'{"data": [{"id": "1"}], "paging": {}}', Envelope.DATA) == [{"id": "1"}]


def test_grouped_meetings_are_flattened_and_counted_both_ways() -> None:
    body = b'[{"group_title":"Weekly","meetings":[{"id":1},{"id":2}]},{"group_title":"Safety","meetings":[{"id":3}]}]'
    records = splitter(Envelope.GROUPS)(body)
    assert [json.loads(bytes(record))["id"] for record in records.records] == [1, 2, 3]
    assert records.units == 2


def test_deleted_meetings_come_as_one_object() -> None:
    assert split(b'{"meetings": [{"id": 7}]}', Envelope.GROUPS) == [{"id": 7}]


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"null", b"<html></html>", b'[{"id": 1}', b'[{"id": NaN}]', b'[{"id": Infinity}]', b"[" * 5000],
    ids=["empty", "object", "null", "html", "truncated", "nan", "infinity", "endlessly nested"],
)
def test_what_is_no_list_is_never_taken_for_one(body: bytes) -> None:
    with pytest.raises(BadPayloadError):
        splitter(Envelope.ARRAY)(body)


def test_a_v2_list_without_data_is_no_list() -> None:
    with pytest.raises(BadPayloadError):
        splitter(Envelope.DATA)(b'{"errors": []}')


@pytest.mark.parametrize("sent", [b"caf\xe9", b"caf\xff", b"caf\xc3"], ids=["latin-1", "no utf-8", "cut in two"])
def test_bytes_that_are_no_utf_8_cost_themselves_and_not_the_page(sent: bytes) -> None:
    assert split(b'[{"id": 1, "name": "' + sent + b'"}, {"id": 2}]') == [{"id": 1, "name": "caf\ufffd"}, {"id": 2}]


def test_a_byte_order_mark_says_nothing() -> None:
    assert split(b'\xef\xbb\xbf[{"id": 1}]') == [{"id": 1}]


def test_a_lone_surrogate_costs_itself_and_not_the_page() -> None:
    body = rb'[{"id": 1, "subject": "a\ud800b"}, {"id": 2, "subject": "\ud83d\ude00 \\ud800"}]'
    assert split(body) == [{"id": 1, "subject": "a\ufffdb"}, {"id": 2, "subject": "\U0001f600 \\ud800"}]


@pytest.mark.parametrize(
    ("text", "kept", "replaced"),
    [
        (rb"NUL \u0000 and again \u0000", "NUL \ufffd and again \ufffd", 2),
        (b"a NUL as such \x00", "a NUL as such \ufffd", 1),
        (rb"no NUL: \\u0000", r"no NUL: \u0000", 0),
        (rb"\ud800 and \ude00\ud83d", "\ufffd and \ufffd\ufffd", 3),
        (b"caf\xff \xef\xbf\xbd", "caf\ufffd \ufffd", 1),
        (rb"\ud83d\ude00", "\U0001f600", 0),
    ],
)
def test_characters_that_no_database_holds_are_replaced_and_counted(text: bytes, kept: str, replaced: int) -> None:
    found = splitter(Envelope.ARRAY)(b'[{"id": 1, "text": "' + text + b'"}, {"id": 2}]')
    assert [json.loads(bytes(record)) for record in found.records] == [{"id": 1, "text": kept}, {"id": 2}]
    assert found.replaced == replaced


def test_control_characters_that_are_not_escaped_are_kept() -> None:
    assert split(b'[\n{"id": 1, "name": "a\tb\x01\nc\\"\r"},\t{"id": 2}]') == [
        {"id": 1, "name": 'a\tb\x01\nc"\r'},
        {"id": 2},
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'[{"id": 1, "a": NaN}]', "NaN is no JSON number"),
        (b'[{"id": 1, "a": [-Infinity]}]', "-Infinity is no JSON number"),
        (rb'[{"id": 1, "a": "\x"}]', "no JSON"),
        (b'[{"id": 1}', "cut short"),
        (b'[{"id": 1}, "a' + b"\x00" * 9, "cut short"),
    ],
)
def test_what_is_no_json_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(BadPayloadError, match=re.escape(reason)):
        split(body)


def test_a_page_that_must_be_mended_is_held_a_few_times_and_not_as_objects() -> None:
    record = b'{"id": 1, "values": [' + b"1," * 500 + b'1], "name": "\x00"}'
    body = b"[" + b",".join([record] * 1_000) + b"]"
    tracemalloc.start()
    try:
        found = splitter(Envelope.ARRAY)(body)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(found.records), found.replaced) == (1_000, 1_000)
    assert most < 5 * len(body)


@pytest.mark.parametrize("number", ["1e400", "-1E400", "1.5e+400", "1e1000000", "0.1E+310"])
@pytest.mark.parametrize("record", ['{{"id":1,"a":{}}}', '{{"id":1,"a":[{{"b":{}}}]}}', '{{"a":"1e400","b":{}}}'])
def test_a_number_beyond_any_range_is_found_wherever_it_stands(record: str, number: str) -> None:
    assert holds_endless_number(msgspec.Raw(record.format(number).encode()))


@pytest.mark.parametrize(
    "value", ["1e308", "1e-400", "1E0005", "0e999", '"1e400"', '"\\"1e400"', '{"1e400":1}', "9" * 5_000, "1.5"]
)
def test_a_number_that_can_be_held_and_a_text_like_one_beyond_are_none_such(value: str) -> None:
    assert not holds_endless_number(msgspec.Raw(f'{{"id":1,"a":[{value}]}}'.encode()))
