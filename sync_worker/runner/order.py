"""What a run is asked to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from sync_worker.catalog.spec import StreamSpec
from sync_worker.planning.projects import ProjectChoice


class Backfill(NamedTuple):
    """The first and the last day to read again, the last one today unless said; `request` tells it from others."""

    request: str
    since: date
    until: date | None = None


class Order(NamedTuple):
    """What a run is asked to do.

    `specs` hold their parents; `first_on` is where daily logs begin, if the user says; `run_id` is that of a run which
    waits in the ledger. One that does not wait for the allowance ends where that does. `unstorable` are the streams
    that the database has no table for, and why.
    """

    job: str
    specs: Sequence[StreamSpec]
    company_ids: Sequence[int]
    choice: ProjectChoice
    first_on: date | None = None
    everything: bool = False
    trigger: str = "manual"
    run_id: str | None = None
    backfill: Backfill | None = None
    waits: bool = True
    unstorable: Mapping[str, str] = MappingProxyType({})
