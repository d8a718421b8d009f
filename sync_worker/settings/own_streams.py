"""The user's own streams: stream specs made from the section `streams` of `config.yaml`, and their validation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from sync_worker.catalog import STREAMS, assemble
from sync_worker.catalog.spec import (
    V2_PAGING,
    Cursor,
    CursorSyntax,
    DateWindow,
    Envelope,
    FieldType,
    Paging,
    Parent,
    ScopeKind,
    StreamSpec,
    SyncMode,
    is_plain,
)
from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.errors import ConfigurationError
from sync_worker.settings.problems import KeyFinding, did_you_mean, dotted
from sync_worker.settings.schema import CursorOptions, StreamSettings

KEY_TYPES = (FieldType.INTEGER, FieldType.STRING, FieldType.DATE)
"""Types of a primary key; a value of another type has several notations, which would be different keys."""
TAKEN = ("sqlite_", "json_each", "json_tree", "dim_", "fact_", "custom_field_values", PROJECT_TOOLS.name)
"""Prefixes of table names that the database and the views use."""
SCOPE_STREAMS = ("companies", "projects")

# NUL and surrogates, which SQL or UTF-8 cannot write.
_UNWRITABLE = re.compile(r"[\x00\ud800-\udfff]")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_Problem = tuple[str, str]
"""A key of a stream and the problem with it."""


def catalog_with(streams: Mapping[str, StreamSettings]) -> Mapping[str, StreamSpec]:
    """Return the shipped streams and the user's own, which are those in `streams` that have a path.

    Raises `ConfigurationError` for a stream that cannot be read as it is declared.
    """
    for path, problem in findings(streams):
        raise ConfigurationError(f"{dotted(path)}: {problem}")
    return assemble([*STREAMS.values(), *own_streams(streams).values()])


def findings(streams: Mapping[str, StreamSettings]) -> Iterator[KeyFinding]:
    """Yield the problems of the user's own streams, the first one of each key."""
    own = own_streams(streams)
    for name, spec in own.items():
        first: dict[str, str] = {}
        for key, problem in _problems(spec, {**STREAMS, **own}):
            first.setdefault(key, problem)
        yield from ((("streams", name, *filter(None, key.split(".", 1))), problem) for key, problem in first.items())
    yield from _exclusions(streams, {**STREAMS, **own})


def _exclusions(streams: Mapping[str, StreamSettings], specs: Mapping[str, StreamSpec]) -> Iterator[KeyFinding]:
    """Yield fields that must not be excluded: without its day, a missing log cannot be detected."""
    for name, options in streams.items():
        window = specs[name].date_window if name in specs else None
        if window is not None and window.field in options.exclude_fields:
            problem = f"{window.field} is needed to detect deleted records, as the stream is read by date"
            yield ("streams", name, "exclude_fields"), problem


def own_streams(streams: Mapping[str, StreamSettings]) -> dict[str, StreamSpec]:
    """Return the specs of the user's own streams, valid or not."""
    own = {name: _spec(name, options) for name, options in streams.items() if options.path is not None}
    return {name: _with_parents_type(spec, {**STREAMS, **own}) for name, spec in own.items()}


def _spec(name: str, options: StreamSettings) -> StreamSpec:
    """Return the spec of one stream. Ids and the cursor need no type in `fields`: Procore's types of them are known."""
    envelope = Envelope(options.envelope or Envelope.ARRAY)
    parent, window = options.parent, options.date_window
    return StreamSpec(
        name=name,
        tool=options.tool or "",
        path=options.path or "",
        scope=ScopeKind(options.scope or ScopeKind.PROJECT),
        primary_key=options.primary_key,
        fields=_fields(options, envelope),
        mode=_mode(options),
        parent=Parent(parent.stream, parent.param, parent.key) if parent else None,
        query=options.query,
        envelope=envelope,
        paging=V2_PAGING if envelope is Envelope.DATA else Paging(),
        cursor=_cursor(options.cursor) if options.cursor else None,
        date_window=DateWindow(window.start_param, window.end_param) if window else None,
        volatile=options.volatile,
        tags=frozenset(options.tags),
        sensitive=options.sensitive,
    )


def _mode(options: StreamSettings) -> SyncMode:
    if options.date_window:
        return SyncMode.DATE_WINDOW
    return SyncMode.INCREMENTAL if options.cursor else SyncMode.FULL_REFRESH


def _fields(options: StreamSettings, envelope: Envelope) -> Mapping[str, FieldType]:
    # Ids are integers in v1 lists and texts in v2 lists.
    id_type = FieldType.STRING if envelope is Envelope.DATA else FieldType.INTEGER
    of_parent = options.parent.param if options.parent else None
    implied = {
        name: id_type for name in options.primary_key if name != of_parent and (name == "id" or name.endswith("_id"))
    }
    if options.cursor:
        implied[options.cursor.field] = FieldType.DATETIME
    return implied | {name: FieldType(type_) for name, type_ in options.fields.items()}


def _cursor(options: CursorOptions) -> Cursor:
    syntax = CursorSyntax(options.syntax)
    filter_ = f"filters[{options.field}]"
    after = f"{filter_}[gt]"
    return Cursor(options.param or (after if syntax is CursorSyntax.AFTER else filter_), options.field, syntax)


def _with_parents_type(spec: StreamSpec, streams: Mapping[str, StreamSpec]) -> StreamSpec:
    """Give the column of the parent's id the type that it has in the parent's table, unless `fields` sets one."""
    if spec.parent is None or spec.parent.stream not in streams:
        return spec
    type_ = streams[spec.parent.stream].columns.get(spec.parent.key, FieldType.INTEGER)
    return spec if type_ is FieldType.INTEGER else replace(spec, fields={spec.parent.param: type_, **spec.fields})


def _problems(spec: StreamSpec, streams: Mapping[str, StreamSpec]) -> Iterator[_Problem]:
    """Yield the problems of a stream by key; the empty key is the stream's name."""
    if spec.name in STREAMS:
        yield "", "is the name of a shipped stream; give yours another"
    if spec.name.startswith(TAKEN):
        yield "", f"names that begin with {', '.join(TAKEN)} are the program's own"
    if spec.parent is not None:
        yield from _problems_of_parent(spec, spec.parent, streams)
    yield from _problems_of_templates(spec)
    yield from _problems_of_mode(spec)
    yield from _problems_of_fields(spec)
    yield from _problems_of_names(spec)


def _problems_of_parent(spec: StreamSpec, parent: Parent, streams: Mapping[str, StreamSpec]) -> Iterator[_Problem]:
    above = streams.get(parent.stream)
    if above is None:
        yield "parent.stream", f"unknown stream{did_you_mean(parent.stream, streams)}"
        return
    # One list per project is what the scope does already.
    if above.name in SCOPE_STREAMS:
        yield "parent.stream", f"what belongs to {above.name} needs no parent; use scope"
    if spec.name in _ancestors(spec, streams):
        yield "parent.stream", "the stream is nested in itself"
    if above.scope is not spec.scope:
        yield "scope", f"must be that of its parent {above.name}: {above.scope}"
    if parent.param in ("company_id", "project_id"):
        yield "parent.param", f"{parent.param} is the id of the scope; name the id of a record of {above.name}"
    if parent.key not in above.columns:
        yield "parent.key", f"{above.name} has no column {parent.key}{did_you_mean(parent.key, above.columns)}"
    elif above.columns[parent.key] not in (FieldType.INTEGER, FieldType.STRING):
        yield "parent.key", f"{parent.key} of {above.name} is of type {above.columns[parent.key]}, which is no id"
    elif spec.scope_columns[parent.param] is not above.columns[parent.key]:
        yield f"fields.{parent.param}", f"must be of type {above.columns[parent.key]}, as in {above.name}"


def _ancestors(spec: StreamSpec, streams: Mapping[str, StreamSpec]) -> list[str]:
    """Return the streams that this one is nested in, its parent first; stops where they form a cycle."""
    found: list[str] = []
    while spec.parent is not None and spec.parent.stream in streams and spec.parent.stream not in found:
        found.append(spec.parent.stream)
        spec = streams[spec.parent.stream]
    return found


def _problems_of_templates(spec: StreamSpec) -> Iterator[_Problem]:
    known = set(spec.scope_columns)
    used: set[str] = set()
    for key, template in [("path", spec.path), *((f"query.{name}", value) for name, value in spec.query.items())]:
        placeholders = set(_PLACEHOLDER.findall(template))
        if re.search(r"[{}]", _PLACEHOLDER.sub("", template)):
            yield key, f"the braces of {template!r} do not match"
        if strange := sorted(placeholders - known):
            choice = " and ".join(f"{{{name}}}" for name in sorted(known)) or "none"
            yield key, f"{{{strange[0]}}} cannot be filled in; a stream of scope {spec.scope} knows {choice}"
        used |= placeholders
    if spec.parent is not None:
        if spec.parent.param not in used:
            yield "path", f"a nested stream needs {{{spec.parent.param}}} in its path or query"
    elif spec.scope is ScopeKind.PROJECT and "project_id" not in used:
        yield (
            "path",
            "a stream of scope project needs {project_id} in its path or query; else all projects get the same list",
        )


def _problems_of_mode(spec: StreamSpec) -> Iterator[_Problem]:
    if spec.date_window is None:
        return
    if spec.scope is not ScopeKind.PROJECT:
        yield "date_window", "only for streams of scope project, which has a first day"
    if spec.parent is not None:
        yield "date_window", "a nested stream is read by its parents, not by date"
    if spec.cursor is not None:
        yield "date_window", "a stream is read by date or by cursor, not by both"


def _problems_of_fields(spec: StreamSpec) -> Iterator[_Problem]:
    for name in spec.primary_key:
        if name not in spec.fields and name not in spec.scope_columns:
            yield "primary_key", f"give the type of {name} in fields"
        elif spec.columns[name] not in KEY_TYPES:
            yield "primary_key", f"{name} is of type {spec.columns[name]}; a key is integer, string or date"
    for name in {*spec.primary_key, spec.cursor_field or ""}:
        if not is_plain(name):
            yield "primary_key", f"{name!r}: the name of a primary key must not have quotes or backslashes"
    if spec.cursor is not None and spec.fields[spec.cursor.field] is not FieldType.DATETIME:
        yield "cursor", f"{spec.cursor.field} must be of type datetime"


def _problems_of_names(spec: StreamSpec) -> Iterator[_Problem]:
    for name in spec.fields:
        if not name or _UNWRITABLE.search(name):
            yield "fields", f"{name!r} cannot be the name of a column"
        if name.startswith("_"):
            yield "fields", f"{name}: names that begin with _ are the program's own"
    if len({name.lower() for name in spec.columns}) < len(spec.columns):
        yield "fields", "two names differ only in case, which a database ignores"
