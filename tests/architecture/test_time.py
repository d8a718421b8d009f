"""Ruff bans reading the time and sleeping by name; a bounded wait on an event or a condition has no name to ban."""

from __future__ import annotations

import ast
from pathlib import Path

import sync_worker
from support.each import held_against

PACKAGE = Path(sync_worker.__file__).parent
MODULES = {str(path.relative_to(PACKAGE)): path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "clock.py"}


def bounded_waits(source: str) -> list[str]:
    """Calls of `.wait` with a time limit on anything that is not a clock."""
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"wait", "wait_for"}
        and (node.args or node.keywords)
        and not ast.unparse(node.func.value).endswith("clock")
    ]


@held_against(MODULES)
def test_only_the_clock_waits_for_time_to_pass(path: Path) -> None:
    assert bounded_waits(path.read_text(encoding="utf-8")) == []


def test_a_wait_past_the_clock_is_found() -> None:
    assert bounded_waits("stop.wait(0.5)\nself._clock.wait(stop, 0.5)\nready.wait()") == ["line 1: stop.wait(0.5)"]
