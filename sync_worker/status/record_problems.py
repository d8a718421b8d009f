"""Problems of records in lists that were read: in quarantine, rewritten on every read, or not of the declared type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from sync_worker.catalog.spec import StreamSpec
from sync_worker.destination.protocol import Transaction
from sync_worker.state.journal import RECORDS_KEPT, drifted_fields, quarantined_streams
from sync_worker.state.volatile import unstable_streams

_SHOW_QUARANTINE = '`sync-worker query "SELECT * FROM _quarantine"` shows them as they were sent'
_READ_EXTRA = "nothing is lost: queries that need them read _extra"
_ROWS_LOOKED_AT = 200
_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw])


class RecordProblem(NamedTuple):
    """A problem of the records of a stream, or of the database (`stream` is empty), and the step to take."""

    kind: str
    stream: str
    text: str
    step: str


QUARANTINED = "quarantined"
BLOCKED = RecordProblem(
    "blocked",
    "",
    "another program holds a write open, and nothing can be stored meanwhile",
    "end its transaction (a database browser with unsaved changes?); runs wait for it, ten minutes at most",
)


def find_record_problems(view: Transaction, streams: Mapping[str, StreamSpec]) -> list[RecordProblem]:
    """Return the problems of all streams, lost records first."""
    return [*_quarantined(view), *_misfits(view, streams), *_rewritten(view, streams)]


def _quarantined(view: Transaction) -> Iterator[RecordProblem]:
    for line in quarantined_streams(view):
        more = " or more" if line.records >= RECORDS_KEPT else ""
        several = f", {line.projects} projects" if line.projects > 1 else ""
        text = f"{line.stream}{several}: {line.records}{more} records could not be stored: {line.reason}"
        yield RecordProblem(QUARANTINED, line.stream, text, _SHOW_QUARANTINE)


def _misfits(view: Transaction, streams: Mapping[str, StreamSpec]) -> Iterator[RecordProblem]:
    for stream, fields in drifted_fields(view).items():
        spec = streams.get(stream)
        # A column that somebody dropped is restored by the next run.
        if spec is None or view.lacks_columns(spec):
            continue
        extras = view.newest_extras(stream, _ROWS_LOOKED_AT)
        counted = Counter(field for extra in extras if extra is not None for field in _fields_of.decode(extra))
        for field in fields:
            if field in spec.columns and counted[field] > len(extras) / 2:
                text = f"{stream}: {field} is not a {spec.columns[field]} in most records; its values are in _extra"
                yield RecordProblem("misfit", stream, text, _READ_EXTRA)


def _rewritten(view: Transaction, streams: Mapping[str, StreamSpec]) -> Iterator[RecordProblem]:
    for line in unstable_streams(view):
        spec = streams.get(line.stream)
        named = f" ({', '.join(line.fields)})" if line.fields else ""
        text = f"{line.stream}: all {line.records} records change on every read{named} and are written again"
        # Without keys and cursor a list cannot be read, so excluding them is no advice.
        kept = {*spec.primary_key, *spec.scope_columns, spec.cursor_field} if spec else set()
        if line.fields and kept.isdisjoint(line.fields):
            step = f"streams.{line.stream}.exclude_fields: [{', '.join(line.fields)}] leaves out unneeded fields"
        else:
            step = "nothing is lost; it costs time, and history and published copies grow"
        yield RecordProblem("rewritten", line.stream, text, step)
