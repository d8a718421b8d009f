"""Reads what a report is made of: the things that wait, the projects, who works for whom."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, cast

from sync_worker.catalog import STREAMS
from sync_worker.destination.protocol import Parameter, Transaction
from sync_worker.reports.coverage import ReportedProject
from sync_worker.reports.days import zone_named
from sync_worker.state.instants import to_text

_PEOPLE = ("project_users", "company_users", "company_users_inactive")


class ReportRow(NamedTuple):
    """What the SQL of a report gives for each thing; objects and lists as their JSON."""

    id: int | str
    project_id: int
    number: str | None
    title: str | None
    link: str | None
    state: str | None
    opened_at: str | None
    due_on: str | None
    closed_at: str | None
    holder: str | None
    holders: str | None
    contractor: str | None
    cost_impact: str | None
    schedule_impact: str | None


class Employers:
    """For whom people work, by what the directory says of them in a project or in the company."""

    def __init__(self, by_place: Mapping[tuple[int | None, int], str]) -> None:
        self._by_place = by_place

    def of(self, person_id: int, project_id: int) -> str | None:
        """The name of the company a person works for; None when nobody told."""
        return self._by_place.get((project_id, person_id)) or self._by_place.get((None, person_id))


def read_rows(view: Transaction, sql: str, since: datetime) -> list[ReportRow]:
    """The things, by the report's own SQL, without those that were closed before `since`.

    A column that the SQL lacks is a `DestinationError` that names it.
    """
    columns = ", ".join(f"item.{name}" for name in ReportRow._fields)
    statement = sql.strip().removesuffix(";")
    counts = "item.state IS NULL OR item.state <> 'closed' OR item.closed_at >= :since OR item.opened_at >= :since"
    # The statement is the job's, as is its code.
    found = view.execute(
        f"SELECT {columns} FROM (\n{statement}\n) AS item WHERE {counts}",  # noqa: S608
        {"since": to_text(since)},
    )
    return [ReportRow(*cast("tuple[Any, ...]", row)) for row in found]


def read_projects(view: Transaction) -> list[ReportedProject]:
    """Every project that Procore ever showed."""
    columns = ("id", "company_id", "name", "display_name", "project_number", "active", "tz_name", "time_zone")
    return [
        ReportedProject(
            int(found or 0),
            int(company) if company else None,
            str(name or shown or f"Project {found}"),
            str(number or ""),
            is_active=active is None or bool(active),
            # `time_zone` may hold a name that only Procore knows.
            zone=zone_named(_text(tz_name), _text(time_zone)),
        )
        for found, company, name, shown, number, active, tz_name, time_zone in view.live_values(
            STREAMS["projects"], columns, {}
        )
    ]


def read_employers(view: Transaction) -> Employers:
    """Who works for whom, by what is stored of the directory."""
    by_place: dict[tuple[int | None, int], str] = {}
    for stream in _PEOPLE:
        if view.has_table(stream):
            place = "project_id" if stream == "project_users" else None
            by_place |= _employers(view, stream, place)
    return Employers(by_place)


def _employers(view: Transaction, stream: str, place: str | None) -> dict[tuple[int | None, int], str]:
    rows = view.live_values(STREAMS[stream], ("id", place or "id", "vendor"), {})
    return {
        (int(where or 0) if place else None, int(person or 0)): name
        for person, where, vendor in rows
        if (name := name_in(parsed(_text(vendor))))
    }


def read_companies(view: Transaction) -> Sequence[str]:
    """The names of the companies whose projects these are."""
    names = view.live_values(STREAMS["companies"], ("name",), {})
    return [str(name) for (name,) in names if name]


def parsed(text: str | None) -> Any:
    """What JSON says, numbers as decimals, since some are money; None where it is no JSON."""
    try:
        return json.loads(text or "null", parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError):
        return None


def name_in(record: Any) -> str | None:
    """The name in a reference to a person or a company."""
    name = record.get("name") if isinstance(record, dict) else None
    return name.strip() or None if isinstance(name, str) else None


def _text(value: Parameter) -> str | None:
    return value if isinstance(value, str) else None
