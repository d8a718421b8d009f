"""Stories of the project management tools: RFIs, submittals, punch items, meetings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sync_worker.simulator import words
from sync_worker.simulator.chance import instant, maybe, money, some
from sync_worker.simulator.draw import Draw, Record
from sync_worker.simulator.fields import attachments, choice, cost_code, location, named, trade, with_vendor
from sync_worker.simulator.ids import identity
from sync_worker.simulator.story import Occasion, Story, several


def _subject(draw: Draw) -> str:
    rng = draw.rng
    return rng.choice(words.RFI_SUBJECTS).format(
        grid=f"{rng.choice('ABCDEFGH')}-{rng.randint(1, 12)}",
        door=f"{rng.randint(1, 3)}{rng.randint(10, 42)}A",
        room=rng.choice(words.ROOMS),
        sheet=f"{rng.choice(('A', 'S', 'M'))}-{rng.randint(1, 5)}0{rng.randint(1, 9)}",
        n=rng.randint(1, 14),
    )


def rfi_states(draw: Draw) -> str:
    """Mostly closed when old, open when new, a few drafts."""
    age_days = (draw.now - draw.created_at).days
    if draw.rng.random() < 0.04:
        return "draft"
    return "closed" if draw.rng.random() < min(0.85, age_days / 60) else "open"


def _rfi(draw: Draw) -> Record:
    rng = draw.rng
    author, assignee, manager = draw.sub(), draw.staff(), draw.staff()
    status = rfi_states(draw)
    number = f"{draw.serial % 100_000:03d}"
    subject = _subject(draw)
    due_on = (draw.created_at + timedelta(days=rng.randint(7, 14))).date()
    place = location(draw)
    court = assignee.reference() if status == "open" else None
    return {
        "subject": subject, "number": number, "full_number": number, "prefix": "", "status": status,
        "translated_status": status.capitalize(), "created_by": author.reference(), "received_from": author.reference(),
        "rfi_manager": manager.reference(), "assignee": assignee.reference(),
        "assignees": [assignee.reference() | {"locale": "en", "response_required": True}],
        "ball_in_court": court, "ball_in_courts": [court] if court else [],
        "due_date": due_on.isoformat() if status != "draft" else None,
        "initiated_at": instant(draw.created_at) if status != "draft" else None,
        "time_resolved": instant(draw.updated_at) if status == "closed" else None,
        "responsible_contractor": author.vendor.reference() if author.vendor else None,
        "location": place, "location_id": place["id"], "cost_code": maybe(rng, cost_code(draw), 0.5),
        "questions": [{"id": draw.id + 1, "body": f"{subject}. Please advise.\nSee attached sketch.", "errors": []}],
        "deleted": False, "deleted_at": None, "private": rng.random() < 0.1,
        "project_stage": {"id": 3, "name": draw.project.stage}, "reference": rng.choice(("", "A-201", "S-304", None)),
        "link": f"https://app.procore.example/{draw.project.id}/project/rfi/show/{draw.id}", "sub_job": None,
    }  # fmt: skip


def _submittal(draw: Draw) -> Record:
    rng = draw.rng
    found = draw.trade()
    section = found.code.replace("-", " ") + " 00"
    author, manager = draw.sub(), draw.staff()
    state = rng.choice(("Open", "Open", "Closed", "Closed", "Closed", "Draft"))
    sent_on = draw.created_at.date()
    approvers = [_approver(draw, position, state) for position in range(rng.randint(1, 3))]
    waiting = [approver["user"] for approver in approvers if approver["returned_date"] is None]
    court = [with_vendor(person) for person in draw.project.team if {"id": person.id, "name": person.name} in waiting]
    number = f"{draw.serial % 100_000:03d}"
    return {
        "title": rng.choice(words.SUBMITTAL_TITLES).format(product=found.cost_code),
        "number": number, "formatted_number": f"{section}-{number}", "revision": rng.choice(("0", "0", "0", "1", "2")),
        "current_revision": True, "status": named(draw, "submittal_statuses", words.SUBMITTAL_STATUSES.index(state) + 1,
                                                  state) | {"status": state},
        "type": choice("submittal_types", "Product Information", "Shop Drawing", "Sample", "Other")(draw),
        "specification_section": {
            "id": draw.reference("specification_sections", 20), "number": section, "description": found.cost_code,
            "label": f"{section} - {found.cost_code}",
            "current_revision_id": draw.reference("specification_section_revisions", 20),
        },
        "approvers": approvers, "ball_in_court": court if state == "Open" else [],
        "created_by": {"id": manager.id, "name": manager.name}, "received_from": {"id": author.id, "name": author.name},
        "submittal_manager": {"id": manager.id, "name": manager.name},
        "responsible_contractor": author.vendor.reference() if author.vendor else None,
        "received_date": sent_on.isoformat(), "issue_date": sent_on.isoformat(),
        "submit_by": (sent_on - timedelta(days=7)).isoformat(), "lead_time": rng.choice((None, 2, 6, 12, 26)),
        "due_date": (sent_on + timedelta(days=rng.randint(10, 21))).isoformat(),
        "required_on_site_date": maybe(rng, draw.day(120), 0.6), "actual_delivery_date": None,
        "distributed_at": instant(draw.updated_at) if state == "Closed" else None,
        "closed_at": instant(draw.updated_at) if state == "Closed" else None,
        "location_id": maybe(rng, draw.location().id, 0.4), "sub_job_id": None, "private": False,
        "description": rng.choice(("", None, "Includes §2.1–2.4.", "Resubmittal per review comments")),
        "associated_attachments": [_review_file(draw, number) for number in range(1, rng.randint(1, 3) + 1)],
        "last_distributed_submittal": maybe(rng, _distributed(draw), 0.5) if state == "Closed" else None,
        "submittal_package": None, "scheduled_task": None,
    }  # fmt: skip


def _approver(draw: Draw, position: int, state: str) -> Record:
    person = draw.staff() if position else draw.person()
    responded = state == "Closed" or (position == 0 and draw.rng.random() < 0.4)
    response = choice("submittal_responses", "Approved", "Approved as Noted", "Revise and Resubmit")(draw)
    return {
        "id": draw.id + position, "approver_type": "Approver" if position else "Submitter",
        "user": {"id": person.id, "name": person.name}, "workflow_group_number": position + 1,
        "response_required": True, "response": response | {"considered": "approved"} if responded else None,
        "sent_date": draw.created_at.date().isoformat(), "due_date": draw.day(14),
        "returned_date": draw.updated_at.date().isoformat() if responded else None,
        "comment": draw.rng.choice((None, "", "See marked-up sheets.", "Coordinate with door schedule.")),
        "associated_attachments": [_review_file(draw, 5 + position)] if responded else [],
    }  # fmt: skip


def _review_file(draw: Draw, number: int) -> Record:
    return draw.attachment(number) | {
        "attachment_id": draw.id + number, "attached_at": instant(draw.created_at), "content_type": "application/pdf",
        "state": "active", "updated_at": instant(draw.created_at), "additional_page_count": 0,
    }  # fmt: skip


def _distributed(draw: Draw) -> Record:
    to = some(draw.rng, draw.project.team, 3)
    return {
        "id": draw.id + 9, "distributed_attachments": [draw.attachment(9)], "distributed_responses": [],
        "distributed_by": {"id": to[0].id, "name": to[0].name}, "message": "For your use.",
        "distributed_to": [{"id": person.id, "name": person.name} for person in to],
        "sent_at": instant(draw.updated_at),
    }  # fmt: skip


def _punch_item(draw: Draw) -> Record:
    rng = draw.rng
    sub, manager, author = draw.sub(), draw.staff(), draw.staff()
    closed = rng.random() < 0.6
    workflow = "closed" if closed else rng.choice(("initiated", "work_required", "ready_for_review", "in_dispute"))
    amount = rng.choice((None, None, None, money(rng.randint(2, 90) * 50)))
    return {
        "name": rng.choice(words.PUNCH_NAMES), "position": draw.serial % 100_000,
        "status": "Closed" if closed else "Open", "workflow_status": workflow,
        "closed_at": instant(draw.updated_at) if closed else None,
        "closed_by": manager.reference() if closed else None, "deleted_at": None,
        "priority": rng.choice(("Low", "Medium", "High", None)), "due_date": draw.day(21),
        "description": rng.choice(("", None, "<p>See photo. Typical at all units.</p>", "Both sides")),
        "location": location(draw) | {"code": ""}, "trade": trade(draw), "cost_code": maybe(rng, cost_code(draw), 0.3),
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
        "attachments": attachments(draw), "notified_at": instant(draw.created_at),
        "responded_at": instant(draw.updated_at) if closed else None, "status": "resolved" if closed else "unresolved",
        "user_name": person.name, "updated_at": instant(draw.updated_at), "manager_accepted_at": None,
    }  # fmt: skip


def _meetings(occasion: Occasion) -> Sequence[Any]:
    each = max(1, round(occasion.rng.randint(3, 8) * occasion.scale))
    return [(series, number) for series in words.MEETING_SERIES for number in range(1, each + 1)]


def _meeting(draw: Draw) -> Record:
    (title, where), number = draw.subject or (draw.rng.choice(words.MEETING_SERIES), draw.serial)
    starts_at = (draw.created_at + timedelta(days=draw.rng.randint(1, 9))).replace(minute=0, second=0)
    return {
        "title": f"{title} #{number}", "position": number, "location": where, "created_by_id": draw.staff().id,
        "mode": "minutes" if starts_at < draw.now else "agenda", "occurred": starts_at < draw.now,
        "starts_at": instant(starts_at), "ends_at": instant(starts_at + timedelta(hours=1)), "parent_id": None,
        "meeting_topics_count": draw.rng.randint(2, 24), "is_private": draw.rng.random() < 0.1,
        "description": draw.rng.choice(("", None, "Standing agenda")),
        "meeting_template_id": None,
    }  # fmt: skip


def _replies(occasion: Occasion) -> Sequence[int]:
    asked_at = str((occasion.place.parent or {}).get("created_at"))
    # Nobody answers on the same day.
    return range(occasion.rng.randint(0, 2) if asked_at < occasion.today.isoformat() else 0)


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
    "rfis": Story(several(35, 75), _rfi),
    "submittals": Story(several(45, 95), _submittal),
    "punch_items": Story(several(30, 90), _punch_item),
    "meetings": Story(_meetings, _meeting),
    "rfi_replies": Story(_replies, _reply),
    "drawing_disciplines": Story(lambda _: words.DISCIPLINES, _discipline),
    "drawings": Story(several(2, 5), _drawing),
    "specification_sets": Story(lambda _: ("Bid Set", "Issued for Construction", "Bulletin 04"), _specification_set),
}
