"""The path of a record: read this file first.

One partition, a (stream, scope), is read until it is proven. Every page of every list goes to the sweep, which stores
what changed in one transaction a page; the sweep's verdict decides whether the checkpoint moves. A sweep that proved
nothing because the list moved under it is repeated. Whatever happens, the partition ends with a line in the ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sync_worker.errors import (
    AuthError,
    DestinationError,
    SkippableError,
    StopRequested,
    SyncWorkerError,
    TableError,
    UnreachableError,
)
from sync_worker.load.proof import Proof
from sync_worker.logs import Event, bound, get_logger, redactor
from sync_worker.model import Key, Verdict
from sync_worker.planning.partitions import Partition
from sync_worker.planning.selection import PROJECTS
from sync_worker.runner.context import RunContext
from sync_worker.runner.lists import ListReader, open_lists

SWEEPS_AT_MOST = 3
INTERRUPTED = "interrupted"

log = get_logger()


class PartitionResult(NamedTuple):
    """The result of reading a partition.

    `server_time` is the `Date` of the first answer. `keys` are those of projects only, which say what else can be read;
    `refusal` is the reason why none of the partition may be read.
    """

    verdict: Verdict
    server_time: datetime | None = None
    keys: Collection[Key] = ()
    refusal: SkippableError | None = None


@dataclass(slots=True)
class Line:
    """The line of a partition in the ledger while it is open, and the lists that are read for it."""

    lists: ListReader
    result: PartitionResult


def sync_partition(run: RunContext, partition: Partition, doubt: str | None = None) -> PartitionResult:
    """Read one partition to a verdict and return it; `doubt` is a reason why it can prove nothing.

    Raises `StopRequested`, `AuthError`, `UnreachableError` and `DestinationError`, which concern the whole run. Any
    other failure is the partition's own and becomes its verdict.
    """
    with opened_lists(run, partition, doubt) as line:
        lists = line.lists
        for number in range(1, SWEEPS_AT_MOST + 1):
            evidence = lists.read()
            if lists.lacks_rows_of_its_days(evidence):
                evidence = lists.read_every_day(evidence)
            if number == 1:
                # Once a run: what is deleted from now on is reported to the next one.
                lists.read_deleted()
                if lists.needs_whole_list():
                    evidence = lists.read_whole_list()
            # Before the verdict, with which the keys are dropped.
            keys = lists.sweep.keys() if partition.spec.name == PROJECTS else ()
            is_last, deletes = number == SWEEPS_AT_MOST or not lists.can_be_proven, lists.delete_scope()
            if not is_last and lists.sweep.needs_confirmation(evidence, deletes):
                log.info(Event.SCOPE_RETRIED, error="a record may have slipped between the pages")
                lists.sweep.again()
                continue
            proof = lists.sweep.settle(
                evidence, deletes, requests=lists.calls.spent, last=is_last, on_proven=lists.record_progress
            )
            if is_last or proof.verdict is not Verdict.INEXACT:
                if proof.verdict is Verdict.NOT_PERMITTED:
                    # The lists of the other parents were read to their end, and need not be read again.
                    run.services.writer.do(lists.record_parents_read)
                line.result = PartitionResult(proof.verdict, evidence.server_time, keys)
                log_finished(lists, proof)
                break
            log.info(Event.SCOPE_RETRIED, error=proof.reason)
    run.skip_parents(partition.spec.name, lists.plan)
    return line.result


@contextmanager
def opened_lists(run: RunContext, partition: Partition, doubt: str | None) -> Iterator[Line]:
    """Open the lists and the ledger's line of a partition, and close it with a verdict for every failure inside."""
    with bound(stream=partition.spec.name, **partition.scope._asdict()), run.reading(partition) as calls:
        lists = open_lists(run, partition, doubt, calls)
        line = Line(lists, PartitionResult(Verdict.FAILED))
        try:
            yield line
        # From here on the order matters: each group is a part of one further down.
        except TableError as refusal:
            _abandon(lists, Verdict.FAILED, str(refusal))
        except DestinationError:
            # Nothing can be written, not even a verdict.
            raise
        except StopRequested:
            # No verdict: the last one stands, and the next run goes on.
            lists.sweep.abandon(None, requests=lists.calls.spent, error=INTERRUPTED)
            raise
        except SkippableError as refusal:
            _abandon(lists, Verdict.NOT_PERMITTED, str(refusal))
            line.result = PartitionResult(Verdict.NOT_PERMITTED, refusal=refusal)
        except (AuthError, UnreachableError) as failure:
            _abandon(lists, Verdict.FAILED, str(failure))
            raise
        except SyncWorkerError as failure:
            _abandon(lists, Verdict.FAILED, str(failure))
        except Exception as bug:
            log.exception(Event.SCOPE_CRASHED)
            _abandon(lists, Verdict.FAILED, f"internal error: {type(bug).__name__}: {bug}")


def _abandon(lists: ListReader, verdict: Verdict, reason: str) -> None:
    reason = redactor.text(reason)
    lists.sweep.abandon(verdict, requests=lists.calls.spent, error=reason)
    log_finished(lists, Proof(verdict, reason))


def log_finished(lists: ListReader, proof: Proof) -> None:
    """Log the verdict of a partition."""
    log.info(Event.SCOPE_FINISHED, verdict=proof.verdict, error=proof.reason, requests=lists.calls.spent)
