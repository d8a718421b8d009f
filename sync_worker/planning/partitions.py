"""Partitions, each a (stream, scope), in chains where one needs the keys of another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sync_worker.catalog.spec import ScopeKind, StreamSpec
from sync_worker.model import Scope
from sync_worker.planning.selection import COMPANIES, PROJECTS


class Partition(NamedTuple):
    """One (stream, scope) as a unit of work."""

    spec: StreamSpec
    scope: Scope


Chain = tuple[Partition, ...]
"""Partitions of one scope that are read one after the other: a stream, then the streams nested in it."""


def chains(specs: Sequence[StreamSpec], projects_by_company: Mapping[int, Iterable[int]]) -> list[Chain]:
    """Return all partitions of these streams: a company's own first, then project by project.

    The lists of companies and projects are left out; they are read before, to know the scopes.
    """
    families = _families([spec for spec in specs if spec.name not in (COMPANIES, PROJECTS)])
    found: list[Chain] = []
    for company_id, project_ids in projects_by_company.items():
        scopes = {
            ScopeKind.ACCOUNT: [],
            ScopeKind.COMPANY: [Scope(company_id)],
            ScopeKind.PROJECT: [Scope(company_id, project_id) for project_id in project_ids],
        }
        for kind in ScopeKind:
            for scope in scopes[kind]:
                found += [
                    tuple(Partition(spec, scope) for spec in family) for family in families if family[0].scope is kind
                ]
    return found


def _families(specs: Sequence[StreamSpec]) -> list[list[StreamSpec]]:
    """Return each stream with the streams nested in it, parents first."""
    families: dict[str, list[StreamSpec]] = {}
    for spec in specs:
        if spec.parent is None:
            families[spec.name] = [spec]
        else:
            family = families[spec.parent.stream]
            family.append(spec)
            families[spec.name] = family
    return list({id(family): family for family in families.values()}.values())
