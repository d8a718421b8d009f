"""The list of a project's tools, which says what else is worth asking for there, and how Procore names them."""

from __future__ import annotations

import re
from collections.abc import Collection

from sync_worker.catalog.spec import ScopeKind, StreamSpec, columns

# Read for what it saves, with whatever else a project is read for; nobody chooses it.
PROJECT_TOOLS = StreamSpec(
    name="project_tools",
    tool="",
    path="/rest/v1.0/projects/{project_id}/tools",
    scope=ScopeKind.PROJECT,
    primary_key=("project_id", "id"),
    fields=columns(integer="id position", string="engine_name title", boolean="is_active required"),
)

# Procore's reference groups lists by these tools; in a project they may go by the name of the page that shows them.
_ALSO = {
    "Construction Financials/Budget": ("budgeting",),
    "Core/Documents": ("document_management",),
    "Preconstruction/Bid Management": ("bidding",),
    "Project Management/Drawings": ("drawing_log",),
    "Project Management/Inspections": ("checklists",),
    "Project Management/Photos": ("images",),
    "Project Management/Specifications": ("specification_sections", "specbook"),
    "Project Management/Submittals": ("submittal_log",),
}


def is_off(tool: str, off: Collection[str], on: Collection[str]) -> bool:
    """Whether a stream's tool is switched off, by the names of those that are off and of those that are on.

    A name that is not recognised says nothing.
    """
    names = {_plain(name) for name in (tool.rpartition("/")[2], *_ALSO.get(tool, ()))} - {""}
    return not names.isdisjoint(map(_plain, off)) and names.isdisjoint(map(_plain, on))


def _plain(name: str) -> str:
    """A name as it is compared: neither case nor blanks nor whether it is one or many matter."""
    return re.sub(r"[^a-z0-9]", "", name.lower()).removesuffix("s")
