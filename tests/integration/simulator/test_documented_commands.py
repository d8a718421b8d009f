"""docs/simulator.md: its commands work, and its tables list what the control interface accepts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from procore_simulator.control import EDITS, PERMISSIONS
from procore_simulator.faults import Fault
from procore_simulator.lies import Lie
from support.caller import Caller

DOCUMENT = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text("utf-8")
TRIED = re.compile(
    r"<!-- tried by tests/integration/simulator/test_documented_commands\.py -->\n```\n(.+?)```", re.DOTALL
)


def first_cells(heading: str) -> set[str]:
    """Return the names in the first column of the table under that heading."""
    table = DOCUMENT.partition(f"\n| {heading} |")[2].partition("\n\n")[0]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="the commands need bash and curl")
def test_the_commands_of_the_document_work(caller: Caller) -> None:
    found = TRIED.findall(DOCUMENT)
    assert len(found) == 4
    commands = "".join(found).replace("http://127.0.0.1:8792", caller.simulator.url)
    done = subprocess.run(
        ["bash", "-ec", commands.replace("curl -s", "curl -s -S --fail -w '\\n'")],  # noqa: S607 - the user's bash
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[-1] == {"faults": 1}
    assert any(truth.is_deleted for truth in caller.simulator.world.records("rfis", deleted=True))


def test_the_document_lists_every_edit_permission_fault_and_lie() -> None:
    assert first_cells("field") == {field.name for field in fields(Fault)}
    assert first_cells("lie") == {lie.value for lie in Lie}
    for names in (EDITS, PERMISSIONS):
        row = next(line for line in DOCUMENT.splitlines() if f"`{names[0]}`" in line and "is `" in line)
        assert set(re.findall(r"`(\w+)`", row)) == set(names)
