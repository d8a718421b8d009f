"""Whom a run tells how far it is, while it runs."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears of a run as it goes, from any of its threads; must neither block nor fail."""

    def planned(self, partitions: int) -> None:
        """So many partitions are to be read."""
        ...

    def page_taken(self, records: int) -> None:
        """A page with so many records is in the loader's hands."""
        ...

    def finished(self, stream: str) -> None:
        """A partition of this stream has ended, whatever its verdict."""
        ...

    def waiting(self, seconds: float) -> None:
        """Calls wait so long from now for the allowance."""
        ...


class NullProgress:
    """Tells nobody."""

    def planned(self, partitions: int) -> None:
        """Nothing follows."""

    def page_taken(self, records: int) -> None:
        """Nothing follows."""

    def finished(self, stream: str) -> None:
        """Nothing follows."""

    def waiting(self, seconds: float) -> None:
        """Nothing follows."""
