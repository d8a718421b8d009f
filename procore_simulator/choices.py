"""Stories of the lists that other records refer to: types, stages, statuses, units, taxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from procore_simulator import words
from procore_simulator.draw import Draw, Record
from procore_simulator.fields import named
from procore_simulator.story import ListContext, Story


def _names(choices: Sequence[str], field: str = "name", **more: object) -> Story:
    """Return a story with one record for each of `choices`. Other records refer to them by position."""

    def compose(draw: Draw) -> Record:
        return {field: _name(draw), **more}

    return Story(lambda _: choices, compose)


def _name(draw: Draw) -> str:
    return draw.subject or f"Choice {draw.serial}"


def _stage(draw: Draw) -> Record:
    name = _name(draw)
    return {
        "name": name, "category": name, "is_bidding_stage": False, "is_concept_stage": False, "readonly": True,
        "default_stage": draw.serial == 1, "project_stage_has_children": False,
    }  # fmt: skip


def _status(draw: Draw) -> Record:
    name = _name(draw)
    return {"name": name, "status": name}


def _permission_template(draw: Draw) -> Record:
    return {"name": _name(draw), "type": "global", "category": "global", "project_specific": False}


def _cost_type(draw: Draw) -> Record:
    """Write a cost type of the company, which every project lists under the same id."""
    name = _name(draw)
    found = named(draw, draw.spec.name, draw.serial, name) if draw.subject else {"name": name}
    base = words.BASE_TYPES.get(name, "other")
    return {**found, "code": name[0], "base_type": base, "origin_data": None, "origin_id": None}


def _segment(draw: Draw) -> Record:
    name = _name(draw)
    return {
        "name": name, "type": name.lower().replace(" ", "_"), "delimiter": "-", "position": draw.serial,
        "structure": "tiered" if name == "Cost Code" else "flat", "required": name != "Sub Job",
        "segment_items_count": len(words.TRADES if name == "Cost Code" else words.COST_TYPES),
    }  # fmt: skip


def _segment_items(context: ListContext) -> Sequence[tuple[str, str]]:
    if (context.place.parent or {}).get("name") == "Cost Code":
        return [(found.code, found.cost_code) for found in words.TRADES]
    return [(name[0], name) for name in words.COST_TYPES]


def _segment_item(draw: Draw) -> Record:
    code, name = draw.subject or (f"99-{draw.serial % 1_000:03d}", "Added Scope")
    parent = draw.place.parent or {}
    return {
        "code": code, "name": name, "path_code": code, "path_ids": [draw.id], "path_codes": [code],
        "path_names": [name], "parent_id": None, "is_parent": False, "in_use": True, "status": "active",
        "segment": {"id": draw.place.parent_id, "name": parent.get("name"), "type": parent.get("type")},
    }  # fmt: skip


def _unit(draw: Draw) -> Record:
    name, description, category = draw.subject or (f"u{draw.serial}", "A unit of our own", words.UNIT_CATEGORIES[0])
    return {
        "name": name, "description": description, "is_standard": draw.subject is not None,
        "uom_category": named(draw, "uom_categories", words.UNIT_CATEGORIES.index(category) + 1, category),
    }  # fmt: skip


def _tax(draw: Draw) -> Record:
    code, description, rate = draw.subject or (f"TX{draw.serial}", "City tax", "1.125")
    return {"code": code, "description": description, "rate1": rate, "archived": False,
            "default_tax_code": draw.serial == 1}  # fmt: skip


def _observation_type(draw: Draw) -> Record:
    category, name = draw.subject or ("Safety", f"Type {draw.serial}")
    return {
        "name": name, "localized_name": name, "category": category, "category_key": category.lower(),
        "kind": category.lower(), "active": True, "company_active": True, "parent_inactive": False,
    }  # fmt: skip


STORIES: Mapping[str, Story] = {
    "project_types": _names(words.PROJECT_KINDS),
    "project_regions": _names(words.REGIONS),
    "project_bid_types": _names(words.BID_TYPES),
    "project_owner_types": _names(words.OWNER_TYPES),
    "project_stages": Story(lambda _: tuple(words.STAGES), _stage),
    "permission_templates": Story(lambda _: words.TEMPLATES, _permission_template),
    "submittal_statuses": Story(lambda _: words.SUBMITTAL_STATUSES, _status),
    "company_timecard_time_types": _names(words.TIME_TYPES, "time_type"),
    "change_order_change_reasons": _names(words.CHANGE_REASONS, "change_reason", show_in_select=True),
    "inspection_types": _names(words.INSPECTION_TYPES, is_deletable=False, deleted_at=None),
    "punch_item_types": _names(words.PUNCH_TYPES),
    "line_item_types": Story(lambda _: words.COST_TYPES, _cost_type),
    "observation_types": Story(lambda _: words.OBSERVATION_TYPES, _observation_type),
    "company_wbs_segments": Story(lambda _: ("Sub Job", "Cost Code", "Cost Type"), _segment),
    "company_wbs_segment_items": Story(_segment_items, _segment_item),
    "uoms": Story(lambda _: words.UNITS, _unit),
    "tax_codes": Story(lambda _: words.TAXES, _tax),
}
