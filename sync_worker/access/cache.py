"""Lists that this account may not read, remembered between runs so that a refusal does not cost a call in every run."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sync_worker.access.probes import LISTS_FOR_A_TOOL, AccessKey, due_probes, probes_first, refusal_of, retry_now
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
    """The reason why a list is not requested; the ledger shows the text."""

    reason: SkipReason
    text: str


class AccessCache:
    """The refusals that a run knows or meets; safe to use from several threads.

    With `use_cache` off no refusal keeps a list from being read, but results are remembered all the same.
    Two refused lists of a tool in a project stand for the whole tool, unless one of its lists can be read. `proven` are
    the lists that were complete before.
    """

    def __init__(
        self,
        writer: Writer,
        streams: Mapping[str, StreamSpec],
        known: Iterable[Refusal],
        proven: Collection[AccessKey],
        now: datetime,
        *,
        use_cache: bool,
    ) -> None:
        self._writer = writer
        self._streams = streams
        self._known: dict[AccessKey, Refusal] = {(each.subject, each.scope): each for each in known}
        self._proven = proven
        self._now = now
        self._use_cache = use_cache
        self._off: Mapping[Scope, Collection[str]] = {}
        self._partitions: Sequence[Partition] = ()
        self._probed: set[AccessKey] = set()
        self._readable_tools: set[AccessKey] = set()
        self._refused_lists: dict[AccessKey, set[str]] = {}
        self._lock = threading.Lock()

    def plan_probes(self, chains: Sequence[Chain], off: Mapping[Scope, Collection[str]]) -> list[Chain]:
        """Choose the refusals that are tried again, and return the chains in the order in which to read them.

        `off` are the tools that are switched off in each project.
        """
        self._off = off
        if not self._use_cache:
            return list(chains)
        self._partitions = [part for chain in chains for part in chain if part.spec.tool not in off.get(part.scope, ())]
        concerned = {key for partition in self._partitions for key in _keys(partition)}
        known = [refusal for key, refusal in self._known.items() if key in concerned]
        for refusal in due_probes(known, len(self._partitions), self._now):
            self._probe(refusal)
        return probes_first(chains, self._probed)

    def block(self, partition: Partition) -> Block | None:
        """Return what keeps a partition from being requested, if anything does."""
        spec, scope = partition
        if spec.tool in self._off.get(scope, ()):
            return Block(SkipReason.TOOL_OFF, f"{TOOL_OFF}: {spec.tool.rpartition('/')[2]}")
        if not self._use_cache:
            return None
        with self._lock:
            if (spec.name, scope) in self._probed:
                return None
            refusal = next((self._known[key] for key in _keys(partition) if key in self._known), None)
        if refusal is None:
            return None
        since, next_on = refusal.refused_at.date(), refusal.probe_at.date()
        text = f"{refusal.reason}; refused since {since}, tried again on {next_on} ({refusal.subject})"
        return Block(SkipReason.NOT_PERMITTED, text)

    def record_result(self, partition: Partition, verdict: Verdict, refusal: SkippableError | None) -> None:
        """Remember the result of a partition; a refused nested list is remembered by its parents, elsewhere."""
        # A failure says nothing about permissions.
        if refusal is None and verdict is Verdict.FAILED:
            return
        if refusal is not None and partition.spec.parent is not None:
            return
        with self._lock:
            changed, gone = self._permitted(partition) if refusal is None else self._refused(partition, refusal)
        # Without the lock: the writer may be busy with the pages of the others.
        if changed or gone:
            self._writer.do(_record, changed, gone)

    def _probe(self, refusal: Refusal) -> None:
        """Let through the stream that a refusal is about; of a tool one list, a different one every day."""
        here = [part.spec for part in self._partitions if part.scope == refusal.scope]
        lists = [spec for spec in here if spec.tool == refusal.subject and spec.parent is None]
        # One list may be refused for a reason of its own.
        days = (self._now - refusal.refused_at).days
        name = lists[days % len(lists)].name if lists else refusal.subject
        self._probed.add((name, refusal.scope))

    def _refused(self, partition: Partition, refusal: SkippableError) -> tuple[list[Refusal], list[AccessKey]]:
        spec, scope = partition
        is_tool = self._is_tool_refused(partition)
        subject = spec.tool if is_tool else spec.name
        lists = [(name, scope) for name, other in self._streams.items() if other.tool == spec.tool]
        gone = [key for key in lists if key in self._known] if is_tool else []
        # One refusal of the tool replaces those of its lists, so that it costs one probe and not one for each.
        for key in gone:
            del self._known[key]
        reason, before = redactor.text(str(refusal)), self._known.get((subject, scope))
        self._known[subject, scope] = refusal_of(subject, scope, refusal_kind(refusal), reason, self._now, before)
        return [self._known[subject, scope]], gone

    def _is_tool_refused(self, partition: Partition) -> bool:
        """Return True if the refusals of a tool's lists, this one included, stand for the whole tool."""
        tool = _tool(partition)
        if tool is None:
            return False
        refused = self._refused_lists.setdefault(tool, set())
        refused.add(partition.spec.name)
        if tool in self._known:
            return True
        if len(refused) < LISTS_FOR_A_TOOL or tool in self._readable_tools:
            return False
        name, scope = tool
        lists = {(spec.name, scope) for spec in self._streams.values() if spec.tool == name and spec.parent is None}
        # A list that was complete before and was not refused since may still be readable.
        return not any(key in self._proven and key not in self._known and key[0] not in refused for key in lists)

    def _permitted(self, partition: Partition) -> tuple[list[Refusal], list[AccessKey]]:
        tool = _tool(partition)
        if tool is not None:
            self._readable_tools.add(tool)
        gone = [key for key in _keys(partition) if self._known.pop(key, None) is not None]
        if not gone:
            return [], []
        spec, scope = partition
        # Permissions are given by template: to one tool in many projects, or to many tools in one.
        near = [
            each
            for each in self._known.values()
            if each.scope == scope
            or (each.subject in (spec.name, spec.tool) and each.scope.company_id == scope.company_id)
        ]
        for refusal in near:
            self._known[refusal.subject, refusal.scope] = retry_now(refusal)
            self._probe(refusal)
        return [retry_now(refusal) for refusal in near], gone


def _record(transaction: Transaction, changed: Sequence[Refusal], gone: Sequence[AccessKey]) -> None:
    for subject, scope in gone:
        forget_refusal(transaction, subject, scope)
    for refusal in changed:
        record_refusal(transaction, refusal)


def _keys(partition: Partition) -> list[AccessKey]:
    """Return the keys that a refusal of a partition may be stored under."""
    spec, scope = partition
    is_of_tool = spec.tool and scope.project_id is not None
    return [(spec.name, scope), (spec.tool, scope)] if is_of_tool else [(spec.name, scope)]


def _tool(partition: Partition) -> AccessKey | None:
    """Return the tool that a list may stand for; a nested list stands only for its parents."""
    spec, scope = partition
    return (spec.tool, scope) if spec.tool and spec.parent is None and scope.project_id is not None else None
