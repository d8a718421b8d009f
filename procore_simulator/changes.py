"""A realistic day at the company: records that people answer, close, add and delete, chosen by seed and step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from procore_simulator.chance import instant, money, seeded
from procore_simulator.draw import Record
from procore_simulator.entry import Truth
from procore_simulator.fields import key_field
from procore_simulator.world import World


class Change(NamedTuple):
    """One changed record; `kind` is `inserted`, `updated` or `deleted`."""

    stream: str
    kind: str
    id: int | str | None
    project_id: int | None


_APPROVED_WITHIN = 10
Edit = Callable[[Record, str, Random], dict[str, Any] | None]


def change(world: World, step: int | None = None) -> list[Change]:
    """Make a batch of changes now. The same step of the same world is always the same batch."""
    with world.lock:
        world.steps = world.steps + 1 if step is None else step
        rng = seeded(world.seed, "change", world.steps)
        done = _edits(world, rng)
        done += _inserts(world, rng)
        return done + _deletes(world, rng)


def _edits(world: World, rng: Random) -> list[Change]:
    done: list[Change] = []
    now = instant(world.clock.now())
    for stream, (edit, most) in _EDITS.items():
        if stream not in world.streams:
            continue
        truths = world.records(stream)
        edits = ((it, edit(it.record, now, rng)) for it in rng.sample(truths, len(truths)))
        wanted = list(islice(((truth, edited) for truth, edited in edits if edited is not None), most))
        done += [_write(world, stream, truth, edited) for truth, edited in wanted]
        done += _save_parents(world, stream, [truth for truth, _ in wanted])
    return done


def _save_parents(world: World, stream: str, edited: Sequence[Truth]) -> list[Change]:
    """Touch the parents of edited records, as Procore does when a line item is saved."""
    parent = world.streams[stream].parent
    if parent is None:
        return []
    moved = dict.fromkeys((truth.parent_id, truth.project_id) for truth in edited if truth.parent_id is not None)
    for parent_id, project_id in moved:
        world.update(parent.stream, parent_id, {}, project_id=project_id)
    return [Change(parent.stream, "updated", parent_id, project_id) for parent_id, project_id in moved]


def _write(world: World, stream: str, truth: Truth, edited: Mapping[str, Any]) -> Change:
    known = {path: value for path, value in edited.items() if path.partition(".")[0] in truth.record}
    record_id = truth.record[key_field(world.streams[stream]) or "id"]
    world.update(stream, record_id, known, project_id=truth.project_id)
    return Change(stream, "updated", record_id, truth.project_id)


def _inserts(world: World, rng: Random) -> list[Change]:
    done: list[Change] = []
    open_projects = [it.id for it in world.companies[0].projects if it.is_active] or world.project_ids
    for stream, most in _INSERTS.items():
        if stream not in world.streams:
            continue
        for _ in range(rng.randint(1, most)):
            project_id = rng.choice(open_projects)
            record = world.insert(stream, project_id=project_id)
            done.append(Change(stream, "inserted", record[key_field(world.streams[stream]) or "id"], project_id))
    return done


def _deletes(world: World, rng: Random) -> list[Change]:
    done: list[Change] = []
    for stream in _DELETES:
        if stream not in world.streams:
            continue
        truths = world.records(stream)
        if truths:
            truth = rng.choice(truths)
            world.delete(stream, truth.record["id"], project_id=truth.project_id)
            done.append(Change(stream, "deleted", truth.record["id"], truth.project_id))
    return done


def _close_rfi(record: Record, now: str, rng: Random) -> dict[str, Any] | None:
    if record["status"] != "open":
        return None
    if rng.random() < 0.3 and record["rfi_manager"]:
        return {"ball_in_court": record["rfi_manager"], "ball_in_courts": [record["rfi_manager"]]}
    return {
        "status": "closed", "translated_status": "Closed", "ball_in_court": None, "ball_in_courts": [],
        "time_resolved": now,
    }  # fmt: skip


def _close_punch_item(record: Record, now: str, _: Random) -> dict[str, Any] | None:
    if record["status"] != "Open":
        return None
    return {
        "status": "Closed", "workflow_status": "closed", "closed_at": now, "closed_by": record["created_by"],
        "ball_in_court": [], "assignments.0.status": "resolved", "assignments.0.responded_at": now,
    }  # fmt: skip


def _return_submittal(record: Record, now: str, _: Random) -> dict[str, Any] | None:
    if record["status"]["name"] != "Open":
        return None
    last = len(record["approvers"]) - 1
    return {
        "status.name": "Closed", "status.status": "Closed", "ball_in_court": [], "distributed_at": now,
        "closed_at": now, f"approvers.{last}.returned_date": now[:10],
        f"approvers.{last}.response": {"id": 1, "name": "Approved as Noted", "considered": "approved"},
    }  # fmt: skip


def _approve_change_order(record: Record, _: str, rng: Random) -> dict[str, Any] | None:
    more = Decimal(rng.randint(4, 180)) * 125
    changes = Decimal(record["approved_change_orders"]) + more
    revised = Decimal(record["revised_contract"]) + more
    left = Decimal(record["remaining_balance_outstanding"]) + more
    pending = Decimal(record["pending_revised_contract"]) + more
    return {
        "approved_change_orders": money(changes), "revised_contract": money(revised),
        "pending_revised_contract": money(pending), "remaining_balance_outstanding": money(left),
    }  # fmt: skip


def _slip_project(record: Record, _: str, rng: Random) -> dict[str, Any] | None:
    finish_on = date.fromisoformat(record["projected_finish_date"][:10]) + timedelta(days=rng.randint(2, 14))
    return {"projected_finish_date": finish_on.isoformat(), "flag": "Yellow"}


def _approve_log(record: Record, now: str, _: Random) -> dict[str, Any] | None:
    # A superintendent approves the logs of the last days, not those of last year.
    is_recent = date.fromisoformat(now[:10]) - date.fromisoformat(record["date"][:10]) <= timedelta(
        days=_APPROVED_WITHIN
    )
    return {"status": "approved"} if is_recent and record["status"] == "pending" else None


def _progress_activity(record: Record, _: str, rng: Random) -> dict[str, Any] | None:
    done = int(record["percent_complete"])
    return {"percent_complete": min(100, done + rng.randint(5, 20))} if 0 < done < 100 else None


_EDITS: Mapping[str, tuple[Edit, int]] = {
    "rfis": (_close_rfi, 9),
    "punch_items": (_close_punch_item, 12),
    "submittals": (_return_submittal, 7),
    "work_order_contracts": (_approve_change_order, 3),
    "projects": (_slip_project, 1),
    "manpower_logs": (_approve_log, 10),
    "schedule_activities": (_progress_activity, 12),
}
_INSERTS: Mapping[str, int] = {
    "rfis": 6, "submittals": 4, "punch_items": 6, "manpower_logs": 12, "photos": 8, "meetings": 2, "observations": 4,
    "change_events": 2,
}  # fmt: skip
_DELETES = ("punch_items", "photos")
