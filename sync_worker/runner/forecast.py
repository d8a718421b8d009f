"""What a run would ask for, by what is stored: no call is spent, nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sync_worker.model import Scope, Window
from sync_worker.planning.partitions import Partition, chains
from sync_worker.planning.projects import choose
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.runner.discovery import first_days, known_projects
from sync_worker.runner.frame import Parts, RunFrame
from sync_worker.runner.order import Order
from sync_worker.runner.sync import Reading


class Foreseen(NamedTuple):
    """A partition as a run would ask for it; `calls` is the least it costs."""

    stream: str
    scope: Scope
    window: Window
    calls: int


class Forecast(NamedTuple):
    """What a run would ask for; without projects known it has to list them before more can be told."""

    partitions: Sequence[Foreseen]
    projects_known: bool

    @property
    def calls(self) -> int:
        """The least that the run costs."""
        return sum(partition.calls for partition in self.partitions)


def forecast(parts: Parts, order: Order) -> Forecast:
    """Look ahead; whatever was never stored is taken to cost nothing yet."""
    frame = RunFrame("forecast", order.everything, parts.clock.now(), by_hand=order.trigger == "manual")
    by_name = {spec.name: spec for spec in order.specs}
    discovery = [Partition(by_name[COMPANIES], Scope())]
    if PROJECTS in by_name:
        discovery += [Partition(by_name[PROJECTS], Scope(company_id)) for company_id in order.company_ids]
    known = {
        part.scope.company_id or 0: known_projects(parts, part) if _is_stored(parts, PROJECTS) else []
        for part in discovery[1:]
    }
    chosen = {company: choose(projects, order.choice) for company, projects in known.items()}
    frame.first_on = first_days(order, frame, [project for projects in chosen.values() for project in projects])
    ids = dict.fromkeys(order.company_ids, ()) | {
        company: tuple(project.project_id for project in projects) for company, projects in chosen.items()
    }
    ahead = [*discovery, *(part for chain in chains(order.specs, ids) for part in chain)]
    found = [_foreseen(parts, frame, part) for part in ahead]
    return Forecast(found, projects_known=all(known.values()))


def _foreseen(parts: Parts, frame: RunFrame, partition: Partition) -> Foreseen:
    spec, scope = partition
    if spec.parent is not None and not _is_stored(parts, spec.parent.stream):
        return Foreseen(spec.name, scope, Window(None, frame.bound), 0)
    reading = Reading(parts, frame, partition)
    return Foreseen(spec.name, scope, reading.window, reading.lists)


def _is_stored(parts: Parts, stream: str) -> bool:
    with parts.destination.reader() as view:
        return view.has_table(stream)
