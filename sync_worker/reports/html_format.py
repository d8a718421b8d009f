"""A report as one HTML file: no script, no external resources, every text escaped."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import assert_never

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from sync_worker.reports.document import Bars, Block, Lines, PageTable, Tile
from sync_worker.reports.issue import Issue
from sync_worker.reports.text import amount, instant_text, short_day


def render(issue: Issue) -> dict[str, bytes]:
    """Return the page; tiles that follow each other share a section, as charts do."""
    groups = groupby(issue.document.blocks, key=_section)
    sections = [(kind, list(blocks)) for kind, blocks in groups]
    return {f"{issue.name}.html": _template().render(issue=issue, sections=sections).encode("utf-8")}


def _section(block: Block) -> str:
    match block:
        case Tile():
            return "tiles"
        case Bars() | Lines():
            return "charts"
        case PageTable():
            return "tables"
        case _:
            assert_never(block)


def _paths(chart: Lines) -> list[str]:
    """Return the SVG path of each line in a box of 100 by 100; a day without data interrupts it."""
    values = [value for line in chart.lines.values() for value in line if value is not None]
    highest, lowest = max([0, *values]), min([0, *values])
    height, width = (highest - lowest) or 1, (len(chart.days) - 1) or 1
    paths: list[str] = []
    for line in chart.lines.values():
        steps: list[str] = []
        is_gap = True
        for place, value in enumerate(line):
            if value is not None:
                x, y = 100 * place / width, float(100 * (highest - value) / height)
                # A line of length 0 is drawn as a dot, so that a single day between two gaps is visible.
                steps.append(f"M{x:.2f} {y:.2f}h0" if is_gap else f"L{x:.2f} {y:.2f}")
            is_gap = value is None
        paths.append("".join(steps))
    return paths


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("sync_worker.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(instant=instant_text, amount=amount, day=short_day, paths=_paths)
    return environment.get_template("page.html")
