from __future__ import annotations

import pytest

from sync_worker.cli.console import table
from sync_worker.status.durations import in_words


def test_a_table_is_as_wide_as_its_values_with_numbers_to_the_right() -> None:
    assert list(table(("name", "n"), [("a", 5), ("longer", 12), ("b", None)])) == [
        "name     n",
        "a        5",
        "longer  12",
        "b        -",
    ]


def test_a_wide_character_takes_two_columns_and_hostile_text_stays_in_its_cell() -> None:
    assert list(table(("t", "u"), [("日本", "x"), ("\x1b[2J\n", True)])) == [
        "t          u",
        "日本       x",
        "\\x1b[2J\\n  yes",
    ]


def test_a_table_without_rows_is_its_headings() -> None:
    assert list(table(("a", "b"), [])) == ["a  b"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "59 min"), (7200, "2 h"), (90_000, "1 d"), (-3, "0 s")],
)
def test_a_length_of_time_is_said_in_its_largest_unit(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
