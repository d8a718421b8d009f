"""The stream spec: everything the program knows about one Procore list, as data.

Owned by the catalog, read by planning, client, load and destination. Never does I/O.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias


class FieldType(StrEnum):
    """The type of a column; a value that does not fit goes to `_extra` and leaves the column NULL."""

    INTEGER = "integer"
    STRING = "string"
    """A number or a boolean is stored as the text in which it was sent."""
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    DECIMAL = "decimal"
    """Money, quantities and every other fractional number: kept digit for digit, never a float."""
    OBJECT = "object"
    ARRAY = "array"


class ScopeKind(StrEnum):
    """The owner of the lists of a stream: each sweep reads those of one."""

    ACCOUNT = "account"
    COMPANY = "company"
    PROJECT = "project"


class SyncMode(StrEnum):
    """The way in which a later run finds changes."""

    INCREMENTAL = "incremental"
    DATE_WINDOW = "date_window"
    FULL_REFRESH = "full_refresh"


class Envelope(StrEnum):
    """The wrapping of records in a page."""

    ARRAY = "array"
    DATA = "data"
    """`{"data": […]}`, as all v2 lists."""
    GROUPS = "groups"
    """`[{"group_title": …, "meetings": […]}]`, only for meetings."""


class CursorSyntax(StrEnum):
    """The syntax of the filter of an incremental list."""

    RANGE = "range"
    """`<param>=<from>...<to>`, always with both ends."""
    AFTER = "after"
    """`<param>=<from>`, without an end."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The filter of an incremental stream and the record field that it compares."""

    param: str = "filters[updated_at]"
    field: str = "updated_at"
    syntax: CursorSyntax = CursorSyntax.RANGE


@dataclass(frozen=True, slots=True)
class DateWindow:
    """The query parameters of a list that is read by date, both ends inclusive, and the field they compare."""

    start_param: str = "start_date"
    end_param: str = "end_date"
    field: str = "date"


@dataclass(frozen=True, slots=True)
class Parent:
    """The stream whose records a nested stream is read for, with at least one call for each.

    `param` is the name that the parent's id has in the path, and of the column that holds it in this stream's table.
    """

    stream: str
    param: str
    key: str = "id"


@dataclass(frozen=True, slots=True)
class Paging:
    """Page numbers with `Link`. `per_page` is the largest that Procore recommends; the server may send fewer.

    `per_page=None`: no paging is documented, so no page parameter is sent; a `Link` is still followed.
    """

    per_page: int | None = 2_000


def _no_query() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RecycleBin:
    """A list with only the deleted records, at `path` or at the stream's own path with the parameters in `query`."""

    path: str | None = None
    query: Mapping[str, str] = field(default_factory=_no_query)

    def __post_init__(self) -> None:
        object.__setattr__(self, "query", MappingProxyType(dict(self.query)))


@dataclass(frozen=True, slots=True)
class DeletedAmongLive:
    """With `param=value` the stream's own list has the deleted records too; their `deleted_at` is set."""

    param: str = "filters[include_deleted]"
    value: str = "with"


@dataclass(frozen=True, slots=True)
class DeletedBetween:
    """With `param=<from>...<to>` the stream's own list has the records deleted in between."""

    param: str = "filters[deleted_at]"


Deletes: TypeAlias = RecycleBin | DeletedAmongLive | DeletedBetween


def names_deleted(deletes: Deletes | None) -> bool:
    """Return True if a tool's list of deleted records cannot be its live list: it has its own path, or marks each."""
    return isinstance(deletes, DeletedAmongLive) or (isinstance(deletes, RecycleBin) and deletes.path is not None)


UPDATED_AT = Cursor()
UPDATED_AFTER = Cursor(param="filters[updated_at][gt]", syntax=CursorSyntax.AFTER)
LOG_DATES = DateWindow()
NO_PAGING = Paging(per_page=None)
V2_PAGING = Paging(per_page=100)
INCLUDE_DELETED = DeletedAmongLive()
ATTACHMENT_URLS = ("attachments[*].url",)
"""Volatile fields of records with attachments: the URLs are signed again for every answer."""


def columns(shared: Mapping[str, FieldType] | None = None, /, **names_by_type: str) -> Mapping[str, FieldType]:
    """Return types by field name, after those in `shared`: `columns(integer="id", string="title body")`."""
    found: dict[str, FieldType] = dict(shared or {})
    for type_name, names in names_by_type.items():
        for name in names.split():
            if name in found:
                raise ValueError(f"field {name} is declared twice")
            found[name] = FieldType(type_name)
    return MappingProxyType(found)


def is_plain(name: str) -> bool:
    """Return True if JSON writes a field's name without escapes; other names cannot be part of a key."""
    return json.dumps(name, ensure_ascii=False) == f'"{name}"'


@dataclass(frozen=True, slots=True, eq=False)
class StreamSpec:
    """One kind of Procore object as a table-shaped sequence of records.

    `path` and `query` may hold `{company_id}`, `{project_id}` and the parent's param.
    `fields` are the record's own; scope and parent ids are separate columns (`scope_columns`).
    `row_key`: fields of which the column `_row_key` is made where the id may be null: the first one if it is not null,
    else all others joined.
    `deletes` is how the tool reports deletes; None: only comparing complete listings finds them.
    `tracked` fields get a row in `_field_history` whenever they change.
    """

    name: str
    tool: str
    path: str
    scope: ScopeKind
    primary_key: tuple[str, ...]
    fields: Mapping[str, FieldType]
    mode: SyncMode = SyncMode.FULL_REFRESH
    parent: Parent | None = None
    query: Mapping[str, str] = field(default_factory=_no_query)
    envelope: Envelope = Envelope.ARRAY
    paging: Paging = Paging()
    cursor: Cursor | None = None
    date_window: DateWindow | None = None
    deletes: Deletes | None = None
    row_key: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()
    tracked: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()
    sensitive: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "query", MappingProxyType(dict(self.query)))

    @property
    def scope_columns(self) -> Mapping[str, FieldType]:
        """The columns of scope and parent; they override a field of the same name in the record."""
        found: dict[str, FieldType] = {}
        if self.scope is not ScopeKind.ACCOUNT:
            found["company_id"] = FieldType.INTEGER
        if self.scope is ScopeKind.PROJECT:
            found["project_id"] = FieldType.INTEGER
        if self.parent is not None:
            # v2 lists have string ids; their nested lists hold the parent's id as a field of that type.
            found[self.parent.param] = self.fields.get(self.parent.param, FieldType.INTEGER)
        return found

    @property
    def columns(self) -> Mapping[str, FieldType]:
        """The data columns in table order: key, scope, then the record's fields."""
        scope = self.scope_columns
        merged: dict[str, FieldType] = {"_row_key": FieldType.STRING} if self.row_key else {}
        for name in self.primary_key:
            merged.setdefault(name, scope.get(name) or self.fields.get(name, FieldType.STRING))
        merged.update(scope)
        for name, type_ in self.fields.items():
            merged.setdefault(name, type_)
        return merged

    @property
    def cursor_field(self) -> str | None:
        """The field that orders the versions of a record, None where there is none."""
        if self.cursor is not None:
            return self.cursor.field
        return "updated_at" if "updated_at" in self.fields else None
