"""What this account may not read: remembered between runs, so that it costs a call now and then and not one a run."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sync_worker.access.probes import (
    LISTS_THAT_TELL,
    AccessKey,
    due_probes,
    probes_first,
    refusal_of,
    retry_now,
)
from sync_worker.catalog.spec import StreamSpec
from sync_worker.destination.protocol import Transaction
from sync_worker.errors import SkippableError
from sync_worker.load.writer import Writer
from sync_worker.logs import redactor
from sync_worker.model import Scope, Verdict
from sync_worker.planning.partitions import Chain, Partition
from sync_worker.state.permissions import Refusal, forget_refusal, record_refusal, refusal_kind
from sync_worker.state.skipped import TOOL_OFF, SkipReason


class Block(NamedTuple):
    """Why a list is not asked for, and how the ledger tells it."""

    reason: SkipReason
    text: str


class AccessCache:
    """The refusals known to a run, and those it meets; safe to use from several threads.

    A run by hand heeds none of them, but learns as any other does. Two lists of a tool that are refused in a project,
    and none that may be read, stand for the tool; a list that was read before and was not refused since may be.
    """

    def __init__(
        self,
        loader: Writer,
        streams: Mapping[str, StreamSpec],
        known: Iterable[Refusal],
        proven: Collection[AccessKey],
        now: datetime,
        *,
        use_cache: bool,
    ) -> None:
        self._loader = loader
        self._streams = streams
        self._known: dict[AccessKey, Refusal] = {(each.subject, each.scope): each for each in known}
        self._proven = proven
        self._now = now
        self._use_cache = use_cache
        self._off: Mapping[Scope, Collection[str]] = {}
        self._partitions: Sequence[Partition] = ()
        self._probed: set[AccessKey] = set()
        self._readable: set[AccessKey] = set()
        self._unreadable: dict[AccessKey, set[str]] = {}
        self._lock = threading.Lock()

    def refused_at(self, scope: Scope) -> datetime | None:
        """When something in a scope was refused that had not been before, for the last time."""
        return max((each.refused_at for each in self._known.values() if each.scope == scope), default=None)

    def begin(self, chains: Sequence[Chain], off: Mapping[Scope, Collection[str]]) -> list[Chain]:
        """Choose what of all that was refused is tried again; the chains in the order in which to read them.

        `off` are the tools that are switched off in each project.
        """
        self._off = off
        if not self._use_cache:
            return list(chains)
        self._partitions = [part for chain in chains for part in chain if not self._is_off(part)]
        concerned = {denied for partition in self._partitions for denied in _denied(partition)}
        known = [refusal for denied, refusal in self._known.items() if denied in concerned]
        for refusal in due_probes(known, len(self._partitions), self._now):
            self._probe(refusal)
        return probes_first(chains, self._probed)

    def block(self, partition: Partition) -> Block | None:
        """What keeps a partition from being asked for, if anything does."""
        if self._is_off(partition):
            return Block(SkipReason.TOOL_OFF, f"{TOOL_OFF}: {partition.spec.tool.rpartition('/')[2]}")
        if not self._use_cache:
            return None
        with self._lock:
            if (partition.spec.name, partition.scope) in self._probed:
                return None
            found = next((self._known[denied] for denied in _denied(partition) if denied in self._known), None)
        return None if found is None else Block(SkipReason.NOT_PERMITTED, _remembered(found))

    def record_result(self, partition: Partition, verdict: Verdict, refusal: SkippableError | None) -> None:
        """Remember the result of a partition that was read; of a nested stream, each parent is remembered instead."""
        if refusal is not None and partition.spec.parent is not None:
            return
        with self._lock:
            if refusal is not None:
                changed, gone = self._refused(partition, refusal)
            elif verdict is not Verdict.FAILED:
                changed, gone = self._permitted(partition)
            else:
                return

        def write(transaction: Transaction) -> None:
            for subject, scope in gone:
                forget_refusal(transaction, subject, scope)
            for each in changed:
                record_refusal(transaction, each)

        if changed or gone:
            self._loader.do(write)

    def _is_off(self, partition: Partition) -> bool:
        return partition.spec.tool in self._off.get(partition.scope, ())

    def _probe(self, refusal: Refusal) -> None:
        """Let the partition be asked that tries a refusal: that stream, or one list of that tool, each day another."""
        here = [part.spec for part in self._partitions if part.scope == refusal.scope]
        lists = [spec for spec in here if spec.tool == refusal.subject and spec.parent is None]
        days = (self._now - refusal.refused_at).days
        name = lists[days % len(lists)].name if lists else refusal.subject
        self._probed.add((name, refusal.scope))

    def _refused(self, partition: Partition, refusal: SkippableError) -> tuple[list[Refusal], list[AccessKey]]:
        spec, scope = partition
        stands_for_tool = self._stands_for_tool(partition)
        subject = spec.tool if stands_for_tool else spec.name
        lists = [(name, scope) for name, other in self._streams.items() if other.tool == spec.tool]
        gone = [denied for denied in lists if denied in self._known] if stands_for_tool else []
        for denied in gone:
            del self._known[denied]
        reason, before = redactor.text(str(refusal)), self._known.get((subject, scope))
        self._known[subject, scope] = refusal_of(subject, scope, refusal_kind(refusal), reason, self._now, before)
        return [self._known[subject, scope]], gone

    def _stands_for_tool(self, partition: Partition) -> bool:
        """Whether with this one so many lists of its tool are refused, and none is readable, that the tool is."""
        tool = _tool(*partition)
        if tool is None:
            return False
        lists = self._unreadable.setdefault(tool, set())
        lists.add(partition.spec.name)
        if tool in self._known:
            return True
        return len(lists) >= LISTS_THAT_TELL and tool not in self._readable and not self._is_unrefuted(tool, lists)

    def _is_unrefuted(self, tool: AccessKey, refused_now: Collection[str]) -> bool:
        """Whether a list of the tool was read before, and nothing tells that it may not be any more."""
        name, scope = tool
        of_tool = {(spec.name, scope) for spec in self._streams.values() if spec.tool == name and spec.parent is None}
        return any(each in self._proven and each not in self._known and each[0] not in refused_now for each in of_tool)

    def _permitted(self, partition: Partition) -> tuple[list[Refusal], list[AccessKey]]:
        tool = _tool(*partition)
        if tool is not None:
            self._readable.add(tool)
        gone = [denied for denied in _denied(partition) if self._known.pop(denied, None) is not None]
        if not gone:
            return [], []
        # Permissions are given by template: to a tool in many projects, or to many tools in one.
        others = [each for each in self._known.values() if self._is_near(each, partition)]
        for refusal in others:
            self._known[refusal.subject, refusal.scope] = retry_now(refusal)
            self._probe(refusal)
        return [retry_now(refusal) for refusal in others], gone

    def _is_near(self, refusal: Refusal, partition: Partition) -> bool:
        spec, scope = partition
        return refusal.scope == scope or (
            refusal.subject in (spec.name, spec.tool) and refusal.scope.company_id == scope.company_id
        )


def _denied(partition: Partition) -> list[AccessKey]:
    """What a refusal of a partition may be known under."""
    spec, scope = partition
    is_of_tool = spec.tool and scope.project_id is not None
    return [(spec.name, scope), (spec.tool, scope)] if is_of_tool else [(spec.name, scope)]


def _tool(spec: StreamSpec, scope: Scope) -> AccessKey | None:
    """The tool that a list tells of; what is nested only tells of its parents."""
    return (spec.tool, scope) if spec.tool and spec.parent is None and scope.project_id is not None else None


def _remembered(refusal: Refusal) -> str:
    """A refusal as the ledger tells it where nothing was asked."""
    since, next_on = refusal.refused_at.date(), refusal.probe_at.date()
    return f"{refusal.reason}; refused since {since}, tried again on {next_on} ({refusal.subject})"
