"""Records that differ from what the catalog declares, and such as cannot be stored at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from procore_simulator.faults import Fault
from support.oracle import differences, readable_projects
from support.worker import A_FEW, Install, Installation, advance, incomplete, scope
from sync_worker.model import Outcome, Verdict

STAMP = "2026-11-01T08:00:00Z"


def answering(here: Installation, body: str | bytes) -> int:
    """Let the first project's RFIs be this body from now on."""
    here.simulator.faults.clear()
    project = readable_projects(here.simulator)[0]
    here.simulator.faults.add(Fault(path=f"*/{project}/rfis[?]*", body=body, times=1_000, headers={"Per-Page": "2000"}))
    return project


def stored(here: Installation, rfi_id: int, *columns: str) -> tuple[Any, ...]:
    ((*row,),) = here.query(f"SELECT {', '.join(columns)} FROM rfis WHERE id = ?", rfi_id)
    return tuple(row)


def test_new_fields_and_misfits_are_kept_and_said_once(install: Install) -> None:
    here = install(streams=A_FEW)
    project = readable_projects(here.simulator)[0]
    first, second, *_ = [truth.record["id"] for truth in here.simulator.world.records("rfis", project_id=project)]
    here.run()
    odd: dict[str, Any] = {
        "brand_new": {"a": [1, 2.50, None]},
        "private": "yes",
        "location_id": 2**63,
        "due_date": "0000-00-00",
        "created_at": "20260-01-01T00:00:00Z",
        "assignee": "nobody",
        "questions": None,
        "subject": 17,
        "cost_code": [],
    }

    for rfi in (first, second):
        advance(here.simulator, 3600)
        here.simulator.world.update("rfis", rfi, odd)
        assert incomplete(here.run()) == []

    assert differences(here.simulator, here.database) == []
    assert here.query("SELECT field, kind, count(*) FROM _schema_changes WHERE stream = 'rfis' GROUP BY 1, 2") == [
        ("assignee", "type_changed", 1),
        ("brand_new", "new_field", 1),
        ("cost_code", "type_changed", 1),
        ("created_at", "type_changed", 1),
        ("due_date", "type_changed", 1),
        ("location_id", "type_changed", 1),
        ("private", "type_changed", 1),
        ("subject", "type_changed", 1),
    ]


def test_values_that_python_itself_would_change_are_kept_as_sent(install: Install) -> None:
    here = install()
    digits = "9" * 5_000
    deep = "[" * 200 + "]" * 200
    answering(
        here,
        f'[{{"id":7,"updated_at":"{STAMP}","location_id":{digits},"cost_impact":{{"value":1.10}},"deep":{deep}}}]',
    )

    report = here.run("rfis")

    extra, cost_impact, location = stored(here, 7, "_extra", "cost_impact", "location_id")
    assert extra == f'{{"location_id":{digits},"deep":{deep}}}'
    assert (cost_impact, location) == ('{"value":1.10}', None)
    assert report.totals.outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("subject", "kept"),
    [
        (b'"NUL \\u0000 inside"', "NUL \ufffd inside"),
        (b'"lone \\ud800 surrogate"', "lone \ufffd surrogate"),
        (b'"a pair \\ud83d\\ude00"', "a pair \U0001f600"),
        (b'"broken \xff byte"', "broken \ufffd byte"),
        (b'"=cmd()|\' DROP TABLE rfis; --"', "=cmd()|' DROP TABLE rfis; --"),
    ],
)
def test_text_that_no_database_holds_is_mended_and_its_neighbours_are_untouched(
    install: Install, subject: bytes, kept: str
) -> None:
    here = install()
    answering(here, b'[{"id":7,"subject":' + subject + b'},{"id":8,"subject":"neighbour"}]')

    report = here.run("rfis")

    assert report.totals.outcome is Outcome.SUCCEEDED
    assert stored(here, 7, "subject") == (kept,)
    assert stored(here, 8, "subject") == ("neighbour",)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400x"])
def test_a_page_with_what_is_no_json_number_fails_the_list_after_another_attempt(install: Install, number: str) -> None:
    here = install()
    project = answering(here, f'[{{"id":7,"cost_impact":{{"value":{number}}}}}]')

    report = here.run("rfis")

    line = scope(report, "rfis", project)
    assert (line.verdict, line.requests) == (Verdict.FAILED, 2)
    assert here.query("SELECT 1 FROM rfis WHERE id = 7") == []


@pytest.mark.parametrize(
    "sent", ['"custom_fields":{"a":{"value":1e400}}', '"cost_impact":{"value":-1E+400}', '"new":1e400']
)
def test_a_page_with_a_number_beyond_any_range_is_read_again_and_then_fails_with_that_reason(
    install: Install, sent: str
) -> None:
    here = install()
    here.run("rfis")
    before, marks = here.query("SELECT * FROM rfis"), here.marks()
    project = answering(here, f'[{{"id":7}},{{"id":8,{sent}}}]')

    report = here.run("rfis", full_refresh=True)

    line = scope(report, "rfis", project)
    assert (line.verdict, line.requests) == (Verdict.FAILED, 3)
    assert line.error == "bad payload: a record holds a number beyond any range, such as 1e400"
    assert here.query("SELECT * FROM rfis") == before
    assert here.marks()["rfis", project] == marks["rfis", project]

    here.simulator.faults.clear()
    assert incomplete(here.run("rfis")) == []
    assert differences(here.simulator, here.database, streams=["rfis"]) == []


def test_a_page_with_a_number_beyond_any_range_that_is_mended_when_asked_again_is_taken(install: Install) -> None:
    here = install()
    here.simulator.faults.add(Fault(path="*/rfis[?]*", body='[{"id":7,"new":1e400}]', headers={"Per-Page": "2000"}))

    assert incomplete(here.run("rfis")) == []

    assert differences(here.simulator, here.database, streams=["rfis"]) == []


def test_a_record_without_an_id_is_set_aside_and_its_page_goes_on(install: Install) -> None:
    here = install()
    poison = '{"subject": "nobody knows me", "custom": 1.10}'
    project = answering(here, f'[{{"id":7}},{poison},{{"id":null}},{{"id":8}}]')

    report = here.run("rfis")

    line = scope(report, "rfis", project)
    assert (line.verdict, line.rows_seen, line.inserted, line.unchanged) == (Verdict.COMPLETE, 4, 2, 0)
    assert here.query("SELECT id FROM rfis WHERE project_id = ? ORDER BY id", project) == [(7,), (8,)]
    assert here.query("SELECT stream, project_id, run_id, reason, record FROM _quarantine ORDER BY record") == [
        ("rfis", project, report.run_id, "the record has no usable key", '{"id":null}'),
        ("rfis", project, report.run_id, "the record has no usable key", poison),
    ]
    assert report.totals.rows.quarantined == 2


def test_an_unreadable_record_is_set_aside_once_for_each_of_its_versions(install: Install) -> None:
    here = install()
    one, other = '{"subject":"nobody knows me"}', '{"subject":"nobody knows me now"}'
    runs = []
    for records in (f"[{one},{one}]", f"[{one},{one}]", f"[{one},{one},{other}]"):
        here.simulator.faults.clear()
        answering(here, records)
        runs.append(here.run("rfis", full_refresh=True))

    assert [report.totals.rows.quarantined for report in runs] == [2, 2, 3]
    assert here.query("SELECT record, count(*), max(run_id) FROM _quarantine GROUP BY record ORDER BY 2 DESC") == [
        (one, 2, runs[-1].run_id),
        (other, 1, runs[-1].run_id),
    ]
    assert [scope(report, "rfis", readable_projects(here.simulator)[0]).unchanged for report in runs] == [0, 0, 0]


def test_a_record_without_an_id_may_be_any_that_is_missing(install: Install) -> None:
    here = install()
    answering(here, '[{"id":7},{"id":8},{"id":9}]')
    here.run("rfis")
    here.simulator.faults.clear()
    answering(here, '[{"id":8},{"id":9},{"id":null}]')

    for _ in range(3):
        here.run("rfis", full_refresh=True)

    assert here.query("SELECT id FROM rfis WHERE _deleted_at NOTNULL") == []
    assert here.query("SELECT record_key FROM _held_deletes") == [(7,)]


def test_a_list_that_is_mostly_unreadable_fails(install: Install) -> None:
    here = install()
    project = answering(here, json.dumps([{"id": 7}, *[{"subject": "x"}] * 11]))

    report = here.run("rfis")

    line = scope(report, "rfis", project)
    assert line.verdict == Verdict.FAILED
    assert line.error == "11 of 12 records could not be read; see _quarantine"
    assert ("rfis", project) not in here.marks()
    assert here.query("SELECT id FROM rfis WHERE id = 7") == [(7,)]


def test_a_list_that_is_read_three_times_sets_its_unreadable_records_aside_once(install: Install) -> None:
    here = install()
    poison = [{"subject": number} for number in range(5)]
    project = answering(here, json.dumps([{"id": 7}, {"id": 7}, *poison]))

    report = here.run("rfis")

    assert scope(report, "rfis", project).verdict == Verdict.INEXACT
    assert scope(report, "rfis", project).requests == 3
    assert here.query("SELECT count(*) FROM _quarantine") == [(5,)]
    assert report.totals.rows.quarantined == 5


def test_the_history_of_a_tracked_field_has_its_first_value_and_every_change(install: Install) -> None:
    here = install(streams=A_FEW)
    project = readable_projects(here.simulator)[0]
    rfi = here.simulator.world.records("rfis", project_id=project)[0].record
    here.simulator.world.update("rfis", rfi["id"], {"status": "draft", "due_date": None}, touch=False)
    here.run()
    changes = [{"status": "open", "due_date": "2026-12-01"}, {"subject": "untracked"}, {"status": "closed"}]

    stamps = [rfi["updated_at"]]
    for change in changes:
        advance(here.simulator, 3600)
        stamps.append(here.simulator.world.update("rfis", rfi["id"], change)["updated_at"])
        here.run()
        here.run()

    found = here.query(
        "SELECT field, old_value, new_value, changed_at FROM _field_history"
        " WHERE stream = 'rfis' AND record_key = ? AND project_id = ? AND field IN ('status', 'due_date')"
        " ORDER BY field, changed_at",
        str(rfi["id"]),
        project,
    )
    assert found == [
        ("due_date", None, "2026-12-01", stamps[1]),
        ("status", None, "draft", stamps[0]),
        ("status", "draft", "open", stamps[1]),
        ("status", "open", "closed", stamps[3]),
    ]


def test_an_excluded_field_is_left_out_and_comes_back_when_it_is_wanted_again(install: Install) -> None:
    here = install()
    here.config = {"streams": {"rfis": {"exclude_fields": ["subject", "custom_fields"]}}}
    here.run("rfis")
    assert here.query("SELECT DISTINCT subject, custom_fields, _extra FROM rfis") == [(None, None, None)]

    here.config = {}
    here.run("rfis", full_refresh=True)

    assert differences(here.simulator, here.database, streams=["rfis"]) == []


HOSTILE = ('odd "name"', "it's [a] {list}", "x); DROP TABLE rfis; --", "a\\b", "ключ", "`tick` $1 :id ?1")


def test_field_names_that_are_hostile_are_kept_as_names_and_executed_by_nobody(install: Install) -> None:
    here = install()
    record = {"id": 7, "subject": "=cmd()|'<script>", **{name: {"of": name} for name in HOSTILE}}
    answering(here, json.dumps([record]))

    assert incomplete(here.run("rfis")) == []

    subject, extra = stored(here, 7, "subject", "_extra")
    assert (subject, json.loads(extra)) == ("=cmd()|'<script>", {name: {"of": name} for name in HOSTILE})
    drifted = here.query("SELECT field FROM _schema_changes WHERE stream = 'rfis' AND kind = 'new_field'")
    assert {field for (field,) in drifted} == set(HOSTILE)
    assert here.query("PRAGMA integrity_check") == [("ok",)]


def test_characters_that_were_replaced_are_told_with_their_number(install: Install) -> None:
    here = install()
    answering(here, rb'[{"id":7,"subject":"NUL \u0000, \ud800"},{"id":8,"custom_fields":{"a":"\u0000"}}]')

    with capture_logs() as logs:
        assert incomplete(here.run("rfis")) == []

    told = [entry for entry in logs if entry["event"] == "record.text_replaced"]
    assert [(entry["log_level"], entry["characters"]) for entry in told] == [("warning", 3)]
    assert stored(here, 7, "subject") == ("NUL \ufffd, \ufffd",)
    assert stored(here, 8, "custom_fields") == ('{"a":"\ufffd"}',)


def test_what_is_kept_of_a_list_that_cannot_be_read_is_bounded_and_all_of_it_is_counted(install: Install) -> None:
    here = install()
    answering(here, json.dumps([{"subject": "x" * 70_000}, *({"subject": number} for number in range(1_100))]))

    first = here.run("rfis")
    kept_first = here.query("SELECT record FROM _quarantine ORDER BY rowid")
    second = here.run("rfis")

    assert [report.totals.rows.quarantined for report in (first, second)] == [1_101, 1_101]
    assert here.query("SELECT record FROM _quarantine ORDER BY rowid") == kept_first
    assert kept_first[-1] == ('{"subject": 998}',)
    ((kept, longest, run_id),) = here.query("SELECT count(*), max(length(record)), max(run_id) FROM _quarantine")
    assert (kept, longest, run_id) == (1_000, 65_536, second.run_id)
    ((reason,),) = here.query("SELECT reason FROM _quarantine WHERE length(record) = 65536")
    assert reason == "the record has no usable key; the first 65536 of its 70015 characters are kept"

    answering(here, json.dumps([{"subject": f"other {number}"} for number in range(20)]))
    here.run("rfis")
    ((kept, others),) = here.query("SELECT count(*), sum(record LIKE '%other%') FROM _quarantine")
    assert (kept, others) == (1_000, 20)


def test_a_record_that_was_mended_is_no_longer_set_aside_once_the_whole_list_was_read(install: Install) -> None:
    here = install()
    answering(here, '[{"id":7},{"subject":"nobody knows me"}]')
    here.run("rfis")
    answering(here, '[{"id":7},{"id":8,"subject":"nobody knows me"}]')

    here.run("rfis")
    recent = here.query("SELECT count(*) FROM _quarantine")
    here.run("rfis", full_refresh=True)

    assert (recent, here.query("SELECT count(*) FROM _quarantine")) == ([(1,)], [(0,)])
