"""What differs between the databases in how values are stored; every statement on the worker's own tables is shared."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

from sync_worker.catalog.spec import FieldType
from sync_worker.clock import utc_text


class Dialect(StrEnum):
    """A kind of database."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


COLUMN_TYPES: Mapping[Dialect, Mapping[FieldType, str]] = {
    Dialect.SQLITE: {
        FieldType.INTEGER: "INTEGER",
        FieldType.STRING: "TEXT",
        FieldType.BOOLEAN: "INTEGER",
        FieldType.DATE: "TEXT",
        FieldType.DATETIME: "TEXT",
        # As sent, digit for digit: REAL would round it.
        FieldType.DECIMAL: "TEXT",
        FieldType.OBJECT: "TEXT",
        FieldType.ARRAY: "TEXT",
    },
    Dialect.POSTGRES: {
        # Procore's ids are larger than 32 bits.
        FieldType.INTEGER: "BIGINT",
        FieldType.STRING: "TEXT",
        FieldType.BOOLEAN: "BOOLEAN",
        FieldType.DATE: "DATE",
        FieldType.DATETIME: "TIMESTAMPTZ",
        FieldType.DECIMAL: "NUMERIC",
        FieldType.OBJECT: "JSONB",
        FieldType.ARRAY: "JSONB",
    },
}


def adapt_sqlite() -> None:
    """Have `sqlite3` bind instants and days as the contract writes them; booleans are 0 and 1 already.

    Its own adapters are deprecated since Python 3.12 and write a blank for the `T` and an offset for the `Z`.
    """
    sqlite3.register_adapter(datetime, utc_text)
    sqlite3.register_adapter(date, date.isoformat)
