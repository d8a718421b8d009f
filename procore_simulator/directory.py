"""Stories of the directory and the portfolio: companies, projects, people, vendors, roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from procore_simulator import words
from procore_simulator.cast import Person, Project, Vendor, cast_project
from procore_simulator.chance import amount, instant, maybe, money
from procore_simulator.draw import Draw, Record
from procore_simulator.fields import choice, cost_code, named
from procore_simulator.ids import identity
from procore_simulator.story import ListContext, Story, several


def _company(draw: Draw) -> Record:
    company = draw.company
    return {
        "id": company.id, "name": company.name, "is_active": True, "my_company": True,
        "pcn_business_experience": False, "logo_url": draw.file_url("logo.png"),
    }  # fmt: skip


def _project(draw: Draw) -> Record:
    found: Project = draw.subject or cast_project(draw.seed, draw.company, draw.serial, draw.now)
    site = found.site
    region, office = words.BRANCHES[site.state]
    awarded_at = datetime.combine(found.start_on, time(15), draw.now.tzinfo) - timedelta(days=draw.rng.randint(30, 90))
    draw.happened(awarded_at, draw.now - timedelta(days=draw.rng.randint(1, 30)))
    stage = named(draw, "project_stages", list(words.STAGES).index(found.stage) + 1, found.stage)
    return {
        "id": found.id, "name": found.name, "display_name": f"{found.code} {found.name}", "active": found.is_active,
        "project_number": found.code, "accounting_project_number": found.code.replace("-", ""),
        "company": {"id": draw.company.id, "name": draw.company.name},
        "address": site.street, "city": site.city, "state_code": site.state, "zip": site.zip, "county": site.county,
        "country_code": "US", "latitude": site.latitude, "longitude": site.longitude,
        "time_zone": site.time_zone, "tz_name": site.time_zone,
        "total_value": money(found.value),
        "estimated_value": money(found.value - amount(draw.rng, 10_000, 900_000)),
        "start_date": found.start_on.isoformat(), "actual_start_date": found.start_on.isoformat(),
        "estimated_start_date": (found.start_on - timedelta(days=21)).isoformat(),
        "completion_date": found.finish_on.isoformat(),
        "estimated_completion_date": found.finish_on.isoformat(),
        "projected_finish_date": (found.finish_on + timedelta(days=draw.rng.randint(-14, 45))).isoformat(),
        "warranty_start_date": found.finish_on.isoformat(),
        "warranty_end_date": (found.finish_on + timedelta(days=365)).isoformat(),
        "project_stage": stage,
        "project_type": named(draw, "project_types", words.PROJECT_KINDS.index(site.kind) + 1, site.kind),
        "project_owner_type": choice("project_owner_types", *words.OWNER_TYPES)(draw),
        "project_region": named(draw, "project_regions", words.REGIONS.index(region) + 1, region),
        "office": named(draw, "offices", words.OFFICES.index(office) + 1, office),
        "departments": [choice("departments", "Operations", "Special Projects")(draw)],
        "flag": draw.rng.choice(("Green", "Green", "Yellow", "Red", None)),
        "square_feet": draw.rng.randint(18, 420) * 500,
        "description": f"{site.kind} project in {site.city}, {site.state}.",
        "phone": f"({draw.rng.randint(201, 989)}) 555-0{draw.rng.randint(100, 199)}",
        "inbound_email": f"project-{found.code}@mail.procore.example",
        "logo_url": draw.file_url("logo.png"), "is_demo": False, "persistent_message": None,
    }  # fmt: skip


def _new_person(draw: Draw) -> Person:
    first, last = draw.rng.choice(words.FIRST_NAMES), draw.rng.choice(words.LAST_NAMES)
    return Person(draw.id, first, last, "Project Engineer", f"user{draw.serial}@newhire.example", None, True)


def _user(draw: Draw) -> Record:
    found: Person = draw.subject or _new_person(draw)
    rng = draw.rng
    template = choice("permission_templates", *words.TEMPLATES)(draw)
    return {
        "id": found.id, "first_name": found.first_name, "last_name": found.last_name, "name": found.name,
        "initials": found.first_name[0] + found.last_name[0], "email_address": found.email,
        "job_title": found.job_title, "is_active": found.is_active,
        "is_employee": found.vendor is None, "employee_id": f"E{draw.serial:04d}" if found.vendor is None else None,
        "vendor": found.vendor.reference() if found.vendor else {"id": draw.company.id, "name": draw.company.name},
        "mobile_phone": f"({rng.randint(201, 989)}) 555-0{rng.randint(100, 199)}",
        "business_phone_extension": maybe(rng, rng.randint(100, 899), 0.5), "avatar": None,
        "permission_template": template | {"project_specific": False, "type": "global"},
        "company_permission_template": maybe(rng, template | {"project_specific": False, "type": "company_tools"}, 0.5),
        "last_login_at": maybe(rng, instant(draw.updated_at), 0.9), "role": maybe(rng, rng.choice(words.ROLES), 0.4),
        "notes": rng.choice((None, "", "Prefers text messages.")), "fax_number": "", "email_signature": None,
    }  # fmt: skip


def _contact(draw: Draw) -> Record:
    """Write a person for the list of all people, who may have no login."""
    found: Person = draw.subject or _new_person(draw)
    return {
        "first_name": found.first_name, "last_name": found.last_name, "is_employee": found.vendor is None,
        "user_id": found.id if draw.subject else None, "work_classification_id": None, "origin_id": None,
        "employee_id": f"E{draw.serial:04d}" if found.vendor is None else None,
        "user_uuid": f"{draw.rng.getrandbits(128):032x}" if draw.subject else None,
        "contact": {"id": draw.id + 1, "email": found.email, "is_active": found.is_active},
    }  # fmt: skip


def _crew(draw: Draw) -> Record:
    lead, *members = draw.rng.sample(draw.project.team, min(4, len(draw.project.team)))
    return {
        "name": f"{draw.trade().name} crew {draw.serial}", "lead": lead.reference(), "lead_party": lead.reference(),
        "members": [member.reference() for member in members],
        "employees": [member.reference() for member in members if member.vendor is None],
    }  # fmt: skip


def _milestone(draw: Draw) -> Record:
    name = draw.subject or f"Milestone {draw.serial}"
    share = draw.serial / (len(words.MILESTONES) + 1)
    planned = draw.project.start_on + (draw.project.finish_on - draw.project.start_on) * min(share, 1)
    actual = planned + timedelta(days=draw.rng.randint(-3, 12))
    return {
        "name": name, "date": planned.isoformat(), "display_on_timeline": True, "project_membership_id": None,
        "actual_date": actual.isoformat() if actual < draw.now.date() else None,
    }  # fmt: skip


def _vendor(draw: Draw) -> Record:
    rng = draw.rng
    found: Vendor = draw.subject or Vendor(
        draw.id, f"Newcomer {draw.serial} LLC", draw.trade(), "Peoria", "IL", is_active=True
    )
    trade = {
        "id": identity("trades", draw.company.number, words.ALL_TRADES.index(found.trade) + 1),
        "name": found.trade.name, "active": True, "updated_at": instant(draw.founded_at - timedelta(days=700)),
    }  # fmt: skip
    contact = next((person for person in draw.company.people if person.vendor == found), None)
    return {
        "id": found.id, "name": found.name, "legal_name": found.name, "abbreviated_name": found.name[:8].upper(),
        "company": found.name, "city": found.city, "state_code": found.state, "country_code": "US",
        "email_address": f"office@{found.domain}", "website": f"https://www.{found.domain}",
        "is_active": found.is_active, "company_vendor": True, "trade_name": found.trade.name, "trades": [trade],
        "contact_count": 1 if contact else 0, "prequalified": rng.random() < 0.6,
        "license_number": f"{found.state}-{rng.randint(10_000, 99_999)}",
        "primary_contact": contact and {
            "id": contact.id, "first_name": contact.first_name, "last_name": contact.last_name,
            "email_address": contact.email,
        },
        "bidding": {"small_business": rng.random() < 0.4, "minority_business_enterprise": rng.random() < 0.2,
                    "womens_business": rng.random() < 0.2},
        "standard_cost_codes": [cost_code(draw)], "parent": None, "children_count": 0, "business_register": None,
        "logo": None, "labor_union": rng.choice((None, "", "Local 597", "Local 134")), "notes": rng.choice((None, "")),
    }  # fmt: skip


def _role(draw: Draw) -> Record:
    name = draw.subject or f"Role {draw.serial}"
    return {
        "name": name, "position": draw.serial, "type": "role", "deletable": draw.serial > len(words.ROLES) // 2,
        "archetype": name.lower().replace(" ", "_").replace("'", ""), "add_to_project_team": True,
        "display_on_company_home": draw.serial <= 4,
    }  # fmt: skip


def _project_role(draw: Draw) -> Record:
    person: Person = draw.person()
    return {"name": draw.subject, "role": draw.subject, "user_id": person.id, "user_name": person.name}


def _location(draw: Draw) -> Record:
    found = draw.subject or draw.location()
    return {"id": found.id if draw.subject else draw.id, "name": found.name, "node_name": found.node_name,
            "parent_id": found.parent_id}  # fmt: skip


def _trade(draw: Draw) -> Record:
    return {"name": draw.subject.name if draw.subject else f"Trade {draw.serial}", "active": True}


def _cost_code(draw: Draw) -> Record:
    found = draw.subject or draw.trade()
    division, _, code = found.code.partition("-")
    return {
        "name": found.cost_code, "code": code, "full_code": found.code, "sortable_code": found.code,
        "budgeted": draw.rng.random() < 0.9, "biller": draw.project.name, "biller_id": draw.project.id,
        "biller_type": "Project", "parent": {"id": draw.id + 500, "code": division},
        "flat_code": f"{found.code}.S", "flat_name": f"{found.cost_code}.Commitment", "status": "active",
        "description": f"{found.cost_code}.Commitment",
    }  # fmt: skip


def _projects(context: ListContext) -> Sequence[Any]:
    return context.place.company.projects


def _trades(_: ListContext) -> Sequence[Any]:
    return words.TRADES


def _all_trades(_: ListContext) -> Sequence[Any]:
    return words.ALL_TRADES


def _team(context: ListContext) -> Sequence[Any]:
    return context.place.project.team if context.place.project else ()


def _bidders(context: ListContext) -> Sequence[Any]:
    return [person for person in _team(context) if person.vendor is not None]


def _project_vendors(context: ListContext) -> Sequence[Any]:
    return context.place.project.vendors if context.place.project else ()


def _locations(context: ListContext) -> Sequence[Any]:
    return context.place.project.locations if context.place.project else ()


STORIES: Mapping[str, Story] = {
    "companies": Story(lambda _: range(1), _company),
    "projects": Story(_projects, _project),
    "company_users": Story(lambda context: context.place.company.people, _user),
    "company_people": Story(lambda context: context.place.company.people, _contact),
    "crews": Story(several(2, 5), _crew),
    "bid_contacts": Story(_bidders, _user),
    "project_dates": Story(lambda _: words.MILESTONES, _milestone),
    "vendors": Story(lambda context: context.place.company.vendors, _vendor),
    "roles": Story(lambda _: words.ROLES, _role),
    "project_users": Story(_team, _user),
    "project_vendors": Story(_project_vendors, _vendor),
    "project_roles": Story(lambda _: words.ROLES[:8], _project_role),
    "locations": Story(_locations, _location),
    "trades": Story(_all_trades, _trade),
    "cost_codes": Story(_trades, _cost_code),
    "standard_cost_codes": Story(_trades, _cost_code),
    "wbs_codes": Story(_trades, _cost_code),
}
