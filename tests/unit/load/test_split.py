from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.catalog.spec import Envelope
from sync_worker.errors import BadPayloadError
from sync_worker.load.split import splitter

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def split(body: bytes, envelope: Envelope = Envelope.ARRAY) -> list[object]:
    return [json.loads(bytes(record)) for record in splitter(envelope)(body).records]


@given(st.lists(st.dictionaries(st.text(), json_values)))
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
