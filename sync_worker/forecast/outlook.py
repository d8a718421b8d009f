"""The forecast of a run: the run's own plan, priced from stored data. Nothing is written.

If nothing is stored, optional probes help: one-row requests in a few projects, which represent the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from sync_worker.access.sample import ListSampler
from sync_worker.access.tools import tool_lists, tools_off
from sync_worker.catalog.spec import ScopeKind, StreamSpec
from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.destination.protocol import Transaction
from sync_worker.forecast.cost import Basis, Cost, Pace, StoredCosts, calls_a_day, least_cost, pages_of
from sync_worker.forecast.samples import Parents, SampledCosts, sampled_projects
from sync_worker.model import DateRange, Scope, Window
from sync_worker.planning.partitions import Chain, Partition
from sync_worker.planning.plan import discovery_partitions, due_chains, plan_run
from sync_worker.planning.projects import Project, choose, known_projects, log_start_dates
from sync_worker.planning.read_plan import ReadPlan
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.planning.windows import INACTIVE_EVERY, Part, Period, backfill_parts
from sync_worker.runner.context import RunContext
from sync_worker.services import Services
from sync_worker.state.allowance import HOUR, SPIKE, StoredAllowance
from sync_worker.state.backfills import backfill_until
from sync_worker.state.checkpoints import read_checkpoint


class PartitionForecast(NamedTuple):
    """A partition of a run with its calls; a backfill reads it in `parts`."""

    spec: StreamSpec
    scope: Scope
    window: Window
    cost: Cost
    parts: int = 1


class Forecast(NamedTuple):
    """The partitions and calls of one run."""

    partitions: Sequence[PartitionForecast]
    projects_known: bool
    """False if projects must be listed before the rest can be priced."""
    each_project: int
    """The least number of calls for a project."""
    calls_a_day: float
    """The calls of a schedule per day while few records change."""

    @property
    def calls(self) -> int:
        """The calls of the run."""
        return sum(partition.cost.calls for partition in self.partitions)

    @property
    def is_least(self) -> bool:
        """True if the run may take more calls, because some costs are minimums."""
        return not self.projects_known or any(part.cost.basis is Basis.LEAST for part in self.partitions)

    @property
    def is_open_ended(self) -> bool:
        """True if the calls have no upper bound: projects were never listed, or parents never read."""
        return not self.projects_known or any(
            part.cost.basis is Basis.LEAST and part.spec.parent is not None for part in self.partitions
        )


class Outlook(NamedTuple):
    """A forecast for each request, the rate of calls, and the calls that the probes took."""

    forecasts: Sequence[Forecast]
    pace: Pace | None = None
    probes: int = 0


def forecast(
    services: Services, runs: Sequence[RunContext], *, ticks_a_day: Sequence[float] = (), probing: bool = False
) -> Outlook:
    """Price each run, and its schedule with that many ticks a day; a probe without an answer raises as in a run."""
    sampler = ListSampler(services) if probing else None
    projects = [_projects(services, run, sampler) for run in runs]
    with services.destination.reader() as view:
        stored = StoredCosts(view, services.streams, services.options, services.clock.now())
        found = [
            _RunForecast(run, view, stored, known, sampler).priced(ticks)
            for run, known, ticks in zip(runs, projects, ticks_a_day or [0.0] * len(runs), strict=True)
        ]
    # Probes may have shown the limit.
    pace = pace_of(services.rate_limit.allowance.windows)
    return Outlook(found, pace, probes=0 if sampler is None else sampler.calls.spent)


def pace_of(known: StoredAllowance) -> Pace | None:
    """Return the rate at which calls may be spent; None before the first answer that shows it."""
    hour, spike = known.window(HOUR), known.window(SPIKE)
    if hour is None or not hour.limit or not hour.granted:
        return None
    return Pace(hour.limit, hour.granted, spike.granted / spike.seconds if spike and spike.granted else None)


def _projects(services: Services, run: RunContext, sampler: ListSampler | None) -> dict[int, list[Project]]:
    listed = {partition.scope.company_id for partition in discovery_partitions(run.specs, run.company_ids)}
    found: dict[int, list[Project]] = {}
    for company_id in run.company_ids:
        if company_id not in listed:
            found[company_id] = []
        elif sampler is not None:
            found[company_id] = sampler.projects(Partition(services.streams[PROJECTS], Scope(company_id)))
        else:
            with services.destination.reader() as view:
                found[company_id] = known_projects(view, company_id)
    return found


class _RunForecast:
    """The forecast of one run while it is made; `known` are the projects of each company."""

    def __init__(
        self,
        run: RunContext,
        view: Transaction,
        stored: StoredCosts,
        known: Mapping[int, Sequence[Project]],
        sampler: ListSampler | None,
    ) -> None:
        self._run = run
        self._view = view
        self._stored = stored
        self._known = known
        self._chosen = {company_id: choose(projects, run.choice) for company_id, projects in known.items()}
        every = [project for projects in self._chosen.values() for project in projects]
        self._inactive = {project.project_id for project in every if not project.is_active}
        run.log_starts = log_start_dates(every, run.start_date, run.bound.date())
        self._planner = run.planner(view)
        self._period = None if run.request.since is None else _period(view, run)
        self._sampler = sampler
        self._samples = None if sampler is None else SampledCosts(sampler, stored, run.specs)
        self._sampled = {None}.union(
            *(sampled_projects([project.project_id for project in projects]) for projects in self._chosen.values())
        )

    def priced(self, ticks_a_day: float) -> Forecast:
        specs = self._run.specs
        found = [self._discovery(partition) for partition in discovery_partitions(specs, self._run.company_ids)]
        ahead = due_chains(plan_run(self._planner, specs, self._chosen, self._run.choice))
        off: dict[Scope, frozenset[str]] = {}
        for ((spec, scope),) in tool_lists(self._view, ahead, self._run.request, self._run.now):
            found.append(PartitionForecast(spec, scope, Window(None, self._run.bound), Cost(1, 1, Basis.STORED)))
            off[scope] = self._tools_off(scope)
        # Sampled projects go first: they represent the others.
        for chain in sorted(ahead, key=lambda each: each[0].scope.project_id not in self._sampled):
            found += self._chain(chain, off.get(chain[0].scope, frozenset()))
        completed = _completed(found, whole=self._period is None)
        own = [spec for spec in specs if spec.scope is ScopeKind.PROJECT and spec.parent is None]
        days, bound = None if self._period is None else self._period.days, self._run.bound
        return Forecast(
            completed,
            projects_known=all(self._known.values()) or all(spec.name != PROJECTS for spec in specs),
            each_project=sum(1 if days is None else len(backfill_parts(spec, days, bound)) for spec in own),
            calls_a_day=sum(self._a_day(part, ticks_a_day) for part in completed),
        )

    def _discovery(self, partition: Partition) -> PartitionForecast:
        rows = 1 if partition.spec.name == COMPANIES else len(self._known[partition.scope.company_id or 0])
        pages = pages_of(rows, self._stored.per_page(partition.spec))
        basis = Basis.LEAST if not rows else Basis.STORED if self._sampler is None else Basis.PROBED
        return PartitionForecast(*partition, Window(None, self._run.bound), Cost(pages, pages, basis))

    def _tools_off(self, scope: Scope) -> frozenset[str]:
        tools = {spec.tool for spec in self._run.specs if spec.scope is ScopeKind.PROJECT}
        is_stored = self._view.has_table(PROJECT_TOOLS.name)
        if is_stored and read_checkpoint(self._view, PROJECT_TOOLS.name, scope) is not None:
            return tools_off(self._view, scope, tools)
        if self._sampler is not None and scope.project_id in self._sampled:
            return self._sampler.tools_off(scope, tools)
        return frozenset()

    def _chain(self, chain: Chain, off: frozenset[str]) -> Iterator[PartitionForecast]:
        found: dict[str, Parents] = {}
        for partition in chain:
            spec = partition.spec
            plan, parts = self._plan(partition)
            # If the parents' own list is not due, the stored rows are used.
            parents = found.get(spec.parent.stream, Parents()) if spec.parent is not None else Parents()
            if parents.is_refused or spec.tool in off:
                cost, found[spec.name] = Cost(0, 0, Basis.REFUSED), Parents(is_refused=True)
            else:
                cost, found[spec.name] = self._cost(partition, plan, parts, parents)
            yield PartitionForecast(*partition, plan.window, cost, len(parts))

    def _plan(self, partition: Partition) -> tuple[ReadPlan, Sequence[Part]]:
        parent = partition.spec.parent
        if parent is not None and not self._view.has_table(parent.stream):
            plan = ReadPlan(Window(None, self._run.bound), parents={})
        elif self._period is not None:
            plan = self._planner.plan_backfill(partition, self._period)
            return plan, plan.parts
        else:
            plan = self._planner.plan_partition(partition)
        return plan, [Part("", plan.window, plan.dates)]

    def _cost(
        self, partition: Partition, plan: ReadPlan, parts: Sequence[Part], parents: Parents
    ) -> tuple[Cost, Parents]:
        refused = self._stored.refused(partition)
        if refused is not None:
            return refused, Parents(is_refused=True)
        is_sampled = partition.scope.project_id in self._sampled
        cost = self._stored.cost(partition, plan, parts)
        if cost is not None:
            if plan.parents is not None and plan.window.start is not None:
                cost = cost._replace(calls=cost.calls + parents.changed)
            changed = (
                0 if self._samples is None else self._samples.changed_parents(partition, plan, is_sampled=is_sampled)
            )
            return cost, Parents(changed=changed)
        if self._samples is not None and is_sampled:
            return self._samples.cost(partition, plan, parts, parents)
        return least_cost(partition.spec, parts), Parents()

    def _a_day(self, part: PartitionForecast, ticks: float) -> float:
        if part.scope.project_id in self._inactive:
            # Schedules read inactive projects less often.
            ticks = min(ticks, timedelta(days=1) / INACTIVE_EVERY)
        parent = part.spec.parent
        above = self._run.services.streams[parent.stream] if parent is not None else None
        return calls_a_day(part.spec, part.cost, above, self._run.services.options(part.spec.name), ticks)


def _period(view: Transaction, run: RunContext) -> Period:
    since = run.request.since or run.bound.date()
    until = run.request.until or backfill_until(view, run.backfill_key) or run.bound.date()
    return Period(run.backfill_key, DateRange(since, max(since, until)))


def _completed(found: Sequence[PartitionForecast], *, whole: bool) -> list[PartitionForecast]:
    """Return the forecasts with the missing costs taken from the same stream in other projects.

    A run reads a new list in full (`whole`), a backfill in the same parts as elsewhere. If nothing is known about a
    stream, its least cost stays.
    """
    calls: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    for part in found:
        if part.cost.basis not in (Basis.LEAST, Basis.REFUSED):
            calls[part.spec.name] += part.cost.whole if whole else part.cost.calls
            parts[part.spec.name] += part.parts
    places: Counter[str] = Counter()
    completed: list[PartitionForecast] = []
    for part in found:
        name = part.spec.name
        if part.cost.basis is not Basis.LEAST or part.cost.whole > 0:
            completed.append(part)
        elif parts[name]:
            mean = calls[name] / parts[name]
            # Rounded cumulatively, so that the sum is right even if the mean is less than one call.
            share = round((places[name] + part.parts) * mean) - round(places[name] * mean)
            places[name] += part.parts
            completed.append(part._replace(cost=Cost(share, share, Basis.OTHERS)))
        else:
            completed.append(part._replace(cost=part.cost._replace(whole=part.cost.calls)))
    return completed
