"""The way of a record as call stacks of one small sync: a page is requested, handed over, and its rows are written."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import Any

import requests

from benchmarks.synced_company import Shape, synced_company
from sync_worker.destination.sqlite_transaction import SqliteTransaction
from sync_worker.load.writer import Writer
from sync_worker.logs import configure_logging
from sync_worker.runner.sync import sync_partition

ROOT = Path(__file__).parents[1]
PACKAGE = str(ROOT / "sync_worker")
JOB, STREAM = "sync_field", "rfis"
START = sync_partition.__code__


class Stacks:
    """The stack of each moment, taken when it comes for the first time for a page of `STREAM`."""

    def __init__(self) -> None:
        self.requested: list[str] = []
        self.handed_over: list[str] = []
        self.written: list[str] = []

    def watch(self, frame: FrameType, event: str, _: Any) -> None:
        """Look at each call that the interpreter reports; see `sys.setprofile`."""
        if event != "call":
            return
        code, known = frame.f_code, frame.f_locals
        if not self.requested:
            if code is requests.Session.request.__code__ and f"/{STREAM}" in known["url"]:
                self.requested = _stack(frame)
        elif not self.handed_over:
            if code is Writer.submit.__code__ and _is_reading(frame):
                self.handed_over = _stack(frame)
        elif not self.written and code is SqliteTransaction.merge.__code__ and known["spec"].name == STREAM:
            self.written = _stack(frame)


def main() -> None:
    """Sync one project from the bundled simulator and print the three stacks, the innermost call last."""
    configure_logging(verbosity=-1, stream=StringIO())
    stacks = Stacks()
    # The writer and the readers are threads of their own; the first is started by `synced_company`.
    threading.setprofile(stacks.watch)
    sys.setprofile(stacks.watch)
    try:
        with tempfile.TemporaryDirectory() as folder, synced_company(Path(folder), Shape(projects=1)) as company:
            company.run(JOB)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    _print("a page is requested", stacks.requested)
    _print("the page is handed to the writer's thread", stacks.handed_over)
    _print("the writer's thread stores the rows", stacks.written)


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the frames of this package, the innermost first, down to `sync_partition` or the thread's first."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(PACKAGE):
            yield frame
        if frame.f_code is START:
            return
        frame = frame.f_back


def _is_reading(frame: FrameType) -> bool:
    """Return True if the call belongs to the partition of `STREAM`; other threads read other partitions."""
    return any(it.f_code is START and it.f_locals["partition"].spec.name == STREAM for it in _frames(frame))


def _stack(frame: FrameType) -> list[str]:
    """Return file and name of each frame, without line numbers: a document that quotes them would go stale."""
    codes = [it.f_code for it in reversed(list(_frames(frame)))]
    return [f"{Path(code.co_filename).relative_to(ROOT)} {code.co_qualname}" for code in codes]


def _print(moment: str, stack: list[str]) -> None:
    print(f"{moment}: {len(stack)} frames", *stack, sep="\n  ", end="\n\n")


if __name__ == "__main__":
    main()
