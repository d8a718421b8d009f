from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from sync_worker.catalog import STREAMS
from sync_worker.load.comparison import Comparison, Difference
from sync_worker.load.fingerprint import Candidate, Fingerprint
from sync_worker.load.row import RowMaker
from sync_worker.load.signed_urls import without_signatures

SCOPE = {"company_id": 4, "project_id": 70}
DATED = {"id": 1, "updated_at": "2026-02-01T08:00:00Z"}
SIGNED = "https://s3.example/a/1.jpg?X-Amz-Date=20260201T080000Z&X-Amz-Signature="


def candidate(record: dict[str, Any], stream: str = "rfis", learned: frozenset[str] = frozenset()) -> Candidate:
    found = Fingerprint(STREAMS[stream], SCOPE, learned=learned).identify(msgspec.Raw(json.dumps(record).encode()))
    assert isinstance(found, Candidate)
    return found


def difference(old: dict[str, Any], new: dict[str, Any], stream: str = "rfis") -> Difference:
    """How the row of the one differs from that of the other, as a destination holds it."""
    spec = STREAMS[stream]
    stored, found = (RowMaker(spec, SCOPE).row(candidate(record, stream)) for record in (old, new))
    is_dated = candidate(new, stream).version != ""
    return Comparison(spec).difference(found, [*stored.values, stored.extra], is_dated=is_dated)


def same(*paths: str) -> Difference:
    return Difference(frozenset(), frozenset(paths))


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ({"subject": SIGNED + "a"}, {"subject": SIGNED + "b"}, ("subject",)),
        ({"photo": {"url": SIGNED + "a"}}, {"photo": {"url": SIGNED + "b"}}, ("photo.url",)),
        ({"questions": [{"u": SIGNED + "a"}, {}]}, {"questions": [{"u": SIGNED + "b"}, {}]}, ("questions[*].u",)),
        ({"new": [[SIGNED + "a"]]}, {"new": [[SIGNED + "b"]]}, ("new[*][*]",)),
        ({"new": f'<img src="{SIGNED}a">'}, {"new": f'<img src="{SIGNED}b">'}, ("new",)),
        ({"subject": "/files/1.jpg?sig=a"}, {"subject": "/files/1.jpg?sig=b"}, ("subject",)),
        ({"new": ["//s3.example/1.jpg?sig=a"]}, {"new": ["//s3.example/1.jpg?sig=b"]}, ("new[*]",)),
        ({"new": '<img src="/files/1.jpg?sig=a">'}, {"new": '<img src="/files/1.jpg?sig=b">'}, ("new",)),
        ({"a.b": SIGNED + "a"}, {"a.b": SIGNED + "b"}, ()),
        ({"photo": {"a[*]": {"u": SIGNED + "a"}}}, {"photo": {"a[*]": {"u": SIGNED + "b"}}}, ()),
        ({"assignee": {"id": 1, "name": "x"}}, {"assignee": {"name": "x", "id": 1}}, ()),
    ],
)
def test_records_that_differ_in_signatures_are_the_same(
    old: dict[str, Any], new: dict[str, Any], paths: tuple[str, ...]
) -> None:
    assert difference(DATED | old, DATED | new) == same(*paths)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"subject": SIGNED + "a"}, {"subject": SIGNED.replace("1.jpg", "2.jpg") + "a"}),
        ({"subject": SIGNED + "a"}, {"subject": SIGNED.replace("s3.", "s4.") + "a"}),
        ({"subject": SIGNED + "a"}, {"subject": SIGNED.replace("https", "http") + "a"}),
        ({"subject": SIGNED + "a"}, {"subject": "see " + SIGNED + "a"}),
        ({"subject": "Why?"}, {"subject": "Why? Because"}),
        ({"subject": SIGNED + "a"}, {"subject": None}),
        ({"subject": True}, {"subject": "1"}),
        ({"new": True}, {"new": 1}),
        ({"new": 1.50}, {"new": "1.5"}),
        ({"new": 1.5}, {"new": 1.25}),
        ({"new": [1]}, {"new": [1, 1]}),
        ({"new": {"a": 1}}, {"new": {"b": 1}}),
        ({"new": 1}, {}),
        ({"private": True}, {"private": False}),
        ({"due_date": "2026-01-01"}, {"due_date": "2026-01-02"}),
        ({"questions": [{"u": SIGNED + "a", "n": 1}]}, {"questions": [{"u": SIGNED + "b", "n": 2}]}),
    ],
)
def test_records_that_differ_in_anything_else_are_not(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = difference(DATED | old, DATED | new)
    assert found.fields == {next(iter(old))}


def test_what_the_catalog_calls_volatile_is_no_difference_and_is_not_learned() -> None:
    old, new = ({"id": 1, "url": f"https://x/{key}/1.jpg?{key}", "thumbnail_url": SIGNED + key} for key in "ab")
    assert difference(DATED | old, DATED | new, "photos").fields == frozenset()


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://x/1?id=5", "https://x/1?id=5"),
        ("https://x/1?id=5&view=list#top", "https://x/1?id=5&view=list#top"),
        ("https://x/1?id=5&Expires=170&Signature=aB%2F&Key-Pair-Id=K#top", "https://x/1?id=5#top"),
        ("https://x/1?sv=2022&se=2026-01-01&sp=r&sig=abc", "https://x/1"),
        ("https://x/1?sp=5&sr=2", "https://x/1?sp=5&sr=2"),
        ("https://x/1?X-Goog-Signature=1&amp;X-Goog-Date=2", "https://x/1"),
        ("https://x/1?ts=1767225600&page=1767225600", "https://x/1?page=1767225600"),
        ("https://x/1?0123456789abcdef0123", "https://x/1"),
        ("https://x/1?k=eyJhbGciOiJIUzI1NiIsInR5", "https://x/1"),
        ("https://x/1?title=concrete-and-masonry-works-north", "https://x/1?title=concrete-and-masonry-works-north"),
        ("a question? https://x/1?token=1 or 2?", "a question? https://x/1 or 2?"),
    ],
)
def test_of_a_record_without_a_date_only_signatures_are_cut(url: str, kept: str) -> None:
    assert without_signatures(url, is_dated=False) == kept


def test_of_a_record_with_a_date_the_whole_query_is_cut() -> None:
    assert without_signatures("https://x/1?id=5#top, HTTPS://y?a", is_dated=True) == "https://x/1#top, HTTPS://y"


def test_a_link_that_leads_elsewhere_is_a_change_where_no_date_tells() -> None:
    assert difference({"id": 1, "new": "https://x/?id=5"}, {"id": 1, "new": "https://x/?id=6"}).fields == {"new"}
    assert difference({"id": 1, "new": SIGNED + "a"}, {"id": 1, "new": SIGNED + "b"}) == same("new")


def test_a_learned_path_leaves_the_hash_alone_where_there_is_no_such_url() -> None:
    learned = frozenset({"new.url"})
    for record in ({"new": {"url": "https://x/1"}}, {"subject": SIGNED + "a"}, {"new": None}, {"new": {"url": 1}}):
        assert candidate(DATED | record, learned=learned).row_hash == candidate(DATED | record).row_hash
    first, second = ({"new": {"url": SIGNED + key}} for key in "ab")
    assert candidate(DATED | first, learned=learned).row_hash == candidate(DATED | second, learned=learned).row_hash
    assert candidate(DATED | first).row_hash != candidate(DATED | second).row_hash


def test_a_field_that_is_not_stored_is_not_in_the_hash_but_by_name() -> None:
    def row_hash(record: dict[str, Any], *excluded: str) -> str:
        found = Fingerprint(STREAMS["rfis"], SCOPE, frozenset(excluded)).identify(
            msgspec.Raw(json.dumps(DATED | record).encode())
        )
        assert isinstance(found, Candidate)
        return found.row_hash

    assert row_hash({"seen_at": 1}, "seen_at") == row_hash({"seen_at": 2}, "seen_at")
    assert row_hash({"seen_at": 1, "subject": "a"}, "seen_at") != row_hash({"seen_at": 1, "subject": "b"}, "seen_at")
    assert row_hash({}, "seen_at") != row_hash({}) != row_hash({}, "other")
