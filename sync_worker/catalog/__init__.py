"""The streams that ship with the program: data, no I/O; one file for each family of Procore's tools.

Lists are sorted by id where Procore allows it, else by `created_at`: a record that is created or edited between two
pages then moves no other one, so fewer sweeps are repeated. The order of the other lists is not documented.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from types import MappingProxyType

from sync_worker.catalog.spec import ScopeKind, StreamSpec

__all__ = ["STREAMS", "assemble", "tagged"]

FAMILIES = (
    "portfolio",
    "company_settings",
    "custom_fields",
    "directory",
    "project_setup",
    "work_breakdown",
    "units_of_measure",
    "tax",
    "rfis",
    "submittals",
    "punch_list",
    "tasks",
    "meetings",
    "correspondence",
    "coordination_issues",
    "drawings",
    "specifications",
    "documents",
    "photos",
    "forms",
    "schedule",
    "bidding",
    "daily_logs",
    "field_productivity",
    "observations",
    "incidents",
    "inspections",
    "action_plans",
    "budget",
    "prime_contracts",
    "commitments",
    "change_orders",
    "change_events",
    "direct_costs",
)
"""The modules of this package that have `STREAMS`, in the order in which streams are listed."""


def assemble(specs: Iterable[StreamSpec]) -> Mapping[str, StreamSpec]:
    """Return the streams by name: account, then company, then project streams, parents before nested ones.

    Raises ValueError when a name is taken twice or a parent is missing.
    """
    by_name: dict[str, StreamSpec] = {}
    for spec in specs:
        if spec.name in by_name:
            raise ValueError(f"stream {spec.name} is declared twice")
        by_name[spec.name] = spec
    scopes = list(ScopeKind)
    ordered = sorted(by_name.values(), key=lambda spec: (scopes.index(spec.scope), len(_ancestors(spec, by_name))))
    return MappingProxyType({spec.name: spec for spec in ordered})


def _ancestors(spec: StreamSpec, by_name: Mapping[str, StreamSpec]) -> list[str]:
    found: list[str] = []
    while spec.parent is not None:
        name = spec.parent.stream
        if name not in by_name:
            raise ValueError(f"stream {spec.name} is nested in {name}, which is not declared")
        if name in found:
            raise ValueError(f"stream {spec.name} is nested in itself")
        found.append(name)
        spec = by_name[name]
    return found


def _shipped() -> Iterator[StreamSpec]:
    for family in FAMILIES:
        specs: tuple[StreamSpec, ...] = import_module(f"{__name__}.{family}").STREAMS
        yield from specs


STREAMS: Mapping[str, StreamSpec] = assemble(_shipped())


def tagged(tag: str) -> tuple[str, ...]:
    """Return the streams with this tag, without sensitive ones: those are chosen by name."""
    return tuple(name for name, spec in STREAMS.items() if tag in spec.tags and not spec.sensitive)
