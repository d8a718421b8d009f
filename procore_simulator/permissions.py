"""What the app may see: companies, projects, tools."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from sync_worker.catalog.spec import StreamSpec


class Refusal(NamedTuple):
    """A status and what the body says."""

    status: int
    message: str


NOT_CONNECTED = Refusal(403, "App is not connected to this company")
NO_PERMISSION = Refusal(403, "You do not have permission to access this resource")
TOOL_DISABLED = Refusal(403, "This tool is not enabled in the project")
NOT_PERMITTED = Refusal(403, "You are not authorized to access this project")
NOT_FOUND = Refusal(404, "Not found")


@dataclass(slots=True)
class Permissions:
    """Everything is permitted until it is taken away; `hidden_status` is how a hidden project answers (403 or 404)."""

    hidden_status: int = 403
    _disconnected: set[int] = field(default_factory=set)
    _hidden: set[int] = field(default_factory=set)
    _forbidden: set[tuple[str, int | None]] = field(default_factory=set)
    _disabled: set[tuple[str, int]] = field(default_factory=set)

    def disconnect(self, company_id: int) -> None:
        """Take the app out of a company."""
        self._disconnected.add(company_id)

    def connect(self, company_id: int) -> None:
        """Put the app back."""
        self._disconnected.discard(company_id)

    def hide_project(self, project_id: int) -> None:
        """Take a project from the permitted ones: it leaves the list and refuses its own."""
        self._hidden.add(project_id)

    def show_project(self, project_id: int) -> None:
        """Permit the project again."""
        self._hidden.discard(project_id)

    def forbid(self, tool: str, project_id: int | None = None) -> None:
        """Take the permission for a tool, or a single stream by name, in one project or everywhere."""
        self._forbidden.add((tool, project_id))

    def permit(self, tool: str, project_id: int | None = None) -> None:
        """Give it back."""
        self._forbidden.discard((tool, project_id))

    def disable_tool(self, tool: str, project_id: int) -> None:
        """Switch a tool off in a project."""
        self._disabled.add((tool, project_id))

    def enable_tool(self, tool: str, project_id: int) -> None:
        """Switch it on again."""
        self._disabled.discard((tool, project_id))

    def is_connected(self, company_id: int) -> bool:
        """Whether the app is installed in the company."""
        return company_id not in self._disconnected

    def is_visible(self, project_id: int) -> bool:
        """Whether the project is among the permitted ones."""
        return project_id not in self._hidden

    def is_active(self, tool: str, project_id: int) -> bool:
        """Whether the tool is switched on in the project."""
        return (tool, project_id) not in self._disabled

    def refusal(self, spec: StreamSpec, project_id: int | None) -> Refusal | None:
        """Why a list may not be read, or None."""
        if project_id is not None:
            if not self.is_visible(project_id):
                return NOT_PERMITTED if self.hidden_status == NOT_PERMITTED.status else NOT_FOUND
            if not self.is_active(spec.tool, project_id):
                return TOOL_DISABLED
        for tool in (spec.tool, spec.name):
            if (tool, None) in self._forbidden or (tool, project_id) in self._forbidden:
                return NO_PERMISSION
        return None
