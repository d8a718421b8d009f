from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import StreamSpec
from sync_worker.load.fingerprint import Candidate, Fingerprint, Unreadable
from sync_worker.load.row import RowMaker

PROJECT = {"company_id": 4, "project_id": 70}


def identify(
    record: dict[str, Any] | str, spec: StreamSpec = STREAMS["rfis"], scope: dict[str, Any] | None = None
) -> Candidate | Unreadable:
    text = record if isinstance(record, str) else json.dumps(record)
    return Fingerprint(spec, scope or PROJECT).identify(msgspec.Raw(text.encode()))


def key(record: dict[str, Any] | str, stream: str = "rfis", scope: dict[str, Any] | None = None) -> object:
    found = identify(record, STREAMS[stream], scope)
    assert isinstance(found, Candidate)
    return found.key


def row_hash(record: dict[str, Any] | str, stream: str = "rfis", scope: dict[str, Any] | None = None) -> str:
    found = identify(record, STREAMS[stream], scope)
    assert isinstance(found, Candidate)
    return found.row_hash


def test_the_key_is_the_id() -> None:
    assert key({"id": 9007199254740993, "subject": "x"}) == (9007199254740993,)


def test_a_key_sent_as_text_is_the_same_key() -> None:
    assert key({"id": "12"}) == key({"id": 12})


def test_a_company_wide_id_is_keyed_with_its_company() -> None:
    assert key({"id": 5}, "vendors", {"company_id": 4}) == (4, 5)


def test_a_budget_row_without_id_is_keyed_by_cost_code_and_category() -> None:
    scope = PROJECT | {"budget_view_id": 3}
    assert key({"id": 11, "cost_code_id": 1, "category_id": 2}, "budget_view_detail_rows", scope) == (70, 3, "11")
    assert key({"id": None, "cost_code_id": 1, "category_id": 2}, "budget_view_detail_rows", scope) == (70, 3, "1:2::")


@pytest.mark.parametrize("record", [{}, {"id": None}, {"id": [1]}, {"id": 2**64}, {"id": "x"}, "7", "null", '"text"'])
def test_a_record_without_a_usable_key_is_unreadable(record: dict[str, Any] | str) -> None:
    assert isinstance(identify(record), Unreadable)


def test_the_hash_changes_with_the_content() -> None:
    assert row_hash({"id": 1, "subject": "a"}) != row_hash({"id": 1, "subject": "b"})


def test_the_hash_changes_when_a_record_moves_to_another_project() -> None:
    assert row_hash({"id": 1}) != row_hash({"id": 1}, scope={"company_id": 4, "project_id": 71})


def test_signed_urls_do_not_change_the_hash() -> None:
    first = {"id": 1, "url": "https://x/1?sig=a", "description": "slab"}
    assert row_hash(first, "photos") == row_hash(first | {"url": "https://x/1?sig=b"}, "photos")
    assert row_hash(first, "photos") != row_hash(first | {"description": "roof"}, "photos")


def test_nested_signed_urls_do_not_change_the_hash() -> None:
    def submittal(signature: str, name: str = "a.pdf") -> dict[str, Any]:
        attachment = {"id": 1, "filename": name, "url": f"https://x?sig={signature}"}
        return {"id": 1, "approvers": [{"id": 5, "associated_attachments": [attachment]}, {"id": 6}]}

    assert row_hash(submittal("a"), "submittals") == row_hash(submittal("b"), "submittals")
    assert row_hash(submittal("a"), "submittals") != row_hash(submittal("a", "b.pdf"), "submittals")


def test_the_version_is_the_instant_of_the_last_change() -> None:
    found = identify({"id": 1, "updated_at": "2024-05-01T12:00:00-05:00"})
    assert isinstance(found, Candidate)
    assert found.version == "2024-05-01T17:00:00.000000+00:00"


KEYED_AFTERWARDS = replace(STREAMS["rfis"], primary_key=("id", "company_id"))
"""No key of this form is decoded at once."""
SENT_IDS = (
    st.integers(-(2**65), 2**65).map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(json.dumps)
    | st.text("0123456789-+. _e\u0663", max_size=21).map(json.dumps)
    | st.sampled_from(["null", "true", "[1]", '{"id":1}', "-0", "1E2", '""', '"\\u0031"', "9" * 5_000])
)


@pytest.mark.parametrize("sent", ["[1]", "{x}", '["a", "b"]'])
def test_a_text_that_looks_like_json_is_a_key_and_json_is_none(sent: str) -> None:
    assert key({"id": sent}, "budget_change_adjustment_line_items") == (sent,)
    assert isinstance(identify({"id": [1]}, STREAMS["budget_change_adjustment_line_items"]), Unreadable)


@given(st.lists(st.tuples(st.sampled_from(['"id"', '"\\u0069d"', '"subject"', '"zz"']), SENT_IDS), max_size=5))
@example([('"id"', "9223372036854775807")])
@example([('"id"', "9223372036854775808")])
@example([('"id"', "-9223372036854775808")])
@example([('"id"', "1"), ('"\\u0069d"', '"2"')])
@example([('"id"', '"1"'), ('"id"', "2")])
def test_a_key_is_the_same_whichever_way_it_is_decoded(members: list[tuple[str, str]]) -> None:
    text = "{" + ",".join(f"{name}:{sent}" for name, sent in members) + "}"
    at_once, by_part = identify(text), identify(text, KEYED_AFTERWARDS)
    assert isinstance(at_once, Unreadable) is isinstance(by_part, Unreadable)
    if isinstance(at_once, Candidate) and isinstance(by_part, Candidate):
        assert (*at_once.key, 4) == by_part.key
        found = {STREAMS["rfis"]: at_once, KEYED_AFTERWARDS: by_part}
        values, others = (
            dict(zip(spec.columns, RowMaker(spec, PROJECT).row(candidate).values, strict=True))
            for spec, candidate in found.items()
        )
        assert values == others
        assert values["id"] == at_once.key[0]
