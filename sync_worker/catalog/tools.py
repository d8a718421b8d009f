"""The list of a project's tools, which shows which other lists can be read there, and the names of tools."""

from __future__ import annotations

import re
from collections.abc import Collection

from sync_worker.catalog.spec import ScopeKind, StreamSpec, columns

# Read before the other lists of a project because it saves calls; it cannot be chosen as a stream.
PROJECT_TOOLS = StreamSpec(
    name="project_tools",
    tool="",
    path="/rest/v1.0/projects/{project_id}/tools",
    scope=ScopeKind.PROJECT,
    primary_key=("project_id", "id"),
    fields=columns(integer="id position", string="engine_name title", boolean="is_active required"),
)

# The API reference groups lists by these tools; the list of a project's tools may use the name of their page instead.
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
    """Return True if a stream's tool is among those switched off and not among those switched on.

    False for a name that neither list has.
    """
    names = {_plain(name) for name in (tool.rpartition("/")[2], *_ALSO.get(tool, ()))} - {""}
    return not names.isdisjoint(map(_plain, off)) and names.isdisjoint(map(_plain, on))


def _plain(name: str) -> str:
    """Return a name without case, blanks and plural, for comparing."""
    return re.sub(r"[^a-z0-9]", "", name.lower()).removesuffix("s")
