from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from procore_simulator.world import World
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import ScopeKind, StreamSpec
from sync_worker.load.belonging import Belonging
from sync_worker.load.fingerprint import Candidate, Fingerprint
from sync_worker.load.row import RowMaker

COMPANY, PROJECT = 4, 70
SCOPE = {"company_id": COMPANY, "project_id": PROJECT}


def elsewhere(stream: str, record: Mapping[str, Any], **columns: int) -> str | None:
    """Return the reason why a record does not belong to the request."""
    spec = STREAMS[stream]
    scope = {name: value for name, value in SCOPE.items() if name in spec.scope_columns} | columns
    raw = msgspec.Raw(json.dumps({"id": 1, **record}).encode())
    candidate = Fingerprint(spec, scope).identify(raw)
    assert isinstance(candidate, Candidate)
    return RowMaker(spec, scope).row(candidate).elsewhere


@pytest.mark.parametrize(
    ("stream", "record"),
    [
        ("rfis", {"project_id": 71}),
        ("rfis", {"project_id": "71"}),
        ("rfis", {"project": {"id": 71, "name": "Annex"}}),
        ("work_order_contracts", {"project": {"id": 71}}),
        ("work_order_contracts", {"project": {"id": "71"}, "brand_new": 1}),
    ],
)
def test_a_record_that_names_another_project_belongs_there(stream: str, record: dict[str, Any]) -> None:
    assert elsewhere(stream, record) == "the record belongs to project 71, not to 70"


@pytest.mark.parametrize(
    ("stream", "record"),
    [
        ("rfis", {"company_id": 5}),
        ("rfis", {"company": {"id": 5}}),
        ("projects", {"company": {"id": 5, "name": "Another customer"}}),
        ("observation_types", {"company_id": "5"}),
    ],
)
def test_a_record_that_names_another_company_belongs_there(stream: str, record: dict[str, Any]) -> None:
    assert elsewhere(stream, record) == "the record belongs to company 5, not to 4"


@pytest.mark.parametrize(
    ("stream", "record"),
    [
        ("rfis", {"project_id": 70, "project": {"id": "70"}, "company_id": 4}),
        ("rfis", {"project_id": None, "project": None, "company": {"id": None}}),
        ("rfis", {"project_id": 0, "project": "Annex", "company": "Concrete Ltd", "company_id": "none"}),
        ("rfis", {"project_id": 71.5, "project": {"name": "Annex"}, "company_id": -5, "company": []}),
        ("rfis", {"assignee": {"project_id": 71, "company": {"id": 5}}}),
        ("company_timecard_entries", {"project": {"id": 71}, "project_id": 71}),
        ("vendors", {"company": {"id": 5, "name": "Concrete Ltd"}, "company_id": 5}),
        ("project_users", {"company": {"id": 5, "name": "Concrete Ltd"}}),
        ("productivity_logs", {"company": "Concrete Ltd"}),
    ],
)
def test_a_record_that_names_its_own_scope_or_a_firm_or_nothing_belongs_here(
    stream: str, record: dict[str, Any]
) -> None:
    assert elsewhere(stream, record) is None


def test_the_company_of_a_bid_may_be_the_bidder() -> None:
    assert elsewhere("bids", {"company_id": 5}, bid_package_id=9) is None


def test_a_stream_of_ones_own_may_mean_any_company_by_company() -> None:
    spec = StreamSpec(
        name="own", tool="", path="/own", scope=ScopeKind.PROJECT, primary_key=("id",), fields=STREAMS["rfis"].fields
    )
    assert [naming.field for naming in Belonging(spec, SCOPE).namings] == ["project_id", "project"]


def test_every_record_of_the_simulated_procore_belongs_where_it_is_listed() -> None:
    world = World(projects=2, scale=0.1)
    named = 0
    for name, spec in world.streams.items():
        for truth in world.records(name):
            home = {"company_id": truth.company_id, "project_id": truth.project_id}
            scope = {column: value for column, value in home.items() if column in spec.scope_columns}
            belonging = Belonging(spec, {column: value for column, value in scope.items() if value is not None})
            sent = {field: msgspec.Raw(json.dumps(value).encode()) for field, value in truth.record.items()}
            assert belonging.elsewhere(sent) is None, (name, truth.record)
            named += any(naming.field in sent for naming in belonging.namings)
    assert named > 100
