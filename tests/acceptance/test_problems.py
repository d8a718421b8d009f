"""`status` and `streams` show records that are in quarantine, rewritten on every read, or not of the declared type."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

from procore_simulator.faults import Fault
from support.oracle import readable_projects
from support.worker import A_FEW, Install, Installation
from sync_worker.state.volatile import RECORDS_TOLD

STAMP = "2026-02-01T08:00:00Z"


def read(here: Installation, *records: dict[str, Any]) -> None:
    """One whole reading of the first project's RFIs."""
    here.simulator.faults.clear()
    project = readable_projects(here.simulator)[0]
    here.simulator.faults.add(
        Fault(path=f"*/{project}/rfis[?]*", body=json.dumps(records), times=1_000, headers={"Total": str(len(records))})
    )
    here.config["jobs"] = {"one": {"kind": "sync", "streams": ["rfis"], "projects": [project]}}
    here.run("rfis", projects=[project], full_refresh=True)


def lines(here: Installation, word: str) -> list[str]:
    """Return the lines of `status` from the one that begins with `word` up to the next word."""
    shown = here.command("status").stdout.splitlines()
    (start,) = (place for place, line in enumerate(shown) if line.startswith(word))
    end = next(place for place in range(start + 1, len(shown)) if not shown[place].startswith(" "))
    return [line.strip() for line in shown[start:end]]


def test_records_that_are_set_aside_are_told_with_the_reason_and_how_to_see_them(install: Install) -> None:
    here = install()
    read(here, {"id": 1}, {"subject": "nobody knows me"}, {"id": None})

    assert lines(here, "quarantined") == [
        "quarantined   rfis: 2 records could not be stored: the record has no usable key",
        '→ `sync-worker query "SELECT * FROM _quarantine"` shows them as they were sent',
    ]
    first = here.command("status").stdout.splitlines()[0]
    assert first.startswith("Not all is well: records of 1 stream are in quarantine. Next: `sync-worker query ")


def test_a_list_that_is_written_again_at_every_reading_is_told_with_the_field_and_what_to_do(install: Install) -> None:
    here = install()
    for at in range(3):
        read(here, *({"id": key, "updated_at": STAMP, "last_viewed_at": at} for key in range(RECORDS_TOLD)))

    assert lines(here, "rewritten") == [
        "rewritten     rfis: all 10 records change on every read (last_viewed_at) and are written again",
        "→ streams.rfis.exclude_fields: [last_viewed_at] leaves out unneeded fields",
    ]


def test_a_field_that_misfits_in_most_records_is_told_and_one_that_misfits_in_few_is_not(install: Install) -> None:
    here = install()
    read(here, *({"id": key, "private": "yes", "number": 5, "due_date": "" if key else None} for key in range(5)))
    assert lines(here, "misfit")[0] == (
        "misfit        rfis: due_date is not a date in most records; its values are in _extra"
    )
    found = json.loads(here.command("status", "--json").stdout)["problems"]
    assert [(problem["kind"], problem["text"].split()[1]) for problem in found] == [
        ("misfit", "due_date"),
        ("misfit", "private"),
    ]

    read(here, *({"id": key, "private": "yes" if key < 2 else True, "due_date": None} for key in range(5)))
    assert json.loads(here.command("status", "--json").stdout)["problems"] == []


def test_paths_of_signed_urls_are_shown_with_the_stream_they_were_learned_of(install: Install) -> None:
    here = install()
    assert json.loads(here.command("streams", "rfis", "--json").stdout)["volatile_learned"] == []
    for day in "12":
        read(here, {"id": 1, "updated_at": STAMP, "photo": {"url": f"https://x/1.jpg?X-Amz-Signature={day}"}})

    assert json.loads(here.command("streams", "rfis", "--json").stdout)["volatile_learned"] == ["photo.url"]
    shown = here.command("streams", "rfis").stdout
    assert "learned     photo.url: its URL is signed again at each reading, which is no change" in shown


def test_a_write_that_another_program_holds_open_is_told_first(install: Install) -> None:
    here = install(streams=A_FEW)
    here.run("rfis")

    with closing(sqlite3.connect(here.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        first = here.command("status").stdout.splitlines()[0]
        found = json.loads(here.command("status", "--json").stdout)["problems"]
        other.execute("ROLLBACK")

    assert first.startswith("Not all is well: another program blocks the database")
    assert [(problem["kind"], problem["stream"]) for problem in found] == [("blocked", "")]
    assert json.loads(here.command("status", "--json").stdout)["problems"] == []


def test_a_table_that_is_not_ours_hides_nothing_else(install: Install) -> None:
    here = install(streams=A_FEW)
    here.run("rfis", "submittals")
    with closing(sqlite3.connect(here.database)) as other:
        other.execute("DROP TABLE rfis")
        other.execute("CREATE TABLE rfis (mine TEXT)")

    shown = {line["stream"]: line["rows"] for line in json.loads(here.command("status", "--json").stdout)["streams"]}

    assert shown["rfis"] is None
    assert shown["submittals"] > 0
