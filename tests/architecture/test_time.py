"""What ruff cannot ban by name: a bounded wait on an event, a clock of one's own, and the clocks of SQL."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from support.cases import for_each_case

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
CLOCK = "sync_worker/clock.py"
MODULES = {
    name: path
    for package in ("sync_worker", "procore_simulator")
    for path in (ROOT / package).rglob("*.py")
    if (name := path.relative_to(ROOT).as_posix()) != CLOCK
}
OF_TESTS = {str(path.relative_to(TESTS)): path for path in TESTS.rglob("*.py") if TESTS / "support" not in path.parents}
MONOTONIC_ONLY = {"sync_worker/client/connection.py", "sync_worker/client/transport.py", "procore_simulator/clocks.py"}
"""These count seconds and never ask which day it is, so any clock of the machine's will do."""
OF_THE_MACHINE = r"(.*\.)?((SystemClock\(.*\)|MACHINE)\.now|time\.time(_ns)?|(datetime|date)\.(now|utcnow|today))"
SQL_NOW = re.compile(r"'now'|\bcurrent_(time|date|timestamp)\b", re.IGNORECASE)


def calls(source: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))


def bounded_waits(source: str) -> list[str]:
    """Return calls of `.wait` with a time limit on anything that is not a clock."""
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in calls(source)
        if isinstance(node.func, ast.Attribute)
        and node.func.attr in {"wait", "wait_for"}
        and (node.args or node.keywords)
        and not ast.unparse(node.func.value).endswith("clock")
    ]


def clocks_made(source: str) -> list[str]:
    """Where a clock of the machine's is made, instead of taken from whoever calls."""
    return [f"line {it.lineno}" for it in calls(source) if ast.unparse(it.func).endswith("SystemClock")]


def days_asked(source: str) -> list[str]:
    """Where the machine's clock is asked which time of which day it is."""
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in calls(source)
        if re.fullmatch(OF_THE_MACHINE, ast.unparse(node.func))
    ]


def sql_clocks(source: str) -> list[str]:
    """Texts in which a database is asked what time it is: it knows the machine's alone."""
    return [
        f"line {node.lineno}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL_NOW.search(node.value)
    ]


@for_each_case(MODULES)
def test_only_the_clock_waits_for_time_to_pass(path: Path) -> None:
    waits = bounded_waits(path.read_text(encoding="utf-8"))
    assert waits == [], "wait with the Clock that the caller passes: `clock.wait(event, seconds)`"


@for_each_case(MODULES)
def test_a_process_has_one_clock_which_is_handed_down(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert days_asked(source) == [], "ask the Clock that the caller passes: `clock.now()`"
    assert sql_clocks(source) == [], "bind `clock.now()` as a parameter of the statement"
    if path.relative_to(ROOT).as_posix() not in MONOTONIC_ONLY:
        assert clocks_made(source) == [], "take a Clock as a parameter"


@for_each_case(OF_TESTS)
def test_no_test_asks_the_machine_which_day_it_is(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert clocks_made(source) == [], "use `ManualClock` or `WorkerClock` of tests/support/clock.py"
    assert days_asked(source) == [], "use `FIRST_INSTANT` or the clock of the test"


def test_a_wait_past_the_clock_is_found() -> None:
    assert bounded_waits("stop.wait(0.5)\nself._clock.wait(stop, 0.5)\nready.wait()") == ["line 1: stop.wait(0.5)"]


def test_a_clock_of_ones_own_is_found() -> None:
    assert clocks_made("made = clock or SystemClock()\nmake(clock)") == ["line 1"]
    assert days_asked("datetime.now(UTC)\ndatetime.date.today()\nSystemClock().now()\nMACHINE.now()\nclock.now()") == [
        "line 1: datetime.now(UTC)",
        "line 2: datetime.date.today()",
        "line 3: SystemClock().now()",
        "line 4: MACHINE.now()",
    ]
    assert sql_clocks("a = 'due < date(\\'now\\')'\nb = 'SELECT CURRENT_TIMESTAMP'\nc = 'now'") == ["line 1", "line 2"]
