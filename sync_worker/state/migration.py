"""Brings the worker's own tables up to date; a migration and its record are one transaction."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sync_worker.errors import ConfigurationError
from sync_worker.state.executor import Executor, View
from sync_worker.state.literal_texts import move_literals
from sync_worker.state.queries import migrations

_WITH_CODE: Mapping[str, Callable[[Executor], None]] = {"0015_literal_texts": move_literals}
_COMMENT = re.compile(r"--[^\n]*")


def refuse_newer(view: View, dialect: str) -> None:
    """Raise `ConfigurationError` when a newer version wrote the database: it must not be written to by this one."""
    if view.has_table("_migrations") and (ahead := unknown(view, dialect)):
        raise ConfigurationError(
            f"a newer version of the worker wrote the database ({ahead[-1]}), and this one writes nothing to it; "
            "use that version, or a newer one"
        )


def migrate(transaction: Executor, dialect: str) -> None:
    """Apply the migrations that this database has not seen, in order."""
    transaction.execute("CREATE TABLE IF NOT EXISTS _migrations (name TEXT PRIMARY KEY)")
    missing = pending(transaction, dialect)
    for name, script in migrations(dialect):
        if name not in missing:
            continue
        for statement in _COMMENT.sub("", script).split(";"):
            if statement.strip():
                transaction.execute(statement)
        if name in _WITH_CODE:
            _WITH_CODE[name](transaction)
        transaction.execute("INSERT INTO _migrations (name) VALUES (:name)", {"name": name})


def pending(view: Executor, dialect: str) -> list[str]:
    """The migrations that a database has not seen."""
    applied = applied_migrations(view)
    return [name for name, _ in migrations(dialect) if name not in applied]


def unknown(view: Executor, dialect: str) -> list[str]:
    """The migrations that a database has seen and this version has not: a newer one wrote it."""
    return sorted(applied_migrations(view) - {name for name, _ in migrations(dialect)})


def applied_migrations(view: Executor) -> set[str]:
    """The migrations that a database has seen."""
    return {str(name) for (name,) in view.execute("SELECT name FROM _migrations")}
