"""Values that no column has room for: the column is NULL, the value is kept as sent, its neighbours are untouched."""

from __future__ import annotations

import json
from random import Random

import pytest

from procore_simulator.faults import Fault
from support.oracle import readable_projects
from support.worker import Install, incomplete
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import FieldType

DIGITS = "9" * 5_000
DEEP = "[" * 900 + "1.10" + "]" * 900

MISFITS = [
    ("location_id", str(2**63)),
    ("location_id", str(-(2**63) - 1)),
    ("location_id", DIGITS),
    ("location_id", f"-{DIGITS}"),
    ("location_id", "1.5"),
    ("location_id", "1e3"),
    ("location_id", '"12"'),
    ("location_id", "true"),
    ("due_date", '"0000-00-00"'),
    ("due_date", '"20260-01-01"'),
    ("due_date", '"2026-02-30"'),
    ("due_date", '"2026-01-01T07:00:00Z"'),
    ("due_date", "20260101"),
    ("created_at", '"20260-01-01T00:00:00Z"'),
    ("created_at", '"0000-00-00T00:00:00Z"'),
    ("created_at", '"2026-01-01T25:00:00Z"'),
    ("created_at", '"2026-01-01T00:00:00"'),
    ("created_at", "1767225600"),
    ("private", '"true"'),
    ("private", "1"),
    ("subject", '{"text":"an object"}'),
    ("subject", DEEP),
    ("assignee", "[]"),
    ("assignee", '"nobody"'),
    ("questions", '{"0":{"id":1}}'),
    ("questions", '"none"'),
    ("brand_new", DEEP),
    ("brand_new", DIGITS),
    ("brand_new", '{"amount":1.10,"huge":-0.00e5}'),
]


@pytest.mark.parametrize(("field", "sent"), MISFITS, ids=lambda value: value[:24])
def test_a_value_that_does_not_fit_is_kept_and_its_record_survives(install: Install, field: str, sent: str) -> None:
    here = install(projects=1)
    project = readable_projects(here.simulator)[0]
    body = f'[{{"id":6,"number":"before"}},{{"id":7,"{field}":{sent},"number":"7"}},{{"id":8,"number":"after"}}]'
    here.simulator.faults.add(Fault(path=f"*/{project}/rfis[?]*", body=body, times=10))

    assert incomplete(here.run("rfis")) == []

    column = f'"{field}"' if field in STREAMS["rfis"].fields else "NULL"
    ((value, extra),) = here.query(f"SELECT {column}, _extra FROM rfis WHERE id = 7")
    assert (value, extra) == (None, f'{{"{field}":{sent}}}')
    assert here.query("SELECT number, _extra FROM rfis WHERE id <> 7") == [("before", None), ("after", None)]
    again = here.run("rfis", full_refresh=True).totals.rows
    assert (again.inserted, again.updated) == (0, 0)


@pytest.mark.parametrize("sent", ["17", "-0", "1.10", "1E+2", "true", "false", DIGITS], ids=lambda value: value[:24])
def test_a_text_column_takes_a_number_or_a_boolean_as_it_is_written(install: Install, sent: str) -> None:
    here = install(projects=1)
    project = readable_projects(here.simulator)[0]
    body = f'[{{"id":7,"subject":{sent},"number":{sent}}},{{"id":8,"subject":"text","number":{sent}}}]'
    here.simulator.faults.add(Fault(path=f"*/{project}/rfis[?]*", body=body, times=10))

    assert incomplete(here.run("rfis")) == []

    assert here.query("SELECT subject, number, _extra FROM rfis ORDER BY id") == [
        (sent, sent, None),
        ("text", sent, None),
    ]
    again = here.run("rfis", full_refresh=True).totals.rows
    assert (again.inserted, again.updated) == (0, 0)


@pytest.mark.parametrize("depth", [1_500, 100_000])
@pytest.mark.parametrize("field", ["subject", "questions", "assignee", "brand_new"])
def test_a_field_that_nests_deeper_than_anybody_reads_is_kept_as_a_text(
    install: Install, field: str, depth: int
) -> None:
    here = install(projects=1)
    project = readable_projects(here.simulator)[0]
    deep = '[{"a":' * (depth // 2) + "[]" + "}]" * (depth // 2)
    body = f'[{{"id":6}},{{"id":7,"{field}":{deep},"number":"\\"]{{"}},{{"id":8,"ball_in_courts":[[1]]}}]'
    here.simulator.faults.add(Fault(path=f"*/{project}/rfis[?]*", body=body, times=10))

    assert incomplete(here.run("rfis")) == []

    ((number, extra),) = here.query("SELECT number, _extra FROM rfis WHERE id = 7")
    kept = json.loads(extra)[field] if field != "subject" else here.query("SELECT subject FROM rfis WHERE id = 7")[0][0]
    assert (number, kept) == ('"]{', deep)
    assert here.query("SELECT id, ball_in_courts FROM rfis WHERE id <> 7") == [(6, None), (8, "[[1]]")]


def amounts() -> list[str]:
    """Return sums of money in every notation: with more digits than a float holds, with trailing zeros."""
    random = Random(18)  # noqa: S311 - any digits will do
    drawn = [f"{random.randrange(10**17)}.{random.randrange(10**4):04d}" for _ in range(40)]
    return ["99999999999999999.98", "0.10", "-0.00", "100", "0.1000000000000000055511151231257827", "1.0E+2", *drawn]


def test_money_is_kept_digit_for_digit_as_sent(install: Install) -> None:
    here = install(projects=1)
    spec = STREAMS["work_order_contracts"]
    money = next(name for name, type_ in spec.fields.items() if type_ is FieldType.DECIMAL)
    sent = [form for amount in amounts() for form in (amount, f'"{amount}"')]
    records = ",".join(f'{{"id":{number},"{money}":{form}}}' for number, form in enumerate(sent, start=1))
    path = f"*{spec.path.rpartition('/')[2]}[?]*"
    here.simulator.faults.add(Fault(path=path, body=f"[{records}]", times=10))

    assert incomplete(here.run("work_order_contracts")) == []

    stored = here.query(f'SELECT "{money}" FROM work_order_contracts ORDER BY id')
    assert stored == [(form.strip('"'),) for form in sent]
