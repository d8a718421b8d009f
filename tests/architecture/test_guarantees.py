"""The page of guarantees names every line there is, and for each the tests that prove it, which must be there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/guarantees.md").read_text("utf-8")
LINES = {"The promise": 5, "What goes wrong": 43, "Secrets": 4, "Stopping": 2}
NOT_BUILT: set[tuple[str, int]] = set()
NAMED = re.compile(r"`([a-z_/]+\.py)::(test_\w+)`")


def sections() -> dict[tuple[str, int], str]:
    """Return the text under each line, by part and number."""
    found: dict[tuple[str, int], str] = {}
    for part in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]:
        name, _, body = part.partition("\n")
        numbered = re.split(r"^### (\d+)\. ", body, flags=re.MULTILINE)[1:]
        for number, text in zip(numbered[::2], numbered[1::2], strict=True):
            assert (name, int(number)) not in found, (name, number)
            found[name, int(number)] = text
    return found


@cache
def defined_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8")) if path.is_file() else ast.Module([], [])
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def unknown(text: str) -> Iterator[str]:
    for path, name in NAMED.findall(text):
        if name not in defined_in(ROOT / "tests" / path):
            yield f"{path}::{name}"


def test_every_guarantee_has_its_line() -> None:
    assert set(sections()) == {(part, number) for part, last in LINES.items() for number in range(1, last + 1)}


@pytest.mark.parametrize("line", sections(), ids=lambda line: f"{line[0]} {line[1]}")
def test_a_guarantee_is_proven_by_tests_that_are_there(line: tuple[str, int]) -> None:
    text = sections()[line]
    assert list(unknown(text)) == [], "docs/guarantees.md names tests that are not there: correct their names"
    assert bool(NAMED.search(text)) is (line not in NOT_BUILT)


def test_whatever_else_the_page_names_is_there() -> None:
    assert list(unknown(TEXT)) == []
    assert len(NAMED.findall(TEXT)) == TEXT.count("::")
