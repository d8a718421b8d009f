"""Which records may have come into a list while its pages were read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from sync_worker.catalog import STREAMS
from sync_worker.destination.protocol import StoredRow
from sync_worker.load.arrivals import PagingTime
from sync_worker.load.fingerprint import Candidate, Fingerprint

RFIS = STREAMS["rfis"]
SCOPE: dict[str, int | str] = {"company_id": 9001, "project_id": 7001}
COMPLETE_AT, BEGAN, ENDED = (datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (6, 7, 8))
BEFORE, SINCE, MEANWHILE = "2026-03-01T00:00:00Z", "2026-03-02T06:30:00Z", "2026-03-02T07:30:00+00:00"
HERE = StoredRow("hash", "a run", "", is_deleted=False, scope=(9001, 7001), tracked=())


def may_have_arrived(
    known: StoredRow | None, *, complete_at: datetime | None = COMPLETE_AT, is_part: bool = False, **times: Any
) -> bool:
    raw = msgspec.Raw(msgspec.json.encode({"id": 1, **times}))
    candidate = Fingerprint(RFIS, SCOPE).identify(raw)
    assert isinstance(candidate, Candidate)
    paging = PagingTime(BEGAN, ENDED, complete_at, is_part)
    return paging.count_arrivals([candidate], {} if known is None else {candidate.key: known}, SCOPE) == 1


def test_a_row_that_was_deleted_or_of_another_project_has_arrived() -> None:
    assert may_have_arrived(HERE._replace(is_deleted=True), updated_at=BEFORE)
    assert may_have_arrived(HERE._replace(scope=(9001, 7002)), updated_at=BEFORE)
    assert not may_have_arrived(HERE, updated_at=MEANWHILE)


@pytest.mark.parametrize(
    ("times", "may"),
    [
        ({"created_at": MEANWHILE}, True),
        ({"created_at": SINCE, "updated_at": MEANWHILE}, True),
        ({"created_at": SINCE, "updated_at": SINCE}, False),
        ({"created_at": BEFORE, "updated_at": BEFORE}, True),
        ({}, True),
        ({"created_at": "yesterday", "updated_at": 5}, True),
    ],
)
def test_a_record_new_to_us_may_have_arrived_unless_it_was_made_since_the_list_was_complete_and_before_this_reading(
    times: dict[str, Any], may: bool
) -> None:
    assert may_have_arrived(None, **times) is may


def test_in_a_list_that_was_never_complete_what_was_made_meanwhile_or_has_no_time_may_have_arrived() -> None:
    assert may_have_arrived(None, complete_at=None, created_at=MEANWHILE)
    assert not may_have_arrived(None, complete_at=None, created_at=BEFORE)
    assert may_have_arrived(None, complete_at=None)
    assert may_have_arrived(None, complete_at=None, updated_at="yesterday")


def test_in_a_list_chosen_by_date_an_edit_may_have_brought_any_record_in() -> None:
    assert may_have_arrived(HERE, is_part=True, updated_at=MEANWHILE)
    assert not may_have_arrived(HERE, is_part=True, updated_at=SINCE)
