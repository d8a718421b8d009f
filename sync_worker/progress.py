"""Progress of a run, reported while it runs."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receiver of reports from any thread of a run; must neither block nor raise."""

    def planned(self, partitions: int) -> None:
        """Report the number of partitions ahead."""
        ...

    def page_taken(self, records: int) -> None:
        """Report a page with that many records, handed to the writer."""
        ...

    def finished(self, stream: str) -> None:
        """Report the end of a partition of this stream, with any verdict."""
        ...

    def waiting(self, seconds: float) -> None:
        """Report the start of a wait for the allowance."""
        ...


class NullProgress:
    """Receiver that ignores all reports."""

    def planned(self, partitions: int) -> None:
        """Do nothing."""

    def page_taken(self, records: int) -> None:
        """Do nothing."""

    def finished(self, stream: str) -> None:
        """Do nothing."""

    def waiting(self, seconds: float) -> None:
        """Do nothing."""
