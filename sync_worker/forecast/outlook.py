"""What a run would ask for and what that costs, by what is stored; nothing is written.

Where nothing is stored, probes tell, if they are wanted: one-row calls in a few projects, which stand for the others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import msgspec

from sync_worker.access.sample import ListSampler, fields_of
from sync_worker.access.tools import are_tools_due, tools_by_scope, tools_off
from sync_worker.catalog.spec import Parent, ScopeKind, StreamSpec
from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.destination.protocol import Transaction
from sync_worker.forecast.cost import Basis, Cost, Pace, StoredCosts, calls_a_day, pages_of
from sync_worker.model import DateRange, Scope, Window
from sync_worker.planning.partitions import Chain, Partition, chains
from sync_worker.planning.projects import Project, choose
from sync_worker.planning.read_plan import ReadPlan, plan_backfill, plan_partition
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.planning.windows import INACTIVE_EVERY, Part, Period, backfill_parts
from sync_worker.runner.context import RunContext
from sync_worker.runner.discovery import known_projects, log_start_dates
from sync_worker.services import Services
from sync_worker.state.allowance import HOUR, SPIKE, StoredAllowance
from sync_worker.state.backfills import backfill_until
from sync_worker.state.checkpoints import read_checkpoint

PROBED_PROJECTS = 5
"""A stream is probed in so many projects of a company at most; they stand for the others."""
_CLEAR = 2


class PartitionForecast(NamedTuple):
    """A partition as a run would ask for it, the calls it takes, and in how many parts a backfill reads it."""

    spec: StreamSpec
    scope: Scope
    window: Window
    cost: Cost
    parts: int = 1


class Forecast(NamedTuple):
    """What a run would ask for; without projects known it has to list them before more can be told.

    `each_project` are the calls that every project takes at the least, `calls_a_day` those that a schedule takes while
    little changes.
    """

    partitions: Sequence[PartitionForecast]
    projects_known: bool
    each_project: int
    calls_a_day: float

    @property
    def calls(self) -> int:
        """What the run takes."""
        return sum(partition.cost.calls for partition in self.partitions)

    @property
    def is_least(self) -> bool:
        """Whether it may well take more, because something is not known."""
        return not self.projects_known or any(part.cost.basis is Basis.LEAST for part in self.partitions)

    @property
    def is_open_ended(self) -> bool:
        """Whether it may take any number of calls: for projects that nobody has listed, or parents nobody has read."""
        return not self.projects_known or any(
            part.cost.basis is Basis.LEAST and part.spec.parent is not None for part in self.partitions
        )


class Outlook(NamedTuple):
    """Forecasts in the order in which they were asked for; how fast calls may be spent; the calls that probes took."""

    forecasts: Sequence[Forecast]
    pace: Pace | None = None
    probes: int = 0


def forecast(
    services: Services, runs: Sequence[RunContext], *, ticks_a_day: Sequence[float] = (), probing: bool = False
) -> Outlook:
    """Look ahead, at schedules of so many ticks too; raises as a run does when a probe is not answered at all."""
    probe = ListSampler(services) if probing else None
    known = [_projects(services, run, probe) for run in runs]
    with services.destination.reader() as view:
        stored = StoredCosts(view, services.streams, services.options, services.clock.now())
        found = [
            _Forecaster(services, run, view, stored, probe).forecast(projects, ticks)
            for run, projects, ticks in zip(runs, known, ticks_a_day or [0.0] * len(runs), strict=True)
        ]
    return Outlook(found, probes=0 if probe is None else probe.calls.spent)


def pace_of(known: StoredAllowance) -> Pace | None:
    """How fast calls may be spent, where that was told already."""
    hour, spike = known.window(HOUR), known.window(SPIKE)
    if hour is None or not hour.limit or not hour.granted:
        return None
    return Pace(hour.limit, hour.granted, spike.granted / spike.seconds if spike and spike.granted else None)


def _projects(services: Services, run: RunContext, probe: ListSampler | None) -> dict[int, list[Project]]:
    by_name = {spec.name: spec for spec in run.specs}
    known: dict[int, list[Project]] = {company_id: [] for company_id in run.company_ids}
    if PROJECTS in by_name:
        for company_id in run.company_ids:
            partition = Partition(by_name[PROJECTS], Scope(company_id))
            known[company_id] = known_projects(services, partition) if probe is None else probe.projects(partition)
    return known


class _Above(NamedTuple):
    """What the forecast of a stream leaves for those nested in it.

    `rows` is how many parents there are where a probe told, and `first` one of them; `moved` how many changed since
    they were read.
    """

    is_refused: bool = False
    rows: int | None = None
    first: msgspec.Raw | None = None
    moved: int = 0


class _Forecaster:
    def __init__(
        self, services: Services, run: RunContext, view: Transaction, stored: StoredCosts, probe: ListSampler | None
    ) -> None:
        self._services = services
        self._run = run
        self._view = view
        self._probe = probe
        self._stored = stored
        self._period = None if run.request.since is None else _period(view, run, run.request.since)
        self._parents = {spec.parent.stream for spec in run.specs if spec.parent is not None}
        self._moved: dict[str, list[int]] = defaultdict(list)
        self._rows: dict[str, list[int]] = defaultdict(list)
        self._off: dict[Scope, frozenset[str]] = {}
        self._inactive: set[int] = set()

    def forecast(self, known: Mapping[int, Sequence[Project]], ticks_a_day: float) -> Forecast:
        chosen = {company: choose(projects, self._run.choice) for company, projects in known.items()}
        every = [project for projects in chosen.values() for project in projects]
        self._run.log_starts = log_start_dates(self._run, every)
        ids = {company: [project.project_id for project in projects] for company, projects in chosen.items()}
        sampled = {None, *(project for projects in ids.values() for project in _sample(projects))}
        found = [self._discovered(partition, known) for partition in self._discovery()]
        ahead = chains(self._run.specs, ids)
        self._inactive = {project.project_id for project in every if not project.is_active}
        found += self._tools(ahead, sampled)
        for is_sampled in (True, False):
            for chain in ahead:
                if (chain[0].scope.project_id in sampled) is is_sampled:
                    found += self._chain(chain, probe=self._probe if is_sampled else None)
        completed = _completed(found, whole=self._period is None)
        own = [spec for spec in self._run.specs if spec.scope is ScopeKind.PROJECT and spec.parent is None]
        return Forecast(
            completed,
            projects_known=all(known.values()) or all(spec.name != PROJECTS for spec in self._run.specs),
            each_project=sum(self._least(spec) for spec in own),
            calls_a_day=sum(self._a_day(part, ticks_a_day) for part in completed),
        )

    def _least(self, spec: StreamSpec) -> int:
        """Return the calls that a list of a scope takes if it is empty."""
        return 1 if self._period is None else len(backfill_parts(spec, self._period.days, self._run.bound))

    def _tools(self, ahead: Sequence[Chain], sampled: Collection[int | None]) -> Iterator[PartitionForecast]:
        """The lists of projects' tools, and what is off by them."""
        is_stored = self._view.has_table(PROJECT_TOOLS.name)
        for scope, tools in tools_by_scope(ahead).items():
            if not are_tools_due(self._view, scope, tools, None, self._run.terms):
                continue
            yield PartitionForecast(PROJECT_TOOLS, scope, Window(None, self._run.bound), Cost(1, 1, Basis.STORED))
            if is_stored and read_checkpoint(self._view, PROJECT_TOOLS.name, scope) is not None:
                self._off[scope] = tools_off(self._view, scope, tools)
            elif self._probe is not None and scope.project_id in sampled:
                self._off[scope] = self._probe.tools_off(scope, tools)

    def _a_day(self, part: PartitionForecast, ticks: float) -> float:
        if part.scope.project_id in self._inactive:
            ticks = min(ticks, timedelta(days=1) / INACTIVE_EVERY)
        parent = part.spec.parent
        above = self._services.streams[parent.stream] if parent is not None else None
        return calls_a_day(part.spec, part.cost, above, self._services.options(part.spec.name), ticks)

    def _discovery(self) -> Iterator[Partition]:
        for spec in self._run.specs:
            if spec.name == COMPANIES:
                yield Partition(spec, Scope())
            if spec.name == PROJECTS:
                yield from (Partition(spec, Scope(company_id)) for company_id in self._run.company_ids)

    def _discovered(self, partition: Partition, known: Mapping[int, Sequence[Project]]) -> PartitionForecast:
        rows = 1 if partition.spec.name == COMPANIES else len(known[partition.scope.company_id or 0])
        pages = pages_of(rows, self._stored.per_page(partition.spec))
        basis = Basis.STORED if self._probe is None else Basis.PROBED
        return PartitionForecast(
            *partition, Window(None, self._run.bound), Cost(pages, pages, basis if rows else Basis.LEAST)
        )

    def _chain(self, chain: Chain, *, probe: ListSampler | None) -> Iterator[PartitionForecast]:
        found: dict[str, _Above] = {}
        for partition in chain:
            spec = partition.spec
            asked, parts = self._ask(partition)
            above = found[spec.parent.stream] if spec.parent is not None else _Above()
            if above.is_refused or spec.tool in self._off.get(partition.scope, ()):
                cost, found[spec.name] = Cost(0, 0, Basis.REFUSED), _Above(is_refused=True)
            else:
                cost, found[spec.name] = self._cost(partition, asked, parts, above, probe)
            yield PartitionForecast(*partition, asked.window, cost, len(parts))

    def _ask(self, partition: Partition) -> tuple[ReadPlan, Sequence[Part]]:
        streams, run = self._services.streams, self._run
        parent = partition.spec.parent
        if parent is not None and not self._view.has_table(parent.stream):
            return ReadPlan(Window(None, run.bound), parents={}), [Part("", Window(None, run.bound))]
        if self._period is not None:
            return plan_backfill(self._view, partition, streams, self._period, run.bound)
        asked = plan_partition(self._view, partition, streams, self._services.options(partition.spec.name), run.terms)
        return asked, [Part("", asked.window, asked.dates)]

    def _cost(
        self, partition: Partition, asked: ReadPlan, parts: Sequence[Part], above: _Above, probe: ListSampler | None
    ) -> tuple[Cost, _Above]:
        refused = self._stored.refused(partition)
        if refused is not None:
            return refused, _Above(is_refused=True)
        cost = self._stored.cost(partition, asked, parts)
        if cost is not None:
            is_recent = asked.parents is not None and asked.window.start is not None
            cost = cost._replace(calls=cost.calls + above.moved) if is_recent else cost
            return cost, _Above(moved=self._moved_in(partition, asked, probe))
        if probe is None or self._is_short(partition.spec):
            return _unknown(partition.spec, parts), _Above()
        if partition.spec.parent is not None:
            return self._probed_nested(partition, partition.spec.parent, above, probe)
        return self._probed(partition, asked, parts, probe)

    def _moved_in(self, partition: Partition, asked: ReadPlan, probe: ListSampler | None) -> int:
        """How many parents changed since they were read; where that is not asked, as many as in other projects."""
        spec = partition.spec
        if self._probe is None or spec.name not in self._parents or spec.cursor is None or asked.window.start is None:
            return 0
        told = self._moved[spec.name]
        if probe is None:
            return round(sum(told) / len(told)) if told else 0
        looked = probe.try_sample(partition, window=asked.window)
        told.append(0 if looked is None else looked.rows)
        return told[-1]

    def _probed(
        self, partition: Partition, asked: ReadPlan, parts: Sequence[Part], probe: ListSampler
    ) -> tuple[Cost, _Above]:
        days = [part.dates for part in parts if part.dates is not None]
        dates = DateRange(days[0].start_on, days[-1].end_on) if days else None
        looked = probe.try_sample(partition, window=asked.window, dates=dates)
        if looked is None:
            return Cost(1, 0, Basis.PROBED), _Above(is_refused=True)
        self._rows[partition.spec.name].append(looked.rows)
        whole = pages_of(looked.rows, self._stored.per_page(partition.spec))
        return Cost(len(parts) - 1 + whole, whole, Basis.PROBED), _Above(rows=looked.rows, first=looked.first)

    def _is_short(self, spec: StreamSpec) -> bool:
        """Whether it is clear enough that a list is one page everywhere, and no other list hangs on it."""
        told, per_page = self._rows[spec.name], self._stored.per_page(spec)
        is_clear = len(told) >= _CLEAR and (per_page is None or 2 * max(told) <= per_page)
        return is_clear and spec.parent is None and spec.name not in self._parents

    def _probed_nested(
        self, partition: Partition, parent: Parent, above: _Above, probe: ListSampler
    ) -> tuple[Cost, _Above]:
        """One list stands for those of all parents; where it is refused, so is every other."""
        if above.rows is None:
            return _unknown(partition.spec, ()), _Above()
        if above.first is None:
            return Cost(0, 0, Basis.PROBED), _Above(rows=0)
        looked = probe.try_sample(partition, parent_id=fields_of(above.first)[parent.key])
        if looked is None:
            return Cost(above.rows, 0, Basis.PROBED), _Above(is_refused=True)
        calls = above.rows * pages_of(looked.rows, self._stored.per_page(partition.spec))
        return Cost(calls, calls, Basis.PROBED), _Above(rows=above.rows * looked.rows, first=looked.first)


def _unknown(spec: StreamSpec, parts: Sequence[Part]) -> Cost:
    """The least that it takes where nothing is known of a list: a page of each part, and of a nested one nothing."""
    return Cost(0 if spec.parent is not None else len(parts), 0, Basis.LEAST)


def _period(view: Transaction, run: RunContext, since: date) -> Period:
    until = run.request.until or backfill_until(view, run.backfill_key) or run.bound.date()
    return Period(run.backfill_key, DateRange(since, max(since, until)))


def _sample(projects: Sequence[int]) -> Sequence[int]:
    """Some projects from all over the list: the oldest and the newest are the least like the others."""
    if len(projects) <= PROBED_PROJECTS:
        return projects
    return [projects[(2 * place + 1) * len(projects) // (2 * PROBED_PROJECTS)] for place in range(PROBED_PROJECTS)]


def _completed(found: Sequence[PartitionForecast], *, whole: bool) -> list[PartitionForecast]:
    """With what is not known told from the same stream elsewhere, and where nothing is known of it, the least.

    What was never read is read `whole` by a run; by a backfill, in the same parts as elsewhere.
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
            # Cut so that they come to the mean together, which may be less than one each.
            share = round((places[name] + part.parts) * mean) - round(places[name] * mean)
            places[name] += part.parts
            completed.append(part._replace(cost=Cost(share, share, Basis.OTHERS)))
        else:
            completed.append(part._replace(cost=part.cost._replace(whole=part.cost.calls)))
    return completed
