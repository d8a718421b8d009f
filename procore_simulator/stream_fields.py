"""Fields with a special meaning in one stream: values that its description allows, objects that only it has."""

from __future__ import annotations

from collections.abc import Mapping

from procore_simulator import words
from procore_simulator.chance import amount, instant, maybe, money, seeded, some
from procore_simulator.draw import Draw, Record
from procore_simulator.fields import Maker, attachments, cost_code, section_of, unnamed, with_vendor
from procore_simulator.ids import identity

_SHARE_OF_FOLDERS = 0.3


def stream_fields(draw: Draw, written: Record) -> Record:
    """Return the fields that this stream writes in its own way and that its story has not written."""
    makers = _STREAM_FIELDS.get(draw.spec.name, {})
    return {name: make(draw) for name, make in makers.items() if name not in written}


def _one_of(*names: str | None) -> Maker:
    return lambda draw: draw.rng.choice(names)


def _named_person(draw: Draw) -> Record:
    found = draw.person()
    return {"id": found.id, "name": found.name}


def _named_people(draw: Draw) -> list[Record]:
    return [{"id": found.id, "name": found.name} for found in some(draw.rng, draw.project.team, 3)]


def _employee(draw: Draw) -> Record:
    found = with_vendor(draw.person())
    return {name: found[name] for name in ("id", "name", "vendor")}


def _files(draw: Draw) -> list[Record]:
    return [unnamed(found) for found in attachments(draw)]


def _impact(draw: Draw) -> Record:
    return {"status": draw.rng.choice(("no_impact", "no_impact", "tbd", "yes_unknown", "yes_known", "n_a"))}


def _section(number: str) -> Maker:
    """Return a maker of a specification section with its number under that name."""

    def make(draw: Draw) -> Record:
        found = section_of(draw, draw.trade())
        return {
            "id": found["id"], "description": found["description"], number: found["number"],
            "latest_revision_url": f"/rest/v1.0/specification_section_revisions/{found['current_revision_id']}",
        }  # fmt: skip

    return make


def _origin(draw: Draw) -> Record | None:
    """Return the inspection or incident that led to an observation, None for most."""
    kind = draw.rng.choice((None, None, "inspection", "incident"))
    if kind is None:
        return None
    if kind == "incident":
        return {"type": kind, "payload": {"incident_id": draw.reference("incidents", 6)}}
    item, of = draw.reference("inspection_items", 9), draw.reference("inspections", 8)
    return {"type": kind, "payload": {"checklist_list_id": of, "checklist_item_id": item}}


def _observation_type(draw: Draw) -> Record:
    serial = draw.rng.randrange(len(words.OBSERVATION_TYPES))
    category, name = words.OBSERVATION_TYPES[serial]
    return {
        "id": identity("observation_types", draw.company.number, serial + 1), "category": category,
        "category_key": category.lower(), "name": name, "localized_name": name, "kind": category.lower(),
        "active": True, "company_active": True, "parent_inactive": False, "in_use": True,
    }  # fmt: skip


def _phrasing(_: Draw) -> Record:
    return {"conforming_response": "Pass", "deficient_response": "Fail", "global": True}


def _response(draw: Draw) -> Record | None:
    status = draw.rng.choice((None, "conforming", "conforming", "non_conforming", "not_applicable"))
    return None if status is None else {"id": draw.serial % 9 + 1, "status": status}


def _response_set(draw: Draw) -> Record:
    found = (("Pass", "conforming"), ("Fail", "non_conforming"), ("N/A", "not_applicable"))
    responses = [{"id": place, "name": name, "status": status} for place, (name, status) in enumerate(found, start=1)]
    return {"id": draw.serial % 4 + 1, "name": "Pass/Fail", "responses": responses}


def _is_folder(draw: Draw) -> bool:
    return seeded(draw.seed, "folder", draw.spec.name, draw.place.number, draw.serial).random() < _SHARE_OF_FOLDERS


def _document_type(draw: Draw) -> str:
    return "folder" if _is_folder(draw) else "file"


def _file(draw: Draw) -> Record | None:
    """Return the file of a document, None for a folder."""
    if _is_folder(draw):
        return None
    found = draw.attachment()
    author, at = draw.staff().reference(), instant(draw.created_at)
    version = {
        "id": draw.id + 1, "notes": draw.rng.choice((None, "", "Issued for bid")), "url": found["url"],
        "size": draw.rng.randint(20_000, 9_000_000), "created_at": at, "number": 1, "created_by": author,
        "prostore_file": found, "file_id": draw.id,
    }  # fmt: skip
    return {
        "checked_out_by": None, "checked_out_until": None, "description": None, "file_type": "pdf",
        "current_version": version,
    }  # fmt: skip


def _children(draw: Draw) -> Record | None:
    if not _is_folder(draw):
        return None
    return {"has_children": False, "has_children_files": False, "has_children_folders": False}


def _summary(draw: Draw) -> Record:
    total = amount(draw.rng, 18_000, 240_000)
    due = total / 10
    return {
        "original_contract_sum": money(total), "contract_sum_to_date": money(total),
        "net_change_by_change_orders": "0.00", "current_payment_due": money(due),
        "completed_work_retainage_percent": "10.00", "completed_work_retainage_amount": money(due / 10),
        "balance_to_finish_including_retainage": money(total - due),
    }  # fmt: skip


def _summary_text(draw: Draw) -> Record:
    firm, month = draw.vendor(), draw.created_at.date().replace(day=1)
    return {
        "project_name": draw.project.name, "project_number": draw.project.code,
        "to_general_contractor": draw.company.name, "subcontractor_name": firm.name,
        "subcontractor_city": firm.city, "subcontractor_state_code": firm.state,
        "requisition_period_start": month.isoformat(), "application_number": str(draw.serial % 100),
    }  # fmt: skip


def _priced_code(draw: Draw) -> Record:
    found = cost_code(draw)
    return {"id": found["id"], "full_code": found["full_code"], "name": found["name"], "origin_id": None}


def _holder(draw: Draw) -> Record:
    return {"id": draw.reference("direct_costs", 8), "holder_type": "DirectCost::Item"}


_CHANGE_STATUSES = ("draft", "under_review", "approved", "approved")
_REVIEWED = dict.fromkeys(("created_by", "designated_reviewer", "received_from", "reviewed_by"), _named_person)
_DOCUMENT = {"document_type": _document_type, "file": _file, "children": _children}
_BODY_PARTS = ("hand", "finger", "ankle", "back", "eye", "knee", "shoulder", "foot", "head", "wrist")

_STREAM_FIELDS: Mapping[str, Mapping[str, Maker]] = {
    "action_plan_items": {"holding_type": _one_of("plan", "section", None)},
    "billing_periods": {"status": _one_of("open", "closed", "closed")},
    "budget_change_adjustment_line_items": {
        "type": _one_of("budget_change", "budget_change", "change_event"),
        "budget_change_status": _one_of(*_CHANGE_STATUSES),
    },
    "budget_changes": {
        "status": _one_of(*_CHANGE_STATUSES),
        "erp_status": _one_of("not_in_erp", "ready_to_export", "synced", "not_integrated"),
    },
    "change_events": {"attachments": _files},
    "commitment_change_orders": _REVIEWED,
    "coordination_issues": {
        "status": _one_of("open", "open", "in_progress", "ready_for_review", "closed"),
        "issue_type": _one_of("clash", "clash", "constructability", "design_review", "building_code"),
        "priority": _one_of("low", "medium", "high", "critical", None),
    },
    "correspondence_items": {
        "status_type": _one_of("Open", "Open", "Closed", "Draft"),
        "cost_impact": _impact,
        "schedule_impact": _impact,
        "document_management_document_revision_ids": lambda draw: [
            str(draw.reference("document_revisions", 9)) for _ in range(draw.rng.randint(0, 3))
        ],
    },
    "direct_cost_line_items": {"cost_code": _priced_code, "holder": _holder},
    "direct_costs": {"status": _one_of("draft", "pending", "approved", "approved", "revise_and_resubmit")},
    "company_documents": _DOCUMENT,
    "documents": _DOCUMENT,
    "incident_environmentals": {"quantity_unit_of_measure": _one_of("ea", "lbs", "cy", "kg", None)},
    "incident_injuries": {
        "filing_type": _one_of("first_aid", "first_aid", "medically_treated", "report_only", "lost_time"),
        "body_diagram_type": _one_of("masculine", "feminine", None),
        "affected_body_part": _one_of(*_BODY_PARTS, None),
        "affected_body_parts": lambda draw: some(draw.rng, _BODY_PARTS, 2),
    },
    "incidents": {"status": _one_of("open", "closed", "closed")},
    "inspection_items": {
        "status": _one_of("yes", "yes", "yes", "no", "n/a", "none"),
        "response": _response,
        "response_set": _response_set,
    },
    "inspections": {
        "status": _one_of("Open", "In Review", "Closed", "Closed"),
        "specification_section": lambda draw: maybe(draw.rng, _section("section")(draw), 0.7),
        "default_response_phrasing": _phrasing,
    },
    "observations": {
        "status": _one_of("initiated", "initiated", "ready_for_review", "not_accepted", "closed", "closed"),
        "priority": _one_of("Low", "Medium", "High", "Urgent", None),
        "assignee": _employee,
        "specification_section": _section("number"),
        "origin": _origin,
        "type": _observation_type,
    },
    "owner_invoices": {
        "status": _one_of("draft", "under_review", "approved", "approved", "revise_and_resubmit"),
        "description_type": _one_of("automatic", "automatic", "custom"),
    },
    "purchase_order_contracts": {
        "billing_schedule_of_values_status": _one_of("draft", "under_review", "approved", None),
    },
    "submittals": {"distribution_members": _named_people},
    "subcontractor_invoices": {"summary": _summary, "summary_text": _summary_text, "attachments": _files},
    "task_items": {"status": _one_of("initiated", "in_progress", "ready_for_review", "closed", "closed")},
}
