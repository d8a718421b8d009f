"""Rules for every stream spec, and for the catalog as a whole."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from string import Formatter

import pytest

import sync_worker.catalog
from support.cases import for_each_case
from sync_worker.catalog import FAMILIES, STREAMS, assemble
from sync_worker.catalog.spec import (
    DeletedAmongLive,
    Envelope,
    FieldType,
    Parent,
    RecycleBin,
    ScopeKind,
    StreamSpec,
    SyncMode,
    columns,
)

TAGS = {
    "company",
    "daily_logs",
    "directory",
    "documents",
    "field",
    "financials",
    "preconstruction",
    "project_management",
    "quality_safety",
    "schedule",
}
SYNC_COLUMNS = {"_run_id", "_loaded_at", "_deleted_at", "_row_hash", "_extra", "_row_key"}
MOST_TRACKED = 4

each_stream = for_each_case(STREAMS)


def test_every_module_with_streams_is_in_the_catalog() -> None:
    names = [module.name for module in iter_modules(sync_worker.catalog.__path__)]
    assert {name for name in names if hasattr(import_module(f"sync_worker.catalog.{name}"), "STREAMS")} == set(FAMILIES)


def placeholders(*templates: str) -> set[str]:
    return {name for template in templates for _, name, _, _ in Formatter().parse(template) if name is not None}


@each_stream
def test_every_placeholder_can_be_filled_from_the_scope(spec: StreamSpec) -> None:
    asked = [spec.path, *spec.query.values()]
    if isinstance(spec.deletes, RecycleBin):
        asked += [spec.deletes.path or "", *spec.deletes.query.values()]
    assert placeholders(*asked) <= set(spec.scope_columns)


@each_stream
def test_requests_name_the_scope_they_are_bound_to(spec: StreamSpec) -> None:
    """A request without its project or parent would return the records of others; a parent implies its project."""
    bound_to = {"project_id"} if spec.scope is ScopeKind.PROJECT else set(spec.scope_columns)
    asked = placeholders(spec.path, *spec.query.values())
    assert spec.parent.param in asked if spec.parent else bound_to <= asked
    if isinstance(spec.deletes, RecycleBin) and spec.deletes.path is not None:
        assert bound_to <= placeholders(spec.deletes.path, *spec.deletes.query.values())


@each_stream
def test_paths_are_v1_or_v2_and_v2_lists_wrap_in_data(spec: StreamSpec) -> None:
    assert re.match(r"/rest/v(1\.[0-3]|2\.0)/", spec.path)
    if spec.path.startswith("/rest/v2"):
        assert spec.envelope is Envelope.DATA


@each_stream
def test_names_are_plain_and_differ_in_more_than_case(spec: StreamSpec) -> None:
    names = [spec.name, *spec.columns]
    assert all(re.fullmatch(r"_?[a-z][a-z0-9_]{0,62}", name) for name in names)
    assert len({name.lower() for name in spec.columns}) == len(spec.columns)


@each_stream
def test_fields_leave_the_sync_columns_alone(spec: StreamSpec) -> None:
    assert SYNC_COLUMNS.isdisjoint(spec.fields)


@each_stream
def test_keys_cursors_and_tracked_fields_exist(spec: StreamSpec) -> None:
    assert spec.primary_key
    assert set(spec.primary_key) <= set(spec.columns)
    assert set(spec.row_key) <= set(spec.fields)
    assert set(spec.tracked) <= set(spec.fields)
    assert spec.cursor is None or spec.cursor.field in spec.fields
    assert ("_row_key" in spec.primary_key) == bool(spec.row_key)


@each_stream
def test_volatile_paths_start_at_declared_fields(spec: StreamSpec) -> None:
    assert {re.split(r"[.\[]", path)[0] for path in spec.volatile} <= set(spec.fields)


@each_stream
def test_every_stream_can_be_chosen_by_tag(spec: StreamSpec) -> None:
    assert spec.tags
    assert spec.tags <= TAGS


@each_stream
def test_history_is_kept_of_a_few_fields_only(spec: StreamSpec) -> None:
    assert len(spec.tracked) <= MOST_TRACKED


@each_stream
def test_deleted_records_told_by_deleted_at_have_that_field(spec: StreamSpec) -> None:
    if isinstance(spec.deletes, DeletedAmongLive):
        assert "deleted_at" in spec.fields


def test_parents_precede_their_nested_streams() -> None:
    order = list(STREAMS)
    nested = {spec.name: spec.parent.stream for spec in STREAMS.values() if spec.parent is not None}
    assert nested
    assert all(order.index(parent) < order.index(name) for name, parent in nested.items())


def test_scopes_are_discovered_in_order() -> None:
    scopes = [spec.scope for spec in STREAMS.values()]
    assert scopes == sorted(scopes, key=list(ScopeKind).index)
    assert [name for name, spec in STREAMS.items() if spec.scope is ScopeKind.ACCOUNT] == ["companies"]


def test_parents_keys_are_the_type_of_the_column_that_holds_them() -> None:
    for spec in STREAMS.values():
        if spec.parent is not None:
            parent = STREAMS[spec.parent.stream]
            assert spec.scope_columns[spec.parent.param] is parent.fields[spec.parent.key]
            assert spec.scope is parent.scope


def test_specs_cannot_be_changed() -> None:
    spec = STREAMS["projects"]
    with pytest.raises(TypeError):
        STREAMS["more"] = spec  # type: ignore[index]
    with pytest.raises(TypeError):
        spec.query["view"] = "ids"  # type: ignore[index]
    with pytest.raises(TypeError):
        spec.fields["more"] = FieldType.STRING  # type: ignore[index]


def lookalike(name: str, parent: str | None = None) -> StreamSpec:
    return StreamSpec(
        name=name,
        tool="Tests",
        path=f"/rest/v1.0/{name}",
        scope=ScopeKind.COMPANY,
        primary_key=("id",),
        fields=columns(integer="id"),
        parent=Parent(parent, f"{parent}_id") if parent else None,
    )


def test_nested_streams_are_moved_behind_their_parents() -> None:
    assert list(assemble([lookalike("leaves", "twigs"), lookalike("twigs", "trees"), lookalike("trees")])) == [
        "trees",
        "twigs",
        "leaves",
    ]


def test_a_name_taken_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="trees is declared twice"):
        assemble([lookalike("trees"), lookalike("trees")])


def test_a_missing_parent_is_refused() -> None:
    with pytest.raises(ValueError, match="twigs is nested in trees, which is not declared"):
        assemble([lookalike("twigs", "trees")])


def test_a_circle_of_parents_is_refused() -> None:
    with pytest.raises(ValueError, match="nested in itself"):
        assemble([lookalike("eggs", "hens"), lookalike("hens", "eggs")])


def test_shared_fields_come_first_and_may_not_be_declared_again() -> None:
    shared = columns(integer="id")
    assert dict(columns(shared, string="title")) == {"id": FieldType.INTEGER, "title": FieldType.STRING}
    with pytest.raises(ValueError, match="id is declared twice"):
        columns(shared, string="id")


def test_a_date_window_stream_has_no_cursor_to_ask_by() -> None:
    spec = replace(lookalike("logs"), mode=SyncMode.DATE_WINDOW, fields=columns(datetime="updated_at"))
    assert spec.cursor is None
    assert spec.cursor_field == "updated_at"
