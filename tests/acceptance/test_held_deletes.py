"""Deletes that are held: what the commands show of them, and what approving them does."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from support.oracle import readable_projects
from support.worker import Install, Installation

STREAM = "meetings"


@pytest.fixture
def holding(install: Install) -> Installation:
    """Provide an installation that holds the deletes of twelve meetings."""
    here = install(projects=2, scale=1, config={"jobs": {"one": {"kind": "sync", "streams": [STREAM]}}})
    project = readable_projects(here.simulator)[0]
    for _ in range(40):
        here.simulator.world.insert(STREAM, project_id=project)
    here.run(STREAM)
    delete_twelve(here)
    here.run(STREAM)
    return here


def dead(here: Installation) -> list[Any]:
    return [key for (key,) in here.query(f"SELECT id FROM {STREAM} WHERE _deleted_at NOTNULL ORDER BY id")]


def held(here: Installation) -> list[Any]:
    return [key for (key,) in here.query("SELECT record_key FROM _held_deletes ORDER BY record_key")]


def answered(here: Installation, *arguments: str) -> Any:
    answer = here.command(*arguments, "--json")
    # Held deletes are something to look at, so `status` ends with 1.
    assert answer.returncode == (1 if arguments == ("status",) and held(here) else 0), answer.stderr
    return json.loads(answer.stdout)


def test_status_names_what_is_held_and_what_to_do(holding: Installation) -> None:
    (line,) = answered(holding, "status")["held_deletes"]
    assert (line["stream"], line["project_id"], line["rows"], line["ground"]) == (
        STREAM,
        readable_projects(holding.simulator)[0],
        12,
        "listing",
    )

    shown = holding.command("status").stdout

    assert f"{STREAM}, project {line['project_id']}: 12 rows would be deleted at once" in shown
    assert "sync-worker state approve-deletes" in shown


def test_without_a_yes_it_is_only_shown_what_would_go(holding: Installation) -> None:
    keys = held(holding)

    answer = holding.command("state", "approve-deletes")

    assert answer.returncode == 0
    assert all(str(key) in answer.stdout for key in keys)
    assert "add --yes to mark 12 rows as deleted" in answer.stderr
    assert (dead(holding), held(holding)) == ([], keys)


def test_approved_rows_are_marked_at_once_even_beside_a_daemon(holding: Installation) -> None:
    keys = held(holding)

    with holding.held():
        answer = answered(holding, "state", "approve-deletes", STREAM, "--yes")

    assert (answer["approved"], answer["deleted"], answer["held"][0]["keys"]) == (True, 12, keys)
    assert (dead(holding), held(holding)) == (keys, [])
    assert answered(holding, "status")["held_deletes"] == []


def test_what_came_back_before_it_was_approved_is_not_marked(holding: Installation) -> None:
    first, *others = held(holding)
    holding.simulator.world.restore(STREAM, first)
    holding.simulator.faults.clear()
    holding.run(STREAM)

    holding.command("state", "approve-deletes", "--yes")

    assert dead(holding) == others


def delete_twelve(here: Installation) -> None:
    project = readable_projects(here.simulator)[0]
    for truth in here.simulator.world.records(STREAM, project_id=project)[:12]:
        here.simulator.world.delete(STREAM, truth.record["id"])


def test_a_yes_is_for_what_was_shown_though_more_was_held_meanwhile(holding: Installation) -> None:
    shown = held(holding)
    terminal, stdin = os.openpty()
    with holding.start("state", "approve-deletes", stdin=stdin) as process:
        assert process.stderr is not None
        asked = ""
        while not asked.endswith("?"):
            asked += process.stderr.read(1)
        delete_twelve(holding)
        holding.run(STREAM)
        since = held(holding)
        os.write(terminal, b"y\n")
        out, _ = process.communicate(timeout=60)
    os.close(terminal)
    os.close(stdin)

    assert asked == "Mark 12 rows as deleted?"
    assert all(str(key) in out for key in shown)
    assert len(since) == 12
    assert (held(holding), dead(holding)) == (since, shown)


@pytest.mark.parametrize("arguments", [("rfis",), ("--project", "4711")])
def test_only_what_is_named_is_approved(holding: Installation, arguments: tuple[str, ...]) -> None:
    answer = holding.command("state", "approve-deletes", *arguments, "--yes")

    assert (answer.returncode, answer.stdout) == (0, "no deletes are held\n")
    assert len(held(holding)) == 12


def test_a_misspelt_stream_is_named(holding: Installation) -> None:
    answer = holding.command("state", "approve-deletes", "meeting", "--yes")

    assert answer.returncode == 2
    assert "did you mean meetings?" in answer.stderr
