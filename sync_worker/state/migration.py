"""Brings the worker's own tables up to date; a migration and its record are one transaction."""

from __future__ import annotations

import re

from sync_worker.state.executor import Executor
from sync_worker.state.queries import migrations

_COMMENT = re.compile(r"--[^\n]*")


def migrate(transaction: Executor, dialect: str) -> None:
    """Apply the migrations that this database has not seen, in order."""
    transaction.execute("CREATE TABLE IF NOT EXISTS _migrations (name TEXT PRIMARY KEY)")
    applied = {name for (name,) in transaction.execute("SELECT name FROM _migrations")}
    for name, script in migrations(dialect):
        if name in applied:
            continue
        for statement in _COMMENT.sub("", script).split(";"):
            if statement.strip():
                transaction.execute(statement)
        transaction.execute("INSERT INTO _migrations (name) VALUES (:name)", {"name": name})
