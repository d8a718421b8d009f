"""The report as one HTML file: no script, nothing from elsewhere, every text escaped."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from sync_worker.reports.story import Issue, instant_text, page


def render_html(issue: Issue) -> bytes:
    """The whole page."""
    return _template().render(page=page(issue)).encode("utf-8")


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("sync_worker.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["instant"] = instant_text
    return environment.get_template("page.html")
