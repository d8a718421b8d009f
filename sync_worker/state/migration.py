"""Brings the worker's own tables up to date; a migration and its record are one transaction."""

from __future__ import annotations

from sync_worker.errors import ConfigurationError
from sync_worker.state.executor import View
from sync_worker.state.queries import migrations

_FIRST = "0001_schema"


def refuse_other_version(view: View, dialect: str) -> None:
    """Raise `ConfigurationError` when this version must not write to the database, because another one wrote it."""
    if (problem := other_version(view, dialect)) is not None:
        raise ConfigurationError(problem)


def other_version(view: View, dialect: str) -> str | None:
    """Return why this version does not write to the database, None if it may."""
    if (problem := earlier_version(view)) is not None:
        return problem
    if ahead := unknown(view, dialect):
        return (
            f"a newer version of the worker wrote the database ({ahead[-1]}), and this one writes nothing to it; "
            "use that version, or a newer one"
        )
    return None


def earlier_version(view: View) -> str | None:
    """Return why this version cannot read the database: a development version before the first schema wrote it."""
    applied = applied_migrations(view)
    if not applied or _FIRST in applied:
        return None
    return (
        "an earlier development version of the worker wrote the database, and its tables are not those of this one; "
        "move the file away or name another one in destination.path, and the next run reads everything again"
    )


def migrate(transaction: View, dialect: str) -> None:
    """Apply the migrations that this database has not seen, in order."""
    transaction.execute("CREATE TABLE IF NOT EXISTS _migrations (name TEXT PRIMARY KEY)")
    for name in pending(transaction, dialect):
        for statement in migrations(dialect)[name]:
            transaction.execute(statement)
        transaction.execute("INSERT INTO _migrations (name) VALUES (:name)", {"name": name})


def pending(view: View, dialect: str) -> list[str]:
    """Return the migrations that a database has not seen, in order."""
    applied = applied_migrations(view)
    return [name for name in migrations(dialect) if name not in applied]


def unknown(view: View, dialect: str) -> list[str]:
    """Return the migrations that a database has seen and this version has not: a newer one wrote it."""
    return sorted(applied_migrations(view) - migrations(dialect).keys())


def applied_migrations(view: View) -> set[str]:
    """Return the migrations that a database has seen."""
    if not view.has_table("_migrations"):
        return set()
    return {str(name) for (name,) in view.execute("SELECT name FROM _migrations")}
