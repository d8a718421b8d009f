"""Makes one issue of a report from what is stored; needs no call to Procore."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta

from sync_worker.destination.protocol import Transaction
from sync_worker.errors import ConfigurationError
from sync_worker.job import ReportJob
from sync_worker.reports.ageing import measure
from sync_worker.reports.coverage import Choice, Coverage, standing
from sync_worker.reports.previous import Figures
from sync_worker.reports.query import read_companies, read_employers, read_projects, read_rows
from sync_worker.reports.story import Issue
from sync_worker.state.history import latest_scopes

# The week before today, wherever today has begun or has not yet.
_LOOKS_BACK = timedelta(days=9)
_PORTFOLIO = ("companies", "projects")


def make_issue(view: Transaction, name: str, job: ReportJob, choice: Choice, now: datetime) -> Issue:
    """The report of that name as of what is committed, told at `now`.

    Raises `ConfigurationError` when nothing can be told, saying why.
    """
    missing = [stream for stream in ("_run_scopes", *_PORTFOLIO, *job.streams) if not view.has_table(stream)]
    if missing:
        raise _no_data(job, "nothing was read yet")
    projects = read_projects(view)
    found = standing(projects, latest_scopes(view), job.streams, choice)
    _check_asked(choice.asked, found)
    if not found.included:
        raise _no_data(job, _why_empty(found))
    told = [each.project for each in found.included]
    return Issue(
        name=name,
        title=job.title,
        noun=job.noun,
        companies=read_companies(view),
        standing=found,
        ageing=measure(read_rows(view, job.sql, now - _LOOKS_BACK), told, read_employers(view), now),
        is_selection=bool(choice.asked),
        rendered_at=now,
    )


def figures_of(issue: Issue, choice: Choice) -> Figures:
    """What the next issue compares itself with."""
    ageing, standing = issue.ageing, issue.standing
    return Figures(
        newest_at=max(each.as_of for each in standing.included),
        made_at=issue.rendered_at,
        asked=frozenset(choice.asked),
        projects=frozenset(standing.project_ids),
        open=len(ageing.items),
        overdue=len(ageing.overdue),
        older=len(ageing.older),
        with_impact=len(ageing.with_impact),
    )


def _check_asked(asked: Collection[int], found: Coverage) -> None:
    known = {each.project.project_id for each in found.included} | {each.project.project_id for each in found.left_out}
    if unknown := sorted(set(asked) - known):
        raise ConfigurationError(f"no project {unknown[0]} is known; the table projects, in what was read, lists them")


def _why_empty(found: Coverage) -> str:
    reasons = Counter(left.reason for left in found.left_out)
    told = ", ".join(f"{number} {reason}" for reason, number in reasons.items())
    return f"no project can be told of: {told or 'none is known'}"


def _no_data(job: ReportJob, why: str) -> ConfigurationError:
    streams = ",".join(job.streams)
    return ConfigurationError(f"{job.title}: no data yet, {why}; read it with `sync-worker run --streams {streams}`")
