"""Stories of the project management tools: RFIs, submittals, punch items, meetings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import log
from typing import Any

from procore_simulator import words
from procore_simulator.cast import Location
from procore_simulator.chance import instant, maybe, money, some
from procore_simulator.draw import Draw, Record
from procore_simulator.fields import (
    attachments,
    choice,
    location,
    location_of,
    named,
    named_cost_code,
    section_of,
    trade,
    unnamed,
    with_vendor,
)
from procore_simulator.ids import identity
from procore_simulator.story import ListContext, Story, growing, several

MEDIAN_DAYS_TO_ANSWER = 9
SHARE_NEVER_ANSWERED = 0.04


_OUTDOORS = {"Earthwork": "Site", "Paving": "Site", "Roofing": "Roof"}


def _location_for(draw: Draw, trade_name: str) -> Location:
    """Choose a location where that trade works."""
    areas = (_OUTDOORS[trade_name],) if trade_name in _OUTDOORS else ("Level", "Basement")
    return draw.rng.choice([it for it in draw.project.locations if it.parent_id and it.name.startswith(areas)])


def _question(draw: Draw) -> tuple[str, str, str]:
    """Choose the question of an RFI, the trade that asks and the firm that answers."""
    rng = draw.rng
    trades = {vendor.trade.name for vendor in draw.project.vendors}
    subjects = [it for it in words.RFI_SUBJECTS if it[1] in trades] or list(words.RFI_SUBJECTS)
    subject, trade_name, designer = rng.choice(subjects)
    placeholders = {
        "grid": f"{rng.choice('ABCDEFGH')}-{rng.randint(1, 12)}", "door": f"{rng.randint(1, 3)}{rng.randint(10, 42)}A",
        "room": "{room}", "sheet": f"{rng.randint(1, 5)}0{rng.randint(1, 9)}", "n": rng.randint(1, 14),
    }  # fmt: skip
    return subject.format(**placeholders), trade_name, designer


def settled(draw: Draw, median_days: float, never: float = 0.0) -> bool:
    """Return True if the record is closed by now, about `median_days` after its creation; sets `updated_at`."""
    days = draw.rng.lognormvariate(log(median_days), 0.7)
    at = draw.created_at + timedelta(days=days, minutes=draw.rng.randint(-200, 200))
    # A project that is over has nothing open.
    is_stuck = draw.rng.random() < never and draw.progress < 1
    if is_stuck or at > draw.now:
        return False
    draw.happened(draw.created_at, at)
    return True


def due_on(draw: Draw, least_days: int, most_days: int) -> date:
    """Draw a working day after the record's creation, in that range of days."""
    day = (draw.created_at + timedelta(days=draw.rng.randint(least_days, most_days))).date()
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


def _rfi(draw: Draw) -> Record:
    rng = draw.rng
    subject, trade_name, designer = _question(draw)
    place = location_of(draw, _location_for(draw, trade_name))
    subject = subject.replace("{room}", place["node_name"])
    asking = [vendor.reference() for vendor in draw.project.vendors if vendor.trade.name == trade_name]
    author, assignee, manager = draw.someone_of(trade_name), draw.someone_of(designer), draw.staff()
    is_draft = (draw.now - draw.created_at).days < 14 and rng.random() < 0.1
    is_closed = not is_draft and settled(draw, MEDIAN_DAYS_TO_ANSWER, SHARE_NEVER_ANSWERED)
    status = "draft" if is_draft else "closed" if is_closed else "open"
    number = f"{draw.serial % 100_000:03d}"
    court = assignee.reference() if status == "open" else None
    return {
        "subject": subject, "number": number, "full_number": number, "prefix": "", "status": status,
        "translated_status": status.capitalize(), "created_by": author.reference(), "received_from": author.reference(),
        "rfi_manager": manager.reference(), "assignee": assignee.reference(),
        "assignees": [assignee.reference() | {"locale": "en", "response_required": True}],
        "ball_in_court": court, "ball_in_courts": [court] if court else [],
        "due_date": due_on(draw, 7, 14).isoformat() if status != "draft" else None,
        "initiated_at": instant(draw.created_at) if status != "draft" else None,
        "time_resolved": instant(draw.updated_at) if status == "closed" else None,
        "responsible_contractor": asking[0] if asking else None,
        "location": place, "location_id": place["id"], "cost_code": maybe(rng, named_cost_code(draw), 0.5),
        "questions": [{"id": draw.id + 1, "body": f"{subject}. Please advise.\nSee attached sketch.", "errors": []}],
        "deleted": False, "deleted_at": None, "private": rng.random() < 0.1,
        "project_stage": {"id": 3, "name": draw.project.stage}, "reference": rng.choice(("", "A-201", "S-304", None)),
        "link": f"https://app.procore.example/{draw.project.id}/project/rfi/show/{draw.id}", "sub_job": None,
    }  # fmt: skip


def _submittal(draw: Draw) -> Record:
    rng = draw.rng
    vendor = draw.vendor()
    found, section = vendor.trade, vendor.trade.section
    author, manager = draw.someone_of(found.name), draw.staff()
    draw.early(0.8)
    is_draft = (draw.now - draw.created_at).days < 21 and rng.random() < 0.15
    is_closed = not is_draft and settled(draw, 20, 0.03)
    state = "Draft" if is_draft else "Closed" if is_closed else "Open"
    sent_on = draw.created_at.date()
    title = rng.choice(words.SUBMITTALS[found.name])
    approvers = [_approver(draw, position, state) for position in range(rng.randint(1, 3))]
    waiting = [approver["user"] for approver in approvers if approver["returned_date"] is None]
    court = [with_vendor(person) for person in draw.project.team if {"id": person.id, "name": person.name} in waiting]
    number = f"{draw.serial % 100_000:03d}"
    return {
        "title": title,
        "number": number, "formatted_number": f"{section}-{number}", "revision": rng.choice(("0", "0", "0", "1", "2")),
        "current_revision": True, "status": named(draw, "submittal_statuses", words.SUBMITTAL_STATUSES.index(state) + 1,
                                                  state) | {"status": state},
        "type": _submittal_type(draw, title),
        "specification_section": section_of(draw, found),
        "approvers": approvers, "ball_in_court": court if state == "Open" else [],
        "created_by": {"id": manager.id, "name": manager.name}, "received_from": {"id": author.id, "name": author.name},
        "submittal_manager": {"id": manager.id, "name": manager.name},
        "responsible_contractor": vendor.reference(),
        "received_date": sent_on.isoformat(), "issue_date": sent_on.isoformat(),
        "submit_by": (sent_on - timedelta(days=7)).isoformat(), "lead_time": rng.choice((None, 2, 6, 12, 26)),
        "due_date": due_on(draw, 14, 21).isoformat(),
        "required_on_site_date": (sent_on + timedelta(days=rng.randint(45, 150))).isoformat(),
        "actual_delivery_date": None,
        "distributed_at": instant(draw.updated_at) if state == "Closed" else None,
        "closed_at": instant(draw.updated_at) if state == "Closed" else None,
        "location_id": maybe(rng, draw.location().id, 0.4), "sub_job_id": None, "private": False,
        "description": rng.choice(("", None, "Includes §2.1–2.4.", "Resubmittal per review comments")),
        "associated_attachments": [_review_file(draw, number) for number in range(1, rng.randint(1, 3) + 1)],
        "last_distributed_submittal": maybe(rng, _distributed(draw), 0.5) if state == "Closed" else None,
        "submittal_package": None, "scheduled_task": None,
    }  # fmt: skip


_SUBMITTAL_TYPES = {"Product Data": "Product Information", "Shop Drawings": "Shop Drawing", "Samples": "Sample"}


def _submittal_type(draw: Draw, title: str) -> Record:
    name = next((type_ for ending, type_ in _SUBMITTAL_TYPES.items() if title.endswith(ending)), "Other")
    return named(draw, "submittal_types", [*_SUBMITTAL_TYPES.values(), "Other"].index(name) + 1, name)


def _approver(draw: Draw, position: int, state: str) -> Record:
    person = draw.someone_of("Architect") if position else draw.staff()
    responded = state == "Closed" or (position == 0 and draw.rng.random() < 0.4)
    response = choice("submittal_responses", "Approved", "Approved as Noted", "Revise and Resubmit")(draw)
    return {
        "id": draw.id + position, "approver_type": "Approver" if position else "Reviewer",
        "user": {"id": person.id, "name": person.name}, "workflow_group_number": position + 1,
        "response_required": True, "response": response | {"considered": "approved"} if responded else None,
        "sent_date": draw.created_at.date().isoformat(), "due_date": draw.day(14),
        "returned_date": draw.updated_at.date().isoformat() if responded else None,
        "comment": draw.rng.choice((None, "", "See marked-up sheets.", "Coordinate with door schedule.")),
        "associated_attachments": [_review_file(draw, 5 + position)] if responded else [],
    }  # fmt: skip


def _review_file(draw: Draw, number: int) -> Record:
    return unnamed(draw.attachment(number)) | {
        "attachment_id": draw.id + number, "attached_at": instant(draw.created_at), "content_type": "application/pdf",
        "state": "active", "updated_at": instant(draw.created_at), "additional_page_count": 0,
    }  # fmt: skip


def _distributed(draw: Draw) -> Record:
    to = some(draw.rng, draw.project.team, 3)
    return {
        "id": draw.id + 9, "distributed_attachments": [unnamed(draw.attachment(9))], "distributed_responses": [],
        "distributed_by": {"id": to[0].id, "name": to[0].name}, "message": "For your use.",
        "distributed_to": [{"id": person.id, "name": person.name} for person in to],
        "sent_at": instant(draw.updated_at),
    }  # fmt: skip


_PUNCH_FROM = 0.7


def _punch_item(draw: Draw) -> Record:
    rng = draw.rng
    sub, manager, author = draw.sub(), draw.staff(), draw.staff()
    # Punch lists are walked when the project nears its end.
    if draw.progress > _PUNCH_FROM and not draw.is_added:
        first = _PUNCH_FROM + (draw.progress - _PUNCH_FROM) * draw.span[0]
        draw.happened(draw.moment_of_life(first), draw.now)
    closed = settled(draw, 12, 0.05)
    workflow = "closed" if closed else rng.choice(("initiated", "work_required", "ready_for_review", "in_dispute"))
    amount = rng.choice((None, None, None, money(rng.randint(2, 90) * 50)))
    return {
        "name": rng.choice(words.PUNCH_NAMES), "position": draw.serial % 100_000,
        "status": "Closed" if closed else "Open", "workflow_status": workflow,
        "closed_at": instant(draw.updated_at) if closed else None,
        "closed_by": manager.reference() if closed else None, "deleted_at": None,
        "priority": rng.choice(("Low", "Medium", "High", None)), "due_date": due_on(draw, 7, 21).isoformat(),
        "description": rng.choice(("", None, "<p>See photo. Typical at all units.</p>", "Both sides")),
        "location": location(draw) | {"code": ""}, "trade": trade(draw),
        "cost_code": maybe(rng, named_cost_code(draw), 0.3),
        "cost_impact": "yes_known" if amount else rng.choice(("no_impact", "tbd", "n_a")), "cost_impact_amount": amount,
        "schedule_impact": "no_impact", "schedule_impact_days": None, "schedule_risk": rng.choice(("ml_low", None)),
        "created_by": author.reference(), "final_approver": _person(author), "punch_item_manager": _person(manager),
        "punch_item_type": _punch_item_type(draw),
        "ball_in_court": [] if closed else [_person(sub)], "assignees": [sub.reference()],
        "assignments": [_assignment(draw, sub, closed=closed)], "private": False,
        "has_resolved_responses": closed, "has_unresolved_responses": not closed,
    }  # fmt: skip


def _punch_item_type(draw: Draw) -> Record:
    serial = draw.rng.randint(1, len(words.PUNCH_TYPES))
    return {"id": identity("punch_item_types", draw.place.number, serial), "name": words.PUNCH_TYPES[serial - 1]}


def _person(person: Any) -> Record:
    return {"id": person.id, "name": person.name, "locale": "en"}


def _assignment(draw: Draw, person: Any, *, closed: bool) -> Record:
    return {
        "id": draw.id + 1, "approved": closed, "comment": draw.rng.choice((None, "Done", "")),
        "login_information_id": person.id, "login_information_name": person.name,
        "login_information": person.reference(), "vendor": person.vendor.reference() if person.vendor else None,
        "attachments": [unnamed(it) for it in attachments(draw)], "notified_at": instant(draw.created_at),
        "responded_at": instant(draw.updated_at) if closed else None, "status": "resolved" if closed else "unresolved",
        "user_name": person.name, "updated_at": instant(draw.updated_at), "manager_accepted_at": None,
    }  # fmt: skip


def _meetings(context: ListContext) -> Sequence[Any]:
    each = max(1, round(context.rng.randint(3, 8) * context.scale))
    return [(series, number, each) for series in words.MEETING_SERIES for number in range(1, each + 1)]


def _meeting(draw: Draw) -> Record:
    series, number, of = draw.subject or (draw.rng.choice(words.MEETING_SERIES), draw.serial, draw.serial - 1)
    title, where = series
    # One meeting a week, each series on its own weekday; the last one is in the future.
    weekday = words.MEETING_SERIES.index(series)
    monday = draw.now - timedelta(days=draw.now.weekday())
    starts_at = (monday + timedelta(days=weekday, weeks=number - of + 1)).replace(hour=15, minute=0, second=0)
    draw.happened(starts_at - timedelta(days=6), starts_at + timedelta(hours=5))
    return {
        "title": f"{title} #{number}", "position": number, "location": where, "created_by_id": draw.staff().id,
        "mode": "minutes" if starts_at < draw.now else "agenda", "occurred": starts_at < draw.now,
        "starts_at": instant(starts_at), "ends_at": instant(starts_at + timedelta(hours=1)), "parent_id": None,
        "meeting_topics_count": draw.rng.randint(2, 24), "is_private": draw.rng.random() < 0.1,
        "description": draw.rng.choice(("", None, "Standing agenda")),
        "meeting_template_id": None,
    }  # fmt: skip


def _replies(context: ListContext) -> Sequence[int]:
    question_at = str((context.place.parent or {}).get("created_at"))
    # The first reply comes on a later day.
    return range(context.rng.randint(0, 2) if question_at < context.today.isoformat() else 0)


def _reply(draw: Draw) -> Record:
    author = draw.staff()
    text = draw.rng.choice(("See revised sketch.", "Proceed as proposed.", "Refer to the specification – no change."))
    return {
        "plain_text_body": text, "rich_text_body": f"<p>{text}</p>", "created_by": author.name,
        "created_by_id": author.id, "answer_date": draw.moment(), "official": draw.rng.random() < 0.5,
    }  # fmt: skip


def _discipline(draw: Draw) -> Record:
    name, abbreviation = draw.subject or (f"Discipline {draw.serial}", "X")
    return {"name": name, "abbreviations": [abbreviation], "position": draw.serial}


def _drawing(draw: Draw) -> Record:
    serial = draw.rng.randrange(len(words.DISCIPLINES))
    name, abbreviation = words.DISCIPLINES[serial]
    number = f"{abbreviation}-{draw.serial % 1_000:03d}"
    return {
        "number": number, "discipline": name, "obsolete": draw.rng.random() < 0.1,
        "drawing_discipline_id": identity("drawing_disciplines", draw.place.number, serial + 1),
        "current_revision": {
            "id": draw.id + 1, "revision_number": str(draw.rng.randint(0, 3)), "drawing_date": draw.day(),
            "pdf_url": draw.file_url(f"{number}.pdf"), "thumbnail_url": draw.file_url(f"{number}_small.png"),
        },
    }  # fmt: skip


def _specification_set(draw: Draw) -> Record:
    return {"name": draw.subject or f"Addendum {draw.serial}", "deleted_at": None}


STORIES: Mapping[str, Story] = {
    "rfis": Story(growing(35, 75), _rfi),
    "submittals": Story(growing(45, 95), _submittal),
    "punch_items": Story(growing(50, 140, after=0.4), _punch_item),
    "meetings": Story(_meetings, _meeting),
    "rfi_replies": Story(_replies, _reply),
    "drawing_disciplines": Story(lambda _: words.DISCIPLINES, _discipline),
    "drawings": Story(several(2, 5), _drawing),
    "specification_sets": Story(lambda _: ("Bid Set", "Issued for Construction", "Bulletin 04"), _specification_set),
}
