"""One report from its first line in the ledger to its last; asks nothing of Procore."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from sync_worker.clock import Clock
from sync_worker.errors import SyncWorkerError
from sync_worker.logs import Event, bound, get_logger, redactor
from sync_worker.model import Outcome
from sync_worker.state.executor import Executor
from sync_worker.state.ledger import RunRow, close_run, open_run

Made = TypeVar("Made")

log = get_logger()


class Ledger(Protocol):
    """Where runs are kept, for whoever does not hold the database's one writer."""

    def aside(self) -> AbstractContextManager[Executor]:
        """A short writing transaction beside the one writer's."""
        ...


def run_report(ledger: Ledger, row: RunRow, clock: Clock, make: Callable[[], Made]) -> Made:
    """Do what `make` does, between a line of the ledger that opens and one that closes; raises what it raises."""
    with ledger.aside() as transaction:
        open_run(transaction, row)
    failure: str | None = "internal error"
    with bound(run_id=row.run_id, job=row.job):
        log.info(Event.RUN_STARTED)
        try:
            made = make()
            failure = None
        except SyncWorkerError as error:
            failure = redactor.text(str(error))
            raise
        except Exception as bug:
            failure = redactor.text(f"internal error: {type(bug).__name__}: {bug}")
            raise
        finally:
            outcome = Outcome.FAILED if failure else Outcome.SUCCEEDED
            with ledger.aside() as transaction:
                close_run(transaction, row.run_id, outcome, finished_at=clock.now(), error=failure)
            log.info(Event.RUN_FINISHED, outcome=outcome, error=failure)
    return made
