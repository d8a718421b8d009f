"""Records that differ at every reading in something that is no change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from procore_simulator.faults import Fault
from support.oracle import readable_projects
from support.worker import Install, Installation, incomplete, scope
from sync_worker.state.ledger import ScopeResult
from sync_worker.state.volatile import RECORDS_TOLD

STAMP = "2026-02-01T08:00:00Z"
PATHS = "SELECT stream, value FROM _stream_state, json_each(volatile_paths) ORDER BY value"
UNSTABLE = (
    "SELECT stream, unstable_readings, unstable_records, unstable_fields FROM _scope_state WHERE unstable_readings > 0"
)


def read(here: Installation, records: list[dict[str, Any]]) -> ScopeResult:
    """One whole reading of RFIs that are these records."""
    here.simulator.faults.clear()
    project = readable_projects(here.simulator)[0]
    here.simulator.faults.add(
        Fault(path=f"*/{project}/rfis[?]*", body=json.dumps(records), times=1_000, headers={"Total": str(len(records))})
    )
    report = here.run("rfis", projects=[project], full_refresh=True)
    assert incomplete(report) == []
    return scope(report, "rfis", project)


def signed(key: str, day: str = "1") -> str:
    return f"https://storage.example/{key}.jpg?X-Amz-Date={day}&X-Amz-Signature={key}{day}"


def rfi(key: int, day: str, **more: Any) -> dict[str, Any]:
    questions = [{"attachments": [{"thumbnail_url": signed(f"{key}-{place}", day)}]} for place in range(2)]
    return {"id": key, "updated_at": STAMP, "photo": {"url": signed(str(key), day)}, "questions": questions} | more


def rows(here: Installation) -> list[tuple[Any, ...]]:
    return here.query("SELECT id, subject, questions, _run_id, _loaded_at, _row_hash, _extra FROM rfis ORDER BY id")


def test_signed_urls_that_no_path_of_the_catalog_names_are_learned_and_cause_no_write(install: Install) -> None:
    here = install()
    lines = [read(here, [rfi(key, "1") for key in range(1, 21)])]
    before = rows(here)

    lines += [read(here, [rfi(key, "2") for key in range(1, 21)])]
    learned, rehashed = (
        here.query(PATHS),
        rows(here),
    )
    lines += [read(here, [rfi(key, "3") for key in range(1, 21)])]

    assert [(line.inserted, line.updated, line.unchanged) for line in lines] == [(20, 0, 0), (0, 0, 20), (0, 0, 20)]
    assert learned == [("rfis", "photo.url"), ("rfis", "questions[*].attachments[*].thumbnail_url")]
    assert [[*row[:5], row[6]] for row in rehashed] == [[*row[:5], row[6]] for row in before]
    assert rows(here) == rehashed


def test_another_address_is_a_change_whatever_was_learned(install: Install) -> None:
    here = install()
    for day in "12":
        read(here, [rfi(1, day), rfi(2, day)])

    report = read(here, [rfi(1, "3"), rfi(2, "3", photo={"url": signed("another", "3")})])

    assert (report.updated, report.unchanged) == (1, 1)
    assert "another.jpg" in here.query("SELECT _extra FROM rfis WHERE id = 2")[0][0]


def test_a_record_that_changed_is_written_with_its_new_urls(install: Install) -> None:
    here = install()
    for day in "12":
        read(here, [rfi(1, day)])

    report = read(here, [rfi(1, "3", subject="Slab edge", updated_at="2026-02-02T08:00:00Z")])

    assert report.updated == 1
    ((subject, extra),) = here.query("SELECT subject, _extra FROM rfis")
    assert (subject, json.loads(extra)["photo"]["url"]) == ("Slab edge", signed("1", "3"))
    again = read(here, [rfi(1, "4", subject="Slab edge", updated_at="2026-02-02T08:00:00Z")])
    assert again.unchanged == 1


def test_the_lists_of_parents_whose_urls_are_signed_anew_are_not_asked_for_again(install: Install) -> None:
    here = install()
    project = readable_projects(here.simulator)[0]
    truths = here.simulator.world.records("rfis", project_id=project)

    def read_both(day: str) -> int:
        here.simulator.requests.clear()
        read(here, [{**truth.record, "photo": {"url": signed(str(truth.record["id"]), day)}} for truth in truths])
        here.run("rfi_replies", projects=[project])
        return len(here.asked("rfi_replies"))

    assert [read_both(day) for day in "1123"] == [len(truths), 0, 0, 0]


def test_a_record_whose_fields_come_in_another_order_is_not_written_again(install: Install) -> None:
    here = install()
    records = [rfi(1, "1", subject="a", assignee={"id": 1, "name": "x"})]
    read(here, records)

    report = read(here, [dict(reversed(records[0].items())) | {"assignee": {"name": "x", "id": 1}}])

    assert report.unchanged == 1


@pytest.mark.parametrize("stamp", [STAMP, None])
def test_a_list_that_changes_at_every_reading_is_told_with_the_field(install: Install, stamp: str | None) -> None:
    here = install()

    def view(at: int) -> list[tuple[Any, ...]]:
        records = [{"id": key, "updated_at": stamp, "last_viewed_at": at} for key in range(RECORDS_TOLD)]
        read(here, records)
        return here.query(UNSTABLE)

    assert view(0) == []
    assert [view(at) for at in (1, 2)] == [
        [("rfis", readings, RECORDS_TOLD, '["last_viewed_at"]')] for readings in (1, 2)
    ]
    assert view(2) == []


def test_a_version_that_moves_in_every_record_at_every_reading_is_told_as_well(install: Install) -> None:
    here = install()
    for hour in range(3):
        read(here, [{"id": key, "updated_at": f"2026-02-01T0{hour}:00:00Z"} for key in range(RECORDS_TOLD)])

    assert here.query("SELECT unstable_readings, unstable_fields FROM _scope_state WHERE unstable_readings > 0") == [
        (2, '["updated_at"]')
    ]


def test_a_field_that_is_not_stored_may_change_at_every_reading(install: Install) -> None:
    here = install(config={"streams": {"rfis": {"exclude_fields": ["last_viewed_at"]}}})
    lines = [read(here, [{"id": 1, "updated_at": STAMP, "last_viewed_at": at}]) for at in range(3)]

    assert [(line.inserted, line.updated) for line in lines] == [(1, 0), (0, 0), (0, 0)]
