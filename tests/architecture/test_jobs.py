from __future__ import annotations

import ast
from pathlib import Path

import pytest

JOBS = Path(__file__).parents[2] / "jobs"
OPEN_TO_JOBS = (
    "sync_worker.job.",
    "sync_worker.catalog.",
    "sync_worker.reports.ageing_report.",
    "sync_worker.reports.data.",
    "sync_worker.reports.document.",
    "sync_worker.reports.text.",
)


def closed_rooms(source: str) -> set[str]:
    """Return imports from modules that the author of a job must not rely on."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name for name in names if name.startswith("sync_worker") and not f"{name}.".startswith(OPEN_TO_JOBS)}


@pytest.mark.parametrize("path", sorted(JOBS.glob("*.py")), ids=lambda path: path.name)
def test_a_job_imports_only_what_job_authors_are_promised(path: Path) -> None:
    found = closed_rooms(path.read_text(encoding="utf-8"))
    assert found == set(), "jobs/README.md names the modules that a job may import"


def test_an_import_past_the_promise_is_found() -> None:
    assert closed_rooms("from sync_worker import catalog, state\nimport sync_worker.job\n") == {"sync_worker.state"}
