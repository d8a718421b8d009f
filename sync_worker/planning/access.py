"""Which list stands for a tool when it is asked whether the tool may be read. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sync_worker.catalog.spec import ScopeKind, StreamSpec
from sync_worker.model import Scope
from sync_worker.planning.partitions import Partition
from sync_worker.planning.selection import COMPANIES, PROJECTS


class ToolLists(NamedTuple):
    """A tool in a scope, with the lists of it that are read there; nested lists tell of their parents."""

    name: str
    scope: Scope
    specs: Sequence[StreamSpec]

    @property
    def partitions(self) -> list[Partition]:
        """Its lists in this scope."""
        return [Partition(spec, self.scope) for spec in self.specs]

    @property
    def asked(self) -> StreamSpec:
        """The list that stands for it: rather one that can be asked for a single row, and that is not sensitive."""
        return min(self.specs, key=lambda spec: (spec.sensitive, spec.paging.per_page is None))


def tools(specs: Sequence[StreamSpec], projects: Mapping[int, Sequence[int]]) -> list[ToolLists]:
    """Every company × tool, then every project × tool; what is in no tool stands for itself."""
    own = [spec for spec in specs if spec.parent is None and spec.name not in (COMPANIES, PROJECTS)]
    of_company, of_project = (_by_tool(own, kind) for kind in (ScopeKind.COMPANY, ScopeKind.PROJECT))
    companies = [ToolLists(name, Scope(it), lists) for it in projects for name, lists in of_company.items()]
    return companies + [
        ToolLists(name, Scope(company_id, project_id), lists)
        for company_id, project_ids in projects.items()
        for project_id in project_ids
        for name, lists in of_project.items()
    ]


def _by_tool(specs: Sequence[StreamSpec], kind: ScopeKind) -> dict[str, list[StreamSpec]]:
    found: dict[str, list[StreamSpec]] = {}
    for spec in specs:
        if spec.scope is kind:
            found.setdefault(spec.tool or spec.name, []).append(spec)
    return found
