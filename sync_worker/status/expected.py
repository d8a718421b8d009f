"""The lists that should be there, and what became of them: never read, read in part, refused, or complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sync_worker.model import Verdict
from sync_worker.planning.partitions import Partition
from sync_worker.state.history import LatestScope


class Expected(NamedTuple):
    """The number of lists that the jobs in force keep up to date, by what became of them when they were last read."""

    lists: int
    complete: int
    never_read: int
    inexact: int
    failed: int
    not_permitted: int
    never_read_of: Counter[str]
    """The lists that were never read, by stream."""

    def as_json(self) -> dict[str, int]:
        """Return the numbers in sum."""
        numbers = self._asdict()
        del numbers["never_read_of"]
        return numbers


def count_expected(expected: Sequence[Partition], scopes: Sequence[LatestScope]) -> Expected:
    """Compare the lists that are expected with the last verdict of each."""
    last = {(line.stream, line.company_id, line.project_id): line.verdict for line in scopes}
    verdicts = Counter(last.get((spec.name, *scope)) for spec, scope in expected)
    missing = Counter(spec.name for spec, scope in expected if (spec.name, *scope) not in last)
    return Expected(
        lists=len(expected),
        complete=verdicts[Verdict.COMPLETE],
        never_read=missing.total(),
        inexact=verdicts[Verdict.INEXACT],
        failed=verdicts[Verdict.FAILED],
        not_permitted=verdicts[Verdict.NOT_PERMITTED],
        never_read_of=missing,
    )
