"""Writes a report as JSON for other programs; amounts are text, digit for digit as Procore sent them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sync_worker.clock import utc_text
from sync_worker.reports.document import Bars, Lines
from sync_worker.reports.issue import Issue


def render(issue: Issue) -> dict[str, bytes]:
    """Return one file with one object."""
    document, last = issue.document, issue.last
    content = {
        "report": issue.name,
        "title": issue.title,
        "headline": document.headline,
        "data_as_of": utc_text(issue.as_of),
        "rendered_at": utc_text(issue.made_at),
        "figures": {**document.figures, **document.facts},
        "last_issue": last and {"made_at": utc_text(last.made_at), **last.values},
        **{chart.key: _chart(chart) for chart in document.charts},
        **{table.key: _objects(table.columns, table.rows) for table in (*document.tables, issue.project_table)},
        "rules": issue.rules,
    }
    # `default` turns amounts and days to text; a lone surrogate from Procore becomes a question mark.
    text = json.dumps(content, ensure_ascii=False, indent=2, default=str)
    return {f"{issue.name}.json": text.encode("utf-8", "replace") + b"\n"}


def _chart(chart: Bars | Lines) -> list[dict[str, Any]]:
    name = "name" if isinstance(chart, Bars) else chart.head
    return _objects((name, *chart.measures), chart.rows)


def _objects(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in rows]
