"""A report as JSON for other programs; amounts are text, digit for digit as Procore sent them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from sync_worker.clock import utc_text
from sync_worker.reports.document import Bars, Block, Lines, PageTable, Tile
from sync_worker.reports.issue import Issue


def render(issue: Issue) -> dict[str, bytes]:
    """Return one file with one object."""
    document, last = issue.document, issue.last
    charts: dict[str, Any] = {}
    for block in document.blocks:
        charts |= _chart(block)
    content = {
        "report": issue.name,
        "title": issue.title,
        "headline": document.headline,
        "data_as_of": utc_text(issue.as_of),
        "rendered_at": utc_text(issue.made_at),
        "figures": {**document.figures, **document.facts},
        "last_issue": last and {"made_at": utc_text(last.made_at), **last.values},
        **charts,
        **{table.key: _objects(table.columns, table.rows) for table in (*document.tables, issue.project_table)},
        "rules": issue.rules,
    }
    # `default` converts amounts and days to text; a lone surrogate from Procore becomes a question mark.
    text = json.dumps(content, ensure_ascii=False, indent=2, default=str)
    return {f"{issue.name}.json": text.encode("utf-8", "replace") + b"\n"}


def _chart(block: Block) -> Mapping[str, list[dict[str, Any]]]:
    """Return the values of a chart under its key; those of tiles and tables are in `figures` and `tables`."""
    match block:
        case Bars():
            found = {block.key: _objects(("name", *block.measures), block.rows)}
        case Lines():
            found = {block.key: _objects((block.head, *block.measures), block.rows)}
        case Tile() | PageTable():
            return {}
        case _:
            assert_never(block)
    return found if block.key else {}


def _objects(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in rows]
