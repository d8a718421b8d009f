"""Checks of this machine: where the data is, if it can be written, and which process holds it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sync_worker.destination.file_system import file_system, free_bytes, unwritable
from sync_worker.destination.sqlite import BLOCKED, SqliteDestination
from sync_worker.doctor.finding import Finding, Level, fail, from_error, ok, warn
from sync_worker.errors import ConfigurationError, DestinationError
from sync_worker.state.migration import earlier_version, pending, unknown

LEAST_FREE_BYTES = 64 * 1024**2
LITTLE_FREE_BYTES = 1024**3
# SQLite reads the whole file to search it for damage; larger ones would take more than seconds.
MOST_CHECKED_BYTES = 256 * 1024**2


def check_host(path: Path, data_dir: Path, mounts: str | None = None) -> Iterator[Finding]:
    """Check the database at `path` and `data_dir`; removes what it writes."""
    yield _file_system(path, mounts)
    yield (place := _writable(path, "destination"))
    if data_dir.resolve() != path.parent.resolve():
        yield _writable(data_dir / "any", "data_dir")
    if place.level is Level.OK:
        yield _room(path)
    yield from _database(path)


def _file_system(path: Path, mounts: str | None) -> Finding:
    found = file_system(path, mounts)
    if found is None:
        return warn("file system", "the file system of the database cannot be determined", "keep it on a local disk")
    where = f"{found.type}, mounted at {found.mounted_at}"
    if found.is_network:
        return fail(
            "file system",
            f"the database is on a network file system ({where}), where SQLite loses data",
            "name a path on a local disk in destination.path",
            ConfigurationError,
        )
    if found.ends_with is not None:
        hint = "put destination.path on a volume or a disk"
        return warn("file system", f"data stored here ({where}) is lost with {found.ends_with}", hint)
    return ok("file system", where)


def _writable(path: Path, check: str) -> Finding:
    problem = unwritable(path.parent)
    if problem is None and path.exists() and not path.is_file():
        return fail(check, f"{path} is not a file", "name another path", ConfigurationError)
    if problem is None:
        return ok(check, f"{path.parent} can be written" + ("" if path.parent.exists() else ", and will be created"))
    if problem.is_full:
        return fail(check, f"disk full: {path.parent} cannot grow", "make room; the next run goes on by itself")
    hint = "give this user the right to write there or name another path"
    return fail(check, f"{path.parent} cannot be written: {problem.reason}", hint, ConfigurationError)


def _room(path: Path) -> Finding:
    free = free_bytes(path)
    said = f"{free / 1024**3:.1f} GB free" if free >= LITTLE_FREE_BYTES else f"{free // 1024**2} MB free"
    if free < LEAST_FREE_BYTES:
        return fail("disk", f"disk full: {said}", "make room; the next run goes on by itself")
    return warn("disk", f"only {said}", "make room") if free < LITTLE_FREE_BYTES else ok("disk", said)


def _database(path: Path) -> Iterator[Finding]:
    destination = SqliteDestination(path)
    if not path.is_file():
        yield ok("database", f"{path} does not exist yet; the first run creates it")
        return
    try:
        with destination.reader() as view:
            mode = str(view.execute("PRAGMA journal_mode")[0][0])
            is_filled = view.has_table("_migrations")
            earlier = earlier_version(view)
            behind, ahead = (pending(view, "sqlite"), unknown(view, "sqlite")) if is_filled else ([], [])
        # After the reader is closed: closing any descriptor of a file drops the POSIX locks that SQLite has on it.
        holder = destination.holder()
    except DestinationError as error:
        yield from_error("database", error)
        return
    held = f"held by {holder}, which keeps running" if holder else "not in use"
    if earlier is not None:
        message, _, hint = earlier.partition("; ")
        yield fail("database", f"{path}: {message}", hint, ConfigurationError)
    elif ahead:
        hint = "use that version, or a newer one"
        yield fail("database", f"{path} was written by a newer version ({ahead[-1]})", hint, ConfigurationError)
    elif behind:
        yield warn("database", f"{path}, {held}, has an older schema", "the next run migrates it")
    elif is_filled and mode != "wal":
        yield warn("database", f"{path}, {held}, is not in WAL mode ({mode})", "the next run switches it")
    elif (damaged := _damage(destination, path)) is not None:
        yield damaged
    elif destination.is_blocked():
        yield warn("database", f"{path}, {held}: {BLOCKED}", "runs wait for it, ten minutes at most")
    else:
        skipped = "" if path.stat().st_size <= MOST_CHECKED_BYTES else ", too large for a search for damage"
        yield ok("database", f"{path}, {held}, {'WAL' if is_filled else 'empty'}{skipped}")


def _damage(destination: SqliteDestination, path: Path) -> Finding | None:
    """Return the damage in a database that is small enough to be searched quickly."""
    if path.stat().st_size > MOST_CHECKED_BYTES:
        return None
    try:
        found = destination.damage()
    except DestinationError as error:
        return from_error("database", error)
    if found is None:
        return None
    return fail("database", f"{path} is damaged: {found}", "stop the worker and restore a backup: docs/operations.md")
