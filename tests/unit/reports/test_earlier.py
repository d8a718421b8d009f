from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync_worker.reports.archive import keep
from sync_worker.reports.previous import FIGURES, Figures, as_file, last_before

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
A_WEEK = timedelta(weeks=1)
ALL: frozenset[int] = frozenset()


def figures(days_ago: int, *, asked: frozenset[int] = ALL, made_later: int = 0, waiting: int = 5) -> Figures:
    newest_at = NOW - timedelta(days=days_ago)
    return Figures(newest_at, newest_at + timedelta(hours=1 + made_later), asked, frozenset({1, 2}), waiting, 3, 2, 1)


def kept(archive: Path, *issues: Figures) -> None:
    for each in issues:
        files = {"a.html": b"page", FIGURES: as_file(each)}
        # One list that is not read for weeks keeps the age of the data where it was.
        keep(archive, NOW - A_WEEK, files, now=NOW, retention=4 * A_WEEK)


def test_the_last_issue_is_the_newest_that_was_made_of_older_data(tmp_path: Path) -> None:
    today, monday = figures(0), figures(7)
    kept(tmp_path, monday, figures(14), today, figures(0, made_later=1))

    assert last_before(tmp_path, today) == monday
    assert last_before(tmp_path, figures(30)) is None
    assert last_before(tmp_path / "no archive", today) is None


def test_an_issue_of_other_projects_is_not_compared_with(tmp_path: Path) -> None:
    of_all, of_one, of_another = figures(7), figures(6, asked=frozenset({1})), figures(5, asked=frozenset({2}))
    kept(tmp_path, of_all, of_one, of_another)

    assert last_before(tmp_path, figures(0)) == of_all
    assert last_before(tmp_path, figures(0, asked=frozenset({1}))) == of_one


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"7",
        b'{"newest_data_at": "yesterday"}',
        as_file(figures(1)).replace(b'"open": 5', b'"open": "five"'),
    ],
)
def test_an_issue_whose_figures_cannot_be_read_is_passed_over(tmp_path: Path, content: bytes) -> None:
    kept(tmp_path, figures(7))
    keep(tmp_path, NOW, {FIGURES: content}, now=NOW, retention=A_WEEK)
    keep(tmp_path, NOW, {"a.html": b"of before figures were kept"}, now=NOW, retention=A_WEEK)

    assert last_before(tmp_path, figures(0)) == figures(7)


def test_ids_are_kept_as_text() -> None:
    assert b'"projects": [\n    "1",\n    "2"\n  ]' in as_file(figures(0))
