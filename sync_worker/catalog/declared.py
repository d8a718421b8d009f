"""Streams of the user's own: from what `config.yaml` says to specs that are worth as much as the shipped ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter

from sync_worker.catalog import STREAMS, assemble
from sync_worker.catalog.spec import (
    V2_PAGING,
    Cursor,
    CursorSyntax,
    Envelope,
    FieldType,
    Paging,
    ScopeKind,
    StreamSpec,
    SyncMode,
)
from sync_worker.errors import ConfigurationError
from sync_worker.settings.schema import CursorOptions, StreamOptions


def catalog_with(streams: Mapping[str, StreamOptions]) -> Mapping[str, StreamSpec]:
    """The shipped streams and the user's own, which are those of `streams` that have a path.

    Raises `ConfigurationError` for a stream that cannot be read as it is declared.
    """
    own = [declared(name, options) for name, options in streams.items() if options.path is not None]
    try:
        return assemble([*STREAMS.values(), *own])
    except ValueError as error:
        raise ConfigurationError(f"streams: {error}; give yours another name") from error


def declared(name: str, options: StreamOptions) -> StreamSpec:
    """The spec of one stream; what it does not list among its fields is kept in `_extra`.

    Ids and the cursor need no type: it is known how Procore sends them.
    """
    envelope = Envelope(options.envelope or Envelope.ARRAY)
    spec = StreamSpec(
        name=name,
        tool=options.tool or "",
        path=options.path or "",
        scope=ScopeKind(options.scope or ScopeKind.PROJECT),
        primary_key=options.primary_key,
        fields=_fields(options, envelope),
        mode=SyncMode.INCREMENTAL if options.cursor else SyncMode.FULL_REFRESH,
        query=options.query,
        envelope=envelope,
        paging=V2_PAGING if envelope is Envelope.DATA else Paging(),
        cursor=_cursor(options.cursor) if options.cursor else None,
        volatile=options.volatile,
        tags=frozenset(options.tags),
        sensitive=options.sensitive,
    )
    if problem := next(_problems(spec), None):
        key, told = problem
        raise ConfigurationError(f"streams.{name}.{key}: {told}")
    return spec


def _fields(options: StreamOptions, envelope: Envelope) -> Mapping[str, FieldType]:
    # v1 lists have whole numbers for ids, v2 lists texts.
    id_type = FieldType.STRING if envelope is Envelope.DATA else FieldType.INTEGER
    implied = {name: id_type for name in options.primary_key if name == "id" or name.endswith("_id")}
    if options.cursor:
        implied[options.cursor.field] = FieldType.DATETIME
    return implied | {name: FieldType(type_) for name, type_ in options.fields.items()}


def _cursor(options: CursorOptions) -> Cursor:
    syntax = CursorSyntax(options.syntax)
    filter_ = f"filters[{options.field}]"
    after = f"{filter_}[gt]"
    return Cursor(options.param or (after if syntax is CursorSyntax.AFTER else filter_), options.field, syntax)


def _problems(spec: StreamSpec) -> Iterator[tuple[str, str]]:
    """What keeps a stream from being read, by key."""
    yield from _problems_of_templates(spec)
    yield from _problems_of_fields(spec)


def _problems_of_templates(spec: StreamSpec) -> Iterator[tuple[str, str]]:
    known = set(spec.scope_columns)
    asked: set[str] = set()
    for key, template in [("path", spec.path), *((f"query.{name}", value) for name, value in spec.query.items())]:
        try:
            placeholders = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
        except ValueError:
            yield key, f"the braces of {template!r} do not match"
            continue
        if strange := sorted(placeholders - known):
            choice = " and ".join(f"{{{name}}}" for name in sorted(known)) or "none"
            yield key, f"{{{strange[0]}}} cannot be filled in; a stream of scope {spec.scope} knows {choice}"
        asked |= placeholders
    if spec.scope is ScopeKind.PROJECT and "project_id" not in asked:
        yield (
            "path",
            "a stream of scope project needs {project_id} in its path or query; without, all projects are alike",
        )


def _problems_of_fields(spec: StreamSpec) -> Iterator[tuple[str, str]]:
    for name in spec.primary_key:
        if name not in spec.fields and name not in spec.scope_columns:
            yield "primary_key", f"say the type of {name} in fields"
    for name in spec.fields:
        if name.startswith("_"):
            yield "fields", f"{name}: names that begin with _ are the program's own"
    if len({name.lower() for name in spec.columns}) < len(spec.columns):
        yield "fields", "two names differ in nothing but case, which a database does not tell apart"
    if spec.cursor is not None and spec.fields[spec.cursor.field] is not FieldType.DATETIME:
        yield "cursor", f"{spec.cursor.field} must be of type datetime"
