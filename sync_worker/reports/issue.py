"""One issue of a report: its document, and what every report shows of its projects and the age of its data."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from sync_worker.clock import utc_text
from sync_worker.model import Verdict
from sync_worker.reports.coverage import Coverage
from sync_worker.reports.data import since_text
from sync_worker.reports.days import day_of
from sync_worker.reports.document import Cell, Column, Document, PageTable, Table, Tone
from sync_worker.reports.previous import Figures
from sync_worker.reports.text import instant_text, short_day, things

_STALE_AFTER = timedelta(hours=36)
_TONES: dict[Verdict, Tone] = {Verdict.COMPLETE: "good", Verdict.INEXACT: "warn", Verdict.FAILED: "bad"}
_MEANINGS = {
    Verdict.INEXACT: "the list changed while it was read: records may be missing or repeated",
    Verdict.FAILED: "the last read failed: the data is from the one before",
}


class Issue(NamedTuple):
    """A report made at one instant; every format renders it."""

    name: str
    title: str
    companies: Sequence[str]
    coverage: Coverage
    document: Document
    requested: Collection[int]
    made_at: datetime
    last: Figures | None = None

    @property
    def as_of(self) -> datetime:
        """The time of the oldest data in it."""
        return self.coverage.as_of

    @property
    def figures(self) -> Figures:
        """The figures that the next issue is compared with."""
        projects = frozenset(project.project_id for project in self.coverage.projects)
        values = self.document.figures
        return Figures(self.coverage.newest_at, self.made_at, frozenset(self.requested), projects, values)

    @property
    def about(self) -> str:
        """The companies, and how many of their projects are in it."""
        included, known = len(self.coverage.included), len(self.coverage.known_ids)
        projects = f"{included} of {things(known, 'project')}" if included < known else things(known, "project")
        return " · ".join([*self.companies, f"only the {projects} requested" if self.requested else projects])

    @property
    def warnings(self) -> Sequence[str]:
        """The warnings that a reader must see before the figures."""
        return [*self._warnings(), *self.document.warnings]

    def _warnings(self) -> Iterator[str]:
        age = self.made_at - self.as_of
        if age > _STALE_AFTER:
            yield f"The data is {age.days} days old." if age.days > 1 else "The data is more than a day old."
        for verdict, meaning in _MEANINGS.items():
            names = [each.project.name for each in self.coverage.included if each.verdict is verdict]
            if names:
                yield f"{', '.join(names)}: {meaning}."
        if self.last:
            came, left = self.figures.projects - self.last.projects, self.last.projects - self.figures.projects
            changes = [f"{len(ids)} {word}" for ids, word in ((came, "came in"), (left, "left")) if ids]
            if changes:
                since = since_text(self.last, self.made_at)
                yield f"Arrows since {since} include a change of projects: {' and '.join(changes)}."

    @property
    def rules(self) -> Sequence[str]:
        """The rules by which the figures were counted."""
        return [*self.document.rules, *self._rules()]

    def _rules(self) -> Iterator[str]:
        if self.last:
            yield f"Arrows compare with the last issue for these projects, made {instant_text(self.last.made_at)}."
        if any(each.detail for each in self.coverage.excluded):
            yield "Procore's answers for the projects left out are in the CSV, XLSX and JSON of this report."

    @property
    def names_left_out(self) -> Sequence[tuple[str, Sequence[str]]]:
        """The names of the projects left out, by the reason."""
        by_reason = groupby(sorted(self.coverage.excluded, key=lambda each: each.reason), key=lambda each: each.reason)
        return [(reason, [each.project.name for each in group]) for reason, group in by_reason]

    @property
    def project_page(self) -> PageTable:
        """The projects in it for readers."""
        document = self.document
        empty = [Cell("–")] * len(document.project_columns)
        rows = [
            [
                Cell(project.name, under=project.number),
                *document.project_cells.get(project.project_id, empty),
                Cell(
                    short_day(day_of(self.made_at, project.clock)),
                    under=str(project.zone) if project.zone else "UTC, the project has no time zone",
                ),
                Cell(instant_text(as_of)),
                Cell(verdict, tone=_TONES[verdict]),
            ]
            for project, verdict, as_of, _ in self.coverage.included
        ]
        last = (Column("Today there"), Column("Data as of"), Column("Last reading"))
        columns = [Column("Project"), *document.project_columns, *last]
        return PageTable("Projects in this report", columns, rows, len(rows))

    @property
    def project_table(self) -> Table:
        """All projects for programs: how complete each one's data is, or why it is left out."""
        names = ("project_id", "project_number", "project", "time_zone", "data_as_of", "verdict", "left_out", "detail")
        found = [
            (each.project, utc_text(each.as_of), each.verdict, None, each.error) for each in self.coverage.included
        ]
        left_out = [(each.project, None, None, each.reason, each.detail) for each in self.coverage.excluded]
        rows = [
            (str(project.project_id), project.number, project.name, str(project.zone or "UTC"), *rest)
            for project, *rest in [*found, *left_out]
        ]
        return Table("projects", "Projects", names, rows)
