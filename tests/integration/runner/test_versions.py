"""Of several versions of one record the latest stands, whatever page it came on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.clock import ManualClock
from support.ledgers import sqlite_ledger
from sync_worker.catalog.spec import UPDATED_AT, ScopeKind, StreamSpec, SyncMode, columns
from sync_worker.destination.protocol import Transaction
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.load.deletes import DeleteScope
from sync_worker.load.page_writer import PageWriter
from sync_worker.load.proof import Evidence
from sync_worker.load.sweep import Sweep
from sync_worker.load.writer import Given, Result, Work, Writer
from sync_worker.model import DeleteEvidence, Page, Scope, Verdict, Window
from sync_worker.state.ledger import RunRow, ScopeKey, close_abandoned_runs, open_run

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SCOPE = Scope(4, 70)

# In the order of time, each in the forms that Procore may write it in.
INSTANTS = (
    (None,),
    ("2026-11-20T08:00:00Z", "2026-11-20T03:00:00-05:00", "2026-11-20T08:00:00.000Z"),
    ("2026-11-20T08:00:00.25Z", "2026-11-20T03:00:00.250-05:00"),
    ("2026-11-20T08:00:01Z", "2026-11-20T09:00:01+01:00"),
    ("2026-11-20T21:00:00Z",),
)


def notes(updated_at: str) -> StreamSpec:
    """Return a stream whose `updated_at` is declared with that type."""
    return StreamSpec(
        name=f"notes_by_{updated_at}",
        tool="Notes",
        path="/notes",
        scope=ScopeKind.PROJECT,
        primary_key=("id",),
        fields=columns(**{"integer": "id", "string": "text"} | {updated_at: "updated_at"})
        if updated_at != "string"
        else columns(integer="id", string="text updated_at"),
        mode=SyncMode.INCREMENTAL,
        cursor=UPDATED_AT,
    )


class Version(NamedTuple):
    """One record as it came: which, when changed (as a position in `INSTANTS`), in which form, and its content."""

    record: int
    rank: int
    form: int
    text: str

    def sent(self, base: int) -> dict[str, Any]:
        forms = INSTANTS[self.rank]
        return {"id": base + self.record, "updated_at": forms[self.form % len(forms)], "text": self.text}


versions = st.builds(Version, st.integers(1, 3), st.integers(0, 4), st.integers(0, 2), st.sampled_from("abc"))
pages = st.lists(st.lists(versions, max_size=4), max_size=4)


class Bench:
    """A database and its writer, and sweeps over made-up pages."""

    def __init__(self, destination: SqliteDestination, writer: Writer) -> None:
        self.destination = destination
        self.writer = writer
        self.numbers = count(1)

    def sweep(self, spec: StreamSpec, writer: Writer | None = None) -> Sweep:
        """Begin a sweep in a run of its own."""
        run_id = f"run-{next(self.numbers)}"
        self.writer.do(open_run, RunRow(run_id, "by_hand", "manual", NOON))
        pages = PageWriter(spec, ScopeKey(run_id, spec.name, SCOPE), {})
        sweep = Sweep(writer or self.writer, ManualClock(), pages, Window(None, NOON))
        self.writer.do(sweep.open)
        return sweep

    def read(self, spec: StreamSpec, bodies: Sequence[Sequence[dict[str, Any]]]) -> Verdict:
        """Sweep these pages once."""
        sweep = self.sweep(spec)
        for number, body in enumerate(bodies, start=1):
            sweep.take(page(number, body))
        verdict = settled(sweep, bodies)
        self.end_runs()
        return verdict

    def end_runs(self) -> None:
        """Close all that go on."""
        self.writer.do(close_abandoned_runs, NOON)

    def forget(self, spec: StreamSpec) -> None:
        """Empty the table."""
        self.writer.do(lambda transaction: transaction.execute(f'DELETE FROM "{spec.name}"'))

    def rows(self, spec: StreamSpec) -> list[tuple[Any, ...]]:
        """Return the stored id and text of each row, and whether it is live."""
        with self.destination.reader() as view:
            return view.execute(f'SELECT id, text, _deleted_at IS NULL FROM "{spec.name}" ORDER BY id')


def settled(sweep: Sweep, bodies: Sequence[Sequence[dict[str, Any]]]) -> Verdict:
    """Return the verdict of a sweep of these pages; rows that it has not seen count as deleted."""
    total = sum(map(len, bodies))
    evidence = Evidence(total=total, units=total, records=total, lists=1, pages=1)
    return sweep.settle(evidence, DeleteScope(DeleteEvidence.LISTING), requests=len(bodies), last=True).verdict


def page(number: int, records: Sequence[dict[str, Any]]) -> Page:
    raws = [msgspec.Raw(json.dumps(record).encode()) for record in records]
    return Page(number, raws, len(raws), None, is_last=True, server_time=NOON, url="")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with sqlite_ledger(tmp_path_factory.mktemp("versions")) as destination, closing(Writer(destination)) as writer:
        yield Bench(destination, writer)


def standing(versions: Sequence[Version]) -> dict[int, Version]:
    """Return the latest version of each record, and the last one of equal ones."""
    found: dict[int, Version] = {}
    for version in versions:
        if version.record not in found or version.rank >= found[version.record].rank:
            found[version.record] = version
    return found


@pytest.mark.parametrize("spec", [notes("datetime"), notes("string")], ids=lambda spec: spec.name)
@settings(max_examples=80)
@given(before=pages, then=pages)
def test_the_latest_version_stands_and_of_equal_ones_the_last_seen(
    bench: Bench, spec: StreamSpec, before: list[list[Version]], then: list[list[Version]]
) -> None:
    """A later run's best version replaces an earlier run's, older or not: Procore may have restored it."""
    bench.destination.prepare([spec])
    bench.forget(spec)
    base = next(bench.numbers) * 10

    runs = [[version for body in run for version in body] for run in (before, then)]
    found = [bench.read(spec, [[version.sent(base) for version in body] for body in run]) for run in (before, then)]

    expected = standing(runs[0]) | standing(runs[1])
    with bench.destination.reader() as view:
        rows = view.execute(f'SELECT id - {base}, text FROM "{spec.name}" WHERE id BETWEEN {base} AND {base + 9}')
    assert sorted(rows) == sorted((record, version.text) for record, version in expected.items())
    for run, verdict in zip(runs, found, strict=True):
        repeated = len({version.record for version in run}) < len(run)
        assert verdict is (Verdict.INEXACT if repeated else Verdict.COMPLETE)


class FailsBetweenTwoQuestions(Future[Any]):
    """A page that is still under way when first asked and has failed when asked again."""

    def __init__(self) -> None:
        super().__init__()
        self.set_exception(RuntimeError("the page was not stored"))
        self._answers = iter([False])

    def done(self) -> bool:
        return next(self._answers, True)


class WriterThatFailsOnce(Writer):
    """Loses the first page it is given."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._first: list[Future[Any]] = [FailsBetweenTwoQuestions()]

    def submit(self, work: Work[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Future[Result]:
        return self._first.pop() if self._first else self._writer.submit(work, *args, **kwargs)

    def do(self, work: Work[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        return self._writer.do(work, *args, **kwargs)


def test_a_page_that_fails_while_the_next_one_comes_is_never_forgotten(bench: Bench) -> None:
    spec = notes("datetime")
    bench.destination.prepare([spec])
    sweep = bench.sweep(spec, WriterThatFailsOnce(bench.writer))
    sweep.take(page(1, [{"id": 1}]))

    with pytest.raises(RuntimeError, match="not stored"):  # noqa: PT012 - which of the two tells is a matter of time
        sweep.take(page(2, [{"id": 2}]))
        sweep.settle(Evidence(total=None, units=2, records=2, lists=1), requests=2, last=True)


def record(id_: int, text: str, rank: int) -> dict[str, Any]:
    return {"id": id_, "updated_at": INSTANTS[rank][0], "text": text}


class WriterThatDoesAllTwice(Writer):
    """Every piece of work was to be committed with another one that failed."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def submit(self, work: Work[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Future[Result]:
        def twice(transaction: Transaction) -> Result:
            transaction.execute("SAVEPOINT first")
            work(transaction, *args, **kwargs)
            transaction.execute("ROLLBACK TO first")
            return work(transaction, *args, **kwargs)

        return self._writer.submit(twice)


def test_a_sweep_proves_the_same_though_everything_is_done_twice(bench: Bench) -> None:
    spec = notes("datetime")
    bench.destination.prepare([spec])
    bench.forget(spec)
    bench.read(spec, [[record(1, "old", 1), record(2, "old", 1)]])
    sweep = bench.sweep(spec, WriterThatDoesAllTwice(bench.writer))
    endless = Page(1, [msgspec.Raw(b'{"id":1,"new":1e400}')], 1, None, is_last=True, server_time=NOON, url="")

    for last in (False, False, True):
        sweep.take(endless)
        proof = sweep.settle(
            Evidence(total=None, lists=1, pages=1), DeleteScope(DeleteEvidence.LISTING), requests=1, last=last
        )
        assert proof.verdict is (Verdict.FAILED if last else Verdict.INEXACT)

    assert bench.rows(spec) == [(1, "old", 1), (2, "old", 1)]
