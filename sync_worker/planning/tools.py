"""When the list of a project's tools is read, and which of them are switched off by what it said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sync_worker.catalog.tools import PROJECT_TOOLS, is_off
from sync_worker.destination.protocol import Transaction
from sync_worker.model import Scope
from sync_worker.planning.read_plan import Terms
from sync_worker.planning.windows import is_due
from sync_worker.state.checkpoints import read_checkpoint

WORTH_IT = 5
"""The list costs a call; asked for fewer lists than that, a project that has them all would pay for nothing."""

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


def are_tools_due(
    view: Transaction, scope: Scope, tools: Iterable[str], refused_at: datetime | None, terms: Terms
) -> bool:
    """Whether a project's tools are listed before it is asked for lists of these `tools`.

    By hand always, else once a week; once a day where one is off, which may be switched on; and when something was
    refused since, which may be switched off.
    """
    wanted = list(tools)
    if len(wanted) < WORTH_IT:
        return False
    checkpoint = read_checkpoint(view, PROJECT_TOOLS.name, scope)
    if terms.is_manual or terms.full_refresh or checkpoint is None:
        return True
    if refused_at is not None and refused_at > checkpoint.mark:
        return True
    every = _DAY if tools_off(view, scope, wanted) else _WEEK
    return is_due(checkpoint.mark, terms.now, every)


def tools_off(view: Transaction, scope: Scope, tools: Iterable[str]) -> frozenset[str]:
    """Those of these tools that were off in a project when its tools were listed last."""
    here = {name: value for name, value in scope._asdict().items() if value is not None}
    listed = view.live_values(PROJECT_TOOLS, _COLUMNS, here)
    return off_among(tools, (dict(zip(_COLUMNS, row, strict=True)) for row in listed))


_COLUMNS = ("engine_name", "title", "is_active")


def off_among(tools: Iterable[str], listed: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Those of these tools that are off by a list of a project's tools."""
    names: dict[bool, set[str]] = {True: set(), False: set()}
    for line in listed:
        is_active = line.get("is_active")
        # Whatever does not say that it is off is on.
        names[is_active is None or bool(is_active)].update(str(line[name]) for name in _COLUMNS[:2] if line.get(name))
    return frozenset(tool for tool in set(tools) if is_off(tool, names[False], names[True]))
