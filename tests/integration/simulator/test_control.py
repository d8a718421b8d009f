"""The control interface for other processes."""

from __future__ import annotations

import pytest

from procore_simulator.clocks import SteppedClock
from procore_simulator.world import World
from support.caller import Caller, Start
from support.clock import ManualClock


def test_records_come_with_their_project_and_parent(caller: Caller, project_id: int) -> None:
    path = "/_simulator/records/work_order_contract_line_items"
    records = caller.get(path, {"project_id": project_id}).json()["records"]

    truth = caller.simulator.world.records("work_order_contract_line_items", project_id=project_id)
    assert records == [it._asdict() for it in truth]
    assert set(records[0]) == {"company_id", "project_id", "parent_id", "is_deleted", "record"}


def test_a_batch_of_changes_is_made_and_returned(caller: Caller) -> None:
    changes = caller.post("/_simulator/change", {"step": 4})["changes"]

    assert {it["kind"] for it in changes} == {"inserted", "updated", "deleted"}
    assert caller.get("/_simulator/state").json()["steps"] == 4


def test_records_are_edited_by_name_of_the_edit(caller: Caller, project_id: int) -> None:
    rfi_id = caller.simulator.world.records("rfis")[0].record["id"]

    updated = caller.post("/_simulator/records/rfis/update", {"record_id": rfi_id, "changes": {"subject": "X"}})
    inserted = caller.post("/_simulator/records/rfis/insert", {"project_id": project_id})
    caller.post("/_simulator/records/rfis/delete", {"record_id": rfi_id})

    assert updated["record"]["subject"] == "X"
    known = {it.record["id"] for it in caller.simulator.world.records("rfis")}
    assert inserted["record"]["id"] in known
    assert rfi_id not in known


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/_simulator/records/rfis/_touch", {}),
        ("/_simulator/records/rfis/update", {"record_id": 1, "changes": {}}),
        ("/_simulator/permissions/is_visible", {"project_id": 1}),
        ("/_simulator/faults", {"colour": "red"}),
    ],
)
def test_unknown_edits_permissions_and_fields_are_refused(
    caller: Caller, path: str, content: dict[str, object]
) -> None:
    answer = caller.session.post(caller.simulator.url + path, json=content, timeout=60)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_permissions_faults_and_tokens_can_be_changed(caller: Caller, project_id: int) -> None:
    rfis = f"/rest/v1.0/projects/{project_id}/rfis"
    caller.post("/_simulator/faults", {"path": "*/rfis", "status": 500})
    assert caller.get(rfis).status_code == 500
    caller.post("/_simulator/permissions/hide_project", {"project_id": project_id})
    assert caller.get(rfis).status_code == 403
    caller.post("/_simulator/permissions/show_project", {"project_id": project_id})
    assert caller.get(rfis).status_code == 200
    caller.post("/_simulator/tokens/revoke")
    assert caller.get(rfis).status_code == 401

    assert [it["status"] for it in caller.get("/_simulator/requests").json()["requests"]][-4:] == [500, 403, 200, 401]


def test_a_project_is_added(caller: Caller) -> None:
    project_id = caller.post("/_simulator/projects")["id"]

    assert caller.get(f"/rest/v1.0/projects/{project_id}/rfis").status_code == 200


def test_a_stepped_clock_is_put_forward(start: Start) -> None:
    caller = start(World(projects=1, clock=SteppedClock(clock=ManualClock())))

    assert caller.post("/_simulator/clock/advance", {"seconds": 5400})["now"] == "2026-11-20T16:30:00Z"
    assert caller.get("/rest/v1.0/me").status_code == 401
