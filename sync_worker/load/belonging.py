"""Tells a record that names another project or company than the one whose list was asked for.

Such a record comes where an answer went to the wrong request, or where a filter was not applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from sync_worker.catalog.spec import FieldType, ScopeKind, StreamSpec

_COMPANY_IS_A_FIRM = frozenset({
    "Core/Directory",
    "Preconstruction/Bid Management",
    "Project Management/Daily Log",
    "Project Management/Field Productivity",
    "Project Management/Incidents",
})  # fmt: skip
"""Tools in which the company of a record may be the firm that somebody works for, not the customer of Procore."""


class _Reference(msgspec.Struct):
    id: int | str | None = None


_id = msgspec.json.Decoder(int | str)
_reference = msgspec.json.Decoder(_Reference)


class Naming(NamedTuple):
    """A field in which a record may name its scope, the id that it must name there, and what reads it."""

    field: str
    kind: str
    given: str
    read: Callable[[msgspec.Raw | str], str | None]

    def contradicts(self, sent: msgspec.Raw | str) -> bool:
        """Return True if another id is named."""
        return self.read(sent) not in (None, self.given)


class Belonging:
    """The fields in which records of a stream name their scope, with the ids expected in one scope."""

    def __init__(self, spec: StreamSpec, scope: Mapping[str, int | str]) -> None:
        self.namings = [
            Naming(field, kind, str(scope[column]), read)
            for column, kind in (("project_id", "project"), ("company_id", "company"))
            if column in scope
            for field, read in ((column, _plain_id), (kind, _id_within))
            if _names_scope(spec, field)
        ]

    def elsewhere(self, sent: Mapping[str, msgspec.Raw]) -> str | None:
        """Return why a record belongs to another scope and must not be stored; None if it may be of this scope."""
        for naming in self.namings:
            if naming.field in sent and naming.contradicts(sent[naming.field]):
                return f"the record belongs to {naming.kind} {naming.read(sent[naming.field])}, not to {naming.given}"
        return None


def _names_scope(spec: StreamSpec, field: str) -> bool:
    if field == "project_id":
        return spec.scope is ScopeKind.PROJECT
    declared = spec.fields.get(field)
    if field == "project":
        return spec.scope is ScopeKind.PROJECT and declared in (None, FieldType.OBJECT)
    # A stream of the user's own may mean any company by it.
    is_ours = bool(spec.tool) and spec.tool not in _COMPANY_IS_A_FIRM
    return declared is FieldType.OBJECT or (is_ours and (declared is None or field == "company_id"))


def _plain_id(sent: msgspec.Raw | str) -> str | None:
    try:
        return _as_id(_id.decode(sent))
    except msgspec.DecodeError:
        return None


def _id_within(sent: msgspec.Raw | str) -> str | None:
    try:
        return _as_id(_reference.decode(sent).id)
    except msgspec.DecodeError:
        return None


def _as_id(named: int | str | None) -> str | None:
    """Return an id as text; None for a value that cannot be an id, such as zero or a word."""
    text = str(named).strip() if isinstance(named, str) or (named is not None and named < 2**63) else ""
    return text if text.isascii() and text.isdigit() and text.strip("0") else None
