"""Words in which the schemas of the databases differ; all other statements are shared."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Dialect(StrEnum):
    """A kind of database."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


WORDS: Mapping[str, Mapping[str, str]] = {
    Dialect.SQLITE: {
        "integer": "INTEGER",
        "boolean": "INTEGER",
        # ISO 8601; instants are in UTC and end in `Z`.
        "instant": "TEXT",
        "day": "TEXT",
        # No type, so that a number stays a number.
        "key": "",
        "serial": "INTEGER PRIMARY KEY",
        # Takes no room and does not show in `PRAGMA table_info`.
        "generated": "VIRTUAL",
    },
    Dialect.POSTGRES: {
        # Procore's ids are larger than 32 bits.
        "integer": "BIGINT",
        "boolean": "BOOLEAN",
        "instant": "TIMESTAMPTZ",
        "day": "DATE",
        "key": "TEXT",
        "serial": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        # PostgreSQL indexes no virtual column.
        "generated": "STORED",
    },
}
"""The words that replace `$word` in a migration, by dialect."""
