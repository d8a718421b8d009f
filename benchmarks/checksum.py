"""A checksum on which server and database must agree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

STREAM = "rfis"


def fingerprint(rows: Iterable[tuple[int, str]]) -> dict[str, Any]:
    """Return the number of rows and a checksum of ids and versions that does not depend on their order."""
    count, total = 0, 0
    for record_id, updated_at in rows:
        digest = hashlib.blake2b(f"{record_id} {updated_at}".encode(), digest_size=8).digest()
        count, total = count + 1, total + int.from_bytes(digest)
    return {"rows": count, "checksum": f"{total:x}"}
