"""Stories of the field: manpower logs, photos, schedules and their activities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from procore_simulator import words
from procore_simulator.cast import Vendor
from procore_simulator.chance import instant, maybe, working_days
from procore_simulator.draw import Draw, Record
from procore_simulator.fields import attachments, choice, location, named_cost_code, trade
from procore_simulator.ids import identity
from procore_simulator.story import ListContext, Story, growing, several

DAYS_OF_LOGS = 60
_SHARE_COMPLETED = 0.85


def _crews(context: ListContext) -> Sequence[tuple[date, Vendor]]:
    project = context.place.project
    if project is None:
        return ()
    wanted = working_days(context.today, max(2, round(DAYS_OF_LOGS * context.scale)))
    days = [day for day in wanted if day >= project.start_on] or wanted[-2:]
    return [
        (day, vendor)
        for day in days
        for vendor in sorted(context.rng.sample(project.vendors, context.rng.randint(2, 6)), key=lambda it: it.id)
    ]


def _manpower_log(draw: Draw) -> Record:
    rng = draw.rng
    day, vendor = draw.subject or (draw.now.date(), draw.vendor())
    draw.dated(day)
    workers, hours = rng.randint(1, 14), rng.choice(("8.0", "8.0", "8.0", "10.0", "4.0", "6.5"))
    author = draw.staff()
    return {
        "date": day.isoformat(), "datetime": f"{day.isoformat()}T12:00:00Z", "position": draw.serial,
        "vendor": vendor.reference(), "num_workers": workers, "num_hours": hours,
        "man_hours": f"{workers * float(hours):.1f}", "notes": _note(draw, vendor),
        "status": "approved" if rng.random() < 0.9 else "pending", "deleted_at": None,
        "user": None, "contact": None, "created_by": author.reference(),
        "cost_code": maybe(rng, named_cost_code(draw), 0.4), "location": maybe(rng, location(draw), 0.7),
        "trade": {"id": identity("trades", draw.company.number, words.ALL_TRADES.index(vendor.trade) + 1),
                  "name": vendor.trade.name, "active": True},
        "permissions": {"can_update": True, "can_delete": False},
    }  # fmt: skip


def _note(draw: Draw, vendor: Vendor) -> str:
    found: str = draw.rng.choice((*words.MANPOWER_NOTES, *words.MANPOWER_NOTES_OF.get(vendor.trade.name, ())))
    return found


def _photo(draw: Draw) -> Record:
    rng = draw.rng
    album = rng.randrange(len(words.ALBUMS))
    filename = f"IMG_{rng.randint(1000, 9999)}.jpg"
    width, height = rng.choice(((4032, 3024), (1920, 1080), (3024, 4032)))
    site = draw.project.site
    return {
        "filename": filename, "url": draw.file_url(filename), "thumbnail_url": draw.file_url(f"thumb_{filename}"),
        "description": rng.choice(("", None, "East elevation", "Slab pour – Level 2", "Before cover-up")),
        "taken_at": instant(draw.created_at - timedelta(minutes=rng.randint(1, 300))),
        "image_category_id": identity("photo_albums", draw.place.number, album + 1),
        "image_category_name": words.ALBUMS[album], "image_category_private": False, "projection": None,
        "width": width, "height": height, "size": rng.randint(400_000, 6_000_000), "private": False,
        "starred": rng.random() < 0.1, "permanently_deleted": False, "comments_count": rng.choice((0, 0, 1)),
        "gps_lat": f"{site.latitude + rng.uniform(-0.002, 0.002):.6f}",
        "gps_long": f"{site.longitude + rng.uniform(-0.002, 0.002):.6f}",
        "uploader": draw.staff().reference(), "location": maybe(rng, location(draw), 0.6),
        "trades": [trade(draw)] if rng.random() < 0.4 else [], "origin_id": None, "daily_log_segment": None,
        "daily_log_header_id": None, "daily_log_segment_id": None,
        "links": {"self": f"/rest/v1.0/images/{draw.id}?project_id={draw.project.id}"},
    }  # fmt: skip


def _album(draw: Draw) -> Record:
    return {
        "name": draw.subject or f"Album {draw.serial}", "position": draw.serial, "private": False,
        "count": draw.rng.randint(0, 60), "cover_photo": draw.file_url("cover.jpg"),
        "links": {"self": f"/rest/v1.0/image_categories/{draw.id}?project_id={draw.project.id}"},
    }  # fmt: skip


def _machines(context: ListContext) -> Sequence[int]:
    return sorted(context.rng.sample(range(1, 7), 3))


def _machine(draw: Draw) -> Record:
    """Write a machine of the company for the project that uses it; an inserted one is new to both."""
    found = {"id": identity("company_equipment", draw.company.number, draw.subject)} if draw.subject else {}
    return {**found, "current_project_id": draw.project.id, "deleted_at": None, "status": "active"}


def _signed_ticket(draw: Draw) -> Record:
    day = draw.created_at.date().isoformat()
    signee = draw.sub().reference()
    return {
        "name": f"T&M ticket {draw.serial:03d}", "number": draw.serial, "reference_number": f"TM-{draw.serial:03d}",
        "work_performed_on_date": day, "status": draw.rng.randint(0, 2), "deleted_at": None,
        "company_signee_party": signee, "customer_signee_party": draw.staff().reference(),
        "company_signature": {"id": draw.id + 1, "attachment": draw.attachment(8, "png")},
        "customer_signature": maybe(draw.rng, {"id": draw.id + 2, "attachment": draw.attachment(9, "png")}, 0.6),
        "time_and_material_entry_attachments": attachments(draw),
    }  # fmt: skip


def _calendar_item(draw: Draw) -> Record:
    start_on = draw.created_at.date() + timedelta(days=draw.rng.randint(0, 20))
    name = draw.rng.choice(_STEPS)[1] or "Milestone"
    return {
        "name": name, "task_name": name, "full_outline_path": name, "start": start_on.isoformat(),
        "finish": (start_on + timedelta(days=draw.rng.randint(0, 10))).isoformat(),
        "percentage": draw.rng.choice((0, 25, 50, 100)), "color": "#2f6fb3", "milestone": name == "Milestone",
    }  # fmt: skip


def _plan_item(draw: Draw) -> Record:
    status = draw.rng.choice(("open", "open", "in_progress", "closed"))
    return {
        "plan_id": draw.reference("action_plans", 8), "title": draw.rng.choice(words.PLAN_STEPS),
        "status": {"id": draw.serial % 3 + 1, "name": status.replace("_", " ").title(), "status": status},
        "plan_item_assignees": [{"id": draw.id + 1, "party": draw.person().reference(), "role": "contractor"}],
        "holding_type": draw.rng.choice(("plan", "section", None)), "position": draw.serial,
    }  # fmt: skip


def _action_plan(draw: Draw) -> Record:
    status = draw.rng.choice(("draft", "in_progress", "in_progress", "completed", "in_revision"))
    return {"status": status, "status_type": status}


def _witness_statement(draw: Draw) -> Record:
    text = draw.rng.choice(("I heard the load shift before it fell.", "I saw him step back from the edge."))
    return {
        "statement": f"<p>{text}</p>", "statement_plain_text": text, "witness": draw.person().reference(),
        "incident_id": draw.reference("incidents", 6), "deleted_at": None,
        "recording": maybe(draw.rng, draw.attachment(7, "m4a"), 0.2),
    }  # fmt: skip


def _schedules(context: ListContext) -> Sequence[str]:
    return ("Baseline Schedule", "Current Schedule")[: context.rng.randint(1, 2)]


def _schedule(draw: Draw) -> Record:
    name = draw.subject or "Recovery Schedule"
    person = draw.staff()
    return {
        "schedule_name": name, "schedule_type": draw.rng.choice(("primavera", "microsoft_project")),
        "is_active": name != "Baseline Schedule", "data_date": draw.updated_at.date().isoformat(),
        "start_date": draw.project.start_on.isoformat(), "calendar_id": "1", "parent_schedule_id": None,
        "created_by": str(person.id), "updated_by": str(person.id), "created_at": instant(draw.created_at),
        "updated_at": instant(draw.updated_at), "deleted_at": None, "deleted_by": None,
    }  # fmt: skip


_STEPS = [(phase, step) for phase, steps in words.SCHEDULE_PHASES for step in (None, *steps)]


def _activities(context: ListContext) -> Sequence[Any]:
    rounds = max(1, round(3 * context.scale))
    return [(phase, step, area) for area in words.AREAS[:rounds] for phase, step in _STEPS]


def _activity(draw: Draw) -> Record:
    rng = draw.rng
    phase, step, area = draw.subject or ("Interiors", "Added Scope", "Level 1")
    order = [phase_ for phase_, _ in words.SCHEDULE_PHASES].index(phase)
    start_on = draw.project.start_on + timedelta(days=order * 80 + rng.randint(0, 60))
    days = 0 if step is None else rng.randint(3, 35)
    elapsed = (draw.now.date() - start_on).days
    vendor = draw.vendor()
    return {
        "activity_name": f"{phase} – {area}" if step is None else f"{step} – {area}",
        "start_date": start_on.isoformat(), "finish_date": (start_on + timedelta(days=days)).isoformat(),
        "duration": days, "duration_unit": "day", "duration_display_unit": "day",
        "percent_complete": max(0, min(100, round(100 * elapsed / days))) if days else 0,
        "parent_id": None, "ordered_parent_index": draw.serial % 1_000, "constraint_type": "as_soon_as_possible",
        "constraint_date": None, "assigned_company": vendor.name if step else None, "calendar_id": "1",
        "crew_size": maybe(rng, rng.randint(2, 16), 0.7), "deadline_date": None, "deadline_variance": None,
        "category_data": [], "resource_data": [], "is_critical": rng.random() < 0.2, "total_float": rng.randint(0, 40),
        "notes": rng.choice(("", None, "Weather dependent")), "created_by": str(draw.staff().id),
        "updated_by": str(draw.staff().id), "created_at": instant(draw.created_at),
        "updated_at": instant(draw.updated_at),
    }  # fmt: skip


def _day_of_log(draw: Draw) -> Record:
    """Set the day of a daily log; its other fields are invented."""
    if draw.subject is not None:
        draw.dated(working_days(draw.now.date(), draw.subject // 2 + 1)[0])
    return {}


def daily_log(low: int = 12, high: int = 30) -> Story:
    """Return the story of a daily log without one of its own: a few entries on the latest working days."""
    return Story(several(low, high), _day_of_log)


def _days_of_logs(context: ListContext) -> Sequence[date]:
    """Return the working days, one header each."""
    project = context.place.project
    wanted = working_days(context.today, max(2, round(DAYS_OF_LOGS * context.scale)))
    return [day for day in wanted if project is None or day >= project.start_on] or wanted[-2:]


def _log_header(draw: Draw) -> Record:
    day = draw.subject or draw.now.date()
    draw.dated(day)
    is_completed = draw.rng.random() < _SHARE_COMPLETED
    by = draw.staff().reference()
    # Most are signed off in the evening, some on the day after.
    signed_at = min(draw.created_at + timedelta(hours=draw.rng.choice((4, 5, 5, 6, 20))), draw.now)
    return {
        "log_date": day.isoformat(), "log_datetime": f"{day.isoformat()}T12:00:00Z", "completed": is_completed,
        "completed_at": instant(signed_at) if is_completed else None, "completed_by": by if is_completed else None,
        "distributed": False, "distributed_at": None, "distributed_by": None,
    }  # fmt: skip


STORIES: Mapping[str, Story] = {
    "manpower_logs": Story(_crews, _manpower_log),
    "daily_log_headers": Story(_days_of_logs, _log_header),
    "photos": Story(growing(25, 55), _photo),
    "photo_albums": Story(lambda _: words.ALBUMS, _album),
    "project_equipment": Story(_machines, _machine),
    "time_and_material_entries": Story(several(3, 9), _signed_ticket),
    "schedule_calendar_items": Story(several(6, 14), _calendar_item),
    "action_plans": Story(several(8, 24), _action_plan),
    "action_plan_items": Story(several(8, 20), _plan_item),
    "incident_witness_statements": Story(several(2, 6), _witness_statement),
    "schedules": Story(_schedules, _schedule),
    "schedule_activities": Story(_activities, _activity),
    "schedule_tasks": Story(several(20, 40), lambda draw: {
        "name": draw.rng.choice(_STEPS)[1] or "Milestone", "trade": choice("trades", "HVAC", "Electrical")(draw),
    }),
}  # fmt: skip
