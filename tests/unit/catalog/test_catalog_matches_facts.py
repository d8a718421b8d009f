"""Each stream spec against what Procore documents of that list, kept as facts in tests/data/core_streams.json.

The facts keep Procore's own words and are translated here, so that a slip in the catalog cannot repeat itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.cases import for_each_case
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import (
    CursorSyntax,
    DeletedAmongLive,
    DeletedBetween,
    Deletes,
    Envelope,
    FieldType,
    RecycleBin,
    ScopeKind,
    StreamSpec,
    SyncMode,
)

Facts = Mapping[str, Any]

DOCUMENTED: dict[str, Facts] = {
    facts["stream"]: facts
    for facts in json.loads((Path(__file__).parents[2] / "data" / "core_streams.json").read_text(encoding="utf-8"))
}
"""By stream; `parents` are [stream, param, where the param goes], `cursor` is [param, syntax]."""

DEPARTURES: dict[str, Facts] = {
    # No field marks a deleted revision: in a list with live ones it would never be found.
    "drawing_revisions": {"query": {"with_obsolete": "true"}, "deletes": "{own_path}?filters[deleted]=only"},
    # Users, equipment and cost types belong to the company and are listed in each project they serve.
    "bid_contacts": {"primary_key": ["project_id", "id"]},
    "project_equipment": {"primary_key": ["project_id", "id"]},
    "line_item_types": {"primary_key": ["project_id", "id"]},
    # One budget view serves many projects, and its rows and columns need not have ids of their own.
    "budget_view_summary_rows": {"primary_key": ["project_id", "budget_view_id", "id"]},
    "budget_detail_columns": {"primary_key": ["project_id", "budget_view_id", "id"]},
    # A UUID is not an integer.
    "company_people": {"fields": {"user_uuid": "string"}},
    # The list has a filter for it, so the record has it.
    "submittal_packages": {"fields": {"updated_at": "datetime"}},
    # `page` is not documented, `per_page` is; without it a v2 list answers ten records.
    "project_dates": {"query": {"per_page": "100"}},
}
"""Deliberate differences of the catalog from the facts; of `fields`, only those that differ."""

LEFT_OUT: dict[str, str] = {
    "change_order_requests": "nested in prime contracts and both kinds of commitments; a stream has one parent",
    "commitment_contracts": "no field of it is documented; both kinds of commitments have streams of their own",
    "company_bid_packages": "wrapped as bidPackages; each project's are in bid_packages",
    "contract_payments": "nested in both kinds of commitments; a stream has one parent",
    "emails": "asked for by topic, of any tool, and wrapped as emails",
    "equipment_register": "neither its fields nor how it wraps them is documented; company_equipment is",
    "rfqs": "nested in both kinds of commitments; a stream has one parent",
    "workflow_instances": "pages by a cursor, and is asked for a kind of tool at a time",
}
"""Documented lists that are not in the catalog, and why: each would need new code."""

SIGNED_BESIDE: dict[str, set[str]] = {
    "drawing_revisions": {"pdf_url", "png_url", "thumbnail_url", "large_thumbnail_url", "zip_url"},
    "forms": {"attachment.url"},
    "company_users": {"avatar"},
    "company_users_inactive": {"avatar"},
    "vendors": {"logo"},
    "vendors_inactive": {"logo"},
    "project_vendors": {"logo"},
    "bid_contacts": {"avatar"},
    "company_documents": {"file.current_version.prostore_file.url", "file.current_version.url"},
    "company_form_templates": {"attachment.url", "fillable_pdf.url"},
    "drawings": {
        f"current_revision.{name}" for name in ("pdf_url", "png_url", "thumbnail_url", "large_thumbnail_url", "zip_url")
    },
    "incident_witness_statements": {"recording.url"},
    "photo_albums": {"cover_photo"},
    "time_and_material_entries": {
        "company_signature.attachment.url",
        "customer_signature.attachment.url",
        "time_and_material_entry_attachments[*].url",
    },
}
"""Signed URLs that the facts leave out. A path too many costs nothing; one too few costs a write at every read."""


def departed(facts: Facts) -> Facts:
    departure = DEPARTURES.get(facts["stream"], {})
    return {**facts, **departure, "fields": {**facts["fields"], **departure.get("fields", {})}}


FACTS = {stream: departed(facts) for stream, facts in DOCUMENTED.items()}

ENVELOPES = {
    "bare array": Envelope.ARRAY,
    "array (spec says object)": Envelope.ARRAY,
    '{"data": [...]}': Envelope.DATA,
    "array of groups {group_title, meetings[]}": Envelope.GROUPS,
}
FIELD_TYPES = {"number": FieldType.DECIMAL, "integer|number": FieldType.DECIMAL}
SYNTAXES = {
    "<from ISO8601>...<to ISO8601>": CursorSyntax.RANGE,
    "single ISO 8601 timestamp, NOT a range": CursorSyntax.AFTER,
}
SCOPE_PARENTS = ("companies", "projects")
WINDOW_PLACEHOLDERS = ("{window_start}", "{window_end}")
COMPARING_LISTINGS = "not exposed: compare ids on a periodic full refresh"

each_stream = for_each_case({name: spec for name, spec in STREAMS.items() if name in FACTS})


def test_every_stream_has_facts_to_be_compared_with() -> None:
    missing = set(STREAMS) - set(DOCUMENTED)
    assert not missing, "add what Procore documents to tests/data/core_streams.json (docs/adding-a-stream.md, step 2)"


@each_stream
def test_path_tool_and_scope(spec: StreamSpec) -> None:
    facts = FACTS[spec.name]
    assert spec.path == facts["path"]
    assert spec.tool == "/".join(facts["tool"].split("/")[:2])
    assert spec.scope is ScopeKind(facts["scope"])


@each_stream
def test_parent(spec: StreamSpec) -> None:
    facts = FACTS[spec.name]
    parents = [(stream, param) for stream, param, _ in facts["parents"] if stream not in SCOPE_PARENTS]
    assert ([(spec.parent.stream, spec.parent.param)] if spec.parent else []) == parents
    assert (spec.parent is not None) == (facts["level"] == "nested")


@each_stream
def test_primary_key(spec: StreamSpec) -> None:
    assert spec.primary_key == tuple(FACTS[spec.name]["primary_key"])


@each_stream
def test_envelope_and_page_size(spec: StreamSpec) -> None:
    facts = FACTS[spec.name]
    assert spec.envelope is ENVELOPES[facts["envelope"]]
    assert (spec.paging.per_page is None) == (facts["paging"] == "none_documented")
    assert (spec.paging.per_page or 0) <= (facts["max_per_page"] or 2_000)


@each_stream
def test_mode_and_cursor(spec: StreamSpec) -> None:
    facts = FACTS[spec.name]
    assert spec.mode is SyncMode(facts["mode"])
    assert (spec.date_window is not None) == (spec.mode is SyncMode.DATE_WINDOW)
    assert (spec.cursor is not None) == (spec.mode is SyncMode.INCREMENTAL)
    if spec.cursor is not None:
        assert (spec.cursor.param, spec.cursor.syntax) == (facts["cursor"][0], SYNTAXES[facts["cursor"][1]])
    if spec.date_window is not None:
        assert f"{spec.date_window.start_param}/{spec.date_window.end_param}" == facts["cursor"][0]


@each_stream
def test_query(spec: StreamSpec) -> None:
    facts = FACTS[spec.name]
    asked = {param: f"{{{param}}}" for _, param, where in facts["parents"] if where == "query"} | facts["query"]
    windows = {name for name, value in asked.items() if value in WINDOW_PLACEHOLDERS}
    expected = {name: value for name, value in asked.items() if name not in windows}
    if spec.paging.per_page is not None:
        expected.pop("per_page", None)
    assert {name: value for name, value in spec.query.items() if name != "sort"} == expected


@each_stream
def test_lists_are_sorted_by_key_else_by_creation(spec: StreamSpec) -> None:
    """A list is sorted by an order that edits do not change, where it offers one, and by no other."""
    offered = (FACTS[spec.name]["sort"] or {}).get("sort") or []
    own_key = spec.primary_key[-1]
    best = next((field for field in (own_key, "created_at") if field in offered), None)
    assert spec.query.get("sort") == best


@each_stream
def test_fields_and_their_types(spec: StreamSpec) -> None:
    """Scope columns are no fields, but for a parent's id that is no integer: its field gives the column its type."""
    facts = FACTS[spec.name]
    integers = {name for name, type_ in spec.scope_columns.items() if type_ is FieldType.INTEGER}
    # `custom_field_%{…}` means any number of fields with names of their own.
    names = {name for name in facts["fields"] if "%" not in name} - integers
    assert dict(spec.fields) == {name: _field_type(facts["fields"][name]) for name in names}


def _field_type(documented: str) -> FieldType:
    if documented.startswith("array<"):
        return FieldType.ARRAY
    return FIELD_TYPES.get(documented) or FieldType(documented)


@each_stream
def test_volatile_paths(spec: StreamSpec) -> None:
    """Beside those of the facts, the addresses of attachments are taken to be signed wherever a record has some."""
    attachments = {"attachments[*].url"} if "attachments" in spec.fields else set()
    expected = {*FACTS[spec.name]["volatile"], *SIGNED_BESIDE.get(spec.name, ()), *attachments}
    assert set(spec.volatile) == expected, "if the facts leave out a signed URL, add it to SIGNED_BESIDE of this file"
    assert len(spec.volatile) == len(expected)


@each_stream
def test_deletes(spec: StreamSpec) -> None:
    facts = FACTS[spec.name]
    assert _documented(spec.deletes, spec.path) == facts["deletes"].replace("{own_path}", spec.path)


def _documented(deletes: Deletes | None, own_path: str) -> str:
    match deletes:
        case None:
            return COMPARING_LISTINGS
        case RecycleBin(path, query):
            asked = "&".join(f"{name}={value}" for name, value in query.items() if name != "project_id")
            return "?".join(filter(None, (path or own_path, asked)))
        case DeletedAmongLive(param, value):
            return f"{param}={value}"
        case DeletedBetween(param):
            return f"{param}=range"


def test_every_list_is_a_stream_or_left_out_for_a_reason() -> None:
    assert set(DOCUMENTED) - set(STREAMS) == set(LEFT_OUT), "write the stream, or its reason in LEFT_OUT of this file"
    assert all(LEFT_OUT.values())


def test_every_departure_says_something_else_than_the_facts() -> None:
    for stream, departure in DEPARTURES.items():
        facts = DOCUMENTED[stream]
        assert all(facts[what] != instead for what, instead in departure.items() if what != "fields")
        assert all(facts["fields"].get(name) != instead for name, instead in departure.get("fields", {}).items())


def test_what_is_signed_beside_the_facts_is_not_in_them() -> None:
    for stream, paths in SIGNED_BESIDE.items():
        assert paths.isdisjoint(DOCUMENTED[stream]["volatile"])
