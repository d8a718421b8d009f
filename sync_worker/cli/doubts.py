"""Finds settings that work but should be changed."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from sync_worker.settings import LoadedSettings

_SHORT = 6


def doubts(loaded: LoadedSettings, config_path: Path) -> Iterator[tuple[str, str]]:
    """Return each doubtful setting with what to do about it."""
    for path in sorted({*loaded.read, config_path.parent / ".env"}):
        if _is_open_to_all(path):
            yield f"{path} may be read by every user of this machine", f"chmod o-rwx {path}"
    procore, server = loaded.settings.procore, loaded.settings.server
    for key, secret in (
        ("procore.client_secret", procore.client_secret),
        ("server.token", server.token),
    ):
        if secret is not None and len(secret.get_secret_value()) < _SHORT:
            yield f"{key} has fewer than {_SHORT} characters", "check that it is whole; logs cannot hide one so short"


def _is_open_to_all(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & stat.S_IROTH)
