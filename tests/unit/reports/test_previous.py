from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from sync_worker.reports.archive import keep
from sync_worker.reports.previous import FIGURES, Figures, as_file, last_before

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
A_WEEK = timedelta(weeks=1)
ALL: frozenset[int] = frozenset()
OF_AN_OLDER_VERSION = (
    b'{"newest_data_at": "2026-03-01T06:00:00Z", "made_at": "2026-03-01T07:00:00Z", "asked": [], "projects": ["1"],'
    b' "open": 5, "overdue": 3, "older": 2, "with_impact": 1}'
)


def figures(days_ago: int, *, requested: frozenset[int] = ALL, made_later: int = 0, waiting: int = 5) -> Figures:
    newest_at = NOW - timedelta(days=days_ago)
    made_at = newest_at + timedelta(hours=1 + made_later)
    return Figures(newest_at, made_at, requested, frozenset({1, 2}), {"open": waiting, "cost": Decimal("1200.50")})


def before(archive: Path, issue: Figures) -> Figures | None:
    return last_before(archive, issue.requested, issue.newest_at)


def kept(archive: Path, *issues: Figures) -> None:
    for each in issues:
        files = {"a.html": b"page", FIGURES: as_file(each)}
        # One list that is not read for weeks keeps the age of the data where it was.
        keep(archive, NOW - A_WEEK, files, now=NOW, retention=4 * A_WEEK)


def test_the_last_issue_is_the_newest_that_was_made_of_older_data(tmp_path: Path) -> None:
    today, monday = figures(0), figures(7)
    kept(tmp_path, monday, figures(14), today, figures(0, made_later=1))

    assert before(tmp_path, today) == monday
    assert before(tmp_path, figures(30)) is None
    assert before(tmp_path / "no archive", today) is None


def test_an_issue_of_other_projects_is_not_compared_with(tmp_path: Path) -> None:
    of_all, of_one, of_another = figures(7), figures(6, requested=frozenset({1})), figures(5, requested=frozenset({2}))
    kept(tmp_path, of_all, of_one, of_another)

    assert before(tmp_path, figures(0)) == of_all
    assert before(tmp_path, figures(0, requested=frozenset({1}))) == of_one


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"7",
        b'{"newest_data_at": "yesterday"}',
        as_file(figures(1)).replace(b'"open": 5', b'"open": "five"'),
        as_file(figures(1)).replace(b'"figures": {', b'"figures": [').replace(b"}\n}", b"]\n}"),
        OF_AN_OLDER_VERSION,
    ],
)
def test_an_issue_whose_figures_cannot_be_read_is_passed_over(tmp_path: Path, content: bytes) -> None:
    kept(tmp_path, figures(7))
    keep(tmp_path, NOW, {FIGURES: content}, now=NOW, retention=A_WEEK)
    keep(tmp_path, NOW, {"a.html": b"of before figures were kept"}, now=NOW, retention=A_WEEK)

    assert before(tmp_path, figures(0)) == figures(7)


def test_ids_and_amounts_are_kept_as_text() -> None:
    assert b'"projects": [\n    "1",\n    "2"\n  ]' in as_file(figures(0))
    assert b'"open": 5,\n    "cost": "1200.50"' in as_file(figures(0))
