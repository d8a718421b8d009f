"""Permissions of the app: companies, projects, tools."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from sync_worker.catalog.spec import StreamSpec


class Refusal(NamedTuple):
    """A status and the message in the body."""

    status: int
    message: str


NOT_CONNECTED = Refusal(403, "App is not connected to this company")
NO_PERMISSION = Refusal(403, "You do not have permission to access this resource")
TOOL_DISABLED = Refusal(403, "This tool is not enabled in the project")
NOT_PERMITTED = Refusal(403, "You are not authorized to access this project")
NOT_FOUND = Refusal(404, "Not found")


@dataclass(slots=True)
class Permissions:
    """Everything is permitted unless revoked; `hidden_status` is the status of a hidden project, 403 or 404."""

    hidden_status: int = 403
    _disconnected: set[int] = field(default_factory=set)
    _hidden: set[int] = field(default_factory=set)
    _forbidden: set[tuple[str, int | None]] = field(default_factory=set)
    _disabled: set[tuple[str, int]] = field(default_factory=set)

    def disconnect(self, company_id: int) -> None:
        """Disconnect the app from a company."""
        self._disconnected.add(company_id)

    def connect(self, company_id: int) -> None:
        """Connect the app to the company again."""
        self._disconnected.discard(company_id)

    def hide_project(self, project_id: int) -> None:
        """Remove a project from the permitted ones: it leaves the list of projects, and its own lists are refused."""
        self._hidden.add(project_id)

    def show_project(self, project_id: int) -> None:
        """Permit the project again."""
        self._hidden.discard(project_id)

    def forbid(self, tool: str, project_id: int | None = None) -> None:
        """Revoke the permission for a tool, or for one stream by name, in one project or everywhere."""
        self._forbidden.add((tool, project_id))

    def permit(self, tool: str, project_id: int | None = None) -> None:
        """Give the permission back."""
        self._forbidden.discard((tool, project_id))

    def disable_tool(self, tool: str, project_id: int) -> None:
        """Switch a tool off in a project."""
        self._disabled.add((tool, project_id))

    def enable_tool(self, tool: str, project_id: int) -> None:
        """Switch the tool on again."""
        self._disabled.discard((tool, project_id))

    def is_connected(self, company_id: int) -> bool:
        """Return True if the app is installed in the company."""
        return company_id not in self._disconnected

    def is_visible(self, project_id: int) -> bool:
        """Return True if the project is permitted."""
        return project_id not in self._hidden

    def is_active(self, tool: str, project_id: int) -> bool:
        """Return True if the tool is switched on in the project."""
        return (tool, project_id) not in self._disabled

    def refusal(self, spec: StreamSpec, project_id: int | None) -> Refusal | None:
        """Return the refusal of a list, None if it may be read."""
        if project_id is not None:
            if not self.is_visible(project_id):
                return NOT_PERMITTED if self.hidden_status == NOT_PERMITTED.status else NOT_FOUND
            if not self.is_active(spec.tool, project_id):
                return TOOL_DISABLED
        for tool in (spec.tool, spec.name):
            if (tool, None) in self._forbidden or (tool, project_id) in self._forbidden:
                return NO_PERMISSION
        return None
