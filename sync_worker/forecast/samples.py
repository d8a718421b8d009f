"""Costs of lists that are not stored, from one-row requests in a few projects that represent the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from sync_worker.access.sample import ListSampler, fields_of
from sync_worker.catalog.spec import Parent, StreamSpec
from sync_worker.forecast.cost import Basis, Cost, StoredCosts, least_cost, pages_of
from sync_worker.model import DateRange
from sync_worker.planning.partitions import Partition
from sync_worker.planning.read_plan import ReadPlan
from sync_worker.planning.windows import Part

SAMPLED_PROJECTS = 5
"""Most sampled projects of a company."""
_CLEAR = 2
"""Number of short lists after which a stream is taken to have one page in every project."""


class Parents(NamedTuple):
    """Findings of the forecast of a stream about its records, for the streams that are nested in it."""

    is_refused: bool = False
    rows: int | None = None
    """Their number, if a sample showed it."""
    first: msgspec.Raw | None = None
    """One of them."""
    changed: int = 0
    """The number that changed since they were read."""


def sampled_projects(projects: Sequence[int]) -> Sequence[int]:
    """Return evenly spaced projects without the first and the last: the oldest and the newest are not typical."""
    if len(projects) <= SAMPLED_PROJECTS:
        return projects
    return [projects[(2 * place + 1) * len(projects) // (2 * SAMPLED_PROJECTS)] for place in range(SAMPLED_PROJECTS)]


class SampledCosts:
    """Samples of the lists of one run, and their results by stream."""

    def __init__(self, sampler: ListSampler, stored: StoredCosts, specs: Sequence[StreamSpec]) -> None:
        self._sampler = sampler
        self._stored = stored
        self._parents = {spec.parent.stream for spec in specs if spec.parent is not None}
        self._changed: dict[str, list[int]] = defaultdict(list)
        self._rows: dict[str, list[int]] = defaultdict(list)

    def changed_parents(self, partition: Partition, plan: ReadPlan, *, is_sampled: bool) -> int:
        """Return the number of records changed since the last read; without a sample, the mean of other projects."""
        spec = partition.spec
        if spec.name not in self._parents or spec.cursor is None or plan.window.start is None:
            return 0
        counts = self._changed[spec.name]
        if not is_sampled:
            return round(sum(counts) / len(counts)) if counts else 0
        sample = self._sampler.try_sample(partition, window=plan.window)
        counts.append(0 if sample is None else sample.rows)
        return counts[-1]

    def cost(
        self, partition: Partition, plan: ReadPlan, parts: Sequence[Part], parents: Parents
    ) -> tuple[Cost, Parents]:
        """Return the cost of a list, and what the streams nested in it need; sends at most one request."""
        spec = partition.spec
        if spec.parent is not None:
            return self._nested_cost(partition, spec.parent, parents)
        counts, per_page = self._rows[spec.name], self._stored.per_page(spec)
        is_short = len(counts) >= _CLEAR and (per_page is None or 2 * max(counts) <= per_page)
        if is_short and spec.name not in self._parents:
            return least_cost(spec, parts), Parents()
        days = [part.dates for part in parts if part.dates is not None]
        dates = DateRange(days[0].start_on, days[-1].end_on) if days else None
        sample = self._sampler.try_sample(partition, window=plan.window, dates=dates)
        if sample is None:
            return Cost(1, 0, Basis.PROBED), Parents(is_refused=True)
        counts.append(sample.rows)
        whole = pages_of(sample.rows, per_page)
        return Cost(len(parts) - 1 + whole, whole, Basis.PROBED), Parents(rows=sample.rows, first=sample.first)

    def _nested_cost(self, partition: Partition, parent: Parent, parents: Parents) -> tuple[Cost, Parents]:
        """Return the cost of the lists of all parents; one of them is sampled."""
        if parents.rows is None:
            return least_cost(partition.spec, ()), Parents()
        if parents.first is None:
            return Cost(0, 0, Basis.PROBED), Parents(rows=0)
        sample = self._sampler.try_sample(partition, parent_id=fields_of(parents.first)[parent.key])
        if sample is None:
            return Cost(parents.rows, 0, Basis.PROBED), Parents(is_refused=True)
        calls = parents.rows * pages_of(sample.rows, self._stored.per_page(partition.spec))
        return Cost(calls, calls, Basis.PROBED), Parents(rows=parents.rows * sample.rows, first=sample.first)
