"""The report as JSON for other programs; amounts are text, digit for digit as Procore sent them."""

from __future__ import annotations

import json

from sync_worker.reports.ageing import Share
from sync_worker.reports.flat import Flat, Plain, items, projects
from sync_worker.reports.previous import Figures
from sync_worker.reports.story import Issue, headline, rules
from sync_worker.state.instants import to_text


def render_json(issue: Issue) -> bytes:
    """One object."""
    ageing = issue.ageing
    told = {
        "report": issue.name,
        "title": issue.title,
        "headline": headline(issue),
        "data_as_of": to_text(issue.as_of),
        "rendered_at": to_text(issue.rendered_at),
        "figures": {
            "open": len(ageing.items),
            "overdue": len(ageing.overdue),
            "median_age_days": ageing.median_age_days,
            "opened_in_week": ageing.opened,
            "closed_in_week": ageing.closed,
            "week": [day.isoformat() for day in ageing.week],
            "over_30_days": len(ageing.older),
            "with_cost_or_schedule_impact": len(ageing.with_impact),
            "drafts_left_out": ageing.drafts,
        },
        "last_issue": issue.last and _last(issue.last),
        "bands": [_share(share) for share in ageing.by_band()],
        "holders": [_share(share) for share in ageing.by_holder()],
        "companies": [_share(share) for share in ageing.by_company()],
        "items": _objects(items(issue)),
        "projects": _objects(projects(issue)),
        "rules": list(rules(issue)),
    }
    return json.dumps(told, ensure_ascii=False, indent=2).encode("utf-8", "replace") + b"\n"


def _last(last: Figures) -> dict[str, str | int]:
    """What the figures are to be compared with."""
    return {
        "made_at": to_text(last.made_at),
        "open": last.open,
        "overdue": last.overdue,
        "over_30_days": last.older,
        "with_cost_or_schedule_impact": last.with_impact,
    }


def _share(share: Share) -> dict[str, str | int]:
    return {"name": share.name, "open": share.total, "overdue": share.overdue}


def _objects(flat: Flat) -> list[dict[str, str | int | None]]:
    return [dict(zip(flat.columns, map(_plain, row), strict=True)) for row in flat.rows]


def _plain(value: Plain) -> str | int | None:
    return value if value is None or isinstance(value, str | int) else f"{value}"
