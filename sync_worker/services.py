"""The services that a run works with; `app` builds them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sync_worker.catalog.spec import StreamSpec
from sync_worker.client.procore import Procore
from sync_worker.client.rate_limit import RateLimit
from sync_worker.clock import Clock
from sync_worker.destination.protocol import Destination
from sync_worker.load.writer import Writer
from sync_worker.model import Calls
from sync_worker.planning.options import StreamOptions
from sync_worker.progress import NullProgress, Progress
from sync_worker.state.ledger import ScopeKey


@dataclass(frozen=True, slots=True)
class Services:
    """The client, the database and the clock of a worker, with its catalog and options."""

    procore: Procore
    rate_limit: RateLimit
    writer: Writer
    destination: Destination
    clock: Clock
    stop: threading.Event
    account_company_id: int
    """The company in the header of calls that belong to no company."""
    max_concurrency: int
    streams: Mapping[str, StreamSpec]
    options: Callable[[str], StreamOptions]
    progress: Progress = field(default_factory=NullProgress)
    readers: dict[ScopeKey, Calls] = field(default_factory=dict)
    """The lists that runs read or wait for, with the calls that each spends there."""
