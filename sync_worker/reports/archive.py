"""The archive of reports: each issue has its own folder, written atomically and kept for `retention.reports`."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from secrets import token_hex

from sync_worker.errors import ConfigurationError

_INSTANT = "%Y%m%dT%H%M%SZ"
_ISSUE = re.compile(r"(\d{8}T\d{6}Z)(?:-\d+)?")
_UNDER_WAY = re.compile(r"\.(\d{8}T\d{6}Z)-[0-9a-f]{8}")
# A younger one may belong to a process that is still writing.
_ABANDONED_AFTER = timedelta(days=1)


def keep(archive: Path, as_of: datetime, files: Mapping[str, bytes], *, now: datetime, retention: timedelta) -> Path:
    """Write the files of an issue into a new folder of `archive`, and delete issues older than `retention`.

    An issue never changes: a second one of the same data gets another folder.
    Raises `ConfigurationError` if the folder cannot be written.
    """
    try:
        archive.mkdir(parents=True, exist_ok=True)
        kept = _written(archive, as_of, files, now)
        for folder in _too_old(archive, kept, now, retention):
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise _refused(archive, error) from None
    return kept


def issues(archive: Path) -> Iterator[Path]:
    """Yield the folders of the issues that are kept."""
    if archive.is_dir():
        yield from (folder for folder in archive.iterdir() if _ISSUE.fullmatch(folder.name))


def put(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files into a folder that the user named, each one atomically; return their paths.

    Raises `ConfigurationError` if that fails.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            unfinished = folder / f".{name}-{token_hex(4)}"
            try:
                _write(unfinished, content)
                unfinished.replace(folder / name)
            finally:
                unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(folder, error) from None
    return [folder / name for name in files]


def _refused(folder: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"{folder} cannot be written: {error.strerror}; name another folder, or make room")


def _written(archive: Path, as_of: datetime, files: Mapping[str, bytes], now: datetime) -> Path:
    # `issues` does not see a name with a dot; the rename at the end is atomic.
    unfinished = archive / f".{now.astimezone(UTC):{_INSTANT}}-{token_hex(4)}"
    unfinished.mkdir()
    try:
        for name, content in files.items():
            _write(unfinished / name, content)
        return _renamed(unfinished, archive / f"{as_of.astimezone(UTC):{_INSTANT}}")
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        # Before the rename: a power failure could otherwise leave the final name with empty files.
        os.fsync(file.fileno())


def _renamed(unfinished: Path, wanted: Path) -> Path:
    for number in count(1):
        free = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        if not free.exists():
            try:
                return unfinished.rename(free)
            except OSError:
                # Another process made the same issue at the same time.
                if not free.exists():
                    raise
    raise AssertionError("numbers do not end")


def _too_old(archive: Path, kept: Path, now: datetime, retention: timedelta) -> Iterator[Path]:
    """Yield issues that are too old, except the one just written, and the unfinished folders of killed processes."""
    for folder in archive.iterdir():
        issue, under_way = _ISSUE.fullmatch(folder.name), _UNDER_WAY.fullmatch(folder.name)
        if issue and folder != kept and now - _instant(issue[1]) > retention:
            yield folder
        if under_way and now - _instant(under_way[1]) > _ABANDONED_AFTER:
            yield folder


def _instant(text: str) -> datetime:
    return datetime.strptime(text, _INSTANT).replace(tzinfo=UTC)
