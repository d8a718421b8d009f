"""A progress bar on a terminal: what is read, how much is left, and about how long that takes.

Other outputs get the log as JSON lines, and rich.progress is not imported for them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import TYPE_CHECKING

from sync_worker.cli.context import CliContext
from sync_worker.clock import Clock
from sync_worker.logs import configure_logging
from sync_worker.progress import NullProgress, Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress


class ProgressBar:
    """Draws the progress of a run; rich makes it safe for threads."""

    def __init__(self, bar: RichProgress, clock: Clock) -> None:
        self._bar = bar
        self._clock = clock
        self._task = bar.add_task("looking for projects", total=None, records=0, waits_until=0.0)
        self._records = 0

    def planned(self, partitions: int) -> None:
        self._bar.update(self._task, total=partitions, completed=0, description="reading")

    def page_taken(self, records: int) -> None:
        self._records += records
        self._bar.update(self._task, records=self._records)

    def finished(self, stream: str) -> None:
        self._bar.update(self._task, advance=1, description=stream)

    def waiting(self, seconds: float) -> None:
        self._bar.update(self._task, waits_until=self._clock.monotonic() + seconds)


@contextmanager
def shown_progress(cli: CliContext) -> Iterator[Progress]:
    """Yield a progress bar if stderr is a terminal, and nothing to see otherwise or with `-q`."""
    if not sys.stderr.isatty() or cli.verbosity < 0:
        yield NullProgress()
        return
    try:
        with _drawn(cli) as bar:
            # rich has replaced stderr, so that warnings are printed above the bar and not over it.
            configure_logging(verbosity=cli.verbosity, color=cli.color)
            yield ProgressBar(bar, cli.clock)
    finally:
        configure_logging(verbosity=cli.verbosity, color=cli.color)


def stage(description: str, seconds: float) -> str:
    """Return `description`, or the wait if the allowance is spent for `seconds` more."""
    return description if seconds <= 0 else f"waiting {ceil(seconds)} s for the allowance"


def _drawn(cli: CliContext) -> RichProgress:
    # This import takes a tenth of a second.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress
    from rich.text import Text

    class StageColumn(ProgressColumn):
        """A column that is drawn several times a second, so that the seconds count down."""

        def render(self, task: Task) -> Text:
            return Text(f"{stage(task.description, task.fields['waits_until'] - cli.clock.monotonic()):<32}")

    return RichProgress(
        StageColumn(),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[records]:,} records", markup=False),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr, no_color=cli.color is False),
        redirect_stdout=False,
        transient=True,
    )
