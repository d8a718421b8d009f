"""Parameters by which statements name a scope."""

from __future__ import annotations

from sync_worker.model import Scope
from sync_worker.state.executor import Parameter


def scope_parameters(scope: Scope) -> dict[str, Parameter]:
    """Return the parameters that name a scope; `scope_key` is what the generated column of that name computes."""
    return {**scope._asdict(), "scope_key": f"{scope.company_id or 0}/{scope.project_id or 0}"}
